"""Leases: who alone may do a thing until when. Rows stay, so that the fence of a name only ever grows."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import or_

from gateway.storage import tables
from gateway.storage.connection import Connection
from gateway.storage.tables import EPOCH

LEASES = tables.leases
COLUMNS = LEASES.c
RELEASED = EPOCH
LONGEST = 10  # terms


class SqlLeases:
    def __init__(self, db: Connection) -> None:
        self._db = db

    async def acquire(self, name: str, holder: str, *, now: datetime, until: datetime) -> int | None:
        taken = await self._db.rows(
            self._db.upsert(LEASES)
            .values(name=name, holder=holder, fence=1, until=until)
            .on_conflict_do_update(
                index_elements=["name"],
                set_={"holder": holder, "fence": COLUMNS.fence + 1, "until": until},
                where=or_(
                    COLUMNS.until <= now,
                    COLUMNS.until > now + LONGEST * (until - now),  # nobody renews so far ahead
                    COLUMNS.holder == holder,
                ),
            )
            .returning(COLUMNS.fence)
        )
        return taken[0].fence if taken else None

    async def renew(self, name: str, fence: int, *, until: datetime) -> bool:
        kept = await self._db.rows(
            LEASES.update()
            .where(COLUMNS.name == name, COLUMNS.fence == fence, COLUMNS.until > RELEASED)
            .values(until=until)
            .returning(COLUMNS.name)
        )
        return bool(kept)

    async def release(self, name: str, fence: int) -> None:
        await self._db.run(LEASES.update().where(COLUMNS.name == name, COLUMNS.fence == fence).values(until=RELEASED))
