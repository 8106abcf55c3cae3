"""Receipts: what a provider says afterwards moves a delivery forwards, whenever and however often it is said (A095)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import permutations

import pytest

from gateway.errors import Permanent, Temporary, Unknown
from gateway.model import (
    ChannelKind,
    ContactType,
    DeliveryState,
    DeliveryStatus,
    NoticeState,
    OutboundMessage,
    Outcome,
    Sent,
)
from gateway.ports import Found, Handed
from tests.conftest import Core
from tests.factories import START, email_contact
from tests.unit.texting import (
    ACCEPTED,
    DELIVERED,
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


@pytest.fixture
def core(make_core: Callable[..., Core]) -> Core:
    return make_core(served=SERVED)


async def test_a_delivered_text_is_shown_as_delivered(core: Core) -> None:
    await core.intake.accept([texted()])
    provider = Provider()
    await sender(core, provider).run_once()
    [receipt] = await core.intake.accept([said(DELIVERED, key=provider.got[0].key)])
    assert receipt.outcome is Outcome.RECORDED
    assert await settler(core).run_once() == 1
    assert [one.state for one in await deliveries(core)] == [DeliveryState.DELIVERED]
    assert await settler(core).run_once() == 0


async def test_the_same_receipt_twice_is_known_as_a_copy(core: Core) -> None:
    await core.intake.accept([texted()])
    provider = Provider()
    await sender(core, provider).run_once()
    receipt = said(DELIVERED, key=provider.got[0].key)
    first, again = await core.intake.accept([receipt, receipt])
    [late] = await core.intake.accept([receipt])
    assert [first.outcome, again.outcome, late.outcome] == [Outcome.RECORDED, Outcome.DUPLICATE, Outcome.DUPLICATE]
    assert await settler(core).run_once() == 1


@pytest.mark.parametrize("order", list(permutations([ACCEPTED, DELIVERED, READ])))
async def test_receipts_in_any_order_end_at_the_furthest(core: Core, order: Sequence[DeliveryStatus]) -> None:
    await core.intake.accept([texted()])
    provider = Provider()
    await sender(core, provider).run_once()
    for status in order:
        await core.intake.accept([said(status, key=provider.got[0].key)])
        await settler(core).run_once()
    assert [one.state for one in await deliveries(core)] == [DeliveryState.READ]


async def test_a_receipt_by_the_providers_id_alone_finds_its_delivery(core: Core) -> None:
    await core.intake.accept([texted()])
    provider = Provider()
    await sender(core, provider).run_once()
    await core.intake.accept([said(DELIVERED, provider_id=f"SM-{provider.got[0].key}")])
    await settler(core).run_once()
    assert [one.state for one in await deliveries(core)] == [DeliveryState.DELIVERED]


async def test_a_receipt_that_comes_before_the_providers_id_waits_for_it(core: Core) -> None:
    await core.intake.accept([texted()])
    [key] = [one.key for one in await deliveries(core)]
    await core.intake.accept([said(DELIVERED, provider_id=f"SM-{key}")])
    await settler(core).run_once()
    await sender(core, Provider()).run_once()
    assert [one.state for one in await deliveries(core)] == [DeliveryState.SENT]
    core.clock.later(minutes=1)
    await settler(core).run_once()
    assert [one.state for one in await deliveries(core)] == [DeliveryState.DELIVERED]


async def test_a_receipt_that_fits_nothing_is_kept_and_given_up_after_a_day(core: Core) -> None:
    await core.intake.accept([said(DELIVERED, provider_id="SM-of-somebody-else")])
    for _ in range(60):
        await settler(core).run_once()
        core.clock.later(hours=1)
    async with core.storage.reading() as tx:
        assert "receipts" not in await tx.queue.oldest()


async def test_what_a_receipt_has_settled_is_not_handed_over_again(core: Core) -> None:
    """The hand-over's answer was lost, and the provider's word came before the next attempt."""
    await core.intake.accept([texted()])
    provider = Provider(Unknown("timeout"))
    await sender(core, provider).run_once()
    await core.intake.accept([said(ACCEPTED, key=provider.got[0].key)])
    await settler(core).run_once()
    assert await notice_states(core) == {}
    core.clock.later(minutes=1)
    assert await sender(core, provider).run_once() == 1  # claimed, found settled, done
    assert await sender(core, provider).run_once() == 0
    assert len(provider.got) == 1


async def test_what_did_not_arrive_goes_to_the_next_contact(core: Core) -> None:
    """A095, S0-9(1)."""
    await core.intake.accept([texted(email_contact())])
    provider = Provider()
    await sender(core, provider).run_once()
    assert await notice_states(core) == {}
    await core.intake.accept([said(UNDELIVERED, key=provider.got[0].key, reason="30005")])
    await settler(core).run_once()
    assert await notice_states(core) == {NoticeState.SENDING: 1}
    assert [one.to.type for one in await deliveries(core)] == [ContactType.MOBILE, ContactType.EMAIL]


async def test_what_reached_nobody_waits_for_a_person(core: Core) -> None:
    await core.intake.accept([texted()])
    provider = Provider()
    await sender(core, provider).run_once()
    await core.intake.accept([said(UNDELIVERED, key=provider.got[0].key, reason="30005")])
    await settler(core).run_once()
    assert await notice_states(core) == {NoticeState.DEAD: 1}


async def test_a_handset_that_was_off_gets_the_text_once_more_and_not_a_third_time(core: Core) -> None:
    await core.intake.accept([texted()])
    provider = Provider()
    await sender(core, provider).run_once()
    await core.intake.accept([said(UNDELIVERED, key=provider.got[0].key, reason="30003", again=True)])
    await settler(core).run_once()
    assert await sender(core, provider).run_once() == 0  # not at once
    core.clock.later(minutes=31)
    await sender(core, provider).run_once()
    first, second = provider.got
    assert (first.to, first.key == second.key) == (second.to, False)
    await core.intake.accept([said(UNDELIVERED, key=second.key, reason="30003", again=True)])
    await settler(core).run_once()
    assert await notice_states(core) == {NoticeState.DEAD: 1}


async def test_it_did_not_arrive_before_it_was_recorded_that_it_left(core: Core) -> None:
    """The receipt overtakes the hand-over's own answer: the notice must not end as sent."""
    await core.intake.accept([texted()])

    class Overtaken(Provider):
        async def send(self, sent: OutboundMessage) -> Sent:
            await core.intake.accept([said(UNDELIVERED, key=sent.key, reason="30005")])
            await settler(core).run_once()
            return await super().send(sent)

    await sender(core, Overtaken()).run_once()
    assert [one.state for one in await deliveries(core)] == [DeliveryState.UNDELIVERED]
    assert await notice_states(core) == {NoticeState.DEAD: 1}


async def test_an_unknown_hand_over_is_asked_for_before_it_is_repeated(core: Core) -> None:
    """lesson 36: the provider knows; a second copy is not sent."""
    await core.intake.accept([texted()])
    provider = Provider(Unknown("timeout"))
    await sender(core, provider).run_once()
    provider.knows = lambda handed: Found(key=handed.message.key, status=ACCEPTED, provider_id="SM1")
    core.clock.later(minutes=1)
    await sender(core, provider).run_once()
    assert len(provider.got) == 1
    assert [one.state for one in await deliveries(core)] == [DeliveryState.SENT]
    assert await notice_states(core) == {}


async def test_an_unknown_hand_over_that_never_arrived_is_repeated(core: Core) -> None:
    await core.intake.accept([texted()])
    provider = Provider(Unknown("timeout"))
    await sender(core, provider).run_once()
    provider.knows = lambda handed: Found(key=handed.message.key, status=None)
    core.clock.later(minutes=1)
    await sender(core, provider).run_once()
    assert len(provider.got) == 2


async def test_while_the_provider_cannot_be_asked_nothing_is_repeated(core: Core) -> None:
    await core.intake.accept([texted()])
    provider = Provider(Unknown("timeout"))
    await sender(core, provider).run_once()

    def away(handed: Handed) -> Found | None:
        raise Temporary("503")

    provider.knows = away
    core.clock.later(minutes=1)
    await sender(core, provider).run_once()
    assert len(provider.got) == 1
    provider.knows = lambda handed: Found(key=handed.message.key, status=DELIVERED)
    core.clock.later(minutes=2)
    await sender(core, provider).run_once()
    assert len(provider.got) == 1
    assert await notice_states(core) == {}


async def test_a_silent_provider_is_asked_after_an_hour_and_its_answer_counts_as_a_receipt(core: Core) -> None:
    await core.intake.accept([texted()])
    provider = Provider()
    await sender(core, provider).run_once()
    assert await looker(core, provider).run_once() == 0
    core.clock.later(minutes=61)
    provider.knows = lambda handed: Found(key=handed.message.key, status=DELIVERED, provider_id=handed.provider_id)
    assert await looker(core, provider).run_once() == 1
    await settler(core).run_once()
    assert [one.state for one in await deliveries(core)] == [DeliveryState.DELIVERED]
    assert provider.asked[0].provider_id == f"SM-{provider.got[0].key}"
    assert await looker(core, provider).run_once() == 0


async def test_a_provider_that_goes_on_saying_nothing_is_asked_four_times_in_all(core: Core) -> None:
    await core.intake.accept([texted()])
    provider = Provider()
    await sender(core, provider).run_once()
    for _ in range(100):
        core.clock.later(hours=1)
        await looker(core, provider).run_once()
    assert len(provider.asked) == 4
    assert [one.state for one in await deliveries(core)] == [DeliveryState.SENT]


async def test_what_the_provider_has_forgotten_did_not_arrive(core: Core) -> None:
    await core.intake.accept([texted(email_contact())])
    provider = Provider()
    await sender(core, provider).run_once()
    core.clock.later(minutes=61)
    provider.knows = lambda handed: Found(key=handed.message.key, status=None)
    await looker(core, provider).run_once()
    await settler(core).run_once()
    assert [one.to.type for one in await deliveries(core)] == [ContactType.MOBILE, ContactType.EMAIL]


async def test_who_said_stop_is_told_by_the_next_contact(core: Core) -> None:
    """退订: kept as consent, opens no complaint, and counts for every complaint of theirs."""
    [receipt] = await core.intake.accept([stop()])
    assert (receipt.outcome, receipt.number) == (Outcome.RECORDED, None)
    await core.intake.accept([texted(email_contact())])
    provider = Provider()
    await sender(core, provider).run_once()
    assert provider.got == []
    assert [(one.to.type, one.state) for one in await deliveries(core)] == [
        (ContactType.MOBILE, DeliveryState.FAILED),
        (ContactType.EMAIL, DeliveryState.QUEUED),
    ]


async def test_who_said_start_afterwards_is_texted_again(core: Core) -> None:
    later = START.replace(hour=3)
    core.clock.later(hours=2)
    await core.intake.accept([stop(wanted=True, received_at=later), stop()])  # in whatever order they come
    await core.intake.accept([texted()])
    provider = Provider()
    await sender(core, provider).run_once()
    assert len(provider.got) == 1


async def test_a_stop_that_only_the_provider_knows_of_is_kept_from_its_refusal(core: Core) -> None:
    """Twilio 21610: only their START clears it."""
    await core.intake.accept([texted(), texted(received_at=START, text="另一件事：卡被吞了", channel=ChannelKind.APP)])
    provider = Provider(Permanent("opted_out"))
    await sender(core, provider).run_once()
    await core.intake.accept([texted(text="第三件事：利息算错", channel=ChannelKind.APP)])
    before = len(provider.got)
    await sender(core, provider).run_once()
    assert len(provider.got) == before
