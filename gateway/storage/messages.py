"""Inbound messages, whole: record, raw original and attachments in one write."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Select, bindparam, func, select

from gateway.errors import BadData
from gateway.ports import HeldMessage, StoredMessage
from gateway.storage import blobs, rows, tables
from gateway.storage.connection import Connection, Words
from gateway.storage.keys import Keys

COLUMNS = tables.messages.c
HELD = select(
    COLUMNS.id,
    COLUMNS.source,
    COLUMNS.external_id,
    COLUMNS.complaint_id,
    COLUMNS.outcome,
    COLUMNS.content_key,
    tables.complaints.c.number,
    tables.complaints.c.promised_at,
).select_from(tables.messages.outerjoin(tables.complaints))

AMEND = (
    tables.messages.update()
    .where(COLUMNS.id == bindparam("this"))
    .values(sealed=bindparam("as"), problems=bindparam("odd"))
)


class SqlMessages:
    def __init__(self, db: Connection, keys: Keys) -> None:
        self._db = db
        self._keys = keys

    async def held(self, keys: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], HeldMessage]:
        # Not (source, external_id) IN (VALUES ...): for that SQLite reads the whole table.
        external_ids: dict[str, list[str]] = defaultdict(list)
        for source, external_id in keys:
            external_ids[source].append(external_id)
        held: dict[tuple[str, str], HeldMessage] = {}
        for source, ids in external_ids.items():
            found = await self._db.lookup(_came_by, ids, source=source)
            held.update({(source, row.external_id): rows.held_message(row) for row in found})
        return held

    async def twins(self, content_keys: Collection[bytes]) -> Mapping[bytes, HeldMessage]:
        found = await self._db.lookup(_first_of_each, content_keys)
        return {row.content_key: rows.held_message(row) for row in found}

    async def add(self, messages: Sequence[StoredMessage]) -> None:
        if any("\0" in message.external_id for message in messages):
            raise BadData("an external id with a NUL character")  # SQLite would take it, and PostgreSQL never after
        await self._keys.make([message.id for message in messages if message.complaint_id is None])
        await self._keys.load({rows.owner_of(message) for message in messages})
        self._db.insert(tables.messages, [rows.message_values(message, self._keys) for message in messages])
        await blobs.store(self._db, self._keys, messages)
        await blobs.attach(
            self._db,
            [(file.blob_id, message.id) for message in messages for file in message.attachments if file.blob_id],
        )

    async def of(self, complaint_id: str) -> Sequence[StoredMessage]:
        found = await self._db.rows(
            select(tables.messages)
            .where(COLUMNS.complaint_id == complaint_id)
            .order_by(COLUMNS.received_at, COLUMNS.id)
        )
        await self._keys.load([complaint_id])
        raws = await blobs.contents(self._db, self._keys, [rows.raw_id(row.id) for row in found])
        return [rows.message(row, self._keys, raws.get(rows.raw_id(row.id))) for row in found]

    async def load(self, ids: Collection[str]) -> Mapping[str, StoredMessage]:
        found = await self._db.lookup(_by_id, sorted(ids))
        await self._keys.load({row.complaint_id or row.id for row in found})
        return {row.id: rows.message(row, self._keys, None) for row in found}

    async def amend(self, message: StoredMessage) -> None:
        await self._keys.load([rows.owner_of(message)])
        values = rows.message_values(message, self._keys)
        await self._db.run(AMEND, [{"this": message.id, "as": values["sealed"], "odd": values["problems"]}])
        await blobs.store(self._db, self._keys, [message])


def _by_id(words: Words) -> Select[Any]:
    return words.locked(select(tables.messages).where(words.among(COLUMNS.id)).order_by(COLUMNS.id))


def _came_by(words: Words) -> Select[Any]:
    return HELD.where(COLUMNS.source == bindparam("source"), words.among(COLUMNS.external_id))


def _first_of_each(words: Words) -> Select[Any]:
    first = select(func.min(COLUMNS.id)).where(words.among(COLUMNS.content_key)).group_by(COLUMNS.content_key)
    return HELD.where(COLUMNS.id.in_(first))
