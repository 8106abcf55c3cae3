"""The ways to reach each complaint's customer, found again by blind index only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import select

from gateway.ports import StoredContact
from gateway.storage import rows, tables
from gateway.storage.connection import Connection
from gateway.storage.keys import Keys

COLUMNS = tables.contacts.c


class SqlContacts:
    """A contact has its own data key, so that one address can be erased and its complaint kept."""

    def __init__(self, db: Connection, keys: Keys) -> None:
        self._db = db
        self._keys = keys

    async def add(self, contacts: Sequence[StoredContact]) -> None:
        await self._keys.make([contact.id for contact in contacts])
        await self._db.insert(tables.contacts, [rows.contact_values(contact, self._keys) for contact in contacts])

    async def of(self, complaint_ids: Collection[str]) -> Mapping[str, Sequence[StoredContact]]:
        found = await self._db.lookup(
            complaint_ids,
            lambda among: (
                select(tables.contacts).where(among(COLUMNS.complaint_id)).order_by(COLUMNS.complaint_id, COLUMNS.rank)
            ),
        )
        await self._keys.load({row.id for row in found})
        contacts: dict[str, list[StoredContact]] = defaultdict(list)
        for row in found:
            contacts[row.complaint_id].append(rows.stored_contact(row, self._keys))
        return {complaint_id: contacts[complaint_id] for complaint_id in complaint_ids}

    async def indexes(self, complaint_ids: Collection[str]) -> Mapping[str, frozenset[bytes]]:
        found = await self._db.lookup(
            complaint_ids,
            lambda among: select(COLUMNS.complaint_id, COLUMNS.blind_index).where(among(COLUMNS.complaint_id)),
        )
        indexes: dict[str, set[bytes]] = defaultdict(set)
        for row in found:
            indexes[row.complaint_id].add(row.blind_index)
        return {complaint_id: frozenset(indexes[complaint_id]) for complaint_id in complaint_ids}
