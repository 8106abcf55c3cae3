"""What every transcript format is read into, before it is decided which speaker is the customer.

Also how the formats' numbers are understood. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway.errors import Invalid
from gateway.model import Language, Speaker

LONGEST_MS = 7 * 24 * 3600 * 1000
"""Beyond this a time is no offset into a call; milliseconds of the epoch above all."""
PIECES = 200_000
"""Words, sentences or lines of a call: a day and night of talk has fewer."""
LONGEST_NAME = 200  # characters of a call id, a staff number, a reference

Json = Mapping[str, Any]


class TooLong(Exception):
    """More pieces than a call has: a person looks at it, before a machine spends minutes on it."""


class NotReady(Invalid):
    """The transcript holds no words yet, or never will: `problem` says why in a stable word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One stretch of speech as a recogniser wrote it down.

    `speaker` is what the format itself says of the role; else `label` is its name for the voice ("1", "spk_0"), which
    means nothing until an operator says which one is the customer.
    """

    text: str
    start_ms: int | None  # None: not said, it goes where it stands
    end_ms: int | None
    speaker: Speaker | None = None
    label: str = ""
    confidence: float | None = None
    emotion: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    said: Sequence[Said]
    id: str = ""  # of the call, or of the recogniser's job; "" where it names neither
    language: Language | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What the telephone system tells about a call beside its words; "" or None: not said."""

    id: str = ""
    caller: str = ""
    agent: str = ""  # staff number
    recording: str = ""
    started_at: datetime | None = None
    problems: tuple[str, ...] = ()


def objects(value: object) -> Iterator[Json]:
    """Yield the objects of a JSON list; nothing for what is no list. Raises TooLong beyond PIECES."""
    if isinstance(value, list):
        if len(value) > PIECES:
            raise TooLong
        yield from (item for item in value if isinstance(item, dict))


def table(value: object) -> Json:
    """Return a JSON object; an empty one for what is none."""
    return value if isinstance(value, dict) else {}


def word(value: object) -> str:
    """Return a name or a label as text: formats write them as text and as whole numbers."""
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**15):
        # What cannot be shown cannot be stored either: NUL, half a character.
        return "".join(filter(str.isprintable, str(value).strip()[:LONGEST_NAME]))
    return ""


def text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def number(value: object) -> float | None:
    """Return a finite number written as one or as text ("1.2"); None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def milliseconds(value: object, *, per: int = 1) -> int | None:
    """Return an offset into the call; `per` is how many milliseconds the format's unit has. None for what is none."""
    found = number(value)
    return round(found * per) if found is not None and 0 <= found * per <= LONGEST_MS else None


def confidence(value: object) -> float | None:
    """Return a confidence from 0 to 1; None for what is none, also where a format says -1 for not known."""
    found = number(value)
    return found if found is not None and 0 <= found <= 1 else None


def mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def language(tag: object) -> Language | None:
    """Return the language of a tag such as zh-CN, cmn-Hant-TW or en-us; None for others, whose answer is guessed."""
    parts = word(tag).lower().replace("_", "-").split("-")
    if parts[0] == "en":
        return Language.EN
    if parts[0] in ("yue", "zh", "cmn"):
        is_traditional = bool({"hant", "tw", "hk", "mo"} & set(parts))
        return Language.ZH_HANT if is_traditional else Language.ZH_HANS
    return None


def joined(pieces: Sequence[str]) -> str:
    """Join recognised words: with a blank between those of languages that have them."""
    line = ""
    for piece in pieces:
        line += f" {piece}" if line and _has_blank(line[-1], piece[:1]) else piece
    return line


def _has_blank(before: str, after: str) -> bool:
    # Chinese, Japanese and their punctuation stand from U+2E80 on; Korean, which has blanks, is not a language here.
    return ord(before) < 0x2E80 and after.isalnum() and ord(after) < 0x2E80
