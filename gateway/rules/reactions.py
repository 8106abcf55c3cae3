"""What each event causes: ONE table, from an event to who is told what (C.2 column «notices», E.1). Pure.

A telling names a role, never an address: who holds the role is routing.py's business. `details` are what the notice has
to say beyond number, dates and telephone, frozen here; names that end in _at are moments, in _on dates, both ISO 8601.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from gateway.model import (
    ClockName,
    Complaint,
    Event,
    EventKind,
    Finding,
    FindingType,
    Flag,
    Kind,
    Level,
    NoticeKind,
    Result,
    Role,
    State,
    Wish,
)
from gateway.rules import clocks, grading, masks
from gateway.rules.alarms import Alarm, sounding

CUSTOMER = "customer"
LIAISON = "liaison"
ASSIST = "assist:"  # in front of a unit's name: its liaison
HEAD = "head:"  # in front of a unit's name
PERSON = "staff:"  # in front of a staff number
LEAD = "lead"
CONTINGENCY_OWNER = "contingency_owner"
PRODUCT_UNIT = "product_unit"  # the liaison of the unit that the product is routed to
RELATIONS = "customer_relations"  # the liaison of that unit, in a bank that has one (A113)
REROUTES = 2  # times a case may be passed on before 消保部 hears of it (A076)

Details = Mapping[str, object]
K = NoticeKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """One notice to one recipient: "customer", a role, or one of the names above."""

    kind: NoticeKind
    to: str
    details: Details = field(default_factory=dict)
    call: bool = False  # beside the message a person telephones (A102)
    if_any: bool = False  # nobody need be there to hear it


Causes = Callable[[Complaint, Complaint, Mapping[str, Any]], list[Telling]]


def tellings(before: Complaint | None, after: Complaint, event: Event) -> list[Telling]:
    """Return what an event causes to be told, and to whom."""
    if event.kind is EventKind.OPENED:  # S1-5-7, A093: accepted, time limit, contact
        # Of what came in on paper weeks ago nobody is promised a day that has passed (A025).
        details: Details = {"overdue": True} if after.promised_at <= after.registered_at else {}
        return [Telling(kind=K.ACKNOWLEDGEMENT, to=CUSTOMER, details=details), *_warned(event.public)]
    causes = _CAUSES.get(event.kind)
    if causes is None or before is None:
        return []
    return causes(before, after, {**event.public, **event.private})


def _tell(kind: NoticeKind, *names: str, to: str = CUSTOMER) -> Causes:
    """Tell one notice with these of the event's own words."""
    return lambda before, after, said: [Telling(kind=kind, to=to, details={name: said[name] for name in names})]


def _no_route(before: Complaint, after: Complaint, said: Mapping[str, Any]) -> list[Telling]:
    details = {**_clock(after, ClockName.PROMISED), "why": "no_route"}
    return [Telling(kind=K.DEADLINE, to=Role.MGR, details=details)]


def _warned(said: Mapping[str, Any]) -> list[Telling]:
    """Warn a customer who sent a password, a code or card data (N23; D.3): the kind is named, never the value."""
    kinds = said.get("redacted")
    return [Telling(kind=K.SECURITY_NOTE, to=CUSTOMER, details={"kinds": kinds})] if kinds else []


def _supplemented(before: Complaint, after: Complaint, said: Mapping[str, Any]) -> list[Telling]:
    """Tell whoever has to read what the customer wrote (S0-8(5)); of a plain answer its own event tells."""
    wish = Wish(said["wish"]) if said["wish"] else None
    noted = [Telling(kind=K.CONTACT_NOTED, to=CUSTOMER)] if said["left"] else []
    if said["answers"] and wish is None and before.state is not State.NEED_INFO:
        return [*noted, *_warned(said)]
    name = ClockName.READ if clocks.is_open(after.clocks.get(ClockName.READ)) else ClockName.PROMISED
    details = {**_clock(after, name), "why": wish.value if wish else "customer_wrote"}
    readers = [Telling(kind=K.DEADLINE, to=to, details=details) for to in _readers(after, wish)]
    return [*noted, *_warned(said), *readers]


def _readers(complaint: Complaint, wish: Wish | None) -> tuple[Role, ...]:
    if wish is Wish.ANOTHER_LOOK:  # N14: 客户意见管理岗 and the callback's desk contact them
        return (Role.MGR, Role.CB)
    if not complaint.case.handler:
        return (Role.MGR,)
    return (Role.HND, Role.MGR) if wish else (Role.HND,)  # a withdrawal ends the case the same day (law 15)


def _answered(before: Complaint, after: Complaint, said: Mapping[str, Any]) -> list[Telling]:
    kind = K.INQUIRY_ANSWER if after.kind is Kind.INQUIRY else K.ANSWER
    return [Telling(kind=kind, to=CUSTOMER, details={"answer": said["answer"]})]


def _graded(before: Complaint, after: Complaint, said: Mapping[str, Any]) -> list[Telling]:
    told = _redated(before, after, said)
    if after.level is Level.MAJOR and not (before.level is Level.MAJOR and before.case.graded_by):
        told += _red_alert(after, said)
    if after.case.legal_hold and not before.case.legal_hold:  # A091: 法务 hears early, the evidence is frozen
        details = {**_clock(after, ClockName.PROMISED), "why": "legal"}
        told.append(Telling(kind=K.DEADLINE, to=Role.LEG, details=details))
    if {Flag.CLUSTER, Flag.GROUP} & (after.case.flags - before.case.flags):
        told += [Telling(kind=K.CLUSTER_ALERT, to=role, details=_work(after)) for role in (Role.MGR, Role.CP, Role.PR)]
    if grading.owes_contingency(after) and not grading.owes_contingency(before):  # A044, A047
        details = {**_clock(after, ClockName.PROMISED), "why": "contingency_owed"}
        told.append(Telling(kind=K.DEADLINE, to=Role.MGR, details=details))
    if before.level is Level.MAJOR and before.case.graded_by and after.level is not Level.MAJOR:
        details = {**_clock(after, ClockName.PROMISED), "why": "downgraded"}
        told.append(Telling(kind=K.DEADLINE, to=Role.CP, details=details))
    return told + _asked_to_sign(before, after, said)  # another level needs other signatures (A059)


def _contingency(before: Complaint, after: Complaint, said: Mapping[str, Any]) -> list[Telling]:
    details = {**_clock(after, ClockName.PROMISED), "why": "contingency_named"}
    return [Telling(kind=K.DEADLINE, to=CONTINGENCY_OWNER, details=details)]


def _redated(before: Complaint, after: Complaint, said: Mapping[str, Any]) -> list[Telling]:
    if after.promised_at >= before.promised_at or after.promised_at <= datetime.fromisoformat(said["at"]):
        return []  # nobody is promised a day that has passed
    details = {"promised_at": _iso(after.promised_at)}  # A.13 rule 8
    return [Telling(kind=K.BROUGHT_FORWARD, to=CUSTOMER, details=details)]


def _red_alert(after: Complaint, said: Mapping[str, Any]) -> list[Telling]:
    # 消保部 and 分管行领导 at the same time, each also by telephone (A053, A102); the unit's head once there is a unit.
    to = [Role.CP, Role.EXE, Role.MGR, *([Role.UH] if after.case.unit else [])]
    details = _alert(after, said["reason"])
    return [Telling(kind=K.RED_ALERT, to=one, details=details, call=one in (Role.CP, Role.EXE)) for one in to]


def _alert(after: Complaint, reason: str) -> dict[str, object]:
    plan = after.clocks.get(ClockName.PRELIM_PLAN)
    return {**_work(after), "reason": reason, "lead": after.case.lead, "plan_at": _iso(plan.due_at) if plan else ""}


def _dispatched(before: Complaint, after: Complaint, said: Mapping[str, Any]) -> list[Telling]:
    accept = after.clocks.get(ClockName.ACCEPT)
    details = {**_work(after), "accept_at": _iso(accept.due_at) if accept else ""}
    told = [Telling(kind=K.DISPATCH, to=to, details=details) for to in (Role.HND, LIAISON, Role.REP)]
    if after.case.red_alert and not before.case.unit:  # at the grading there was no unit whose head could be told
        told.append(Telling(kind=K.RED_ALERT, to=Role.UH, details=_alert(after, "")))
    return told


def _rerouted(before: Complaint, after: Complaint, said: Mapping[str, Any]) -> list[Telling]:
    return _dispatched(before, after, said) + (_passed_around(after) if after.case.reroutes > REROUTES else [])


def _refused(before: Complaint, after: Complaint, said: Mapping[str, Any]) -> list[Telling]:
    if after.case.reroutes > REROUTES:
        return _passed_around(after)
    return [Telling(kind=K.DEADLINE, to=Role.MGR, details={**_unsettled(after), "why": "not_responsible"})]


def _passed_around(after: Complaint) -> list[Telling]:
    details = {**_unsettled(after), "why": "passed_around"}
    return [Telling(kind=K.DEADLINE, to=role, details=details) for role in (Role.MGR, Role.CP)]


def _unsettled(complaint: Complaint) -> dict[str, object]:
    dispute = complaint.clocks.get(ClockName.DISPUTE)
    return _clock(complaint, ClockName.DISPUTE if dispute and dispute.runs else ClockName.PROMISED)


def _begun(before: Complaint, after: Complaint, said: Mapping[str, Any]) -> list[Telling]:
    details = {"progress": said["direction"], "next_contact_at": said["next_contact_at"]}
    return [Telling(kind=K.FIRST_PROGRESS, to=CUSTOMER, details=details)]


def _progressed(before: Complaint, after: Complaint, said: Mapping[str, Any]) -> list[Telling]:
    kind = K.DAILY_PROGRESS if after.level is Level.MAJOR else K.PROGRESS
    details = {name: said[name] for name in ("done", "waiting", "next")}
    if kind is K.PROGRESS:
        details["overdue"] = datetime.fromisoformat(said["at"]) > after.promised_at
    daily = after.clocks.get(ClockName.DAILY)
    if kind is K.DAILY_PROGRESS:
        details["again_at"] = _iso(daily.due_at) if daily and daily.runs else ""
    return [Telling(kind=kind, to=CUSTOMER, details=details)]


def _agreed(before: Complaint, after: Complaint, said: Mapping[str, Any]) -> list[Telling]:
    """Tell who is named as having agreed that they are: whoever did not can say so."""
    details = {**_clock(after, ClockName.PROMISED), "why": "agreed"}
    return [Telling(kind=K.DEADLINE, to=PERSON + said["agreed_by"], details=details)]


def _both(first: Causes, second: Causes) -> Causes:
    return lambda before, after, said: first(before, after, said) + second(before, after, said)


def _planned(before: Complaint, after: Complaint, said: Mapping[str, Any]) -> list[Telling]:
    # A first plan was promised (A.13 rule 6): from now on the date is that of the answer.
    details = {"done": said["told"], "waiting": "", "next": "", "overdue": False}
    return [Telling(kind=K.PROGRESS, to=CUSTOMER, details=details)] if said["told"] else []


def _coordinated(before: Complaint, after: Complaint, said: Mapping[str, Any]) -> list[Telling]:
    assist = after.clocks.get(ClockName.ASSIST)
    details = {
        **_work(after),
        "question": said["question"],
        "meeting_at": said["meeting_at"],
        "answer_at": _iso(assist.due_at) if assist else "",
    }
    return [Telling(kind=K.ASSIST, to=ASSIST + unit, details={**details, "asked": unit}) for unit in said["units"]]


def _paused(why: str) -> Causes:
    def told(before: Complaint, after: Complaint, said: Mapping[str, Any]) -> list[Telling]:
        details = {"why": why, "body": said["body"], "ends": False}
        return [Telling(kind=K.CLOCK_PAUSED, to=CUSTOMER, details=details)]

    return told


def _runs_again(why: str) -> Causes:
    def told(before: Complaint, after: Complaint, said: Mapping[str, Any]) -> list[Telling]:
        details = {"why": why, "body": "", "ends": True, "promised_at": _iso(after.promised_at)}
        return [Telling(kind=K.CLOCK_PAUSED, to=CUSTOMER, details=details)]

    return told


def _extended(before: Complaint, after: Complaint, said: Mapping[str, Any]) -> list[Telling]:
    details = {
        "old_at": _iso(before.promised_at),
        "promised_at": _iso(after.promised_at),
        **{name: said[name] for name in ("reason", "done", "next")},
    }
    return [Telling(kind=K.EXTENSION, to=CUSTOMER, details=details)]


def _asked_to_sign(before: Complaint, after: Complaint, said: Mapping[str, Any]) -> list[Telling]:
    return [Telling(kind=K.APPROVAL, to=role, details=_proposal(after)) for role in said.get("asked", ())]


def _sent_back(before: Complaint, after: Complaint, said: Mapping[str, Any]) -> list[Telling]:
    details = {**_work(after), "missing": said["missing"], "until_on": said["until"]}
    return [Telling(kind=K.SENT_BACK, to=role, details=details) for role in (Role.HND, Role.UH)]


def _replied(before: Complaint, after: Complaint, said: Mapping[str, Any]) -> list[Telling]:
    conclusion = after.case.conclusion
    if conclusion is None:  # erased
        return []
    rejected = conclusion.result is Result.REJECTED_WITH_BASIS
    paid = conclusion.compensation
    details: dict[str, object] = {
        "findings": conclusion.findings,
        "cause": conclusion.cause,
        "measures": conclusion.measures,
        "improvement": conclusion.improvement.measure,
        "basis": list(conclusion.basis),
        "reason": conclusion.reason,
        "alternative": conclusion.alternative,
        # The apology only where something was found (E.4); the review only where a branch decided (law 20).
        "apology": conclusion.finding in (Finding.SUBSTANTIATED, Finding.PARTLY),
        "review": after.case.by_branch,
    }
    details |= {
        "amount": paid.amount if paid else "",
        "currency": paid.currency if paid else "",
        "arrival_on": paid.arrival.isoformat() if paid else "",
        "account_tail": paid.account_tail if paid else "",
    }
    kind = K.OUTCOME_REJECTED if rejected else K.OUTCOME_UPHELD
    return [Telling(kind=kind, to=CUSTOMER, details=details), *_followed_up(after, conclusion.finding_type)]


def _followed_up(after: Complaint, found: FindingType) -> list[Telling]:
    """Report what was found to whom it concerns (A087): the other types oblige the conclusion itself (guards.py)."""
    details = {**_clock(after, ClockName.PROMISED), "why": found.value}
    return [Telling(kind=K.DEADLINE, to=to, details=details, if_any=to == LEAD) for to in _FOLLOW_UPS.get(found, ())]


def _outcome_sent(before: Complaint, after: Complaint, said: Mapping[str, Any]) -> list[Telling]:
    details = {**_clock(after, ClockName.PROMISED), "why": "outcome"}
    return [Telling(kind=K.DEADLINE, to=RELATIONS, details=details, if_any=True)]


def _undelivered(before: Complaint, after: Complaint, said: Mapping[str, Any]) -> list[Telling]:
    details = {**_clock(after, ClockName.PROMISED), "why": "undelivered"}
    return [Telling(kind=K.DEADLINE, to=role, details=details) for role in _workers(after)]


def _workers(complaint: Complaint) -> list[Role]:
    return [Role.HND, Role.MGR] if complaint.case.handler else [Role.MGR]


def _confirmed(before: Complaint, after: Complaint, said: Mapping[str, Any]) -> list[Telling]:
    return [] if said["scored"] else [Telling(kind=K.SURVEY, to=CUSTOMER)]


def _looked_at_again(why: str) -> Causes:
    def told(before: Complaint, after: Complaint, said: Mapping[str, Any]) -> list[Telling]:
        details = {"why": why, "promised_at": _iso(after.promised_at)}
        urged = {**_clock(after, ClockName.PROMISED), "why": why}
        return [
            Telling(kind=K.LOOKING_AGAIN, to=CUSTOMER, details=details),
            *(Telling(kind=K.DEADLINE, to=role, details=urged) for role in (Role.MGR, Role.UH)),
        ]

    return told


def _called_back(before: Complaint, after: Complaint, said: Mapping[str, Any]) -> list[Telling]:
    return _looked_at_again("unsolved")(before, after, said) if said["solved"] is False else []


def _escalated(before: Complaint, after: Complaint, said: Mapping[str, Any]) -> list[Telling]:
    details = {**_clock(after, ClockName.PROMISED), "why": "escalated"}
    return [Telling(kind=K.DEADLINE, to=role, details=details) for role in (Role.UH, Role.EXE)]


def _review_requested(before: Complaint, after: Complaint, said: Mapping[str, Any]) -> list[Telling]:
    clock = after.clocks[ClockName.REVIEW]
    return [
        Telling(kind=K.REVIEW_ACCEPTED, to=CUSTOMER, details={"review_at": _iso(clock.due_at)}),
        Telling(kind=K.DEADLINE, to=Role.CP, details={**_clock(after, ClockName.REVIEW), "why": "review"}),
    ]


def _assessed(before: Complaint, after: Complaint, said: Mapping[str, Any]) -> list[Telling]:
    details = {**_clock(after, ClockName.PROMISED), "why": "suggestion"}
    return [Telling(kind=K.DEADLINE, to=Role.HND, details=details)]


def _suggestion(before: Complaint, after: Complaint, said: Mapping[str, Any]) -> list[Telling]:
    details = {"adopted": said["adopted"], "reason": said["reason"], "live_on": said["live_on"] or ""}
    return [Telling(kind=K.SUGGESTION_REPLY, to=CUSTOMER, details=details)]


def _taken_in(before: Complaint, after: Complaint, said: Mapping[str, Any]) -> list[Telling]:
    details = {"new_facts": said["new_facts"], "promised_at": _iso(after.promised_at)}
    return [Telling(kind=K.MERGED, to=CUSTOMER, details=details)]


def _feedback(before: Complaint, after: Complaint, said: Mapping[str, Any]) -> list[Telling]:
    return [Telling(kind=K.CALLBACK_FEEDBACK, to=CUSTOMER, details={"feedback": said["text"]})]


def _withdrawn(before: Complaint, after: Complaint, said: Mapping[str, Any]) -> list[Telling]:
    return [Telling(kind=K.WITHDRAWN, to=CUSTOMER, details={"ended_at": said["at"]})]


def _referred(before: Complaint, after: Complaint, said: Mapping[str, Any]) -> list[Telling]:
    details = {**_clock(after, ClockName.REFERRAL), "why": "referral"}
    return [Telling(kind=K.DEADLINE, to=role, details=details) for role in (Role.RL, Role.CP)]


def _alarmed(before: Complaint, after: Complaint, said: Mapping[str, Any]) -> list[Telling]:
    name = ClockName(said["clock"])
    clock, at = before.clocks[name], datetime.fromisoformat(said["at"])
    late = "cannot_be_told" if name is ClockName.REACH else "overdue"
    urged = {
        **_clock(after, name),
        "why": late if at >= clock.due_at else "due_soon",
        "minutes": (at - clock.started_at) // timedelta(minutes=1),
    }
    told: dict[str, Telling] = {}
    for alarm in sounding(name, clock.sounded, said["sounded"]):
        if alarm.if_silent and before.case.contacted_at and before.case.contacted_at >= clock.started_at:
            continue
        for to in _recipients(before, name, alarm):
            if alarm.notice is K.STAY_IN_TOUCH and not clocks.is_open(before.clocks.get(ClockName.PROMISED)):
                continue  # they have their answer
            # Of several that were missed together each recipient hears the last one only.
            staff = Telling(kind=alarm.notice, to=to, details=urged)
            told[to] = _reminded(before, alarm, at) if to == CUSTOMER else staff
    return list(told.values())


def _reminded(complaint: Complaint, alarm: Alarm, at: datetime) -> Telling:
    if alarm.notice is K.STAY_IN_TOUCH:
        return Telling(kind=alarm.notice, to=CUSTOMER, details={"overdue": at > complaint.promised_at})
    if alarm.notice is not K.CALLBACK_SCRIPT:
        return Telling(kind=alarm.notice, to=CUSTOMER)
    conclusion = complaint.case.conclusion  # None once erased
    details = {"measures": conclusion.measures if conclusion else ""}
    return Telling(kind=alarm.notice, to=CUSTOMER, details=details, call=True)  # a script is read, never sent


def _recipients(complaint: Complaint, name: ClockName, alarm: Alarm) -> list[str]:
    if name is ClockName.ASSIST:  # C.3: the head of each department that has not answered
        return [HEAD + unit for unit in complaint.case.assist_units]
    if name in (ClockName.READ, ClockName.REACH) and not complaint.case.handler and Role.CUS not in alarm.to:
        return [Role.MGR]
    return [CUSTOMER if role is Role.CUS else role.value for role in alarm.to]


def _work(complaint: Complaint) -> dict[str, object]:
    """Return what staff is told of a case: nothing of the customer's (A028, E.1 N24)."""
    case = complaint.case
    return {
        "level": complaint.level.value,
        "flags": sorted(flag.value for flag in case.flags),
        "product": case.product.value if case.product else "",
        "branch": case.branch,
        "unit": case.unit,
        "state": complaint.state.value,
        "owner": case.handler or case.current_owner,
        "decision": case.result.value if case.result else "",
        "promised_at": _iso(complaint.promised_at),
    }


def _proposal(complaint: Complaint) -> dict[str, object]:
    """Return what an approver is told of a conclusion: an amount as its band only, the words stay in the case (C13)."""
    conclusion = complaint.case.conclusion  # None once erased
    paid = conclusion.compensation if conclusion else None
    return {
        **_work(complaint),
        "decision": conclusion.result.value if conclusion else "",
        "responsibility": conclusion.finding_type.value if conclusion else "",
        "band": masks.amount_band(paid.amount) if paid else "none",
    }


def _clock(complaint: Complaint, name: ClockName) -> dict[str, object]:
    return {**_work(complaint), "clock": name.value, "due_at": _iso(complaint.clocks[name].due_at)}


def _iso(moment: Any) -> str:
    return str(moment.isoformat())


_FOLLOW_UPS: Mapping[FindingType, tuple[str, ...]] = {
    FindingType.VIOLATION: (Role.UH, Role.CP, LEAD),
    FindingType.PRODUCT_ISSUE: (PRODUCT_UNIT,),
}
_CAUSES: Mapping[EventKind, Causes] = {
    EventKind.SUPPLEMENTED: _supplemented,
    EventKind.ANSWERED: _answered,
    EventKind.DECLINED: _both(_tell(K.NOT_FOR_US, "reason", "who_can_help"), _agreed),
    EventKind.TRANSFERRED_OUT: _both(_tell(K.NOT_FOR_US, "reason", "who_can_help"), _agreed),
    EventKind.GRADED: _graded,
    EventKind.REGRADED: _graded,
    EventKind.CONTINGENCY_PLANNED: _contingency,
    EventKind.DISPATCHED: _dispatched,
    EventKind.NO_ROUTE: _no_route,
    EventKind.REROUTED: _rerouted,
    EventKind.DISPATCH_REFUSED: _refused,
    EventKind.INVESTIGATION_BEGUN: _begun,
    EventKind.PLAN_SAVED: _planned,
    EventKind.PROGRESS_REPORTED: _progressed,
    EventKind.INFORMATION_REQUESTED: _tell(K.INFORMATION_REQUEST, "items", "way"),
    EventKind.COORDINATION_OPENED: _coordinated,
    EventKind.APPRAISAL_STARTED: _both(_paused("appraisal"), _agreed),
    EventKind.APPRAISAL_ENDED: _runs_again("appraisal"),
    EventKind.MEDIATION_OFFERED: _tell(K.MEDIATION_OFFER, "body"),
    EventKind.MEDIATION_STARTED: _paused("mediation"),
    EventKind.MEDIATION_ENDED: _runs_again("mediation"),
    EventKind.EXTENDED: _extended,
    EventKind.CONCLUDED: _asked_to_sign,
    EventKind.APPROVED: _asked_to_sign,
    EventKind.SENT_BACK: _sent_back,
    EventKind.REPLIED: _replied,
    EventKind.OUTCOME_SENT: _outcome_sent,
    EventKind.UNDELIVERED: _undelivered,
    EventKind.CONFIRMED: _confirmed,
    EventKind.OBJECTED: _looked_at_again("objected"),
    EventKind.CALLED_BACK: _called_back,
    EventKind.FEEDBACK_GIVEN: _feedback,
    EventKind.ESCALATED: _escalated,
    EventKind.REVIEW_REQUESTED: _review_requested,
    EventKind.REVIEW_DECIDED: _tell(K.REVIEW_DECISION, "process", "time_limit", "result", "upheld"),
    EventKind.SUGGESTION_ASSESSED: _assessed,
    EventKind.SUGGESTION_DECIDED: _suggestion,
    EventKind.WITHDRAWN: _withdrawn,
    EventKind.CLOSED_UNANSWERED: _tell(K.CLOSED_UNANSWERED),
    EventKind.REFERRAL_RECORDED: _referred,
    EventKind.REOPENED: _both(_looked_at_again("new_facts"), _agreed),
    EventKind.RED_ALERT_CLEARED: _agreed,
    EventKind.TAKEN_IN: _taken_in,
    EventKind.ALARM_SOUNDED: _alarmed,
    EventKind.DATES_RECOMPUTED: _redated,
}
