"""A storage that notes which complaints each committed transaction touched. All else is the real one's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from typing import Any, cast

from gateway.ports import Lane, Now, Storage, Transaction

Note = Callable[..., None]


class Watched:
    """Implements ports.Storage. `touched`: ids of complaints that were changed, or told of, since it was emptied."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._of_notice: dict[str, str] = {}
        self.touched: set[str] = set()

    @asynccontextmanager
    async def writing(self, lane: Lane) -> AsyncIterator[Transaction]:
        noted: set[str] = set()
        async with self._storage.writing(lane) as tx:
            yield cast(Transaction, _Transaction(tx, self._notes(noted)))
        self.touched |= noted

    def reading(self) -> AbstractAsyncContextManager[Transaction]:
        return self._storage.reading()

    async def check(self) -> None:
        await self._storage.check()

    async def check_room(self) -> None:
        await self._storage.check_room()

    async def skew(self, now: Now) -> timedelta:
        return await self._storage.skew(now)

    def _notes(self, noted: set[str]) -> Mapping[str, Mapping[str, Note]]:
        def complaints(changed: Any) -> None:
            noted.update(one.id for one in changed)

        def told(notices: Any, deliveries: Any) -> None:
            self._of_notice.update({one.id: one.complaint_id for one in notices})
            noted.update(one.complaint_id for one in (*notices, *deliveries))

        def settled(results: Any) -> None:
            noted.update(self._of_notice[one.notice_id] for one in results)

        return {"complaints": {"add": complaints, "advance": complaints}, "notices": {"add": told, "settle": settled}}


class _Transaction:
    def __init__(self, transaction: Transaction, notes: Mapping[str, Mapping[str, Note]]) -> None:
        self._transaction = transaction
        self._notes = notes

    def __getattr__(self, name: str) -> Any:
        part = getattr(self._transaction, name)
        return _Part(part, self._notes[name]) if name in self._notes else part


class _Part:
    def __init__(self, part: Any, notes: Mapping[str, Note]) -> None:
        self._part = part
        self._notes = notes

    def __getattr__(self, name: str) -> Any:
        method, note = getattr(self._part, name), self._notes.get(name)
        if note is None:
            return method

        def noted(*values: Any) -> Any:
            note(*values)
            return method(*values)

        return noted
