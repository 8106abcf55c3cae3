"""Complaints and their suggested links."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, bindparam, select

from gateway.errors import Conflict
from gateway.model import Complaint
from gateway.ports import ChainEnd
from gateway.storage import rows, tables
from gateway.storage.connection import Connection, Words
from gateway.storage.keys import Keys

COLUMNS = tables.complaints.c
NEVER_CHANGED = {"id", "number", "channel", "source", "received_at", "registered_at"}
ADVANCE = (
    tables.complaints.update()
    .where(COLUMNS.id == bindparam("this"))
    .values({column.name: bindparam(column.name) for column in COLUMNS if column.name not in NEVER_CHANGED})
)


class SqlComplaints:
    """Add complaints before anything that refers to them: their data keys are made here."""

    def __init__(self, db: Connection, keys: Keys) -> None:
        self._db = db
        self._keys = keys

    async def by_id(self, ids: Collection[str]) -> Mapping[str, Complaint]:
        found = await self._db.lookup(_by_id, sorted(ids))
        return {complaint.id: complaint for complaint in await self._opened(found)}

    async def by_number(self, numbers: Collection[str]) -> Mapping[str, Complaint]:
        found = await self._db.lookup(_by_number, numbers)
        return {complaint.number: complaint for complaint in await self._opened(found)}

    async def add(self, complaints: Sequence[Complaint]) -> None:
        await self._keys.make([complaint.id for complaint in complaints])
        self._db.insert(tables.complaints, [rows.complaint_values(complaint, self._keys) for complaint in complaints])

    async def advance(self, complaints: Sequence[Complaint]) -> None:
        ids = sorted(complaint.id for complaint in complaints)
        found = await self._db.lookup(_versions, ids)
        versions = {row.id: row.version for row in found}
        if any(versions.get(complaint.id, complaint.version) >= complaint.version for complaint in complaints):
            raise Conflict
        await self._keys.load(ids)
        values = [rows.complaint_values(complaint, self._keys) for complaint in complaints]
        await self._db.run(
            ADVANCE,
            [
                {"this": row["id"], **{name: value for name, value in row.items() if name not in NEVER_CHANGED}}
                for row in values
            ],
        )

    async def suggest_links(self, links: Sequence[tuple[str, str]], at: datetime) -> None:
        values = [
            {"complaint_id": complaint_id, "quoted_id": quoted_id, "suggested_at": at}
            for complaint_id, quoted_id in links
        ]
        self._db.insert(tables.links, values, again=True)

    async def provisional(self, calendar_version: str, limit: int) -> Sequence[str]:
        found = await self._db.rows(
            select(COLUMNS.id)
            .where(COLUMNS.provisional > "", COLUMNS.provisional != calendar_version)
            .order_by(COLUMNS.provisional, COLUMNS.id)
            .limit(limit)
        )
        return [row.id for row in found]

    async def waiting(self, limit: int) -> Sequence[Complaint]:
        found = await self._db.rows(
            select(tables.complaints).where(tables.WAITING).order_by(COLUMNS.promised_at, COLUMNS.id).limit(limit)
        )
        return await self._opened(found)

    async def registered(self, *, after: str, before: str, limit: int) -> Sequence[Complaint]:
        found = await self._db.rows(
            select(tables.complaints).where(COLUMNS.id > after, COLUMNS.id < before).order_by(COLUMNS.id).limit(limit)
        )
        return await self._opened(found)

    async def chain_ends(self, *, after: str, limit: int) -> Sequence[ChainEnd]:
        found = await self._db.rows(
            select(COLUMNS.id, COLUMNS.number, COLUMNS.version, COLUMNS.head)
            .where(COLUMNS.id > after)
            .order_by(COLUMNS.id)
            .limit(limit)
        )
        return [ChainEnd(complaint_id=row.id, number=row.number, version=row.version, head=row.head) for row in found]

    async def _opened(self, found: Sequence[Row[Any]]) -> Sequence[Complaint]:
        await self._keys.load({row.id for row in found})
        return [rows.complaint(row, self._keys) for row in found]


def _by_id(words: Words) -> Select[Any]:
    return words.locked(select(tables.complaints).where(words.among(COLUMNS.id)).order_by(COLUMNS.id))


def _versions(words: Words) -> Select[Any]:
    return words.locked(select(COLUMNS.id, COLUMNS.version).where(words.among(COLUMNS.id)).order_by(COLUMNS.id))


def _by_number(words: Words) -> Select[Any]:
    return select(tables.complaints).where(words.among(COLUMNS.number))
