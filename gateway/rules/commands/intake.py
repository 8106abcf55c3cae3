"""Commands from the arrival to the decision whether the bank works on it: T2 to T5, and suggestions (T30). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from gateway.model import ChannelKind, Clock, ClockName, ContactType, Kind, Language, Level, Wish
from gateway.rules.commands.fields import Day, Name, Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """Open a complaint under its number (T1, T2; A021, A028). Its clocks come with it."""

    number: str
    kind: Kind
    level: Level
    needs_review: bool
    channel: ChannelKind
    source: str
    language: Language
    received_at: datetime
    promised_at: datetime
    legal_at: datetime | None
    policy: str
    name: str
    message_id: str
    clocks: Mapping[ClockName, Clock]
    redacted: tuple[str, ...] = ()  # kinds of authentication data removed from the message (D.3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Supplement:
    """Add a message of the complaint's own customer.

    `answers`: what it says is done by the next event; any other message waits for a person to read it (S0-8(5)).
    `left`: what kind of contact its words name as another way to tell them.
    """

    message_id: str
    redacted: tuple[str, ...] = ()
    answers: bool = False
    wish: Wish | None = None
    left: tuple[ContactType, ...] = ()
    said_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestLink:
    """Note that this complaint's sender named another complaint; nobody is told anything about that one.

    `repeats`: it is their own and had ended, so that they complain again (A110).
    """

    quoted_id: str
    number: str
    repeats: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerAtOnce:
    """Answer a simple question at once; the answer is on record (T3; A017)."""

    answer: Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """Put this complaint into the customer's earlier one about the same matter (T4; law 18)."""

    into: Name
    new_facts: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeIn:
    """Take a merged complaint in; its new facts count the limits anew (T4; law 18)."""

    merged: Name  # its number
    new_facts: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Decline:
    """Say that the bank does not handle it: not lodged by the person or an agent (T5; law 18)."""

    reason: Words
    who_can_help: Words
    agreed_by: Name  # of 法务合规


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferOut:
    """Say that another institution is responsible (T5)."""

    reason: Words
    who_can_help: Words
    agreed_by: Name  # of 法务合规


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessSuggestion:
    """Give a suggestion to the leader who decides (T30; A019)."""

    to: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class DecideSuggestion:
    """Adopt a suggestion or not, with the reason (T30)."""

    adopted: bool
    reason: Words
    live_on: Day | None = None
