"""Delivery: what one attempt does to its delivery, its notice and the next contact (lessons 36-78)."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta

import pytest

from gateway import delivery, retry
from gateway.delivery import LEASE, Deliveries
from gateway.errors import Contended, Permanent, Temporary, Unknown
from gateway.model import ChannelKind, Contact, ContactType, NoticeState, OutboundMessage, Sent
from gateway.observe import measure_backlog
from gateway.ports import Lane
from gateway.telling import lane_of
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
    """Return the lanes in which a delivery waits; the complaint's own alarms do in another one."""
    async with core.storage.reading() as tx:
        return sorted(lane for lane in await tx.queue.oldest() if lane.startswith("send:"))


NOBODY_TO_TELL = {NoticeState.NO_CONTACT: 1}  # staff are told of what could not be delivered; here nobody is staff


def database_of(core: Core) -> str:
    return f"{core.folder}/huiyin.db"


def damage(core: Core, statement: str) -> None:
    with closing(sqlite3.connect(database_of(core))) as database, database:
        database.execute(statement)


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
    """A095."""
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
    wecom = Contact(type=ContactType.WECOM, value="li")
    await core.intake.accept([message(contacts=(email_contact(), wecom))])
    await worker(core, ScriptedSender(Permanent("550 5.1.1"))).run_once()
    assert await states(core) == {NoticeState.NO_CHANNEL: 1}
    assert await lanes_left(core) == [lane_of(ContactType.WECOM)]


async def test_a_refused_contact_whose_next_one_is_a_telephone_waits_for_a_person_to_call(core: Core) -> None:
    """E.2 rule 9, law 21."""
    mobile = Contact(type=ContactType.MOBILE, value="+8613800000001")
    await core.intake.accept([message(contacts=(email_contact(), mobile))])
    await worker(core, ScriptedSender(Permanent("550 5.1.1"))).run_once()
    assert await states(core) == {NoticeState.TO_CALL: 1}
    assert await lanes_left(core) == []


async def test_a_notice_whose_every_contact_refused_is_dead_and_visible(core: Core) -> None:
    """lesson 74."""
    await core.intake.accept([message()])
    await worker(core, ScriptedSender(Permanent("550 5.1.1"))).run_once()
    assert await states(core) == {NoticeState.DEAD: 1, **NOBODY_TO_TELL}
    assert await lanes_left(core) == []


async def test_a_contact_that_keeps_failing_is_left_for_the_next_one_within_the_hour(core: Core) -> None:
    """A095, E.2 rule 9."""
    contacts = (email_contact("slow@example.com"), email_contact("b@example.com"))
    await core.intake.accept([message(contacts=contacts)])
    began = core.clock()
    sender = ScriptedSender(*[Temporary("timeout")] * retry.MOVE_ON)
    while await states(core):
        core.clock.later(seconds=5)
        await worker(core, sender).run_once()
    assert [sent.to.value for sent in sender.got].count("slow@example.com") == retry.MOVE_ON
    assert sender.got[-1].to.value == "b@example.com"
    assert core.clock() - began < timedelta(hours=1)


async def test_the_only_contact_is_tried_for_days_before_it_is_given_up(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "LAST", retry.MOVE_ON + 3)
    await core.intake.accept([message()])
    sender = ScriptedSender(*[Temporary("timeout")] * retry.LAST)
    for _ in range(retry.LAST - 1):
        assert await worker(core, sender).run_once() == 1
        core.clock.later(hours=1, seconds=1)
    assert await states(core) == {NoticeState.SENDING: 1}
    await worker(core, sender).run_once()
    assert await states(core) == {NoticeState.DEAD: 1, **NOBODY_TO_TELL}


async def test_what_was_sent_while_the_database_was_away_is_recorded_later_and_not_sent_again(core: Core) -> None:
    """lesson 36."""
    await core.intake.accept([message() for _ in range(3)])
    other = sqlite3.connect(database_of(core), isolation_level=None)

    class Locking(ScriptedSender):
        async def send(self, sent: OutboundMessage) -> Sent:
            if not other.in_transaction:
                other.execute("BEGIN IMMEDIATE")
            return await super().send(sent)

    sender = Locking()
    one = worker(core, sender)
    with pytest.raises(Contended):
        await one.run_once()
    other.execute("ROLLBACK")
    other.close()
    core.clock.later(seconds=LEASE.total_seconds() + 1)
    assert await one.run_once() == 0
    assert len(sender.got) == 3
    assert await states(core) == {}


async def test_a_delivery_that_cannot_be_opened_holds_up_no_other(core: Core) -> None:
    await core.intake.accept([message() for _ in range(3)])
    damage(core, "update deliveries set content = x'00' where key = (select min(key) from deliveries)")
    sender = ScriptedSender()
    for _ in range(3):
        await worker(core, sender).run_once()
        core.clock.later(seconds=LEASE.total_seconds() + 1)
    assert len(sender.got) == 2
    assert await states(core) == {NoticeState.SENDING: 1}


async def test_a_notice_that_cannot_be_opened_when_its_contact_refuses_makes_no_other_be_sent_again(core: Core) -> None:
    await core.intake.accept([message() for _ in range(3)])
    damage(core, "update notices set sealed = x'00'")
    sender = ScriptedSender(Permanent("550 5.1.1"))
    for _ in range(3):
        await worker(core, sender).run_once()
        core.clock.later(seconds=LEASE.total_seconds() + 1)
    assert len(sender.got) == 3
    assert await states(core) == {NoticeState.DEAD: 1, **NOBODY_TO_TELL}


async def test_a_round_that_is_cut_off_records_what_was_done(core: Core) -> None:
    await core.intake.accept([message() for _ in range(3)])
    hanging = asyncio.Event()

    class OneHangs(ScriptedSender):
        async def send(self, sent: OutboundMessage) -> Sent:
            result = await super().send(sent)
            if len(self.got) == 3:
                hanging.set()
                await asyncio.Event().wait()
            return result

    sender = OneHangs()
    cut_off = asyncio.create_task(worker(core, sender).run_once())
    await hanging.wait()
    cut_off.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cut_off
    assert await states(core) == {NoticeState.SENDING: 1}


async def test_a_hand_over_that_never_ends_holds_the_others_for_one_round_only(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    """lesson 73."""
    monkeypatch.setattr(delivery, "ROUND_SECONDS", 0.2)
    await core.intake.accept([message() for _ in range(3)])

    class OneHangs(ScriptedSender):
        async def send(self, sent: OutboundMessage) -> Sent:
            self.got.append(sent)
            if len(self.got) == 1:
                await asyncio.Event().wait()
            return Sent()

    assert await worker(core, OneHangs()).run_once() == 3
    assert await states(core) == {NoticeState.SENDING: 1}


async def test_a_senders_own_kind_of_failure_counts_as_what_it_is_a_kind_of(core: Core) -> None:
    class Quota(Temporary):
        """The account's quota is used up."""

    await core.intake.accept([message()])
    sender = ScriptedSender(Quota("452"))
    await worker(core, sender).run_once()
    core.clock.later(seconds=16)
    assert await worker(core, sender).run_once() == 1
    assert await states(core) == {}


async def test_a_fault_of_the_sender_is_taken_for_unknown_and_stops_no_other_delivery(core: Core) -> None:
    await core.intake.accept([message() for _ in range(3)])
    sender = ScriptedSender(ZeroDivisionError())
    assert await worker(core, sender).run_once() == 3
    assert await states(core) == {NoticeState.SENDING: 1}


async def test_a_claimed_delivery_is_no_other_workers_until_its_lease_ends(core: Core) -> None:
    """lessons 63, 71: a worker that dies after its claim loses nothing."""
    await core.intake.accept([message()])
    async with core.storage.writing(Lane.RESULTS) as tx:
        until = core.clock() + LEASE
        assert len(await tx.queue.claim(LANE, now=core.clock(), until=until, limit=10)) == 1
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


async def test_the_oldest_unsent_notice_ages_while_every_attempt_fails(core: Core) -> None:
    """lesson 94: a retry moves the time it is due, not the time since which the customer waits."""
    await core.intake.accept([message()])
    sender = ScriptedSender(*[Temporary("timeout")] * 20)
    for _ in range(4):
        core.clock.later(minutes=30)
        await worker(core, sender).run_once()
    await measure_backlog(core.storage, core.metrics, core.clock())
    assert b'huiyin_oldest_unsent_seconds{state="sending"} 7200.0' in core.metrics.render()


async def test_a_clock_that_is_set_back_puts_off_neither_what_is_new_nor_what_waited(core: Core) -> None:
    """Lesson 18, "clock jump": in the process that saw it, and in one that starts later."""
    await core.intake.accept([message()])
    sender = ScriptedSender()
    seeing = worker(core, sender)
    await seeing.run_once()
    await core.intake.accept([message()])
    core.clock.later(days=-1)
    await core.intake.accept([message()])
    assert await seeing.run_once() == 2
    await core.intake.accept([message()])
    core.clock.later(days=-1)
    assert await worker(core, sender).run_once() == 1
    assert len(sender.got) == 4


async def test_a_retry_waits_no_longer_than_its_pause_when_the_clock_is_set_back(core: Core) -> None:
    """Lesson 18, "clock jump"."""
    await core.intake.accept([message()])
    sender = ScriptedSender(Temporary("451 4.7.1"))
    working = worker(core, sender)
    await working.run_once()
    core.clock.later(hours=-1)
    assert await working.run_once() == 1
    assert await states(core) == {}


async def test_what_is_meant_for_the_morning_is_not_sent_at_night(core: Core) -> None:
    """E.2 rule 8: whatever looks through the lane meanwhile."""
    core.clock.later(hours=12)  # 22:15
    await core.intake.accept([message(channel=ChannelKind.LETTER)])
    sender = ScriptedSender()
    working = worker(core, sender)
    for _ in range(9):  # until 07:15
        assert await working.run_once() == 0
        core.clock.later(hours=1)
    assert await working.run_once() == 0
    core.clock.later(minutes=45)
    assert await working.run_once() == 1


async def test_a_delivery_whose_worker_died_by_a_wrong_clock_is_sent_when_the_clock_is_right(core: Core) -> None:
    await core.intake.accept([message()])
    week = timedelta(days=7)
    async with core.storage.writing(Lane.RESULTS) as tx:
        await tx.queue.claim(LANE, now=core.clock() + week, until=core.clock() + week + LEASE, limit=10)
    assert await worker(core, ScriptedSender()).run_once() == 1


async def test_work_that_is_committed_late_is_sent_at_once_and_what_a_round_passed_over_within_a_minute(
    core: Core,
) -> None:
    """A round begins near where the last one did, and once a minute at the beginning."""
    sender = ScriptedSender()
    working = worker(core, sender)
    assert await working.run_once() == 0
    core.clock.later(seconds=-10)
    await core.intake.accept([message()])
    core.clock.later(seconds=-50)
    await core.intake.accept([message()])
    core.clock.later(seconds=60)
    assert [await working.run_once() for _ in range(2)] == [1, 0]
    core.clock.later(seconds=60)
    assert await working.run_once() == 1
