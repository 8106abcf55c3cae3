"""Complaint numbers: their form, their check character, and finding them in what people write.

Counters are kept by the storage. A number is never a credential: who may see a complaint is decided elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from itertools import chain, combinations, islice, pairwise

MAX_LENGTH = 32  # WeChat's `character_string` template field (B.1)
GROWTH = 2  # a serial that outgrows its width may take this many more digits
MAX_PLACES = 500  # looked at in one text, for each pattern
MAX_SUSPECTS = 20
MAX_CANDIDATES = 16

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_VALUES = {character: value for value, character in enumerate(_ALPHABET)}
_FIRST_YEAR, _LAST_YEAR = 2020, 2099  # within these, yymmdd and yyyymmdd can never be read as one another

_TEMPLATE = re.compile(
    r"(?P<prefix>[A-Z]+(?:-[A-Z]+)*)(?P<j1>-?)\{(?P<dated>yymmdd|yyyymmdd)\}"
    r"(?P<j2>-?)\{serial:(?P<width>[4-9])\}(?P<j3>-?)\{check\}"
)


def check_character(text: str) -> str:
    """Return the ISO/IEC 7064 MOD 37,36 check character of a text of capital letters and digits.

    It betrays every substitution of one character. Of the exchanges of two neighbours it misses one in 630: those of
    characters that follow each other (0 and 1, 1 and 2, ... Z and 0), in 2 of the 36 states they can be met in. So
    TS-261123-000123-V and TS-261123-000132-V are both right: one more reason why a number is no proof of anything.
    """
    state = 36
    for character in text:
        state = ((state + _VALUES[character]) % 36 or 36) * 2 % 37
    return _ALPHABET[(37 - state) % 36]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """The form of complaint numbers: `TS-{yymmdd}-{serial:6}-{check}` gives TS-261123-000123-V.

    The check character covers the number without its dashes. Serials count from 1 within a `scope`, a day; those whose
    check character would be O or I, read as 0 and 1, are never given out (B.1).
    """

    prefix: str
    dated: str
    width: int
    joints: tuple[str, str, str]  # "-" or nothing before the date, the serial and the check character

    @classmethod
    def parse(cls, template: str) -> Pattern:
        """Read a pattern: letters, a date (`{yymmdd}` or `{yyyymmdd}`), `{serial:4}` to `{serial:9}`, `{check}`.

        A dash may stand between any two. Raises ValueError saying what is wrong with it.
        """
        match = _TEMPLATE.fullmatch(template)
        if match is None:
            raise ValueError(
                f"number pattern {template!r}: expected a form such as TS-{{yymmdd}}-{{serial:6}}-{{check}}"
            )
        pattern = cls(
            prefix=match["prefix"],
            dated=match["dated"],
            width=int(match["width"]),
            joints=(match["j1"], match["j2"], match["j3"]),
        )
        if len(pattern.letters) < 2:  # one letter before digits is found everywhere: A4, K12, G20
            raise ValueError(f"number pattern {template!r}: expected at least two letters in front")
        longest = len(pattern.scope(date(2026, 1, 1))) + pattern.width + GROWTH + 1 + sum(map(len, pattern.joints[1:]))
        if longest > MAX_LENGTH:
            raise ValueError(f"number pattern {template!r}: numbers could grow to {longest} of {MAX_LENGTH} characters")
        return pattern

    @property
    def letters(self) -> str:
        """The prefix without its dashes."""
        return self.prefix.replace("-", "")

    def scope(self, day: date) -> str:
        """Return the key of the counter that serials of this day are drawn from.

        Raises ValueError for a year outside 2020-2099.
        """
        if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
            raise ValueError(f"no complaint numbers in the year {day.year}")
        return f"{self.prefix}{self.joints[0]}{day.isoformat().replace('-', '')[-len(self.dated) :]}"

    def number(self, day: date, serial: int) -> str | None:
        """Return the number of a serial, or None for the one serial in 18 that is never given out.

        A serial too large for its width makes the number longer. Raises OverflowError beyond `GROWTH` more digits.
        """
        if not 1 <= serial < 10 ** (self.width + GROWTH):
            raise OverflowError(f"no complaint number for serial {serial}")
        body = f"{self.scope(day)}{self.joints[1]}{serial:0{self.width}}"
        check = check_character(body.replace("-", ""))
        return None if check in "OI" else f"{body}{self.joints[2]}{check}"

    def read(self, compact: str) -> str | None:
        """Return the number that this text without dashes stands for, if it can have been given out."""
        parts = self._parts(compact)
        number = self.number(*parts) if parts else None
        return number if number is not None and number.replace("-", "") == compact else None

    def near(self, compact: str) -> tuple[str, ...]:
        """Return the numbers at most one substitution, exchange or forgotten check character away; at most 16."""
        edited = [compact, *_transposed(compact), *self._substituted(compact)]
        if compact[len(self.letters) :].isdigit():
            edited.append(compact + check_character(compact))
        numbers = dict.fromkeys(number for text in edited if (number := self.read(text)) is not None)
        return tuple(numbers)[:MAX_CANDIDATES]

    def _substituted(self, compact: str) -> Iterator[str]:
        """Yield the text with another check character, then with another digit at each place that takes one."""
        yield compact[:-1] + check_character(compact[:-1])
        for place in range(len(self.letters), len(compact) - 1):
            for digit in "0123456789":
                yield compact[:place] + digit + compact[place + 1 :]

    def _parts(self, compact: str) -> tuple[date, int] | None:
        """Return day and serial of a text that has the form and the check character of a number."""
        match = _shape(self).fullmatch(compact)
        if match is None or not int(match["serial"]) or check_character(compact[:-1]) != compact[-1]:
            return None
        day = _day(match["dated"])
        return (day, int(match["serial"])) if day else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """Something written like a number that is none: the words as found, and the numbers that can have been meant."""

    text: str
    did_you_mean: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What a text quotes: numbers in their stored form, each once, as they come; and what only looks like one."""

    numbers: tuple[str, ...]
    suspects: tuple[Suspect, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Patterns:
    """The pattern new numbers get, and every pattern that numbers were ever given out by (lesson 27).

    Raises ValueError for two patterns that differ in nothing but dashes: a number typed without any would be either's.
    """

    current: Pattern
    old: tuple[Pattern, ...] = ()

    def __post_init__(self) -> None:
        for one, other in combinations((self.current, *self.old), 2):
            alike = (one.letters, one.dated) == (other.letters, other.dated)
            if alike and (one.prefix, one.joints) != (other.prefix, other.joints):
                raise ValueError(f"two number patterns of {one.letters!r} differ in nothing but dashes")

    def normalise(self, text: str) -> str | None:
        """Return the stored form of one number as somebody typed it, or None when it is not exactly one right number.

        Accepts full-width and small letters, blanks, any dash or none, and O and I for 0 and 1.
        """
        if len(text) > 4 * MAX_LENGTH:
            return None
        compact = _SEPARATORS.sub("", _fold(text))
        readings = (pattern.read(_corrected(pattern, compact)) for pattern in (self.current, *self.old))
        return next((number for number in readings if number is not None), None)

    def find(self, text: str) -> Findings:
        """Return the numbers a text quotes, in linear time; of the first 500 places, with at most 20 suspects.

        A number stands alone: no letter or digit of ours touches it (Chinese characters may), and it is not a part of
        a web address or of a run of base64. A suspect has the letters and the digits of a number in their places, but
        the check character is wrong or missing.
        """
        if not any(_opening(pattern).search(text) for pattern in (self.current, *self.old)):
            return Findings(numbers=(), suspects=())
        folded = _OPAQUE.sub(lambda match: "\0" * len(match[0]), _fold(text))
        by_start: dict[int, list[_Place]] = {}  # two patterns may see the same words
        for pattern in (self.current, *self.old):
            for place in islice(_places(pattern, folded), MAX_PLACES):
                by_start.setdefault(place.start, []).append(place)
        numbers: dict[str, None] = {}
        doubts: list[list[_Place]] = []
        for _, places in sorted(by_start.items()):
            read = dict.fromkeys(number for place in places if (number := place.read()) is not None)
            numbers |= read
            if not read:
                doubts.append(places)
        return Findings(
            numbers=tuple(numbers), suspects=tuple(_suspect(text, places) for places in doubts[:MAX_SUSPECTS])
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where something is written like a number: the ways to read it, without dashes, the shortest first."""

    pattern: Pattern
    start: int
    end: int
    readings: tuple[str, ...]

    def read(self) -> str | None:
        return self.pattern.read(self.readings[-1])


# One character for one, so that a place in the folded text is the same place in the text.
_FOLDED = {
    **{0xFEE0 + code: chr(code) for code in map(ord, _ALPHABET)},
    **{code: chr(code).upper() for code in range(ord("a"), ord("z") + 1)},
    **{0xFEE0 + code: chr(code).upper() for code in range(ord("a"), ord("z") + 1)},
    **dict.fromkeys(map(ord, "‐‑‒–—―−－﹣﹘─ー"), "-"),
    **dict.fromkeys(map(ord, "\t\n\r\u00a0\u00ad\u202f\u205f\u2060\u3000\ufeff"), " "),
    **dict.fromkeys(range(0x2000, 0x2010), " "),  # spaces, zero widths, direction marks
}
_GAP = "[ -]{0,4}"
_SEPARATORS = re.compile("[ -]")
_DIGIT = "[0-9OI]"
_AS_DIGITS = str.maketrans("OI", "01")
_END = "(?![0-9A-Z]|-[0-9A-Z](?![0-9A-Z]))"  # the check character, if it is the last: «-3» may be followed by «-V»
_NO_MORE = re.compile("(?!-?[0-9A-Z])")  # after a number whose check character was forgotten
_OPAQUE = re.compile(
    r"(?<![A-Z0-9])(?:HTTPS?|FTP)://[!-~]++"
    r"|(?<![A-Z0-9.-])[A-Z0-9-]++(?:\.[A-Z0-9-]++)++(?<=[A-Z][A-Z])/[!-~]++"
    r"|(?<![A-Z0-9+/=])[A-Z0-9+/=]{40,}+"
)


def _fold(text: str) -> str:
    return text.translate(_FOLDED)


def _corrected(pattern: Pattern, compact: str) -> str:
    """Return the text with 0 and 1 for the O and I that no number has after its letters."""
    head = len(pattern.letters)
    return compact[:head] + compact[head:].translate(_AS_DIGITS)


def _suspect(text: str, places: Sequence[_Place]) -> Suspect:
    near = (place.pattern.near(reading) for place in places for reading in place.readings)
    end = max(place.end for place in places)
    return Suspect(
        text=text[places[0].start : end], did_you_mean=tuple(dict.fromkeys(chain.from_iterable(near)))[:MAX_CANDIDATES]
    )


def _places(pattern: Pattern, folded: str) -> Iterator[_Place]:
    """Yield each place where the letters, the date and a serial stand, and an end that can be a number's."""
    head, tails = _finders(pattern)
    serial = len(pattern.letters) + len(pattern.dated)
    for match in head.finditer(folded):
        start, end = match.span()
        ends = [tail.end() for expr in tails if (tail := expr.match(folded, end))]
        if not ends and _NO_MORE.match(folded, end):
            ends = [end]  # the check character was forgotten
        texts = [_corrected(pattern, _SEPARATORS.sub("", folded[start:end])) for end in ends]
        # a serial that has outgrown its width never begins with 0
        readings = tuple(text for text in texts if text[serial] != "0" or len(text) <= serial + pattern.width + 1)
        if readings:
            yield _Place(pattern=pattern, start=start, end=ends[-1], readings=readings)


@cache
def _opening(pattern: Pattern) -> re.Pattern[str]:
    """Return what finds all that can fold to the beginning of a number: most texts have none and need no folding."""
    gap = f"{_written(' -')}{{0,4}}"
    return re.compile(
        gap.join(map(_written, [*pattern.letters, *["0123456789OI"] * (len(pattern.dated) + pattern.width)]))
    )


def _written(characters: str) -> str:
    """Return the expression of one character that is folded to one of these."""
    spellings = [chr(code) for code, folded in _FOLDED.items() if folded in characters]
    return f"[{re.escape(characters + ''.join(spellings))}]"


@cache
def _finders(pattern: Pattern) -> tuple[re.Pattern[str], tuple[re.Pattern[str], ...]]:
    """Return what finds the beginning of a number, and what its end can be: one for each width of the serial."""
    digits = len(pattern.dated) + pattern.width
    head = "(?<![0-9A-Z])" + _GAP.join([*pattern.letters, *[_DIGIT] * digits])
    # further digits of a grown serial stand close: in «…-123456-7 2 days ago» the 7 is the check character
    tails = (f"{_DIGIT}{{{more}}}{_GAP}[0-9A-Z]{_END}" for more in range(GROWTH + 1))
    return re.compile(head), tuple(map(re.compile, tails))


@cache
def _shape(pattern: Pattern) -> re.Pattern[str]:
    serial = f"[0-9]{{{pattern.width}}}|[1-9][0-9]{{{pattern.width},{pattern.width + GROWTH - 1}}}"
    return re.compile(f"{pattern.letters}(?P<dated>[0-9]{{{len(pattern.dated)}}})(?P<serial>{serial})[0-9A-Z]")


def _day(dated: str) -> date | None:
    """Return the day of a number's date part, or None when there is no such day."""
    try:
        day = date.fromisoformat(dated if len(dated) == 8 else f"20{dated}")
    except ValueError:
        return None
    return day if _FIRST_YEAR <= day.year <= _LAST_YEAR else None


def _transposed(text: str) -> Iterator[str]:
    """Yield the text with each two characters that stand side by side exchanged."""
    for place, (left, right) in enumerate(pairwise(text)):
        if left != right:
            yield text[:place] + right + left + text[place + 2 :]
