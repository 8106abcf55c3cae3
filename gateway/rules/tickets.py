"""What a unit's own system is told of a case, and how that is written as JSON and read back. Pure.

The form is published as docs/reference/schemas/ticket.v1.schema.json. Who gets a ticket is telling.py's business.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gateway.model import (
    ClockName,
    Complaint,
    Flag,
    Kind,
    Language,
    Level,
    Nature,
    Notice,
    NoticeKind,
    Product,
    State,
    Ticket,
)

SCHEMA = "ticket.v1"
_LIMITS: Mapping[NoticeKind, ClockName] = {
    NoticeKind.DISPATCH: ClockName.ACCEPT,
    NoticeKind.ASSIST: ClockName.ASSIST,
    NoticeKind.RED_ALERT: ClockName.PRELIM_PLAN,
}
"""Which limit a notice is about that does not name one itself."""


def of(complaint: Complaint, notice: Notice, *, to_unit: str, restricted: bool, link: str) -> Ticket:
    """Return the ticket of a notice: of its details the limit and why, of the words people wrote none.

    A restricted one does not say why, either: that can be what was found, such as a violation (law 17).
    """
    case, details = complaint.case, notice.facts.details
    named = details.get("clock")
    clock = ClockName(named) if isinstance(named, str) else _LIMITS.get(notice.kind)
    running = complaint.clocks.get(clock) if clock else None
    return Ticket(
        id=notice.id,
        notice=notice.kind,
        at=notice.created_at,
        to_unit=to_unit,
        number=complaint.number,
        kind=complaint.kind,
        state=complaint.state,
        level=complaint.level,
        nature=case.nature,
        flags=tuple(sorted(case.flags)),
        product=case.product,
        branch=case.branch,
        unit=case.unit,
        handler=case.handler,
        language=complaint.language,
        registered_at=complaint.registered_at,
        promised_at=complaint.promised_at,
        legal_at=complaint.legal_at,
        clock=clock if running else None,
        due_at=running.due_at if running else None,
        why="" if restricted else str(details.get("why", "")),
        restricted=restricted,
        link=link,
    )


def to_json(ticket: Ticket) -> dict[str, Any]:
    """Return the ticket as published; moments are UTC, by RFC 3339 with a Z."""
    return {
        "type": SCHEMA,
        "timestamp": _written(ticket.at),
        "id": ticket.id,
        "notice": str(ticket.notice),
        "to_unit": ticket.to_unit,
        "number": ticket.number,
        "kind": str(ticket.kind),
        "state": str(ticket.state),
        "level": str(ticket.level),
        "nature": _word(ticket.nature),
        "flags": [str(flag) for flag in ticket.flags],
        "product": _word(ticket.product),
        "branch": ticket.branch,
        "unit": ticket.unit,
        "handler": ticket.handler,
        "language": str(ticket.language),
        "registered_at": _written(ticket.registered_at),
        "promised_at": _written(ticket.promised_at),
        "legal_at": _written(ticket.legal_at),
        "clock": _word(ticket.clock),
        "due_at": _written(ticket.due_at),
        "why": ticket.why,
        "restricted": ticket.restricted,
        "link": ticket.link,
    }


def from_json(value: Mapping[str, Any]) -> Ticket:
    """Return the ticket that `to_json` wrote."""
    return Ticket(
        id=value["id"],
        notice=NoticeKind(value["notice"]),
        at=datetime.fromisoformat(value["timestamp"]),
        to_unit=value["to_unit"],
        number=value["number"],
        kind=Kind(value["kind"]),
        state=State(value["state"]),
        level=Level(value["level"]),
        nature=Nature(value["nature"]) if value["nature"] else None,
        flags=tuple(Flag(flag) for flag in value["flags"]),
        product=Product(value["product"]) if value["product"] else None,
        branch=value["branch"],
        unit=value["unit"],
        handler=value["handler"],
        language=Language(value["language"]),
        registered_at=datetime.fromisoformat(value["registered_at"]),
        promised_at=datetime.fromisoformat(value["promised_at"]),
        legal_at=_read(value["legal_at"]),
        clock=ClockName(value["clock"]) if value["clock"] else None,
        due_at=_read(value["due_at"]),
        why=value["why"],
        restricted=value["restricted"],
        link=value["link"],
    )


def _word(value: object) -> str | None:
    return None if value is None else str(value)


def _written(moment: datetime | None) -> str | None:
    return moment.isoformat().replace("+00:00", "Z") if moment else None


def _read(moment: str | None) -> datetime | None:
    return datetime.fromisoformat(moment) if moment else None
