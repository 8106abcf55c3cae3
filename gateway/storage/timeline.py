"""The chained timeline of each complaint, append-only. What the chain proves is in audit.py."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Select, select

from gateway.model import Entry
from gateway.storage import rows, tables
from gateway.storage.connection import Connection, Words
from gateway.storage.keys import Keys

COLUMNS = tables.timeline.c


class SqlTimeline:
    def __init__(self, db: Connection, keys: Keys) -> None:
        self._db = db
        self._keys = keys

    async def append(self, entries: Sequence[Entry]) -> None:
        await self._keys.load({entry.complaint_id for entry in entries})
        values = [rows.entry_values(entry, self._keys) for entry in entries]
        self._db.insert(tables.timeline, values, contended=True)

    async def of(self, complaint_id: str) -> Sequence[Entry]:
        return (await self.of_all([complaint_id])).get(complaint_id, ())

    async def of_all(self, complaint_ids: Collection[str]) -> Mapping[str, Sequence[Entry]]:
        found = await self._db.lookup(_of, complaint_ids)
        await self._keys.load(complaint_ids)
        timelines: dict[str, list[Entry]] = {}
        for row in found:
            timelines.setdefault(row.complaint_id, []).append(rows.entry(row, self._keys))
        return timelines


def _of(words: Words) -> Select[Any]:
    chosen = select(tables.timeline).where(words.among(COLUMNS.complaint_id))
    return chosen.order_by(COLUMNS.complaint_id, COLUMNS.seq)
