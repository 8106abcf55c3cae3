"""What each step does to the dates of a case: rules 1 to 8 of A.13, the stages of law 18, pauses, restarts, D.9."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import Conflict, Invalid
from gateway.model import SYSTEM, Clock, ClockName, Flag, Kind, Level, Role, State
from gateway.rules import clocks, commands, lifecycle
from gateway.rules.clocks import Dating
from gateway.rules.reactions import tellings
from gateway.rules.situation import Situation
from gateway.rules.worktime import Calendar, WorkYear
from tests.refusals import refused, runs
from tests.stories import REFUSED, Story, book, complaint, grading

PROMISED, LEGAL, RESOLVE = ClockName.PROMISED, ClockName.LEGAL, ClockName.RESOLVE
POLICY = book().policy


def regrade(level: Level, *flags: Flag) -> commands.Regrade:
    return commands.Regrade(level=level, flags=frozenset(flags), reason="核实", lead="exe")


def extension(until: date) -> commands.Extend:
    return commands.Extend(until=until, reason_internal="复杂", reason="要等流水", done="查了", next="再查")


def shown(clock: Clock) -> str:
    return f"{clock.profile} {clock.clause} {clock.calendar_version}"


def test_every_date_names_the_rule_and_the_calendar_it_comes_from() -> None:
    """A.13 rule 5."""
    story = complaint().goes_to(State.TRIAGED)
    assert shown(story.clock(PROMISED)) == "cn.std-321 S0-6(3) cn-2025.1+cn-2026.1"
    assert shown(story.clock(LEGAL)) == "cn.nfra-2020-3 law 18 cn-2025.1+cn-2026.1"


@pytest.mark.parametrize(("level", "promised"), [(Level.GENERAL, "11-26"), (Level.IMPORTANT, "11-25")])
def test_a_conclusion_is_owed_in_three_working_days_or_two(level: Level, promised: str) -> None:
    """A065: the customer is told the same date."""
    story = complaint().goes_to(State.TRIAGED, level=level)
    assert (story.ends(RESOLVE), story.ends(PROMISED)) == (f"{promised} 23:59", f"{promised} 23:59")


def test_a_confirmation_that_brings_the_date_forward_is_told_and_a_later_date_is_not_taken() -> None:
    """A.13 rule 8: N01c, from the lower level's date that was promised at first."""
    story = complaint()
    assert story.ends(PROMISED) == "11-26 23:59"
    story.does(grading(level=Level.IMPORTANT), Role.MGR)
    assert (story.ends(PROMISED), ("customer", "BROUGHT_FORWARD") in story.heard()) == ("11-25 23:59", True)
    same = complaint()
    same.does(grading(), Role.MGR)
    assert (same.ends(PROMISED), same.heard()) == ("11-26 23:59", set())


def test_a_confirmed_date_that_has_passed_already_is_counted_from_now() -> None:
    """A.13 rules 3 and 8: a promise that cannot be kept any more is none."""
    story = complaint("2026-11-23 10:15")
    story.now += timedelta(days=3, hours=5)  # Thursday, the last day of the three; two would have ended on Wednesday
    story.does(grading(level=Level.IMPORTANT), Role.MGR)
    assert story.ends(PROMISED) == "11-26 23:59"  # what was told is still earlier than two days from now


def test_an_upgrade_takes_the_earlier_of_the_old_date_and_the_new_period_from_now() -> None:
    """A.13 rule 3."""
    early = complaint().goes_to(State.INVESTIGATING)
    early.does(regrade(Level.IMPORTANT), Role.MGR)
    assert early.ends(PROMISED) == "11-25 23:59"  # now + 2 WD
    late = complaint().goes_to(State.INVESTIGATING)
    late.now += timedelta(days=2)
    late.does(regrade(Level.IMPORTANT), Role.MGR)
    assert late.ends(PROMISED) == "11-26 23:59"  # the old date
    assert ("customer", "BROUGHT_FORWARD") not in late.heard()


def test_a_downgrade_lengthens_nothing() -> None:
    """A.13 rule 4: only an extension does, with its notice."""
    story = complaint().goes_to(State.INVESTIGATING, level=Level.IMPORTANT)
    before = {name: clock.due_at for name, clock in story.complaint.clocks.items()}
    story.does(regrade(Level.GENERAL), Role.MGR)
    assert {name: clock.due_at for name, clock in story.complaint.clocks.items()} == before


def test_a_major_case_is_promised_a_plan_and_then_the_answer() -> None:
    """A.13 rule 6, 2; A066: the date of the answer is filled from the next profile (S4: 10 WD), as far as it is not
    earlier already; a second plan moves no date."""
    story = complaint()
    story.complaint = replace(story.complaint, clocks={})  # as if nothing had been promised yet
    story.does(grading(level=Level.MAJOR), Role.MGR)
    assert (story.ends(PROMISED), story.ends(RESOLVE)) == ("11-24 23:59", "12-07 23:59")
    assert story.ends(ClockName.PRELIM_PLAN) == "11-24 23:59"
    for step in (
        commands.Dispatch(unit="cards", handler="hnd", lead="exe"),
        commands.SavePlan(plan="停用", told="先停用"),
    ):
        story.does(step, Role.MGR if isinstance(step, commands.Dispatch) else Role.HND)
    assert (story.ends(PROMISED), runs(story, ClockName.PRELIM_PLAN)) == ("12-07 23:59", [False])
    story.does(commands.Regrade(level=Level.MAJOR, flags=frozenset({Flag.MEDIA}), reason="媒体"), Role.MGR)
    assert story.ends(PROMISED) == "12-07 23:59"  # the plan was told: it is not promised again
    story.does(regrade(Level.GENERAL), Role.MGR)
    promised = story.ends(PROMISED)
    story.does(regrade(Level.MAJOR), Role.MGR)
    story.does(commands.SavePlan(plan="再停用", told="仍停用"))
    assert story.ends(PROMISED) == promised


def test_urgency_shortens_internal_targets_only() -> None:
    """A.13 rule 7; A041, A073: the earliest over all keys, an hour for the first contact and a day for the answer."""
    story = complaint().goes_to(State.TRIAGED, flags=frozenset({Flag.URGENT}))
    assert (story.ends(ClockName.FIRST_CONTACT), story.ends(RESOLVE)) == ("11-23 11:15", "11-24 10:15")
    assert story.ends(PROMISED) == "11-26 23:59"


@pytest.mark.parametrize("kind", [Kind.INQUIRY, Kind.SUGGESTION])
def test_what_turns_out_to_be_no_complaint_leaves_the_laws_clock(kind: Kind) -> None:
    """law 2: the date told stays, unless the other kind's is earlier."""
    story = complaint()
    story.does(grading(kind=kind), Role.MGR)
    assert runs(story, LEGAL, ClockName.FIRST_CONTACT) == [False, False]
    assert story.complaint.legal_at is None
    if kind is Kind.INQUIRY:
        assert runs(story, RESOLVE, ClockName.INQUIRY) == [False, True]
        assert story.ends(PROMISED) == "11-24 10:15"


def test_what_turns_out_to_be_a_complaint_comes_under_the_law_from_its_receipt() -> None:
    """law 18; A.13 rule 1: whatever an inquiry was promised, it is answered within the limit now."""
    story = complaint(kind=Kind.INQUIRY)
    story.does(extension(date(2027, 1, 15)), Role.UH)
    story.now += timedelta(hours=5)
    story.does(grading(kind=Kind.COMPLAINT), Role.MGR)
    assert (story.ends(LEGAL), story.complaint.legal_at) == ("12-08 23:59", story.clock(LEGAL).due_at)
    assert story.complaint.promised_at <= story.clock(LEGAL).due_at


# 15, 30 and 60 days from Monday 2026-11-23
@pytest.mark.parametrize(
    ("until", "legal", "executive"),
    [
        (date(2026, 12, 8), "12-08", False),
        (date(2026, 12, 9), "12-23", False),
        (date(2026, 12, 23), "12-23", False),
        (date(2026, 12, 24), "01-22", True),
        (date(2027, 1, 22), "01-22", True),
    ],
)
def test_an_extension_moves_the_promise_and_the_laws_stage_as_far_as_it_needs(
    until: date, legal: str, executive: bool
) -> None:
    """T15; A068, A069, law 18: 15, 30 and 60 days; beyond 30 an executive decides."""
    story = complaint().goes_to(State.INVESTIGATING)
    if executive:
        assert refused(story, extension(until), Role.UH) == "needs_executive"
    story.does(extension(until), Role.EXE if executive else Role.UH)
    assert (story.ends(PROMISED), story.ends(LEGAL)) == (f"{until:%m-%d} 23:59", f"{legal} 23:59")
    assert story.ends(RESOLVE) == story.ends(PROMISED)
    assert story.complaint.case.extended_to == story.complaint.promised_at
    [told] = story.told
    assert (told.kind.name, told.details["reason"]) == ("EXTENSION", "要等流水")
    assert str(told.details["old_at"]) < str(told.details["promised_at"])


def test_no_extension_goes_beyond_the_law_backwards_unwritten_or_after_its_time() -> None:
    """T15; A068, A069: never after expiry, forbidden by C.2's last line."""
    story = complaint().goes_to(State.INVESTIGATING)
    assert refused(story, extension(date(2027, 1, 23)), Role.EXE) == "beyond_law"
    assert refused(story, extension(date(2026, 11, 26)), Role.UH) == "not_later"
    story.writable = False
    assert refused(story, extension(date(2026, 11, 27)), Role.UH) == "not_in_writing"
    story.writable = True
    story.until("2026-11-26 23:59:59")
    assert refused(story, extension(date(2026, 11, 30)), Role.UH) == "expired"


def test_an_extension_of_the_plan_does_not_bring_the_answer_forward() -> None:
    """T15: the internal date of a major case's answer lies beyond the promise of its plan."""
    story = complaint().goes_to(State.INVESTIGATING, level=Level.MAJOR)
    resolve = story.ends(RESOLVE)
    assert story.ends(PROMISED) < resolve
    story.does(extension(date(2026, 11, 25)), Role.UH)
    assert (story.ends(PROMISED), story.ends(RESOLVE)) == ("11-25 23:59", resolve)


def test_another_round_is_not_held_by_a_law_that_was_kept() -> None:
    """T15, T21: the outcome was told in time; the new promise may be extended by its own reason."""
    story = complaint().goes_to(State.REPLIED)
    story.does(story.outcome_sent(), Role.SYS)
    story.now += timedelta(days=20)
    story.does(commands.Object(), Role.CUS)
    assert story.complaint.promised_at > story.clock(LEGAL).due_at
    story.does(extension(date(2026, 12, 31)), Role.UH)
    assert (story.ends(PROMISED), story.ends(LEGAL)) == ("12-31 23:59", "12-08 23:59")


def test_a_major_case_is_reported_on_daily_again_while_it_is_checked_again() -> None:
    """T21; A067: until it is closed."""
    story = complaint().goes_to(State.REPLIED, level=Level.MAJOR)
    story.does(story.outcome_sent(), Role.SYS)
    assert runs(story, ClockName.DAILY) == [False]
    story.does(commands.Object(), Role.CUS)
    assert runs(story, ClockName.DAILY) == [True]


START = commands.StartAppraisal(body="鉴定所", reason="笔迹", agreed_by="leg")


@pytest.mark.parametrize(("hours", "days"), [(1, 0), (23, 0), (24, 1), (71, 2), (24 * 40, 40)])
def test_whole_days_of_a_pause_are_added_to_the_law_and_the_promise(hours: int, days: int) -> None:
    """T13, T14; law 18(2), 23: a part of a day is not given."""
    story = complaint().goes_to(State.INVESTIGATING)
    before = {name: story.clock(name).due_at for name in (LEGAL, PROMISED, RESOLVE)}
    story.does(START, Role.UH)
    assert story.passes(hours=hours) == []  # nothing is late while it stands still
    story.does(commands.EndAppraisal(report="真迹"), Role.UH)
    moved = {name: story.clock(name).due_at - due_at for name, due_at in before.items()}
    assert set(moved.values()) == {timedelta(days=days)}


def test_a_clock_set_back_during_a_pause_takes_nothing_away() -> None:
    """T13."""
    story = complaint().goes_to(State.INVESTIGATING)
    legal_at = story.complaint.legal_at
    story.does(START, Role.UH)
    story.now -= timedelta(days=3)
    story.does(commands.EndAppraisal(report="真迹"), Role.UH)
    assert story.complaint.legal_at == legal_at


def test_pauses_do_not_use_up_the_laws_stages() -> None:
    """T13, T15: after twenty days of appraisal the first stage is 50 days from the receipt, the second 80."""
    story = complaint().goes_to(State.INVESTIGATING)
    for _ in range(2):
        story.does(START, Role.UH)
        story.now += timedelta(days=10)
        story.does(commands.EndAppraisal(report="真迹"), Role.UH)
    assert story.ends(LEGAL) == "12-28 23:59"
    assert refused(story, extension(date(2027, 2, 12)), Role.EXE) == "beyond_law"
    story.does(extension(date(2026, 12, 29)), Role.UH)
    assert story.ends(LEGAL) == "01-12 23:59"
    story.does(extension(date(2027, 2, 11)), Role.EXE)
    assert story.ends(LEGAL) == "02-11 23:59"


def test_what_has_sounded_before_a_pause_does_not_sound_again_after_it() -> None:
    """C.3: a clock that stood still is moved as a whole."""
    story = complaint().goes_to(State.INVESTIGATING)
    story.passes(days=3)
    sounded = {name: clock.sounded for name, clock in story.complaint.clocks.items()}
    story.does(START, Role.UH)
    story.now += timedelta(days=9)
    story.does(commands.EndAppraisal(report="真迹"), Role.UH)
    assert story.passes(minutes=1) == []
    assert {name: clock.sounded for name, clock in story.complaint.clocks.items()} == sounded


def test_new_facts_count_the_limits_anew() -> None:
    """T4; law 18: and the stages of an extension from there."""
    story = complaint().goes_to(State.INVESTIGATING)
    story.now += timedelta(days=2)
    story.does(commands.TakeIn(merged="TS-2", new_facts=True), Role.SYS)
    assert (story.ends(LEGAL), story.ends(PROMISED)) == ("12-10 23:59", "11-30 23:59")
    alarms = [telling.details["clock"] for telling in story.passes(hours=6)]
    assert "resolve" not in alarms  # half of the old period has passed, not of the new one
    story.does(extension(date(2026, 12, 11)), Role.UH)
    assert story.ends(LEGAL) == "12-25 23:59"


def test_new_facts_during_an_appraisal_stand_still_with_it() -> None:
    """T4, T13; law 18."""
    story = complaint().goes_to(State.INVESTIGATING)
    story.does(START, Role.UH)
    story.now += timedelta(days=2)
    story.does(commands.TakeIn(merged="TS-2", new_facts=True), Role.SYS)
    story.does(regrade(Level.IMPORTANT), Role.MGR)
    assert runs(story, LEGAL, PROMISED, RESOLVE) == [False, False, False]
    story.now += timedelta(days=3)
    story.does(commands.EndAppraisal(report="真迹"), Role.UH)
    assert story.ends(LEGAL) == "12-13 23:59"


def test_new_facts_join_no_case_that_is_answered() -> None:
    """T4: a mediator over an outcome changes nothing of that."""
    story = complaint().goes_to(State.REPLIED)
    story.does(commands.StartMediation(body="调解中心", customer_agreed=True), Role.UH)
    assert refused(story, commands.TakeIn(merged="TS-2", new_facts=True), Role.SYS) == "answered"


def test_what_was_withdrawn_at_a_mediators_table_runs_when_it_is_opened_again() -> None:
    """T29, T33: found by the machine."""
    story = complaint().goes_to(State.INVESTIGATING)
    story.does(commands.StartMediation(body="调解中心", customer_agreed=True), Role.UH)
    story.does(commands.Withdraw(request="算了"), Role.CUS)
    story.does(commands.Archive(), Role.MGR)
    story.does(commands.Reopen(new_facts="新录音", agreed_by="cp"), Role.MGR)
    assert runs(story, LEGAL, PROMISED, RESOLVE) == [True, True, True]


def test_the_money_and_the_improvement_are_due_when_the_later_of_them_is() -> None:
    """T19; A089."""
    story = complaint().goes_to(State.REPLIED)
    assert story.ends(ClockName.EXECUTION) == "12-04 23:59"
    assert story.complaint.case.execution_due == date(2026, 12, 4)


# -- D.9: a calendar that is published late

YEAR_END = "2026-12-30 10:00"


def next_year(*off: date, worked: tuple[date, ...] = ()) -> Calendar:
    year = WorkYear(year=2027, off=frozenset(off), worked=frozenset(worked), version="cn-2027.1", source="test")
    return replace(book().calendar, years=(*book().calendar.years, year))


def recount(story: Story, calendar: Calendar) -> clocks.Clocks:
    return Dating(POLICY, calendar).recomputed(story.complaint)


def test_a_day_that_turns_out_to_be_worked_brings_the_date_forward_and_the_customer_hears() -> None:
    """D.9, A.13 rule 8."""
    story = complaint(YEAR_END)
    assert (story.ends(PROMISED), story.clock(PROMISED).provisional) == ("01-04 23:59", True)
    moved = recount(story, next_year(worked=(date(2027, 1, 2),)))
    assert f"{moved[PROMISED].due_at:%m-%d}" == "01-02"
    assert (moved[PROMISED].provisional, moved[PROMISED].calendar_version) == (False, "cn-2025.1+cn-2026.1+cn-2027.1")
    known = Situation(actor=SYSTEM, now=story.now, policy=POLICY, calendar=next_year(worked=(date(2027, 1, 2),)))
    event = lifecycle.decide(story.complaint, commands.Recompute(), known)
    after = lifecycle.evolve(story.complaint, "c1", event)
    assert after.clocks == {**story.complaint.clocks, **moved}
    [told] = tellings(story.complaint, after, event)
    assert (told.to, told.kind.name) == ("customer", "BROUGHT_FORWARD")
    story.does(commands.Recompute(), Role.SYS)  # nothing is known that was not: nobody hears
    assert story.told == []


def test_a_day_off_that_was_not_known_leaves_a_date_that_was_told() -> None:
    """D.9, A.13 rule 4: nobody works towards a later date than the customer was told."""
    story = complaint(YEAR_END).goes_to(State.TRIAGED)
    moved = recount(story, next_year(date(2027, 1, 1), date(2027, 1, 4), date(2027, 1, 5)))
    assert {moved[name].due_at for name in (PROMISED, RESOLVE)} == {story.clock(PROMISED).due_at}
    assert moved[PROMISED].sounded == story.clock(PROMISED).sounded


def test_a_recount_repeats_no_alarm_and_forgets_no_extension_or_pause() -> None:
    """D.9, C.3: what a person dated stays, what stood still keeps its days."""
    story = complaint(YEAR_END).goes_to(State.INVESTIGATING)
    story.passes(days=3)
    sounded = story.clock(RESOLVE).sounded
    assert sounded == 1
    assert recount(story, next_year())[RESOLVE].sounded == sounded
    story.does(extension(date(2027, 1, 20)), Role.UH)
    assert recount(story, next_year()).keys() & {PROMISED, RESOLVE} == set()
    paused = complaint(YEAR_END).goes_to(State.INVESTIGATING)
    paused.does(START, Role.UH)
    paused.now += timedelta(days=5)
    paused.does(commands.EndAppraisal(report="真迹"), Role.UH)
    ends = paused.clock(PROMISED).due_at
    assert recount(paused, next_year())[PROMISED].due_at == ends


def test_a_suggested_level_is_not_promised_by_a_recount() -> None:
    """D.9, A.13 rule 8: until a person confirms it, the lower level's date stands."""
    story = complaint(YEAR_END)
    story.complaint = replace(story.complaint, level=Level.IMPORTANT)
    assert recount(story, next_year())[PROMISED].due_at == story.clock(PROMISED).due_at


def test_clocks_read_back_as_they_were_written() -> None:
    story = complaint().goes_to(State.REPLIED, **REFUSED)
    assert clocks.from_json(clocks.to_json(story.complaint.clocks)) == story.complaint.clocks


# -- no promised date is ever later than the legal one

moments = st.integers(0, 24 * 729).map(lambda hours: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(hours=hours))
levels, kinds = st.sampled_from(Level), st.sampled_from(Kind)
flags = st.frozensets(st.sampled_from(Flag), max_size=2)
STEPS: Any = st.lists(
    st.one_of(
        st.builds(regrade, levels),
        st.just(commands.Recompute()),
        st.builds(commands.TakeIn, merged=st.just("TS-2"), new_facts=st.booleans()),
        st.dates(date(2025, 1, 1), date(2027, 4, 1)).map(extension),
        st.just(START),
        st.just(commands.EndAppraisal(report="真迹")),
        st.integers(0, 24 * 40).map(lambda hours: timedelta(hours=hours)),
    ),
    max_size=8,
)


@settings(deadline=None)
@given(at=moments, kind=kinds, graded=st.tuples(kinds, levels, flags), late=st.integers(0, 24 * 20), steps=STEPS)
def test_no_promised_date_is_ever_later_than_the_legal_one(
    at: datetime, kind: Kind, graded: tuple[Kind, Level, frozenset[Flag]], late: int, steps: list[Any]
) -> None:
    """A.13 rules 1, 3, 4 and 8: whatever a person grades, extends, pauses and merges, whenever."""
    story = complaint(f"{at:%Y-%m-%d %H:%M}", kind=kind)
    story.now += timedelta(hours=late)
    story.does(grading(kind=graded[0], level=graded[1], flags=graded[2]), Role.MGR)
    promised = _checked(story)
    for state in (State.DISPATCHED, State.ACCEPTED, State.INVESTIGATING):
        story.goes_to(state)
    for step in steps:
        if isinstance(step, timedelta):
            story.now += step
            continue
        try:
            story.does(step, *_WHO[type(step)])
        except (Invalid, Conflict):
            continue
        later = _checked(story) > promised
        assert not later or isinstance(step, commands.Extend | commands.TakeIn | commands.EndAppraisal)
        promised = _checked(story)


_WHO: dict[type[Any], tuple[Role, ...]] = {
    commands.Regrade: (Role.MGR,),
    commands.Recompute: (Role.SYS,),
    commands.TakeIn: (Role.SYS,),
    commands.Extend: (Role.EXE,),
    commands.StartAppraisal: (Role.UH,),
    commands.EndAppraisal: (Role.UH,),
}


def _checked(story: Story) -> datetime:
    legal = story.complaint.clocks.get(LEGAL)
    if clocks.is_open(legal):
        assert story.complaint.promised_at <= legal.due_at
    return story.complaint.promised_at
