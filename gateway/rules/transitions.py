"""What may happen to a complaint: ONE table of transitions (C.2), from a command to where it leads. Pure.

lifecycle.py reads it. What a guard asks is in guards.py, what happens to the clocks in timing.py, what an event causes
in reactions.py. docs/reference/lifecycle.md is drawn from the table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.model import Complaint, EventKind, Role, State
from gateway.rules import approvals, commands, grading, guards
from gateway.rules.guards import Guard
from gateway.rules.situation import Situation

Target = State | Callable[[Complaint, Any, Situation], State] | None

ENDED = frozenset(
    {
        State.CLOSED,
        State.ARCHIVED,
        State.ANSWERED,
        State.MERGED,
        State.WITHDRAWN,
        State.NOT_HANDLED,
        State.TRANSFERRED_OUT,
    }
)
OPEN = frozenset(State) - ENDED
"""The states in which a customer's message still joins the complaint."""
ANSWERED = frozenset({State.REPLIED, State.RESOLVED, State.UNSATISFIED, State.CALLBACK_DONE, State.REVIEW})
WORKED = OPEN - ANSWERED
"""The bank owes an answer."""
HANDLED = WORKED - {State.REGISTERED, State.TRIAGED, State.DISPATCHED, State.SUGGESTION_REVIEW}
"""A handler has it."""
CHECKING = frozenset({State.INVESTIGATING, State.NEED_INFO, State.COORDINATING})

S, R, C = State, Role, commands
STAFF = frozenset(Role) - {Role.SYS, Role.CUS, Role.AUD}


def _resumed(complaint: Complaint, command: Any, s: Situation) -> State:
    return complaint.case.resume or State.INVESTIGATING


def _approved(complaint: Complaint, command: commands.Approve, s: Situation) -> State:
    return State.CONCLUDED if approvals.missing_after(complaint, command, s) else State.APPROVED


def _objected(complaint: Complaint, command: Any, s: Situation) -> State:
    return State.UNSATISFIED if complaint.case.objections else State.REOPENED


def _called_back(complaint: Complaint, command: commands.RecordCallback, s: Situation) -> State:
    return State.REOPENED if command.solved is False else State.CALLBACK_DONE


def _regraded(complaint: Complaint, command: commands.Regrade, s: Situation) -> State:
    """Another level needs other signatures: what was approved for less is not approved, nor does it wait for more."""
    if complaint.state is State.SUGGESTION_REVIEW and command.kind not in (None, complaint.kind):
        return State.TRIAGED  # it was no suggestion: somebody has to handle it
    if complaint.state not in (State.CONCLUDED, State.APPROVED):
        return complaint.state
    return State.CONCLUDED if approvals.missing_after(complaint, command, s) else State.APPROVED


MAY_LEAD_TO: Mapping[Callable[..., State], tuple[State, ...]] = {
    _resumed: (
        State.INVESTIGATING,
        State.NEED_INFO,
        State.COORDINATING,
        State.REPLIED,
        State.UNSATISFIED,
        State.ESCALATED,
        State.REOPENED,
    ),
    _approved: (State.CONCLUDED, State.APPROVED),
    _objected: (State.REOPENED, State.UNSATISFIED),
    _called_back: (State.CALLBACK_DONE, State.REOPENED),
    _regraded: (State.CONCLUDED, State.APPROVED, State.TRIAGED),
}
"""Where a target that depends on the case can lead, if not back to the state it is in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One row of the table: what may be commanded in which states, by whom, and where it leads (None: it stays)."""

    id: str
    command: type[Any]
    event: EventKind
    sources: frozenset[State]
    target: Target = None
    roles: frozenset[Role]
    guards: tuple[Guard, ...] = ()


def _row(
    id: str,
    command: type[Any],
    event: EventKind,
    sources: Iterable[State],
    target: Target,
    roles: Iterable[Role],
    *guards: Guard,
) -> Transition:
    return Transition(
        id=id,
        command=command,
        event=event,
        sources=frozenset(sources),
        target=target,
        roles=frozenset(roles),
        guards=guards,
    )


E, g = EventKind, guards
TABLE: tuple[Transition, ...] = (
    _row("T2", C.Register, E.OPENED, (), S.REGISTERED, (R.SYS, R.REP)),
    _row("T3", C.AnswerAtOnce, E.ANSWERED, (S.REGISTERED, S.TRIAGED), S.ANSWERED, (R.REP, R.MGR), g.is_simple),
    _row("T4", C.Merge, E.MERGED, (S.REGISTERED, S.TRIAGED), S.MERGED, (R.MGR,)),
    _row("T5", C.Decline, E.DECLINED, (S.REGISTERED, S.TRIAGED), S.NOT_HANDLED, (R.MGR,), g.agreed_by_another),
    _row(
        "T5",
        C.TransferOut,
        E.TRANSFERRED_OUT,
        (S.REGISTERED, S.TRIAGED),
        S.TRANSFERRED_OUT,
        (R.MGR,),
        g.agreed_by_another,
    ),
    _row(
        "T6", C.Grade, E.GRADED, (S.REGISTERED,), S.TRIAGED, (R.MGR,), g.override_has_reason, grading.scope_fits_level
    ),
    _row(
        "T7",
        C.Dispatch,
        E.DISPATCHED,
        (S.TRIAGED,),
        S.DISPATCHED,
        (R.SYS, R.MGR),
        g.handler_impartial,
        g.checks_anew,
        g.major_led,
    ),
    _row("A051", C.ReportNoRoute, E.NO_ROUTE, (S.TRIAGED,), None, (R.SYS,)),
    _row("T8", C.Accept, E.ACCEPTED, (S.DISPATCHED,), S.ACCEPTED, (R.HND,), g.own_case),
    _row(
        "T9",
        C.Reroute,
        E.REROUTED,
        {*CHECKING, S.DISPATCHED, S.ACCEPTED, S.CONCLUDED, S.APPROVED, S.REWORK, S.REOPENED, S.ESCALATED},
        S.DISPATCHED,
        (R.MGR,),
        g.handler_impartial,
        g.checks_anew,
    ),
    _row(
        "A052", C.RefuseDispatch, E.DISPATCH_REFUSED, (S.DISPATCHED, S.ACCEPTED), S.TRIAGED, (R.HND, R.UH), g.own_case
    ),
    _row(
        "T10",
        C.Investigate,
        E.INVESTIGATION_BEGUN,
        (S.ACCEPTED, S.REOPENED, S.ESCALATED),
        S.INVESTIGATING,
        (R.HND,),
        g.may_check,
        g.actor_impartial,
        g.next_contact_ahead,
    ),
    _row(
        "T11",
        C.AskCustomer,
        E.INFORMATION_REQUESTED,
        (S.INVESTIGATING,),
        S.NEED_INFO,
        (R.HND,),
        g.own_case,
        g.bank_has_none,
    ),
    _row("T11", C.Resume, E.RESUMED, (S.NEED_INFO, S.REWORK), S.INVESTIGATING, (R.HND, R.SYS), g.own_case),
    _row(
        "T12",
        C.Coordinate,
        E.COORDINATION_OPENED,
        (S.INVESTIGATING,),
        S.COORDINATING,
        (R.HND, R.UH),
        g.own_case,
        g.units_named,
        g.meeting_in_time,
    ),
    _row("T12", C.AnswerAssist, E.ASSIST_ANSWERED, (S.COORDINATING,), None, STAFF, g.asked_unit),
    _row(
        "T12", C.CloseCoordination, E.COORDINATION_CLOSED, (S.COORDINATING,), S.INVESTIGATING, (R.HND, R.UH), g.own_case
    ),
    _row("T13", C.StartAppraisal, E.APPRAISAL_STARTED, CHECKING, S.APPRAISAL, (R.UH, R.LEG), g.agreed_by_another),
    _row("T13", C.EndAppraisal, E.APPRAISAL_ENDED, (S.APPRAISAL,), _resumed, (R.UH, R.LEG, R.HND)),
    _row("T22", C.OfferMediation, E.MEDIATION_OFFERED, OPEN, None, (R.UH, R.MGR)),
    _row(
        "T14",
        C.StartMediation,
        E.MEDIATION_STARTED,
        {*CHECKING, S.REPLIED, S.UNSATISFIED, S.ESCALATED, S.REOPENED},
        S.MEDIATION,
        (R.UH, R.MGR),
        g.customer_agreed,
    ),
    _row("T14", C.EndMediation, E.MEDIATION_ENDED, (S.MEDIATION,), _resumed, (R.UH, R.MGR)),
    _row(
        "T15",
        C.Extend,
        E.EXTENDED,
        WORKED - {S.APPRAISAL, S.MEDIATION},
        None,
        (R.UH, R.EXE),
        g.not_expired,
        g.told_in_writing,
        g.extension_approved,
    ),
    _row(
        "T16",
        C.AddEvidence,
        E.EVIDENCE_ADDED,
        OPEN | {S.CLOSED, S.WITHDRAWN},
        None,
        (R.HND, R.UH, R.LEG, R.MGR, R.REP, R.FIN),
        g.new_evidence,
    ),
    _row("T16", C.SavePlan, E.PLAN_SAVED, HANDLED | {S.DISPATCHED}, None, (R.HND, R.UH), g.own_case, g.plan_is_told),
    _row(
        "T10", C.ReportProgress, E.PROGRESS_REPORTED, HANDLED, None, (R.HND, R.REP, R.MGR, R.UH), g.says_something_new
    ),
    _row(
        "T16",
        C.Conclude,
        E.CONCLUDED,
        (S.INVESTIGATING,),
        S.CONCLUDED,
        (R.HND,),
        g.own_case,
        g.has_evidence,
        g.result_fits,
        g.rejection_has_basis,
        g.fault_is_put_right,
        g.improvement_verifiable,
        g.amount_payable,
        g.plan_before_conclusion,
        g.misunderstanding_explained,
        grading.contingency_planned,
    ),
    _row(
        "T17",
        C.Approve,
        E.APPROVED,
        (S.CONCLUDED,),
        _approved,
        (R.UH, R.CP, R.EXE),
        g.not_own_conclusion,
        g.actor_impartial,
        g.decided_impartially,
        g.approval_missing,
    ),
    _row("T18", C.SendBack, E.SENT_BACK, (S.CONCLUDED,), S.REWORK, (R.UH, R.CP, R.EXE)),
    _row(
        "T19",
        C.Reply,
        E.REPLIED,
        (S.APPROVED,),
        S.REPLIED,
        (R.HND, R.REP, R.MGR),
        g.outcome_complete,
        g.decided_impartially,
    ),
    _row("S0-9(1)", C.ReportUndelivered, E.UNDELIVERED, State, None, (R.SYS,)),
    _row("T19", C.OutcomeSent, E.OUTCOME_SENT, State, None, (R.SYS,), g.outcome_untold),
    _row(
        "T20",
        C.Confirm,
        E.CONFIRMED,
        (S.REPLIED, S.UNSATISFIED),
        S.RESOLVED,
        (R.CUS, R.HND, R.REP, R.MGR),
        g.own_case_as_handler,
        g.customer_was_told,
        g.confirmed_by_now,
    ),
    _row(
        "T21",
        C.Object,
        E.OBJECTED,
        (S.REPLIED,),
        _objected,
        (R.CUS, R.HND, R.REP, R.MGR),
        g.own_case_as_handler,
        g.customer_was_told,
    ),
    _row("T22", C.Escalate, E.ESCALATED, (S.REOPENED, S.UNSATISFIED), S.ESCALATED, (R.MGR, R.UH), g.escalation_due),
    _row(
        "T20",
        C.ProveExecution,
        E.EXECUTION_PROVED,
        OPEN | {S.CLOSED, S.WITHDRAWN},
        None,
        (R.HND, R.FIN, R.UH),
        g.execution_owed,
        g.evidence_on_file,
    ),
    _row(
        "T23",
        C.RequestReview,
        E.REVIEW_REQUESTED,
        (S.REPLIED, S.RESOLVED, S.UNSATISFIED, S.CALLBACK_DONE, S.CLOSED, S.ARCHIVED),
        S.REVIEW,
        (R.MGR, R.UH, R.REP),
        g.within_review_window,
    ),
    _row(
        "T24",
        C.DecideReview,
        E.REVIEW_DECIDED,
        (S.REVIEW,),
        S.CLOSED,
        (R.EXE, R.CP, R.UH),
        g.not_own_review,
        g.actor_impartial,
    ),
    _row(
        "T25",
        C.RecordCallback,
        E.CALLED_BACK,
        (S.RESOLVED,),
        _called_back,
        (R.CB,),
        g.scores_in_range,
        g.callback_open,
        g.tried_on_three_days,
    ),
    _row(
        "A118",
        C.GiveFeedback,
        E.FEEDBACK_GIVEN,
        OPEN | {S.CLOSED, S.WITHDRAWN},
        None,
        (R.CB, R.HND, R.MGR),
        g.feedback_owed,
    ),
    _row(
        "N14",
        C.Score,
        E.SCORED,
        (S.REPLIED, S.RESOLVED, S.CALLBACK_DONE, S.CLOSED),
        None,
        (R.CUS, R.CB, R.REP),
        g.customer_was_told,
        g.some_score,
        g.scores_in_range,
    ),
    _row("T27", C.CloseUnanswered, E.CLOSED_UNANSWERED, (S.REPLIED,), S.CLOSED, (R.SYS,), g.waited_for_answer),
    _row(
        "T28",
        C.Archive,
        E.ARCHIVED,
        (S.CALLBACK_DONE, S.CLOSED, S.ANSWERED, S.WITHDRAWN),
        S.ARCHIVED,
        (R.MGR,),
        g.may_be_archived,
    ),
    _row("T29", C.Withdraw, E.WITHDRAWN, OPEN, S.WITHDRAWN, (R.CUS, R.REP, R.MGR, R.HND), g.own_case_as_handler),
    _row(
        "T30",
        C.AssessSuggestion,
        E.SUGGESTION_ASSESSED,
        (S.REGISTERED, S.TRIAGED),
        S.SUGGESTION_REVIEW,
        (R.MGR, R.UH),
        g.is_suggestion,
    ),
    _row("T30", C.DecideSuggestion, E.SUGGESTION_DECIDED, (S.SUGGESTION_REVIEW,), S.CLOSED, (R.UH,)),
    _row(
        "T31",
        C.Regrade,
        E.REGRADED,
        OPEN - {S.REGISTERED},
        _regraded,
        (R.MGR,),
        g.grading_changes,
        g.kind_may_change,
        g.raised_case_led,
        grading.scope_fits_level,
    ),
    _row(
        "A047",
        C.NameContingencyPlan,
        E.CONTINGENCY_PLANNED,
        OPEN - {S.REGISTERED},
        None,
        (R.MGR, R.UH),
        grading.owner_impartial,
    ),
    _row("T32", C.RecordReferral, E.REFERRAL_RECORDED, OPEN, None, (R.RL, R.MGR, R.REP)),
    _row("T32", C.ReportReferral, E.REFERRAL_REPORTED, ANSWERED | ENDED, None, (R.RL,), g.is_referral),
    _row("T4", C.TakeIn, E.TAKEN_IN, WORKED, None, (R.SYS,), g.not_answered),
    _row("T33", C.Reopen, E.REOPENED, (S.ARCHIVED,), S.REOPENED, (R.MGR,), g.agreed_by_another),
    _row("A023", C.HandOver, E.HANDED_OVER, OPEN, None, (R.REP, R.HND, R.MGR), g.new_owner_agrees),
    _row(
        "A053",
        C.ClearRedAlert,
        E.RED_ALERT_CLEARED,
        OPEN,
        None,
        (R.MGR,),
        g.red_alert_stands,
        g.not_by_handler,
        g.agreed_by_another,
    ),
    # Once it is approved nobody is left to sign for what was done first.
    _row(
        "A061",
        C.ActFirst,
        E.ACTED_FIRST,
        WORKED - {S.APPROVED},
        None,
        (R.REP, R.HND, R.UH, R.MGR),
        g.not_over_an_outcome,
    ),
    _row("A080", C.Note, E.NOTED, State, None, STAFF),
    _row("A011", C.LookAt, E.UNMASKED, State, None, (R.REP, R.MGR, R.HND, R.UH, R.CP, R.EXE, R.CB)),
    _row("law 21", C.RecordCall, E.CALL_RECORDED, State, None, (R.REP, R.HND, R.CB, R.MGR), g.outcome_to_read),
    _row("T2", C.Supplement, E.SUPPLEMENTED, OPEN, None, (R.SYS, R.CUS)),
    _row("T2", C.SuggestLink, E.LINK_SUGGESTED, OPEN, None, (R.SYS,)),
    _row("C.3", C.SoundAlarm, E.ALARM_SOUNDED, State, None, (R.SYS,), g.alarm_due),
    _row("D.9", C.Recompute, E.DATES_RECOMPUTED, State, None, (R.SYS,)),
)
OF: Mapping[type[Any], Transition] = {row.command: row for row in TABLE}
OF_EVENT: Mapping[EventKind, Transition] = {row.event: row for row in TABLE}
