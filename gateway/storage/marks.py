"""Marks: how far a source was read, moved by compare-and-set."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Select, bindparam, select

from gateway.errors import Conflict
from gateway.ports import Mark
from gateway.storage import tables
from gateway.storage.connection import Connection, Words

MARKS = tables.marks
COLUMNS = MARKS.c
MOVE = MARKS.update().where(COLUMNS.stream == bindparam("this")).values(value=bindparam("to"), fence=bindparam("by"))


class SqlMarks:
    def __init__(self, db: Connection) -> None:
        self._db = db

    async def get(self, streams: Collection[str]) -> Mapping[str, str]:
        found = await self._db.lookup(_values, streams)
        return {row.stream: row.value for row in found}

    async def advance(self, marks: Sequence[Mark]) -> None:
        held = await self._db.lookup(_held, sorted({mark.stream for mark in marks}))
        before: dict[str, tuple[str | None, int]] = {row.stream: (row.value, row.fence) for row in held}
        after: dict[str, tuple[str | None, int]] = {}
        for mark in marks:
            value, fence = after.get(mark.stream) or before.get(mark.stream) or (None, 0)
            if value != mark.expected or fence > mark.fence:
                raise Conflict
            after[mark.stream] = (mark.value, mark.fence)
        self._db.insert(
            MARKS,
            [{"stream": s, "value": value, "fence": fence} for s, (value, fence) in after.items() if s not in before],
            contended=True,  # another reader may set the stream's first mark at this moment
        )
        await self._db.run(
            MOVE, [{"this": s, "to": value, "by": fence} for s, (value, fence) in after.items() if s in before]
        )


def _values(words: Words) -> Select[Any]:
    return select(COLUMNS.stream, COLUMNS.value).where(words.among(COLUMNS.stream))


def _held(words: Words) -> Select[Any]:
    return words.locked(select(MARKS).where(words.among(COLUMNS.stream)).order_by(COLUMNS.stream))
