"""From the conclusion to the outcome in the customer's hands: T16 to T19 of C.2, and what the outcome rests on."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from gateway.errors import Conflict, Forbidden
from gateway.model import (
    ClockName,
    Compensation,
    Finding,
    FindingType,
    Improvement,
    Level,
    NoticeKind,
    Result,
    Role,
    State,
)
from gateway.rules import commands
from tests.refusals import evidence, refused, runs
from tests.stories import REFUSED, complaint, conclusion


@pytest.mark.parametrize("field", ["cause", "improvement", "feedback_plan", "findings", "measures"])
def test_a_conclusion_says_cause_improvement_and_how_the_customer_hears(field: str) -> None:
    """T16; A065: without one of them there is none."""
    given, empty = commands.payload.adapter(commands.Conclude).dump_python(conclusion(), mode="json"), {field: ""}
    assert commands.read(commands.Conclude, given) == conclusion()
    with pytest.raises(ValidationError):
        commands.read(commands.Conclude, given | empty)


PLAN = Improvement(measure="加检查", owner="it", due=date(2026, 12, 4), verification="压测报告")
PAID = Compensation(amount="88.00", currency="CNY", arrival=date(2026, 11, 30), account_tail="1234")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"evidence": ()}, "no_evidence"),  # A080
        ({"evidence": ("e9",)}, "no_evidence"),  # A082
        (REFUSED | {"basis": ()}, "no_basis"),  # A084
        (REFUSED | {"reason": ""}, "no_basis"),  # A084
        ({"result": Result.PARTLY_UPHELD}, "no_basis"),
        (REFUSED | {"finding": Finding.SUBSTANTIATED, "finding_type": FindingType.VIOLATION}, "no_remedy"),  # A085
        (REFUSED | {"finding": Finding.PARTLY, "finding_type": FindingType.SYSTEM_FAULT}, "no_remedy"),  # A085
        ({"result": Result.WITHDRAWN}, "no_result"),
        ({"result": Result.ANSWERED}, "no_result"),
        ({"improvement": replace(PLAN, owner=" ")}, "not_verifiable"),  # A088
        ({"improvement": replace(PLAN, verification="")}, "not_verifiable"),  # A088
        ({"improvement": replace(PLAN, measure="")}, "not_verifiable"),
        ({"compensation": replace(PAID, amount="many")}, "bad_amount"),
        ({"compensation": replace(PAID, amount="NaN")}, "bad_amount"),
        ({"compensation": replace(PAID, amount="-1")}, "bad_amount"),
        ({"compensation": replace(PAID, amount="0.00")}, "bad_amount"),
        ({"compensation": replace(PAID, currency="元")}, "bad_amount"),
        ({"compensation": replace(PAID, account_tail="6222020200112233445")}, "bad_amount"),
    ],
)
def test_a_conclusion_is_refused_that_lacks_proof_basis_remedy_or_sense(changes: dict[str, Any], problem: str) -> None:
    """T16: the handler concludes, nobody else."""
    story = complaint().goes_to(State.INVESTIGATING)
    story.does(evidence(1))
    assert refused(story, conclusion(**changes)) == problem
    assert refused(story, conclusion(), Role.HND, by="h2") == "not_yours"
    story.does(conclusion(**REFUSED, compensation=PAID))
    assert story.complaint.state is State.CONCLUDED
    assert "88.00" not in str(story.events[-1].public)


def test_a_major_case_has_its_plan_before_its_conclusion() -> None:
    """T16; A066."""
    story = complaint().goes_to(State.INVESTIGATING, level=Level.MAJOR)
    story.does(evidence(1))
    assert refused(story, conclusion()) == "no_plan"
    story.does(commands.SavePlan(plan="先停用", told="先停用"))
    story.does(conclusion())
    assert runs(story, ClockName.PRELIM_PLAN) == [False]


def test_a_piece_of_evidence_is_put_on_file_once() -> None:
    """T16; A081: with its hash, who added it and when; its description is sealed."""
    story = complaint().goes_to(State.INVESTIGATING)
    event = story.does(evidence(1))
    assert refused(story, evidence(1)) == "known"
    [piece] = story.complaint.case.evidence
    assert (piece.id, piece.sha256, piece.added_by, piece.at) == ("e1", "0" * 64, "hnd", story.now)
    assert "流水" not in str(event.public)


def test_the_units_head_approves_an_ordinary_conclusion() -> None:
    """T17."""
    story = complaint().goes_to(State.CONCLUDED)
    refused(story, commands.Approve(), Role.HND, error=Forbidden)
    assert refused(story, commands.Approve(), Role.CP) == "not_missing"
    story.does(commands.Approve(), Role.UH)
    assert (story.complaint.state, story.complaint.case.approvals) == (State.APPROVED, ((Role.UH, "uh"),))


def test_nobody_approves_their_own_conclusion_or_signs_twice() -> None:
    """T17; A059: forbidden by C.2's last line; law 17: nor does whom it is about."""
    story = complaint().goes_to(State.CONCLUDED, level=Level.MAJOR, staff_involved=("uh2",))
    assert refused(story, commands.Approve(), Role.UH, Role.HND, by="hnd") == "own_work"
    assert refused(story, commands.Approve(), Role.UH, by="uh2") == "partial"
    story.does(commands.Approve(), Role.UH)
    assert story.complaint.state is State.CONCLUDED
    assert refused(story, commands.Approve(), Role.UH, Role.CP, by="uh") == "not_missing"
    story.does(commands.Approve(), Role.CP)
    assert story.complaint.state is State.APPROVED


@pytest.mark.parametrize(
    ("amount", "currency", "executive"),
    [("50000.00", "CNY", False), ("50000.01", "CNY", True), ("1.00", "USD", True)],
)
def test_an_amount_above_the_banks_own_limit_is_signed_by_an_executive(
    amount: str, currency: str, executive: bool
) -> None:
    """T17; A060: one cent decides; another currency cannot be compared, so it is signed."""
    story = complaint(approval_over=Decimal(50000))
    story.goes_to(State.CONCLUDED, compensation=replace(PAID, amount=amount, currency=currency))
    story.does(commands.Approve(), Role.UH)
    assert story.complaint.state is (State.CONCLUDED if executive else State.APPROVED)
    if executive:
        assert story.heard() == {("exe", "APPROVAL")}
        story.does(commands.Approve(), Role.EXE)
    assert story.complaint.state is State.APPROVED


def test_another_level_asks_for_other_signatures() -> None:
    """T17, T31; A059: what was approved waits for 消保部 once it is major, and no longer when it is not."""
    story = complaint().goes_to(State.APPROVED)
    story.does(commands.Regrade(level=Level.MAJOR, flags=frozenset(), reason="媒体", lead="exe"), Role.MGR)
    assert (story.complaint.state, ("cp", "APPROVAL") in story.heard()) == (State.CONCLUDED, True)
    refused(story, commands.Reply(), error=Conflict)
    story.does(commands.Regrade(level=Level.IMPORTANT, flags=frozenset(), reason="误会"), Role.MGR)
    assert story.complaint.state is State.APPROVED


def test_a_conclusion_with_gaps_goes_back_and_the_dates_stay() -> None:
    """T18; A092: with what is missing and until when."""
    story = complaint().goes_to(State.CONCLUDED, level=Level.MAJOR)
    story.does(commands.Approve(), Role.CP)
    promised = story.complaint.promised_at
    back = commands.SendBack(missing="缺流水", until=date(2026, 11, 24))
    refused(story, back, Role.HND, error=Forbidden)
    story.does(back, Role.UH)
    assert (story.complaint.state, story.complaint.promised_at) == (State.REWORK, promised)
    assert ("hnd", "SENT_BACK") in story.heard()
    assert story.complaint.case.approvals == ()  # who signed, signed for less
    story.does(commands.Resume(note="补齐"))
    story.does(conclusion())
    assert story.complaint.state is State.CONCLUDED


def test_an_outcome_whose_words_were_erased_is_not_sent() -> None:
    """T19; law 19: there is nothing to tell any more."""
    story = complaint().goes_to(State.APPROVED)
    story.complaint = replace(story.complaint, case=replace(story.complaint.case, conclusion=None))
    assert refused(story, commands.Reply()) == "incomplete"


def test_the_laws_clock_stops_when_the_outcome_has_left_and_not_before() -> None:
    """T19; C7, law 18, 21: the customer's time to answer begins then, too."""
    story = complaint().goes_to(State.APPROVED)
    story.does(commands.Reply())
    assert story.heard() == {("customer", "OUTCOME_UPHELD")}
    assert runs(story, ClockName.LEGAL, ClockName.CONFIRM, ClockName.PROMISED) == [True, False, False]
    refused(story, story.outcome_sent(), Role.HND, error=Forbidden)
    story.passes(hours=9)
    story.does(story.outcome_sent(), Role.SYS)
    assert runs(story, ClockName.LEGAL, ClockName.CONFIRM) == [False, True]
    assert story.clock(ClockName.LEGAL).stopped_at == story.now
    assert refused(story, story.outcome_sent(), Role.SYS) == "no_change"


def test_an_outcome_that_nobody_could_be_told_counts_as_told_after_three_days_of_calls() -> None:
    """T19; law 21: three attempts on different days, each on record."""
    story = complaint().goes_to(State.REPLIED)
    call = commands.RecordCall(reached=False, proof="录音 1")
    for calls in (1, 1, 2):
        story.does(call, Role.REP)
        assert (story.complaint.case.calls, runs(story, ClockName.LEGAL)) == (calls, [True])
        story.now += timedelta(hours=8)  # 10:15, 18:15, 02:15
    story.now += timedelta(days=1)
    story.does(call, Role.REP)
    assert runs(story, ClockName.LEGAL, ClockName.CONFIRM) == [False, True]


def test_who_is_reached_again_is_not_given_up() -> None:
    """law 21."""
    story = complaint().goes_to(State.INVESTIGATING)
    story.does(commands.RecordCall(reached=False, proof="录音 1"), Role.REP)
    story.does(commands.RecordCall(reached=True, proof="录音 2"), Role.REP)
    assert (story.complaint.case.calls, story.complaint.case.contacted_at) == (0, story.now)


def test_a_refusal_is_told_as_one() -> None:
    """T19; A084."""
    story = complaint().goes_to(State.REPLIED, **REFUSED)
    [telling] = story.told
    assert telling.kind is NoticeKind.OUTCOME_REJECTED
    assert (telling.details["basis"], telling.details["reason"]) == (["信用卡章程第12条"], REFUSED["reason"])
    assert story.complaint.case.result is Result.REJECTED_WITH_BASIS
