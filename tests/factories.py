"""Values for tests, each with a sensible default: say only what the story is about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from gateway.model import ChannelKind, Contact, ContactType, InboundMessage, Unreadable

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
