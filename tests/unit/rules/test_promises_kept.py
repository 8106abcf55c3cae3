"""What was promised is kept or owed, and what was told was told: stories in which each once broke."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from gateway import rulebook
from gateway.errors import Misconfigured
from gateway.model import ClockName, Compensation, Flag, Kind, Level, Role, State
from gateway.rules import commands
from tests.refusals import evidence, refused, runs
from tests.stories import POLICIES, Story, complaint, conclusion, grading

N = ClockName
NOT_REACHED = commands.RecordCall(reached=False, proof="无人接听")


def answered(**changes: object) -> Story:
    """Return a case whose outcome the customer has."""
    story = complaint().goes_to(State.REPLIED, **changes)
    story.outcome_leaves()
    return story


def confirmed(**changes: object) -> Story:
    story = answered(**changes)
    story.does(commands.Confirm(how="邮件", confirmed_at=story.now, evidence="m2"), Role.CUS)
    return story


def second_round(story: Story) -> Story:
    """Take a case whose outcome was not accepted to its second outcome, which has not left."""
    ahead = story.now + timedelta(hours=1)
    story.does(commands.Investigate(direction="重新核对", next_contact_at=ahead), by="h2")
    story.does(evidence(2), by="h2")
    story.does(conclusion(), by="h2")
    story.does(commands.Approve(), Role.UH)
    story.does(commands.Reply(), by="h2")
    return story


def extension(until: date) -> commands.Extend:
    return commands.Extend(until=until, reason_internal="外部数据", reason="还要核实", done="查了流水", next="等回复")


def regrade(kind: Kind) -> commands.Regrade:
    return commands.Regrade(level=Level.GENERAL, flags=frozenset(), kind=kind, reason="看错了")


def test_an_earlier_rounds_outcome_that_arrives_late_tells_nothing_of_the_present_one() -> None:
    """T19, T21; law 21."""
    story = answered()
    first = story.outcome_sent()
    story.does(commands.Object(), Role.CUS)
    story.now += timedelta(hours=2)
    second_round(story)
    assert refused(story, first, Role.SYS) == "no_change"
    assert refused(story, commands.Object(), Role.CUS) == "not_told"
    story.outcome_leaves()
    assert runs(story, N.CONFIRM) == [True]


def test_the_time_to_answer_a_second_outcome_begins_when_it_has_left() -> None:
    """T27: who was not told has not fallen silent."""
    story = answered()
    story.does(commands.Object(), Role.CUS)
    second_round(story)
    story.now += timedelta(days=20)
    assert runs(story, N.CONFIRM) == [False]
    assert refused(story, commands.CloseUnanswered(), Role.SYS) == "still_time"


def test_calls_about_an_outcome_that_was_told_stop_no_clock_of_new_facts() -> None:
    """T4; law 18: new facts have a clock of their own."""
    story = answered()
    story.does(commands.Object(), Role.CUS)
    story.does(commands.TakeIn(merged="TS-2", new_facts=True), Role.SYS)
    for _ in range(3):
        story.now += timedelta(days=1)
        story.does(NOT_REACHED, Role.REP)
    assert runs(story, N.LEGAL) == [True]


def test_a_callback_that_reached_nobody_promises_no_second_look() -> None:
    """T25, T26: only who says that it is not solved is promised one."""
    story = confirmed()
    story.does(commands.ProveExecution(evidence="e1", executed_at=story.now))
    for _ in range(3):
        story.now += timedelta(days=1)
        story.does(NOT_REACHED, Role.CB)
    story.does(commands.RecordCallback(solved=None, scores={}), Role.CB)
    assert (story.complaint.state, story.heard()) == (State.CALLBACK_DONE, set())


@pytest.mark.parametrize("kind", [Kind.COMPLAINT, Kind.INQUIRY])
def test_no_extension_goes_beyond_the_laws_last_stage_where_its_clock_does_not_run(kind: Kind) -> None:
    """T15; A068: another round and an inquiry have no statutory clock that would hold it."""
    if kind is Kind.COMPLAINT:
        story = answered()
        story.does(commands.Object(), Role.CUS)
    else:
        story = complaint(kind=kind).goes_to(State.INVESTIGATING, kind=kind)
    assert refused(story, extension(date(2999, 12, 31)), Role.UH, Role.EXE) == "beyond_law"
    story.does(extension(date(2026, 12, 31)), Role.UH, Role.EXE)


def test_the_time_to_ask_for_a_review_counts_from_the_day_the_decision_was_received() -> None:
    """T23; law 20; also when the case has been filed meanwhile."""
    story = complaint().goes_to(State.REPLIED)
    story.now += timedelta(days=9)
    story.outcome_leaves()
    story.does(commands.Confirm(how="邮件", confirmed_at=story.now, evidence="m2"), Role.CUS)
    story.goes_to(State.ARCHIVED)
    story.now += timedelta(days=25)
    request = commands.RequestReview(received_at=story.now, superior="总行")
    story.does(request, Role.REP)
    assert (story.complaint.state, runs(story, N.REVIEW)) == (State.REVIEW, [True])
    late = complaint().goes_to(State.REPLIED)
    late.outcome_leaves()
    late.now += timedelta(days=31)
    assert refused(late, replace(request, received_at=late.now), Role.REP) == "window_closed"


def test_who_withdraws_is_still_paid_what_was_promised() -> None:
    """T29; A089: the case is not filed before it is proved."""
    story = answered()
    story.does(commands.Withdraw(request="不用了"), Role.REP)
    assert runs(story, N.EXECUTION) == [True]
    assert refused(story, commands.Archive(), Role.MGR) == "not_executed"
    story.does(evidence(9))
    story.does(commands.ProveExecution(evidence="e9", executed_at=story.now))
    story.does(commands.Archive(), Role.MGR)
    assert story.complaint.state is State.ARCHIVED


def test_a_complaint_nobody_has_graded_is_not_answered_at_once() -> None:
    """T3; A017, A038: the level it has for now says nothing of how grave it is."""
    story = complaint()
    answer = commands.AnswerAtOnce(answer="已告知网点营业时间")
    assert refused(story, answer, Role.REP) == "needs_dispatch"
    story.does(grading(), Role.MGR)
    story.does(answer, Role.REP)
    assert story.complaint.state is State.ANSWERED


def test_a_complaint_that_was_taken_for_an_inquiry_has_its_legal_date_from_the_receipt_again() -> None:
    """T31; law 18."""
    story = complaint()
    legal = story.ends(N.LEGAL)
    story.does(grading(kind=Kind.INQUIRY), Role.MGR)
    assert runs(story, N.LEGAL, N.RESOLVE) == [False, False]
    story.now += timedelta(hours=3)
    change = commands.Regrade(level=Level.GENERAL, flags=frozenset(), kind=Kind.COMPLAINT, reason="不是咨询")
    story.does(change, Role.MGR)
    assert (story.complaint.kind, story.ends(N.LEGAL)) == (Kind.COMPLAINT, legal)
    assert runs(story, N.LEGAL, N.RESOLVE, N.INQUIRY) == [True, True, False]


def test_what_was_no_suggestion_goes_back_to_be_dispatched() -> None:
    """T31, T30."""
    story = complaint(kind=Kind.SUGGESTION)
    story.does(commands.AssessSuggestion(to="uh"), Role.MGR)
    change = commands.Regrade(level=Level.GENERAL, flags=frozenset(), kind=Kind.COMPLAINT, reason="是投诉")
    story.does(change, Role.MGR)
    assert (story.complaint.state, runs(story, N.LEGAL)) == (State.TRIAGED, [True])


def test_what_turns_out_to_be_a_complaint_during_an_appraisal_comes_under_a_law_that_stands_still() -> None:
    """T31, T13; law 18: the appraisal's days count towards no term, those before the change neither."""
    story = complaint(kind=Kind.INQUIRY).goes_to(State.INVESTIGATING, kind=Kind.INQUIRY)
    story.does(commands.StartAppraisal(body="鉴定中心", reason="签名存疑", agreed_by="leg"), Role.UH)
    story.now += timedelta(days=3)
    story.does(regrade(Kind.COMPLAINT), Role.MGR)
    assert runs(story, N.LEGAL, N.FIRST_CONTACT) == [False, True]
    story.now += timedelta(days=4)
    story.does(commands.EndAppraisal(report="系伪造"), Role.UH)
    fifteen_days_of_the_receipt = story.complaint.received_at.date() + timedelta(days=15)
    assert story.clock(N.LEGAL).due_at.date() == fifteen_days_of_the_receipt + timedelta(days=7)


def test_an_alarm_of_a_suggestion_does_not_sound_again_when_it_turns_out_to_be_a_complaint() -> None:
    """T31, C.3: both kinds are owed an answer by the same date, so the clock is the same."""
    story = complaint(kind=Kind.SUGGESTION)
    ends = story.ends(N.RESOLVE)
    story.does(commands.AssessSuggestion(to="uh"), Role.MGR)
    story.passes(days=2)
    assert story.clock(N.RESOLVE).sounded == 1
    story.does(regrade(Kind.COMPLAINT), Role.MGR)
    assert (story.ends(N.RESOLVE), story.clock(N.RESOLVE).sounded) == (ends, 1)


def test_an_alarm_of_the_law_does_not_sound_again_after_a_wrong_kind() -> None:
    """T31, C.3: the law's clock has the date it had, and its alarms were heard."""
    story = complaint().goes_to(State.TRIAGED)
    story.passes(days=11)
    assert story.clock(N.LEGAL).sounded == 1
    story.does(regrade(Kind.INQUIRY), Role.MGR)
    story.does(regrade(Kind.COMPLAINT), Role.MGR)
    assert story.passes(minutes=1) == []


def test_the_kind_of_what_was_answered_stays() -> None:
    story = answered()
    change = commands.Regrade(level=Level.GENERAL, flags=frozenset(), kind=Kind.INQUIRY, reason="x")
    assert refused(story, change, Role.MGR) == "answered"


def test_the_first_plan_of_a_major_case_is_told_with_the_date_of_the_answer() -> None:
    """S0-8(3), A066; A.13 rules 4 and 6: a first plan was promised, and the promise that follows is said."""
    story = complaint().goes_to(State.INVESTIGATING, level=Level.MAJOR)
    assert refused(story, commands.SavePlan(plan="停用重试")) == "plan_untold"
    story.does(commands.SavePlan(plan="停用重试", told="先停用，再逐户退款"))
    [told] = story.told
    assert (told.to, told.kind.name, told.details["done"]) == ("customer", "PROGRESS", "先停用，再逐户退款")
    assert story.ends(N.PROMISED) == story.ends(N.RESOLVE)


def test_progress_after_the_promised_date_owns_up_to_it() -> None:
    """A104."""
    story = complaint().goes_to(State.INVESTIGATING)
    for days, overdue in ((1, False), (5, True)):
        story.now += timedelta(days=days)
        story.does(commands.ReportProgress(done=f"查了{days}", next="比对"))
        assert [telling.details["overdue"] for telling in story.told] == [overdue]


def test_the_next_contact_that_the_customer_was_told_of_is_a_date_of_its_own() -> None:
    """S0-8(5), A104: it lies before the promised answer, and whoever forgets it is reminded."""
    story = complaint().goes_to(State.ACCEPTED)
    far = commands.Investigate(direction="查", next_contact_at=story.complaint.promised_at + timedelta(hours=1))
    assert refused(story, far) == "after_promise"
    story.does(replace(far, next_contact_at=story.now + timedelta(hours=5)))
    alarms = {(one.to, one.details["clock"]) for one in story.passes(hours=5)}
    assert {("hnd", "next_contact"), ("uh", "next_contact")} <= alarms
    story.does(commands.ReportProgress(done="查了", next="比对"))
    assert runs(story, N.NEXT_CONTACT) == [False]


def test_whose_promise_has_passed_is_contacted_within_a_day() -> None:
    """S0-8(5), A104: a late case can still be begun, and its customer waits no longer than a day to hear."""
    story = complaint().goes_to(State.ACCEPTED)
    story.now = story.complaint.promised_at + timedelta(days=3)
    far = commands.Investigate(direction="查", next_contact_at=story.now + timedelta(days=1, minutes=1))
    assert refused(story, far) == "after_promise"
    story.does(replace(far, next_contact_at=story.now + timedelta(days=1)))
    assert story.complaint.state is State.INVESTIGATING


def test_a_day_of_silence_in_a_major_case_is_followed_by_another_that_is_watched() -> None:
    """A067: every day until it is closed."""
    story = complaint().goes_to(State.INVESTIGATING, level=Level.MAJOR)
    ends = []
    for _ in range(3):
        story.now = story.clock(N.DAILY).due_at
        story.passes(minutes=1)
        ends.append(story.ends(N.DAILY))
    assert ends == ["11-25 23:59", "11-26 23:59", "11-27 23:59"]


def test_who_accepts_after_all_ends_every_clock_of_the_answer() -> None:
    """T20: from unsatisfied."""
    story = answered()
    story.does(commands.Object(), Role.CUS)
    second_round(story)
    story.outcome_leaves()
    story.does(commands.Object(), Role.CUS)
    assert story.complaint.state is State.UNSATISFIED
    story.does(commands.Confirm(how="电话", confirmed_at=story.now, evidence="录音"), Role.REP)
    assert runs(story, N.RESOLVE, N.PROMISED) == [False, False]


def test_a_second_regulators_referral_does_not_put_off_the_first() -> None:
    """T32; A132."""
    story = complaint()
    for reference, day in (("一号", date(2026, 12, 4)), ("二号", date(2026, 12, 20)), ("三号", date(2026, 12, 1))):
        story.does(commands.RecordReferral(reference=reference, body="监管局", due=day), Role.RL)
    assert story.ends(N.REFERRAL) == "12-01 23:59"


@pytest.mark.parametrize("day", [date(1999, 1, 1), date(2026, 11, 22), date(2099, 1, 1)])
def test_nobody_is_promised_money_or_measures_on_a_day_that_cannot_be(day: date) -> None:
    """A088, A101."""
    story = complaint().goes_to(State.INVESTIGATING)
    story.does(evidence(1))
    late = replace(conclusion().improvement, due=day)
    assert refused(story, conclusion(improvement=late)) == "no_such_day"
    paid = Compensation(amount="80", currency="CNY", arrival=day)
    assert refused(story, conclusion(compensation=paid)) == "no_such_day"
    longwinded = replace(conclusion().improvement, measure="改" * 2001)
    assert refused(story, conclusion(improvement=longwinded)) == "not_verifiable"


def test_a_stack_in_which_no_case_could_end_is_refused(tmp_path: Path) -> None:
    """T25, T27: somebody has to say until when a customer answers."""
    folder = tmp_path / "policies"
    folder.mkdir(parents=True)
    shipped = (POLICIES / "huiyin.defaults.toml").read_text(encoding="utf-8")
    before, _, rest = shipped.partition("[timers.confirm_within]")
    after = rest.partition("[timers.recheck_within]")[1:]
    (folder / "huiyin.defaults.toml").write_text(before + "".join(after), encoding="utf-8")
    with pytest.raises(Misconfigured, match="confirm_within"):
        rulebook.load(zone="Asia/Shanghai", override=tmp_path)


def test_an_outcome_that_is_read_on_the_telephone_counts_as_told() -> None:
    """law 21: also where no call of the gateway's own waited, because the mail died or nobody left a contact."""
    story = complaint().goes_to(State.REPLIED)
    read = commands.RecordCall(reached=True, proof="录音 9", outcome_read=True)
    assert refused(story, replace(read, reached=False), Role.REP) == "no_change"
    story.does(read, Role.REP)
    assert runs(story, N.LEGAL, N.CONFIRM) == [False, True]
    assert story.complaint.case.told_at == story.now
    assert refused(story, read, Role.REP) == "no_change"


def test_what_is_owed_can_be_signed_for() -> None:
    """A061: nobody acts first while a mediator sits over an outcome, because nobody would sign for it afterwards."""
    story = answered()
    story.does(commands.OfferMediation(body="调解中心"), Role.UH)
    story.does(commands.StartMediation(body="调解中心", customer_agreed=True), Role.UH)
    assert refused(story, commands.ActFirst(action="先付"), Role.HND) == "answered"


def test_what_somebody_involved_concluded_or_signed_is_neither_signed_nor_sent() -> None:
    """law 17: also when it turns out after the last signature."""
    story = complaint().goes_to(State.APPROVED)
    flags = story.complaint.case.flags
    named = commands.Regrade(level=Level.GENERAL, flags=flags, reason="涉事", staff_involved=("hnd", "uh"))
    story.does(named, Role.MGR)
    assert story.complaint.state is State.CONCLUDED  # the head's signature does not count any more
    assert refused(story, commands.Approve(), Role.UH, by="uh2") == "partial"
    story.does(commands.Reroute(unit="cards", handler="h2", reason="回避", approver="uh2"), Role.MGR)
    assert (story.complaint.state, runs(story, N.OUTCOME)) == (State.DISPATCHED, [False])


def test_a_case_that_stops_being_a_major_complaint_is_not_reported_on_daily() -> None:
    """T31."""
    story = complaint().goes_to(State.INVESTIGATING, level=Level.MAJOR)
    change = commands.Regrade(level=Level.GENERAL, flags=frozenset(), kind=Kind.INQUIRY, reason="只是咨询")
    story.does(change, Role.MGR)
    assert runs(story, N.DAILY, N.PRELIM_PLAN, N.ACT) == [False, False, False]


def test_what_has_no_route_is_told_to_the_desk_beside_the_plan_that_is_owed() -> None:
    """A051, A047."""
    story = complaint()
    story.does(grading(flags=frozenset({Flag.URGENT})), Role.MGR)
    story.does(commands.ReportNoRoute(), Role.SYS)
    assert [(one.to, one.details["why"]) for one in story.told] == [("mgr", "no_route")]
