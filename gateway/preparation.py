"""What intake does to one event before it queues: secrets out, digests, contacts, dates. Touches no database.

Nothing that a secret could be in leaves this file unredacted; when something was found the raw original is not kept
(domain D.3), only its keyed digest.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

from gateway import audit
from gateway.ids import new_id
from gateway.model import (
    Attachment,
    ChannelKind,
    ConsentChange,
    Contact,
    ContactType,
    DeliveryReceipt,
    InboundMessage,
    Language,
    Level,
    Particulars,
    Turn,
    Unreadable,
    Words,
)
from gateway.ports import Now
from gateway.rules import own_number
from gateway.rules.language import detect
from gateway.rules.numbering import Patterns
from gateway.rules.policy import Deadlines, Policy, opening_deadlines
from gateway.rules.redaction import redact
from gateway.rules.worktime import Calendar
from gateway.vault import Vault

Part = TypeVar("Part", InboundMessage, Particulars, Attachment, Turn)

_TYPED_IN = (ChannelKind.WECOM, ChannelKind.WECHAT)
"""Chats whose customers are asked for a telephone number."""
NUMBERS_QUOTED = 10
"""How many numbers found in one message are looked up: a list of numbers is not a follow-up of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """An event ready to be folded: everything that needs only itself, the settings and the keys."""

    id: str
    at: datetime  # when the gateway held it
    message: InboundMessage  # redacted
    readable: bool
    external_id: str
    content_key: bytes
    raw: bytes | None
    raw_digest: bytes
    redactions: Mapping[str, int]
    contacts: Sequence[tuple[Contact, bytes]]  # with blind index, in the order they are tried
    quoted: Sequence[str]  # complaint numbers found in it
    language: Language
    deadlines: Deadlines


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """A receipt or a consent, ready to be kept: nobody's words, so it opens nothing."""

    id: str
    at: datetime
    event: DeliveryReceipt | ConsentChange
    external_id: str
    index: bytes = b""  # of the contact whose owner consents or does not


class Preparation:
    def __init__(self, *, vault: Vault, policy: Policy, calendar: Calendar, patterns: Patterns, now: Now) -> None:
        self._vault = vault
        self._policy = policy
        self._calendar = calendar
        self._patterns = patterns
        self._now = now

    def prepare(self, event: Words) -> Prepared:
        """Return the event ready for its batch. May raise on what no reader should let through; see `stub`."""
        if isinstance(event, Unreadable):
            return self.stub(event, event.problem)
        found: Counter[str] = Counter()
        clean = _redacted(event, found)
        raw = None if found else event.raw
        return self._prepared(clean, readable=True, raw=raw, original=event.raw, redactions=found)

    def note(self, event: DeliveryReceipt | ConsentChange) -> Noted:
        """Return a receipt or a consent ready for its batch."""
        at = self._now()
        index = b""
        if isinstance(event, ConsentChange):
            index = self.index(replace(event.contact, value=_storable(event.contact.value)))
        return Noted(
            id=new_id(at),
            at=at,
            event=replace(event, received_at=_known_at(event.received_at, at)),
            external_id=self._keyed(event.external_id),
            index=index,
        )

    def stub(self, event: Words, problem: str) -> Prepared:
        """Return what is kept of an event that no rule could prepare: its bytes and where it came from."""
        raw = event.raw if event.raw is not None else redact(_json_of(event)).text.encode()
        message = InboundMessage(
            source=event.source,
            channel=event.channel,
            external_id=event.external_id,
            received_at=event.received_at,
            text="",
            problems=(problem,),
        )
        return self._prepared(message, readable=False, raw=raw, original=raw, redactions={})

    def reduced(self, prepared: Prepared) -> Iterator[Prepared]:
        """Yield what is left of a message the database refuses, from nearly all of it to the least that can be kept.

        The least is a stub whose raw bytes are the message as it was redacted: what was removed does not come back.
        """
        message = prepared.message
        if message.attachments:
            message = replace(message, attachments=(), problems=(*message.problems, "attachments_refused"))
            yield replace(prepared, message=message)
        yield replace(
            prepared,
            message=InboundMessage(
                source=message.source,
                channel=message.channel,
                external_id=message.external_id,
                received_at=message.received_at,
                text="",
                problems=(*message.problems, "not_storable"),
            ),
            readable=False,
            raw=prepared.raw or _json_of(replace(message, raw=None)).encode(),
            contacts=(),
            quoted=(),
        )

    def _prepared(
        self,
        message: InboundMessage,
        *,
        readable: bool,
        raw: bytes | None,
        original: bytes | None,
        redactions: Mapping[str, int],
    ) -> Prepared:
        at = self._now()
        received_at = _known_at(message.received_at, at)
        if received_at is not message.received_at:
            message = replace(message, received_at=received_at)
        return Prepared(
            id=new_id(at),
            at=at,
            message=message,
            readable=readable,
            external_id=self.external_id(message),
            content_key=self._vault.digest("content", _content(message)),
            raw=raw,
            raw_digest=self._vault.digest("raw", original) if original else b"",
            redactions=dict(redactions),
            contacts=self._contacts(message),
            quoted=self._quoted(message),
            language=message.language or detect(f"{message.subject}\n{message.reply_text or message.text}"),
            deadlines=opening_deadlines(
                self._policy,
                kind=message.kind,
                level=Level.GENERAL,  # until a person has graded it (A.13 rule 8)
                urgent=False,
                needs_review=True,
                received_at=received_at,
                calendar=self._calendar,
            ),
        )

    def external_id(self, message: InboundMessage) -> str:
        """Return the id under which the database knows a message of its source."""
        # Keyed, because a caller may put a name into its id, and a bare hash of a message could be tried out against
        # guesses of what was redacted from it.
        return self._keyed(message.external_id)

    def _keyed(self, external_id: str) -> str:
        return self._vault.digest("external_id", external_id.encode("utf-8", "surrogatepass")).hex()

    def _contacts(self, message: InboundMessage) -> Sequence[tuple[Contact, bytes]]:
        left = own_number.named_in(message.text) if message.channel in _TYPED_IN and message.machine is None else None
        typed = (Contact(type=ContactType.MOBILE, value=left),) if left else ()
        ranked = sorted((*message.contacts, *typed), key=lambda contact: (not contact.preferred, not contact.verified))
        by_index: dict[bytes, Contact] = {}
        for contact in ranked:  # the same address written in two ways is one contact
            by_index.setdefault(self.index(contact), contact)
        return [(contact, index) for index, contact in by_index.items()]

    def index(self, contact: Contact) -> bytes:
        """Return the blind index under which a contact is found again."""
        return self._vault.index(f"contact.{contact.type.value}", contact.value)

    def _quoted(self, message: InboundMessage) -> Sequence[str]:
        if message.machine is not None:
            return ()
        return self._patterns.find(f"{message.subject}\n{message.text}").numbers[:NUMBERS_QUOTED]


def _known_at(said: datetime, at: datetime) -> datetime:
    """Return when something came: a clock that runs ahead must not move a legal date back."""
    return min(said, at) if said.tzinfo else at


def _redacted(message: InboundMessage, found: Counter[str]) -> InboundMessage:
    """Return the message without authentication data in anything a customer can write into; count what was removed."""

    def clean(text: str) -> str:
        result = redact(_storable(text))
        if result.findings:
            found.update(finding.kind.value for finding in result.findings)
        return result.text

    particulars = message.particulars
    text = clean(message.text)
    # The new words are a part of the text: what is found in them is counted there.
    same = message.reply_text == message.text
    return _with(
        message,
        subject=clean(message.subject),
        text=text,
        reply_text=text if same else redact(_storable(message.reply_text)).text,
        from_name=clean(message.from_name),
        particulars=_with(
            particulars,
            occurred_note=clean(particulars.occurred_note),
            branch=clean(particulars.branch),
            receptionist=clean(particulars.receptionist),
            amount_note=clean(particulars.amount_note),
        ),
        attachments=tuple([_with(item, name=clean(item.name), sha256=_sha256(item)) for item in message.attachments]),
        turns=tuple([_with(turn, text=clean(turn.text)) for turn in message.turns]),
    )


def _with(item: Part, **values: Any) -> Part:
    """Return the item with these values: mostly it has them, and copying all its fields is the dearer part."""
    return item if all([getattr(item, name) == value for name, value in values.items()]) else replace(item, **values)


def _content(message: InboundMessage) -> bytes:
    """Return the bytes that are equal for copies of one message, however each copy travelled."""
    return audit.canonical(
        {
            "message_id": message.message_id,
            "kind": message.kind.value,
            "from": [message.from_name, message.from_address],
            "subject": message.subject,
            "text": message.text,
            "contacts": [[contact.type.value, contact.value] for contact in message.contacts],
            "particulars": message.particulars,
            "attachments": [[item.name, _fingerprint(item)] for item in message.attachments],
        }
    )


def _fingerprint(attachment: Attachment) -> str:
    return attachment.blob_id or "" if attachment.content is None else _sha256(attachment)


def _sha256(attachment: Attachment) -> str:
    """Return the hash a file is shown with (A012): of its content, unless who stored that has counted it."""
    if attachment.sha256 or attachment.content is None:
        return attachment.sha256
    return hashlib.sha256(attachment.content).hexdigest()


def _json_of(event: Words) -> str:
    """Return an event as ASCII JSON, whatever characters it holds."""
    return json.dumps(asdict(event), default=str)


def _storable(text: str) -> str:
    """Return the text without what a database refuses: lone surrogates and, in PostgreSQL, NUL."""
    return text.encode("utf-8", "replace").decode().replace("\0", "")
