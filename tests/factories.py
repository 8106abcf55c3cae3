"""Values for tests, each with a sensible default: say only what the story is about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from gateway.model import (
    ChannelKind,
    ClockName,
    Contact,
    ContactType,
    Content,
    Flag,
    InboundMessage,
    Kind,
    Language,
    Level,
    Nature,
    NoticeKind,
    OutboundMessage,
    Product,
    State,
    Ticket,
    Unreadable,
)

START = datetime(2026, 11, 23, 2, 15, tzinfo=UTC)  # 10:15 in Shanghai, a Monday
_serial = count(1)


class Clock:
    """The present of a test: it moves when told to."""

    def __init__(self, at: datetime = START) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def later(self, **span: float) -> None:
        self.at += timedelta(**span)


def email_contact(address: str = "li@example.com", **changes: Any) -> Contact:
    return Contact(type=ContactType.EMAIL, value=address, **changes)


def message(text: str = "年费80元没提前说，请退", **changes: Any) -> InboundMessage:
    """A mail of its own: another call is another mail."""
    n = next(_serial)
    values: dict[str, Any] = {
        "source": "mailbox",
        "channel": ChannelKind.EMAIL,
        "external_id": f"id-{n}",
        "message_id": f"<{n}@example.com>",
        "received_at": START,
        "from_name": "李四",
        "from_address": "li@example.com",
        "contacts": (email_contact(),),
        "raw": text.encode(errors="replace"),
    }
    return InboundMessage(text=text, **(values | changes))


def unreadable(raw: bytes = b"\xff\x00not a mail", **changes: Any) -> Unreadable:
    values: dict[str, Any] = {
        "source": "mailbox",
        "channel": ChannelKind.EMAIL,
        "external_id": f"unreadable-{next(_serial)}",
        "received_at": START,
        "problem": "not_mime",
    }
    return Unreadable(raw=raw, **(values | changes))


def ticket(**changes: Any) -> Ticket:
    values: dict[str, Any] = {
        "id": "01kb0000000000000000000000",
        "notice": NoticeKind.DISPATCH,
        "at": START,
        "to_unit": "cards",
        "number": "TS-261123-000123-V",
        "kind": Kind.COMPLAINT,
        "state": State.DISPATCHED,
        "level": Level.GENERAL,
        "nature": Nature.SERVICE,
        "flags": (Flag.REPEAT,),
        "product": Product.CREDIT_CARD,
        "branch": "朝阳支行",
        "unit": "cards",
        "handler": "h-001",
        "language": Language.ZH_HANS,
        "registered_at": START,
        "promised_at": START + timedelta(days=3),
        "legal_at": START + timedelta(days=15),
        "clock": ClockName.ACCEPT,
        "due_at": START + timedelta(minutes=30),
        "link": "https://complaints.bank.example/api/v1/complaints/TS-261123-000123-V",
    }
    return Ticket(**(values | changes))


def outbound(content: Content, to: Contact, **changes: Any) -> OutboundMessage:
    values: dict[str, Any] = {"key": f"01kb00000000000000000{next(_serial):05}", "created_at": START}
    return OutboundMessage(content=content, to=to, **(values | changes))
