"""What a command has to satisfy beside state and role (C.2 column «guard»): one function a rule, "" when it holds.

A guard that refuses returns "field:word"; WORDS says it to people, pages translate the word. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any

from gateway.model import ClockName, Complaint, Finding, FindingType, Flag, Kind, Level, Result, Role, State
from gateway.rules import approvals, clocks, commands
from gateway.rules.alarms import due_alarms
from gateway.rules.situation import Situation

Guard = Callable[[Complaint, Any, Situation], str]

WORDS: Mapping[str, str] = {
    "needs_dispatch": "only a question, or something answered in the talk itself, is answered at once",
    "needs_reason": "say why the grading differs from the suggestion",
    "partial": "somebody the complaint is about may not handle it",
    "needs_lead": "a major complaint needs a lead",
    "not_yours": "it is handled by somebody else",
    "same_checker": "another person than before looks again",
    "in_the_past": "the time must be ahead",
    "in_the_future": "this cannot have happened yet",
    "bank_has_it": "ask only for what the bank neither has nor can look up (law 13)",
    "after_promise": "the customer is to hear from the bank by the promised date, or within a day where that is later",
    "too_late": "the meeting is within one working day",
    "not_asked": "this unit was not asked",
    "nobody_asked": "name the units that are asked",
    "not_agreed": "whom it concerns has to agree first",
    "one_person": "two people decide this together",
    "expired": "the date has passed: it can no longer be extended",
    "not_in_writing": "an extension is told in writing, and no written way reaches the customer",
    "needs_executive": "this far an executive has to extend it (law 18)",
    "beyond_law": "the law does not permit a date that late",
    "beyond_rule": "the bank's own rule book permits no date that late",
    "not_later": "an extension needs a later date than the one promised",
    "known": "this piece of evidence is on file already",
    "repeats_yesterday": "this was told the last time: say what is new",
    "no_evidence": "a conclusion rests on at least one piece of evidence on file",
    "no_basis": "a refusal names the rule or contract clause, and the reason in plain words",
    "no_result": "this is no result of checking a complaint",
    "not_verifiable": "an improvement has a measure, an owner, a time limit and a standard to verify it by",
    "bad_amount": "give an amount such as 1200.50, the currency such as CNY, the account's last four digits or none",
    "no_such_day": "name a day from today on, within five years",
    "no_remedy": "where the bank is at fault the customer is told what it does about it",
    "plan_untold": "a first plan was promised: say it in the customer's words",
    "no_plan": "a major complaint has a preliminary plan first",
    "no_contingency": "what is urgent, repeated or a group's has a contingency plan with a named owner first",
    "no_explanation": "where the customer misunderstood, say in plain words how it is",
    "too_low": "what touches many customers is at least important",
    "not_reached": "only the customer, when they are spoken to, shows that a contact is theirs",
    "own_work": "nobody approves or reviews their own work",
    "not_missing": "this approval is not missing",
    "incomplete": "the outcome lacks findings, measures or basis",
    "not_told": "the outcome has not been sent yet",
    "not_due": "it is escalated after a second objection or on a red flag",
    "not_on_file": "put the proof on file first",
    "window_closed": "a review is asked for within 30 days of the decision (law 20)",
    "no_branch": "only a branch's decision on a complaint goes to its superior (law 20)",
    "out_of_range": "scores are 1 to 5 for overall, efficiency, quality, attitude or process",
    "not_open": "the callback's window has not opened",
    "not_tried": "nobody is given up before calls on three different days",
    "still_time": "the customer still has time to answer",
    "unread": "a message of the customer waits to be read",
    "no_outcome": "it cannot be filed before the customer was told the outcome",
    "no_report": "the referring body has to be told first",
    "not_executed": "the proof that it was done is missing",
    "no_root_cause": "say the root cause and what is improved",
    "no_case_report": "a major or important complaint needs its case report",
    "feedback_owed": "the customer was promised written feedback on the callback",
    "follow_up_owed": "the last follow-up call has not been made",
    "approval_owed": "something was done before its approval: that is still owed",
    "answered": "it was answered already: what is new is handled by itself",
    "no_suggestion": "it is not a suggestion",
    "no_change": "nothing would change",
    "no_referral": "no regulator waits for a report",
    "no_alert": "there is no red alert",
    "by_handler": "who handles the case does not end its red alert",
    "not_sounding": "no alarm of this clock is due",
}
_SCORES = frozenset({"overall", "efficiency", "quality", "attitude", "process"})
_REFUSED = frozenset({Result.REJECTED_WITH_BASIS, Result.PARTLY_UPHELD})
_RESULTS = frozenset({Result.UPHELD, Result.SETTLED, *_REFUSED})
_AT_FAULT = frozenset({Finding.SUBSTANTIATED, Finding.PARTLY})
_FAULT = frozenset({FindingType.VIOLATION, FindingType.WORK_ERROR, FindingType.PRODUCT_ISSUE, FindingType.SYSTEM_FAULT})

_AMOUNT = re.compile(r"(0|[1-9]\d{0,11})(\.\d{1,2})?")
_CURRENCY = re.compile(r"[A-Z]{3}")
_TAIL = re.compile(r"(\d{4})?")
_DAY = timedelta(days=1)
_LONGEST = 2000  # characters of a part of an improvement plan
_LONGEST_WAIT = timedelta(days=5 * 366)
_CLOCKS_DIFFER = timedelta(minutes=5)  # between two machines, before a moment counts as ahead


def plan_is_told(complaint: Complaint, command: commands.SavePlan, s: Situation) -> str:
    owed = complaint.level is Level.MAJOR and complaint.kind is Kind.COMPLAINT
    return "told:plan_untold" if owed and not command.told else ""


def progress_digest(command: commands.ReportProgress) -> str:
    """Return what tells one day's progress from another's."""
    said = "\n".join("".join(text.split()) for text in (command.done, command.waiting, command.next))
    return sha256(said.encode()).hexdigest()[:16]


def is_simple(complaint: Complaint, command: commands.AnswerAtOnce, s: Situation) -> str:
    if complaint.case.unpaid_approval:
        return ":approval_owed"
    # A complaint that nobody has graded may be a grave one, whatever level it has been given for now.
    simple = complaint.level is Level.GENERAL and not complaint.needs_review and complaint.case.rounds == 1
    return "" if complaint.kind is not Kind.COMPLAINT or simple else "answer:needs_dispatch"


def override_has_reason(complaint: Complaint, command: commands.Grade, s: Situation) -> str:
    same = (command.kind, command.level) == (complaint.kind, complaint.level)
    return "" if same or command.reason else "reason:needs_reason"


def handler_impartial(complaint: Complaint, command: Any, s: Situation) -> str:
    return "handler:partial" if command.handler in complaint.case.staff_involved else ""


def major_led(complaint: Complaint, command: commands.Dispatch, s: Situation) -> str:
    if command.lead in complaint.case.staff_involved:
        return "lead:partial"
    return "lead:needs_lead" if complaint.level is Level.MAJOR and not command.lead else ""


def raised_case_led(complaint: Complaint, command: commands.Regrade, s: Situation) -> str:
    involved = {*complaint.case.staff_involved, *command.staff_involved}
    if command.lead in involved:
        return "lead:partial"
    led = command.lead or complaint.case.lead not in {"", *involved}
    return "lead:needs_lead" if command.level is Level.MAJOR and complaint.case.unit and not led else ""


def actor_impartial(complaint: Complaint, command: Any, s: Situation) -> str:
    return ":partial" if s.actor.id in complaint.case.staff_involved else ""


def new_owner_agrees(complaint: Complaint, command: commands.HandOver, s: Situation) -> str:
    if command.to == complaint.case.current_owner:
        return "to:no_change"
    return "" if command.agreed else "agreed:not_agreed"


def agreed_by_another(complaint: Complaint, command: Any, s: Situation) -> str:
    return "agreed_by:one_person" if command.agreed_by == s.actor.id else ""


def own_case(complaint: Complaint, command: Any, s: Situation) -> str:
    """Refuse a handler who is not the one named; others come by their own role."""
    only_handler = Role.HND in s.actor.roles and not s.actor.roles & {Role.UH, Role.SYS, Role.LEG}
    return ":not_yours" if only_handler and s.actor.id != complaint.case.handler else ""


def own_case_as_handler(complaint: Complaint, command: Any, s: Situation) -> str:
    """Refuse as `own_case` does, save who speaks for the customer of any case."""
    return "" if s.actor.roles & {Role.REP, Role.MGR} else own_case(complaint, command, s)


def checks_anew(complaint: Complaint, command: commands.Dispatch | commands.Reroute, s: Situation) -> str:
    return "handler:same_checker" if command.handler in complaint.case.checkers else ""


def may_check(complaint: Complaint, command: commands.Investigate, s: Situation) -> str:
    """Refuse all but the handler in the first round, and in another one whoever has checked it before (N13)."""
    if complaint.case.rounds == 1:
        return own_case(complaint, command, s)
    return ":same_checker" if s.actor.id in complaint.case.checkers else ""


def next_contact_ahead(complaint: Complaint, command: commands.Investigate, s: Situation) -> str:
    if command.next_contact_at <= s.now:
        return "next_contact_at:in_the_past"
    # By then the answer itself is promised; whose promise has passed already is contacted within a day.
    latest = max(complaint.promised_at, s.now + _DAY)
    return "next_contact_at:after_promise" if command.next_contact_at > latest else ""


def bank_has_none(complaint: Complaint, command: commands.AskCustomer, s: Situation) -> str:
    return "" if command.bank_has_none and command.items else "items:bank_has_it"


def units_named(complaint: Complaint, command: commands.Coordinate, s: Situation) -> str:
    return "" if command.units else "units:nobody_asked"


def meeting_in_time(complaint: Complaint, command: commands.Coordinate, s: Situation) -> str:
    if command.meeting_at <= s.now:
        return "meeting_at:in_the_past"
    patch = clocks.Dating(s.policy, s.calendar).started(
        ClockName.MEETING, "coordination_meeting_within", complaint, s.now
    )
    late = any(command.meeting_at > clock.due_at for clock in patch.values())
    return "meeting_at:too_late" if late else ""


def asked_unit(complaint: Complaint, command: commands.AnswerAssist, s: Situation) -> str:
    if s.actor.unit not in ("", command.unit, complaint.case.unit):
        return "unit:not_yours"
    return "" if command.unit in complaint.case.assist_units else "unit:not_asked"


def customer_agreed(complaint: Complaint, command: commands.StartMediation, s: Situation) -> str:
    return "" if command.customer_agreed else "customer_agreed:not_agreed"


def not_expired(complaint: Complaint, command: commands.Extend, s: Situation) -> str:
    legal = complaint.clocks.get(ClockName.LEGAL)
    late = s.now >= complaint.promised_at or (clocks.is_open(legal) and s.now >= legal.due_at)
    return "until:expired" if late else ""


def told_in_writing(complaint: Complaint, command: commands.Extend, s: Situation) -> str:
    return "" if s.writable else ":not_in_writing"


def extension_approved(complaint: Complaint, command: commands.Extend, s: Situation) -> str:
    _, stage = clocks.Dating(s.policy, s.calendar).extended(complaint, command.until, s.now)
    executive = stage is not None and stage.approve_by
    return "until:needs_executive" if executive and Role.EXE not in s.actor.roles else ""


def new_evidence(complaint: Complaint, command: commands.AddEvidence, s: Situation) -> str:
    return "id:known" if any(piece.id == command.id for piece in complaint.case.evidence) else ""


def says_something_new(complaint: Complaint, command: commands.ReportProgress, s: Situation) -> str:
    return "done:repeats_yesterday" if progress_digest(command) == complaint.case.progress_digest else ""


def has_evidence(complaint: Complaint, command: commands.Conclude, s: Situation) -> str:
    known = {piece.id for piece in complaint.case.evidence}
    return "" if command.evidence and known.issuperset(command.evidence) else "evidence:no_evidence"


def rejection_has_basis(complaint: Complaint, command: commands.Conclude, s: Situation) -> str:
    if command.result not in _REFUSED:
        return ""
    return "" if any(command.basis) and command.reason else "basis:no_basis"


def fault_is_put_right(complaint: Complaint, command: commands.Conclude, s: Situation) -> str:
    """Refuse to let a fault of the bank that was found go with a mere refusal (A085, A086)."""
    found = command.finding in _AT_FAULT and command.finding_type in _FAULT
    return "result:no_remedy" if found and command.result is Result.REJECTED_WITH_BASIS else ""


def misunderstanding_explained(complaint: Complaint, command: commands.Conclude, s: Situation) -> str:
    misunderstood = command.finding_type is FindingType.CUSTOMER_MISUNDERSTANDING
    return "reason:no_explanation" if misunderstood and not command.reason else ""


def result_fits(complaint: Complaint, command: commands.Conclude, s: Situation) -> str:
    fits = command.result in _RESULTS or (command.result is Result.ANSWERED and complaint.kind is not Kind.COMPLAINT)
    return "" if fits else "result:no_result"


def improvement_verifiable(complaint: Complaint, command: commands.Conclude, s: Situation) -> str:
    plan = command.improvement
    texts = (plan.measure, plan.owner, plan.verification)
    if not all(0 < len(text.strip()) <= _LONGEST for text in texts):
        return "improvement:not_verifiable"
    return "" if _payable_day(plan.due, s) else "improvement:no_such_day"


def amount_payable(complaint: Complaint, command: commands.Conclude, s: Situation) -> str:
    paid = command.compensation
    if paid is None:
        return ""
    known = ((_AMOUNT, paid.amount), (_CURRENCY, paid.currency), (_TAIL, paid.account_tail))
    written = all(form.fullmatch(text) for form, text in known)
    if not written or Decimal(paid.amount) <= 0:
        return "compensation:bad_amount"
    return "" if _payable_day(paid.arrival, s) else "compensation:no_such_day"


def _payable_day(day: date, s: Situation) -> bool:
    """Say whether something can be done by this day: none that has passed, none beyond what a customer waits for."""
    today = s.calendar.local_day(s.now)
    return today <= day <= today + _LONGEST_WAIT


def plan_before_conclusion(complaint: Complaint, command: commands.Conclude, s: Situation) -> str:
    return ":no_plan" if complaint.level is Level.MAJOR and not complaint.case.plan_saved else ""


def not_own_conclusion(complaint: Complaint, command: commands.Approve, s: Situation) -> str:
    case = complaint.case
    own = {case.handler, case.conclusion.by if case.conclusion else ""}
    return ":own_work" if s.actor.id in own else ""


def approval_missing(complaint: Complaint, command: commands.Approve, s: Situation) -> str:
    if any(staff == s.actor.id for _, staff in complaint.case.approvals):
        return ":not_missing"  # two signatures are two people's
    return "" if approvals.missing(complaint, s) & s.actor.roles else ":not_missing"


def outcome_complete(complaint: Complaint, command: commands.Reply, s: Situation) -> str:
    conclusion = complaint.case.conclusion
    if conclusion is None or not (conclusion.findings and conclusion.measures):
        return ":incomplete"
    return "" if conclusion.result not in _REFUSED or any(conclusion.basis) else ":incomplete"


def confirmed_by_now(complaint: Complaint, command: commands.Confirm, s: Situation) -> str:
    return "confirmed_at:in_the_future" if command.confirmed_at > s.now + _CLOCKS_DIFFER else ""


def customer_was_told(complaint: Complaint, command: Any, s: Situation) -> str:
    """Refuse to read a message as the answer to an outcome that has not left yet; people know what they record."""
    return ":not_told" if complaint.case.told_at is None and Role.CUS in s.actor.roles else ""


def escalation_due(complaint: Complaint, command: commands.Escalate, s: Situation) -> str:
    return "" if complaint.case.objections > 1 or complaint.case.red_alert else ":not_due"


def execution_owed(complaint: Complaint, command: commands.ProveExecution, s: Situation) -> str:
    if complaint.case.execution_due is None or complaint.case.executed_at is not None:
        return ":no_change"
    return "executed_at:in_the_future" if command.executed_at > s.now + _CLOCKS_DIFFER else ""


def evidence_on_file(complaint: Complaint, command: commands.ProveExecution, s: Situation) -> str:
    return "" if any(piece.id == command.evidence for piece in complaint.case.evidence) else "evidence:not_on_file"


def within_review_window(complaint: Complaint, command: commands.RequestReview, s: Situation) -> str:
    if not complaint.case.by_branch or complaint.kind is not Kind.COMPLAINT:
        return ":no_branch"
    if command.received_at > s.now + _CLOCKS_DIFFER:
        return "received_at:in_the_future"
    decided_at = complaint.case.told_at  # law 20 counts from the receipt of the decision
    ends = clocks.window_of_review(s.policy, decided_at, s.calendar) if decided_at else None
    if decided_at is None or ends is None:
        return "received_at:window_closed"
    early = s.calendar.local_day(command.received_at) < s.calendar.local_day(decided_at)
    return "received_at:window_closed" if early or command.received_at > ends else ""


def not_own_review(complaint: Complaint, command: commands.DecideReview, s: Situation) -> str:
    case = complaint.case
    own = {case.handler, *case.checkers, *(staff for _, staff in case.approvals)}
    return ":own_work" if s.actor.id in own else ""


def scores_in_range(complaint: Complaint, command: Any, s: Situation) -> str:
    fits = command.scores.keys() <= _SCORES and all(1 <= score <= 5 for score in command.scores.values())
    return "" if fits else "scores:out_of_range"


def some_score(complaint: Complaint, command: commands.Score, s: Situation) -> str:
    return "" if command.scores else "scores:out_of_range"


def tried_on_three_days(complaint: Complaint, command: commands.RecordCallback, s: Situation) -> str:
    given_up = command.solved is None and complaint.case.calls < clocks.UNREACHABLE
    return "solved:not_tried" if given_up else ""


def callback_open(complaint: Complaint, command: commands.RecordCallback, s: Situation) -> str:
    clock = complaint.clocks.get(ClockName.CALLBACK)
    if clock is None:
        return ":not_executed"
    opens = clocks.Dating(s.policy, s.calendar).callback_opens(clock.started_at)
    return "" if s.now >= opens else ":not_open"


def waited_for_answer(complaint: Complaint, command: commands.CloseUnanswered, s: Situation) -> str:
    if clocks.is_open(complaint.clocks.get(ClockName.READ)):
        return ":unread"  # whoever wrote has been heard from
    clock = complaint.clocks.get(ClockName.CONFIRM)
    return "" if clock and clock.runs and s.now >= clock.due_at else ":still_time"


def may_be_archived(complaint: Complaint, command: commands.Archive, s: Situation) -> str:
    """Refuse while anything is owed: the outcome, a report, an approval, the execution, feedback, the papers (A112)."""
    case = complaint.case
    if case.referral and not case.referral_reported:
        return ":no_report"
    if complaint.state is State.WITHDRAWN:
        return _undone(complaint)
    return _owed(complaint) or _unfiled(complaint, command)


def _owed(complaint: Complaint) -> str:
    case = complaint.case
    if case.told_at is None:
        return ":no_outcome"
    return ":approval_owed" if case.unpaid_approval else _undone(complaint)


def _undone(complaint: Complaint) -> str:
    """Return what was promised to the customer and has not been done."""
    case = complaint.case
    if clocks.is_open(complaint.clocks.get(ClockName.FEEDBACK)):
        return ":feedback_owed"
    if clocks.is_open(complaint.clocks.get(ClockName.FINAL_FOLLOW_UP)):
        return ":follow_up_owed"
    if clocks.is_open(complaint.clocks.get(ClockName.READ)):
        return ":unread"
    return ":not_executed" if case.execution_due is not None and case.executed_at is None else ""


def _unfiled(complaint: Complaint, command: commands.Archive) -> str:
    if Flag.REPEAT in complaint.case.flags and not command.root_cause:
        return "root_cause:no_root_cause"
    return "case_report:no_case_report" if complaint.level is not Level.GENERAL and not command.case_report else ""


def feedback_owed(complaint: Complaint, command: commands.GiveFeedback, s: Situation) -> str:
    return "" if clocks.is_open(complaint.clocks.get(ClockName.FEEDBACK)) else ":no_change"


def not_answered(complaint: Complaint, command: commands.TakeIn, s: Situation) -> str:
    """Refuse new facts where a mediator sits over an outcome: they are a complaint of their own."""
    return ":answered" if complaint.case.resume in (State.REPLIED, State.UNSATISFIED) else ""


def is_suggestion(complaint: Complaint, command: Any, s: Situation) -> str:
    return "" if complaint.kind is Kind.SUGGESTION else ":no_suggestion"


def grading_changes(complaint: Complaint, command: commands.Regrade, s: Situation) -> str:
    case = complaint.case
    same = (command.level, command.flags, command.scope or case.scope) == (complaint.level, case.flags, case.scope)
    same = same and command.kind in (None, complaint.kind)
    return "level:no_change" if same and set(command.staff_involved) <= set(case.staff_involved) else ""


def kind_may_change(complaint: Complaint, command: commands.Regrade, s: Situation) -> str:
    """Refuse another kind once the customer was answered, and a suggestion where somebody handles it already."""
    if command.kind in (None, complaint.kind):
        return ""
    dispatched = complaint.case.handler and complaint.state is not State.SUGGESTION_REVIEW
    handled = dispatched and command.kind is Kind.SUGGESTION
    return "kind:answered" if handled or complaint.case.replied_at is not None else ""


def is_referral(complaint: Complaint, command: Any, s: Situation) -> str:
    return "" if complaint.case.referral and not complaint.case.referral_reported else ":no_referral"


def red_alert_stands(complaint: Complaint, command: commands.ClearRedAlert, s: Situation) -> str:
    return "" if complaint.case.red_alert else ":no_alert"


def not_by_handler(complaint: Complaint, command: commands.ClearRedAlert, s: Situation) -> str:
    return ":by_handler" if complaint.case.handler in (s.actor.id, command.agreed_by) else ""


def outcome_to_read(complaint: Complaint, command: commands.RecordCall, s: Situation) -> str:
    waits = complaint.case.replied_at is not None and complaint.case.told_at is None
    return "" if not command.outcome_read or (command.reached and waits) else "outcome_read:no_change"


def not_over_an_outcome(complaint: Complaint, command: commands.ActFirst, s: Situation) -> str:
    """Refuse what nobody would sign for: over an outcome the mediator's table is no time to act first."""
    return ":answered" if complaint.case.resume in (State.REPLIED, State.UNSATISFIED) else ""


def decided_impartially(complaint: Complaint, command: Any, s: Situation) -> str:
    """Refuse to sign or send what somebody concluded who turned out to be involved (law 17)."""
    conclusion = complaint.case.conclusion
    return ":partial" if conclusion is not None and conclusion.by in complaint.case.staff_involved else ""


def outcome_untold(complaint: Complaint, command: commands.OutcomeSent, s: Situation) -> str:
    """Refuse a second telling, and that of an outcome which is not the present one any more."""
    case = complaint.case
    waits = case.told_at is None and case.replied_at == command.decided_at
    return "" if waits else ":no_change"


def alarm_due(complaint: Complaint, command: commands.SoundAlarm, s: Situation) -> str:
    due = due_alarms(complaint, s.now, s.calendar).get(command.clock, 0)
    clock = complaint.clocks.get(command.clock)
    return "" if clock is not None and clock.sounded < command.sounded <= due else ":not_sounding"
