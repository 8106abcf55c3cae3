"""The counting rules (C.3): golden tables, an independent count, properties; and calendars that are wrong or late."""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from time import monotonic
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.rules.worktime import (
    Calendar,
    NoWorkingDayError,
    Term,
    Unit,
    WorkYear,
    add_business_time,
    business_time_between,
    due,
    missing_years,
)

WORKDAYS = Path(__file__).parents[3] / "config" / "workdays"
YEARS = {
    year: WorkYear.from_mapping(tomllib.loads((WORKDAYS / f"cn-{year}.toml").read_text())) for year in (2025, 2026)
}
CHINA = Calendar(years=tuple(YEARS.values()))
LUNCH = ((time(9), time(12)), (time(13, 30), time(17, 30)))
CHINA_WITH_LUNCH = Calendar(years=tuple(YEARS.values()), business_hours=LUNCH)
BERLIN = Calendar(zone="Europe/Berlin")
SHANGHAI = ZoneInfo("Asia/Shanghai")


def in_shanghai(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def in_berlin(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Berlin"))


def work_year(year: int, *, off: Iterable[date] = (), worked: Iterable[date] = ()) -> WorkYear:
    return WorkYear(year=year, off=frozenset(off), worked=frozenset(worked), version=f"test-{year}", source="test")


def free_all_year(year: int) -> WorkYear:
    return work_year(year, off=(date(year, 1, 1) + timedelta(i) for i in range(365)))


@given(st.integers(0, 9999), st.sampled_from(Unit))
def test_a_term_reads_back_as_it_was_written(count: int, unit: Unit) -> None:
    assert str(Term.parse(f"{count}{unit}")) == f"{count}{unit}"


@pytest.mark.parametrize(
    "text",
    ["", "3", "wd", "3 wd", "-3wd", "3.5h", "3WD", "03wd", "3d", "6mo", "3wd\n", "٣wd", "1٣wd", "10000wd", "${X}h"],
)
def test_a_bad_term_is_refused_by_its_text(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"{text!r} is not a term")):
        Term.parse(text)


def test_a_term_made_by_hand_keeps_to_the_same_range() -> None:
    with pytest.raises(ValueError, match="-1"):
        Term(count=-1, unit=Unit.HOUR)


TERMS = ("1wd", "2wd", "3wd", "7wd", "10wd", "15wd", "15cd")
VECTORS = """
2025-01-24  2025-01-26 2025-01-27 2025-02-05 2025-02-10 2025-02-13 2025-02-20 2025-02-08
2025-09-30  2025-10-09 2025-10-10 2025-10-11 2025-10-16 2025-10-21 2025-10-28 2025-10-15
2025-12-31  2026-01-04 2026-01-05 2026-01-06 2026-01-12 2026-01-15 2026-01-22 2026-01-15
2026-02-12  2026-02-13 2026-02-14 2026-02-24 2026-02-28 2026-03-04 2026-03-11 2026-02-27
2026-02-20  2026-02-24 2026-02-25 2026-02-26 2026-03-03 2026-03-06 2026-03-13 2026-03-07
2026-04-30  2026-05-06 2026-05-07 2026-05-08 2026-05-13 2026-05-18 2026-05-25 2026-05-15
2026-09-18  2026-09-20 2026-09-21 2026-09-22 2026-09-29 2026-10-09 2026-10-15 2026-10-03
2026-01-04  2026-01-05 2026-01-06 2026-01-07 2026-01-13 2026-01-16 2026-01-23 2026-01-19
2026-09-24  2026-09-28 2026-09-29 2026-09-30 2026-10-12 2026-10-15 2026-10-22 2026-10-09
"""
CELLS = [
    (received, term, expected)
    for received, *row in map(str.split, VECTORS.strip().splitlines())
    for term, expected in zip(TERMS, row, strict=True)
]


@pytest.mark.parametrize(("received", "term", "expected"), CELLS)
def test_the_vectors_of_the_counting_rules(received: str, term: str, expected: str) -> None:
    """C.3: every cell; the hour of the receipt makes no difference."""
    for hour in ("00:00:00", "10:30:00", "23:59:59"):
        end = due(in_shanghai(f"{received} {hour}"), Term.parse(term), CHINA)
        assert (str(end.day), end.at, end.provisional) == (expected, in_shanghai(f"{expected} 23:59:59"), False)


@pytest.mark.parametrize("year", [2025, 2026])
def test_each_year_has_as_many_working_days_as_its_notice_gives(year: int) -> None:
    assert sum(CHINA.is_workday(date(year, 1, 1) + timedelta(i)) for i in range(365)) == 248


@pytest.mark.parametrize(("term", "times"), [("7wd", 32), ("10wd", 123)])
def test_working_day_targets_end_after_the_law_as_often_as_was_counted(term: str, times: int) -> None:
    """Ten things, item 2: receipts from 2025-01-01 to 2026-11-29 whose target ends after 15 calendar days."""
    receipts = [in_shanghai("2025-01-01 12:00") + timedelta(i) for i in range(698)]
    late = [at for at in receipts if due(at, Term.parse(term), CHINA).at > due(at, Term.parse("15cd"), CHINA).at]
    assert (receipts[-1].date(), len(late)) == (date(2026, 11, 29), times)


def test_every_receipt_of_two_years_agrees_with_a_list_of_working_days() -> None:
    """Lesson 48: counted by looking up a list instead of walking, for 20 working days from every day of 2025/26."""
    days = [date(2025, 1, 1) + timedelta(i) for i in range(700)]
    worked = [day for day in [*days, *(days[-1] + timedelta(i) for i in range(1, 31))] if CHINA.is_workday(day)]
    for day in days:
        received = datetime.combine(day, time(9), tzinfo=SHANGHAI)
        ends = [due(received, Term(count=count, unit=Unit.WORKING_DAY), CHINA).day for count in range(1, 21)]
        first = bisect_right(worked, day)
        assert ends == worked[first : first + 20]


def test_minutes_and_hours_run_through_the_night_of_a_public_holiday() -> None:
    """A002: accepted at 03:00 in 春节; clock terms know no calendar."""
    received = in_shanghai("2026-02-17 03:00")
    assert due(received, Term.parse("30min"), CHINA).at == in_shanghai("2026-02-17 03:30")
    assert due(received, Term.parse("24h"), CHINA).at == in_shanghai("2026-02-18 03:00")


def test_a_week_is_seven_calendar_days() -> None:
    received = in_shanghai("2026-03-02 10:00")
    assert due(received, Term.parse("8wk"), CHINA) == due(received, Term.parse("56cd"), CHINA)


def test_the_day_of_receipt_is_the_local_one() -> None:
    """16:30 UTC is already the next day in Shanghai."""
    assert due(datetime(2026, 3, 2, 16, 30, tzinfo=UTC), Term.parse("1cd"), CHINA).day == date(2026, 3, 4)


@pytest.mark.parametrize("term", ["0wd", "0cd", "0wk"])
def test_no_days_at_all_means_the_day_itself_worked_or_not(term: str) -> None:
    end = due(in_shanghai("2026-02-17 10:00"), Term.parse(term), CHINA)
    assert (end.at, end.internal_target) == (in_shanghai("2026-02-17 23:59:59"), in_shanghai("2026-02-17 17:30"))


def test_the_day_itself_asked_for_in_its_last_second_is_due_at_once() -> None:
    received = in_shanghai("2026-03-02 23:59:59.5")
    end = due(received, Term.parse("0cd"), CHINA)
    assert (end.at, end.internal_target) == (received, received)


def test_the_internal_target_is_half_past_five_of_the_last_day() -> None:
    end = due(in_shanghai("2026-11-23 10:00"), Term.parse("3wd"), CHINA)
    assert end.internal_target == in_shanghai("2026-11-26 17:30")


def test_a_natural_day_limit_rolls_forward_only_when_asked() -> None:
    """Civil Code 203: the 15th day of 2026-09-18 is 10-03, in 国庆; work starts again on 10-08."""
    received = in_shanghai("2026-09-18 10:00")
    assert due(received, Term.parse("15cd"), CHINA).day == date(2026, 10, 3)
    assert due(received, Term.parse("15cd"), CHINA, roll_forward=True).day == date(2026, 10, 8)
    assert due(received, Term.parse("14wd"), CHINA, roll_forward=True).day == date(2026, 10, 14)
    assert due(in_shanghai("2026-09-25 10:00"), Term.parse("15cd"), CHINA, roll_forward=True).day == date(2026, 10, 10)


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        due(datetime(2026, 3, 2), Term.parse("1wd"), CHINA)  # noqa: DTZ001  # the subject of this test


def test_days_in_berlin_end_at_local_midnight_on_both_sides_of_a_clock_change() -> None:
    """Lesson 54: summer time starts on 2026-03-29 and ends on 2026-10-25."""
    spring = due(in_berlin("2026-03-27 10:00"), Term.parse("1wd"), BERLIN)
    autumn = due(in_berlin("2026-10-23 10:00"), Term.parse("1wd"), BERLIN)
    assert spring.at == datetime(2026, 3, 30, 21, 59, 59, tzinfo=UTC)
    assert autumn.at == datetime(2026, 10, 26, 22, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "minutes", "expected"),
    [
        ("2026-11-23 11:30", 30, "2026-11-23 12:00"),
        ("2026-11-23 11:30", 31, "2026-11-23 13:31"),
        ("2026-11-23 12:40", 1, "2026-11-23 13:31"),
        ("2026-11-23 08:00", 420, "2026-11-23 17:30"),
        ("2026-11-23 17:29", 2, "2026-11-24 09:01"),
        ("2026-11-23 20:00", 1, "2026-11-24 09:01"),
        ("2026-11-27 17:00", 60, "2026-11-30 09:30"),  # over a weekend
        ("2026-02-14 17:00", 60, "2026-02-24 09:30"),  # a worked Saturday, then 春节
        ("2026-11-23 12:40", 0, "2026-11-23 12:40"),
    ],
)
def test_the_lunch_break_does_not_count_to_the_minute(start: str, minutes: int, expected: str) -> None:
    """Lesson 52: two intervals a day, starts before, inside and after them."""
    end = add_business_time(in_shanghai(start), timedelta(minutes=minutes), CHINA_WITH_LUNCH)
    assert end == in_shanghai(expected)
    assert end.tzinfo is UTC
    assert business_time_between(in_shanghai(start), end, CHINA_WITH_LUNCH) == timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("start", "expected"),
    [("2026-03-27 16:00", "2026-03-30 10:30"), ("2026-10-23 16:00", "2026-10-26 10:30")],
)
def test_business_time_over_a_clock_change_in_berlin_is_exact(start: str, expected: str) -> None:
    """Lesson 54: of three hours from Friday 16:00 half are done by 17:30, the rest on Monday by 10:30, twice a year."""
    end = add_business_time(in_berlin(start), timedelta(hours=3), BERLIN)
    assert end == in_berlin(expected)
    assert business_time_between(in_berlin(start), end, BERLIN) == timedelta(hours=3)


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 19), ("2026-10-25", 21), ("2026-03-22", 20)])
def test_a_worked_sunday_of_a_clock_change_is_as_long_as_it_really_is(day: str, hours: int) -> None:
    sunday = date.fromisoformat(day)
    year = work_year(2026, worked=[sunday])
    calendar = Calendar(zone="Europe/Berlin", years=(year,), business_hours=((time(0), time(20)),))
    opens, closes = in_berlin(f"{day} 00:00"), in_berlin(f"{day} 20:00")
    assert business_time_between(opens, closes, calendar) == timedelta(hours=hours)
    assert add_business_time(opens, timedelta(hours=hours), calendar) == closes


def test_a_pause_moves_the_end_by_the_business_time_that_was_paused() -> None:
    """Lesson 51: deadline = start + term + paused working time, for a pause over a lunch break and a night."""
    start, term = in_shanghai("2026-11-23 10:00"), timedelta(hours=4)
    paused_from, paused_to = in_shanghai("2026-11-23 11:00"), in_shanghai("2026-11-24 14:00")
    paused = business_time_between(paused_from, paused_to, CHINA_WITH_LUNCH)
    assert paused == timedelta(hours=8, minutes=30)
    resumed = add_business_time(paused_to, term - timedelta(hours=1), CHINA_WITH_LUNCH)
    assert add_business_time(start, term + paused, CHINA_WITH_LUNCH) == resumed


def test_business_time_is_not_counted_backwards() -> None:
    start, end = in_shanghai("2026-11-23 10:00"), in_shanghai("2026-11-23 11:00")
    with pytest.raises(ValueError, match="before the start"):
        business_time_between(end, start, CHINA)
    with pytest.raises(ValueError, match="only be added"):
        add_business_time(start, timedelta(minutes=-1), CHINA)


def test_a_calendar_without_working_days_is_an_error_at_once_and_days_fall_back_to_natural_ones() -> None:
    """Lesson 53: no hang; the case gets a date and the alarm a flag."""
    never = Calendar(years=(free_all_year(2026), free_all_year(2027)))
    received = in_shanghai("2026-01-05 10:00")
    began = monotonic()
    with pytest.raises(NoWorkingDayError, match=r"test-2026\+test-2027"):
        add_business_time(received, timedelta(minutes=1), never)
    end = due(received, Term.parse("3wd"), never)
    rolled = due(received, Term.parse("5cd"), never, roll_forward=True)
    assert monotonic() - began < 0.5
    assert (end.day, end.provisional, end.fallback) == (date(2026, 1, 8), True, True)
    assert (rolled.day, rolled.provisional, rolled.fallback) == (date(2026, 1, 10), True, True)


def test_a_date_past_the_known_years_is_provisional_and_changes_when_the_year_is_published() -> None:
    """D.9, lesson 56: recomputed from the same receipt under a new calendar version."""
    received = in_shanghai("2026-12-30 10:00")
    before = due(received, Term.parse("3wd"), CHINA)
    calendar = Calendar(years=(work_year(2027, off=[date(2027, 1, 1)]), *YEARS.values()))
    after = due(received, Term.parse("3wd"), calendar)
    assert (before.day, before.provisional) == (date(2027, 1, 4), True)
    assert (after.day, after.provisional) == (date(2027, 1, 5), False)
    assert (CHINA.version, calendar.version) == ("cn-2025.1+cn-2026.1", "cn-2025.1+cn-2026.1+test-2027")


def test_only_the_days_counted_over_make_a_date_provisional() -> None:
    received = in_shanghai("2026-12-28 10:00")
    ends = {term: due(received, Term.parse(term), CHINA).provisional for term in ("3wd", "4wd", "15cd")}
    assert ends == {"3wd": False, "4wd": True, "15cd": False}
    assert due(received, Term.parse("15cd"), CHINA, roll_forward=True).provisional


def test_an_unknown_year_between_two_known_ones_makes_a_date_provisional() -> None:
    calendar = Calendar(years=(YEARS[2025], work_year(2027)))
    end = due(in_shanghai("2025-12-30 10:00"), Term.parse("270wd"), calendar)
    assert (end.day.year, end.provisional) == (2027, True)


@pytest.mark.parametrize(
    ("today", "expected"),
    [
        ("2026-11-30", []),
        ("2026-12-01", [2027]),
        ("2026-12-31", [2027]),
        ("2027-01-01", [2027]),
        ("2027-12-05", [2027, 2028]),
    ],
)
def test_the_years_to_raise_an_alarm_for(today: str, expected: list[int]) -> None:
    """D.9: next year's data are missed from 1 December on, this year's at once."""
    assert missing_years(CHINA, date.fromisoformat(today)) == expected


def test_a_calendar_without_any_year_says_so_in_its_version() -> None:
    assert (BERLIN.version, BERLIN.covers(date(2026, 1, 1))) == ("weekends-only", False)


def holiday(**changes: object) -> dict[str, object]:
    return {"name": "元旦", "first": date(2026, 1, 1), "last": date(2026, 1, 3), "worked": [date(2026, 1, 4)]} | changes


@pytest.mark.parametrize(
    ("entries", "problem"),
    [
        ([holiday(worked=[date(2026, 1, 3)])], "both off and worked: 2026-01-03"),
        ([holiday(worked=[date(2026, 1, 5)])], "no make-up day: 2026-01-05"),
        ([holiday(worked=[date(2025, 12, 28)])], "not in 2026: 2025-12-28"),
        ([holiday(first=date(2025, 12, 31))], "not in 2026: 2025-12-31"),
        ([holiday(), holiday(name="again", worked=[])], "again: entered twice: 2026-01-01"),
        (
            [holiday(), holiday(name="again", first=date(2026, 2, 2), last=date(2026, 2, 2))],
            "entered twice: 2026-01-04",
        ),
        ([holiday(worked=[date(2026, 1, 4)] * 2)], "entered twice: 2026-01-04"),
        ([holiday(last=date(2025, 12, 31))], "last must follow first"),
        ([holiday(last=date(2999, 1, 1))], "last must follow first"),
        ([holiday(first=datetime(2026, 1, 1, tzinfo=UTC))], "needs dates"),
        ([holiday(worked="2026-01-04")], "needs dates as first and last, and a list"),
        ([holiday(worked=["2026-01-04"])], "not a date"),
        ([holiday(optional=True)], "unknown key optional"),
        ([holiday(kind="observance")], "'observance', not public; decide"),
        ([holiday(kind="optional")], "'optional', not public; decide"),
        ([{"first": date(2026, 1, 1)}], "needs a name"),
        ([], r"at least one \[\[holiday\]\]"),
    ],
)
def test_contradicting_or_doubtful_calendar_data_are_refused_by_name(entries: list[object], problem: str) -> None:
    """Lesson 50: an optional or observance entry is a person's decision; the file is named by its version."""
    with pytest.raises(ValueError, match=problem) as error:
        WorkYear.from_mapping({"year": 2026, "version": "cn-2026.9", "source": "test", "holiday": entries})
    assert "cn-2026.9" in str(error.value)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"year": "2026"}, "a work year needs a year"),
        ({"version": ""}, "a version"),
        ({"source": ""}, "needs a source"),
        ({"country": "cn"}, "unknown key country"),
    ],
)
def test_a_work_year_without_its_particulars_is_refused(changes: dict[str, object], problem: str) -> None:
    whole = {"year": 2026, "version": "cn-2026.9", "source": "test", "holiday": [holiday()]}
    with pytest.raises(ValueError, match=problem):
        WorkYear.from_mapping(whole | changes)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"zone": "Asia/Nowhere"}, "'Asia/Nowhere'"),
        ({"zone": "../etc"}, "unknown time zone"),
        ({"years": (YEARS[2026], YEARS[2026])}, r"twice: cn-2026\.1"),
        ({"business_hours": ()}, "business hours"),
        ({"business_hours": ((time(9), time(9)),)}, "business hours"),
        ({"business_hours": (LUNCH[1], LUNCH[0])}, "business hours"),
        ({"business_hours": ((time(9), time(14)), LUNCH[1])}, "business hours"),
    ],
)
def test_a_calendar_that_cannot_work_is_refused(arguments: dict[str, object], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Calendar(**arguments)  # type: ignore[arg-type]


CALENDARS = st.sampled_from(
    [CHINA, BERLIN, Calendar(zone="America/New_York"), Calendar(zone="Australia/Lord_Howe"), Calendar(zone="UTC")]
)
MOMENTS = st.datetimes(datetime(2024, 6, 1), datetime(2027, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
COUNTS = st.integers(1, 60)
UNITS = st.sampled_from(Unit)
DAY_UNITS = st.sampled_from([Unit.WORKING_DAY, Unit.CALENDAR_DAY, Unit.WEEK])


@given(MOMENTS, COUNTS, DAY_UNITS, CALENDARS)
def test_day_terms_end_in_the_last_local_second_and_after_the_receipt(
    received: datetime, count: int, unit: Unit, calendar: Calendar
) -> None:
    end = due(received, Term(count=count, unit=unit), calendar)
    assert end.at.tzinfo is UTC
    assert end.at.astimezone(ZoneInfo(calendar.zone)).time() == time(23, 59, 59)
    assert end.day == calendar.local_day(end.at)
    assert received < end.internal_target < end.at


@given(MOMENTS, st.integers(0, 60), UNITS, CALENDARS, st.booleans())
def test_no_term_ends_before_the_receipt(
    received: datetime, count: int, unit: Unit, calendar: Calendar, roll_forward: bool
) -> None:
    end = due(received, Term(count=count, unit=unit), calendar, roll_forward=roll_forward)
    assert received <= end.internal_target <= end.at


@given(MOMENTS, COUNTS, CALENDARS)
def test_a_working_day_term_ends_on_a_working_day(received: datetime, count: int, calendar: Calendar) -> None:
    assert calendar.is_workday(due(received, Term(count=count, unit=Unit.WORKING_DAY), calendar).day)


@given(MOMENTS, COUNTS, CALENDARS)
def test_a_rolled_limit_ends_on_a_working_day_and_never_earlier(
    received: datetime, count: int, calendar: Calendar
) -> None:
    term = Term(count=count, unit=Unit.CALENDAR_DAY)
    rolled = due(received, term, calendar, roll_forward=True)
    assert calendar.is_workday(rolled.day)
    assert rolled.at >= due(received, term, calendar).at


@given(MOMENTS, COUNTS, COUNTS, UNITS, CALENDARS)
def test_a_longer_term_never_ends_earlier(
    received: datetime, count: int, more: int, unit: Unit, calendar: Calendar
) -> None:
    short, long = (due(received, Term(count=n, unit=unit), calendar) for n in (count, count + more))
    assert short.at < long.at


@given(MOMENTS, st.timedeltas(timedelta(), timedelta(days=20)), COUNTS, UNITS, CALENDARS)
def test_a_later_receipt_never_ends_earlier(
    received: datetime, later: timedelta, count: int, unit: Unit, calendar: Calendar
) -> None:
    term = Term(count=count, unit=unit)
    assert due(received, term, calendar).at <= due(received + later, term, calendar).at


@given(MOMENTS, COUNTS, COUNTS, UNITS, CALENDARS)
def test_two_terms_one_after_the_other_are_their_sum(
    received: datetime, first: int, second: int, unit: Unit, calendar: Calendar
) -> None:
    half_way = due(received, Term(count=first, unit=unit), calendar).at
    whole = due(received, Term(count=first + second, unit=unit), calendar)
    assert due(half_way, Term(count=second, unit=unit), calendar).at == whole.at


@given(
    MOMENTS,
    st.timedeltas(timedelta(), timedelta(hours=200)),
    st.sampled_from([LUNCH, ((time(0), time(23, 59)),), ((time(8), time(20)),)]),
    st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "America/New_York"]),
)
def test_business_time_added_is_the_business_time_between(
    start: datetime, amount: timedelta, hours: tuple[tuple[time, time], ...], zone: str
) -> None:
    calendar = Calendar(zone=zone, years=tuple(YEARS.values()), business_hours=hours)
    end = add_business_time(start, amount, calendar)
    assert end >= start
    assert business_time_between(start, end, calendar) == amount
