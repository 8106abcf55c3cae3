"""The dossier of one case: everything held about it, as JSON and for reading (A126). Where it is written is not here.

It is what the REST API shows, with the texts that were sent and what came of each attempt.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from gateway.casework import Casefile
from gateway.model import Actor, Attempt, Delivery
from gateway.rules import access, masks
from gateway.web import case_views

KIND = "dossier"


def contents(file: Casefile, actor: Actor, *, plain: bool, at: datetime, holds: bool) -> Mapping[str, Any]:
    """Return all there is of a case, the customer masked unless `plain`; `holds`: its timeline was verified."""
    complaint = file.complaint
    paid = any(one.event.private.get("compensation") for one in file.timeline)
    words = _Words(hidden=paid and not access.sees_amount(actor, complaint), name="" if plain else complaint.name)
    view = case_views.plain_view if plain else case_views.file_view
    return {
        "exported_at": at,
        "exported_by": actor.id,
        "chain": {"entries": len(file.timeline), "head": complaint.head.hex(), "holds": holds},
        "case": view(file, actor),
        "messages": [case_views.message_view(one, complaint, actor) for one in file.messages],
        "timeline": [case_views.entry_view(one, complaint, actor) for one in file.timeline],
        "notices": [
            {
                **case_views.notice_view(notice, ()),
                "deliveries": [_delivery(one, file, words) for one in file.deliveries if one.notice_id == notice.id],
            }
            for notice in file.notices
        ],
    }


def file_name(number: str, day: date, suffix: str) -> str:
    """Return the name of an exported file: number, day and what it is (A030)."""
    return f"{number}-{day:%Y%m%d}-{KIND}.{suffix}"


def as_json(dossier: Mapping[str, Any]) -> bytes:
    """Return the dossier as JSON, moments in UTC."""
    return orjson.dumps(dossier, option=orjson.OPT_UTC_Z | orjson.OPT_INDENT_2)


def as_text(dossier: Mapping[str, Any], zone: ZoneInfo) -> str:
    """Return the dossier for reading and printing, moments in the bank's zone. Nothing of it is left out."""
    return "\n".join(_lines(dossier, zone, "")) + "\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Words:
    """How a text that was sent is shown: `hidden` where it may name an amount (C13), without `name` (A011)."""

    hidden: bool
    name: str

    def of(self, text: str) -> str:
        if self.hidden:
            return masks.HIDDEN
        return text.replace(self.name, masks.mask_name(self.name)) if self.name else text


def _delivery(delivery: Delivery, file: Casefile, words: _Words) -> Mapping[str, Any]:
    return {
        **case_views.delivery_view(delivery),
        "text": words.of(case_views.text_of(delivery.content)),
        "attempts": [_attempt(one) for one in file.attempts[delivery.key]],
    }


def _attempt(attempt: Attempt) -> Mapping[str, Any]:
    return {
        "number": attempt.number,
        "at": attempt.at,
        "outcome": attempt.outcome,
        "reason": attempt.reason,
        "provider_id": attempt.provider_id,
    }


def _lines(value: Mapping[str, Any], zone: ZoneInfo, margin: str) -> Iterator[str]:
    for name, one in value.items():
        if isinstance(one, Mapping):
            yield f"{margin}{name}:"
            yield from _lines(one, zone, margin + "  ")
        elif isinstance(one, Sequence) and not isinstance(one, str):
            yield f"{margin}{name}: {len(one) or 'none'}"
            for number, item in enumerate(one, start=1):
                yield from _lines({f"{number}": item}, zone, margin + "  ")
        else:
            yield f"{margin}{name}: {_words(one, zone, margin)}"


def _words(value: object, zone: ZoneInfo, margin: str) -> str:
    if isinstance(value, datetime):
        return f"{value.astimezone(zone):%Y-%m-%d %H:%M:%S}"
    return f"\n{margin}  ".join(str(value if value is not None else "").splitlines())
