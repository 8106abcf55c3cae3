"""Payment card numbers in a text, told from the order, phone and other numbers around them.

What is done about them is said in redaction.py. The text comes folded: half-width, small letters, one kind of dash.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

_SHORTEST, _LONGEST = 13, 19
# First digits in use, by length (ISO/IEC 7812). Without them one order number in ten would pass the Luhn check and be
# lost to the case. 2 is Mir and the second Mastercard range, but an order number begins with a date: 2026..., 2611...
_ISSUED = {
    13: re.compile("4"),
    14: re.compile("3[0689]"),
    15: re.compile("3[47]"),
    16: re.compile("[3-69]|220[0-4]|(?!2[2-9](?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01]))2(?:2[2-9]|[3-6]|7[0-2])"),
    **dict.fromkeys((17, 18, 19), re.compile("[69]|5[0678]")),
}
# Every expression begins with a plain character: what stands before it is looked at afterwards, or a search is slow.
_RUN = re.compile(r"[0-9](?<![0-9]{2})(?<![0-9]\.[0-9])(?<!\+[0-9])(?:[ -]{0,3}[0-9]){12,}")
_AS_LONG = re.compile("[0-9](?:[ -]{0,3}[0-9]){12}")
_GROUP = re.compile("[0-9]+")
_MOBILE = r"1(?<![0-9]1)[3-9][0-9](?:[ -]?[0-9]{4}){2}(?![0-9])"
_DATE = r"[12](?<![0-9]{2})[09][0-9]{2}-(?:1[0-2]|0?[1-9])-(?:3[01]|[12][0-9]|0?[1-9])(?![0-9])"
_OTHER = re.compile(f"(?:{_MOBILE})|(?:{_DATE})")


@dataclass(frozen=True, slots=True, kw_only=True)
class CardNumber:
    """Where a card number stands, and its last four digits."""

    start: int
    end: int
    tail: str


def card_numbers(text: str) -> Iterator[CardNumber]:
    """Yield the card numbers of a text: 13 to 19 digits that begin as an issuer's do and pass the Luhn check.

    Blanks and dashes may part the digits in the ways people write them, or in any way where nothing else stands beside.
    """
    if not _AS_LONG.search(text):  # nearly every text
        return
    for run in _RUN.finditer(_OTHER.sub(lambda match: "\1" * len(match[0]), text)):
        yield from _in_run(run)


def _in_run(run: re.Match[str]) -> Iterator[CardNumber]:
    """Yield the card numbers in a run of groups of digits; those that overlap as one."""
    groups = [group.span() for group in _GROUP.finditer(run.string, *run.span())]
    digits = "".join(run.string[start:end] for start, end in groups)
    edges = [0, *accumulate(end - start for start, end in groups)]
    found: CardNumber | None = None
    for first, last in _windows(digits, edges):
        start, end = groups[first][0], groups[last - 1][1]
        if found and start < found.end:
            found = CardNumber(start=found.start, end=max(found.end, end), tail=found.tail)
            continue
        if found:
            yield found
        # of two readings the shorter comes first: a security code behind it must not be shown as its last digits
        found = CardNumber(start=start, end=end, tail=digits[edges[last] - 4 : edges[last]])
    if found:
        yield found


def _windows(digits: str, edges: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the first and the after-last group of what can be a card number; `edges` are the groups' ends in digits."""
    luhn = _luhn_sums(digits, 0), _luhn_sums(digits, 1)
    for first, start in enumerate(edges):
        for last in range(bisect_left(edges, start + _SHORTEST), bisect_right(edges, start + _LONGEST)):
            end = edges[last]
            sums = luhn[end % 2]  # counted from the end, every second digit is doubled
            if (
                (sums[end] - sums[start]) % 10 == 0
                and _ISSUED[end - start].match(digits, start)
                and _is_card_grouping(
                    [b - a for a, b in pairwise(edges[first : last + 1])], alone=end - start == len(digits)
                )
            ):
                yield first, last


def _luhn_sums(digits: str, odd: int) -> list[int]:
    """Return the sum of the digits before each place, those at even or odd places doubled (9 taken from two digits).

    With it a window is checked by one subtraction, however many windows a long run has.
    """
    values = (int(digit) for digit in digits)
    return [0, *accumulate(value * 2 - 9 * (value > 4) if at % 2 == odd else value for at, value in enumerate(values))]


def _is_card_grouping(sizes: Sequence[int], *, alone: bool) -> bool:
    """Tell whether card numbers are written so: in one, 4-4-4-4-3, 4-6-5, 6 and the rest, digit by digit, or alone."""
    return (
        alone
        or len(sizes) == 1
        or (set(sizes[:-1]) == {4} and sizes[-1] <= 4)
        or sizes in ([4, 6, 5], [4, 6, 4])
        or (len(sizes) == 2 and sizes[0] == 6)
        or set(sizes) == {1}
    )
