"""Kinds, grading, dispatch and roles: what the rule books ask of them, told over the pure rules."""

from __future__ import annotations

from functools import partial
from itertools import product

import pytest
from pydantic import ValidationError

from gateway.errors import Conflict, Forbidden, Invalid
from gateway.model import Actor, ClockName, Flag, Kind, Level, Nature, Product, Role, State
from gateway.rules import commands, transitions
from gateway.rules.access import check
from gateway.rules.routing import Directory
from tests import stories
from tests.stories import DIRECTORY, complaint, grading

ROLES_IN_TABLE = {
    role: {commands.name_of(row.command) for row in transitions.TABLE if role in row.roles} for role in Role
}


def test_each_kind_goes_its_own_way() -> None:
    """A005: a question is answered, a suggestion assessed, a complaint worked on, and none the way of another."""
    inquiry = complaint(kind=Kind.INQUIRY)
    inquiry.does(commands.AnswerAtOnce(answer="周一到周五9点到17点"), Role.REP)
    assert (inquiry.complaint.state, inquiry.heard()) == (State.ANSWERED, {("customer", "INQUIRY_ANSWER")})

    suggestion = complaint(kind=Kind.SUGGESTION)
    suggestion.does(commands.AssessSuggestion(to="uh"), Role.MGR)
    assert suggestion.complaint.state is State.SUGGESTION_REVIEW

    worked = complaint()
    with pytest.raises(Invalid, match="not a suggestion"):
        worked.does(commands.AssessSuggestion(to="uh"), Role.MGR)
    worked.goes_to(State.TRIAGED, level=Level.IMPORTANT)
    with pytest.raises(Invalid, match="only a question"):
        worked.does(commands.AnswerAtOnce(answer="已退"), Role.REP)
    assert worked.goes_to(State.DISPATCHED).complaint.case.unit == "cards"


def test_a_simple_question_is_answered_at_once_and_filed_without_a_dispatch() -> None:
    """A017: its answer is mandatory and on record."""
    with pytest.raises(ValidationError, match="answer"):
        commands.read(commands.AnswerAtOnce, {"answer": "  "})
    story = complaint(kind=Kind.INQUIRY)
    story.does(commands.AnswerAtOnce(answer="周一到周五9点到17点"), Role.REP)
    story.does(commands.Archive(), Role.MGR)
    assert story.complaint.state is State.ARCHIVED
    assert [event.kind for event in story.events] == ["opened", "answered", "archived"]
    assert story.events[1].private["answer"] == "周一到周五9点到17点"


@pytest.mark.parametrize(("adopted", "result"), [(True, "adopted"), (False, "not_adopted")])
def test_a_suggestion_is_assessed_decided_and_its_author_is_told(adopted: bool, result: str) -> None:
    """A019: registered with its date, given to who decides, adopted or not, N18."""
    story = complaint(kind=Kind.SUGGESTION)
    assert story.ends(ClockName.PROMISED) == "11-26 23:59"
    story.does(commands.AssessSuggestion(to="uh"), Role.MGR)
    story.does(commands.DecideSuggestion(adopted=adopted, reason="很多客户也提到"), Role.UH)
    assert (story.complaint.state, story.complaint.case.result) == (State.CLOSED, result)
    [reply] = story.told
    assert (reply.to, reply.kind.name, reply.details["adopted"]) == ("customer", "SUGGESTION_REPLY", adopted)


@pytest.mark.parametrize(
    ("level", "flags"), list(product(Level, [set(), {"urgent"}, {"repeat"}, {"urgent", "repeat"}]))
)
def test_a_level_and_what_else_a_case_is_are_kept_apart(level: Level, flags: set[str]) -> None:
    """A045, C4: 一般 and 重大 are levels, 重复 and 紧急 are flags that any level can have."""
    story = complaint().goes_to(State.TRIAGED, level=level, flags=frozenset(map(Flag, flags)))
    assert (story.complaint.level, story.complaint.case.flags) == (level, flags)


def test_a_person_grades_within_the_hour_and_only_then_is_it_dispatched() -> None:
    """A038: the hour is timed, who confirmed is on record, the machine's suggestion alone counts for nothing."""
    story = complaint()
    assert story.ends(ClockName.TRIAGE) == "11-23 11:15"
    with pytest.raises(Conflict, match="dispatch is not possible while the complaint is registered"):
        story.does(commands.Dispatch(unit="cards", handler="hnd"), Role.SYS)
    assert {(one.to, one.details["why"]) for one in story.passes(hours=1)} == {("mgr", "overdue")}
    story.goes_to(State.TRIAGED)
    assert (story.complaint.needs_review, story.complaint.case.graded_by) == (False, "mgr")
    assert not story.clock(ClockName.TRIAGE).runs


def test_an_override_keeps_old_new_who_and_why() -> None:
    """A049: the role grades, nobody else; without a reason a suggestion is not overridden."""
    story = complaint()
    for role in (Role.HND, Role.REP, Role.SYS):
        with pytest.raises(Forbidden):
            story.does(grading(level=Level.MAJOR), role)
    with pytest.raises(Invalid, match="differs from the suggestion"):
        story.does(grading(level=Level.MAJOR, reason=""), Role.MGR)
    story.does(grading(level=Level.MAJOR, reason="媒体已报道"), Role.MGR)
    suggested, graded = story.events
    assert (suggested.public["level"], graded.public["level"]) == ("general", "major")
    assert (graded.public["by"], graded.private["reason"]) == ("mgr", "媒体已报道")


def test_a_repeated_complaint_is_not_filed_without_cause_and_improvement() -> None:
    """A046."""
    story = complaint().goes_to(State.CALLBACK_DONE, flags=frozenset({Flag.REPEAT}))
    assert story.complaint.case.conclusion is not None
    assert story.complaint.case.conclusion.improvement.measure
    with pytest.raises(Invalid, match="root cause"):
        story.does(commands.Archive(), Role.MGR)
    story.does(commands.Archive(root_cause="重复提交"), Role.MGR)
    assert (story.complaint.state, story.complaint.case.root_cause) == (State.ARCHIVED, "重复提交")


def test_a_major_case_alerts_both_at_once_and_its_handler_cannot_clear_the_mark() -> None:
    """A053: 消保部 and 分管行领导 by one event, each also by telephone; the mark stays until both roles agree."""
    story = complaint().goes_to(State.TRIAGED, level=Level.MAJOR, reason="媒体已报道")
    alerts = {one.to: one for one in story.told if one.kind.name == "RED_ALERT"}
    assert {"cp", "exe"} <= alerts.keys()
    assert (alerts["cp"].call, alerts["exe"].call) == (True, True)
    assert alerts["exe"].details["reason"] == "媒体已报道"
    assert story.complaint.case.red_alert
    story.goes_to(State.INVESTIGATING)
    with pytest.raises(Forbidden):
        story.does(commands.ClearRedAlert(reason="已解决", agreed_by="cp"), Role.HND)
    story.does(commands.ClearRedAlert(reason="已解决", agreed_by="cp"), Role.MGR)
    assert not story.complaint.case.red_alert


@pytest.mark.parametrize(
    ("nature", "product_", "branch", "unit"),
    [
        (Nature.COMPLIANCE, Product.WEALTH, "朝阳支行", "risk"),
        (Nature.TECHNICAL, Product.PAYMENT, "", "it"),
        (Nature.SERVICE, Product.DEPOSIT, "朝阳支行", "branch"),
        (Nature.SERVICE, Product.CREDIT_CARD, "朝阳支行", "cards"),
        (Nature.SERVICE, Product.LOAN, "海淀支行", None),
    ],
)
def test_nature_product_and_branch_lead_to_the_responsible_unit(
    nature: Nature, product_: Product, branch: str, unit: str | None
) -> None:
    """A054, C12: 合规 to risk control, 技术 to technology, 服务 to its branch; the first route that matches counts."""
    story = complaint().goes_to(State.TRIAGED, nature=nature, product=product_, branch=branch)
    found = DIRECTORY.route(story.complaint)
    assert (found.id if found else None) == unit


@pytest.mark.parametrize("lead", ["hnd", "rep", "mgr", "cp", "nobody"])
def test_a_major_case_is_led_by_an_executive_or_a_head_and_by_nobody_below(lead: str) -> None:
    """A058: at its dispatch and when it is raised later; without a lead it is refused as well."""
    mgr = Actor(id="mgr", roles=frozenset({Role.MGR}))
    major = complaint().goes_to(State.TRIAGED, level=Level.MAJOR)
    raised = complaint().goes_to(State.TRIAGED)
    raised.does(commands.Dispatch(unit="cards", handler="hnd"), Role.MGR)
    for story, command in (
        (major, partial(commands.Dispatch, unit="cards", handler="hnd")),
        (raised, partial(commands.Regrade, level=Level.MAJOR, flags=frozenset(), reason="媒体来电")),
    ):
        with pytest.raises(Invalid, match="needs a lead"):
            story.does(command(), Role.MGR)
        with pytest.raises(Invalid) as refused:
            check(story.complaint, command(lead=lead), mgr, DIRECTORY)
        assert refused.value.field == "lead"
        for rank in ("exe", "uh"):
            check(story.complaint, command(lead=rank), mgr, DIRECTORY)


@pytest.mark.parametrize("missing", ["liaison", "deputy"])
def test_a_unit_without_liaison_or_deputy_is_refused(missing: str) -> None:
    """A062."""
    unit = {"name": "信用卡中心", "head": "u", "liaison": "u", "deputy": "h", "handlers": ["h"]}
    staff = {"u": {"name": "周", "roles": ["uh"]}, "h": {"name": "陈", "roles": ["hnd"]}}
    Directory.from_mapping({"staff": staff, "units": {"cards": unit}})
    for wrong in (unit | {missing: ""}, unit | {missing: "nobody"}):
        with pytest.raises(ValueError, match=rf"units\.cards: .*{missing}|units\.cards: {missing}"):
            Directory.from_mapping({"staff": staff, "units": {"cards": wrong}})


def test_the_first_owner_stays_and_a_hand_over_has_a_reason_and_is_accepted() -> None:
    """A023: and whoever was asked first hears that nobody takes the case."""
    story = complaint()
    with pytest.raises(ValidationError, match="reason"):
        commands.read(commands.HandOver, {"to": "second", "reason": "", "agreed": True})
    with pytest.raises(Invalid, match="agree"):
        story.does(commands.HandOver(to="second", reason="换班", agreed=False), Role.REP)
    story.does(commands.HandOver(to="second", reason="换班", agreed=True), Role.REP)
    story.goes_to(State.DISPATCHED)
    assert (story.complaint.case.first_owner, story.complaint.case.current_owner) == ("rep", "second")
    reminded = [one.to for one in story.passes(minutes=30) if one.kind.name == "NOT_ACCEPTED"]
    assert "rep" in reminded
    assert [person.id for person in DIRECTORY.people(Role.REP, story.complaint)] == ["rep"]


def test_one_person_investigates_at_any_time() -> None:
    """A063: also after it was passed on, whoever had it before has it no more."""
    story = complaint().goes_to(State.ACCEPTED)
    assert story.complaint.case.handler == "hnd"
    story.does(commands.Reroute(unit="branch", handler="other", reason="是网点的事"), Role.MGR)
    assert (story.complaint.case.handler, story.complaint.case.unit) == ("other", "branch")
    with pytest.raises(Invalid, match="somebody else"):
        story.does(commands.Accept(), Role.HND, by="hnd")
    story.does(commands.Accept(), Role.HND, by="other")


def test_management_handling_and_oversight_have_separate_powers() -> None:
    """A064: 管理岗 takes in, dispatches and files; 处理岗 verifies and solves; 消保部 oversees and handles nothing."""
    assert {"grade", "dispatch", "reroute", "merge", "archive", "clear_red_alert"} <= ROLES_IN_TABLE[Role.MGR]
    assert {"accept", "investigate", "add_evidence", "conclude"} <= ROLES_IN_TABLE[Role.HND]
    assert ROLES_IN_TABLE[Role.CP] == {"approve", "send_back", "decide_review", "answer_assist", "note", "look_at"}
    assert not ROLES_IN_TABLE[Role.MGR] & {"accept", "investigate", "conclude", "approve"}
    assert not ROLES_IN_TABLE[Role.HND] & {"grade", "regrade", "dispatch", "reroute", "approve", "archive"}
    assert ROLES_IN_TABLE[Role.AUD] == set()  # reads
    with pytest.raises(Forbidden):
        complaint().goes_to(State.INVESTIGATING).does(stories.conclusion(), Role.CP)
