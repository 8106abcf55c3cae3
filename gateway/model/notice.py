"""What goes out: a notice, its deliveries and attempts, and the work they cause."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from gateway.model.message import Contact
from gateway.model.words import (
    AttemptOutcome,
    ChannelKind,
    ClockName,
    DeliveryState,
    Flag,
    Kind,
    Language,
    Level,
    Nature,
    NoticeKind,
    NoticeState,
    Product,
    State,
)


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
    # What this kind of notice says beside (rules/reactions.py).
    details: Mapping[str, object] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing to tell one recipient, once: (complaint, cause, kind, recipient) is unique."""

    id: str
    complaint_id: str
    cause: int  # the sequence number of the timeline entry that caused it
    kind: NoticeKind
    recipient: str  # "customer", a role of the bank's and who holds it (rules/reactions.py), or "unit:cards:webhook"
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
    kind: NoticeKind
    contact_id: str | None  # None: somebody of the bank
    to: Contact
    content: Content
    state: DeliveryState
    created_at: datetime
    call: bool = False  # a person telephones; no sender has it


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
class Ticket:
    """A notice for a unit's own system (工单): ids, grading and dates, nothing personal and no words (A028, E.1 N24).

    How it is written down is in rules/tickets.py.
    """

    id: str  # the notice's
    notice: NoticeKind
    at: datetime  # when it happened
    to_unit: str  # whose ticket it is
    number: str
    kind: Kind
    state: State
    level: Level
    nature: Nature | None
    flags: tuple[Flag, ...]
    product: Product | None
    branch: str
    unit: str  # the responsible one (主责单位)
    handler: str  # staff number
    language: Language  # in which the customer is answered
    registered_at: datetime
    promised_at: datetime
    legal_at: datetime | None
    clock: ClockName | None = None  # which limit it is about, and
    due_at: datetime | None = None  # when that one ends
    why: str = ""  # in a stable word, such as "overdue"
    # Somebody of the unit is whom the case is about (law 17): not to be shown to all of it.
    restricted: bool = False
    link: str = ""  # the case in the REST API, "" where the gateway does not know its own address


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A notice for one of the bank's people, with what they can do about it at once: press a button, open the case."""

    text: Text
    choices: tuple[str, ...] = ()  # names of commands that need nothing but who gives them (rules/cards.py)
    urgent: bool = False  # before all others where only so many may be sent (A102)
    link: str = ""  # the case, "" where the gateway does not know its own address

    @property
    def language(self) -> Language:
        return self.text.language


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A notice for a provider that sends nothing but its own approved wording: values only, nothing personal."""

    notice: NoticeKind
    language: Language
    kind: Kind
    number: str
    at: datetime  # when it happened
    received_at: datetime
    promised_at: datetime
    bank: str
    telephone: str
    asked_to_call: bool = False  # nothing else carries what they are to be told


Content = Text | Ticket | Card | Template


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundMessage:
    """One attempt to hand one text or ticket to one recipient. `key` is the same on every attempt."""

    key: str
    to: Contact
    content: Content
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The provider took it; `provider_id` is its own name for the message, "" where it gives none."""

    provider_id: str = ""
