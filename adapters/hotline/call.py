"""What a telephone system tells about a call beside its transcript: as JSON, or in the notes of a WebVTT file. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from adapters.hotline.transcript import Call, Json, word

FIELDS = ("id", "caller", "agent", "started_at", "recording")
_LONGEST_REFERENCE = 1000
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)  # before it is a clock that was never set


def read(said: Json) -> Call:
    """Read the object `call`. A field that is no text, or a time without its zone, is left out and named a problem."""
    started_at = _moment(said.get("started_at"))
    is_odd = any(said.get(name) not in (None, "") and not word(said.get(name)) for name in FIELDS)
    is_untimed = bool(said.get("started_at")) and started_at is None
    recording = said.get("recording")
    return Call(
        id=word(said.get("id")),
        caller=word(said.get("caller")),
        agent=word(said.get("agent")),
        recording=_reference(recording) if isinstance(recording, str) else word(recording),
        started_at=started_at,
        problems=("bad_call_details",) if is_odd or is_untimed else (),
    )


def noted(notes: Iterable[str]) -> Call:
    """Read lines such as `caller: +8613800138000`; others are notes of somebody else's."""
    found: dict[str, str] = {}
    for note in notes:
        name, colon, value = note.partition(":")
        if colon and name.strip().lower() in FIELDS:
            found.setdefault(name.strip().lower(), value.strip())
    return read(found)


def together(first: Call, second: Call) -> Call:
    """Return what two say of one call; where both say something the first is believed."""
    return Call(
        id=first.id or second.id,
        caller=first.caller or second.caller,
        agent=first.agent or second.agent,
        recording=first.recording or second.recording,
        started_at=first.started_at or second.started_at,
        problems=(*first.problems, *second.problems),
    )


def _reference(value: str) -> str:
    return "".join(filter(str.isprintable, value.strip()[:_LONGEST_REFERENCE]))


def _moment(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value.strip())
        return moment.astimezone(UTC) if moment.tzinfo and moment >= _EARLIEST else None
    except (ValueError, OverflowError):
        return None
