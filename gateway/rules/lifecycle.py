"""What may happen to a complaint: a command against its present state becomes events, an event moves the state.

    (nothing) --Register--> registered          T1 + T2: received and numbered in one commit
    registered --Supplement--> registered       the customer adds to an open complaint
    registered --SuggestLink--> registered      its sender quoted somebody else's number; a person decides

`decide` says whether and what; `evolve` is the only way a complaint's fields change, so a complaint equals the fold of
its timeline. Commands of the later steps join this table. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.errors import Conflict
from gateway.model import ChannelKind, Complaint, Event, EventKind, Kind, Language, Level, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """Open a complaint under its number (T1, T2; A021, A028)."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Supplement:
    """Add a message of the complaint's own customer."""

    message_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestLink:
    """Note that this complaint's sender quoted another complaint; nobody is told anything about that one."""

    quoted_id: str


Command = Register | Supplement | SuggestLink

OPEN = frozenset({State.REGISTERED})
"""The states in which a customer's message still joins the complaint."""


def decide(complaint: Complaint | None, command: Command, now: datetime) -> Event:
    """Return what the command makes happen at `now`. Raises Conflict when the state does not permit it."""
    if isinstance(command, Register):
        if complaint is not None:
            raise Conflict("the complaint is registered already")
        return _opened(command, now)
    if complaint is None or complaint.state not in OPEN:
        raise Conflict("the complaint is not open")
    if isinstance(command, Supplement):
        return Event(kind=EventKind.SUPPLEMENTED, public={"message": command.message_id})
    return Event(kind=EventKind.LINK_SUGGESTED, public={"quoted": command.quoted_id})


def evolve(complaint: Complaint | None, complaint_id: str, event: Event) -> Complaint:
    """Return the complaint after the event. `version` and `head` belong to the timeline and stay as they are."""
    if event.kind is EventKind.OPENED:
        return _open(complaint_id, event)
    if complaint is None:
        raise Conflict("the first event of a complaint must open it")
    return complaint


def fold(complaint_id: str, events: Iterable[Event]) -> Complaint | None:
    """Return the complaint its events add up to."""
    complaint: Complaint | None = None
    for version, event in enumerate(events, start=1):
        complaint = replace(evolve(complaint, complaint_id, event), version=version)
    return complaint


def _opened(command: Register, now: datetime) -> Event:
    return Event(
        kind=EventKind.OPENED,
        public={
            "number": command.number,
            "kind": command.kind.value,
            "level": command.level.value,
            "needs_review": command.needs_review,
            "channel": command.channel.value,
            "source": command.source,
            "language": command.language.value,
            "received_at": command.received_at.isoformat(),
            "registered_at": now.isoformat(),
            "promised_at": command.promised_at.isoformat(),
            "legal_at": command.legal_at.isoformat() if command.legal_at else None,
            "policy": command.policy,
            "message": command.message_id,
        },
        private={"name": command.name},
    )


def _open(complaint_id: str, event: Event) -> Complaint:
    public = event.public
    legal_at = public["legal_at"]
    return Complaint(
        id=complaint_id,
        number=str(public["number"]),
        state=State.REGISTERED,
        kind=Kind(str(public["kind"])),
        level=Level(str(public["level"])),
        needs_review=bool(public["needs_review"]),
        channel=ChannelKind(str(public["channel"])),
        source=str(public["source"]),
        language=Language(str(public["language"])),
        received_at=datetime.fromisoformat(str(public["received_at"])),
        registered_at=datetime.fromisoformat(str(public["registered_at"])),
        promised_at=datetime.fromisoformat(str(public["promised_at"])),
        legal_at=datetime.fromisoformat(str(legal_at)) if legal_at else None,
        policy=str(public["policy"]),
        name=str(event.private.get("name", "")),
    )
