"""Serials of complaint numbers. How a number is written is in rules/numbering.py."""

from __future__ import annotations

from gateway.storage import tables
from gateway.storage.connection import Connection

LAST = tables.numbers.c.last


class SqlNumbers:
    def __init__(self, db: Connection) -> None:
        self._db = db

    async def take(self, scope: str, count: int) -> int:
        [row] = await self._db.rows(
            self._db.upsert(tables.numbers)
            .values(scope=scope, last=count)
            .on_conflict_do_update(index_elements=["scope"], set_={"last": LAST + count})
            .returning(LAST)
        )
        first: int = row.last - count + 1
        return first
