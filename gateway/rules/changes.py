"""What each event does to a complaint's fields: ONE table. State and clocks are moved by lifecycle.py.

A change reads the event's JSON, not the command: an erased private part leaves it complete. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any, TypeVar

from gateway.model import (
    ChannelKind,
    ClockName,
    Complaint,
    Conclusion,
    ContentClass,
    Difficulty,
    Emotion,
    Event,
    EventKind,
    Evidence,
    EvidenceType,
    Flag,
    Horizon,
    Kind,
    Language,
    Level,
    Nature,
    Product,
    Result,
    Role,
    Scope,
    State,
    Topic,
)
from gateway.rules import clocks, commands
from gateway.rules.situation import Situation

Said = Mapping[str, Any]
Change = Callable[[Complaint, Said], Complaint]
Aspect = TypeVar("Aspect", bound=StrEnum)


def opened(command: commands.Register, s: Situation) -> Event:
    """Return the first event of a complaint."""
    return Event(
        kind=EventKind.OPENED,
        public={
            "number": command.number,
            "kind": command.kind.value,
            "level": command.level.value,
            "needs_review": command.needs_review,
            "channel": command.channel.value,
            "source": command.source,
            "language": command.language.value,
            "received_at": command.received_at.isoformat(),
            "registered_at": s.now.isoformat(),
            "promised_at": command.promised_at.isoformat(),
            "legal_at": command.legal_at.isoformat() if command.legal_at else None,
            "policy": command.policy,
            "message": command.message_id,
            **({"redacted": list(command.redacted)} if command.redacted else {}),
            "clocks": clocks.to_json(command.clocks),
        },
        private={"name": command.name},
    )


def open(complaint_id: str, event: Event) -> Complaint:
    """Return the complaint its first event makes."""
    public: Said = event.public
    legal_at = public["legal_at"]
    return Complaint(
        id=complaint_id,
        number=public["number"],
        state=State.REGISTERED,
        kind=Kind(public["kind"]),
        level=Level(public["level"]),
        needs_review=public["needs_review"],
        channel=ChannelKind(public["channel"]),
        source=public["source"],
        language=Language(public["language"]),
        received_at=datetime.fromisoformat(public["received_at"]),
        registered_at=datetime.fromisoformat(public["registered_at"]),
        promised_at=datetime.fromisoformat(public["promised_at"]),
        legal_at=datetime.fromisoformat(legal_at) if legal_at else None,
        policy=public["policy"],
        name=str(event.private.get("name", "")),
        clocks=clocks.from_json(public["clocks"]),
    )


def apply(complaint: Complaint, kind: EventKind, said: Said) -> Complaint:
    """Return the complaint after an event; one that changes no field leaves it as it is."""
    change = _CHANGES.get(kind)
    return change(complaint, said) if change else complaint


def _case(complaint: Complaint, **fields: Any) -> Complaint:
    return replace(complaint, case=replace(complaint.case, **fields))


def _moment(said: Said) -> datetime:
    return datetime.fromisoformat(said["at"])


def _flags(said: Said) -> frozenset[Flag]:
    return frozenset(Flag(flag) for flag in said["flags"])


def _if_said(kind: type[Aspect], value: str | None) -> Aspect | None:
    return kind(value) if value is not None else None


def _ended_as(result: Result) -> Change:
    return lambda c, said: _case(c, result=result, resume=None)


def _linked(c: Complaint, said: Said) -> Complaint:
    named = tuple(dict.fromkeys((*c.case.named, said["number"])))
    return _case(c, named=named, repeats=c.case.repeats or said["repeats"])


def _answered(c: Complaint, said: Said) -> Complaint:
    return _case(c, result=Result.ANSWERED, replied_at=_moment(said), told_at=_moment(said))


def _merged(c: Complaint, said: Said) -> Complaint:
    return _case(c, merged_into=said["into"])


def _graded(c: Complaint, said: Said) -> Complaint:
    level = Level(said["level"])
    graded = replace(c, kind=Kind(said["kind"]), level=level, needs_review=False)
    return _case(
        graded,
        nature=Nature(said["nature"]),
        flags=_flags(said),
        red_alert=level is Level.MAJOR,
        product=Product(said["product"]),
        branch=said["branch"],
        staff_involved=tuple(said["staff_involved"]),
        legal_hold=said["legal_hold"] or Flag.LEGAL_THREAT in _flags(said),
        graded_by=said["by"],
        topic=Topic(said["topic"]),
        emotion=_if_said(Emotion, said["emotion"]),
        content_class=_if_said(ContentClass, said["content_class"]),
        scope=_if_said(Scope, said["scope"]),
        horizon=_if_said(Horizon, said["horizon"]),
        difficulty=_if_said(Difficulty, said["difficulty"]),
        first_owner=c.case.first_owner or said["by"],
        current_owner=c.case.current_owner or said["by"],
    )


def _regraded(c: Complaint, said: Said) -> Complaint:
    level, kind = Level(said["level"]), _if_said(Kind, said["kind"]) or c.kind
    return _case(
        replace(c, level=level, kind=kind),
        flags=_flags(said),
        red_alert=c.case.red_alert or level is Level.MAJOR,
        legal_hold=c.case.legal_hold or Flag.LEGAL_THREAT in _flags(said),
        lead=said["lead"] or c.case.lead,
        scope=_if_said(Scope, said["scope"]) or c.case.scope,
        staff_involved=tuple(dict.fromkeys((*c.case.staff_involved, *said["staff_involved"]))),
    )


def _dispatched(c: Complaint, said: Said) -> Complaint:
    return _case(
        c, unit=said["unit"], handler=said["handler"], lead=said.get("lead", ""), approver=said.get("approver", "")
    )


def _rerouted(c: Complaint, said: Said) -> Complaint:
    # Whose work it was, and what they had asked or were given to sign, ends with them.
    return _case(
        c,
        unit=said["unit"],
        handler=said["handler"],
        approver=said["approver"],
        reroutes=c.case.reroutes + 1,
        assist_units=(),
        approvals=(),
    )


def _refused(c: Complaint, said: Said) -> Complaint:
    return _case(c, unit="", handler="", approver="", reroutes=c.case.reroutes + 1)


def _handed_over(c: Complaint, said: Said) -> Complaint:
    return _case(c, first_owner=c.case.first_owner or said["by"], current_owner=said["to"])


def _investigated(c: Complaint, said: Said) -> Complaint:
    # Another round's checker is whoever begins it: the handler of record from here on.
    return _case(c, handler=said["by"], contacted_at=_moment(said))


def _told(c: Complaint, said: Said) -> Complaint:
    return _case(c, contacted_at=_moment(said), progress_digest=said.get("digest", ""))


def _contacted(c: Complaint, said: Said) -> Complaint:
    return _case(c, contacted_at=_moment(said))


def _coordinated(c: Complaint, said: Said) -> Complaint:
    return _case(c, assist_units=tuple(said["units"]))


def _assisted(c: Complaint, said: Said) -> Complaint:
    return _case(c, assist_units=tuple(unit for unit in c.case.assist_units if unit != said["unit"]))


def _left_open(c: Complaint, said: Said) -> Complaint:
    return _case(c, assist_units=())


def _paused(c: Complaint, said: Said) -> Complaint:
    return _case(c, resume=c.state)


def _offered(c: Complaint, said: Said) -> Complaint:
    return _case(c, mediation_offered=True)


def _mediated(c: Complaint, said: Said) -> Complaint:
    return _case(_paused(c, said), mediation_offered=False)


def _unpaused(c: Complaint, said: Said) -> Complaint:
    return _case(c, resume=None)


def _extended(c: Complaint, said: Said) -> Complaint:
    promised = clocks.from_json(said["clocks"])[ClockName.PROMISED]
    return _case(c, extended_to=promised.due_at, contacted_at=_moment(said))


def _evidence(c: Complaint, said: Said) -> Complaint:
    piece = Evidence(
        id=said["id"], type=EvidenceType(said["type"]), sha256=said["sha256"], added_by=said["by"], at=_moment(said)
    )
    return _case(c, evidence=(*c.case.evidence, piece))


def _planned(c: Complaint, said: Said) -> Complaint:
    return _case(c, plan_saved=True, contacted_at=_moment(said) if said["customer_told"] else c.case.contacted_at)


def _contingency(c: Complaint, said: Said) -> Complaint:
    return _case(c, contingency_owner=said["owner"])


def _concluded(c: Complaint, said: Said) -> Complaint:
    if "findings" not in said:  # erased
        return _case(c, conclusion=None, approvals=())
    conclusion: Conclusion = commands.read(Conclusion, {**_only(said, Conclusion), "by": said["by"]})
    return _case(c, conclusion=conclusion, approvals=())


def _approved(c: Complaint, said: Said) -> Complaint:
    # Who signs for acting first has signed for all of it (A061).
    return _case(c, approvals=(*c.case.approvals, (Role(said["role"]), said["by"])), unpaid_approval=False)


def _sent_back(c: Complaint, said: Said) -> Complaint:
    return _case(c, approvals=())


def _replied(c: Complaint, said: Said) -> Complaint:
    at = _moment(said)
    return _case(
        c,
        replied_at=at,
        told_at=None,
        mediation_offered=False,
        contacted_at=at,
        result=Result(said["result"]),
        execution_due=date.fromisoformat(said["execution_due"]),
        executed_at=None,
        calls=0,
        called_on=None,
    )


def _confirmed(c: Complaint, said: Said) -> Complaint:
    # Who answers an outcome has been told it, however it got there (law 21).
    return _case(c, calls=0, called_on=None, told_at=c.case.told_at or _moment(said))


def _objected(c: Complaint, said: Said) -> Complaint:
    case = c.case
    return _case(
        c,
        told_at=case.told_at or _moment(said),
        objections=case.objections + 1,
        rounds=case.rounds + 1,
        checkers=_checkers(c),
        approvals=(),
    )


def _checkers(c: Complaint) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one for one in (*c.case.checkers, c.case.handler) if one))


def _executed(c: Complaint, said: Said) -> Complaint:
    return _case(c, executed_at=datetime.fromisoformat(said["executed_at"]))


def _called_back(c: Complaint, said: Said) -> Complaint:
    scored = _scored(c, said)
    return _objected(scored, said) if said["solved"] is False else scored


def _scored(c: Complaint, said: Said) -> Complaint:
    return _case(c, scores={**c.case.scores, **said["scores"]})


def _archived(c: Complaint, said: Said) -> Complaint:
    return _case(
        c,
        root_cause=said.get("root_cause", ""),
        report=bool(said.get("case_report", "")),
        retention_until=date.fromisoformat(said["kept_until"]),
    )


def _suggestion(c: Complaint, said: Said) -> Complaint:
    result = Result.ADOPTED if said["adopted"] else Result.NOT_ADOPTED
    return _case(c, result=result, replied_at=_moment(said), told_at=_moment(said), unpaid_approval=False)


def _assessed(c: Complaint, said: Said) -> Complaint:
    return _case(replace(c, needs_review=False), handler=said["to"])


def _referred(c: Complaint, said: Said) -> Complaint:
    flags = c.case.flags | {Flag.REGULATOR_REFERRAL}
    return _case(c, referral=said["reference"], referral_reported=False, flags=flags)


def _reported(c: Complaint, said: Said) -> Complaint:
    return _case(c, referral_reported=True)


def _reopened(c: Complaint, said: Said) -> Complaint:
    case = c.case
    return _case(
        c,
        rounds=case.rounds + 1,
        checkers=_checkers(c),
        approvals=(),
        replied_at=None,
        told_at=None,
        retention_until=None,
    )


def _cleared(c: Complaint, said: Said) -> Complaint:
    return _case(c, red_alert=False)


def _acted_first(c: Complaint, said: Said) -> Complaint:
    return _case(c, unpaid_approval=True)


def _called(c: Complaint, said: Said) -> Complaint:
    if said["reached"]:
        told_at = _moment(said) if said["outcome_read"] else c.case.told_at
        return _case(c, contacted_at=_moment(said), calls=0, called_on=None, told_at=told_at)
    day = date.fromisoformat(said["day"])
    told_at = _moment(said) if said["in_vain"] else c.case.told_at
    return _case(c, calls=clocks.failed_calls(c, day), called_on=day, told_at=told_at)


def _outcome_told(c: Complaint, said: Said) -> Complaint:
    return _case(c, told_at=_moment(said))


def _only(said: Said, kind: type[Any]) -> dict[str, Any]:
    return {name: said[name] for name in kind.__dataclass_fields__ if name in said}


_CHANGES: Mapping[EventKind, Change] = {
    EventKind.ANSWERED: _answered,
    EventKind.MERGED: _merged,
    EventKind.DECLINED: _ended_as(Result.NOT_HANDLED),
    EventKind.TRANSFERRED_OUT: _ended_as(Result.NOT_HANDLED),
    EventKind.WITHDRAWN: _ended_as(Result.WITHDRAWN),
    EventKind.LINK_SUGGESTED: _linked,
    EventKind.GRADED: _graded,
    EventKind.REGRADED: _regraded,
    EventKind.DISPATCHED: _dispatched,
    EventKind.REROUTED: _rerouted,
    EventKind.DISPATCH_REFUSED: _refused,
    EventKind.HANDED_OVER: _handed_over,
    EventKind.INVESTIGATION_BEGUN: _investigated,
    EventKind.INFORMATION_REQUESTED: _contacted,
    EventKind.PROGRESS_REPORTED: _told,
    EventKind.COORDINATION_OPENED: _coordinated,
    EventKind.ASSIST_ANSWERED: _assisted,
    EventKind.COORDINATION_CLOSED: _left_open,
    EventKind.APPRAISAL_STARTED: _paused,
    EventKind.APPRAISAL_ENDED: _unpaused,
    EventKind.MEDIATION_OFFERED: _offered,
    EventKind.MEDIATION_STARTED: _mediated,
    EventKind.MEDIATION_ENDED: _unpaused,
    EventKind.EXTENDED: _extended,
    EventKind.EVIDENCE_ADDED: _evidence,
    EventKind.PLAN_SAVED: _planned,
    EventKind.CONTINGENCY_PLANNED: _contingency,
    EventKind.CONCLUDED: _concluded,
    EventKind.APPROVED: _approved,
    EventKind.SENT_BACK: _sent_back,
    EventKind.REPLIED: _replied,
    EventKind.OUTCOME_SENT: _outcome_told,
    EventKind.CONFIRMED: _confirmed,
    EventKind.OBJECTED: _objected,
    EventKind.EXECUTION_PROVED: _executed,
    EventKind.CALLED_BACK: _called_back,
    EventKind.SCORED: _scored,
    EventKind.ARCHIVED: _archived,
    EventKind.SUGGESTION_ASSESSED: _assessed,
    EventKind.SUGGESTION_DECIDED: _suggestion,
    EventKind.REFERRAL_RECORDED: _referred,
    EventKind.REFERRAL_REPORTED: _reported,
    EventKind.REOPENED: _reopened,
    EventKind.RED_ALERT_CLEARED: _cleared,
    EventKind.ACTED_FIRST: _acted_first,
    EventKind.CALL_RECORDED: _called,
}
