"""The chained timeline of each complaint, append-only. What the chain proves is in audit.py."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from gateway.errors import Conflict
from gateway.model import Entry
from gateway.storage import rows, tables
from gateway.storage.connection import Connection
from gateway.storage.keys import Keys
from gateway.storage.refusals import Taken

COLUMNS = tables.timeline.c


class SqlTimeline:
    def __init__(self, db: Connection, keys: Keys) -> None:
        self._db = db
        self._keys = keys

    async def append(self, entries: Sequence[Entry]) -> None:
        await self._keys.load({entry.complaint_id for entry in entries})
        try:
            await self._db.insert(tables.timeline, [rows.entry_values(entry, self._keys) for entry in entries])
        except Taken as error:
            raise Conflict from error

    async def of(self, complaint_id: str) -> Sequence[Entry]:
        found = await self._db.rows(
            select(tables.timeline).where(COLUMNS.complaint_id == complaint_id).order_by(COLUMNS.seq)
        )
        await self._keys.load([complaint_id])
        return [rows.entry(row, self._keys) for row in found]
