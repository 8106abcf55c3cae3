"""What a grading asks for: a level that fits its scope, a contingency plan, the particulars nobody has told yet. Pure.

Its guards stand in transitions.py's table; their words are in guards.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gateway.model import Complaint, Flag, Level, Product, Scope, Topic
from gateway.rules import commands
from gateway.rules.situation import Situation

_PLANNED_FOR = frozenset({Flag.URGENT, Flag.REPEAT, Flag.GROUP})
_MANY = frozenset({Scope.BATCH, Scope.SYSTEMIC})
_NAMES_NOTHING = frozenset({None, "", Product.OTHER})

_MONTH = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
# A day or an hour as people write it. Too much is taken for one rather than too little: what is missing is a hint.
_WHEN = re.compile(
    r"\d\s*[年月日号號点點时時]|\d[:：]\d\d|[昨今前]天|上[周週]|\b(?:today|yesterday)\b"
    rf"|\d (?:{_MONTH})|\b(?:{_MONTH})[a-z]* \d",
    re.IGNORECASE,
)


def owes_contingency(complaint: Complaint) -> bool:
    """Say whether it is urgent, repeated or a group's, and nobody is named for a contingency plan (A044, A047)."""
    return bool(complaint.case.flags & _PLANNED_FOR) and not complaint.case.contingency_owner


def missing_particulars(complaint: Complaint, messages: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return which of scene, time, branch and product neither the customer nor the grading has named (A008).

    `messages` are the bodies of the customer's messages as they are stored. Nothing is refused for what is missing.
    """
    case = complaint.case
    said = "\n".join(f"{one.get('subject', '')}\n{one.get('text', '')}" for one in messages)
    products = {case.product, *_told(messages, "product")}
    named = {
        "scene": bool(said.strip()),
        "time": any(_told(messages, "occurred_note")) or bool(_WHEN.search(said)),
        "branch": bool(case.branch) or any(_told(messages, "branch")),
        "product": bool(products - _NAMES_NOTHING) or case.topic is Topic.SYSTEM,
    }
    return [name for name, known in named.items() if not known]


def _told(messages: Sequence[Mapping[str, Any]], name: str) -> Iterator[Any]:
    for one in messages:
        yield (one.get("particulars") or {}).get(name)


def scope_fits_level(complaint: Complaint, command: commands.Grade | commands.Regrade, s: Situation) -> str:
    """Refuse to call general what touches many customers (A033)."""
    scope = command.scope or complaint.case.scope
    return "level:too_low" if scope in _MANY and command.level is Level.GENERAL else ""


def owner_impartial(complaint: Complaint, command: commands.NameContingencyPlan, s: Situation) -> str:
    return "owner:partial" if command.owner in complaint.case.staff_involved else ""


def contingency_planned(complaint: Complaint, command: commands.Conclude, s: Situation) -> str:
    return ":no_contingency" if owes_contingency(complaint) else ""
