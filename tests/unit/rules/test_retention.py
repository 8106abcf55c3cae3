"""How long an archived case is kept: the longest of the rules in force, never less than five years."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import Complaint, Role, State
from gateway.rules import commands
from gateway.rules.policy import Policy
from gateway.rules.retention import kept_until, may_be_deleted, until
from tests.stories import book, complaint, stack

TODAY = date(2026, 12, 1)
DAYS = st.dates(min_value=date(2000, 1, 1), max_value=date(2090, 12, 31))


def filed(policy: Policy | None = None, *, hold: bool = False) -> Complaint:
    return complaint(policy=policy).goes_to(State.ARCHIVED, legal_hold=hold).complaint


def said(years: str) -> Policy:
    return stack("cn.corp-3wd", "huiyin.defaults", changes={'retention = "1y"': f'retention = "{years}"'})


@pytest.mark.parametrize(("years", "last"), [("1y", 2031), ("5y", 2031), ("15y", 2041)])
def test_the_longest_term_counts_and_one_year_is_five_all_the_same(years: str, last: int) -> None:
    """A123, A124: one profile says a year; five is the least."""
    assert kept_until(said(years), TODAY) == date(last, 12, 1)


def test_a_profile_that_only_lends_keeps_a_case_as_long_as_it_says() -> None:
    """A124: max() over target, ceiling and fills."""
    policy = stack(
        "huiyin.defaults",
        "cn.std-321",
        "cn.corp-3wd",
        changes={"[timers.recheck": '[facts]\nretention = "7y"\n[timers.recheck'},
    )
    assert kept_until(policy, TODAY) == date(2033, 12, 1)


def test_a_case_is_kept_from_the_day_it_was_archived() -> None:
    """A123: the day of the bank's zone; until then nothing says how long."""
    story = complaint().goes_to(State.CALLBACK_DONE)
    assert (story.complaint.case.retention_until, until(story.complaint)) == (None, None)
    story.until("2026-12-01 01:00")  # still November in UTC
    story.goes_to(State.ARCHIVED)
    assert until(story.complaint) == date(2031, 12, 1)
    assert not may_be_deleted(story.complaint, date(2031, 12, 1))
    assert may_be_deleted(story.complaint, date(2031, 12, 2))


def test_a_case_that_was_opened_again_is_kept_anew() -> None:
    """A123: T33."""
    story = complaint().goes_to(State.ARCHIVED)
    story.does(commands.Reopen(new_facts="新的录音", agreed_by="cp"), Role.MGR)
    assert until(story.complaint) is None
    assert not may_be_deleted(story.complaint, date(2099, 1, 1))


def test_the_end_of_february_is_kept_a_day_longer() -> None:
    """A123: never less than five years."""
    assert kept_until(book().policy, date(2028, 2, 29)) == date(2033, 3, 1)


@pytest.mark.parametrize("years", ["forever", "5", "y", "-5y"])
def test_a_term_that_nobody_can_read_stops_the_start(years: str) -> None:
    """A123."""
    with pytest.raises(ValueError, match="retention must be years"):
        said(years)


@given(archived_on=DAYS, day=DAYS)
def test_nothing_may_be_deleted_in_the_first_five_years(archived_on: date, day: date) -> None:
    """A123, A124."""
    last = kept_until(book().policy, archived_on)
    assert last >= archived_on + timedelta(days=5 * 365 + 1)
    case = FILED.case
    kept = replace(FILED, case=replace(case, retention_until=last))
    assert may_be_deleted(kept, day) == (day > last)
    assert not may_be_deleted(replace(kept, case=replace(kept.case, legal_hold=True)), day)


@given(day=DAYS, state=st.sampled_from([state for state in State if state is not State.ARCHIVED]))
def test_what_is_not_archived_is_never_deleted(day: date, state: State) -> None:
    """A123."""
    assert not may_be_deleted(replace(FILED, state=state), day)


def test_under_a_legal_hold_there_is_no_end() -> None:
    """A091: filed, it stays frozen."""
    held = filed(hold=True)
    assert held.state is State.ARCHIVED
    assert (held.case.retention_until, until(held)) == (date(2031, 11, 24), None)
    assert not may_be_deleted(held, date(2099, 1, 1))


FILED = filed()
