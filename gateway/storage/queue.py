"""The one queue, with the one claim. Rows are deleted when done, so the table stays as small as the work that waits.

`leased_until` of a row that waits is when it was added or put back: one that lies ahead of the present was written by
a clock that has been set back since, and so was the row's due time.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Delete, Executable, Select, bindparam, func, literal_column, or_, select

from gateway.model import Work
from gateway.storage import rows, tables
from gateway.storage.connection import Connection, Words
from gateway.storage.leases import LONGEST

QUEUE = tables.queue
COLUMNS = tables.queue.c
NEVER = datetime.max.replace(tzinfo=UTC)

POSTPONE = (
    QUEUE.update()
    .where(COLUMNS.id == bindparam("this"))
    .values(due_at=bindparam("due_at"), leased_until=bindparam("now"))
)
RELEASE = (
    QUEUE.update()
    .where(COLUMNS.id == bindparam("this"), COLUMNS.attempt == bindparam("claimed"))
    .values(leased_until=None, attempt=COLUMNS.attempt - 1)
)


class SqlQueue:
    def __init__(self, db: Connection) -> None:
        self._db = db

    async def add(self, work: Sequence[Work], *, now: datetime) -> None:
        self._db.insert(QUEUE, [rows.work_values(one, now) for one in work])

    async def reschedule(self, lane: str, due: Mapping[str, datetime | None]) -> None:
        rows_ahead = [
            rows.work_values(Work(id=subject, lane=lane, subject=subject, due_at=at), None)
            for subject, at in sorted(due.items())
            if at is not None
        ]
        await self._db.run(self._db.built(_rescheduled), rows_ahead)
        await finish(self._db, [subject for subject, at in sorted(due.items()) if at is None])

    async def claim(
        self, lane: str, *, now: datetime, until: datetime, limit: int, since: datetime | None = None
    ) -> Sequence[Work]:
        claimed = await self._db.rows(
            self._db.built(_claim, limit, since is not None),
            {"in_lane": lane, "now": now, "until": until, "beyond": now + LONGEST * (until - now)}
            | ({} if since is None else {"since": since}),
        )
        # RETURNING promises no order.
        return sorted((rows.work(row) for row in claimed), key=lambda work: (work.due_at, work.id))

    async def release(self, work: Sequence[Work]) -> None:
        await self._db.run(RELEASE, [{"this": one.id, "claimed": one.attempt} for one in work])

    async def finish(self, work: Sequence[Work]) -> None:
        await finish(self._db, sorted(await current(self._db, work)))

    async def postpone(self, work: Sequence[Work], due_at: Mapping[str, datetime], *, now: datetime) -> None:
        own = await current(self._db, work)
        await postpone(self._db, {one.id: (due_at[one.id], now) for one in work if one.id in own})

    async def recall(self, lane: str, *, now: datetime, latest: datetime) -> None:
        await self._db.run(
            QUEUE.update()
            # With both ends: of one that is open PostgreSQL may believe that it is a third of the table, and read all.
            .where(COLUMNS.lane == lane, COLUMNS.due_at > now, COLUMNS.due_at <= NEVER, COLUMNS.leased_until > latest)
            # Not what another node has just claimed: its lease ends after it was due, what waits was put there before.
            .where(COLUMNS.leased_until <= COLUMNS.due_at)
            .values(due_at=now, leased_until=now)
        )

    async def oldest(self) -> Mapping[str, datetime]:
        return {row.lane: row.due_at for row in await self._db.rows(self._db.built(_oldest))}


def _oldest(words: Words) -> Select[Any]:
    # MIN ... GROUP BY would read every row; this hops through the index from lane to lane.
    lanes = select(func.min(COLUMNS.lane).label("lane")).cte("lanes", recursive=True)
    beyond = select(func.min(COLUMNS.lane)).where(COLUMNS.lane > lanes.c.lane).scalar_subquery()
    lanes = lanes.union_all(select(beyond).where(lanes.c.lane.is_not(None)))
    earliest = select(func.min(COLUMNS.due_at)).where(COLUMNS.lane == lanes.c.lane).scalar_subquery()
    return select(lanes.c.lane, earliest.label("due_at")).where(lanes.c.lane.is_not(None))


def _rescheduled(words: Words) -> Any:
    upsert = words.upsert(QUEUE)
    ahead = {"due_at": upsert.excluded.due_at, "leased_until": None, "attempt": 0}
    return upsert.on_conflict_do_update(index_elements=[COLUMNS.id], set_=ahead)


async def current(db: Connection, work: Collection[Work]) -> set[str]:
    """Return the ids of the work that is still its worker's: not claimed again since, and not done."""
    attempts = {one.id: one.attempt for one in work}
    found = await db.lookup(_attempts, sorted(attempts))
    return {row.id for row in found if attempts[row.id] == row.attempt}


async def finish(db: Connection, ids: Sequence[str]) -> None:
    await db.change(_finished, ids)


async def postpone(db: Connection, due: Mapping[str, tuple[datetime, datetime]]) -> None:
    """Put work back: for each id, when it is due, and the present of who puts it back."""
    await db.run(POSTPONE, [{"this": work_id, "due_at": at, "now": now} for work_id, (at, now) in due.items()])


def _attempts(words: Words) -> Select[Any]:
    return words.locked(select(COLUMNS.id, COLUMNS.attempt).where(words.among(COLUMNS.id)).order_by(COLUMNS.id))


def _finished(words: Words) -> Delete:
    return QUEUE.delete().where(words.among(COLUMNS.id))


def _claim(words: Words, limit: int, since: bool) -> Executable:
    due = (
        select(COLUMNS.id)
        .where(
            COLUMNS.lane == bindparam("in_lane"),
            COLUMNS.due_at <= bindparam("now"),
            or_(
                COLUMNS.leased_until.is_(None),
                COLUMNS.leased_until <= bindparam("now"),
                COLUMNS.leased_until > bindparam("beyond"),  # nobody leases so far ahead
            ),
            *([COLUMNS.due_at >= bindparam("since")] if since else []),
        )
        .order_by(COLUMNS.due_at, COLUMNS.id)
        # In the text: with a limit that it does not know PostgreSQL may plan for a tenth of the table.
        .limit(literal_column(str(int(limit))))
        .with_for_update(skip_locked=True)  # said on PostgreSQL only
        .cte("due")  # as a plain subquery PostgreSQL may run it more than once, and so lock more than the limit
    )
    return (
        QUEUE.update()
        .where(COLUMNS.id.in_(select(due.c.id)))
        .values(leased_until=bindparam("until"), attempt=COLUMNS.attempt + 1)
        .returning(COLUMNS.id, COLUMNS.lane, COLUMNS.subject, COLUMNS.due_at, COLUMNS.attempt)
    )
