"""Row <-> model, sealing included: the only place that knows which field goes into which column.

The keys an owner needs are made or loaded by the caller before. What belongs to an erased owner comes back empty.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson
from pydantic import TypeAdapter
from sqlalchemy import Row

from gateway.model import (
    Attachment,
    Attempt,
    AttemptOutcome,
    Card,
    Case,
    ChannelKind,
    Complaint,
    Contact,
    ContactType,
    Content,
    Delivery,
    DeliveryState,
    DeliveryStatus,
    Entry,
    Event,
    EventKind,
    Kind,
    Language,
    Level,
    MachineKind,
    Notice,
    NoticeFacts,
    NoticeKind,
    NoticeState,
    Outcome,
    State,
    Template,
    Text,
    Ticket,
    Work,
)
from gateway.ports import HeldMessage, StoredContact, StoredMessage, StoredReceipt
from gateway.rules import clocks, tickets
from gateway.storage.keys import Keys, json_text

Values = dict[str, Any]
"""A row to store. Words are plain str: for each enum that it is given, SQLite's driver looks for an adapter."""

CASE = TypeAdapter(Case)
CARD = TypeAdapter(Card)
TEMPLATE = TypeAdapter(Template)
_TEXT = ("subject", "short", "text", "html")
UNTOUCHED = Case()
"""A complaint nobody has worked on: most rows of the hot write, so it takes no room."""


def complaint_values(complaint: Complaint, keys: Keys) -> Values:
    return {
        "id": complaint.id,
        "number": complaint.number,
        "state": str(complaint.state),
        "kind": str(complaint.kind),
        "level": str(complaint.level),
        "needs_review": complaint.needs_review,
        "channel": str(complaint.channel),
        "source": complaint.source,
        "language": str(complaint.language),
        "received_at": complaint.received_at,
        "registered_at": complaint.registered_at,
        "promised_at": complaint.promised_at,
        "legal_at": complaint.legal_at,
        "policy": complaint.policy,
        "clocks": json_text(clocks.to_json(complaint.clocks)),
        "provisional": _provisional(complaint),
        "unit": complaint.case.unit,
        "handler": complaint.case.handler,
        "sealed": keys.seal(complaint.id, _private(complaint), f"complaints.sealed.{complaint.id}"),
        "version": complaint.version,
        "head": complaint.head,
    }


def _private(complaint: Complaint) -> Values:
    private: Values = {"name": complaint.name}
    if complaint.case != UNTOUCHED:
        private["case"] = CASE.dump_python(complaint.case, mode="json")
    return private


def _provisional(complaint: Complaint) -> str | None:
    """Return the calendar of an open limit that was counted over an unknown year."""
    return next(
        (one.calendar_version for one in complaint.clocks.values() if one.provisional and one.stopped_at is None), None
    )


def complaint(row: Row[Any], keys: Keys) -> Complaint:
    private = keys.open(row.id, row.sealed, f"complaints.sealed.{row.id}") or {}
    return Complaint(
        id=row.id,
        number=row.number,
        state=State(row.state),
        kind=Kind(row.kind),
        level=Level(row.level),
        needs_review=row.needs_review,
        channel=ChannelKind(row.channel),
        source=row.source,
        language=Language(row.language),
        received_at=row.received_at,
        registered_at=row.registered_at,
        promised_at=row.promised_at,
        legal_at=row.legal_at,
        policy=row.policy,
        name=private.get("name", ""),
        clocks=clocks.from_json(orjson.loads(row.clocks)),
        case=CASE.validate_python(private["case"]) if "case" in private else UNTOUCHED,
        version=row.version,
        head=row.head,
    )


def owner_of(message: StoredMessage) -> str:
    """Return whose data key seals a message: its complaint's, else its own."""
    return message.complaint_id or message.id


def raw_id(message_id: str) -> str:
    """Return the id of the blob that holds a message's raw original."""
    return f"{message_id}.raw"


def message_values(message: StoredMessage, keys: Keys) -> Values:
    attachments = [
        [file.name, file.media_type, file.size, _blob_id(message, position), file.sha256, file.ref]
        for position, file in enumerate(message.attachments)
    ]
    private = {"body": dict(message.body), "attachments": attachments}
    return {
        "id": message.id,
        "complaint_id": message.complaint_id,
        "source": message.source,
        "channel": message.channel,
        "external_id": message.external_id,
        "content_key": message.content_key,
        "outcome": str(message.outcome),
        "machine": str(message.machine) if message.machine else None,
        "received_at": message.received_at,
        "stored_at": message.stored_at,
        "sealed": keys.seal(owner_of(message), private, f"messages.sealed.{message.id}"),
        "raw_digest": message.raw_digest,
        "redactions": json_text(dict(message.redactions)),
        "problems": json_text(message.problems),
        "restricted": message.restricted,
    }


def files_of(message: StoredMessage) -> dict[str, bytes]:
    """Return blob id -> content of everything that is stored together with the message."""
    files = {raw_id(message.id): message.raw}
    for position, file in enumerate(message.attachments):
        files[f"{message.id}.{position}"] = file.content if file.blob_id is None else None
    return {blob_id: content for blob_id, content in files.items() if content is not None}


def _blob_id(message: StoredMessage, position: int) -> str | None:
    file = message.attachments[position]
    return file.blob_id if file.content is None else file.blob_id or f"{message.id}.{position}"


def message(row: Row[Any], keys: Keys, raw: bytes | None) -> StoredMessage:
    private = keys.open(row.complaint_id or row.id, row.sealed, f"messages.sealed.{row.id}") or {}
    return StoredMessage(
        id=row.id,
        complaint_id=row.complaint_id,
        source=row.source,
        channel=row.channel,
        external_id=row.external_id,
        content_key=row.content_key,
        outcome=Outcome(row.outcome),
        machine=MachineKind(row.machine) if row.machine else None,
        received_at=row.received_at,
        stored_at=row.stored_at,
        body=private.get("body", {}),
        raw=raw,
        raw_digest=row.raw_digest,
        redactions=orjson.loads(row.redactions),
        problems=tuple(orjson.loads(row.problems)),
        restricted=row.restricted,
        attachments=tuple(
            Attachment(name=name, media_type=media_type, size=size, blob_id=blob_id, sha256=sha256, ref=ref)
            for name, media_type, size, blob_id, sha256, ref in private.get("attachments", ())
        ),
    )


def held_message(row: Row[Any]) -> HeldMessage:
    return HeldMessage(
        id=row.id,
        complaint_id=row.complaint_id,
        outcome=Outcome(row.outcome),
        number=row.number,
        promised_at=row.promised_at,
        content_key=row.content_key,
    )


def contact_values(stored: StoredContact, keys: Keys) -> Values:
    return {
        "id": stored.id,
        "complaint_id": stored.complaint_id,
        "rank": stored.rank,
        "blind_index": stored.index,
        "type": str(stored.contact.type),
        "verified": stored.contact.verified,
        "preferred": stored.contact.preferred,
        "sealed": keys.seal(stored.id, stored.contact.value, f"contacts.sealed.{stored.id}"),
    }


def stored_contact(row: Row[Any], keys: Keys) -> StoredContact:
    return StoredContact(
        id=row.id,
        complaint_id=row.complaint_id,
        rank=row.rank,
        index=row.blind_index,
        contact=_contact(row, keys.open(row.id, row.sealed, f"contacts.sealed.{row.id}")),
    )


def _contact(row: Row[Any], value: str | None) -> Contact:
    return Contact(type=ContactType(row.type), value=value or "", verified=row.verified, preferred=row.preferred)


def entry_values(entry: Entry, keys: Keys) -> Values:
    private = {"salt": entry.salt.hex(), "private": dict(entry.event.private)}
    return {
        "complaint_id": entry.complaint_id,
        "seq": entry.seq,
        "at": entry.at,
        "kind": str(entry.event.kind),
        "actor": entry.actor,
        "public": json_text(dict(entry.event.public)),
        "sealed": keys.seal(entry.complaint_id, private, f"timeline.sealed.{entry.complaint_id}.{entry.seq}"),
        "digest": entry.digest,
        "mac": entry.mac,
    }


def entry(row: Row[Any], keys: Keys) -> Entry:
    private = keys.open(row.complaint_id, row.sealed, f"timeline.sealed.{row.complaint_id}.{row.seq}") or {}
    return Entry(
        complaint_id=row.complaint_id,
        seq=row.seq,
        at=row.at,
        actor=row.actor,
        event=Event(kind=EventKind(row.kind), public=orjson.loads(row.public), private=private.get("private", {})),
        salt=bytes.fromhex(private.get("salt", "")),
        digest=row.digest,
        mac=row.mac,
    )


def notice_values(notice: Notice, keys: Keys) -> Values:
    told = notice.facts
    facts = {
        "number": told.number,
        "kind": told.kind,
        "major": told.major,
        "promised_at": told.promised_at,
        "received_at": told.received_at,
        "channel": told.channel,
    }
    return {
        "id": notice.id,
        "complaint_id": notice.complaint_id,
        "cause": notice.cause,
        "kind": str(notice.kind),
        "recipient": notice.recipient,
        "facts": json_text(facts),
        "sealed": keys.seal(notice.complaint_id, _told(told), f"notices.sealed.{notice.id}"),
        "language": str(notice.language),
        "state": str(notice.state),
        "created_at": notice.created_at,
    }


def _told(facts: NoticeFacts) -> Values:
    return {"name": facts.name, "details": dict(facts.details)} if facts.details else {"name": facts.name}


def notice(row: Row[Any], keys: Keys) -> Notice:
    facts = orjson.loads(row.facts)
    private = keys.open(row.complaint_id, row.sealed, f"notices.sealed.{row.id}") or {}
    return Notice(
        id=row.id,
        complaint_id=row.complaint_id,
        cause=row.cause,
        kind=NoticeKind(row.kind),
        recipient=row.recipient,
        facts=NoticeFacts(
            number=facts["number"],
            kind=Kind(facts["kind"]),
            major=facts["major"],
            promised_at=datetime.fromisoformat(facts["promised_at"]),
            received_at=datetime.fromisoformat(facts["received_at"]),
            channel=ChannelKind(facts["channel"]),
            name=private.get("name", ""),
            details=private.get("details", {}),
        ),
        language=Language(row.language),
        state=NoticeState(row.state),
        created_at=row.created_at,
    )


def delivery_values(delivery: Delivery, keys: Keys) -> Values:
    return {
        "key": delivery.key,
        "notice_id": delivery.notice_id,
        "complaint_id": delivery.complaint_id,
        "kind": str(delivery.kind),
        "contact_id": delivery.contact_id,
        "type": str(delivery.to.type),
        "verified": delivery.to.verified,
        "preferred": delivery.to.preferred,
        "recipient": keys.seal(
            delivery.contact_id or delivery.complaint_id, delivery.to.value, f"deliveries.recipient.{delivery.key}"
        ),
        "language": str(delivery.content.language),
        "content": keys.seal(
            delivery.complaint_id, _content_json(delivery.content), f"deliveries.content.{delivery.key}"
        ),
        "state": str(delivery.state),
        "call": delivery.call,
        "created_at": delivery.created_at,
    }


def _content_json(content: Content) -> Values:
    if isinstance(content, Ticket):
        return {"ticket": tickets.to_json(content)}
    if isinstance(content, Card):
        return {"card": CARD.dump_python(content, mode="json")}
    if isinstance(content, Template):
        return {"template": TEMPLATE.dump_python(content, mode="json")}
    return {name: getattr(content, name) for name in _TEXT}


def _content(language: str, held: Values | None) -> Content:
    if held and "ticket" in held:
        return tickets.from_json(held["ticket"])
    if held and "card" in held:
        return CARD.validate_python(held["card"])
    if held and "template" in held:
        return TEMPLATE.validate_python(held["template"])
    return Text(language=Language(language), **(held or dict.fromkeys(_TEXT, "")))


def delivery(row: Row[Any], keys: Keys) -> Delivery:
    return Delivery(
        key=row.key,
        notice_id=row.notice_id,
        complaint_id=row.complaint_id,
        kind=NoticeKind(row.kind),
        contact_id=row.contact_id,
        to=_contact(
            row, keys.open(row.contact_id or row.complaint_id, row.recipient, f"deliveries.recipient.{row.key}")
        ),
        content=_content(row.language, keys.open(row.complaint_id, row.content, f"deliveries.content.{row.key}")),
        state=DeliveryState(row.state),
        created_at=row.created_at,
        call=row.call,
    )


def attempt_values(attempt: Attempt) -> Values:
    return {
        "delivery_key": attempt.delivery_key,
        "number": attempt.number,
        "at": attempt.at,
        "outcome": str(attempt.outcome),
        "reason": _storable(attempt.reason),
        "provider_id": _storable(attempt.provider_id),
    }


def attempt(row: Row[Any]) -> Attempt:
    return Attempt(
        delivery_key=row.delivery_key,
        number=row.number,
        at=row.at,
        outcome=AttemptOutcome(row.outcome),
        reason=row.reason,
        provider_id=row.provider_id,
    )


def receipt_values(receipt: StoredReceipt) -> Values:
    return {
        "id": receipt.id,
        "source": receipt.source,
        "external_id": receipt.external_id,
        "delivery_key": _storable(receipt.delivery_key),
        "provider_id": _storable(receipt.provider_id),
        "status": receipt.status.value,
        "reason": _storable(receipt.reason),
        "again": receipt.again,
        "received_at": receipt.received_at,
    }


def receipt(row: Row[Any]) -> StoredReceipt:
    return StoredReceipt(
        id=row.id,
        source=row.source,
        external_id=row.external_id,
        delivery_key=row.delivery_key,
        provider_id=row.provider_id,
        status=DeliveryStatus(row.status),
        reason=row.reason,
        again=row.again,
        received_at=row.received_at,
    )


def _storable(told: str) -> str:
    """Return a provider's word as every database takes it: an attempt that cannot be recorded would be made again."""
    return told.replace("\0", "").encode(errors="replace").decode()


def work_values(work: Work, added_at: datetime | None) -> Values:
    return {
        "id": work.id,
        "lane": work.lane,
        "subject": work.subject,
        "due_at": work.due_at,
        "leased_until": added_at,
        "attempt": work.attempt,
    }


def work(row: Row[Any]) -> Work:
    return Work(id=row.id, lane=row.lane, subject=row.subject, due_at=row.due_at, attempt=row.attempt)
