"""Who wants to be written to by which contact: each change as it came, by blind index, so nothing is sealed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Select, literal_column, select

from gateway.ports import Consent
from gateway.storage import tables
from gateway.storage.connection import Connection, Words
from gateway.storage.sources import held

TABLE = tables.consents
COLUMNS = TABLE.c


class SqlConsents:
    def __init__(self, db: Connection) -> None:
        self._db = db

    async def held(self, keys: Collection[tuple[str, str]]) -> frozenset[tuple[str, str]]:
        return await held(self._db, TABLE, keys)

    async def add(self, consents: Sequence[Consent]) -> None:
        values = [
            {
                "id": one.id,
                "source": one.source,
                "external_id": one.external_id,
                "blind_index": one.index,
                "wanted": one.wanted,
                "at": one.at,
                "word": one.word,
            }
            for one in consents
        ]
        self._db.insert(TABLE, values, again=True)

    async def refused(self, contact_ids: Collection[str]) -> frozenset[str]:
        found = await self._db.lookup(_newest, contact_ids)
        return frozenset(row.contact_id for row in found if row.wanted is False)


def _newest(words: Words) -> Select[Any]:
    contacts = tables.contacts.c
    said = select(COLUMNS.wanted).where(COLUMNS.blind_index == contacts.blind_index)
    newest = said.order_by(COLUMNS.at.desc(), COLUMNS.id.desc()).limit(literal_column("1")).scalar_subquery()
    return select(contacts.id.label("contact_id"), newest.label("wanted")).where(words.among(contacts.id))
