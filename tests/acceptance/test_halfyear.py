"""Two months of the simulated half year (bench/HALFYEAR.md): every point holds; then a verdict that sees."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import date

import pytest

from bench.halfyear.ledger import Ledger
from bench.halfyear.life import Life
from bench.halfyear.moves import gives, in_hours
from bench.halfyear.plan import Plan
from bench.halfyear.report import text
from bench.halfyear.run import Run, played
from bench.halfyear.world import Duty, World
from gateway.model import Complaint, EventKind, State
from gateway.rules import commands

PLAN = Plan(complaints=50, seed=20261123, begins=date(2025, 12, 15), ends=date(2026, 2, 15))
"""Over the late calendar, 元旦, an afternoon without a process and an hour without mail, to the eve of 春节."""
SHORT = Plan(complaints=3, seed=20261123, begins=date(2025, 10, 9), ends=date(2025, 12, 9))

TAMPERED = (
    ("UPDATE timeline SET actor = 'nobody' WHERE kind = 'graded'", "every chain verifies"),
    ("DELETE FROM notices WHERE kind = 'n06'", "every event's notices are there, and no others"),
    ("UPDATE complaints SET promised_at = promised_at + 1", "every row is the fold of its timeline"),
    ("DELETE FROM queue WHERE lane = 'timers'", "the queue has each complaint's next alarm"),
    ("UPDATE notices SET state = 'dead' WHERE kind = 'n24'", "what is not delivered can be seen"),
    ("UPDATE notices SET state = 'sending' WHERE kind = 'n01'", "what is being sent is in the queue"),
)


@pytest.fixture
async def run() -> AsyncIterator[Run]:
    async with played(PLAN) as run:
        yield run


async def again(run: Run) -> set[str]:
    """Judge everything from what is stored now, as if nothing were known; return the points that do not hold."""
    world = run.world
    ledger = Ledger(world.storage, run.database, world.vault.audit_key, world.directory, PLAN)
    ids = [complaint.id for complaint in world.ledger.complaints()]
    await ledger.judge(ids, world.now(), world.gateway.calendar)
    await ledger.end_day(world.now(), world.gateway.calendar)
    return {one.rule for one in ledger.violations}


@pytest.mark.timeout(240)
async def test_two_months_of_complaints_keep_every_rule(run: Run) -> None:
    """A107, A112, C.3, D.9, law 18: a complaint is never lost from sight, told late in silence, or told twice."""
    world, ledger = run.world, run.world.ledger
    assert ledger.violations == [], await text(run, "")
    assert b"huiyin_faults_total{" not in world.gateway.metrics.render()
    states = {complaint.state for complaint in ledger.complaints()}
    assert {State.ARCHIVED, State.CLOSED} <= states
    happened = ledger.figures.events
    assert happened[EventKind.OPENED] >= PLAN.complaints
    assert min(happened[kind] for kind in (EventKind.ALARM_SOUNDED, EventKind.REPLIED, EventKind.OUTCOME_SENT)) > 10

    assert await again(run) == set()
    for statement, rule in TAMPERED:
        await run.database.run(statement)
        assert rule in await again(run), statement


def get_nowhere(world: World, life: Life, c: Complaint) -> Iterator[Duty]:
    """Try every day what the table does not let anybody do."""
    yield gives(world, life, "accept", in_hours(world, life, 1), commands.Accept, "cards-h1")


async def test_cases_that_stand_still_because_every_step_is_refused_are_seen() -> None:
    """C.3: alarms that sound at their times do not show that anybody gets on."""
    async with played(SHORT, people=get_nowhere) as run:
        broken = {one.rule for one in run.world.ledger.violations}
    assert broken == {"no case rests where its next step is at hand", "nobody is refused over and over"}
