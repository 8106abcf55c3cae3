"""What follows an outcome, row by row: T20 to T33 of C.2."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from gateway.errors import Conflict, Forbidden
from gateway.model import ClockName, Flag, Kind, Level, Result, Role, State
from gateway.rules import commands
from tests.refusals import evidence, refused, runs
from tests.stories import Story, complaint, conclusion, grading


def answered(**changes: Any) -> Story:
    """Return a case whose outcome the customer has."""
    story = complaint().goes_to(State.REPLIED, **changes)
    story.does(story.outcome_sent(), Role.SYS)
    return story


def confirmation(story: Story) -> commands.Confirm:
    return commands.Confirm(how="邮件", confirmed_at=story.now, evidence="m2")


def proof(story: Story) -> commands.ProveExecution:
    return commands.ProveExecution(evidence="e1", executed_at=story.now)


def test_an_accepted_outcome_is_recorded_with_how_when_and_the_proof() -> None:
    """T20; A105: 已解决 needs the customer's confirmation; the survey is asked then."""
    story = answered()
    later = replace(confirmation(story), confirmed_at=story.now + timedelta(hours=1))
    assert refused(story, later, Role.CUS) == "in_the_future"
    refused(story, confirmation(story), Role.CP, error=Forbidden)
    event = story.does(confirmation(story), Role.CUS)
    assert (event.private["how"], event.private["evidence"]) == ("邮件", "m2")
    assert event.public["confirmed_at"] == "2026-11-23T02:15:00Z"
    assert (story.complaint.state, story.heard()) == (State.RESOLVED, {("customer", "SURVEY")})
    assert runs(story, ClockName.CONFIRM) == [False]


def test_a_message_from_before_the_outcome_is_no_answer_to_it() -> None:
    """T20, T21: what the customer wrote while the outcome still waits was not said of it."""
    story = complaint().goes_to(State.REPLIED)
    assert refused(story, confirmation(story), Role.CUS) == "not_told"
    assert refused(story, commands.Object(), Role.CUS) == "not_told"
    story.does(commands.Object(reason="柜台当面说的"), Role.REP)  # a person knows what they record
    assert (story.complaint.state, runs(story, ClockName.LEGAL)) == (State.REOPENED, [False])


def test_the_callbacks_window_opens_a_working_day_after_the_execution() -> None:
    """T20, T25; A089, A115: what was promised is proved first; then one to three working days."""
    story = answered()
    story.does(confirmation(story), Role.CUS)
    called = commands.RecordCallback(solved=True, scores={"overall": 5})
    assert refused(story, called, Role.CB) == "not_executed"
    assert refused(story, replace(proof(story), evidence="e9"), Role.FIN) == "not_on_file"
    ahead = replace(proof(story), executed_at=story.now + timedelta(days=1))
    assert refused(story, ahead, Role.FIN) == "in_the_future"
    story.does(proof(story), Role.FIN)
    assert refused(story, proof(story), Role.FIN) == "no_change"
    assert story.ends(ClockName.CALLBACK) == "11-26 23:59"
    assert refused(story, called, Role.CB) == "not_open"
    story.until("2026-11-24 00:00")
    refused(story, called, Role.HND, error=Forbidden)
    story.does(called, Role.CB)
    assert story.complaint.state is State.CALLBACK_DONE


def test_an_objection_is_checked_again_by_somebody_else_with_a_new_date() -> None:
    """T21; A106: the customer hears by when."""
    story = answered()
    story.does(commands.Object(reason="没退"), Role.CUS)
    assert (story.complaint.state, story.complaint.case.rounds) == (State.REOPENED, 2)
    assert ("customer", "LOOKING_AGAIN") in story.heard()
    assert story.ends(ClockName.PROMISED) == "11-25 23:59"
    again = commands.Investigate(direction="重新查", next_contact_at=story.now + timedelta(days=1))
    assert refused(story, again) == "same_checker"
    story.does(again, Role.HND, by="h2")
    assert (story.complaint.state, story.complaint.case.handler) == (State.INVESTIGATING, "h2")


def test_a_second_objection_is_taken_to_the_superior() -> None:
    """T22; A106, A121: mediation is offered there."""
    story = answered()
    up = commands.Escalate(reason="二次不满意")
    story.does(commands.Object(), Role.CUS)
    assert refused(story, up, Role.UH) == "not_due"
    story.does(commands.Investigate(direction="?", next_contact_at=story.now + timedelta(days=1)), by="h2")
    story.does(evidence(2), by="h2")
    story.does(conclusion(), by="h2")
    story.does(commands.Approve(), Role.UH)
    story.does(commands.Reply(), by="h2")
    assert runs(story, ClockName.CONFIRM) == [False]  # the law's clock has stopped, but nobody was told this outcome
    assert refused(story, commands.Object(), Role.CUS) == "not_told"
    story.outcome_leaves()
    assert runs(story, ClockName.CONFIRM) == [True]
    story.does(commands.Object(), Role.CUS)
    assert story.complaint.state is State.UNSATISFIED
    story.does(up, Role.UH)
    assert (story.complaint.state, {to for to, _ in story.heard()}) == (State.ESCALATED, {"uh", "exe"})
    story.does(commands.OfferMediation(body="调解中心"), Role.UH)
    assert story.heard() == {("customer", "MEDIATION_OFFER")}
    begin = commands.Investigate(direction="?", next_contact_at=story.now + timedelta(days=1))
    assert refused(story, begin, by="h2") == "same_checker"
    story.does(begin, by="h3")


def test_whom_it_is_about_does_not_check_it_again() -> None:
    """T21; law 17."""
    story = answered(staff_involved=("h2",))
    story.does(commands.Object(), Role.CUS)
    again = commands.Investigate(direction="?", next_contact_at=story.now + timedelta(days=1))
    assert refused(story, again, by="h2") == "partial"


@pytest.mark.parametrize("state", [State.REPLIED, State.UNSATISFIED])
def test_nobody_is_closed_as_silent_while_they_sit_with_a_mediator(state: State) -> None:
    """T14, T27; law 23: the time to answer stands still as well, and goes on after it."""
    story = answered()
    if state is State.UNSATISFIED:
        story.complaint = replace(story.complaint, case=replace(story.complaint.case, objections=1))
        story.does(commands.Object(), Role.CUS)
    story.does(commands.StartMediation(body="调解中心", customer_agreed=True), Role.UH)
    assert runs(story, ClockName.CONFIRM) == [False]
    ends = story.clock(ClockName.CONFIRM).due_at
    story.passes(days=30)
    assert story.complaint.state is State.MEDIATION
    story.does(commands.EndMediation(agreed=False, text="未成"), Role.UH)
    assert story.complaint.state is state
    if state is State.REPLIED:
        assert story.clock(ClockName.CONFIRM).due_at == ends + timedelta(days=30)


def test_a_branchs_decision_may_be_reviewed_by_its_superior_within_thirty_days() -> None:
    """T23, T24; law 20: process, time limit and result, decided in thirty days by somebody who had no part in it."""
    story = answered()
    ask = commands.RequestReview(received_at=story.now, superior="分行")
    late, ahead = story.now + timedelta(days=31), story.now + timedelta(hours=1)
    assert refused(story, replace(ask, received_at=ahead), Role.REP) == "in_the_future"
    assert refused(story, replace(ask, received_at=story.now - timedelta(days=1)), Role.REP) == "window_closed"
    story.now = late
    assert refused(story, replace(ask, received_at=late), Role.REP) == "window_closed"
    story.now -= timedelta(days=2)
    story.does(replace(ask, received_at=story.now), Role.REP)
    assert (story.complaint.state, story.ends(ClockName.REVIEW)) == (State.REVIEW, "01-21 23:59")
    assert story.heard() == {("customer", "REVIEW_ACCEPTED"), ("cp", "DEADLINE")}
    decide = commands.DecideReview(process="合规", time_limit="按时", result="维持", upheld=True)
    assert refused(story, decide, Role.UH) == "own_work"  # who approved it
    story.does(decide, Role.CP)
    assert (story.complaint.state, story.heard()) == (State.CLOSED, {("customer", "REVIEW_DECISION")})
    assert runs(story, ClockName.REVIEW, ClockName.EXECUTION) == [False, True]  # what was promised is carried out


def test_a_decision_of_no_branch_and_a_suggestion_go_to_no_superior() -> None:
    """T23; law 20."""
    story = answered()
    ask = commands.RequestReview(received_at=story.now, superior="分行")
    for other in (
        replace(story.complaint, kind=Kind.SUGGESTION),
        replace(story.complaint, case=replace(story.complaint.case, by_branch=False)),
    ):
        story.complaint = other
        assert refused(story, ask, Role.REP) == "no_branch"


def executed() -> Story:
    story = answered()
    story.does(confirmation(story), Role.CUS)
    story.does(proof(story), Role.FIN)
    story.passes(days=1)
    return story


def test_a_callback_that_finds_it_unsolved_opens_it_again() -> None:
    """T26; A121: with a new checker and a new date."""
    story = executed()
    story.does(commands.RecordCallback(solved=False, scores={}), Role.CB)
    assert (story.complaint.state, story.complaint.case.rounds) == (State.REOPENED, 2)
    assert {("customer", "LOOKING_AGAIN"), ("uh", "DEADLINE")} <= story.heard()
    assert runs(story, ClockName.CALLBACK, ClockName.PROMISED) == [False, True]


def test_a_callback_asks_four_things_and_its_remarks_are_answered_in_writing() -> None:
    """T25; A118, A122: within ten working days; before that the case is not filed."""
    story = executed()
    call = commands.RecordCallback(solved=True, scores={"efficiency": 4, "quality": 5, "attitude": 5, "process": 3})
    assert refused(story, replace(call, scores={"price": 5}), Role.CB) == "out_of_range"
    assert refused(story, replace(call, scores={"quality": 6}), Role.CB) == "out_of_range"
    story.does(replace(call, remarks="排队太久"), Role.CB)
    assert story.complaint.case.scores == call.scores
    assert story.ends(ClockName.FEEDBACK) == "12-08 23:59"
    assert refused(story, commands.Archive(), Role.MGR) == "feedback_owed"
    story.does(commands.GiveFeedback(text="已加开窗口"), Role.CB)
    assert (story.heard(), runs(story, ClockName.FEEDBACK)) == ({("customer", "CALLBACK_FEEDBACK")}, [False])
    assert refused(story, commands.GiveFeedback(text="再次"), Role.CB) == "no_change"
    story.does(commands.Archive(), Role.MGR)


def test_a_callback_is_given_up_after_calls_on_three_days() -> None:
    """T25: calls of before the customer's own answer do not count."""
    story = answered()
    story.does(commands.RecordCall(reached=False, proof="录音"), Role.REP)
    story.does(confirmation(story), Role.CUS)
    assert story.complaint.case.calls == 0
    story.does(proof(story), Role.FIN)
    story.passes(days=1)
    nobody = commands.RecordCallback(solved=None, scores={})
    for _ in range(3):
        assert refused(story, nobody, Role.CB) == "not_tried"
        story.does(commands.RecordCall(reached=False, proof="录音"), Role.CB)
        story.now += timedelta(days=1)
    story.does(nobody, Role.CB)
    assert (story.complaint.state, story.complaint.case.rounds) == (State.CALLBACK_DONE, 1)


def test_the_customers_own_score_is_recorded() -> None:
    """N14; A122: a score of nothing is none."""
    story = answered()
    assert refused(story, commands.Score(scores={}), Role.CUS) == "out_of_range"
    story.does(commands.Score(scores={"overall": 3}), Role.CUS)
    assert story.complaint.case.scores == {"overall": 3}


def test_silence_is_reminded_once_and_closed_after_five_working_days() -> None:
    """T27: only when the outcome has been sent, and the customer hears how to come back."""
    story = complaint().goes_to(State.REPLIED)
    close = commands.CloseUnanswered()
    story.passes(days=10)
    assert refused(story, close, Role.SYS) == "still_time"
    story.does(story.outcome_sent(), Role.SYS)
    assert story.ends(ClockName.CONFIRM) == "12-10 23:59"
    reminded = [telling for day in range(5) for telling in story.passes(days=1)]
    assert [telling.kind.name for telling in reminded if telling.to == "customer"] == ["SURVEY"]
    refused(story, close, Role.MGR, error=Forbidden)
    story.until("2026-12-11 00:00")
    story.does(close, Role.SYS)
    assert (story.complaint.state, story.heard()) == (State.CLOSED, {("customer", "CLOSED_UNANSWERED")})
    assert runs(story, ClockName.CONFIRM) == [False]


def test_after_an_outage_the_reminder_comes_first_and_leaves_time_to_answer() -> None:
    """T27: nobody's case is closed in the minute that reminds them."""
    story = answered()
    told = story.passes(days=20)
    assert [telling.kind.name for telling in told if telling.to == "customer"] == ["SURVEY"]
    assert refused(story, commands.CloseUnanswered(), Role.SYS) == "still_time"
    story.passes(days=4)
    story.does(commands.CloseUnanswered(), Role.SYS)


def test_a_case_is_filed_when_nothing_is_owed_any_more() -> None:
    """T28; A112: the outcome, and the proof of what was promised, which is still taken when it is closed (A089)."""
    story = answered()
    story.passes(days=10)
    story.passes(days=4)
    story.does(commands.CloseUnanswered(), Role.SYS)
    assert refused(story, commands.Archive(), Role.MGR) == "not_executed"
    story.does(evidence(7), Role.FIN)
    story.does(replace(proof(story), evidence="e7"), Role.FIN)
    refused(story, commands.Archive(), Role.HND, error=Forbidden)
    story.does(commands.Archive(), Role.MGR)
    assert story.complaint.state is State.ARCHIVED
    assert not any(clock.runs for clock in story.complaint.clocks.values())


@pytest.mark.parametrize("level", [Level.IMPORTANT, Level.MAJOR])
def test_a_grave_case_is_filed_with_its_report_and_a_repeat_with_its_cause(level: Level) -> None:
    """T28; A046, A134."""
    story = complaint().goes_to(State.CALLBACK_DONE, level=level, flags=frozenset({Flag.REPEAT}))
    assert refused(story, commands.Archive(case_report="报告"), Role.MGR) == "no_root_cause"
    assert refused(story, commands.Archive(root_cause="流程缺口"), Role.MGR) == "no_case_report"
    story.does(commands.Archive(root_cause="流程缺口", case_report="报告"), Role.MGR)
    assert (story.complaint.case.root_cause, story.complaint.case.report) == ("流程缺口", True)


def test_what_was_done_before_its_approval_is_still_approved() -> None:
    """A061: acting first is on record, and the case is not filed until somebody has signed for it."""
    story = complaint().goes_to(State.INVESTIGATING)
    story.does(commands.ActFirst(action="先垫付"))
    assert story.complaint.case.unpaid_approval
    story.goes_to(State.APPROVED)
    assert not story.complaint.case.unpaid_approval
    refused(story, commands.ActFirst(action="又垫付"), error=Conflict)


@pytest.mark.parametrize("state", [State.REGISTERED, State.INVESTIGATING, State.CONCLUDED, State.REPLIED])
def test_a_withdrawn_case_ends_the_same_day(state: State) -> None:
    """T29; law 15: the request is on record, every clock stops, and it can be filed (A112)."""
    story = complaint().goes_to(state)
    refused(story, commands.Withdraw(request="不投诉了"), Role.CP, error=Forbidden)
    event = story.does(commands.Withdraw(request="不投诉了"), Role.CUS)
    assert (event.private["request"], story.complaint.case.result) == ("不投诉了", Result.WITHDRAWN)
    assert (story.complaint.state, story.heard()) == (State.WITHDRAWN, {("customer", "WITHDRAWN")})
    owed = {ClockName.EXECUTION} if state is State.REPLIED else set()  # what was promised is done all the same
    assert {name for name, clock in story.complaint.clocks.items() if clock.runs} == owed
    if owed:
        story.does(proof(story))
    story.does(commands.Archive(), Role.MGR)


@pytest.mark.parametrize(("adopted", "result"), [(True, Result.ADOPTED), (False, Result.NOT_ADOPTED)])
def test_a_suggestion_is_decided_by_a_leader_and_answered(adopted: bool, result: Result) -> None:
    """T30; A019."""
    assert refused(complaint(), commands.AssessSuggestion(to="uh"), Role.MGR) == "no_suggestion"
    story = complaint(kind=Kind.SUGGESTION)
    story.does(commands.AssessSuggestion(to="uh"), Role.MGR)
    assert (story.complaint.state, story.complaint.case.handler) == (State.SUGGESTION_REVIEW, "uh")
    assert runs(story, ClockName.TRIAGE, ClockName.RESOLVE) == [False, True]
    decide = commands.DecideSuggestion(adopted=adopted, reason="预算内", live_on=date(2027, 1, 4))
    refused(story, decide, Role.MGR, error=Forbidden)
    story.does(decide, Role.UH)
    assert (story.complaint.state, story.complaint.case.result) == (State.CLOSED, result)
    assert story.heard() == {("customer", "SUGGESTION_REPLY")}
    assert not any(clock.runs for clock in story.complaint.clocks.values())
    story.does(commands.Archive(), Role.MGR)


def test_a_level_changes_with_a_reason_and_no_two_alike() -> None:
    """T31; A053: 消保部 hears of a case that becomes major, each time it does."""
    story = complaint().goes_to(State.INVESTIGATING)
    change = commands.Regrade(level=Level.GENERAL, flags=frozenset(), reason="?")
    assert refused(story, change, Role.MGR) == "no_change"
    refused(story, replace(change, level=Level.IMPORTANT), Role.HND, error=Forbidden)
    for _ in range(2):
        story.does(replace(change, level=Level.MAJOR, flags=frozenset({Flag.LEGAL_THREAT})), Role.MGR)
        assert {("cp", "RED_ALERT"), ("exe", "RED_ALERT")} <= story.heard()
        assert runs(story, ClockName.PRELIM_PLAN, ClockName.DAILY) == [True, True]
        assert story.complaint.case.legal_hold
        story.does(change, Role.MGR)
        assert runs(story, ClockName.PRELIM_PLAN, ClockName.DAILY) == [False, False]
    story.does(replace(change, level=Level.IMPORTANT, flags=frozenset({Flag.CLUSTER})), Role.MGR)
    assert {("mgr", "CLUSTER_ALERT"), ("cp", "CLUSTER_ALERT"), ("pr", "CLUSTER_ALERT")} <= story.heard()


def test_a_regulators_case_is_not_filed_before_its_report_was_sent() -> None:
    """T32; A132: it has its own date, which no other ending of the case takes away."""
    story = complaint()
    refer = commands.RecordReferral(reference="金监函1号", body="监管局", due=date(2026, 12, 4))
    story.does(refer, Role.RL)
    assert Flag.REGULATOR_REFERRAL in story.complaint.case.flags
    assert story.ends(ClockName.REFERRAL) == "12-04 23:59"
    story.does(commands.Withdraw(request="不投诉了"), Role.CUS)
    assert runs(story, ClockName.REFERRAL, ClockName.LEGAL) == [True, False]
    assert refused(story, commands.Archive(), Role.MGR) == "no_report"
    refused(story, commands.ReportReferral(report="已结"), Role.MGR, error=Forbidden)
    story.does(commands.ReportReferral(report="已结"), Role.RL)
    assert runs(story, ClockName.REFERRAL) == [False]
    assert refused(story, commands.ReportReferral(report="已结"), Role.RL) == "no_referral"
    story.does(commands.Archive(), Role.MGR)


def test_a_second_referral_is_reported_as_well() -> None:
    """T32; A132."""
    story = answered()
    for reference in ("一", "二"):
        story.does(commands.RecordReferral(reference=reference, body="监管局", due=date(2026, 12, 4)), Role.RL)
        assert not story.complaint.case.referral_reported
        story.does(commands.ReportReferral(report="已结"), Role.RL)


def test_new_facts_open_a_filed_case_again_with_the_agreement_of_a_second_person() -> None:
    """T33; law 18: its limits are counted anew, another person checks, and it is answered again before it is filed."""
    story = complaint().goes_to(State.ARCHIVED)
    story.now += timedelta(days=30)
    again = commands.Reopen(new_facts="新录音", agreed_by="cp")
    assert refused(story, replace(again, agreed_by="mgr"), Role.MGR) == "one_person"
    refused(story, again, Role.CP, error=Forbidden)
    story.does(again, Role.MGR)
    assert (story.complaint.state, story.complaint.case.replied_at) == (State.REOPENED, None)
    assert runs(story, ClockName.LEGAL, ClockName.PROMISED) == [True, True]
    assert story.complaint.legal_at is not None
    assert story.complaint.legal_at > story.now
    assert ("customer", "LOOKING_AGAIN") in story.heard()
    begin = commands.Investigate(direction="?", next_contact_at=story.now + timedelta(days=1))
    assert refused(story, begin) == "same_checker"


@pytest.mark.parametrize("kind", [Kind.INQUIRY, Kind.SUGGESTION])
def test_a_filed_question_is_opened_again_as_well(kind: Kind) -> None:
    """T33: its date is that of its own kind."""
    story = complaint(kind=kind)
    story.does(commands.AnswerAtOnce(answer="是"), Role.REP)
    story.does(commands.Archive(), Role.MGR)
    story.does(commands.Reopen(new_facts="不对", agreed_by="cp"), Role.MGR)
    assert ("mgr", "DEADLINE") in story.heard()


def test_the_first_owner_stays_and_a_new_owner_agrees() -> None:
    """A023: a hand-over has a reason and the new owner's acceptance."""
    story = complaint()
    story.does(grading(), Role.MGR, by="first")
    over = commands.HandOver(to="second", reason="休假", agreed=True)
    assert refused(story, replace(over, agreed=False), Role.REP) == "not_agreed"
    assert refused(story, replace(over, to="first"), Role.REP) == "no_change"
    story.does(over, Role.REP)
    assert (story.complaint.case.first_owner, story.complaint.case.current_owner) == ("first", "second")
    assert story.complaint.state is State.TRIAGED
