"""The ways to reach each complaint's customer, found again by blind index only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Select, and_, bindparam, case, func, literal_column, select

from gateway.model import CHATS, AttemptOutcome, ChannelKind
from gateway.ports import Conversation, StoredContact, Talk
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
            # Who is written to in the chat they opened the case by has its number; one they typed may be anybody's.
            own = row.verified or CHATS.get(ChannelKind(row.channel)) == row.type
            one = Conversation(complaint_id=row.complaint_id, told_at=row.told_at, own=own)
            conversations[row.blind_index].append(one)
        return conversations

    async def talks(self, contact_ids: Collection[str]) -> Mapping[str, Talk]:
        last = {row.id: row for row in await self._db.lookup(_last_words, contact_ids)}
        told: dict[str, set[str]] = defaultdict(set)
        for row in await self._db.lookup(_told, contact_ids):
            if row.id in last and row.at >= last[row.id].at:
                told[row.id].add(row.key)
        return {one: Talk(index=row.blind_index, at=row.at, told=frozenset(told[one])) for one, row in last.items()}

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
    said = (COLUMNS.blind_index, COLUMNS.complaint_id, COLUMNS.type, COLUMNS.verified, complaints.channel)
    told_at = func.coalesce(func.max(deliveries.created_at), complaints.registered_at).label("told_at")
    return (
        select(*said, told_at)
        .join(tables.complaints, complaints.id == COLUMNS.complaint_id)
        .outerjoin(tables.notices, notices.complaint_id == COLUMNS.complaint_id)
        .outerjoin(tables.deliveries, and_(deliveries.notice_id == notices.id, deliveries.contact_id == COLUMNS.id))
        .where(words.among(COLUMNS.blind_index), complaints.state.in_(sorted(OPEN)))
        .group_by(
            COLUMNS.blind_index,
            COLUMNS.complaint_id,
            COLUMNS.type,
            complaints.registered_at,
            COLUMNS.verified,
            complaints.channel,
        )
        .order_by(told_at.desc(), COLUMNS.complaint_id.desc())
        .limit(literal_column(str(CONVERSATIONS)))
    )


def _last_words(words: Words) -> Select[Any]:
    """Select when the owner of each contact last wrote by it, about whichever of their complaints."""
    messages, same = tables.messages.c, tables.contacts.alias()
    by = case({kind.value: contact.value for kind, contact in CHATS.items()}, value=messages.channel)
    return (
        select(COLUMNS.id, COLUMNS.blind_index, func.max(messages.received_at).label("at"))
        .join(same, same.c.blind_index == COLUMNS.blind_index)
        .join(tables.messages, messages.complaint_id == same.c.complaint_id)
        .where(words.among(COLUMNS.id), by == COLUMNS.type, messages.machine.is_(None))
        .group_by(COLUMNS.id, COLUMNS.blind_index)
    )


def _told(words: Words) -> Select[Any]:
    """Select when each message was handed over, or may have been, to the owner of each contact."""
    notices, deliveries, attempts = tables.notices.c, tables.deliveries.c, tables.attempts.c
    same = tables.contacts.alias()
    handed_over = (AttemptOutcome.SENT.value, AttemptOutcome.UNKNOWN.value)
    return (
        select(COLUMNS.id, deliveries.key, func.max(attempts.at).label("at"))
        .join(same, same.c.blind_index == COLUMNS.blind_index)
        .join(tables.notices, notices.complaint_id == same.c.complaint_id)
        .join(tables.deliveries, and_(deliveries.notice_id == notices.id, deliveries.contact_id == same.c.id))
        .join(tables.attempts, attempts.delivery_key == deliveries.key)
        .where(words.among(COLUMNS.id), attempts.outcome.in_(handed_over))
        .group_by(COLUMNS.id, deliveries.key)
    )


def _index_of(words: Words) -> Select[Any]:
    return select(COLUMNS.id, COLUMNS.blind_index).where(words.among(COLUMNS.id))


def _indexes(words: Words) -> Select[Any]:
    return select(COLUMNS.complaint_id, COLUMNS.blind_index).where(words.among(COLUMNS.complaint_id))
