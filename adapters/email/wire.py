"""The bytes of a received mail to an inbound event. Pure, bounded, and it never raises, whatever the bytes are."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import Message
from email.parser import BytesParser
from email.utils import parsedate_to_datetime

from adapters.email import headers, machine_mail, parts, quotes
from gateway.model import ChannelKind, Contact, ContactType, InboundEvent, InboundMessage, MachineKind, Unreadable
from gateway.rules.addresses import normal_email

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_KNOWN_FIELDS = ("from", "to", "subject", "date", "message-id", "received", "return-path", "mime-version")
_ID = re.compile(rb"<([^<>]{1,250})>")  # blanks inside are wrong, and yet the sender's name for the mail
_KEY = r"[0-9a-hjkmnp-tv-z]{26}"
_DOMAIN = r"[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){0,10}"
_OUR_ID = re.compile(rf"(?<![\w.+-])({_KEY})@({_DOMAIN})")
_OUR_PLUS = re.compile(rf"(?<![\w.+-])([\w.-]{{1,64}})\+({_KEY})@({_DOMAIN})")
_REFERENCE_LIMIT = 100
_BOUNCE_SCAN = 500_000  # bytes of a bounce searched for the mail it returns


def parse(
    raw: bytes, *, source: str, received_at: datetime, own_addresses: Sequence[str] = ()
) -> InboundMessage | Unreadable:
    """Read one mail.

    `received_at` is when the bank's server had it. `own_addresses` are the bank's own: mail from them is a loop, and
    only threading keys under them count (all do when none is given).
    """

    def unreadable(problem: str) -> Unreadable:
        return Unreadable(
            source=source,
            channel=ChannelKind.EMAIL,
            external_id=external_id(raw),
            received_at=received_at,
            raw=raw,
            problem=problem,
        )

    if not raw.strip():
        return unreadable("empty")
    if parts.too_complex(raw):
        return unreadable("too_complex")
    try:
        message = BytesParser().parsebytes(raw)
        fields = headers.Headers(message)
        if not any(name in fields for name in _KNOWN_FIELDS):
            return unreadable("not_a_mail")
        return _read(raw, message, fields, source, received_at, own_addresses)
    except Exception:
        # The last resort: a fault of the standard library (or of ours) on one hostile mail must not stop the others.
        return unreadable("parser_failed")


def read(data: bytes, name: str) -> Iterable[InboundEvent]:
    """Read a file that holds one mail. Without a clock it counts as received when it says it was sent, or in 1970."""
    event = parse(data, source="file", received_at=EPOCH)
    if isinstance(event, InboundMessage) and event.sent_at:
        event = replace(event, received_at=event.sent_at)
    return [event]


def external_id(raw: bytes) -> str:
    """Name a mail by its bytes: Message-IDs are missing, repeated and forged."""
    return f"sha256:{hashlib.sha256(raw).hexdigest()}"


def _read(
    raw: bytes, message: Message, fields: headers.Headers, source: str, received_at: datetime, own: Sequence[str]
) -> InboundMessage:
    body = parts.read(message)
    text = body.text
    from_name, from_address = headers.author(fields.first("from"))
    address = normal_email(from_address) or ""
    machine = machine_mail.classify(fields, address or from_address, own)
    references = _ids(fields, "references")
    in_reply_to = next(iter(_ids(fields, "in-reply-to")), "")
    sent_at = _date(fields, received_at)
    return InboundMessage(
        source=source,
        channel=ChannelKind.EMAIL,
        external_id=external_id(raw),
        received_at=received_at,
        text=text,
        reply_text=quotes.new_words(text),
        subject=headers.text(fields.first("subject")),
        from_name=from_name,
        from_address=address or from_address,
        to=tuple(dict.fromkeys(a.lower() for value in fields.every("to", "cc") for a in headers.addresses(value))),
        contacts=_contacts(address, machine),
        attachments=tuple(body.attachments),
        message_id=next(iter(_ids(fields, "message-id")), ""),
        in_reply_to=in_reply_to,
        references=references,
        thread_keys=_thread_keys(fields, raw if machine is MachineKind.BOUNCE else b"", own),
        sent_at=sent_at,
        machine=machine,
        bounced=machine_mail.bounced(message) if machine is MachineKind.BOUNCE else (),
        problems=_problems(fields, body, text, address, sent_at),
        raw=raw,
    )


def _contacts(address: str, machine: MachineKind | None) -> tuple[Contact, ...]:
    """Answer the From line only: a Reply-To would let anybody have the bank write to a third person (E.2 rule 10)."""
    if not address or machine is MachineKind.LOOP:
        return ()
    return (Contact(type=ContactType.EMAIL, value=address),)


def _problems(
    fields: headers.Headers, body: parts.Body, text: str, address: str, sent_at: datetime | None
) -> tuple[str, ...]:
    checks = {
        "no_text": not text.strip(),
        "no_sender": not address,
        "many_senders": len(fields.every("from")) > 1,
        "bad_date": sent_at is None,
        "no_message_id": not _ids(fields, "message-id"),
    }
    return tuple(sorted(body.problems | {word for word, is_so in checks.items() if is_so}))


def _date(fields: headers.Headers, received_at: datetime) -> datetime | None:
    """Return the Date in UTC; None when it is missing, no date, before 1990, or more than two days in the future."""
    try:
        sent = parsedate_to_datetime(fields.first("date").decode("ascii", "replace"))
        sent = sent.replace(tzinfo=UTC) if sent.tzinfo is None else sent.astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    is_future = received_at > EPOCH and sent > received_at + timedelta(days=2)
    return None if sent.year < 1990 or is_future else sent


def _ids(fields: headers.Headers, name: str) -> tuple[str, ...]:
    """Return the message ids of a field without their angle brackets; the whole word where somebody left those out."""
    value = b" ".join(fields.every(name))
    found = _ID.findall(value) or [word for word in value.split() if b"@" in word]
    return tuple(dict.fromkeys(i[:250].decode("ascii", "replace") for i in found[:_REFERENCE_LIMIT]))


def _thread_keys(fields: headers.Headers, returned: bytes, own_addresses: Sequence[str]) -> tuple[str, ...]:
    """Return the keys of our own notices this mail answers or returns, in the order found.

    They stand as the local part of our message ids and as plus tags of our addresses; gateways strip some of both.
    """
    own = {address.lower() for address in own_addresses}
    domains = {address.rpartition("@")[2] for address in own}
    threading = b" ".join((*fields.every("in-reply-to", "references"), returned[:_BOUNCE_SCAN]))
    recipients = b" ".join((*fields.every("to", "cc", "delivered-to", "x-original-to"), returned[:_BOUNCE_SCAN]))
    keys = [m[1] for m in _OUR_ID.finditer(_folded(threading)) if not own or m[2] in domains]
    keys += [m[2] for m in _OUR_PLUS.finditer(_folded(recipients)) if not own or f"{m[1]}@{m[3]}" in own]
    return tuple(dict.fromkeys(keys))[:_REFERENCE_LIMIT]


def _folded(value: bytes) -> str:
    return value.decode("ascii", "replace").lower()
