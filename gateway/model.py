"""The nouns: what comes in, what a complaint is, what goes out. Plain frozen values; no rule, no I/O.

Enum values are the same words in Python, SQL and JSON. Field names and value lists follow the canonical schema
(docs/reference/glossary.md gives the Chinese terms). Every `*_at` is an aware UTC datetime.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class ChannelKind(StrEnum):
    """How the customer came (来源渠道)."""

    HOTLINE = "hotline"
    APP = "app"
    NETBANK = "netbank"
    WEB_FORM = "web_form"
    EMAIL = "email"
    SMS = "sms"
    WECOM = "wecom"
    WECHAT = "wechat"
    BRANCH_COUNTER = "branch_counter"
    OPINION_BOOK = "opinion_book"
    LETTER = "letter"
    REGULATOR = "regulator"
    MEDIA_MONITOR = "media_monitor"
    OFFLINE_IMPORT = "offline_import"


class Kind(StrEnum):
    """投诉 / 建议 / 咨询 (A005)."""

    COMPLAINT = "complaint"
    SUGGESTION = "suggestion"
    INQUIRY = "inquiry"


class Level(StrEnum):
    """一般 / 重要 / 重大 (S0-3). Internal: it never appears in a customer message."""

    GENERAL = "general"
    IMPORTANT = "important"
    MAJOR = "major"


class State(StrEnum):
    """Where a complaint stands (状态). More states join with the commands that lead to them."""

    REGISTERED = "registered"


class Language(StrEnum):
    """The language a customer is answered in."""

    ZH_HANS = "zh-Hans"
    ZH_HANT = "zh-Hant"
    EN = "en"


class ContactType(StrEnum):
    """What kind of address a contact is; each is served by at most one sender."""

    MOBILE = "mobile"
    LANDLINE = "landline"
    EMAIL = "email"
    WECOM = "wecom"
    WECHAT = "wechat"
    ADDRESS = "address"


class MachineKind(StrEnum):
    """Why a mail is machine mail: recorded with its class, never numbered, never answered (RFC 3834)."""

    AUTO_REPLY = "auto_reply"
    BOUNCE = "bounce"
    LIST = "list"
    LOOP = "loop"


class Outcome(StrEnum):
    """What became of one inbound event."""

    OPENED = "opened"  # a complaint with a number of its own
    JOINED = "joined"  # added to the sender's own open complaint
    PENDING_LINK = "pending_link"  # quoted somebody else's complaint: opened apart, the link waits for a person
    DUPLICATE = "duplicate"  # a copy of something already held
    MACHINE = "machine"  # recorded, never answered
    QUARANTINED = "quarantined"  # could not be read or stored as sent: numbered, raw bytes kept, waits for a person


class Product(StrEnum):
    """业务类别 (B.3): the labels of JR/T 0169-2018; a channel such as mobile banking is none of them."""

    DEPOSIT = "deposit"
    LOAN = "loan"
    DEBIT_CARD = "debit_card"
    CREDIT_CARD = "credit_card"
    PAYMENT = "payment"
    WEALTH = "wealth"
    AGENCY = "agency"
    OTHER_INTERMEDIARY = "other_intermediary"
    FX = "fx"
    PRECIOUS_METAL = "precious_metal"
    TREASURY = "treasury"
    RMB = "rmb"
    PERSONAL_INFO = "personal_info"
    COLLECTION = "collection"
    OTHER = "other"


class Demand(StrEnum):
    """诉求 (A009, B.3)."""

    APOLOGY = "apology"
    RECTIFY = "rectify"
    COMPENSATE = "compensate"
    EXPLAIN = "explain"
    RESTORE = "restore"
    REFUND = "refund"
    OTHER = "other"


class IdType(StrEnum):
    """证件类型: the type, never the number (A007)."""

    ID_CARD = "id_card"
    PASSPORT = "passport"
    HK_MO_PERMIT = "hk_mo_permit"
    TW_PERMIT = "tw_permit"
    USCC = "uscc"
    OTHER = "other"


class Represents(StrEnum):
    """身份: for whom the customer speaks (B.2, law 12-14)."""

    SELF = "self"
    AGENT = "agent"
    HEIR = "heir"
    GUARDIAN = "guardian"
    COMPANY = "company"
    GROUP_REP = "group_rep"


class PreferredChannel(StrEnum):
    """偏好沟通方式 (B.2, S0-9(1)): how the customer asks to be told."""

    PHONE = "phone"
    SMS = "sms"
    EMAIL = "email"
    APP = "app"
    WECOM = "wecom"
    WECHAT = "wechat"
    LETTER = "letter"


class NoticeKind(StrEnum):
    """What a notice is for; the ids are those of the notice list (docs/reference/notices.md)."""

    ACKNOWLEDGEMENT = "n01"


class NoticeState(StrEnum):
    """The one word that says whether the recipient has been told."""

    SENDING = "sending"
    SENT = "sent"
    NO_CHANNEL = "no_channel"  # waits for a sender to be configured
    NO_CONTACT = "no_contact"  # the customer left no way to reply: a person must look
    DEAD = "dead"  # every contact failed: a person must look


class DeliveryState(StrEnum):
    """One try by one contact. `sent` means handed over to the provider, not delivered (E.2 rule 9)."""

    QUEUED = "queued"
    UNKNOWN = "unknown"  # the provider may have it
    SENT = "sent"
    FAILED = "failed"


class AttemptOutcome(StrEnum):
    SENT = "sent"
    TEMPORARY = "temporary"
    PERMANENT = "permanent"
    UNKNOWN = "unknown"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Particulars:
    """What a form or an API tells about the matter beside the free text (S0-6(1), S4-§1); "" or None: not said."""

    occurred_note: str = ""
    product: Product | None = None
    branch: str = ""
    amount_note: str = ""
    demand: tuple[Demand, ...] = ()
    id_type: IdType | None = None
    represents: Represents | None = None
    preferred_channel: PreferredChannel | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One speaker turn of a call."""

    role: str
    start_ms: int
    end_ms: int
    text: str


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


InboundEvent = InboundMessage | Unreadable


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What the gateway did with one inbound event."""

    outcome: Outcome
    number: str | None = None
    promised_at: datetime | None = None
    differs: bool = False  # a duplicate by its external id whose content is not the one held


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """One complaint as it stands: the fold of its timeline (rules/lifecycle.py `evolve`)."""

    id: str
    number: str
    state: State
    kind: Kind
    level: Level
    needs_review: bool  # no person has confirmed the grading yet (A049)
    channel: ChannelKind
    source: str
    language: Language
    received_at: datetime
    registered_at: datetime
    promised_at: datetime
    legal_at: datetime | None  # None: outside the statutory clock (law 2)
    policy: str
    name: str = ""
    version: int = 0  # the sequence number of the last timeline entry
    head: bytes = b""  # the mac of the last timeline entry


class EventKind(StrEnum):
    """What can happen to a complaint, in the past tense."""

    OPENED = "opened"
    SUPPLEMENTED = "supplemented"  # the customer added to it
    LINK_SUGGESTED = "link_suggested"  # its sender quoted another complaint's number


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One fact of a complaint's life. `public` may be shown in statistics; `private` is sealed and can be erased.

    Both hold JSON values only.
    """

    kind: EventKind
    public: Mapping[str, object]
    private: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An event in its place in a complaint's chained timeline (audit.py)."""

    complaint_id: str
    seq: int
    at: datetime
    actor: str
    event: Event
    salt: bytes
    digest: bytes  # of the private part, salted
    mac: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeFacts:
    """What a customer notice says, frozen at its cause: never a level, a flag or a grading reason (E.2 rule 1)."""

    number: str
    kind: Kind
    major: bool  # picks the wording that promises a first plan instead of the answer (A.13 rule 6)
    promised_at: datetime
    received_at: datetime
    channel: ChannelKind
    name: str = ""  # used only towards a verified contact (E.2 rule 10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing to tell one recipient, once: (complaint, cause, kind, recipient) is unique."""

    id: str
    complaint_id: str
    cause: int  # the sequence number of the timeline entry that caused it
    kind: NoticeKind
    recipient: str  # "customer"; internal recipients join later
    facts: NoticeFacts  # kept sealed: the next contact is told the same
    language: Language
    state: NoticeState
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One try of a notice by one contact, rendered when it is created. `key` is its name towards every provider."""

    key: str
    notice_id: str
    complaint_id: str
    contact_id: str
    to: Contact
    content: Text
    state: DeliveryState
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What one hand-over to a provider came to; evidence, never changed."""

    delivery_key: str
    number: int
    at: datetime
    outcome: AttemptOutcome
    reason: str = ""
    provider_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A row of the one queue: something due in a lane. Deleted when done; `attempt` counts its claims."""

    id: str
    lane: str
    subject: str  # the id of what is due
    due_at: datetime
    attempt: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A notice rendered for one recipient: `short` for a phone's screen, `text` for a mail or letter."""

    language: Language
    subject: str
    short: str
    text: str
    html: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundMessage:
    """One attempt to hand one text to one recipient. `key` is the same on every attempt."""

    key: str
    to: Contact
    content: Text
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The provider took it; `provider_id` is its own name for the message, "" where it gives none."""

    provider_id: str = ""
