"""Which clocks each command touches: ONE table (C.2, column «timers»). How they are counted is in clocks.py. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from gateway.model import ClockName, Complaint, Kind, Level, Role, State
from gateway.rules import approvals, clocks, commands
from gateway.rules.alarms import CHAINS, REMINDED
from gateway.rules.clocks import Clocks, Dating
from gateway.rules.situation import Situation

N = ClockName
_TOLD = (N.FIRST_CONTACT, N.NEXT_CONTACT)
_ANSWER = (N.TRIAGE, N.ACCEPT, N.RESOLVE, N.INQUIRY, N.PROMISED, N.PRELIM_PLAN, N.DAILY, *_TOLD)
_DAY = timedelta(days=1)
_SENT = (N.LEGAL, N.OUTCOME)
_OWED_TO_REMARKS = {N.FEEDBACK: "callback_written_feedback_within", N.FOLLOW_UP_ANSWER: "followup_answer_within"}

_BESIDE = (
    *(commands.AddEvidence, commands.ProveExecution, commands.SavePlan, commands.AnswerAssist, commands.LookAt),
    *(commands.Approve, commands.SendBack, commands.ActFirst, commands.NameContingencyPlan, commands.ClearRedAlert),
    *(commands.Regrade, commands.HandOver, commands.RecordReferral, commands.ReportReferral, commands.Score),
)
"""What people do about a case without having dealt with what its customer wrote last."""

Patch = Callable[[Complaint, Any, Situation], Clocks]


def patch(complaint: Complaint, command: commands.Command, s: Situation) -> Clocks:
    """Return the clocks a command changes."""
    touch = _TOUCHES.get(type(command))
    return _heard_before(complaint, _while_unread(complaint, command, s, touch(complaint, command, s) if touch else {}))


def _heard_before(c: Complaint, patch: Clocks) -> Clocks:
    """Let a clock that comes to the dates it had keep the count of its alarms: it is the same clock, counted again."""
    same = {
        name: replace(clock, sounded=max(clock.sounded, old.sounded))
        for name, clock in patch.items()
        if (old := c.clocks.get(name)) and (old.started_at, old.due_at) == (clock.started_at, clock.due_at)
    }
    return patch | same


def _while_unread(c: Complaint, command: Any, s: Situation, patch: Clocks) -> Clocks:
    """Let the customer's time to answer stand still while what they wrote waits to be read, and begin anew after it."""
    after = {**c.clocks, **patch}
    if clocks.is_open(c.clocks.get(N.READ)) and _deals_with_it(command, s):
        patch = patch | clocks.stopped(c.clocks, s.now, N.READ)
        stays = c.state is State.REPLIED and N.CONFIRM not in patch and not isinstance(command, commands.StartMediation)
        return patch | (_confirming(c, s) if stays and clocks.is_open(after.get(N.CONFIRM)) else {})
    answering = after.get(N.CONFIRM)
    if answering and answering.runs and clocks.is_open(after.get(N.READ)):
        return patch | {N.CONFIRM: replace(answering, paused_at=s.now)}
    return patch


def _deals_with_it(command: Any, s: Situation) -> bool:
    if s.actor.roles & {Role.SYS, Role.CUS} or isinstance(command, _BESIDE):
        return False
    return not isinstance(command, commands.RecordCall) or command.reached


def _dating(s: Situation) -> Dating:
    return Dating(s.policy, s.calendar)


def _stop(*names: ClockName) -> Patch:
    return lambda c, command, s: clocks.stopped(c.clocks, s.now, *names)


def _ended(c: Complaint, command: Any, s: Situation) -> Clocks:
    # What was promised, to a regulator or to the customer, is owed however the case ends (A089, A132).
    return clocks.all_stopped(c, s.now, but=(N.REFERRAL, N.EXECUTION, N.REMEDY, N.FEEDBACK, N.FOLLOW_UP_ANSWER))


def _written(c: Complaint, command: commands.Supplement, s: Situation) -> Clocks:
    waits = not command.answers or command.wish is not None
    begins = waits and not clocks.is_open(c.clocks.get(N.READ))
    read = _dating(s).started(N.READ, "read_within", c, s.now) if begins else {}
    return read | _reached(c, command, s)


def _reached(c: Complaint, command: commands.Supplement, s: Situation) -> Clocks:
    """Count anew until when the customer can be told, or not any more once they have left another way."""
    if s.window is None:
        return clocks.stopped(c.clocks, s.now, N.REACH)
    said_at, known = command.said_at or s.now, c.clocks.get(N.REACH)
    later = clocks.is_open(known) and known.started_at >= said_at  # what came first is not always what was said first
    return {} if later else clocks.reach(said_at, s.window, s.calendar)


def _graded(c: Complaint, command: commands.Grade, s: Situation) -> Clocks:
    patch = _dating(s).graded(c, command.kind, command.level, command.flags, s.now)
    acting = _dating(s).started(N.ACT, "act_within", c, c.received_at) if command.kind is Kind.COMPLAINT else {}
    return patch | acting


def _regraded(c: Complaint, command: commands.Regrade, s: Situation) -> Clocks:
    if command.kind not in (None, c.kind):
        patch = _dating(s).rekinded(c, command.kind, command.level, command.flags, s.now)
    else:
        patch = _dating(s).regraded(c, command.level, command.flags, s.now)
    if c.state not in (State.CONCLUDED, State.APPROVED):
        return patch
    if approvals.missing_after(c, command, s):
        return patch | clocks.stopped(c.clocks, s.now, N.OUTCOME)
    return patch | ({} if clocks.is_open(c.clocks.get(N.OUTCOME)) else _dating(s).outcome(c, s.now))


def _accepting(c: Complaint, command: Any, s: Situation) -> Clocks:
    return _dating(s).started(N.ACCEPT, "accept_within", c, s.now)


def _dispatched(c: Complaint, command: commands.Dispatch, s: Situation) -> Clocks:
    return clocks.stopped(c.clocks, s.now, N.DISPUTE) | _accepting(c, command, s)


def _rerouted(c: Complaint, command: commands.Reroute, s: Situation) -> Clocks:
    return clocks.stopped(c.clocks, s.now, N.MEETING, N.ASSIST, N.OUTCOME) | _accepting(c, command, s)


def _refused(c: Complaint, command: commands.RefuseDispatch, s: Situation) -> Clocks:
    return clocks.stopped(c.clocks, s.now, N.ACCEPT) | _dating(s).started(N.DISPUTE, "dispute_within", c, s.now)


def _acted_first(c: Complaint, command: commands.ActFirst, s: Situation) -> Clocks:
    owed = clocks.is_open(c.clocks.get(N.APPROVAL))  # what is done next does not put off what is owed already
    return {} if owed else _dating(s).started(N.APPROVAL, "approval_within", c, s.now)


def _told(c: Complaint, command: Any, s: Situation) -> Clocks:
    daily = _dating(s).daily(s.now) if N.DAILY in c.clocks and c.clocks[N.DAILY].runs else {}
    return clocks.stopped(c.clocks, s.now, *_TOLD) | daily


def _begun(c: Complaint, command: commands.Investigate, s: Situation) -> Clocks:
    proving = {} if c.case.evidence else _dating(s).started(N.EVIDENCE, "evidence_within", c, s.now)
    again = _dating(s).until_moment(N.NEXT_CONTACT, command.next_contact_at, s.now, "S0-8(5)")
    return _told(c, command, s) | clocks.stopped(c.clocks, s.now, N.ACT) | proving | again


def _coordinating(c: Complaint, command: commands.Coordinate, s: Situation) -> Clocks:
    dating = _dating(s)
    return dating.started(N.MEETING, "coordination_meeting_within", c, s.now) | dating.started(
        N.ASSIST, "assist_reply_within", c, s.now
    )


def _assisted(c: Complaint, command: commands.AnswerAssist, s: Situation) -> Clocks:
    left = set(c.case.assist_units) - {command.unit}
    return {} if left else clocks.stopped(c.clocks, s.now, N.ASSIST)


def _paused(c: Complaint, command: Any, s: Situation) -> Clocks:
    # The customer hears of the pause, and when it ends: that is the next contact (N10).
    return clocks.paused(c, s.now) | clocks.stopped(c.clocks, s.now, N.NEXT_CONTACT)


def _unpaused(c: Complaint, command: Any, s: Situation) -> Clocks:
    return _dating(s).unpaused(c, s.now)


def _extended(c: Complaint, command: commands.Extend, s: Situation) -> Clocks:
    return _dating(s).extended(c, command.until, s.now)[0]


def _planned(c: Complaint, command: commands.SavePlan, s: Situation) -> Clocks:
    return _dating(s).plan_told(c, s.now) if c.level is Level.MAJOR else {}


def _approved(c: Complaint, command: commands.Approve, s: Situation) -> Clocks:
    paid = clocks.stopped(c.clocks, s.now, N.APPROVAL)
    return paid if approvals.missing_after(c, command, s) else paid | _dating(s).outcome(c, s.now)


def _replied(c: Complaint, command: commands.Reply, s: Situation) -> Clocks:
    patch = clocks.stopped(c.clocks, s.now, *_ANSWER) | _dating(s).started(N.REMEDY, "remedy_within", c, s.now)
    if conclusion := c.case.conclusion:
        patch |= _dating(s).until(N.EXECUTION, clocks.execution_day(conclusion), s.now, "S4-§5")
    return patch


def _confirming(c: Complaint, s: Situation) -> Clocks:
    return _dating(s).started(N.CONFIRM, "confirm_within", c, s.now)


def _told_outcome(c: Complaint, s: Situation) -> Clocks:
    patch = clocks.stopped(c.clocks, s.now, *_SENT)
    if c.state is State.REPLIED:
        return patch | _confirming(c, s)
    if c.case.resume is State.REPLIED:  # meanwhile at a mediator's table: the time to answer begins after it
        return patch | {name: replace(clock, paused_at=s.now) for name, clock in _confirming(c, s).items()}
    return patch


def _outcome_sent(c: Complaint, command: commands.OutcomeSent, s: Situation) -> Clocks:
    return _told_outcome(c, s)


def _called(c: Complaint, command: commands.RecordCall, s: Situation) -> Clocks:
    """Treat an outcome as told to somebody whom calls on three days did not reach (law 21), and as followed up."""
    in_vain = _in_vain(c, s)
    if not (command.reached or in_vain):
        return {}
    waits = nobody_reached(c, command, s)
    called_back = not clocks.is_open(c.clocks.get(N.CALLBACK))
    followed = clocks.stopped(c.clocks, s.now, N.FINAL_FOLLOW_UP) if called_back else {}
    return followed | (_told_outcome(c, s) if waits or command.outcome_read else {})


def nobody_reached(c: Complaint, command: commands.RecordCall, s: Situation) -> bool:
    """Say whether this call proves that the outcome, which waits to be told, cannot be (law 21)."""
    waits = c.case.replied_at is not None and c.case.told_at is None
    return waits and not command.reached and _in_vain(c, s)


def _in_vain(c: Complaint, s: Situation) -> bool:
    return clocks.failed_calls(c, s.calendar.local_day(s.now)) >= clocks.UNREACHABLE


def _confirmed(c: Complaint, command: commands.Confirm, s: Situation) -> Clocks:
    # Who answers an outcome has been told it, however it got there (law 21).
    done = c.case.executed_at is not None
    patch = clocks.stopped(c.clocks, s.now, N.CONFIRM, *_SENT, *_ANSWER)
    patch |= {} if command.scored else _dating(s).started(N.SURVEY, "survey_within", c, s.now)
    return patch | (_dating(s).callback(s.now) if done else {})


def _executed(c: Complaint, command: commands.ProveExecution, s: Situation) -> Clocks:
    following = _dating(s).started(N.FINAL_FOLLOW_UP, "final_follow_up_within", c, command.executed_at)
    patch = clocks.stopped(c.clocks, s.now, N.EXECUTION, N.REMEDY) | following
    return patch | _dating(s).callback(command.executed_at) if c.state is State.RESOLVED else patch


def _objected(c: Complaint, command: Any, s: Situation) -> Clocks:
    return clocks.stopped(c.clocks, s.now, N.CONFIRM, N.CALLBACK, N.OUTCOME) | _dating(s).rechecked(c, s.now)


def _review(c: Complaint, command: commands.RequestReview, s: Situation) -> Clocks:
    patch = clocks.stopped(c.clocks, s.now, N.CONFIRM, N.CALLBACK, N.SURVEY, *_SENT, *_ANSWER)
    return patch | clocks.review(s.policy, command.received_at, s.calendar)


def _reviewed(c: Complaint, command: commands.DecideReview, s: Situation) -> Clocks:
    # A review changes nothing of what was promised: it is still carried out, reported, answered.
    return clocks.all_stopped(
        c, s.now, but=(N.REFERRAL, N.EXECUTION, N.REMEDY, N.FEEDBACK, N.FOLLOW_UP_ANSWER, N.FINAL_FOLLOW_UP)
    )


def _called_back(c: Complaint, command: commands.RecordCallback, s: Situation) -> Clocks:
    patch, dating = clocks.stopped(c.clocks, s.now, N.CALLBACK, N.SURVEY), _dating(s)
    if command.remarks:
        for name, timer in _OWED_TO_REMARKS.items():
            patch |= {} if clocks.is_open(c.clocks.get(name)) else dating.started(name, timer, c, s.now)
    return patch | dating.rechecked(c, s.now) if command.solved is False else patch


def _scored(c: Complaint, command: commands.Score, s: Situation) -> Clocks:
    # A score before the answer to the outcome is no answer, but no silence either (N14: 2 一般).
    answering = c.state is State.REPLIED and clocks.is_open(c.clocks.get(N.CONFIRM))
    return clocks.stopped(c.clocks, s.now, N.SURVEY) | (_confirming(c, s) if answering else {})


def _referral(c: Complaint, command: commands.RecordReferral, s: Situation) -> Clocks:
    patch, known = _dating(s).until(N.REFERRAL, command.due, s.now, "S1-5-10"), c.clocks.get(N.REFERRAL)
    earlier = known is not None and clocks.is_open(known) and known.due_at <= patch[N.REFERRAL].due_at
    return {} if earlier else patch  # another body's referral puts off none


def _suggestion(c: Complaint, command: Any, s: Situation) -> Clocks:
    return clocks.stopped(c.clocks, s.now, N.TRIAGE, N.DISPUTE)


def _taken_in(c: Complaint, command: commands.TakeIn, s: Situation) -> Clocks:
    return _dating(s).restarted(c, s.now) if command.new_facts else {}


def _reopened(c: Complaint, command: commands.Reopen, s: Situation) -> Clocks:
    return _dating(s).restarted(c, s.now)


def _sounded(c: Complaint, command: commands.SoundAlarm, s: Situation) -> Clocks:
    clock = c.clocks[command.clock]
    ends = clock.due_at
    rest = (clock.due_at - clock.started_at) * (1 - REMINDED)
    if command.clock is N.CONFIRM and command.sounded == 1 and ends - s.now < rest / 2:
        ends = s.now + rest  # who is reminded late still has the time to answer
    if command.clock is N.DAILY and command.sounded == len(CHAINS[N.DAILY]):
        return _another_day(s)  # a day that passed in silence is followed by another one (A067)
    return {command.clock: replace(clock, sounded=command.sounded, due_at=ends)}


def _another_day(s: Situation) -> Clocks:
    today = {name: replace(clock, started_at=s.now) for name, clock in _dating(s).daily(s.now - _DAY).items()}
    return today if all(clock.due_at > s.now for clock in today.values()) else _dating(s).daily(s.now)


def _recomputed(c: Complaint, command: Any, s: Situation) -> Clocks:
    return _dating(s).recomputed(c)


_TOUCHES: Mapping[type[Any], Patch] = {
    commands.Supplement: _written,
    commands.AnswerAtOnce: _ended,
    commands.Merge: _ended,
    commands.Decline: _ended,
    commands.TransferOut: _ended,
    commands.Grade: _graded,
    commands.Regrade: _regraded,
    commands.Dispatch: _dispatched,
    commands.RefuseDispatch: _refused,
    commands.ActFirst: _acted_first,
    commands.Reroute: _rerouted,
    commands.Accept: _stop(N.ACCEPT),
    commands.Investigate: _begun,
    commands.AddEvidence: _stop(N.EVIDENCE),
    commands.Approve: _approved,
    commands.ReportProgress: _told,
    commands.Coordinate: _coordinating,
    commands.AnswerAssist: _assisted,
    commands.CloseCoordination: _stop(N.MEETING, N.ASSIST),
    commands.StartAppraisal: _paused,
    commands.EndAppraisal: _unpaused,
    commands.StartMediation: _paused,
    commands.EndMediation: _unpaused,
    commands.Extend: _extended,
    commands.SavePlan: _planned,
    commands.Reply: _replied,
    commands.OutcomeSent: _outcome_sent,
    commands.Confirm: _confirmed,
    commands.Object: _objected,
    commands.ProveExecution: _executed,
    commands.RequestReview: _review,
    commands.DecideReview: _reviewed,
    commands.RecordCallback: _called_back,
    commands.RecordCall: _called,
    commands.GiveFeedback: _stop(N.FEEDBACK, N.FOLLOW_UP_ANSWER),
    commands.Score: _scored,
    commands.CloseUnanswered: _stop(N.CONFIRM),
    commands.Archive: _ended,
    commands.Withdraw: _ended,
    commands.AssessSuggestion: _suggestion,
    commands.DecideSuggestion: _ended,
    commands.RecordReferral: _referral,
    commands.ReportReferral: _stop(N.REFERRAL),
    commands.TakeIn: _taken_in,
    commands.Reopen: _reopened,
    commands.SoundAlarm: _sounded,
    commands.Recompute: _recomputed,
}
