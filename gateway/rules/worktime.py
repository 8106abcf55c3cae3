"""Working days, make-up days (调休), business hours, and how a term is counted from a receipt to a date (C.3).

Which term applies to a case is policy.py's business. Calendar files are read elsewhere: here all data are values.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

ONE_DAY = timedelta(days=1)
END_OF_DAY = time(23, 59, 59)
INTERNAL_TARGET = time(17, 30)
SATURDAY = 5
NEXT_YEAR_IS_DUE = (12, 1)  # month and day; the State Council's notice normally appears in November (D.9)
LONGEST_CLOSURE = 366  # days without a working day after which a calendar has none, instead of searching for ever


class NoWorkingDayError(ValueError):
    """The calendar has no working day to count to: its data are wrong, an operator must look."""


class Unit(StrEnum):
    """What a term counts. Clock units run day and night; a week is seven calendar days."""

    MINUTE = "min"
    HOUR = "h"
    WORKING_DAY = "wd"
    CALENDAR_DAY = "cd"
    WEEK = "wk"


_CLOCK = {Unit.MINUTE: timedelta(minutes=1), Unit.HOUR: timedelta(hours=1)}
_NATURAL_DAYS = {Unit.WORKING_DAY: 1, Unit.CALENDAR_DAY: 1, Unit.WEEK: 7}
_TERM = re.compile(r"(0|[1-9][0-9]{0,3})(min|h|wd|cd|wk)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A time limit as a rule states it, such as "3wd"; `str()` gives the same text back."""

    count: int
    unit: Unit

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read "30min", "24h", "3wd", "15cd" or "8wk" (0 to 9999, no spaces); raise ValueError naming the text."""
        match = _TERM.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is not a term: write a number and min, h, wd, cd or wk, such as '3wd'")
        return cls(count=int(match[1]), unit=Unit(match[2]))

    def __post_init__(self) -> None:
        if not 0 <= self.count <= 9999:
            raise ValueError(f"a term counts from 0 to 9999, not {self.count}")

    def __str__(self) -> str:
        return f"{self.count}{self.unit}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkYear:
    """What one year's official notice changes about plain weekends: `off` is free, `worked` are weekend days worked."""

    year: int
    off: frozenset[date]
    worked: frozenset[date]
    version: str
    source: str

    def __post_init__(self) -> None:
        days = sorted(self.off | self.worked)
        _refuse(f"{self.version}: not in {self.year}", [day for day in days if day.year != self.year])
        _refuse(f"{self.version}: both off and worked", [day for day in days if day in self.off & self.worked])
        weekdays = [day for day in sorted(self.worked) if day.weekday() < SATURDAY]
        _refuse(f"{self.version}: worked anyway, so no make-up day", weekdays)

    @classmethod
    def from_mapping(cls, data: Mapping[str, object]) -> Self:
        """Build a year from its parsed TOML (format: config/workdays/); raise ValueError saying which entry is wrong.

        An entry that is not a public holiday (optional, observance) is refused: whether the bank closes on that day is
        a person's decision, not an importer's (lesson 50).
        """
        year, version = data.get("year"), data.get("version")
        if type(year) is not int or not isinstance(version, str) or not version:
            raise ValueError("a work year needs a year (a number) and a version (a text)")
        source, holidays = data.get("source"), data.get("holiday")
        if not isinstance(source, str) or not source or not isinstance(holidays, list) or not holidays:
            raise ValueError(f"{version}: needs a source and at least one [[holiday]]")
        if unknown := sorted(data.keys() - {"year", "version", "source", "holiday"}):
            raise ValueError(f"{version}: unknown key {', '.join(unknown)}")
        off: set[date] = set()
        worked: set[date] = set()
        for entry in holidays:
            name, free, made_up = _holiday(version, entry)
            _refuse(f"{version}: {name}: entered twice", sorted(off & free | worked & made_up))
            off |= free
            worked |= made_up
        return cls(year=year, off=frozenset(off), worked=frozenset(worked), version=version, source=source)


def _holiday(version: str, entry: object) -> tuple[str, set[date], set[date]]:
    if not isinstance(entry, Mapping) or not isinstance(entry.get("name"), str):
        raise ValueError(f"{version}: every [[holiday]] needs a name")
    where = f"{version}: {entry['name']}"
    if unknown := sorted(entry.keys() - {"name", "kind", "first", "last", "worked"}):
        raise ValueError(f"{where}: unknown key {', '.join(unknown)}")
    kind = entry.get("kind", "public")
    if kind != "public":
        raise ValueError(
            f"{where}: is {kind!r}, not public; decide whether the bank closes: enter it as public or not at all"
        )
    first, last, worked = entry.get("first"), entry.get("last"), entry.get("worked", [])
    # type() and not isinstance: TOML's date-times are datetimes, which are dates to isinstance
    if type(first) is not date or type(last) is not date or not isinstance(worked, list):
        raise ValueError(f"{where}: needs dates as first and last, and a list as worked")
    if any(type(day) is not date for day in worked):
        raise ValueError(f"{where}: worked holds something that is not a date")
    if not timedelta() <= last - first < timedelta(days=366):
        raise ValueError(f"{where}: last must follow first within a year")
    _refuse(f"{where}: entered twice", sorted({day for day in worked if worked.count(day) > 1}))
    return entry["name"], {first + ONE_DAY * i for i in range((last - first).days + 1)}, set(worked)


def _refuse(problem: str, days: Sequence[date]) -> None:
    if days:
        raise ValueError(f"{problem}: {', '.join(map(str, days))}")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)  # eq=False: compared as one object, a cheap cache key
class Calendar:
    """When a bank works: a zone, the years whose holidays are known, and the business hours of a working day, local.

    A year without data is counted by plain weekends; what is computed over it is provisional (D.9). Raises ValueError
    for an unknown zone, a year given twice, and business hours that are empty, unordered or overlapping.
    """

    zone: str = "Asia/Shanghai"
    years: tuple[WorkYear, ...] = ()
    business_hours: tuple[tuple[time, time], ...] = ((time(9), time(17, 30)),)
    _by_year: Mapping[int, WorkYear] = field(init=False, repr=False)
    _zone: ZoneInfo = field(init=False, repr=False)

    def __post_init__(self) -> None:
        by_year = {year.year: year for year in self.years}
        if len(by_year) < len(self.years):
            raise ValueError(f"a year is given twice: {', '.join(sorted(year.version for year in self.years))}")
        edges = [edge for interval in self.business_hours for edge in interval]
        inverted = any(opens >= closes for opens, closes in self.business_hours)
        if not edges or inverted or edges != sorted(edges):
            raise ValueError("business hours: give at least one interval, in order, each opening before it closes")
        try:
            zone = ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(f"unknown time zone {self.zone!r}") from None
        object.__setattr__(self, "years", tuple(sorted(self.years, key=lambda year: year.year)))
        object.__setattr__(self, "_by_year", by_year)
        object.__setattr__(self, "_zone", zone)

    @property
    def version(self) -> str:
        """Name the data a date was computed from, such as "cn-2025.1+cn-2026.1"."""
        return "+".join(year.version for year in self.years) or "weekends-only"

    def covers(self, day: date) -> bool:
        """Say whether the holidays of that day's year are known."""
        return day.year in self._by_year

    def is_workday(self, day: date) -> bool:
        """Say whether the day is worked; plain weekends where the year has no data."""
        year = self._by_year.get(day.year)
        if year is None:
            return day.weekday() < SATURDAY
        return day in year.worked or (day.weekday() < SATURDAY and day not in year.off)

    def local_day(self, at: datetime) -> date:
        """Return the date in the calendar's zone at an aware moment."""
        return at.astimezone(self._zone).date()

    def moment(self, day: date, at: time) -> datetime:
        """Return the UTC moment at which the clocks of the calendar's zone show that date and time."""
        return datetime.combine(day, at, tzinfo=self._zone).astimezone(UTC)

    def open_hours(self, day: date) -> Iterator[tuple[datetime, datetime]]:
        """Yield the business intervals of a day in UTC; none on a day off."""
        if self.is_workday(day):
            for opens, closes in self.business_hours:
                yield self.moment(day, opens), self.moment(day, closes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """The end of a term: `at` is the last moment in time (UTC), `day` its date in the calendar's zone.

    `internal_target` is 17:30 local of that day, the moment itself for clock terms. `provisional`: counted over a year
    without data, to be recomputed. `fallback`: no working day was found and natural days were counted (lesson 53).
    """

    at: datetime
    day: date
    internal_target: datetime
    provisional: bool
    fallback: bool = False


def due(received_at: datetime, term: Term, calendar: Calendar, *, roll_forward: bool = False) -> Due:
    """Count a term from an aware moment of receipt by the rules of C.3.

    The day of receipt is not counted (Civil Code 201); day terms end at 23:59:59 local, min and h run day and night;
    0wd and 0cd mean the day itself. `roll_forward` moves a natural-day term that ends on a day off to the next working
    day (Civil Code 203); off by default, the earlier date being the safer one for a legal limit.
    """
    received_at = _in_utc(received_at)
    if tick := _CLOCK.get(term.unit):
        at = received_at + tick * term.count
        return Due(at=at, day=calendar.local_day(at), internal_target=at, provisional=False)
    end = _end_of_days(calendar.local_day(received_at), term, calendar, roll_forward)
    if end.internal_target >= received_at:
        return end
    # "the day itself", asked for after 17:30 or after its last second: due at once, never before the receipt
    return replace(end, at=max(received_at, end.at), internal_target=received_at)


@lru_cache(maxsize=4096)  # the cases of one day share a few ends, and walking over 春节 for each costs 20 us a term
def _end_of_days(start: date, term: Term, calendar: Calendar, roll_forward: bool) -> Due:
    day, known, fallback = start + ONE_DAY * (_NATURAL_DAYS[term.unit] * term.count), True, False
    try:
        if term.unit is Unit.WORKING_DAY:
            day, known = _working_day_after(start, term.count, calendar)
        elif roll_forward:
            day, known = _working_day_after(day - ONE_DAY, 1, calendar)
    except NoWorkingDayError:
        known, fallback = False, True
    return Due(
        at=calendar.moment(day, END_OF_DAY),
        day=day,
        internal_target=calendar.moment(day, INTERNAL_TARGET),
        provisional=not known,
        fallback=fallback,
    )


def _working_day_after(start: date, count: int, calendar: Calendar) -> tuple[date, bool]:
    """Return the count-th working day after a date, and whether every day passed on the way is known."""
    day, known, last = start, True, start
    while count:
        day += ONE_DAY
        known = known and calendar.covers(day)
        if calendar.is_workday(day):
            count, last = count - 1, day
        elif (day - last).days > LONGEST_CLOSURE:
            raise NoWorkingDayError(f"calendar {calendar.version} has no working day in the year after {last}")
    return day, known


def add_business_time(start: datetime, amount: timedelta, calendar: Calendar) -> datetime:
    """Return the UTC moment at which that much business time has passed since an aware start.

    Real elapsed time is counted, so a clock change adds or takes nothing. Raises ValueError for a negative amount and
    NoWorkingDayError for a calendar that never opens.
    """
    if amount < timedelta():
        raise ValueError("business time can only be added, not taken away")
    start = _in_utc(start)
    day = calendar.local_day(start)
    while amount:
        for opens, closes in calendar.open_hours(day):
            begins = max(opens, start)
            available = max(closes - begins, timedelta())
            if amount <= available:
                return begins + amount
            amount -= available
        day, _ = _working_day_after(day, 1, calendar)
    return start


def business_time_between(start: datetime, end: datetime, calendar: Calendar) -> timedelta:
    """Return the business time between two aware moments; raise ValueError if the end comes first."""
    start, end = _in_utc(start), _in_utc(end)
    if end < start:
        raise ValueError("the end comes before the start")
    total = timedelta()
    day, last = calendar.local_day(start), calendar.local_day(end)
    while day <= last:
        for opens, closes in calendar.open_hours(day):
            total += max(min(closes, end) - max(opens, start), timedelta())
        day += ONE_DAY
    return total


def missing_years(calendar: Calendar, today: date) -> list[int]:
    """List the years to raise an alarm for: this one without data, the next one from 1 December on (D.9)."""
    wanted = [today.year]
    if (today.month, today.day) >= NEXT_YEAR_IS_DUE:
        wanted.append(today.year + 1)
    return [year for year in wanted if not calendar.covers(date(year, 1, 1))]


def _in_utc(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError("a moment without a zone cannot be counted from")
    return at.astimezone(UTC)
