"""The breach chains of C.3: when each alarm sounds and who hears it, each once, whatever becomes of the clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import Clock, ClockName, Flag, Kind, Level, NoticeKind, Role, State
from gateway.rules import commands
from gateway.rules.alarms import CHAINS, Alarm, due_alarms, next_alarm_at
from gateway.rules.reactions import Telling
from tests.refusals import refused
from tests.stories import Story, book, complaint

CALENDAR = book().calendar
MONDAY = datetime(2026, 11, 23, 2, 15, tzinfo=UTC)


def clock(*, hours: float, started_at: datetime = MONDAY, sounded: int = 0) -> Clock:
    return Clock(
        due_at=started_at + timedelta(hours=hours),
        started_at=started_at,
        profile="p",
        profile_version="1",
        clause="c",
        calendar_version="v",
        sounded=sounded,
    )


def only(story: Story, *names: ClockName) -> Story:
    """Keep only these clocks, so that nothing else is heard."""
    kept = {name: one for name, one in story.complaint.clocks.items() if name in names}
    story.complaint = replace(story.complaint, clocks=kept)
    return story


def said(told: list[Telling]) -> list[tuple[str, str]]:
    return [(telling.to, telling.kind.name) for telling in told]


def test_every_clock_has_its_chain_in_the_order_of_time() -> None:
    """C.3: of two alarms of one chain the later one is never due first."""
    assert set(CHAINS) == set(ClockName)
    for chain in CHAINS.values():
        moments = [alarm.at(clock(hours=24 * 20), CALENDAR) for alarm in chain]
        assert moments == sorted(moments)
        ways = [[one.share, one.days_before, one.workdays_before, one.hour] for one in chain]
        assert [sum(way is not None for way in given) for given in ways] == [1] * len(chain)


def test_a_case_nobody_accepts_is_called_out_at_20_30_45_and_60_minutes() -> None:
    """A055: handler, first owner, head of the unit, 客户意见管理岗; N25 says how many minutes."""
    story = only(complaint().goes_to(State.DISPATCHED), ClockName.ACCEPT)
    heard = {minute: story.passes(minutes=1) for minute in range(1, 90)}
    told = {minute: [one.to for one in tellings] for minute, tellings in heard.items() if tellings}
    assert told == {20: ["hnd"], 30: ["hnd", "rep"], 45: ["uh"], 60: ["mgr"]}
    assert heard[45][0].kind is NoticeKind.NOT_ACCEPTED
    assert heard[45][0].details["minutes"] == 45


def test_a_case_is_urged_at_50_80_and_100_percent_of_its_time() -> None:
    """A077: 跟踪督办."""
    story = only(complaint().goes_to(State.INVESTIGATING), ClockName.RESOLVE)
    start, term = MONDAY, story.clock(ClockName.RESOLVE).due_at - MONDAY
    told = {}
    for percent in range(1, 120):
        story.now = start + term * percent / 100
        if tellings := story.passes(seconds=0):
            told[percent] = [one.to for one in tellings]
    assert told == {50: ["hnd"], 80: ["hnd", "uh"], 100: ["hnd", "uh", "mgr"]}


def test_the_legal_limit_is_called_out_five_three_and_one_day_before() -> None:
    """C.3: to 消保部, and to the executive as well when it has passed."""
    story = only(complaint().goes_to(State.INVESTIGATING), ClockName.LEGAL)
    told = {}
    for _ in range(18):
        story.now += timedelta(days=1)
        if tellings := story.passes(seconds=0):
            left = story.clock(ClockName.LEGAL).due_at - story.now
            told[left.days + 1] = [(one.to, one.details["why"]) for one in tellings]
    assert told == {
        5: [("cp", "due_soon")],
        3: [("cp", "due_soon")],
        1: [("cp", "due_soon")],
        0: [("cp", "overdue"), ("exe", "overdue")],
    }


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (ClockName.REGISTER, {"mgr"}),
        (ClockName.TRIAGE, {"mgr"}),
        (ClockName.FIRST_CONTACT, {"uh"}),
        (ClockName.PRELIM_PLAN, {"exe", "cp"}),
        (ClockName.DAILY, {"mgr", "cp"}),
        (ClockName.MEETING, {"uh"}),
        (ClockName.EXECUTION, {"fin", "uh"}),
        (ClockName.CALLBACK, {"cb"}),
        (ClockName.FEEDBACK, {"cb"}),
        (ClockName.REFERRAL, {"rl", "cp"}),
        (ClockName.REVIEW, {"cp"}),
    ],
)
def test_who_hears_of_a_missed_limit(name: ClockName, told: set[str]) -> None:
    """C.3, column «breach action»."""
    assert {role.value for role in CHAINS[name][-1].to} == told


def test_a_department_that_does_not_answer_is_named_to_its_own_head() -> None:
    """A056, C.3: only those that have not."""
    story = complaint().goes_to(State.INVESTIGATING)
    at = story.now + timedelta(hours=3)
    story.does(commands.Coordinate(units=("it", "risk"), question="?", meeting_at=at))
    story.does(commands.AnswerAssist(unit="it", answer="是"), Role.UH)
    told = only(story, ClockName.ASSIST).passes(hours=24)
    assert said(told) == [("head:risk", "DEADLINE")]


def test_a_major_case_without_a_report_is_called_out_at_four_in_the_afternoon_and_at_the_days_end() -> None:
    """A067: each day anew, and no report may repeat the last one."""
    story = only(complaint().goes_to(State.INVESTIGATING, level=Level.MAJOR), ClockName.DAILY)
    report = commands.ReportProgress(done="查了流水", next="问系统")
    for day in (24, 25):
        assert story.until(f"2026-11-{day} 15:59") == []
        assert said(story.until(f"2026-11-{day} 16:00")) == [("mgr", "DEADLINE"), ("hnd", "DEADLINE")]
        story.does(replace(report, done=f"第{day}天"))
        assert story.heard() == {("customer", "DAILY_PROGRESS")}
        assert refused(story, replace(report, done=f" 第{day}天\n")) == "repeats_yesterday"
        assert story.until(f"2026-11-{day} 23:59:59") == []
    assert said(story.until("2026-11-26 23:59:59")) == [("mgr", "DEADLINE"), ("hnd", "DEADLINE"), ("cp", "DEADLINE")]


def test_silence_towards_the_customer_is_called_out_a_working_day_before_the_promise() -> None:
    """A104: the promise ends on a Monday, so on Friday."""
    silent = only(complaint("2026-11-25 10:00").goes_to(State.ACCEPTED), ClockName.PROMISED)
    assert silent.ends(ClockName.PROMISED) == "11-30 23:59"
    assert silent.until("2026-11-27 23:59:58") == []
    assert said(silent.until("2026-11-27 23:59:59")) == [("hnd", "DEADLINE")]
    spoken = only(complaint("2026-11-25 10:00").goes_to(State.INVESTIGATING), ClockName.PROMISED)
    assert spoken.until("2026-11-28 10:00") == []
    assert said(spoken.until("2026-11-30 23:59:59")) == [("mgr", "DEADLINE"), ("uh", "DEADLINE")]


def test_an_answer_owed_the_next_day_is_not_called_out_at_its_arrival() -> None:
    """A104: a day before such a promise nobody had it yet."""
    story = complaint(kind=Kind.INQUIRY)
    assert story.passes(minutes=1) == []
    assert next_alarm_at(story.complaint.clocks, CALENDAR) == story.clock(ClockName.TRIAGE).due_at


def test_a_referral_due_tomorrow_is_not_called_out_as_due_in_five_days() -> None:
    """A132: whoever records it knows; what is ahead still sounds."""
    story = complaint().goes_to(State.INVESTIGATING)
    story.does(commands.RecordReferral(reference="一", body="监管局", due=date(2026, 11, 25)), Role.RL)
    only(story, ClockName.REFERRAL)
    assert story.passes(hours=1) == []
    assert said(story.until("2026-11-24 23:59:59")) == [("rl", "DEADLINE"), ("cp", "DEADLINE")]


def test_several_missed_in_an_outage_are_one_notice_to_each_recipient() -> None:
    """C.3: the last one, which says the most."""
    story = only(complaint().goes_to(State.INVESTIGATING), ClockName.RESOLVE)
    told = story.passes(days=20)
    assert sorted(said(told)) == [("hnd", "DEADLINE"), ("mgr", "DEADLINE"), ("uh", "DEADLINE")]
    assert {telling.details["why"] for telling in told} == {"overdue"}
    assert story.passes(days=20) == []


@pytest.mark.parametrize("name", [ClockName.ACCEPT, ClockName.RESOLVE, ClockName.LEGAL])
def test_a_clock_set_back_repeats_nothing(name: ClockName) -> None:
    """C.3: each once, with the clock set forward or back."""
    story = complaint().goes_to(State.DISPATCHED if name is ClockName.ACCEPT else State.INVESTIGATING)
    only(story, name)
    story.passes(days=14)
    sounded = story.clock(name).sounded
    assert sounded > 0
    assert story.passes(days=-14) == []
    assert story.passes(days=13) == []
    assert story.clock(name).sounded == sounded


def test_a_clock_that_was_brought_forward_warns_anew() -> None:
    """A.13 rule 3: it is another date."""
    story = complaint().goes_to(State.INVESTIGATING)
    story.passes(days=2, hours=1)
    assert story.clock(ClockName.RESOLVE).sounded == 1
    story.does(commands.Regrade(level=Level.GENERAL, flags=frozenset({Flag.URGENT}), reason="急"), Role.MGR)
    assert story.clock(ClockName.RESOLVE).sounded == 0
    told = only(story, ClockName.RESOLVE).passes(hours=12)
    assert said(told) == [("hnd", "DEADLINE")]


def test_nothing_sounds_for_what_has_ended_or_stands_still() -> None:
    """C.3: nor is anything ahead."""
    story = complaint().goes_to(State.INVESTIGATING)
    for command in (
        commands.StartAppraisal(body="鉴定所", reason="笔迹", agreed_by="leg"),
        commands.EndAppraisal(report="真迹"),
        commands.Withdraw(request="算了"),
    ):
        role = Role.CUS if isinstance(command, commands.Withdraw) else Role.UH
        story.does(command, role)
        if story.complaint.state is not State.INVESTIGATING:
            assert story.passes(days=20) == []
    assert next_alarm_at(story.complaint.clocks, CALENDAR) is None


def test_only_the_gateway_sounds_an_alarm_and_only_one_that_is_due() -> None:
    story = complaint()
    early = commands.SoundAlarm(clock=ClockName.TRIAGE, sounded=1)
    assert refused(story, early, Role.SYS) == "not_sounding"
    story.now += timedelta(hours=2)
    assert refused(story, replace(early, sounded=2), Role.SYS) == "not_sounding"
    story.does(early, Role.SYS)
    assert refused(story, early, Role.SYS) == "not_sounding"


def test_a_limit_that_had_passed_when_it_was_set_is_called_out_at_once() -> None:
    """D.9: a case that was registered late is shown as late."""
    late = clock(hours=-5)
    assert all(alarm.sounds(late, CALENDAR) for alarm in CHAINS[ClockName.RESOLVE])


@given(
    name=st.sampled_from(ClockName),
    hours=st.floats(0.1, 24 * 60),
    start=st.integers(0, 24 * 300),
    looks=st.lists(st.floats(-24, 24 * 20), min_size=1, max_size=12),
)
def test_however_often_one_looks_each_alarm_sounds_once_and_the_next_one_is_ahead(
    name: ClockName, hours: float, start: int, looks: list[float]
) -> None:
    """C.3: with the clock set forward and back, over outages and restarts."""
    running = clock(hours=hours, started_at=MONDAY + timedelta(hours=start))
    story = complaint()
    now, heard = running.started_at, 0
    for later in looks:
        now += timedelta(hours=later)
        story.complaint = replace(story.complaint, clocks={name: running})
        due = due_alarms(story.complaint, now, CALENDAR)
        if name in due:
            assert due[name] > running.sounded
            heard += len([one for one in CHAINS[name][running.sounded : due[name]] if one.sounds(running, CALENDAR)])
            running = replace(running, sounded=due[name])
            story.complaint = replace(story.complaint, clocks={name: running})
        ahead = next_alarm_at(story.complaint.clocks, CALENDAR)
        waits = bool(due_alarms(story.complaint, now, CALENDAR))  # what closes a case waits for the next look
        assert ahead is None or ahead > now or waits
    assert heard <= len(CHAINS[name])


def test_an_alarm_without_a_time_of_its_own_is_due_at_the_end() -> None:
    assert Alarm(to=(Role.MGR,)).at(clock(hours=2), CALENDAR) == MONDAY + timedelta(hours=2)
