"""What the bank's side did, for the phone page: cases, dates, what was told by which way, and the words as stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.model import Complaint, Contact, ContactType, Delivery, Notice, NoticeState
from gateway.ports import Storage, StoredContact, StoredMessage, Transaction
from gateway.rules.masks import mask_contact
from gateway.rules.reactions import CUSTOMER
from gateway.telling import CARRIES_LONG
from sandbox.customers import Customer, whose
from sandbox.desk import steps_of

MOST = 20
_EVER = 1000
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """Reads the storage past the API: for the page to show, not to act on."""

    storage: Storage

    async def cases(self) -> Sequence[Json]:
        """Return the last MOST cases, newest first."""
        async with self.storage.reading() as tx:
            found = await tx.complaints.registered(after="", before="~", limit=_EVER)
            newest = sorted(found, key=lambda one: one.number, reverse=True)[:MOST]
            return [await _case(tx, one) for one in newest]

    async def owner(self, number: str) -> Customer:
        """Return whose phone a case belongs to."""
        async with self.storage.reading() as tx:
            complaint = (await tx.complaints.by_number([number]))[number]
            return _owner((await tx.contacts.of([complaint.id])).get(complaint.id, ()))


async def _case(tx: Transaction, complaint: Complaint) -> Json:
    deliveries = await tx.notices.deliveries(complaint.id)
    notices = [one for one in await tx.notices.of(complaint.id) if one.recipient == CUSTOMER]
    contacts = (await tx.contacts.of([complaint.id])).get(complaint.id, ())
    return {
        "number": complaint.number,
        "customer": _owner(contacts).id,
        "channel": complaint.channel,
        "state": complaint.state,
        "promised_at": complaint.promised_at.isoformat(),
        "legal_at": complaint.legal_at.isoformat() if complaint.legal_at else None,
        "contacts": [_contact(one.contact) for one in contacts],
        "unit": complaint.case.unit,
        "handler": complaint.case.handler,
        "steps": [step for step in steps_of(complaint.state) if step != "call" or _to_be_called(contacts, notices)],
        "said": [_said(one) for one in await tx.messages.of(complaint.id)],
        "told": [_told(one, deliveries) for one in notices],
    }


def _owner(contacts: Sequence[StoredContact]) -> Customer:
    return whose(contacts[0].contact.value if contacts else "")


def _to_be_called(contacts: Sequence[StoredContact], notices: Sequence[Notice]) -> bool:
    waits = any(one.state is NoticeState.TO_CALL for one in notices)
    return waits or any(one.contact.type in CARRIES_LONG and not one.contact.verified for one in contacts)


def _contact(contact: Contact) -> Json:
    is_account = contact.type in (ContactType.WECOM, ContactType.WECHAT)  # whose name says nothing to a person
    shown = "" if is_account else mask_contact(contact.type, contact.value)
    return {"type": contact.type, "shown": shown, "verified": contact.verified}


def _said(message: StoredMessage) -> Json:
    turns = message.body.get("turns")
    return {
        "outcome": message.outcome,
        "text": message.body.get("text", ""),
        "turns": turns if isinstance(turns, list) else [],
        "attachments": len(message.attachments),
        "doubtful": "low_confidence" in message.problems,
        "removed": sum(message.redactions.values()),
    }


def _told(notice: Notice, deliveries: Sequence[Delivery]) -> Json:
    return {
        "kind": notice.kind,
        "state": notice.state,
        "at": notice.created_at.isoformat(),
        "ways": [
            {"type": one.to.type, "call": one.call, "state": one.state}
            for one in deliveries
            if one.notice_id == notice.id
        ],
    }
