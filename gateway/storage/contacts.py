"""The ways to reach each complaint's customer, found again by blind index only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Select, bindparam, select

from gateway.ports import StoredContact
from gateway.storage import rows, tables
from gateway.storage.connection import Connection, Words
from gateway.storage.keys import Keys

COLUMNS = tables.contacts.c


class SqlContacts:
    """A contact has its own data key, so that one address can be erased and its complaint kept."""

    def __init__(self, db: Connection, keys: Keys) -> None:
        self._db = db
        self._keys = keys

    async def add(self, contacts: Sequence[StoredContact]) -> None:
        await self._keys.make([contact.id for contact in contacts])
        self._db.insert(tables.contacts, [rows.contact_values(contact, self._keys) for contact in contacts])

    async def of(self, complaint_ids: Collection[str]) -> Mapping[str, Sequence[StoredContact]]:
        found = await self._db.lookup(_of, complaint_ids)
        await self._keys.load({row.id for row in found})
        contacts: dict[str, list[StoredContact]] = defaultdict(list)
        for row in found:
            contacts[row.complaint_id].append(rows.stored_contact(row, self._keys))
        return {complaint_id: contacts[complaint_id] for complaint_id in complaint_ids}

    async def indexes(self, complaint_ids: Collection[str]) -> Mapping[str, frozenset[bytes]]:
        found = await self._db.lookup(_indexes, complaint_ids)
        indexes: dict[str, set[bytes]] = defaultdict(set)
        for row in found:
            indexes[row.complaint_id].add(row.blind_index)
        return {complaint_id: frozenset(indexes[complaint_id]) for complaint_id in complaint_ids}

    async def verify(self, contact_ids: Collection[str]) -> None:
        verified = tables.contacts.update().where(COLUMNS.id == bindparam("this")).values(verified=True)
        await self._db.run(verified, [{"this": contact_id} for contact_id in contact_ids])


def _of(words: Words) -> Select[Any]:
    chosen = select(tables.contacts).where(words.among(COLUMNS.complaint_id))
    return chosen.order_by(COLUMNS.complaint_id, COLUMNS.rank)


def _indexes(words: Words) -> Select[Any]:
    return select(COLUMNS.complaint_id, COLUMNS.blind_index).where(words.among(COLUMNS.complaint_id))
