"""What comes in: a customer's words in one shape for every channel, and what the gateway did with them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from gateway.model.words import (
    ChannelKind,
    ContactType,
    DeliveryStatus,
    Demand,
    IdType,
    Kind,
    Language,
    MachineKind,
    Outcome,
    PreferredChannel,
    Product,
    Represents,
    Speaker,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A way to reach the customer, in its normal form (rules/addresses.py)."""

    type: ContactType
    value: str
    verified: bool = False  # a From line or a typed number is not verified (E.2 rule 10)
    preferred: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file the customer sent: its bytes, or the id of the blob they were streamed into."""

    name: str
    media_type: str
    size: int
    content: bytes | None = field(default=None, repr=False)
    blob_id: str | None = None
    ref: str = ""  # the provider's name for what has yet to be fetched from it
    sha256: str = ""  # of the content, in hex; "" where nobody has it yet


@dataclass(frozen=True, slots=True, kw_only=True)
class Particulars:
    """What a form or an API tells about the matter beside the free text (S0-6(1), S4-§1); "" or None: not said."""

    occurred_note: str = ""
    product: Product | None = None
    branch: str = ""
    receptionist: str = ""  # who took it down at a branch's counter, by staff number (A027)
    amount_note: str = ""
    demand: tuple[Demand, ...] = ()
    id_type: IdType | None = None
    represents: Represents | None = None
    preferred_channel: PreferredChannel | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One speaker turn of a call."""

    role: Speaker
    start_ms: int  # from the call's beginning
    end_ms: int
    text: str
    confidence: float | None = None  # of the recogniser, 0 to 1; None where it says none
    emotion: str = ""  # the recogniser's own word


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounced:
    recipient: str
    hard: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundMessage:
    """What a customer (or a machine) wrote, in one shape for every channel."""

    source: str  # the configured instance it came by; unique together with external_id
    channel: ChannelKind
    external_id: str  # never empty; a content hash ("sha256:...") stands in where the provider gives no id
    received_at: datetime  # when the bank's side had it: the legal clock starts on this day (law 18)
    text: str  # everything
    reply_text: str = ""  # the new words, without the quoted earlier mail
    subject: str = ""
    from_name: str = ""
    from_address: str = ""
    to: tuple[str, ...] = ()
    contacts: tuple[Contact, ...] = ()
    language: Language | None = None
    kind: Kind = Kind.COMPLAINT
    particulars: Particulars = Particulars()
    attachments: tuple[Attachment, ...] = ()
    message_id: str = ""
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    thread_keys: tuple[str, ...] = ()  # delivery keys of ours found in its threading headers and plus addresses
    sent_at: datetime | None = None
    machine: MachineKind | None = None
    bounced: tuple[Bounced, ...] = ()
    turns: tuple[Turn, ...] = ()
    recording: str = ""  # where the call's recording is kept, in the telephone system's own words
    problems: tuple[str, ...] = ()  # what was odd about it, in stable words
    raw: bytes | None = field(default=None, repr=False)  # as received, kept sealed


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """Bytes no reader understood. They still get a number and wait for a person (A021)."""

    source: str
    channel: ChannelKind
    external_id: str
    received_at: datetime
    raw: bytes = field(repr=False)
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryReceipt:
    """What a provider says became of a message it was handed. May come early, late, twice or out of order."""

    source: str
    channel: ChannelKind
    external_id: str  # of this very report: equal when it is repeated
    received_at: datetime
    status: DeliveryStatus
    key: str = ""  # our delivery key; "" where the provider knows the message only by its own id
    provider_id: str = ""
    reason: str = ""  # the provider's code where it was not delivered, as a stable word
    again: bool = False  # a later try may succeed all the same


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentChange:
    """The owner of a contact does not want to be written to by it any more (退订), or does again."""

    source: str
    channel: ChannelKind
    external_id: str
    received_at: datetime
    contact: Contact
    wanted: bool
    text: str = ""  # what was written: a keyword, nothing personal


@dataclass(frozen=True, slots=True, kw_only=True)
class Bell:
    """There is something to fetch. Only a hint: a source is looked at now and then without it, too."""

    source: str
    external_id: str
    received_at: datetime
    stream: str  # which part of the source
    ticket: str = field(default="", repr=False)  # what the provider wants to see of who fetches, "" where nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Somebody of the bank pressed a button on a card of ours (gateway/model/notice.py)."""

    source: str
    external_id: str
    received_at: datetime
    by: Contact  # who, as the provider has made sure
    key: str  # of the delivery that the card was
    choice: str  # the button


Words = InboundMessage | Unreadable
"""What somebody said, readable or not."""
Kept = Words | DeliveryReceipt | ConsentChange
"""What is stored as it came."""
InboundEvent = Kept | Bell | Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What the gateway did with one inbound event."""

    outcome: Outcome
    number: str | None = None
    promised_at: datetime | None = None
    differs: bool = False  # a duplicate by its external id whose content is not the one held
