"""Receipts, hand-overs and questions that cross each other: nobody is told twice, nothing untold is shown as told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest

from gateway.errors import Permanent, Temporary, Unknown
from gateway.model import ChannelKind, Contact, ContactType, DeliveryState, NoticeState, OutboundMessage, Sent
from gateway.ports import Found, Handed, Lane
from tests.conftest import Core
from tests.factories import email_contact
from tests.unit.texting import (
    DELIVERED,
    LANE,
    LI,
    READ,
    SERVED,
    UNDELIVERED,
    Provider,
    deliveries,
    looker,
    notice_states,
    said,
    sender,
    settler,
    stop,
    texted,
)

THIRD = Contact(type=ContactType.MOBILE, value="+85250000003")


@pytest.fixture
def core(make_core: Callable[..., Core]) -> Core:
    return make_core(served=SERVED)


async def test_what_a_killed_node_may_have_handed_over_is_asked_for_first(core: Core) -> None:
    """Claimed, handed over, killed before it was recorded: the row says queued, the provider has it."""
    await core.intake.accept([texted()])
    async with core.storage.writing(Lane.RESULTS) as tx:
        now = core.clock()
        [_] = await tx.queue.claim(LANE, now=now, until=now + timedelta(minutes=5), limit=1)
    provider = Provider()
    provider.knows = lambda handed: Found(key=handed.message.key, status=DELIVERED, provider_id="SM1")
    core.clock.later(minutes=6)
    await sender(core, provider).run_once()
    assert (len(provider.asked), provider.got) == (1, [])
    assert provider.asked[0].tried_at == provider.asked[0].message.created_at
    assert await notice_states(core) == {}


async def test_a_first_attempt_is_made_without_asking(core: Core) -> None:
    await core.intake.accept([texted()])
    provider = Provider()
    await sender(core, provider).run_once()
    assert (provider.asked, len(provider.got)) == ([], 1)


async def test_an_unknown_hand_over_does_not_hide_that_it_did_not_arrive(core: Core) -> None:
    await core.intake.accept([texted()])

    class Overtaken(Provider):
        async def send(self, sent: OutboundMessage) -> Sent:
            await core.intake.accept([said(UNDELIVERED, key=sent.key, reason="30005")])
            await settler(core).run_once()
            raise Unknown("timeout")

    provider = Overtaken()
    for _ in range(3):
        await sender(core, provider).run_once()
        core.clock.later(minutes=30)
    assert await notice_states(core) == {NoticeState.DEAD: 1}


async def test_finder_and_webhook_that_say_the_same_give_one_contact_up_once(core: Core) -> None:
    await core.intake.accept([texted(email_contact(), THIRD)])

    class Both(Provider):
        async def find(self, messages: Sequence[Handed]) -> Sequence[Found]:
            key = messages[0].message.key
            await core.intake.accept([said(UNDELIVERED, key=key, reason="30005")])
            await settler(core).run_once()
            return [Found(key=key, status=UNDELIVERED, reason="30005")]

    provider = Both(Unknown("timeout"))
    await sender(core, provider).run_once()
    core.clock.later(minutes=1)
    await sender(core, provider).run_once()
    assert [one.to.value for one in await deliveries(core)] == [LI.value, "li@example.com"]


async def test_two_ways_that_fail_together_lead_to_the_third_once(core: Core) -> None:
    await core.intake.accept([texted(email_contact(), THIRD)])
    async with core.storage.reading() as tx:
        [complaint] = await tx.complaints.waiting(10)
        contacts = (await tx.contacts.of([complaint.id]))[complaint.id]
        [notice] = [one for one in await tx.notices.of(complaint.id) if one.recipient == "customer"]
    draft = core.recorder.draft(core.clock())
    draft.address(notice, next(one for one in contacts if one.contact.type is ContactType.EMAIL))
    async with core.storage.writing(Lane.RESULTS) as tx:
        await draft.write(tx)
    by_text, by_mail = Provider(), Provider()
    await sender(core, by_text).run_once()
    await sender(core, by_mail, ContactType.EMAIL).run_once()
    failed = [by_text.got[0].key, by_mail.got[0].key]
    await core.intake.accept([said(UNDELIVERED, key=key, reason="30005") for key in failed])
    await settler(core).run_once()
    assert [one.to.value for one in await deliveries(core)].count(THIRD.value) == 1


async def test_what_was_read_after_all_is_told(core: Core) -> None:
    await core.intake.accept([texted()])
    provider = Provider()
    await sender(core, provider).run_once()
    for status in (UNDELIVERED, READ):
        await core.intake.accept([said(status, key=provider.got[0].key)])
        await settler(core).run_once()
    assert await notice_states(core) == {}


async def test_a_handset_the_finder_says_was_off_gets_another_try(core: Core) -> None:
    await core.intake.accept([texted()])
    provider = Provider(Unknown("timeout"))
    await sender(core, provider).run_once()
    provider.knows = lambda handed: Found(key=handed.message.key, status=UNDELIVERED, reason="30003", again=True)
    core.clock.later(minutes=1)
    await sender(core, provider).run_once()
    core.clock.later(minutes=40)
    await sender(core, provider).run_once()
    assert len(provider.got) == 2


async def test_who_says_stop_between_two_tries_gets_no_second_one(core: Core) -> None:
    await core.intake.accept([texted()])
    provider = Provider()
    await sender(core, provider).run_once()
    await core.intake.accept([said(UNDELIVERED, key=provider.got[0].key, reason="30003", again=True)])
    await settler(core).run_once()
    await core.intake.accept([stop()])
    core.clock.later(minutes=40)
    await sender(core, provider).run_once()
    assert len(provider.got) == 1
    assert await notice_states(core) == {NoticeState.DEAD: 1}


async def test_a_start_that_comes_while_a_refusal_is_on_its_way_counts(core: Core) -> None:
    await core.intake.accept([texted()])

    class Refuses(Provider):
        async def send(self, sent: OutboundMessage) -> Sent:
            await core.intake.accept([stop(wanted=True, received_at=core.clock())])
            core.clock.later(seconds=1)
            raise Permanent("opted_out")

    await sender(core, Refuses()).run_once()
    core.clock.later(minutes=5)
    await core.intake.accept([texted(text="另一件事", channel=ChannelKind.APP)])
    provider = Provider()
    await sender(core, provider).run_once()
    assert len(provider.got) == 1


async def test_a_refusal_of_an_overdue_notice_is_newer_than_an_earlier_start(core: Core) -> None:
    """The notice was due before the START, and sent long after it, when they had stopped the provider again."""
    await core.intake.accept([texted()])
    core.clock.later(hours=1)
    await core.intake.accept([stop(wanted=True, received_at=core.clock())])
    core.clock.later(hours=1)
    await sender(core, Provider(Permanent("opted_out"))).run_once()
    await core.intake.accept([texted(text="另一件事", channel=ChannelKind.APP)])
    provider = Provider()
    await sender(core, provider).run_once()
    assert provider.got == []


async def test_a_stop_from_the_future_counts_from_now(core: Core) -> None:
    """A provider's clock may run ahead; their START an hour later must not be older than it."""
    await core.intake.accept([stop(received_at=core.clock() + timedelta(days=400))])
    core.clock.later(hours=1)
    await core.intake.accept([stop(wanted=True, received_at=core.clock())])
    await core.intake.accept([texted()])
    provider = Provider()
    await sender(core, provider).run_once()
    assert len(provider.got) == 1


async def test_questions_nobody_heard_are_not_spent(core: Core) -> None:
    await core.intake.accept([texted()])
    provider = Provider()
    await sender(core, provider).run_once()
    core.clock.later(minutes=61)

    def away(handed: Handed) -> Found | None:
        raise Temporary("503")

    provider.knows = away
    for _ in range(6):
        with pytest.raises(Temporary):
            await looker(core, provider).run_once()
        core.clock.later(minutes=3)
    provider.knows = lambda handed: None
    asked = len(provider.asked)
    for _ in range(100):
        await looker(core, provider).run_once()
        core.clock.later(hours=1)
    assert len(provider.asked) - asked == 4
    assert [one.state for one in await deliveries(core)] == [DeliveryState.SENT]
