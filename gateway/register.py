"""客户投诉登记表: what the register says of each complaint, and how a line of it becomes CSV (A128, A137).

It shows no more than the case itself shows to who may see it; the customer is masked (A011).
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from io import StringIO
from zoneinfo import ZoneInfo

from gateway.model import Complaint
from gateway.rules import masks

COLUMNS = (
    *("number", "received", "channel", "kind", "level", "unit", "handler", "state", "result"),
    *("replied", "promised", "legal", "customer", "nature", "flags", "product", "branch"),
    *("topic", "content_class", "scope", "horizon", "difficulty"),
    *("handling_hours", "satisfaction", "improvement", "improvement_due", "executed", "root_cause"),
)
ON_SCREEN = COLUMNS[:12]
"""What fits beside each other on paper."""

# A spreadsheet takes what begins like this for a formula; the apostrophe makes it text (OWASP: CSV injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def line(complaint: Complaint, zone: ZoneInfo) -> Mapping[str, str]:
    """Return a complaint's line by column, moments in the bank's zone; "" for what is not known yet."""
    case = complaint.case
    plan = case.conclusion.improvement if case.conclusion else None
    took = case.replied_at - complaint.received_at if case.replied_at else None
    return {
        "number": complaint.number,
        "received": _local(complaint.received_at, zone),
        "channel": complaint.channel,
        "kind": complaint.kind,
        "level": complaint.level,
        "unit": case.unit,
        "handler": case.handler,
        "state": complaint.state,
        "result": case.result or "",
        "replied": _local(case.replied_at, zone),
        "promised": _local(complaint.promised_at, zone),
        "legal": _local(complaint.legal_at, zone),
        "customer": masks.mask_name(complaint.name),
        "nature": case.nature or "",
        "flags": " ".join(sorted(case.flags)),
        "product": case.product or "",
        "branch": case.branch,
        "topic": case.topic or "",
        "content_class": case.content_class or "",
        "scope": case.scope or "",
        "horizon": case.horizon or "",
        "difficulty": case.difficulty or "",
        "handling_hours": f"{took.total_seconds() / 3600:.1f}" if took is not None else "",
        "satisfaction": str(case.scores.get("overall", "")),
        "improvement": plan.measure if plan else "",
        "improvement_due": plan.due.isoformat() if plan else "",
        "executed": _local(case.executed_at, zone),
        "root_cause": case.root_cause,
    }


def csv_text(rows: Iterable[Sequence[str]]) -> str:
    """Return rows as CSV (RFC 4180) in which no cell is a formula."""
    text = StringIO()
    csv.writer(text).writerows([[_plain(cell) for cell in row] for row in rows])
    return text.getvalue()


def _plain(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _local(at: datetime | None, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M}" if at else ""
