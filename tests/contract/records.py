"""Whole records for the storage suite, as the core would write them: say only what the story is about."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count
from typing import Any

from gateway.ids import new_id
from gateway.model import (
    Attempt,
    AttemptOutcome,
    ChannelKind,
    Clock,
    ClockName,
    Complaint,
    Contact,
    Delivery,
    DeliveryState,
    DeliveryStatus,
    Entry,
    Event,
    EventKind,
    Kind,
    Language,
    Level,
    Notice,
    NoticeFacts,
    NoticeKind,
    NoticeState,
    Outcome,
    State,
    Text,
    Work,
)
from gateway.ports import (
    Consent,
    DeliveryResult,
    Storage,
    StoredContact,
    StoredMessage,
    StoredReceipt,
    Transaction,
)
from tests.factories import START, email_contact

_serial = count(1)


def fresh_id() -> str:
    return new_id(START)


def complaint(**changes: Any) -> Complaint:
    values: dict[str, Any] = {
        "id": fresh_id(),
        "number": f"TS-261123-{next(_serial):06}-X",
        "state": State.REGISTERED,
        "kind": Kind.COMPLAINT,
        "level": Level.GENERAL,
        "needs_review": True,
        "channel": ChannelKind.EMAIL,
        "source": "mailbox",
        "language": Language.ZH_HANS,
        "received_at": START,
        "registered_at": START + timedelta(microseconds=1),
        "promised_at": START + timedelta(days=3),
        "legal_at": START + timedelta(days=15),
        "policy": "cn.std-321@1",
        "name": "李四",
        "clocks": clocks(),
        "version": 1,
        "head": b"mac of the first entry",
    }
    return Complaint(**(values | changes))


CLOCKS = (ClockName.TRIAGE, ClockName.RESOLVE, ClockName.PROMISED, ClockName.LEGAL)


def clocks() -> dict[ClockName, Clock]:
    return {
        clock: Clock(
            due_at=START + timedelta(days=days),
            started_at=START,
            profile="cn.std-321",
            profile_version="1",
            clause="S0-5",
            calendar_version="cn-2026.1",
        )
        for days, clock in enumerate(CLOCKS, start=1)
    }


def message(complaint_id: str | None, **changes: Any) -> StoredMessage:
    n = next(_serial)
    values: dict[str, Any] = {
        "id": fresh_id(),
        "complaint_id": complaint_id,
        "source": "mailbox",
        "channel": "email",
        "external_id": f"id-{n}",
        "content_key": f"content {n}".encode(),
        "outcome": Outcome.OPENED if complaint_id else Outcome.MACHINE,
        "machine": None,
        "received_at": START,
        "stored_at": START,
        "body": {"text": "年费80元没提前说，请退", "from_address": "li@example.com", "to": ["complaints@example.com"]},
        "raw": "From: 李四 <li@example.com>\r\n\r\n年费80元没提前说，请退".encode(),
        "raw_digest": b"keyed digest",
        "redactions": {"otp": 1},
        "problems": ("charset_guessed",),
        "restricted": False,
        "attachments": (),
    }
    return StoredMessage(**(values | changes))


def contact(
    complaint_id: str, *, rank: int = 0, index: bytes | None = None, to: Contact | None = None
) -> StoredContact:
    contact_id = fresh_id()
    return StoredContact(
        id=contact_id,
        complaint_id=complaint_id,
        rank=rank,
        index=index or contact_id.encode()[:16],
        contact=to or email_contact(),
    )


def entry(complaint_id: str, seq: int = 1, **changes: Any) -> Entry:
    values: dict[str, Any] = {
        "complaint_id": complaint_id,
        "seq": seq,
        "at": START + timedelta(microseconds=seq),
        "actor": "system",
        "event": Event(
            kind=EventKind.OPENED if seq == 1 else EventKind.SUPPLEMENTED,
            public={"number": "TS-261123-000001-X", "received_at": START.isoformat(), "major": False},
            private={"name": "李四", "turns": [1, None, "退款"]},
        ),
        "salt": b"0123456789abcdef",
        "digest": b"digest of the private part",
        "mac": f"mac {complaint_id} {seq}".encode(),
    }
    return Entry(**(values | changes))


def notice(complaint_id: str, **changes: Any) -> Notice:
    values: dict[str, Any] = {
        "id": fresh_id(),
        "complaint_id": complaint_id,
        "cause": 1,
        "kind": NoticeKind.ACKNOWLEDGEMENT,
        "recipient": "customer",
        "facts": NoticeFacts(
            number="TS-261123-000001-X",
            kind=Kind.COMPLAINT,
            major=False,
            promised_at=START + timedelta(days=3),
            received_at=START,
            channel=ChannelKind.EMAIL,
            name="李四",
        ),
        "language": Language.ZH_HANS,
        "state": NoticeState.SENDING,
        "created_at": START,
    }
    return Notice(**(values | changes))


def delivery(of: Notice, to: StoredContact, **changes: Any) -> Delivery:
    values: dict[str, Any] = {
        "key": fresh_id(),
        "notice_id": of.id,
        "complaint_id": of.complaint_id,
        "kind": of.kind,
        "contact_id": to.id,
        "to": to.contact,
        "content": Text(
            language=Language.ZH_HANS,
            subject="我们已受理您的意见",
            short="编号 TS-261123-000001-X",
            text="尊敬的李四：我们已受理。",
            html="<p>尊敬的李四：我们已受理。</p>",
        ),
        "state": DeliveryState.QUEUED,
        "created_at": START,
    }
    return Delivery(**(values | changes))


def receipt(key: str, **changes: Any) -> StoredReceipt:
    values: dict[str, Any] = {
        "id": fresh_id(),
        "source": "hk-number",
        "external_id": f"keyed {next(_serial)}",
        "delivery_key": key,
        "provider_id": "",
        "status": DeliveryStatus.DELIVERED,
        "reason": "",
        "again": False,
        "received_at": START,
    }
    return StoredReceipt(**(values | changes))


def consent(index: bytes, **changes: Any) -> Consent:
    values: dict[str, Any] = {
        "id": fresh_id(),
        "source": "hk-number",
        "external_id": f"keyed {next(_serial)}",
        "index": index,
        "wanted": False,
        "at": START,
        "word": "STOP",
    }
    return Consent(**(values | changes))


def work(subject: str = "", **changes: Any) -> Work:
    values: dict[str, Any] = {"id": fresh_id(), "lane": "send:email", "subject": subject or fresh_id(), "due_at": START}
    return Work(**(values | changes))


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A complaint with everything its registration writes."""

    complaint: Complaint
    contact: StoredContact
    message: StoredMessage
    entry: Entry
    notice: Notice
    delivery: Delivery
    work: Work


def case(*, complaint_changes: Any = None, message_changes: Any = None, to: Contact | None = None) -> Case:
    opened = complaint(**(complaint_changes or {}))
    reach = contact(opened.id, to=to)
    told = notice(opened.id)
    sent = delivery(told, reach)
    return Case(
        complaint=opened,
        contact=reach,
        message=message(opened.id, **(message_changes or {})),
        entry=entry(opened.id),
        notice=told,
        delivery=sent,
        work=work(sent.key),
    )


async def write(tx: Transaction, *cases: Case) -> None:
    """Write cases as the core does: one call a table, complaints first."""
    await tx.complaints.add([one.complaint for one in cases])
    await tx.contacts.add([one.contact for one in cases])
    await tx.messages.add([one.message for one in cases])
    await tx.timeline.append([one.entry for one in cases])
    await tx.notices.add([one.notice for one in cases], [one.delivery for one in cases])
    await tx.queue.add([one.work for one in cases], now=START)


def result(of: Case, claimed: Work, **changes: Any) -> DeliveryResult:
    """A first attempt that handed the delivery over."""
    values: dict[str, Any] = {
        "attempt": Attempt(
            delivery_key=of.delivery.key,
            number=claimed.attempt,
            at=START,
            outcome=AttemptOutcome.SENT,
            provider_id="provider-1",
        ),
        "work": claimed,
        "state": DeliveryState.SENT,
        "notice_id": of.notice.id,
        "notice_state": NoticeState.SENT,
        "due_at": None,
    }
    return DeliveryResult(**(values | changes))


def advanced(before: Complaint, **changes: Any) -> Complaint:
    values: dict[str, Any] = {"version": before.version + 1, "head": b"mac of the next entry"}
    return replace(before, **(values | changes))


async def is_held(storage: Storage, of: Case) -> bool:
    """Say whether the case was committed."""
    async with storage.reading() as tx:
        return bool(await tx.complaints.by_id([of.complaint.id]))
