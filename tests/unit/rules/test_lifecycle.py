"""From the arrival to the checking, row by row: T1 to T15 of C.2, with who may, what is refused, and where to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from gateway.errors import Conflict, Forbidden
from gateway.model import (
    SYSTEM,
    ClockName,
    Event,
    EventKind,
    Flag,
    Kind,
    Level,
    Result,
    Role,
    State,
)
from gateway.rules import commands, lifecycle
from gateway.rules.situation import Situation
from tests.refusals import refused, runs
from tests.stories import Story, book, complaint, grading


def test_registering_opens_a_complaint_with_everything_it_was_given() -> None:
    """T1, T2: received and registered are one step; the register's clock has stopped, the others run."""
    story = complaint()
    opened = story.complaint
    assert (opened.state, opened.number, opened.name) == (State.REGISTERED, "TS-261123-000123-V", "李四")
    assert (opened.received_at, opened.registered_at, opened.needs_review) == (story.now, story.now, True)
    assert runs(story, ClockName.REGISTER, ClockName.TRIAGE, ClockName.LEGAL) == [False, True, True]
    assert story.heard() == {("customer", "ACKNOWLEDGEMENT")}
    assert "李四" not in str(story.events[0].public)


def test_a_complaint_is_registered_once_and_before_anything_else() -> None:
    """T2: a timeline begins with its opening."""
    story = complaint()
    situation = Situation(actor=SYSTEM, now=story.now, policy=story.policy, calendar=book().calendar)
    register = commands.Register(
        **{name: getattr(story.complaint, name) for name in ("number", "kind", "level", "needs_review", "channel")},
        **{name: getattr(story.complaint, name) for name in ("source", "language", "received_at", "promised_at")},
        **{name: getattr(story.complaint, name) for name in ("legal_at", "policy", "name", "clocks")},
        message_id="m1",
    )
    with pytest.raises(Conflict):
        lifecycle.decide(story.complaint, register, situation)
    with pytest.raises(Conflict):
        lifecycle.decide(None, commands.Supplement(message_id="m2"), situation)
    with pytest.raises(Conflict):
        lifecycle.evolve(None, "c1", Event(kind=EventKind.SUPPLEMENTED, public={"message_id": "m2"}))
    assert lifecycle.fold("c1", []) is None


def test_a_suggestion_stands_outside_the_laws_clock() -> None:
    """T2; law 2."""
    assert complaint(kind=Kind.SUGGESTION).complaint.legal_at is None


@pytest.mark.parametrize("kind", [Kind.INQUIRY, Kind.SUGGESTION, Kind.COMPLAINT])
def test_a_simple_question_is_answered_at_once_and_filed_without_dispatch(kind: Kind) -> None:
    """T3; A017: registered, answered, archived; the answer is on record, every clock has stopped."""
    story = complaint(kind=kind)
    if kind is Kind.COMPLAINT:
        story.does(grading(), Role.MGR)  # of a complaint a person has seen that it is a simple one
    event = story.does(commands.AnswerAtOnce(answer="周六上午营业"), Role.REP)
    assert event.private["answer"] == "周六上午营业"
    assert story.heard() == {("customer", "INQUIRY_ANSWER" if kind is Kind.INQUIRY else "ANSWER")}
    assert not any(clock.runs for clock in story.complaint.clocks.values())
    story.does(commands.Archive(), Role.MGR)
    assert story.complaint.state is State.ARCHIVED


def test_an_answer_at_once_needs_words_and_a_simple_matter() -> None:
    """T3; A017: the text is mandatory; an important complaint is worked on, and so is what was acted on first."""
    with pytest.raises(ValidationError):
        commands.read(commands.AnswerAtOnce, {"answer": "  "})
    answer = commands.AnswerAtOnce(answer="好")
    assert refused(complaint().goes_to(State.TRIAGED, level=Level.IMPORTANT), answer, Role.REP) == "needs_dispatch"
    story = complaint()
    story.does(commands.ActFirst(action="先挂失"), Role.REP)
    assert refused(story, answer, Role.REP) == "approval_owed"


def test_a_second_complaint_about_the_same_matter_joins_the_first() -> None:
    """T4; law 18: it ends there, and new facts count the first one's limits anew."""
    story = complaint()
    refused(story, commands.Merge(into="TS-1"), Role.HND, error=Forbidden)
    story.does(commands.Merge(into="TS-1"), Role.MGR)
    assert (story.complaint.state, story.complaint.case.merged_into) == (State.MERGED, "TS-1")
    assert not any(clock.runs for clock in story.complaint.clocks.values())
    main = complaint().goes_to(State.INVESTIGATING)
    refused(main, commands.TakeIn(merged="TS-2", new_facts=True), Role.MGR, error=Forbidden)
    legal_at = main.complaint.legal_at
    main.does(commands.TakeIn(merged="TS-2", new_facts=False), Role.SYS)
    assert main.complaint.legal_at == legal_at
    main.passes(days=2)
    main.does(commands.TakeIn(merged="TS-2", new_facts=True), Role.SYS)
    assert main.complaint.legal_at == legal_at + timedelta(days=2)
    assert main.heard() == {("customer", "MERGED")}


@pytest.mark.parametrize(
    ("command", "state"),
    [(commands.Decline, State.NOT_HANDLED), (commands.TransferOut, State.TRANSFERRED_OUT)],
)
def test_what_is_not_for_the_bank_ends_with_the_reason_and_who_can_help(command: type[Any], state: State) -> None:
    """T5; law 18(4): 法务合规 agrees, and hears that they are named for it."""
    story = complaint()
    no = command(reason="不是本人提出", who_can_help="消费者协会", agreed_by="leg")
    refused(story, no, Role.REP, error=Forbidden)
    assert refused(story, replace(no, agreed_by="mgr"), Role.MGR) == "one_person"
    story.does(no, Role.MGR)
    assert story.complaint.state is state
    assert story.heard() == {("customer", "NOT_FOR_US"), ("staff:leg", "DEADLINE")}
    assert story.complaint.case.result is Result.NOT_HANDLED
    assert not any(clock.runs for clock in story.complaint.clocks.values())


def test_a_person_confirms_the_grading_and_says_why_it_differs() -> None:
    """T6; A038, A049: by 客户意见管理岗 alone, within an hour, recorded with who and why."""
    story = complaint()
    assert story.ends(ClockName.TRIAGE) == "11-23 11:15"
    refused(story, grading(), Role.SYS, error=Forbidden)
    refused(story, grading(), Role.HND, error=Forbidden)
    assert refused(story, grading(level=Level.IMPORTANT, reason=""), Role.MGR) == "needs_reason"
    event = story.does(grading(level=Level.IMPORTANT, flags=frozenset({Flag.LEGAL_THREAT})), Role.MGR)
    assert (event.public["by"], event.private["reason"]) == ("mgr", "看过")
    case = story.complaint.case
    assert (story.complaint.state, story.complaint.needs_review, case.graded_by) == (State.TRIAGED, False, "mgr")
    assert case.legal_hold  # what may come to court is kept
    assert runs(story, ClockName.TRIAGE) == [False]
    same = complaint()
    same.does(grading(reason=""), Role.MGR)  # as suggested: nothing to explain
    assert same.complaint.state is State.TRIAGED


@pytest.mark.parametrize("suggested", [Level.GENERAL, Level.MAJOR])
def test_a_major_case_raises_the_red_alert_whoever_suggested_it(suggested: Level) -> None:
    """T6; A053, A066: to 消保部 and 分管行领导 at the same time; a plan is due in one working day."""
    story = complaint()
    story.complaint = replace(story.complaint, level=suggested)
    story.does(grading(level=Level.MAJOR), Role.MGR)
    assert {("cp", "RED_ALERT"), ("exe", "RED_ALERT")} <= story.heard()
    assert story.complaint.case.red_alert
    assert runs(story, ClockName.PRELIM_PLAN, ClockName.DAILY) == [True, True]
    assert story.ends(ClockName.PRELIM_PLAN) == "11-24 23:59"


def test_a_graded_case_goes_to_one_unit_and_one_impartial_handler() -> None:
    """T7; law 17: nobody handles or leads what they are the subject of."""
    story = complaint().goes_to(State.TRIAGED, staff_involved=("hnd",))
    assert refused(story, commands.Dispatch(unit="cards", handler="hnd"), Role.SYS) == "partial"
    assert refused(story, commands.Dispatch(unit="cards", handler="h2", lead="hnd"), Role.SYS) == "partial"
    refused(story, commands.Dispatch(unit="cards", handler="h2"), Role.HND, error=Forbidden)
    story.does(commands.Dispatch(unit="cards", handler="h2"), Role.SYS)
    assert (story.complaint.state, story.complaint.case.unit, story.complaint.case.handler) == (
        State.DISPATCHED,
        "cards",
        "h2",
    )
    assert {("hnd", "DISPATCH"), ("liaison", "DISPATCH")} <= story.heard()


def test_a_major_case_is_led_from_above() -> None:
    """T7: also when it becomes major after its dispatch."""
    story = complaint().goes_to(State.TRIAGED, level=Level.MAJOR)
    assert refused(story, commands.Dispatch(unit="cards", handler="hnd"), Role.MGR) == "needs_lead"
    story.does(commands.Dispatch(unit="cards", handler="hnd", lead="exe"), Role.MGR)
    assert story.complaint.case.lead == "exe"
    raised = complaint().goes_to(State.TRIAGED)
    raised.does(commands.Dispatch(unit="cards", handler="hnd"), Role.MGR)
    major: dict[str, Any] = {"level": Level.MAJOR, "flags": frozenset(), "reason": "媒体来电"}
    assert refused(raised, commands.Regrade(**major), Role.MGR) == "needs_lead"
    raised.does(commands.Regrade(**major, lead="exe"), Role.MGR)
    assert (raised.complaint.case.lead, raised.complaint.state) == ("exe", State.DISPATCHED)


def test_who_turns_out_to_be_whom_a_major_case_is_about_does_not_go_on_leading_it() -> None:
    """T31, A058; law 17: somebody else is named with them, and they are named for nothing by the same step."""
    story = complaint().goes_to(State.DISPATCHED, level=Level.MAJOR)
    found: dict[str, Any] = {"level": Level.MAJOR, "flags": frozenset(), "reason": "录音", "staff_involved": ("exe",)}
    assert refused(story, commands.Regrade(**found), Role.MGR) == "needs_lead"
    assert refused(story, commands.Regrade(**found, lead="exe"), Role.MGR) == "partial"
    story.does(commands.Regrade(**found, lead="boss"), Role.MGR)
    assert (story.complaint.case.lead, story.complaint.case.staff_involved) == ("boss", ("exe",))
    assert ("cp", "DEADLINE") not in story.heard()
    story.does(commands.Regrade(**(found | {"level": Level.GENERAL, "staff_involved": ("h2",)})), Role.MGR)
    assert story.complaint.case.staff_involved == ("exe", "h2")
    assert ("cp", "DEADLINE") in story.heard()  # A053: 消保部 hears of a downgrade


def test_only_the_named_handler_accepts() -> None:
    """T8: accepting stops the half hour."""
    story = complaint().goes_to(State.DISPATCHED)
    assert runs(story, ClockName.ACCEPT) == [True]
    assert refused(story, commands.Accept(), Role.HND, by="h2") == "not_yours"
    refused(story, commands.Accept(), Role.UH, error=Forbidden)
    story.does(commands.Accept())
    assert (story.complaint.state, runs(story, ClockName.ACCEPT)) == (State.ACCEPTED, [False])


def test_sending_it_elsewhere_starts_the_half_hour_again_and_moves_no_date() -> None:
    """T9: every time is counted."""
    story = complaint().goes_to(State.ACCEPTED)
    promised, legal = story.complaint.promised_at, story.complaint.legal_at
    story.passes(hours=5)
    away = commands.Reroute(unit="it", handler="h2", reason="系统问题")
    refused(story, away, Role.HND, error=Forbidden)
    story.does(away, Role.MGR)
    assert (story.complaint.state, story.complaint.case.unit) == (State.DISPATCHED, "it")
    assert story.clock(ClockName.ACCEPT).due_at == story.now + timedelta(minutes=30)
    assert (story.complaint.promised_at, story.complaint.legal_at) == (promised, legal)
    story.does(commands.Reroute(unit="cards", handler="hnd", reason="退回"), Role.MGR)
    assert story.complaint.case.reroutes == 2


def asked(story: Story) -> None:
    story.does(commands.AskCustomer(items=("小票",), way="邮件", bank_has_none=True))


def called_together(story: Story) -> None:
    meeting_at = story.now + timedelta(hours=2)
    story.does(commands.Coordinate(units=("it",), question="是否重复记账", meeting_at=meeting_at))


def sent_back(story: Story) -> None:
    story.goes_to(State.CONCLUDED, level=Level.MAJOR).does(commands.Approve(), Role.CP)
    story.does(commands.SendBack(missing="流水", until=date(2026, 11, 25)), Role.UH)


@pytest.mark.parametrize(
    "comes_to",
    [
        lambda story: story.goes_to(State.ACCEPTED),
        lambda story: asked(story.goes_to(State.INVESTIGATING)),
        lambda story: called_together(story.goes_to(State.INVESTIGATING)),
        lambda story: story.goes_to(State.CONCLUDED, level=Level.MAJOR).does(commands.Approve(), Role.CP),
        sent_back,
    ],
    ids=["accepted", "need_info", "coordinating", "half signed", "rework"],
)
def test_whoever_falls_ill_is_replaced_and_nothing_they_began_stays(comes_to: Callable[[Story], Any]) -> None:
    """T9; A076: nobody waits for a meeting, an answer or a second signature of the work of somebody else."""
    story = complaint()
    comes_to(story)
    story.does(commands.Reroute(unit="risk", handler="h2", reason="经办人住院"), Role.MGR)
    case = story.complaint.case
    assert (story.complaint.state, case.unit, case.handler, case.approver) == (State.DISPATCHED, "risk", "h2", "")
    assert (case.assist_units, case.approvals) == ((), ())
    assert runs(story, ClockName.MEETING, ClockName.ASSIST, ClockName.ACCEPT) == [False, False, True]
    assert ("hnd", "DISPATCH") in story.heard()
    story.does(commands.Accept(), by="h2")


@pytest.mark.parametrize("state", [State.REOPENED, State.ESCALATED])
def test_in_another_round_it_goes_to_nobody_who_checked_before(state: State) -> None:
    """T9; N13: the customer was promised another person; by T7 no less, where the unit gives it back."""
    story = complaint().goes_to(State.REPLIED)
    story.does(commands.Object(reason="没到账"), Role.REP)
    if state is State.ESCALATED:
        story.does(commands.Regrade(level=Level.MAJOR, flags=frozenset(), reason="媒体", lead="exe"), Role.MGR)
        story.does(commands.Escalate(reason="媒体"), Role.MGR)
    again = commands.Reroute(unit="cards", handler="hnd", reason="熟悉情况")
    assert refused(story, again, Role.MGR) == "same_checker"
    story.does(replace(again, handler="h2"), Role.MGR)
    story.does(commands.RefuseDispatch(reason="不属本单位"), by="h2")
    back = commands.Dispatch(unit="cards", handler="hnd", lead="exe")
    assert refused(story, back, Role.MGR) == "same_checker"
    story.does(replace(back, handler="h3"), Role.MGR)
    story.does(commands.Accept(), by="h3")
    story.does(commands.Investigate(direction="重新查", next_contact_at=story.now + timedelta(hours=1)), by="h3")
    assert story.complaint.case.rounds == 2


def test_what_is_answered_is_not_handed_to_another_handler() -> None:
    """T9."""
    story = complaint().goes_to(State.REPLIED)
    away = commands.Reroute(unit="it", handler="h2", reason="系统问题")
    refused(story, away, Role.MGR, error=Conflict)


def test_whoever_checks_tells_the_customer_in_which_direction_and_when_next() -> None:
    """T10: the first contact is made with it."""
    story = complaint().goes_to(State.ACCEPTED)
    tomorrow = story.now + timedelta(days=1)
    begin = commands.Investigate(direction="查流水", next_contact_at=tomorrow)
    assert refused(story, begin, Role.HND, by="h2") == "not_yours"
    assert refused(story, replace(begin, next_contact_at=story.now)) == "in_the_past"
    story.does(begin)
    assert (story.complaint.state, story.heard()) == (State.INVESTIGATING, {("customer", "FIRST_PROGRESS")})
    assert runs(story, ClockName.FIRST_CONTACT) == [False]


def test_the_customer_is_asked_only_for_what_the_bank_cannot_look_up() -> None:
    """T11; law 13: the clocks keep running meanwhile."""
    story = complaint().goes_to(State.INVESTIGATING)
    ask = commands.AskCustomer(items=("购物小票",), way="邮件", bank_has_none=True)
    assert refused(story, replace(ask, bank_has_none=False)) == "bank_has_it"
    assert refused(story, replace(ask, items=())) == "bank_has_it"
    running = {name for name, clock in story.complaint.clocks.items() if clock.runs}
    story.does(ask)
    assert (story.complaint.state, story.heard()) == (State.NEED_INFO, {("customer", "INFORMATION_REQUEST")})
    assert {name for name, clock in story.complaint.clocks.items() if clock.runs} == running
    assert story.complaint.case.contacted_at == story.now
    story.does(commands.Resume(), Role.SYS)  # what was asked for came
    assert story.complaint.state is State.INVESTIGATING


def test_other_departments_are_asked_meet_within_a_working_day_and_answer_within_24_hours() -> None:
    """T12; A056."""
    story = complaint().goes_to(State.INVESTIGATING)
    ask = commands.Coordinate(units=("it", "risk"), question="是否重复记账", meeting_at=story.now + timedelta(days=1))
    assert refused(story, replace(ask, units=())) == "nobody_asked"
    assert refused(story, replace(ask, meeting_at=story.now)) == "in_the_past"
    assert refused(story, replace(ask, meeting_at=story.now + timedelta(days=2))) == "too_late"
    story.does(ask)
    assert story.heard() == {("assist:it", "ASSIST"), ("assist:risk", "ASSIST")}
    assert (story.ends(ClockName.MEETING), story.ends(ClockName.ASSIST)) == ("11-24 23:59", "11-24 10:15")
    assert refused(story, commands.AnswerAssist(unit="branch", answer="没有"), Role.UH) == "not_asked"
    story.does(commands.AnswerAssist(unit="it", answer="是"), Role.UH)
    assert runs(story, ClockName.ASSIST) == [True]
    story.does(commands.AnswerAssist(unit="risk", answer="否"), Role.UH)
    assert (story.complaint.state, runs(story, ClockName.ASSIST)) == (State.COORDINATING, [False])
    story.does(commands.CloseCoordination(minutes="退款"))
    assert (story.complaint.state, runs(story, ClockName.MEETING)) == (State.INVESTIGATING, [False])
    story.does(replace(ask, units=("branch",), meeting_at=story.now + timedelta(hours=2)))
    story.does(commands.CloseCoordination(minutes="网点未答"))
    assert (story.complaint.case.assist_units, runs(story, ClockName.ASSIST)) == ((), [False])


@pytest.mark.parametrize("state", [State.INVESTIGATING, State.NEED_INFO, State.COORDINATING])
def test_an_appraisal_is_decided_by_two_and_leads_back_to_where_it_began(state: State) -> None:
    """T13; law 18(2): the unit's head with 法务合规; the customer hears of its start and its end."""
    story = complaint().goes_to(State.INVESTIGATING)
    if state is State.NEED_INFO:
        story.does(commands.AskCustomer(items=("小票",), way="邮件", bank_has_none=True))
    if state is State.COORDINATING:
        at = story.now + timedelta(hours=2)
        story.does(commands.Coordinate(units=("it",), question="?", meeting_at=at))
    start = commands.StartAppraisal(body="鉴定所", reason="笔迹", agreed_by="leg")
    refused(story, start, Role.HND, error=Forbidden)
    assert refused(story, replace(start, agreed_by="uh"), Role.UH) == "one_person"
    story.does(start, Role.UH)
    assert story.complaint.state is State.APPRAISAL
    assert story.heard() == {("customer", "CLOCK_PAUSED"), ("staff:leg", "DEADLINE")}
    assert runs(story, ClockName.LEGAL, ClockName.PROMISED) == [False, False]
    story.does(commands.EndAppraisal(report="是本人签字"), Role.LEG)
    assert (story.complaint.state, story.heard()) == (state, {("customer", "CLOCK_PAUSED")})
    assert story.complaint.case.resume is None


def test_mediation_needs_the_customers_consent() -> None:
    """T14, T22; law 23: it is offered first, and the law's clock stands still meanwhile."""
    story = complaint().goes_to(State.INVESTIGATING)
    story.does(commands.OfferMediation(body="金融纠纷调解中心"), Role.UH)
    assert story.heard() == {("customer", "MEDIATION_OFFER")}
    begin = commands.StartMediation(body="金融纠纷调解中心", customer_agreed=True)
    assert refused(story, replace(begin, customer_agreed=False), Role.UH) == "not_agreed"
    story.does(begin, Role.UH)
    assert (story.complaint.state, runs(story, ClockName.LEGAL)) == (State.MEDIATION, [False])
    story.does(commands.EndMediation(agreed=True, text="各让一步"), Role.UH)
    assert (story.complaint.state, runs(story, ClockName.LEGAL)) == (State.INVESTIGATING, [True])
    assert story.complaint.case.resume is None
