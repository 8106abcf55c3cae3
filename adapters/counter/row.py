"""One row's cells as values, with a flaw for each that is none. What a complaint needs of them is wire.py's."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from enum import StrEnum
from typing import TypeVar

from adapters.counter.columns import COLUMNS, Column
from adapters.counter.flaws import flaw
from adapters.counter.sheets import Broken, Cell
from gateway.errors import Flaw
from gateway.rules.language import is_blank

Chosen = TypeVar("Chosen", bound=StrEnum)

FIRST_YEAR, LAST_YEAR = 2000, 2999  # what a spreadsheet makes of a number or an empty day lies in 1899 or 1900

# Control characters but tab and newline: they carry nothing, and PostgreSQL refuses NUL in text.
_NOISE = re.compile("[\x00-\x08\x0b-\x1f\x7f]")
_SEVERAL = re.compile(r"[;；,，、/\s]+")
_DAY = r"(?P<year>[0-9]{4})[-/.年](?P<month>[0-9]{1,2})[-/.月](?P<day>[0-9]{1,2})日?"
_TIME = r"(?P<hour>[0-9]{1,2})[:时点](?:(?P<minute>[0-9]{1,2})分?)?(?::(?P<second>[0-9]{1,2})(?:\.[0-9]{1,9})?)?"
_OFFSET = r"(?P<offset>Z|(?P<sign>[+-])(?P<hours>[0-9]{2}):?(?P<minutes>[0-9]{2}))"
_WHEN = re.compile(rf"{_DAY}(?:[T ]*{_TIME}(?: *{_OFFSET})?)?")


class Row:
    """One row under the headers. Reading a value notes what is wrong with it in `flaws`."""

    def __init__(self, number: int, cells: Mapping[str, Cell]) -> None:
        self.number = number
        self.cells = cells
        self.flaws: list[Flaw] = []

    def wrong(self, problem: str, name: str) -> None:
        """Note a flaw in the column of this name."""
        self.flaws.append(flaw(problem, row=self.number, column=COLUMNS[name].header))

    def has(self, name: str) -> bool:
        """Say whether anything stands there, right or wrong."""
        return isinstance(self.cells.get(name), Broken) or not is_blank(self.typed(name))

    def text(self, name: str) -> str:
        """Return what stands there without outer blanks; "" for nothing, or for what is wrong."""
        column, text = COLUMNS[name], self.typed(name)
        if is_blank(text):
            if column.required and not self.has(name):
                self.wrong("required", name)
            return ""
        if len(text) > column.limit:
            self.wrong("too_long", name)
            return ""
        return text

    def typed(self, name: str) -> str:
        """Return what stands there as text, a moment as it is written in the template."""
        cell = self.cells.get(name)
        if cell is None or isinstance(cell, Broken):
            return ""
        if isinstance(cell, datetime):
            return f"{cell:%Y-%m-%d %H:%M:%S}".removesuffix(":00").removesuffix(" 00:00")
        return _NOISE.sub("", cell.replace("\r\n", "\n").replace("\r", "\n")).strip()

    def choice(self, name: str, kind: type[Chosen]) -> Chosen | None:
        """Return the word of the list that stands there."""
        text = self.text(name)
        return self._chosen(name, text, kind) if text else None

    def choices(self, name: str, kind: type[Chosen]) -> tuple[Chosen, ...]:
        """Return the words of the list that stand there, each once."""
        found = [self._chosen(name, word, kind) for word in _SEVERAL.split(self.text(name)) if word]
        return tuple(dict.fromkeys(word for word in found if word is not None))

    def moment(self, name: str, zone: tzinfo) -> datetime | None:
        """Return the moment in UTC; one without an offset is of the zone, a day alone its first minute there."""
        text = self.text(name)
        found = _read(text, zone) if text else None
        if text and found is None:
            self.wrong("not_a_time", name)
        return found.astimezone(UTC) if found else None

    def day(self, name: str) -> date | None:
        """Return the day that stands there, with or without a time."""
        text = self.text(name)
        found = _read(text, UTC) if text else None
        if text and found is None:
            self.wrong("not_a_day", name)
        return found.date() if found else None

    def check(self) -> None:
        """Note every cell of which nothing can be taken over."""
        for name, cell in self.cells.items():
            if isinstance(cell, Broken):
                self.wrong(cell.problem, name)

    def _chosen(self, name: str, word: str, kind: type[Chosen]) -> Chosen | None:
        found = _choices(COLUMNS[name]).get(unicodedata.normalize("NFKC", word).lower())
        if isinstance(found, kind):
            return found
        self.wrong("not_a_choice", name)
        return None


def _choices(column: Column) -> Mapping[str, StrEnum]:
    return {**column.choices, **{member.value: member for member in column.choices.values()}}


def _read(text: str, zone: tzinfo) -> datetime | None:
    match = _WHEN.fullmatch(unicodedata.normalize("NFKC", text))
    if match is None or not FIRST_YEAR <= int(match["year"]) <= LAST_YEAR:
        return None
    day = [int(match[part]) for part in ("year", "month", "day")]
    hour, minute, second = (int(match[part] or 0) for part in ("hour", "minute", "second"))
    try:
        known = _zone_of(match) if match["offset"] else zone
        return datetime.combine(date(*day), time(hour, minute, second), known)
    except ValueError:
        return None


def _zone_of(match: re.Match[str]) -> tzinfo:
    if match["offset"] == "Z":
        return UTC
    offset = timedelta(hours=int(match["hours"]), minutes=int(match["minutes"]))
    return timezone(-offset if match["sign"] == "-" else offset)
