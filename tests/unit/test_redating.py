"""Redating: next year's holidays come late; open limits are counted again, on record, and to no later date."""

from __future__ import annotations

import asyncio
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from sqlite3 import connect

import pytest

from gateway.model import ClockName, Complaint, EventKind, Kind, Level, Nature, State
from gateway.ports import Lane
from gateway.record import TIMERS
from gateway.rules import commands
from gateway.rules.alarms import next_alarm_at
from gateway.rules.worktime import Calendar, WorkYear
from gateway.storage.sqlite import SqliteStorage
from gateway.vault import Vault
from tests.bank import BOOK, Gateway
from tests.factories import Clock, message

NEW_YEARS_EVE = datetime(2026, 12, 30, 2, 0, tzinfo=UTC)
NEXT_YEAR = WorkYear(
    year=2027,
    off=frozenset({date(2027, 1, 1)}),
    worked=frozenset({date(2027, 1, 2), date(2027, 1, 3)}),  # a weekend that is worked: dates come forward
    version="cn-2027.1",
    source="a notice that came late",
)
LONG_HOLIDAY = replace(
    NEXT_YEAR,
    off=frozenset({date(2027, 1, 1), date(2027, 1, 4), date(2027, 1, 5)}),
    worked=frozenset(),
)
BEFORE = BOOK.calendar.version


@pytest.fixture
def clock() -> Clock:
    return Clock(NEW_YEARS_EVE)


@pytest.fixture
def old(storage: SqliteStorage, vault: Vault, clock: Clock) -> Gateway:
    """The node before the calendar was published."""
    return Gateway(storage=storage, vault=vault, now=clock)


def restarted(old: Gateway, *years: WorkYear) -> Gateway:
    """Return the node started again with these years beside."""
    calendar = Calendar(zone=BOOK.calendar.zone, years=(*BOOK.calendar.years, *years))
    return Gateway(storage=old.storage, vault=old.vault, now=old.now, calendar=calendar)


async def opened(bank: Gateway) -> str:
    return await bank.opens(message(received_at=bank.now()))


def ends(complaint: Complaint, name: ClockName) -> date:
    return BOOK.calendar.local_day(complaint.clocks[name].due_at)


async def test_a_date_that_comes_forward_is_told_and_audited(old: Gateway) -> None:
    """D.9, A.13 rules 5 and 8; N01c."""
    number = await opened(old)
    before = await old.complaint(number)
    assert (ends(before, ClockName.PROMISED), before.clocks[ClockName.PROMISED].provisional) == (date(2027, 1, 4), True)
    bank = restarted(old, NEXT_YEAR)
    assert await bank.redating.run_once() == 1
    file = await bank.file(number)
    promised = file.complaint.clocks[ClockName.PROMISED]
    assert (ends(file.complaint, ClockName.PROMISED), promised.provisional) == (date(2027, 1, 3), False)
    assert promised.calendar_version == f"{BEFORE}+cn-2027.1"
    assert [entry.event.kind for entry in file.timeline] == [EventKind.OPENED, EventKind.DATES_RECOMPUTED]
    assert [(one.kind.value, one.recipient) for one in file.notices] == [("n01", "customer"), ("n01c", "customer")]
    assert file.notices[-1].facts.promised_at == file.complaint.promised_at


async def test_a_date_that_would_be_later_stays(old: Gateway) -> None:
    """A.13 rule 4: what was promised is kept; nobody is told anything."""
    number = await opened(old)
    before = await old.complaint(number)
    bank = restarted(old, LONG_HOLIDAY)
    assert await bank.redating.run_once() == 1
    after = await bank.complaint(number)
    assert after.promised_at == before.promised_at
    assert not any(clock.provisional for clock in after.clocks.values())
    assert await bank.told(number) == [("n01", "customer")]


async def test_the_laws_date_is_no_working_day_and_stays(old: Gateway) -> None:
    """Law 18 counts natural days, which every calendar has."""
    number = await opened(old)
    before = await old.complaint(number)
    bank = restarted(old, NEXT_YEAR)
    await bank.redating.run_once()
    after = await bank.complaint(number)
    assert (after.legal_at, ends(after, ClockName.LEGAL)) == (before.legal_at, date(2027, 1, 14))
    assert after.promised_at <= (after.legal_at or after.promised_at)


async def test_nothing_is_counted_twice(old: Gateway) -> None:
    number = await opened(old)
    bank = restarted(old, NEXT_YEAR)
    assert [await bank.redating.run_once() for _ in range(3)] == [1, 0, 0]
    assert await old.redating.run_once() == 0  # a node that does not know the calendar yet finds nothing to do
    assert len(await bank.happened(number)) == 2


async def test_two_nodes_that_start_together_count_each_complaint_once(old: Gateway) -> None:
    numbers = [await opened(old) for _ in range(20)]
    nodes = [restarted(old, NEXT_YEAR) for _ in range(3)]
    assert sum(await asyncio.gather(*(node.redating.run_once() for node in nodes))) == len(numbers)
    for number in numbers:
        assert (await old.happened(number)).count(EventKind.DATES_RECOMPUTED) == 1


async def test_what_is_still_unknown_is_counted_by_the_next_calendar_again(old: Gateway) -> None:
    """A date counted from a later step keeps its day, and is looked at once a calendar."""
    number = await opened(old)
    await old.does(
        number,
        commands.Grade(kind=Kind.COMPLAINT, nature=Nature.SERVICE, level=Level.IMPORTANT, reason="看过"),
        "mgr",
    )
    upgrade = commands.Regrade(level=Level.MAJOR, flags=frozenset(), reason="媒体", lead="exe")
    regraded = await old.does(number, upgrade, "mgr")
    bank = restarted(old, NEXT_YEAR)
    assert [await bank.redating.run_once() for _ in range(2)] == [1, 0]
    after = await bank.complaint(number)
    assert after.promised_at <= regraded.promised_at


async def test_a_case_that_has_ended_is_left_alone(old: Gateway) -> None:
    number = await opened(old)
    await old.does(number, commands.Withdraw(request="已解决"), "rep")
    bank = restarted(old, NEXT_YEAR)
    assert await bank.redating.run_once() == 0
    assert (await bank.complaint(number)).state is State.WITHDRAWN


async def test_the_alarms_follow_the_date(old: Gateway) -> None:
    number = await opened(old)
    bank = restarted(old, NEXT_YEAR)
    await bank.redating.run_once()
    complaint = await bank.complaint(number)
    async with bank.storage.reading() as tx:
        assert (await tx.queue.oldest())[TIMERS] == next_alarm_at(complaint.clocks, bank.calendar)


async def test_one_that_cannot_be_opened_keeps_no_other_waiting(old: Gateway) -> None:
    numbers = [await opened(old) for _ in range(3)]
    with closing(connect(str(old.storage._url.database))) as database, database:  # type: ignore[attr-defined]
        database.execute("update complaints set sealed = x'00' where number = ?", [numbers[1]])
    bank = restarted(old, NEXT_YEAR)
    assert [await bank.redating.run_once() for _ in range(2)] == [2, 0]  # and no round is repeated at once for it
    for number in (numbers[0], numbers[2]):
        assert EventKind.DATES_RECOMPUTED in await bank.happened(number)
    assert b'huiyin_faults_total{where="redating"} 2.0' in bank.metrics.render()


async def test_more_than_one_round_can_hold_are_counted_in_several(
    old: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.redating.LIMIT", 4)
    for _ in range(10):
        await opened(old)
    bank = restarted(old, NEXT_YEAR)
    assert [await bank.redating.run_once() for _ in range(4)] == [4, 4, 2, 0]


async def test_a_paused_limit_is_counted_again_and_stays_paused(old: Gateway, clock: Clock) -> None:
    """T13: the appraisal's time does not count, whatever the calendar says."""
    number = await opened(old)
    handler = (
        await old.does(number, commands.Grade(kind=Kind.COMPLAINT, nature=Nature.SERVICE, level=Level.GENERAL), "mgr")
    ).case.handler
    await old.does(number, commands.Accept(), handler)
    ahead = clock() + timedelta(hours=1)
    await old.does(number, commands.Investigate(direction="查流水", next_contact_at=ahead), handler)
    await old.does(number, commands.StartAppraisal(body="鉴定所", reason="笔迹", agreed_by="leg"), "cards-head")
    bank = restarted(old, NEXT_YEAR)
    assert await bank.redating.run_once() == 1
    promised = (await bank.complaint(number)).clocks[ClockName.PROMISED]
    assert (promised.provisional, promised.paused_at) == (False, clock())
    async with bank.storage.writing(Lane.TIMERS) as tx:
        assert await tx.complaints.provisional("another", 10) == []
