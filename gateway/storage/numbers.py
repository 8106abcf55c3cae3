"""Serials of complaint numbers. How a number is written is in rules/numbering.py."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple

from sqlalchemy import bindparam

from gateway.storage import tables
from gateway.storage.connection import Connection, Words

LAST = tables.numbers.c.last
MOST_RETURNED: Final = 1_000  # what is forgotten beyond is a gap in the numbers, which is allowed


class SqlNumbers:
    """Takes serials inside the transaction: what it does not commit is given again."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    async def take(self, scope: str, count: int) -> int:
        [row] = await self._db.rows(self._db.built(_take), {"scope": scope, "count": count})
        first: int = row.last - count + 1
        return first


def _take(words: Words) -> Any:
    count = bindparam("count", type_=LAST.type)
    first = words.upsert(tables.numbers).values(last=count)
    return first.on_conflict_do_update(index_elements=["scope"], set_={"last": LAST + count}).returning(LAST)


class Serials(NamedTuple):
    scope: str
    first: int
    length: int


class Reserve:
    """Serials that were drawn for a transaction which did not come to its commit: the next ones take them first."""

    def __init__(self, draw: Callable[[str, int], Awaitable[int]]) -> None:
        self._draw = draw
        self._returned: deque[Serials] = deque(maxlen=MOST_RETURNED)

    async def take(self, scope: str, count: int) -> int:
        for held in self._returned:
            if held.scope == scope and held.length >= count:
                self._returned.remove(held)
                if held.length > count:
                    self._returned.append(Serials(scope, held.first + count, held.length - count))
                return held.first
        return await self._draw(scope, count)

    def give_back(self, serials: Serials) -> None:
        """Take back serials that nobody can have seen."""
        self._returned.append(serials)


class ReservedNumbers:
    """Takes serials beside the transaction, so that the counter is locked for one statement and not for a batch."""

    def __init__(self, reserve: Reserve) -> None:
        self._reserve = reserve
        self._taken: list[Serials] = []

    async def take(self, scope: str, count: int) -> int:
        first = await self._reserve.take(scope, count)
        self._taken.append(Serials(scope, first, count))
        return first

    def give_back(self) -> None:
        """Return what was taken. Only for a transaction whose COMMIT was never sent."""
        for serials in self._taken:
            self._reserve.give_back(serials)
