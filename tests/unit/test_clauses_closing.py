"""Answer, objection, callback and filing: what the rule books ask of them, told over the pure rules."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta

import pytest
from pydantic import ValidationError

from gateway.errors import Conflict, Invalid
from gateway.model import ClockName, Flag, Level, Role, State
from gateway.rules import commands, lifecycle, transitions
from tests.stories import Story, complaint, conclusion, stack

N = ClockName


ELSEWHERE = {
    commands.EndAppraisal,  # back to where the pause began, which was reached before
    commands.EndMediation,
    commands.Regrade,  # stays, or goes back from the approval to the conclusion
    commands.AssessSuggestion,
    commands.DecideSuggestion,
    commands.AnswerAtOnce,  # its answer is its outcome
    commands.Withdraw,
}
"""Commands that are no step of a complaint that is worked on, or lead to no new place."""


def reachable(start: State, *, without: Collection[type]) -> set[State]:
    """Return every state a complaint can come to by the table, when these commands are never given."""
    left_out = ELSEWHERE | set(without)
    reached, ahead = set[State](), {start}
    while ahead:
        state = ahead.pop()
        reached.add(state)
        for row in transitions.TABLE:
            if state in row.sources and row.target and row.command not in left_out:
                targets = {row.target} if isinstance(row.target, State) else set(transitions.MAY_LEAD_TO[row.target])
                ahead |= targets - reached
    return reached


@pytest.mark.parametrize(
    "step",
    [
        commands.Grade,
        commands.Dispatch,
        commands.Accept,
        commands.Investigate,
        commands.Conclude,
        commands.Approve,
        commands.Reply,
        commands.Archive,
    ],
)
def test_no_complaint_is_filed_that_left_out_a_step(step: type) -> None:
    """A107, A109: 受理-分类-分派-处理-反馈-归档; without any one of the steps the end cannot be come to."""
    assert State.ARCHIVED in reachable(State.REGISTERED, without=())
    assert State.ARCHIVED not in reachable(State.REGISTERED, without=[step])


def test_a_solved_complaint_is_filed_after_its_callback() -> None:
    """A108, A109: 受理→调查→解决→回访; only a review by the superior ends it another way."""
    assert State.RESOLVED not in reachable(State.REGISTERED, without=[commands.Conclude])
    assert State.ARCHIVED in reachable(State.RESOLVED, without=())
    left_out = [commands.RecordCallback, commands.RequestReview]
    assert not reachable(State.RESOLVED, without=left_out) & {State.CLOSED, State.ARCHIVED}


def test_the_customer_hears_what_will_be_checked_and_later_what_came_of_it() -> None:
    """A100: both stand in the timeline of every case that is filed."""
    story = complaint().goes_to(State.INVESTIGATING)
    assert story.told[0].details["progress"] == "查扣款流水"
    story.goes_to(State.REPLIED)
    assert ("customer", "OUTCOME_UPHELD") in story.heard()
    for step in (commands.Investigate, commands.Reply):
        assert not reachable(State.REGISTERED, without=[step]) & {State.CLOSED, State.ARCHIVED}
    kinds = [event.kind for event in story.goes_to(State.ARCHIVED).events]
    assert kinds.index("investigation_begun") < kinds.index("replied") < kinds.index("archived")


def test_resolved_means_confirmed_with_how_when_and_what_proof() -> None:
    """A105: no other command leads there, and none of the three can be left empty."""
    into = [row.command for row in transitions.TABLE if row.target is State.RESOLVED]
    assert into == [commands.Confirm]
    good = {"how": "reply", "confirmed_at": "2026-11-24T02:00:00Z", "evidence": "m2"}
    assert commands.read(commands.Confirm, good)
    for gap in ({"how": " "}, {"confirmed_at": None}, {"evidence": ""}):
        with pytest.raises(ValidationError):
            commands.read(commands.Confirm, good | gap)
    story = complaint().goes_to(State.REPLIED)
    tomorrow = commands.Confirm(how="reply", confirmed_at=story.now + timedelta(days=1), evidence="m2")
    with pytest.raises(Invalid):
        story.does(tomorrow, Role.CUS)
    story.goes_to(State.RESOLVED)
    confirmed = story.events[-1]
    assert (confirmed.private["how"], confirmed.private["evidence"]) == ("reply", "m2")
    assert story.heard() == {("customer", "SURVEY")}


def test_no_case_is_filed_whose_customer_was_not_told_the_outcome() -> None:
    """A112: an outcome that has not left ends nothing; calls on three days in vain are the proof that it could not."""
    story = complaint().goes_to(State.REPLIED)
    in_vain = commands.RecordCall(reached=False, proof="录音 1")
    for _ in range(2):
        story.passes(days=7)
        story.does(in_vain, Role.REP)
        assert N.CONFIRM not in story.complaint.clocks  # nobody has been asked yet
        with pytest.raises(Invalid, match="still has time"):
            story.does(commands.CloseUnanswered(), Role.SYS)
        with pytest.raises(Conflict, match="archive is not possible while the complaint is replied"):
            story.does(commands.Archive(), Role.MGR)
    story.passes(days=1)
    story.does(in_vain, Role.REP)
    for _ in range(2):
        story.passes(days=7)
    story.does(commands.CloseUnanswered(), Role.SYS)
    story.does(commands.ProveExecution(evidence="e1", executed_at=story.now))
    story.does(commands.Archive(), Role.MGR)


def test_a_case_its_customer_withdrew_is_filed_without_an_outcome() -> None:
    """A112, law 15."""
    story = complaint().goes_to(State.INVESTIGATING)
    story.does(commands.Withdraw(request="不投诉了"), Role.CUS)
    assert story.heard() == {("customer", "WITHDRAWN")}
    story.does(commands.Archive(), Role.MGR)


def objects_twice(story: Story) -> None:
    """Let the customer refuse an outcome, another person check again and answer, and the customer refuse once more."""
    story.outcome_leaves()
    story.does(commands.Object(reason="金额不对"), Role.CUS)
    look = commands.Investigate(direction="再查一次", next_contact_at=story.now + timedelta(days=1))
    with pytest.raises(Invalid, match="another person"):
        story.does(look)
    story.does(look, by="second")
    story.does(conclusion(), by="second")
    story.does(commands.Approve(), Role.UH)
    story.does(commands.Reply(), by="second")
    story.outcome_leaves()
    story.does(commands.Object(), Role.CUS)


def test_who_does_not_accept_is_looked_at_again_by_another_and_then_escalated() -> None:
    """A106: with a new date each time; the second objection goes up."""
    story = complaint().goes_to(State.REPLIED)
    story.outcome_leaves()
    story.does(commands.Object(reason="金额不对"), Role.CUS)
    assert (story.complaint.state, story.ends(N.PROMISED)) == (State.REOPENED, "11-25 23:59")
    assert ("customer", "LOOKING_AGAIN") in story.heard()
    with pytest.raises(Invalid, match="after a second objection"):
        story.does(commands.Escalate(reason="不满意"), Role.MGR)

    twice = complaint().goes_to(State.REPLIED)
    objects_twice(twice)
    assert twice.complaint.state is State.UNSATISFIED
    twice.does(commands.Escalate(reason="再次不认可"), Role.MGR)
    assert twice.complaint.state is State.ESCALATED
    assert twice.heard() == {("uh", "DEADLINE"), ("exe", "DEADLINE")}


def test_what_a_callback_finds_unsolved_is_assessed_again_escalated_and_can_be_mediated() -> None:
    """A121: N22 offers it; that time does not count, and only with the customer's agreement."""
    story = complaint().goes_to(State.RESOLVED)
    story.does(commands.ProveExecution(evidence="e1", executed_at=story.now))
    story.passes(days=1)
    story.does(commands.RecordCallback(solved=False, scores={"overall": 1}), Role.CB)
    assert story.complaint.state is State.REOPENED

    twice = complaint().goes_to(State.REPLIED)
    objects_twice(twice)
    twice.does(commands.Escalate(reason="再次不认可"), Role.MGR)
    twice.does(commands.OfferMediation(body="金融纠纷调解中心"), Role.UH)
    assert twice.heard() == {("customer", "MEDIATION_OFFER")}
    with pytest.raises(Invalid, match="has to agree"):
        twice.does(commands.StartMediation(body="金融纠纷调解中心", customer_agreed=False), Role.UH)
    twice.does(commands.StartMediation(body="金融纠纷调解中心", customer_agreed=True), Role.UH)
    assert twice.complaint.state is State.MEDIATION
    assert not twice.clock(N.LEGAL).runs


def test_the_customer_is_asked_and_what_they_say_is_kept() -> None:
    """A111: with the survey after a confirmation, and with the one reminder where nothing was said."""
    story = complaint().goes_to(State.RESOLVED)
    assert story.heard() == {("customer", "SURVEY")}
    story.does(commands.Score(scores={"overall": 4}), Role.CUS)
    assert story.complaint.case.scores == {"overall": 4}

    silent = complaint().goes_to(State.REPLIED)
    silent.outcome_leaves()
    asked = [one for one in silent.until("2026-11-30 00:00") if one.to == "customer"]
    assert [one.kind.name for one in asked] == ["SURVEY"]
    silent.does(commands.Object(reason="金额不对"), Role.CUS)
    assert silent.events[-1].private["reason"] == "金额不对"


@pytest.mark.parametrize(
    ("target", "opens", "closes"), [("cn.fin-process", 24, "11-26"), ("cn.bank-manual", 26, "12-02")]
)
def test_the_callback_has_its_window_after_the_measures_were_carried_out(target: str, opens: int, closes: str) -> None:
    """A115: one to three working days; A116: three to seven with the manual as target. Not before, and not missed."""
    fills = [name for name in ("cn.fin-process", "cn.corp-3wd", "huiyin.defaults") if name != target]
    story = complaint(policy=stack(target, *fills)).goes_to(State.RESOLVED)
    called = commands.RecordCallback(solved=True, scores={"overall": 5})
    with pytest.raises(Invalid, match="proof that it was done"):
        story.does(called, Role.CB)
    story.does(commands.ProveExecution(evidence="e1", executed_at=story.now))
    assert story.ends(N.CALLBACK) == f"{closes} 23:59"
    story.until(f"2026-11-{opens - 1} 23:59")
    with pytest.raises(Invalid, match="has not opened"):
        story.does(called, Role.CB)
    told = story.until(f"2026-{closes} 23:59:59")
    assert {one.to for one in told if one.details.get("clock") == N.CALLBACK} == {"cb"}
    story.does(called, Role.CB)
    assert story.complaint.state is State.CALLBACK_DONE


def test_what_was_said_in_a_callback_is_answered_in_writing_within_ten_working_days() -> None:
    """A118: N37 stops the clock; without remarks there is none."""
    story = complaint().goes_to(State.RESOLVED)
    story.does(commands.ProveExecution(evidence="e1", executed_at=story.now))
    story.passes(days=1)
    story.does(commands.RecordCallback(solved=True, scores={}, remarks="排队太久"), Role.CB)
    assert story.ends(N.FEEDBACK) == "12-08 23:59"
    told = story.until("2026-12-09 00:00")
    assert {one.to for one in told if one.details.get("clock") == N.FEEDBACK} == {"cb"}
    story.does(commands.GiveFeedback(text="已加一个窗口"), Role.CB)
    assert [(one.to, one.kind.name, one.details["feedback"]) for one in story.told] == [
        ("customer", "CALLBACK_FEEDBACK", "已加一个窗口")
    ]
    assert not story.clock(N.FEEDBACK).runs
    assert N.FEEDBACK not in complaint().goes_to(State.CALLBACK_DONE).complaint.clocks


@pytest.mark.parametrize("wrong", [{"speed": 3}, {"quality": 0}, {"quality": 6}])
def test_four_sides_are_scored_with_free_words(wrong: dict[str, int]) -> None:
    """A122: efficiency, quality, attitude and process, 1 to 5."""
    story = complaint().goes_to(State.RESOLVED)
    story.does(commands.ProveExecution(evidence="e1", executed_at=story.now))
    story.passes(days=1)
    with pytest.raises(Invalid, match="scores are 1 to 5"):
        story.does(commands.RecordCallback(solved=True, scores=wrong), Role.CB)
    scores = {"efficiency": 5, "quality": 4, "attitude": 1, "process": 3}
    story.does(commands.RecordCallback(solved=True, scores=scores, remarks="排队太久"), Role.CB)
    assert story.complaint.case.scores == scores
    assert story.events[-1].private["remarks"] == "排队太久"


def test_what_the_regulator_referred_has_its_own_date_and_is_reported_before_it_is_filed() -> None:
    """A132: counted down for 监管联络人, whatever the customer's own dates are."""
    story = complaint().goes_to(State.INVESTIGATING)
    referred = commands.RecordReferral(reference="金监〔2026〕123", body="金融监管局", due=date(2026, 12, 3))
    story.does(referred, Role.RL)
    assert story.ends(N.REFERRAL) == "12-03 23:59"
    assert Flag.REGULATOR_REFERRAL in story.complaint.case.flags
    for left, day in ((5, "11-29"), (3, "12-01"), (1, "12-03")):
        told = story.until(f"2026-{day} 00:00")
        assert "rl" in {one.to for one in told if one.details.get("clock") == N.REFERRAL}, left
    story.goes_to(State.CALLBACK_DONE)
    with pytest.raises(Invalid, match="referring body has to be told first"):
        story.does(commands.Archive(), Role.MGR)
    story.does(commands.ReportReferral(report="已办结"), Role.RL)
    assert not story.clock(N.REFERRAL).runs
    story.goes_to(State.ARCHIVED)


@pytest.mark.parametrize(("level", "owed"), [(Level.GENERAL, False), (Level.IMPORTANT, True), (Level.MAJOR, True)])
def test_a_major_or_important_complaint_is_not_filed_without_its_case_report(level: Level, owed: bool) -> None:
    """A134."""
    story = complaint().goes_to(State.CALLBACK_DONE, level=level)
    if owed:
        with pytest.raises(Invalid, match="needs its case report"):
            story.does(commands.Archive(root_cause="流程缺口"), Role.MGR)
    story.does(commands.Archive(root_cause="流程缺口", case_report="分析" if owed else ""), Role.MGR)
    assert (story.complaint.case.root_cause, story.complaint.case.report) == ("流程缺口", owed)


def test_the_number_never_changes_whatever_happens() -> None:
    """A029: also when it was filed and opened again."""
    story = complaint().goes_to(State.ARCHIVED)
    story.does(commands.Reopen(new_facts="新的流水", agreed_by="cp"), Role.MGR)
    numbers = {
        found.number for n in range(1, len(story.events) + 1) if (found := lifecycle.fold("c1", story.events[:n]))
    }
    assert numbers == {story.complaint.number}
    with pytest.raises(Conflict):
        story.does(commands.Reply())
