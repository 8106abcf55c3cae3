"""Who sees a case, who may act on it from another unit, and whom a command may name. Pure.

Which role may give which command is the table in transitions.py; here is what depends on units and on the directory.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.errors import Forbidden, Invalid
from gateway.model import Actor, Complaint, Role
from gateway.rules import commands
from gateway.rules.commands import Command
from gateway.rules.guards import WORDS
from gateway.rules.routing import Directory
from gateway.rules.transitions import OF

EVERYWHERE = frozenset({Role.MGR, Role.CP, Role.EXE, Role.LEG, Role.PR, Role.AUD, Role.RL, Role.SYS, Role.REP})
"""Roles that see every unit's cases; others see their own unit's, and what they are named for."""
AFTERWARDS = frozenset({Role.CB, Role.FIN})
"""Roles that see a case once it was answered: they call back, and pay."""
UNMASKING = frozenset({Role.REP, Role.MGR, Role.CP, Role.CB})
"""Roles that see a customer's data in full beside the unit that works on it: they speak to customers, and watch."""
_OF_A_UNIT = frozenset({Role.HND, Role.UH})
_ASSISTING = (commands.AnswerAssist, commands.AddEvidence, commands.Note)
_AMOUNT = frozenset({Role.CP, Role.EXE, Role.FIN})

_LEADS = frozenset({Role.EXE, Role.UH})
_APPROVERS = frozenset({Role.UH, Role.CP, Role.EXE})
_APPRAISING = frozenset({Role.UH, Role.LEG})
_NAMES: Mapping[type[Any], Mapping[str, frozenset[Role]]] = {
    commands.Decline: {"agreed_by": frozenset({Role.LEG})},
    commands.TransferOut: {"agreed_by": frozenset({Role.LEG})},
    commands.Dispatch: {"handler": frozenset(Role), "lead": _LEADS, "approver": _APPROVERS},
    commands.Reroute: {"handler": frozenset(Role), "approver": _APPROVERS},
    commands.Regrade: {"lead": _LEADS},
    commands.NameContingencyPlan: {"owner": frozenset(Role)},
    commands.HandOver: {"to": frozenset(Role)},
    commands.AssessSuggestion: {"to": frozenset({Role.UH})},
    commands.StartAppraisal: {"agreed_by": _APPRAISING},
    commands.ClearRedAlert: {"agreed_by": frozenset({Role.CP})},
    commands.Reopen: {"agreed_by": frozenset({Role.CP})},
}
"""Fields that name a person, and the roles of which that person must have one (A053, A058, T5, T13, T33)."""


def may_see(actor: Actor, complaint: Complaint) -> bool:
    """Say whether the actor's role, unit or part in it lets them see the case at all (A144).

    Nobody sees what is about them (law 17).
    """
    if actor.id in complaint.case.staff_involved:
        return False
    if actor.roles & EVERYWHERE or _works_on(actor, complaint) or actor.unit in complaint.case.assist_units:
        return True
    return bool(actor.roles & AFTERWARDS) and complaint.case.replied_at is not None


def sees_amount(actor: Actor, complaint: Complaint) -> bool:
    """Say whether an exact amount is the actor's business: the handling unit's, or who approves or pays (C13)."""
    return bool(actor.roles & _AMOUNT) or _works_on(actor, complaint)


def may_unmask(actor: Actor, complaint: Complaint) -> bool:
    """Say whether the customer's name and contacts are the actor's business, once a reason is on record (A011, A144).

    An assisting unit answers a question; whose it is, it need not know.
    """
    return may_see(actor, complaint) and (bool(actor.roles & UNMASKING) or _works_on(actor, complaint))


def check(complaint: Complaint, command: Command, actor: Actor, directory: Directory) -> None:
    """Raise Forbidden where the case is another unit's to work on, or about the actor (law 17).

    Raises Invalid for a name that cannot stand there.
    """
    if actor.id in complaint.case.staff_involved:
        raise Forbidden("nobody acts on what is about them")
    roles = OF[type(command)].roles & actor.roles
    if roles and roles <= _OF_A_UNIT and not isinstance(command, _ASSISTING) and not _works_on(actor, complaint):
        raise Forbidden("it is for the unit that handles the case")
    if isinstance(command, commands.LookAt) and not may_unmask(actor, complaint):
        raise Forbidden("only those who work on the case see its customer in full")
    _check_people(complaint, command, actor, directory)
    if isinstance(command, commands.Dispatch | commands.Reroute):
        unit = directory.units.get(command.unit)
        if unit is None:
            raise _unknown("unit", "there is no such unit in the directory")
        if command.handler not in unit.handlers:
            raise _unknown("handler", "it is none of the unit's handlers")
    if isinstance(command, commands.Coordinate) and not directory.units.keys() >= set(command.units):
        raise _unknown("units", "there is no such unit in the directory")


def _works_on(actor: Actor, complaint: Complaint) -> bool:
    case = complaint.case
    if actor.unit and actor.unit == case.unit:
        return True
    return actor.id in {case.handler, case.current_owner, case.lead, case.approver} - {""}


def _check_people(complaint: Complaint, command: Command, actor: Actor, directory: Directory) -> None:
    known = complaint.case.staff_involved
    new = command.staff_involved if isinstance(command, commands.Grade | commands.Regrade) else ()
    if not directory.staff.keys() >= set(new):
        raise _unknown("staff_involved", "there is nobody of this staff number in the directory")
    if actor.id in new:  # somebody else grades what is about them
        raise Invalid(WORDS["partial"], field="staff_involved", problem="partial")
    for field, wanted in _NAMES.get(type(command), {}).items():
        name = getattr(command, field)
        if name in (*known, *new):
            raise Invalid(WORDS["partial"], field=field, problem="partial")
        _check_person(name, field, wanted, directory)
    if isinstance(command, commands.StartAppraisal):
        _check_both(actor, directory.staff[command.agreed_by].roles)


def _check_both(actor: Actor, other: frozenset[Role]) -> None:
    if not actor.roles | other >= _APPRAISING:
        words = "the unit's head and 法务合规 decide it together"
        raise Invalid(words, field="agreed_by", problem="wrong_role")


def _check_person(name: str, field: str, wanted: frozenset[Role], directory: Directory) -> None:
    if not name:  # where nobody has to be named
        return
    person = directory.staff.get(name)
    if person is None:
        raise _unknown(field, "there is nobody of this staff number in the directory")
    if not person.roles & wanted:
        roles = ", ".join(sorted(wanted))
        raise Invalid(f"it must be somebody with the role {roles}", field=field, problem="wrong_role")


def _unknown(field: str, words: str) -> Invalid:
    return Invalid(words, field=field, problem="unknown")
