"""The ways to reach each complaint's customer, found again by blind index only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Select, and_, bindparam, func, literal_column, select

from gateway.model import CHATS
from gateway.ports import Conversation, StoredContact
from gateway.rules.transitions import OPEN
from gateway.storage import rows, tables
from gateway.storage.connection import Connection, Words
from gateway.storage.keys import Keys

COLUMNS = tables.contacts.c
CONVERSATIONS = 1000  # of all the addresses that are asked for at once


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

    async def conversations(self, indexes: Collection[bytes]) -> Mapping[bytes, Sequence[Conversation]]:
        conversations: dict[bytes, list[Conversation]] = defaultdict(list)
        for row in await self._db.lookup(_conversations, indexes):
            own = row.verified or row.channel in CHATS  # who was written to by chat has the number
            one = Conversation(complaint_id=row.complaint_id, told_at=row.told_at, own=own)
            conversations[row.blind_index].append(one)
        return conversations

    async def index_of(self, contact_ids: Collection[str]) -> Mapping[str, bytes]:
        return {row.id: row.blind_index for row in await self._db.lookup(_index_of, contact_ids)}

    async def verify(self, contact_ids: Collection[str]) -> None:
        verified = tables.contacts.update().where(COLUMNS.id == bindparam("this")).values(verified=True)
        await self._db.run(verified, [{"this": contact_id} for contact_id in contact_ids])


def _of(words: Words) -> Select[Any]:
    chosen = select(tables.contacts).where(words.among(COLUMNS.complaint_id))
    return chosen.order_by(COLUMNS.complaint_id, COLUMNS.rank)


def _conversations(words: Words) -> Select[Any]:
    complaints, notices, deliveries = tables.complaints.c, tables.notices.c, tables.deliveries.c
    said = (COLUMNS.blind_index, COLUMNS.complaint_id, COLUMNS.verified, complaints.channel)
    told_at = func.coalesce(func.max(deliveries.created_at), complaints.registered_at).label("told_at")
    return (
        select(*said, told_at)
        .join(tables.complaints, complaints.id == COLUMNS.complaint_id)
        .outerjoin(tables.notices, notices.complaint_id == COLUMNS.complaint_id)
        .outerjoin(tables.deliveries, and_(deliveries.notice_id == notices.id, deliveries.contact_id == COLUMNS.id))
        .where(words.among(COLUMNS.blind_index), complaints.state.in_(sorted(OPEN)))
        .group_by(
            COLUMNS.blind_index, COLUMNS.complaint_id, complaints.registered_at, COLUMNS.verified, complaints.channel
        )
        .order_by(told_at.desc(), COLUMNS.complaint_id.desc())
        .limit(literal_column(str(CONVERSATIONS)))
    )


def _index_of(words: Words) -> Select[Any]:
    return select(COLUMNS.id, COLUMNS.blind_index).where(words.among(COLUMNS.id))


def _indexes(words: Words) -> Select[Any]:
    return select(COLUMNS.complaint_id, COLUMNS.blind_index).where(words.among(COLUMNS.complaint_id))
