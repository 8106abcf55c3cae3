"""The two functions that read the table of transitions (transitions.py). Pure.

`decide` says whether a command may happen now and what it comes to; `evolve` is the only way a complaint's fields
change, so a complaint equals the fold of its timeline.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from gateway.errors import Conflict, Forbidden, Invalid
from gateway.model import Clock, ClockName, Complaint, Event, EventKind, Kind, Role, State
from gateway.rules import approvals, changes, clocks, commands, guards, retention, timing
from gateway.rules.commands import Command
from gateway.rules.situation import Situation
from gateway.rules.transitions import OF, TABLE, Transition


def decide(complaint: Complaint | None, command: Command, situation: Situation) -> Event:
    """Return what the command makes happen.

    Raises Conflict when the state does not permit it, Forbidden when the actor may not, Invalid naming the field and
    the reason when a guard refuses.
    """
    if isinstance(command, commands.Register):
        if complaint is not None:
            raise Conflict("the complaint is registered already")
        return changes.opened(command, situation)
    row = OF[type(command)]
    current = _check(row, complaint, command, situation)
    public, private = commands.parts(command)
    public |= {"by": situation.actor.id, "at": situation.now.isoformat()} | _details(current, command, situation)
    if (target := _target(row, current, command, situation)) is not current.state:
        public["state"] = target.value
    if patch := timing.patch(current, command, situation):
        public["clocks"] = clocks.to_json(patch)
    return Event(kind=row.event, public=public, private=private)


def _check(row: Transition, complaint: Complaint | None, command: Command, situation: Situation) -> Complaint:
    name = commands.name_of(row.command)
    if complaint is None or complaint.state not in row.sources:
        state = complaint.state.value if complaint else "not registered"
        raise Conflict(f"{name} is not possible while the complaint is {state}")
    if not row.roles & situation.actor.roles:
        raise Forbidden(f"{name} is for {', '.join(sorted(row.roles))}")
    for guard in row.guards:
        if problem := guard(complaint, command, situation):
            field, _, word = problem.rpartition(":")
            raise Invalid(guards.WORDS[word], field=field, problem=word)
    return complaint


def _details(complaint: Complaint, command: Command, situation: Situation) -> dict[str, object]:
    """Return what the event has to remember beside the command's own fields."""
    if isinstance(command, commands.Conclude | commands.Approve | commands.Regrade):
        return approvals.remembered(complaint, command, situation)
    if isinstance(command, commands.SavePlan):
        return {"customer_told": bool(command.told)}
    if isinstance(command, commands.ReportProgress):
        return {"digest": guards.progress_digest(command)}
    if isinstance(command, commands.Archive):
        day = situation.calendar.local_day(situation.now)
        return {"kept_until": retention.kept_until(situation.policy, day).isoformat()}
    if isinstance(command, commands.RecordCall):
        in_vain = timing.nobody_reached(complaint, command, situation)
        return {"day": situation.calendar.local_day(situation.now).isoformat(), "in_vain": in_vain}
    conclusion = complaint.case.conclusion
    if isinstance(command, commands.Reply) and conclusion is not None:
        return {"result": conclusion.result.value, "execution_due": clocks.execution_day(conclusion).isoformat()}
    return {}


def evolve(complaint: Complaint | None, complaint_id: str, event: Event) -> Complaint:
    """Return the complaint after the event. `version` and `head` belong to the timeline and stay as they are."""
    if event.kind is EventKind.OPENED:
        return changes.open(complaint_id, event)
    if complaint is None:
        raise Conflict("the first event of a complaint must open it")
    said: dict[str, Any] = {**event.public, **event.private}
    after = changes.apply(complaint, event.kind, said)
    if "clocks" in said:
        after = _with_clocks(after, clocks.from_json(said["clocks"]))
    if "state" in said:
        after = replace(after, state=State(said["state"]))
    return after


def fold(complaint_id: str, events: Iterable[Event]) -> Complaint | None:
    """Return the complaint its events add up to."""
    complaint: Complaint | None = None
    for version, event in enumerate(events, start=1):
        complaint = replace(evolve(complaint, complaint_id, event), version=version)
    return complaint


def permitted(complaint: Complaint, roles: Iterable[Role]) -> list[type[Any]]:
    """List the commands these roles may give in the complaint's state; guards may still refuse one."""
    held = frozenset(roles)
    return [row.command for row in TABLE if complaint.state in row.sources and row.roles & held]


def _target(row: Transition, complaint: Complaint, command: Command, situation: Situation) -> State:
    if row.target is None:
        return complaint.state
    return row.target if isinstance(row.target, State) else row.target(complaint, command, situation)


def _with_clocks(complaint: Complaint, patch: Mapping[ClockName, Clock]) -> Complaint:
    """Return the complaint with these clocks; what it promises and what the law allows follow from them."""
    running = {**complaint.clocks, **patch}
    promised, legal = running.get(ClockName.PROMISED), running.get(ClockName.LEGAL)
    return replace(
        complaint,
        clocks=running,
        promised_at=promised.due_at if promised else complaint.promised_at,
        legal_at=legal.due_at if legal and complaint.kind is Kind.COMPLAINT else None,
    )
