"""Timers: each alarm of C.3 once, whatever happens to the process, the clock or another complaint."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from sqlite3 import connect
from zoneinfo import ZoneInfo

import pytest

from gateway import timers
from gateway.ids import new_id
from gateway.model import (
    ChannelKind,
    Clock,
    ClockName,
    EventKind,
    Kind,
    Language,
    Level,
    State,
)
from gateway.ports import Lane
from gateway.record import TIMERS
from gateway.rules import commands
from gateway.rules.alarms import CHAINS
from gateway.storage.sqlite import SqliteStorage
from gateway.timers import LEASE
from gateway.vault import Vault
from tests.bank import Gateway
from tests.factories import START, message
from tests.factories import Clock as Present

SHANGHAI = ZoneInfo("Asia/Shanghai")
DAY = timedelta(days=1)


@pytest.fixture
def node(storage: SqliteStorage, vault: Vault, clock: Present) -> Callable[[], Gateway]:
    """Return a maker of nodes over the one database: a new one is a restart, or another machine."""
    return lambda: Gateway(storage=storage, vault=vault, now=clock)


@pytest.fixture
def bank(node: Callable[[], Gateway]) -> Gateway:
    return node()


async def sounded(bank: Gateway, number: str) -> list[tuple[str, int]]:
    """Return which alarm of which clock has sounded, in order."""
    timeline = (await bank.file(number)).timeline
    alarms = [entry.event.public for entry in timeline if entry.event.kind is EventKind.ALARM_SOUNDED]
    return [(str(said["clock"]), int(str(said["sounded"]))) for said in alarms]


async def alarms_ahead(bank: Gateway) -> datetime | None:
    async with bank.storage.reading() as tx:
        return (await tx.queue.oldest()).get(TIMERS)


def damage(storage: SqliteStorage, statement: str, *values: object) -> None:
    with closing(connect(str(storage._url.database))) as database, database:
        database.execute(statement, values)


async def test_the_alarms_of_a_complaint_are_in_the_queue_with_its_registration(bank: Gateway, clock: Present) -> None:
    """Lesson 70: they are rows of the same commit, so no crash is between the number and its clocks."""
    number = await bank.opens(message())
    triage = (await bank.complaint(number)).clocks[ClockName.TRIAGE]
    assert await alarms_ahead(bank) == triage.due_at == START + timedelta(hours=1)
    clock.later(minutes=59)
    assert await bank.timers.run_once() == 0
    clock.later(minutes=1)
    assert await bank.timers.run_once() == 1
    assert await bank.told(number, to=["mgr:mgr"]) == [("n26", "mgr:mgr")]


async def test_a_complaint_nobody_accepts_is_urged_at_20_30_45_and_60_minutes(
    node: Callable[[], Gateway], clock: Present
) -> None:
    """A055, A077: the handler, the first owner, the head of the unit, 客户意见管理岗; each by another process."""
    number, handler = await node().dispatched()
    heard: list[Sequence[str]] = []
    for minutes in (20, 10, 15, 15):
        clock.later(minutes=minutes)
        before = len(await node().told(number))
        assert await node().sounds() == 1
        assert await node().sounds() == 0
        heard.append(sorted(to for kind, to in (await node().told(number))[before:] if kind == "n25"))
    assert heard == [[f"hnd:{handler}"], [f"hnd:{handler}", "rep:mgr"], ["uh:cards-head"], ["mgr:mgr"]]


async def test_every_alarm_of_every_clock_sounds_once_through_restarts(
    node: Callable[[], Gateway], clock: Present
) -> None:
    """C.3, the whole table but the confirmation, which ends the case, and the daily report, which comes again."""
    names = [name for name in ClockName if name not in (ClockName.CONFIRM, ClockName.DAILY)]
    number = await opened_with(node(), {name: (n + 6) * DAY for n, name in enumerate(names)})
    for _ in range(4 * (len(names) + 7)):
        clock.later(hours=6)
        await node().timers.run_once()
    heard = Counter(await sounded(node(), number))
    assert set(heard.values()) == {1}
    assert {name: max(count for clock, count in heard if clock == name) for name in names} == {
        name: len(CHAINS[name]) for name in names
    }
    assert await alarms_ahead(node()) is None


async def opened_with(bank: Gateway, limits: dict[ClockName, timedelta]) -> str:
    """Open a complaint with these clocks running."""
    number = "TS-261123-000001-G"
    clocks = {
        name: Clock(
            due_at=START + limit,
            started_at=START,
            profile="huiyin",
            profile_version="1",
            clause="C.3",
            calendar_version="cn-2026.1",
        )
        for name, limit in limits.items()
    }
    register = commands.Register(
        number=number,
        kind=Kind.COMPLAINT,
        level=Level.GENERAL,
        needs_review=True,
        channel=ChannelKind.EMAIL,
        source="mailbox",
        language=Language.ZH_HANS,
        received_at=START,
        promised_at=START + limits.get(ClockName.PROMISED, DAY),
        legal_at=START + limits.get(ClockName.LEGAL, DAY),
        policy="cn.std-321@1",
        name="",
        message_id="m1",
        clocks=clocks,
    )
    draft = bank.recorder.draft(bank.now())
    draft.open(new_id(START), register, contacts=())
    async with bank.storage.writing(Lane.INTAKE) as tx:
        await draft.write(tx)
    return number


async def test_a_clock_set_a_week_forward_and_an_hour_back_repeats_nothing(
    node: Callable[[], Gateway], clock: Present
) -> None:
    number, _ = await node().dispatched(Level.IMPORTANT)
    for hours in (1, 7 * 24, -1, -6 * 24, 24, -24, 7 * 24, 3 * 7 * 24):
        clock.later(hours=hours)
        await node().sounds()
        await node().sounds()
    heard = await sounded(node(), number)
    assert len(heard) == len(set(heard))
    counts = {name: [count for clock, count in heard if clock == name] for name, _ in heard}
    assert all(steps == sorted(steps) for steps in counts.values())
    assert counts["accept"][-1] == len(CHAINS[ClockName.ACCEPT])
    assert counts["legal"][-1] == len(CHAINS[ClockName.LEGAL])


async def test_what_was_missed_in_days_without_a_process_sounds_once_and_late(bank: Gateway, clock: Present) -> None:
    """One notice a clock and recipient: nobody is told four times in one minute that nothing happened."""
    number, handler = await bank.dispatched()
    before = len(await bank.told(number))
    clock.later(days=12)
    assert await bank.sounds() == 1
    told = (await bank.told(number))[before:]
    names = [name for name, _ in await sounded(bank, number)]
    assert len(names) == len(set(names))
    # Who graded it is its first owner and 客户意见管理岗 at once.
    assert sorted(to for kind, to in told if kind == "n25") == [f"hnd:{handler}", "rep:mgr", "uh:cards-head"]
    # The first act's limit, the answer's, and the promise a day before.
    assert told.count(("n26", f"hnd:{handler}")) == 3
    assert told.count(("n26", "cp:cp")) == 1  # T-5 and T-3 of the law in one
    assert await bank.sounds() == 0


@pytest.mark.parametrize(
    "harm",
    [
        "update complaints set sealed = x'00' where number = ?",
        "update complaints set clocks = '{\"triage\": 1}' where number = ?",
        # Another entry stands where the alarm's would: the write is refused.
        "insert into timeline select complaint_id, seq + 1, at, kind, actor, public, sealed, digest, mac from timeline"
        " where complaint_id = (select id from complaints where number = ?)",
    ],
    ids=["cannot be opened", "is no complaint of ours", "cannot be written"],
)
async def test_a_complaint_that_is_broken_silences_no_other(
    bank: Gateway, storage: SqliteStorage, clock: Present, harm: str
) -> None:
    numbers = [await bank.opens(message()) for _ in range(3)]
    damage(storage, harm, numbers[1])
    clock.later(hours=2)
    assert await bank.timers.run_once() == 3
    for number in (numbers[0], numbers[2]):
        assert await sounded(bank, number) == [("triage", 1)]
    assert b'huiyin_faults_total{where="timers"} 1.0' in bank.metrics.render()
    assert await bank.timers.run_once() == 0
    clock.later(seconds=LEASE.total_seconds())
    assert await bank.timers.run_once() == 1


async def test_a_complaint_that_was_removed_leaves_the_queue(bank: Gateway) -> None:
    async with bank.storage.writing(Lane.TIMERS) as tx:
        await tx.queue.reschedule(TIMERS, {"gone": START})
    assert await bank.timers.run_once() == 1
    assert await alarms_ahead(bank) is None


async def test_a_claimed_complaint_whose_worker_died_sounds_when_the_lease_ends(bank: Gateway, clock: Present) -> None:
    """Lesson 71."""
    number = await bank.opens(message())
    clock.later(hours=1)
    async with bank.storage.writing(Lane.TIMERS) as tx:
        assert await tx.queue.claim(TIMERS, now=clock(), until=clock() + LEASE, limit=10)
    assert await bank.timers.run_once() == 0
    clock.later(seconds=LEASE.total_seconds())
    assert await bank.timers.run_once() == 1
    assert await sounded(bank, number) == [("triage", 1)]


async def test_a_worker_that_died_by_a_clock_a_week_ahead_keeps_nothing_back(bank: Gateway, clock: Present) -> None:
    number = await bank.opens(message())
    clock.later(days=7)
    async with bank.storage.writing(Lane.TIMERS) as tx:
        assert await tx.queue.claim(TIMERS, now=clock(), until=clock() + LEASE, limit=10)
    clock.later(days=-7, hours=1)
    assert await bank.timers.run_once() == 1
    assert await sounded(bank, number) == [("triage", 1)]


async def test_two_workers_at_once_sound_each_alarm_once(node: Callable[[], Gateway], clock: Present) -> None:
    numbers = [await node().opens(message()) for _ in range(40)]
    clock.later(hours=1)
    await asyncio.gather(*(node().timers.run_once() for _ in range(4)))
    for number in numbers:
        assert await sounded(node(), number) == [("triage", 1)]


async def test_a_worker_that_was_overtaken_finds_nothing_to_do(bank: Gateway, clock: Present) -> None:
    """The row is a reason to look, not an order: what is due is read from the complaint, under its lock."""
    number = await bank.opens(message())
    clock.later(hours=1)
    async with bank.storage.writing(Lane.TIMERS) as tx:
        late = await tx.queue.claim(TIMERS, now=clock(), until=clock() + LEASE, limit=10)
    clock.later(seconds=LEASE.total_seconds())
    assert await bank.timers.run_once() == 1
    ahead = await alarms_ahead(bank)
    await bank.timers._sound(late)
    assert await sounded(bank, number) == [("triage", 1)]
    assert await alarms_ahead(bank) == ahead


async def test_a_thousand_that_are_due_at_once_are_sounded_in_bounded_rounds(bank: Gateway, clock: Present) -> None:
    for _ in range(10):
        await bank.intake.accept([message() for _ in range(100)])
    clock.later(hours=1)
    rounds = [await bank.timers.run_once() for _ in range(17)]
    assert rounds == [timers.LIMIT] * 15 + [40, 0]
    async with bank.storage.reading() as tx:
        assert (await tx.queue.oldest())[TIMERS] > clock()


async def test_a_case_that_has_ended_leaves_no_row(bank: Gateway, clock: Present) -> None:
    number = await bank.opens(message())
    await bank.does(number, commands.Withdraw(request="已解决"), "rep")
    assert await alarms_ahead(bank) is None
    clock.later(days=60)
    assert await bank.timers.run_once() == 0


async def test_a_regulators_date_is_watched_after_the_case_has_ended(bank: Gateway, clock: Present) -> None:
    """A132: what was promised to a regulator is owed however the case ends."""
    number = await bank.opens(message())
    due = (START + 10 * DAY).date()
    await bank.does(number, commands.RecordReferral(reference="R-1", body="监管局", due=due), "rl")
    await bank.does(number, commands.Withdraw(request="已解决"), "rep")
    clock.later(days=11)
    await bank.sounds()
    assert await sounded(bank, number) == [("referral", 4)]
    assert (await bank.told(number, to=["rl:rl"]))[-1] == ("n26", "rl:rl")
    assert await alarms_ahead(bank) is None


async def test_a_customer_who_does_not_answer_is_reminded_once_and_then_told_that_it_is_closed(
    bank: Gateway, clock: Present
) -> None:
    """T27: five working days, one reminder at 60 % of them."""
    number = await bank.replied()
    await bank.sends()
    confirm = (await bank.complaint(number)).clocks[ClockName.CONFIRM]
    assert confirm.due_at.astimezone(SHANGHAI).strftime("%m-%d %H:%M") == "11-30 23:59"
    told: list[tuple[str, list[tuple[str, str]]]] = []
    while (await bank.complaint(number)).state is State.REPLIED:
        before = len(await bank.told(number, to=["customer"]))
        clock.later(hours=1)
        await bank.sounds()
        if new := (await bank.told(number, to=["customer"]))[before:]:
            told.append((clock().astimezone(SHANGHAI).strftime("%m-%d"), new))
    assert told == [("11-28", [("n14", "customer")]), ("12-01", [("n36", "customer")])]
    assert (await bank.happened(number))[-1] is EventKind.CLOSED_UNANSWERED


async def test_a_reminder_that_comes_late_leaves_the_rest_of_the_time_to_answer(bank: Gateway, clock: Present) -> None:
    """T27: nobody's case is closed in the minute that reminds them."""
    number = await bank.replied()
    await bank.sends()
    clock.later(days=20)
    await bank.sounds()
    assert (await bank.told(number, to=["customer"]))[-1] == ("n14", "customer")
    assert (await bank.complaint(number)).state is State.REPLIED
    clock.later(days=2)
    await bank.sounds()
    assert (await bank.complaint(number)).state is State.REPLIED
    clock.later(days=2)
    await bank.sounds()
    assert (await bank.complaint(number)).state is State.CLOSED
    assert (await bank.told(number, to=["customer"])).count(("n14", "customer")) == 1


async def test_a_closed_case_is_watched_only_for_what_was_promised(bank: Gateway, clock: Present) -> None:
    """S4-§5: the execution is owed however the customer took the outcome; then nothing is left."""
    number = await bank.replied()
    await bank.sends()
    for _ in range(70):
        clock.later(hours=12)
        await bank.sounds()
    complaint = await bank.complaint(number)
    assert complaint.state is State.CLOSED
    assert [name for name, clock in complaint.clocks.items() if clock.runs] == [ClockName.EXECUTION]
    assert (await sounded(bank, number))[-1] == ("execution", 2)
    assert await alarms_ahead(bank) is None


async def test_what_a_round_tells_is_on_its_way_at_once(bank: Gateway, clock: Present) -> None:
    """The lanes of the notices are woken after the commit."""
    await bank.opens(message())
    await bank.sends()
    clock.later(hours=1)
    await bank.timers.run_once()
    async with asyncio.timeout(5):
        await bank.coordination.wait("send:email", 60)
    await bank.sends()
    assert bank.taking.got[-1].to.value == "mgr@bank.example"
