"""Evidence, conclusion, approval and what was promised: what the rule books ask of them, told over the pure rules."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from pydantic import ValidationError

from gateway.errors import Conflict, Forbidden, Invalid
from gateway.model import (
    ClockName,
    Compensation,
    EvidenceType,
    Finding,
    FindingType,
    Level,
    Result,
    Role,
    State,
)
from gateway.rules import commands
from tests.stories import REFUSED, complaint, conclusion


def paid(amount: str) -> Compensation:
    return Compensation(amount=amount, currency="CNY", arrival=date(2026, 12, 8), account_tail="5678")


def as_json(**changes: Any) -> dict[str, Any]:
    """Return a conclusion as a caller of the API writes it."""
    public, private = commands.parts(conclusion())
    return public | private | changes


@pytest.mark.parametrize("field", ["cause", "improvement", "feedback_plan"])
def test_a_conclusion_without_cause_improvement_or_feedback_plan_is_refused(field: str) -> None:
    """A065: each of the three, whether left out or left empty."""
    assert commands.read(commands.Conclude, as_json())
    missing = as_json()
    del missing[field]
    for wrong in (missing, as_json(**{field: None if field == "improvement" else "  "})):
        with pytest.raises(ValidationError, match=field):
            commands.read(commands.Conclude, wrong)


def test_nothing_is_concluded_without_a_record_of_what_was_checked() -> None:
    """A080, A082: a finding names evidence that is on file, no other."""
    story = complaint().goes_to(State.INVESTIGATING)
    for evidence in ((), ("e1",)):
        with pytest.raises(Invalid, match="at least one piece of evidence"):
            story.does(conclusion(evidence=evidence))
    story.does(commands.AddEvidence(id="e1", type=EvidenceType.LOG, sha256="0" * 64, description="流水"))
    with pytest.raises(Invalid, match="at least one piece of evidence"):
        story.does(conclusion(evidence=("e1", "e2")))
    story.does(conclusion(evidence=("e1",)))
    assert story.complaint.state is State.CONCLUDED


@pytest.mark.parametrize("type_", EvidenceType)
def test_evidence_has_a_type_a_hash_who_added_it_and_when(type_: EvidenceType) -> None:
    """A081."""
    story = complaint().goes_to(State.INVESTIGATING)
    story.passes(minutes=5)
    story.does(commands.AddEvidence(id="e1", type=type_, sha256="ab" * 32, description="谈话记录"))
    [piece] = story.complaint.case.evidence
    assert (piece.type, piece.sha256, piece.added_by, piece.at) == (type_, "ab" * 32, "hnd", story.now)
    story.does(commands.AddEvidence(id="e2", type=type_, sha256="cd" * 32, description="截图"))
    assert [one.id for one in story.complaint.case.evidence] == ["e1", "e2"]
    with pytest.raises(ValidationError, match="sha256"):
        commands.read(commands.AddEvidence, {"id": "e3", "type": type_, "sha256": "no hash", "description": "x"})


def test_the_responsible_unit_leads_and_service_legal_and_compliance_join_with_their_roles() -> None:
    """A057: the others answer and bring proof; the question, the minutes and the conclusion are the unit's own."""
    story = complaint().goes_to(State.INVESTIGATING)
    question = commands.Coordinate(units=("risk",), question="是否合规", meeting_at=story.now + timedelta(hours=4))
    piece = partial(commands.AddEvidence, type=EvidenceType.LOG, sha256="0" * 64, description="意见")
    joining = (Role.REP, Role.LEG, Role.MGR)
    for role in joining:
        with pytest.raises(Forbidden):
            story.does(question, role)
    story.does(question)
    for role in joining:
        story.does(piece(id=role.value), role)
        with pytest.raises(Forbidden):
            story.does(commands.CloseCoordination(minutes="我们说了算"), role)
    story.does(commands.AnswerAssist(unit="risk", answer="合规"), Role.UH)
    story.does(commands.CloseCoordination(minutes="合规"))
    for role in joining:
        with pytest.raises(Forbidden):
            story.does(conclusion(evidence=("leg",)), role)
    story.does(conclusion(evidence=("rep", "leg", "mgr")))
    assert {one.added_by for one in story.complaint.case.evidence} == {"rep", "leg", "mgr"}


@pytest.mark.parametrize("gap", [{"basis": ()}, {"basis": ("",)}, {"reason": ""}])
def test_a_refusal_names_its_rule_and_explains_it(gap: dict[str, Any]) -> None:
    """A083, A084: the rules by name; without them, or without plain words, it is refused itself."""
    with pytest.raises(Invalid, match="names the rule"):
        complaint().goes_to(State.CONCLUDED, **(dict(REFUSED) | gap))
    story = complaint().goes_to(State.REPLIED, **REFUSED)
    [told] = story.told
    assert (told.kind.name, told.details["basis"]) == ("OUTCOME_REJECTED", ["信用卡章程第12条"])
    assert told.details["reason"] == "年费在开卡时已经写明"


@pytest.mark.parametrize(
    "fault",
    [FindingType.VIOLATION, FindingType.WORK_ERROR, FindingType.PRODUCT_ISSUE, FindingType.SYSTEM_FAULT],
)
def test_where_the_bank_is_at_fault_it_does_not_merely_refuse(fault: FindingType) -> None:
    """A085: it upholds, settles or compensates; where it is not, facts and rules are told."""
    wrong = dict(REFUSED) | {"finding": Finding.SUBSTANTIATED, "finding_type": fault}
    with pytest.raises(Invalid, match="told what it does about it"):
        complaint().goes_to(State.CONCLUDED, **wrong)
    upheld = complaint().goes_to(State.REPLIED, finding_type=fault, compensation=paid("80"))
    assert (upheld.complaint.case.result, upheld.told[0].details["amount"]) == (Result.UPHELD, "80")
    refused = complaint().goes_to(State.REPLIED, **REFUSED)
    assert refused.complaint.case.result is Result.REJECTED_WITH_BASIS


@pytest.mark.parametrize("field", ["measure", "owner", "due", "verification"])
def test_a_plan_without_owner_time_limit_or_standard_is_refused(field: str) -> None:
    """A088: each of them, left empty or left out."""
    plan = conclusion().improvement
    if field != "due":
        with pytest.raises(Invalid, match="an owner, a time limit and a standard"):
            complaint().goes_to(State.CONCLUDED, improvement=replace(plan, **{field: " "}))
    written = as_json()
    del written["improvement"][field]
    with pytest.raises(ValidationError, match=field):
        commands.read(commands.Conclude, written)


def test_what_was_promised_has_a_date_and_stays_open_until_it_is_proved() -> None:
    """A086, A089: the later of the plan's and the money's day; urged, and not filed, without the proof."""
    story = complaint().goes_to(State.REPLIED, compensation=paid("80"))
    assert story.ends(ClockName.EXECUTION) == "12-08 23:59"
    story.goes_to(State.RESOLVED)
    assert "fin" in {one.to for one in story.until("2026-12-09 00:00") if one.details["clock"] == "execution"}
    with pytest.raises(Invalid, match="put the proof on file first"):
        story.does(commands.ProveExecution(evidence="e9", executed_at=story.now), Role.FIN)
    story.does(commands.ProveExecution(evidence="e1", executed_at=story.now), Role.FIN)
    assert not story.clock(ClockName.EXECUTION).runs
    assert story.complaint.case.executed_at == story.now


def test_a_case_nobody_answered_is_not_filed_before_the_measures_are_proved() -> None:
    """A089."""
    story = complaint().goes_to(State.REPLIED)
    story.outcome_leaves()
    story.passes(days=5)  # reminded, and still silent
    story.passes(days=5)
    story.does(commands.CloseUnanswered(), Role.SYS)
    with pytest.raises(Invalid, match="proof that it was done is missing"):
        story.does(commands.Archive(), Role.MGR)
    story.does(commands.ProveExecution(evidence="e1", executed_at=story.now), Role.FIN)
    story.does(commands.Archive(), Role.MGR)


def test_a_major_conclusion_is_signed_by_the_head_and_never_by_whoever_made_it() -> None:
    """A059: nothing is told before; the head's signature and that of 消保部 are two people's."""
    story = complaint().goes_to(State.CONCLUDED, level=Level.MAJOR)
    assert story.heard() == {("uh", "APPROVAL"), ("cp", "APPROVAL")}
    with pytest.raises(Conflict):
        story.does(commands.Reply())
    with pytest.raises(Forbidden):
        story.does(commands.Approve(), Role.HND)
    with pytest.raises(Invalid, match="nobody approves"):
        story.does(commands.Approve(), Role.UH, by="hnd")
    story.does(commands.Approve(), Role.CP)
    assert story.complaint.state is State.CONCLUDED
    with pytest.raises(Invalid):
        story.does(commands.Approve(), Role.UH, by="cp")
    story.does(commands.Approve(), Role.UH)
    assert story.complaint.state is State.APPROVED


@pytest.mark.parametrize(("amount", "executive"), [("50000", False), ("50000.01", True)])
def test_above_the_banks_amount_an_executive_approves(amount: str, executive: bool) -> None:
    """A060, A090: X and X + 0.01; until then nothing of it can be told to the customer."""
    story = complaint(approval_over=Decimal(50000)).goes_to(State.CONCLUDED, compensation=paid(amount))
    story.does(commands.Approve(), Role.UH)
    assert story.complaint.state is (State.CONCLUDED if executive else State.APPROVED)
    if executive:
        assert story.heard() == {("exe", "APPROVAL")}
        with pytest.raises(Conflict):
            story.does(commands.Reply())
        story.does(commands.Approve(), Role.EXE)
    story.does(commands.Reply())
    assert story.told[0].details["amount"] == amount


def test_what_was_handled_against_the_rules_goes_back_with_a_date() -> None:
    """A092: the customer's dates stay, the approvals begin anew."""
    story = complaint().goes_to(State.CONCLUDED, level=Level.MAJOR)
    story.does(commands.Approve(), Role.UH)
    promised = story.complaint.promised_at
    story.does(commands.SendBack(missing="缺合同条款", until=date(2026, 11, 24)), Role.CP)
    assert story.complaint.state is State.REWORK
    assert {(one.to, one.kind.name, one.details["until_on"]) for one in story.told} == {
        ("hnd", "SENT_BACK", "2026-11-24"),
        ("uh", "SENT_BACK", "2026-11-24"),
    }
    story.does(commands.Resume(note="已补"))
    assert (story.complaint.state, story.complaint.case.approvals) == (State.INVESTIGATING, ())
    assert story.complaint.promised_at == promised
