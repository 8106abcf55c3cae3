"""What the bank's side did, for the phone page: cases, dates, what was told by which way, and the words as stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.model import (
    ClockName,
    Complaint,
    Contact,
    ContactType,
    Delivery,
    DeliveryState,
    EventKind,
    Notice,
    NoticeState,
    State,
)
from gateway.ports import Storage, StoredContact, StoredMessage, Transaction
from gateway.rules import clocks
from gateway.rules.masks import mask_contact
from gateway.rules.reactions import CUSTOMER
from gateway.telling import CARRIES_LONG, MUST_BE_READ, OUTCOMES, carries_long
from sandbox.customers import Customer, whose
from sandbox.desk import steps_of

MOST = 20
_EVER = 1000
_HANDED_OVER = (DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.READ)
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
    # Where the storage keeps them in no order of their own, the page would show them in another one at every look.
    deliveries = sorted(await tx.notices.deliveries(complaint.id), key=lambda one: (one.created_at, one.call))
    told = [one for one in await tx.notices.of(complaint.id) if one.recipient == CUSTOMER]
    notices = sorted(told, key=lambda one: (one.created_at, one.kind))
    knows = await _knows(tx, complaint, notices, deliveries)
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
        "knows": knows,
        "steps": _steps(complaint, knows=knows, to_be_called=_to_be_called(contacts, notices)),
        "said": [_said(one) for one in await tx.messages.of(complaint.id)],
        "told": [_told(one, deliveries) for one in notices],
    }


def _owner(contacts: Sequence[StoredContact]) -> Customer:
    return whose(contacts[0].contact.value if contacts else "")


def _steps(complaint: Complaint, *, knows: bool, to_be_called: bool) -> Sequence[str]:
    """Return what the desk offers: who cannot be told the outcome in writing is called, or calls."""
    fits = {"call": to_be_called, "hear": not knows and not to_be_called, "confirm": knows}
    steps = [step for step in steps_of(complaint.state) if fits.get(step, True)]
    return [*steps, "read"] if clocks.is_open(complaint.clocks.get(ClockName.READ)) else steps


async def _knows(
    tx: Transaction, complaint: Complaint, notices: Sequence[Notice], deliveries: Sequence[Delivery]
) -> bool:
    """Say whether the customer was told this outcome: in full, or by somebody on the telephone."""
    replied_at = complaint.case.replied_at
    if complaint.state is not State.REPLIED or replied_at is None:
        return False
    outcomes = {one.id for one in notices if one.kind in OUTCOMES and one.created_at == replied_at}
    ways = (one for one in deliveries if one.notice_id in outcomes and one.state in _HANDED_OVER)
    if any(one.call or carries_long(one.to) for one in ways):
        return True
    later = (one.event for one in await tx.timeline.of(complaint.id) if one.at >= replied_at)
    calls = [{**one.public, **one.private} for one in later if one.kind is EventKind.CALL_RECORDED]
    return any(one["reached"] for one in calls)


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
            {"type": one.to.type, "call": one.call, "state": one.state, "in_full": _in_full(notice, one)}
            for one in deliveries
            if one.notice_id == notice.id
        ],
    }


def _in_full(notice: Notice, delivery: Delivery) -> bool:
    """Say whether what is told in a short form, too, was told here in as many words as it takes."""
    return notice.kind in MUST_BE_READ and not delivery.call and carries_long(delivery.to)
