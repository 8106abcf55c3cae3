"""Delivery: what one attempt does to its delivery, its notice and the next contact (lessons 36-78)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest

from gateway import retry
from gateway.delivery import LEASE, Deliveries
from gateway.errors import DeliveryFailed, Permanent, Temporary, Unknown
from gateway.model import Contact, ContactType, NoticeState, OutboundMessage, Sent
from gateway.record import lane_of
from tests.conftest import Core
from tests.factories import email_contact, message

LANE = lane_of(ContactType.EMAIL)


class ScriptedSender:
    """Plays a provider: what it was handed is in `got`; what it answers is taken from `script`, then success."""

    def __init__(self, *script: Exception) -> None:
        self.script = list(script)
        self.got: list[OutboundMessage] = []

    async def send(self, sent: OutboundMessage) -> Sent:
        self.got.append(sent)
        if self.script:
            raise self.script.pop(0)
        return Sent(provider_id="250 queued")


def worker(core: Core, sender: ScriptedSender) -> Deliveries:
    return Deliveries(
        lane=LANE,
        sender=sender,
        storage=core.storage,
        recorder=core.recorder,
        coordination=core.coordination,
        now=core.clock,
        metrics=core.metrics,
    )


async def states(core: Core) -> dict[NoticeState, int]:
    async with core.storage.reading() as tx:
        return dict(await tx.notices.states())


async def lanes_left(core: Core) -> list[str]:
    async with core.storage.reading() as tx:
        return sorted(await tx.queue.oldest())


async def test_a_due_notice_is_sent_once_and_its_work_is_done(core: Core) -> None:
    await core.intake.accept([message()])
    sender = ScriptedSender()
    assert await worker(core, sender).run_once() == 1
    assert await worker(core, sender).run_once() == 0
    assert [sent.to for sent in sender.got] == [email_contact()]
    assert await states(core) == {}
    assert await lanes_left(core) == []


async def test_a_temporary_failure_is_tried_again_later_under_the_same_key(core: Core) -> None:
    await core.intake.accept([message()])
    sender = ScriptedSender(Temporary("451 4.7.1"))
    await worker(core, sender).run_once()
    assert await worker(core, sender).run_once() == 0  # not yet
    core.clock.later(seconds=16)
    assert await worker(core, sender).run_once() == 1
    assert len({sent.key for sent in sender.got}) == 1
    assert await states(core) == {}


async def test_what_the_provider_asked_to_wait_is_waited(core: Core) -> None:
    await core.intake.accept([message()])
    sender = ScriptedSender(Temporary("429", retry_after=timedelta(minutes=10)))
    await worker(core, sender).run_once()
    core.clock.later(minutes=9)
    assert await worker(core, sender).run_once() == 0
    core.clock.later(minutes=1)
    assert await worker(core, sender).run_once() == 1


async def test_an_unknown_outcome_is_repeated_under_the_same_key(core: Core) -> None:
    """lesson 36, 57: the receiver can tell the copy by the key; no copy at all is worse for an acknowledgement."""
    await core.intake.accept([message()])
    sender = ScriptedSender(Unknown("disconnected"))
    await worker(core, sender).run_once()
    assert await states(core) == {NoticeState.SENDING: 1}
    core.clock.later(seconds=16)
    await worker(core, sender).run_once()
    assert len({sent.key for sent in sender.got}) == 1


async def test_a_refused_contact_is_given_up_and_the_next_one_is_told(core: Core) -> None:
    contacts = (email_contact("gone@example.com"), email_contact("b@example.com"))
    [receipt] = await core.intake.accept([message(contacts=contacts)])
    sender = ScriptedSender(Permanent("550 5.1.1"))
    await worker(core, sender).run_once()
    await worker(core, sender).run_once()
    assert [sent.to.value for sent in sender.got] == ["gone@example.com", "b@example.com"]
    assert receipt.number in sender.got[1].content.text
    assert sender.got[0].key != sender.got[1].key
    assert await states(core) == {}


async def test_a_refused_contact_whose_next_one_has_no_sender_waits_as_no_channel(core: Core) -> None:
    mobile = Contact(type=ContactType.MOBILE, value="+8613800000001")
    await core.intake.accept([message(contacts=(email_contact(), mobile))])
    await worker(core, ScriptedSender(Permanent("550 5.1.1"))).run_once()
    assert await states(core) == {NoticeState.NO_CHANNEL: 1}
    assert await lanes_left(core) == [lane_of(ContactType.MOBILE)]


async def test_a_notice_whose_every_contact_refused_is_dead_and_visible(core: Core) -> None:
    """lesson 74."""
    await core.intake.accept([message()])
    await worker(core, ScriptedSender(Permanent("550 5.1.1"))).run_once()
    assert await states(core) == {NoticeState.DEAD: 1}
    assert await lanes_left(core) == []


async def test_a_contact_that_fails_too_often_is_given_up(core: Core) -> None:
    await core.intake.accept([message()])
    sender = ScriptedSender(*[Temporary("timeout")] * retry.ATTEMPTS)
    for _ in range(retry.ATTEMPTS):
        assert await worker(core, sender).run_once() == 1
        core.clock.later(hours=1, seconds=1)
    assert await states(core) == {NoticeState.DEAD: 1}


async def test_a_fault_of_the_sender_is_taken_for_unknown_and_stops_no_other_delivery(core: Core) -> None:
    await core.intake.accept([message() for _ in range(3)])
    sender = ScriptedSender(ZeroDivisionError())
    assert await worker(core, sender).run_once() == 3
    assert await states(core) == {NoticeState.SENDING: 1}


async def test_a_claimed_delivery_is_no_other_workers_until_its_lease_ends(core: Core) -> None:
    """lessons 63, 71: a worker that dies after its claim loses nothing."""
    await core.intake.accept([message()])
    started = asyncio.Event()

    class Stuck(ScriptedSender):
        async def send(self, sent: OutboundMessage) -> Sent:
            started.set()
            await asyncio.Event().wait()
            raise AssertionError

    dying = asyncio.create_task(worker(core, Stuck()).run_once())
    await started.wait()
    dying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await dying
    sender = ScriptedSender()
    assert await worker(core, sender).run_once() == 0
    core.clock.later(seconds=LEASE.total_seconds() + 1)
    assert await worker(core, sender).run_once() == 1


async def test_a_late_result_of_an_expired_lease_changes_nothing(core: Core) -> None:
    """The attempt is the fence: who lost the lease may not put the work back."""
    await core.intake.accept([message()])
    release, started = asyncio.Event(), asyncio.Event()

    class Slow(ScriptedSender):
        async def send(self, sent: OutboundMessage) -> Sent:
            started.set()
            await release.wait()
            raise Temporary("timeout")

    slow = asyncio.create_task(worker(core, Slow()).run_once())
    await started.wait()
    core.clock.later(seconds=LEASE.total_seconds() + 1)
    assert await worker(core, ScriptedSender()).run_once() == 1
    release.set()
    await slow
    assert await lanes_left(core) == []
    assert await states(core) == {}


async def test_a_notice_that_waited_for_a_sender_is_sent_when_there_is_one(make_core: Callable[..., Core]) -> None:
    without = make_core(served=frozenset())
    await without.intake.accept([message()])
    assert await states(without) == {NoticeState.NO_CHANNEL: 1}
    sender = ScriptedSender()
    assert await worker(make_core(), sender).run_once() == 1
    assert await states(without) == {}


def test_every_failure_a_sender_may_raise_has_its_outcome() -> None:
    from gateway.delivery import _OUTCOMES

    assert set(_OUTCOMES) == {DeliveryFailed, *DeliveryFailed.__subclasses__()}
