"""Time limits, their reminders and their extension: what the rule books ask of them, told over the pure rules."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from pydantic import ValidationError

from gateway.errors import Forbidden, Invalid
from gateway.model import ChannelKind, ClockName, Flag, Kind, Level, NoticeKind, Role, State
from gateway.rules import commands
from gateway.rules.policy import Deadlines, Policy, opening_deadlines
from gateway.rules.quiet import send_at
from gateway.rules.reactions import Telling
from tests.factories import START
from tests.stories import SHANGHAI, book, complaint, stack

N = ClockName
FILLS = ("cn.corp-3wd", "huiyin.defaults")


def urged(told: list[Telling], clock: ClockName) -> set[tuple[str, object]]:
    return {(one.to, one.details["why"]) for one in told if one.details.get("clock") == clock}


def opening(policy: Policy, *, level: str, urgent: bool) -> Deadlines:
    return opening_deadlines(
        policy,
        kind="complaint",
        level=level,
        urgent=urgent,
        needs_review=False,
        received_at=START,
        calendar=book().calendar,
    )


def extend(until: date, **changes: str) -> commands.Extend:
    words = {"reason_internal": "外部数据未到", "reason": "还要向收款行核实", "done": "查了流水", "next": "等对方回复"}
    return commands.Extend(until=until, **(words | changes))


def test_an_inquiry_that_is_not_answered_in_24_hours_is_flagged() -> None:
    """A018: the hours of the clock, from the receipt; half, four fifths and the end are said."""
    story = complaint("2026-11-27 16:00", kind=Kind.INQUIRY)
    assert story.ends(N.INQUIRY) == "11-28 16:00"  # a Saturday
    assert urged(story.passes(hours=23), N.INQUIRY) == {("hnd", "due_soon"), ("uh", "due_soon")}
    assert urged(story.passes(hours=1), N.INQUIRY) == {("hnd", "overdue"), ("uh", "overdue"), ("mgr", "overdue")}


def test_the_bank_sets_the_hours_of_the_first_classification() -> None:
    """A024: X = 2."""
    set_by_the_bank = {"${X}": "2", '"unfinished"': '"verified"', "enabled = false": "enabled = true"}
    story = complaint(policy=stack("generic.template-x", *FILLS, changes=set_by_the_bank))
    assert story.ends(N.TRIAGE) == "11-23 12:15"
    assert story.clock(N.TRIAGE).clause == "S2-§3(1)"


def test_the_other_process_gives_the_assessment_a_working_day() -> None:
    """A039: with that rule book as target; a working day from Friday ends on Monday."""
    story = complaint("2026-11-27 10:00", policy=stack("cn.fin-process", *FILLS))
    assert (story.ends(N.TRIAGE), story.clock(N.TRIAGE).clause) == ("11-30 23:59", "S4-§2")


def test_an_urgent_case_has_its_first_progress_in_two_hours_of_the_night_of_a_holiday() -> None:
    """A041: the limit, the alarm when it is missed, and a notice that does not wait for the morning."""
    story = complaint("2026-10-01 01:00", policy=stack("cn.fin-process", *FILLS))
    story.goes_to(State.TRIAGED, flags=frozenset({Flag.URGENT}))
    assert story.ends(N.FIRST_CONTACT) == "10-01 03:00"
    assert ("uh", "overdue") in urged(story.passes(hours=2), N.FIRST_CONTACT)
    story.goes_to(State.INVESTIGATING)
    assert ("customer", "FIRST_PROGRESS") in story.heard()
    assert not story.clock(N.FIRST_CONTACT).runs
    at = send_at(NoticeKind.FIRST_PROGRESS, ChannelKind.APP, story.now, book().calendar, urgent=True, by=None)
    assert at == story.now


def test_who_does_not_accept_is_reminded_and_then_passed_over() -> None:
    """A055: of 30 minutes the 20th and 30th go to the handler, the 45th to the head, the 60th to the management."""
    story = complaint("2026-11-29 02:00").goes_to(State.DISPATCHED)  # a Sunday night: minutes run
    assert story.ends(N.ACCEPT) == "11-29 02:30"
    chain = [(20, {"hnd"}), (30, {"hnd", "rep"}), (45, {"uh"}), (60, {"mgr"})]
    told = [(minute, story.until(f"2026-11-29 {2 + minute // 60:02}:{minute % 60:02}")) for minute, _ in chain]
    assert [
        (minute, {one.to for one in sounded if one.kind.name == "NOT_ACCEPTED"}) for minute, sounded in told
    ] == chain
    assert told[-1][1][0].details["minutes"] == 60
    story.goes_to(State.ACCEPTED)
    assert not story.clock(N.ACCEPT).runs


def test_departments_meet_in_a_working_day_and_each_answers_in_24_hours() -> None:
    """A056: the second clock runs until the last of them has answered."""
    story = complaint().goes_to(State.INVESTIGATING)
    ask = commands.Coordinate(units=("it", "risk"), question="是否重复扣款", meeting_at=START + timedelta(hours=5))
    story.does(ask)
    assert (story.ends(N.MEETING), story.ends(N.ASSIST)) == ("11-24 23:59", "11-24 10:15")
    assert story.heard() == {("assist:it", "ASSIST"), ("assist:risk", "ASSIST")}
    story.does(commands.AnswerAssist(unit="it", answer="是"), Role.UH)
    assert story.clock(N.ASSIST).runs
    assert urged(story.passes(hours=24), N.ASSIST) == {("head:risk", "overdue")}  # it has answered is not urged
    story.does(commands.AnswerAssist(unit="risk", answer="无"), Role.UH)
    story.does(commands.CloseCoordination(minutes="退一笔"))
    assert not story.clock(N.ASSIST).runs
    assert not story.clock(N.MEETING).runs


@pytest.mark.parametrize("hours", [-1, 38])
def test_a_meeting_later_than_the_next_working_day_is_not_called(hours: int) -> None:
    """A056."""
    story = complaint().goes_to(State.INVESTIGATING)
    with pytest.raises(Invalid):
        story.does(commands.Coordinate(units=("it",), question="?", meeting_at=START + timedelta(hours=hours)))


def test_a_major_case_has_its_own_clock_for_the_preliminary_plan() -> None:
    """A066: one working day; missed, the executive and 消保部 hear; saved, it stops."""
    story = complaint("2026-11-27 10:00").goes_to(State.TRIAGED, level=Level.MAJOR)
    assert story.ends(N.PRELIM_PLAN) == "11-30 23:59"
    assert urged(story.until("2026-12-01 00:00"), N.PRELIM_PLAN) >= {("exe", "overdue"), ("cp", "overdue")}
    story.goes_to(State.INVESTIGATING).does(commands.SavePlan(plan="先停用重试", told="先停用重试"))
    assert not story.clock(N.PRELIM_PLAN).runs


def test_a_major_case_tells_its_customer_something_new_every_day() -> None:
    """A067: reminded at 16:00, a breach at the end of a day without a word; yesterday's words do not count."""
    story = complaint().goes_to(State.INVESTIGATING, level=Level.MAJOR)
    said = commands.ReportProgress(done="查了流水", next="明天开会")
    story.does(said)
    assert story.heard() == {("customer", "DAILY_PROGRESS")}
    assert story.ends(N.DAILY) == "11-24 23:59"
    assert ("hnd", "due_soon") in urged(story.until("2026-11-24 16:00"), N.DAILY)
    with pytest.raises(Invalid, match="say what is new"):
        story.does(said)
    with pytest.raises(Invalid, match="say what is new"):
        story.does(commands.ReportProgress(done=" 查了流水 ", next="明天 开会"))
    assert {("mgr", "overdue"), ("cp", "overdue")} <= urged(story.until("2026-11-25 00:00"), N.DAILY)
    story.does(commands.ReportProgress(done="开了会", next="退款"))
    assert story.ends(N.DAILY) == "11-26 23:59"


def test_fifteen_working_days_are_the_promise_of_the_older_rule_and_nothing_goes_beyond_60() -> None:
    """A068, law 18: of 60 working and 60 natural days the law's are the fewer, and an executive cannot pass them."""
    story = complaint("2026-03-02 10:00", policy=stack("cn.cbrc-2012-13", *FILLS)).goes_to(State.INVESTIGATING)
    assert [str(limit.term) for limit in story.policy.limits("resolve_within", ["any"])] == ["15wd"]
    assert story.ends(N.RESOLVE) == story.ends(N.LEGAL) == "03-17 23:59"  # 15 working days would end on 03-23
    with pytest.raises(Invalid, match="does not permit"):
        story.does(extend(date(2026, 5, 2)), Role.EXE)
    story.does(extend(date(2026, 5, 1)), Role.EXE)
    assert story.ends(N.LEGAL) == story.ends(N.PROMISED) == "05-01 23:59"


def test_an_extension_is_told_in_writing_with_its_reason_before_the_old_date() -> None:
    """A069, C14: no reason, no written way, or too late: it cannot be saved."""
    with pytest.raises(ValidationError, match="reason"):
        commands.read(
            commands.Extend, {"until": "2026-12-04", "reason_internal": "x", "done": "x", "next": "x", "reason": " "}
        )
    story = complaint().goes_to(State.INVESTIGATING)
    story.writable = False
    with pytest.raises(Invalid, match="in writing"):
        story.does(extend(date(2026, 12, 4)), Role.UH)
    story.writable = True
    story.does(extend(date(2026, 12, 4)), Role.UH)
    [told] = story.told
    assert (told.to, told.kind.name, told.details["reason"]) == ("customer", "EXTENSION", "还要向收款行核实")
    assert str(told.details["old_at"]) < str(told.details["promised_at"])
    story.until("2026-12-05 00:00")
    with pytest.raises(Invalid, match="can no longer be extended"):
        story.does(extend(date(2026, 12, 7)), Role.UH)


def test_an_extension_made_in_the_last_evening_does_not_wait_for_the_morning() -> None:
    """A069, E.2 rule 8: after the old date it would come too late."""
    story = complaint().goes_to(State.INVESTIGATING)
    by = story.complaint.promised_at
    evening = by - timedelta(hours=2)
    sent = send_at(NoticeKind.EXTENSION, ChannelKind.EMAIL, evening, book().calendar, urgent=False, by=by)
    assert sent == evening
    day_before = send_at(
        NoticeKind.EXTENSION, ChannelKind.EMAIL, evening - timedelta(days=1), book().calendar, urgent=False, by=by
    )
    assert evening - timedelta(days=1) < day_before < by


def test_beyond_30_days_an_executive_extends() -> None:
    """Law 18."""
    story = complaint("2026-03-02 10:00").goes_to(State.INVESTIGATING)
    with pytest.raises(Invalid, match="an executive has to extend"):
        story.does(extend(date(2026, 4, 2)), Role.UH)
    with pytest.raises(Forbidden):
        story.does(extend(date(2026, 4, 2)), Role.HND)
    story.does(extend(date(2026, 4, 2)), Role.EXE)
    assert story.ends(N.PROMISED) == "04-02 23:59"


@pytest.mark.parametrize(
    ("target", "level", "urgent", "clock", "ends"),
    [
        ("cn.bank-manual", "general", False, N.FIRST_CONTACT, "11-25 23:59 S3-6.1.2"),  # A071
        ("cn.bank-manual", "general", False, N.RESOLVE, "12-02 23:59 S3-6.1.2"),
        ("cn.bank-manual", "major", False, N.FIRST_CONTACT, "11-26 23:59 S3-6.1.2"),  # A072
        ("cn.bank-manual", "major", False, N.RESOLVE, "12-07 23:59 S4-§7"),  # its own 15 working days come later
        ("cn.bank-manual", "general", True, N.FIRST_CONTACT, "11-23 11:15 S3-6.1.2"),  # A073
        ("cn.bank-manual", "general", True, N.RESOLVE, "11-24 10:15 S3-6.1.2"),
        ("cn.fin-process", "general", False, N.RESOLVE, "12-07 23:59 S4-§7"),  # A075
    ],
)
def test_each_rule_book_as_target_gives_its_own_dates(
    target: str, level: str, urgent: bool, clock: ClockName, ends: str
) -> None:
    policy = stack(target, *[name for name in ("cn.fin-process", *FILLS) if name != target])
    found = opening(policy, level=level, urgent=urgent).of(clock)
    assert found is not None
    assert f"{found.due_at.astimezone(SHANGHAI):%m-%d %H:%M} {found.clause}" == ends


def test_the_fifteen_working_days_of_the_manual_stand_behind_stricter_ones() -> None:
    """A072: the rule book's own term; no date passes the law's 15 days, so it never rules alone."""
    policy = stack("cn.bank-manual", *FILLS)
    assert [str(limit.term) for limit in policy.limits("resolve_within", ["major"])] == ["15wd"]


def test_half_four_fifths_and_the_whole_of_the_time_are_said_once_each() -> None:
    """A077: to the handler, then to the head as well, then to the management as well."""
    story = complaint("2026-11-23 00:00").goes_to(State.ACCEPTED)  # four days until the end of Thursday
    said = [(at, _resolve(story.until(f"2026-11-{at}"))) for at in ("25 00:00", "26 05:00", "27 00:00", "28 00:00")]
    assert said == [
        ("25 00:00", {"hnd"}),
        ("26 05:00", {"hnd", "uh"}),
        ("27 00:00", {"hnd", "uh", "mgr"}),
        ("28 00:00", set()),
    ]


def test_a_silent_handler_is_prompted_a_working_day_before_the_promised_date() -> None:
    """A104: from Wednesday three working days end on Monday; the prompt comes on Friday, unless something was told."""
    silent, told = (complaint("2026-11-25 10:00").goes_to(State.ACCEPTED) for _ in range(2))
    told.goes_to(State.INVESTIGATING)
    assert silent.ends(N.PROMISED) == told.ends(N.PROMISED) == "11-30 23:59"
    assert urged(silent.until("2026-11-27 23:59"), N.PROMISED) == set()
    assert urged(silent.until("2026-11-28 00:00"), N.PROMISED) == {("hnd", "due_soon")}
    assert urged(told.until("2026-11-28 00:00"), N.PROMISED) == set()


def _resolve(told: list[Telling]) -> set[str]:
    return {one.to for one in told if one.details.get("clock") == N.RESOLVE}
