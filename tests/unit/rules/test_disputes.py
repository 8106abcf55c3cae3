"""A unit that says it is not responsible, a case that is passed around, and what is done before anybody signed."""

from __future__ import annotations

from gateway.errors import Forbidden
from gateway.model import ClockName, Flag, Kind, Level, Role, State
from gateway.rules import commands, lifecycle
from tests.refusals import refused, runs
from tests.stories import Story, complaint, grading

REFUSE = commands.RefuseDispatch(reason="不是本单位的产品")
AGAIN = commands.Dispatch(unit="it", handler="h2", approver="uh")


def whys(story: Story) -> set[tuple[str, object]]:
    return {(one.to, one.details["why"]) for one in story.told if "why" in one.details}


def test_a_unit_that_is_not_responsible_gives_the_case_back_and_the_desk_settles_it_within_a_day() -> None:
    """A052, S0-7(2): nobody has to accept it meanwhile, the customer's date stays, the next dispatch ends it."""
    story = complaint().goes_to(State.DISPATCHED)
    promised = story.complaint.promised_at
    story.does(REFUSE)
    case = story.complaint.case
    assert (story.complaint.state, case.unit, case.handler, case.approver) == (State.TRIAGED, "", "", "")
    assert whys(story) == {("mgr", "not_responsible")}
    assert runs(story, ClockName.ACCEPT, ClockName.DISPUTE) == [False, True]
    assert (story.ends(ClockName.DISPUTE), story.clock(ClockName.DISPUTE).clause) == ("11-24 23:59", "S0-7(2)")
    story.does(AGAIN, Role.MGR)
    assert runs(story, ClockName.ACCEPT, ClockName.DISPUTE) == [True, False]
    assert story.complaint.promised_at == promised


def test_a_dispute_that_is_not_settled_is_urged() -> None:
    """A052: half of the time, and the whole of it."""
    story = complaint().goes_to(State.ACCEPTED)
    story.does(REFUSE, Role.UH)
    told = [
        (one.to, one.details["why"]) for one in story.until("2026-11-25 00:00") if one.details["clock"] == "dispute"
    ]
    assert told == [("mgr", "overdue")]


def test_only_the_handler_or_the_head_gives_a_case_back_and_not_once_it_is_checked() -> None:
    """A052."""
    story = complaint().goes_to(State.DISPATCHED)
    refused(story, REFUSE, Role.MGR, error=Forbidden)
    assert refused(story, REFUSE, by="h2") == "not_yours"
    story.goes_to(State.INVESTIGATING)
    assert commands.RefuseDispatch not in lifecycle.permitted(story.complaint, {Role.HND, Role.UH})


def test_what_the_customer_did_not_accept_is_given_back_but_not_answered_at_once() -> None:
    """A052, A106: somebody looks at it again, whoever is responsible."""
    story = complaint().goes_to(State.REPLIED)
    story.outcome_leaves()
    story.does(commands.Object(reason="不认可"), Role.REP)
    story.does(commands.Reroute(unit="it", handler="h2", reason="系统问题"), Role.MGR)
    story.does(REFUSE, by="h2")
    assert refused(story, commands.AnswerAtOnce(answer="已答复过"), Role.MGR) == "needs_dispatch"


def test_the_third_time_a_case_is_passed_on_the_desk_and_the_consumer_protection_hear() -> None:
    """A076: refusals and reroutes count alike; the second is nobody's alarm yet."""
    story = complaint().goes_to(State.DISPATCHED)
    story.does(REFUSE)
    story.does(AGAIN, Role.MGR)
    story.does(commands.Reroute(unit="risk", handler="h3", reason="看错了"), Role.MGR)
    assert whys(story) == set()
    story.does(REFUSE, by="h3")
    assert whys(story) == {("mgr", "passed_around"), ("cp", "passed_around")}
    story.does(AGAIN, Role.MGR)
    story.does(commands.Reroute(unit="cards", handler="hnd", reason="确属信用卡"), Role.MGR)
    assert whys(story) == {("mgr", "passed_around"), ("cp", "passed_around")}
    assert ("hnd", "DISPATCH") in story.heard()


def test_a_major_case_that_was_given_back_alarms_the_head_of_the_next_unit() -> None:
    """A052, A053: who had not been told is told."""
    story = complaint().goes_to(State.DISPATCHED, level=Level.MAJOR)
    story.does(REFUSE)
    story.does(commands.Dispatch(unit="it", handler="h2", lead="exe", approver="uh"), Role.MGR)
    assert ("uh", "RED_ALERT") in story.heard()


def test_a_suggestion_that_was_given_back_is_assessed_and_no_dispute_stays() -> None:
    """A019, A052."""
    story = complaint(kind=Kind.SUGGESTION).goes_to(State.DISPATCHED, kind=Kind.SUGGESTION)
    story.does(REFUSE)
    story.does(commands.AssessSuggestion(to="uh"), Role.MGR)
    assert runs(story, ClockName.DISPUTE) == [False]


def test_what_was_done_first_is_signed_for_within_a_day_or_called_out() -> None:
    """A061: half of the time to the head of the unit, the whole to 客户意见管理岗 as well; a signature pays it."""
    story = complaint("2026-11-23 00:00").goes_to(State.INVESTIGATING)
    story.does(commands.ActFirst(action="先垫付"))
    assert (story.ends(ClockName.APPROVAL), story.clock(ClockName.APPROVAL).clause) == ("11-24 23:59", "S2-§4(1)")
    began = story.clock(ClockName.APPROVAL)
    assert owed(story, "2026-11-24 00:00") == {("uh", "due_soon")}
    story.does(commands.ActFirst(action="再垫付"))
    assert story.clock(ClockName.APPROVAL).due_at == began.due_at  # one more act does not put off what is owed
    assert owed(story, "2026-11-25 00:00") == {("uh", "overdue"), ("mgr", "overdue")}
    story.goes_to(State.APPROVED)
    assert runs(story, ClockName.APPROVAL) == [False]
    assert not story.complaint.case.unpaid_approval


def owed(story: Story, moment: str) -> set[tuple[str, object]]:
    return {(one.to, one.details["why"]) for one in story.until(moment) if one.details.get("clock") == "approval"}


def test_a_possible_lawsuit_brings_in_the_lawyers_and_freezes_the_evidence() -> None:
    """A091: told once; evidence is added, never taken away; the hold stays when the threat is taken back."""
    story = complaint()
    story.does(grading(flags=frozenset({Flag.LEGAL_THREAT})), Role.MGR)
    assert ("leg", "legal") in whys(story)
    assert story.complaint.case.legal_hold
    story.does(commands.Regrade(level=Level.IMPORTANT, flags=frozenset({Flag.LEGAL_THREAT}), reason="核实"), Role.MGR)
    assert "leg" not in {to for to, _ in whys(story)}
    story.does(commands.Regrade(level=Level.IMPORTANT, flags=frozenset(), reason="客户不起诉了"), Role.MGR)
    assert story.complaint.case.legal_hold
    story.goes_to(State.REPLIED)
    assert [one.id for one in story.complaint.case.evidence] == ["e1"]


def test_a_threat_that_is_heard_later_brings_in_the_lawyers_and_a_group_the_public_relations() -> None:
    """A091."""
    story = complaint().goes_to(State.INVESTIGATING)
    flags = frozenset({Flag.LEGAL_THREAT, Flag.GROUP})
    story.does(commands.Regrade(level=Level.IMPORTANT, flags=flags, reason="律师函"), Role.MGR)
    assert ("leg", "legal") in whys(story)
    assert ("pr", "CLUSTER_ALERT") in story.heard()
