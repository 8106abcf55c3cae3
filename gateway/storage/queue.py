"""The one queue, with the one claim. Rows are deleted when done, so the table stays as small as the work that waits."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Delete, Executable, Select, bindparam, func, literal_column, or_, select

from gateway.model import Work
from gateway.storage import rows, tables
from gateway.storage.connection import Connection, Words

QUEUE = tables.queue
COLUMNS = tables.queue.c

POSTPONE = QUEUE.update().where(COLUMNS.id == bindparam("this")).values(due_at=bindparam("due_at"), leased_until=None)
RELEASE = (
    QUEUE.update()
    .where(COLUMNS.id == bindparam("this"), COLUMNS.attempt == bindparam("claimed"))
    .values(leased_until=None, attempt=COLUMNS.attempt - 1)
)


class SqlQueue:
    def __init__(self, db: Connection) -> None:
        self._db = db

    async def add(self, work: Sequence[Work]) -> None:
        self._db.insert(QUEUE, [rows.work_values(one) for one in work])

    async def claim(
        self, lane: str, *, now: datetime, until: datetime, limit: int, since: datetime | None = None
    ) -> Sequence[Work]:
        claimed = await self._db.rows(
            self._db.built(_claim, limit, since is not None),
            {"in_lane": lane, "now": now, "until": until} | ({} if since is None else {"since": since}),
        )
        # RETURNING promises no order.
        return sorted((rows.work(row) for row in claimed), key=lambda work: (work.due_at, work.id))

    async def release(self, work: Sequence[Work]) -> None:
        await self._db.run(RELEASE, [{"this": one.id, "claimed": one.attempt} for one in work])

    async def recall(self, lane: str, *, now: datetime, latest: datetime) -> None:
        never_tried, too_late = COLUMNS.attempt == 0, COLUMNS.due_at > latest
        await self._db.run(
            QUEUE.update()
            .where(COLUMNS.lane == lane, COLUMNS.due_at > now, or_(never_tried, too_late))
            .values(due_at=now)
        )

    async def oldest(self) -> Mapping[str, datetime]:
        # MIN ... GROUP BY would read every row; this hops through the index from lane to lane.
        lanes = select(func.min(COLUMNS.lane).label("lane")).cte("lanes", recursive=True)
        beyond = select(func.min(COLUMNS.lane)).where(COLUMNS.lane > lanes.c.lane).scalar_subquery()
        lanes = lanes.union_all(select(beyond).where(lanes.c.lane.is_not(None)))
        earliest = select(func.min(COLUMNS.due_at)).where(COLUMNS.lane == lanes.c.lane).scalar_subquery()
        found = await self._db.rows(select(lanes.c.lane, earliest.label("due_at")).where(lanes.c.lane.is_not(None)))
        return {row.lane: row.due_at for row in found}


async def current(db: Connection, work: Collection[Work]) -> set[str]:
    """Return the ids of the work that is still its worker's: not claimed again since, and not done."""
    attempts = {one.id: one.attempt for one in work}
    found = await db.lookup(_attempts, sorted(attempts))
    return {row.id for row in found if attempts[row.id] == row.attempt}


async def finish(db: Connection, ids: Sequence[str]) -> None:
    await db.change(_finished, ids)


async def postpone(db: Connection, due: Mapping[str, datetime]) -> None:
    await db.run(POSTPONE, [{"this": work_id, "due_at": at} for work_id, at in due.items()])


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
            or_(COLUMNS.leased_until.is_(None), COLUMNS.leased_until <= bindparam("now")),
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
