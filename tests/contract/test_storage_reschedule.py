"""The lane of alarms: one row for each complaint that has one ahead, however many wait (`Queue.reschedule`)."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from gateway.model import Work
from gateway.ports import Lane, Storage
from gateway.storage import tables
from tests.contract import records
from tests.databases import Database, listening
from tests.factories import START

LANE, LEASE, HOUR = "timers", timedelta(minutes=2), timedelta(hours=1)


async def reschedule(storage: Storage, **due: datetime | None) -> None:
    async with storage.writing(Lane.TIMERS) as tx:
        await tx.queue.reschedule(LANE, due)


async def claim(storage: Storage, *, at: datetime = START, limit: int = 64) -> list[Work]:
    async with storage.writing(Lane.TIMERS) as tx:
        return list(await tx.queue.claim(LANE, now=at, until=at + LEASE, limit=limit))


async def rows(database: Database) -> list[tuple[Any, ...]]:
    return await database.run("SELECT id, lane, subject FROM queue ORDER BY id")


async def test_a_subject_has_one_row_however_often_it_is_put_ahead(storage: Storage, database: Database) -> None:
    for hours in (3, 1, 2):
        await reschedule(storage, a=START + hours * HOUR, b=START + 4 * HOUR)
    assert await rows(database) == [("a", LANE, "a"), ("b", LANE, "b")]
    assert await claim(storage, at=START + 2 * HOUR - timedelta(seconds=1)) == []
    assert [work.subject for work in await claim(storage, at=START + 2 * HOUR)] == ["a"]


async def test_a_row_that_was_put_there_with_its_complaint_is_the_same_row(
    storage: Storage, database: Database
) -> None:
    async with storage.writing(Lane.INTAKE) as tx:
        await tx.queue.add([Work(id="a", lane=LANE, subject="a", due_at=START)], now=START)
        await tx.queue.reschedule(LANE, {"a": START + HOUR})
    assert await rows(database) == [("a", LANE, "a")]
    assert await claim(storage) == []


async def test_nothing_ahead_leaves_no_row_and_may_be_said_twice(storage: Storage, database: Database) -> None:
    await reschedule(storage, a=START, b=START)
    for _ in range(2):
        await reschedule(storage, a=None)
    assert await rows(database) == [("b", LANE, "b")]


async def test_a_claimed_row_that_is_put_ahead_is_free_and_counts_anew(storage: Storage) -> None:
    await reschedule(storage, a=START)
    for present in (START, START + LEASE):
        await claim(storage, at=present)
    await reschedule(storage, a=START + LEASE)
    [again] = await claim(storage, at=START + LEASE)
    assert again.attempt == 1


async def test_a_claimed_row_whose_worker_died_comes_back(storage: Storage) -> None:
    """Lesson 71."""
    await reschedule(storage, a=START)
    assert len(await claim(storage)) == 1
    assert await claim(storage, at=START + LEASE - timedelta(seconds=1)) == []
    assert len(await claim(storage, at=START + LEASE)) == 1


async def test_what_a_failed_block_put_ahead_is_due_as_before(storage: Storage) -> None:
    await reschedule(storage, a=START)
    try:
        async with storage.writing(Lane.TIMERS) as tx:
            await tx.queue.reschedule(LANE, {"a": START + HOUR, "b": START})
            raise RuntimeError
    except RuntimeError:
        pass
    assert [work.subject for work in await claim(storage)] == ["a"]


async def test_other_lanes_are_left_alone(storage: Storage) -> None:
    letter = records.work()
    async with storage.writing(Lane.INTAKE) as tx:
        await tx.queue.add([letter], now=START)
        await tx.queue.reschedule(LANE, {"a": START})
    assert [work.subject for work in await claim(storage)] == ["a"]


class TestAHundredThousandOpenComplaints:
    """None of whose alarms is due: a round costs as much as over an empty table (lessons 91 and 92)."""

    ROWS = 100_000

    @pytest.fixture
    def database(self, own: Database) -> Database:
        return own

    async def test_cost_a_round_nothing(self, storage: Storage, database: Database) -> None:
        await self.fill(database)
        statements: list[tuple[str, Any]] = []

        def note(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
            statements.append((statement, parameters))

        with listening("before_cursor_execute", note):
            assert await claim(storage) == []
        [(statement, parameters)] = [one for one in statements if "queue" in one[0]]
        async with database.connection() as connection:
            if database.is_sqlite:
                plan = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
                steps = [step for *_, step in plan]
                assert any("ix_queue_lane_due_at_id (lane=? AND due_at<?)" in step for step in steps)
                assert not any(re.match(r"SCAN queue|USE TEMP B-TREE", step) for step in steps)
            else:
                plan = await connection.exec_driver_sql(f"EXPLAIN (ANALYZE, BUFFERS) {statement}", parameters)
                steps = [step for (step,) in plan]
                # The pages of the whole statement, of which the table has more than a thousand.
                [pages] = re.findall(r"Buffers: shared hit=(\d+)", steps[1] + steps[2])
                assert int(pages) < 20

    async def fill(self, database: Database) -> None:
        series = f"WITH RECURSIVE s (n) AS (SELECT 100000 UNION ALL SELECT n + 1 FROM s WHERE n < {99_999 + self.ROWS})"
        ahead = f"{tables.microseconds(START + HOUR)}"
        columns = "(id, lane, subject, due_at, leased_until, attempt)"
        values = f"CAST(n AS text), '{LANE}', CAST(n AS text), {ahead} + n, NULL, 0"
        async with database.connection() as connection:
            await connection.execute(text(f"INSERT INTO queue {columns} {series} SELECT {values} FROM s"))
            await connection.execute(text("ANALYZE"))
