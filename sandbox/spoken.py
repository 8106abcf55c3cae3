"""A dialogue in pieces: its lines, their words and marks as recognisers cut them, and how recognisers write values."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.model import Speaker

_PIECE = re.compile(r"[A-Za-z0-9]+(?:[.,'-][A-Za-z0-9]+)*%?|\S")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What one speaker says without a pause. Times are milliseconds from the call's beginning, and may overlap."""

    speaker: Speaker
    text: str
    start_ms: int
    end_ms: int
    confidence: float | None = None


Lines = Sequence[Line]


@dataclass(frozen=True, slots=True)
class Piece:
    text: str
    is_mark: bool  # punctuation, which is not spoken


def parts(text: str) -> list[Piece]:
    """Return the words and marks of a text, in order: a Chinese character each, other words whole."""
    return [Piece(one, not any(map(str.isalnum, one))) for one in pieces(text)]


def pieces(text: str) -> list[str]:
    return _PIECE.findall(text)


def encoded(document: object) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()


def as_text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def seconds(ms: int) -> str:
    return f"{ms / 1000:.3f}"


def call_of(lines: Lines) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, repr(lines)))


def job_of(text: str) -> int:
    """Return a number for a text, the same whenever the text is: what a recogniser would count its jobs with."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
