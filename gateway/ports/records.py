"""The records that storage takes and gives beside the nouns of the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from gateway.model import (
    Attachment,
    Attempt,
    Contact,
    DeliveryState,
    DeliveryStatus,
    MachineKind,
    NoticeState,
    Outcome,
    Work,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldMessage:
    """What is known of a message that came before."""

    id: str
    complaint_id: str | None
    outcome: Outcome
    number: str | None
    promised_at: datetime | None
    content_key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMessage:
    """A message as it is kept. `body` (JSON) and the blobs are sealed; `external_id` names no person."""

    id: str
    complaint_id: str | None
    source: str
    channel: str
    external_id: str
    content_key: bytes  # keyed digest of the content: equal for copies of one message
    outcome: Outcome
    machine: MachineKind | None
    received_at: datetime
    stored_at: datetime
    body: Mapping[str, object]
    raw: bytes | None  # None where secrets were removed from it (domain D.3)
    raw_digest: bytes
    redactions: Mapping[str, int]
    problems: tuple[str, ...]
    restricted: bool  # could not be read, so secrets may still be in it
    attachments: tuple[Attachment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredContact:
    id: str
    complaint_id: str
    rank: int  # the order in which contacts are tried, 0 first
    index: bytes  # blind index of the normal form
    contact: Contact


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """An open complaint of somebody who writes by a certain contact."""

    complaint_id: str
    told_at: datetime  # when something was last prepared for that contact; else its registration
    own: bool  # it is known that this contact is the complainant's: they wrote by it, or somebody has checked


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """How it stands with the owner of a contact, in all their complaints."""

    index: bytes  # blind index: equal for contacts that are one address
    at: datetime  # when they last wrote by it
    told: frozenset[str]  # the deliveries that have gone there since, or may have


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """How far a source is read: moved together with what was read, by compare-and-set."""

    stream: str  # "<source>" or "<source>/<part of it>"
    expected: str | None  # None: it has no mark yet
    value: str
    fence: int  # of the lease under which it is read; 0 where there is no lease


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderToken:
    """A provider's access token. `version` counts from 1: who refreshes stores the next one, and only one can."""

    name: str  # "<source>", or "<source>/<what it is for>"
    value: str = field(repr=False)
    version: int
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredReceipt:
    """What a provider said of a delivery, as it is kept. `external_id` is keyed."""

    id: str
    source: str
    external_id: str
    delivery_key: str  # "": not said, or not ours
    provider_id: str
    status: DeliveryStatus
    reason: str
    again: bool
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """Whether the owner of a contact wants to be written to by it; the newest counts. `external_id` is keyed."""

    id: str
    source: str
    external_id: str
    index: bytes  # blind index of the contact
    wanted: bool
    at: datetime
    word: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryResult:
    """What one attempt did to its delivery and notice, and when the work is due again (None: done)."""

    attempt: Attempt
    work: Work | None  # None: a person's call
    state: DeliveryState
    notice_id: str
    notice_state: NoticeState
    due_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainEnd:
    """Where the timeline of a complaint must end."""

    complaint_id: str
    number: str
    version: int
    head: bytes
