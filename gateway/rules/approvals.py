"""Whose signatures a conclusion needs, whose are missing, and who is asked for one (T17; A059, A060, A114). Pure.

Which level needs whom is the bank's to say (routing.py); whether somebody may sign is asked in guards.py.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from decimal import Decimal

from gateway.model import Compensation, Complaint, Level, Role, State
from gateway.rules import commands
from gateway.rules.situation import Situation

_LAST = frozenset({Role.EXE})
_RANKS = (Role.EXE, Role.CP, Role.UH)


def missing(complaint: Complaint, s: Situation) -> frozenset[Role]:
    """Return whose agreement to the conclusion is still missing."""
    conclusion = complaint.case.conclusion  # None once erased
    needed = _needed(complaint.level, conclusion.compensation if conclusion else None, s)
    # Who turned out to be involved has signed for nothing (law 17).
    return needed - {role for role, staff in complaint.case.approvals if staff not in complaint.case.staff_involved}


def signing_as(complaint: Complaint, s: Situation) -> Role:
    """Return which of the missing approvals the actor gives: the highest their roles cover."""
    covered = missing(complaint, s) & s.actor.roles
    return next(role for role in _RANKS if role in covered)


def missing_after(
    complaint: Complaint, command: commands.Conclude | commands.Approve | commands.Regrade, s: Situation
) -> frozenset[Role]:
    """Return whose agreement is missing once the command is carried out."""
    if isinstance(command, commands.Conclude):
        return _needed(complaint.level, command.compensation, s)
    if isinstance(command, commands.Approve):
        return missing(complaint, s) - {signing_as(complaint, s)}
    involved = (*complaint.case.staff_involved, *command.staff_involved)
    return missing(replace(complaint, level=command.level, case=replace(complaint.case, staff_involved=involved)), s)


def remembered(
    complaint: Complaint, command: commands.Conclude | commands.Approve | commands.Regrade, s: Situation
) -> dict[str, object]:
    """Return what the event has to say of signatures: who signs as what, and who is asked because of it."""
    if isinstance(command, commands.Regrade) and complaint.state not in (State.CONCLUDED, State.APPROVED):
        return {}
    before = missing(complaint, s) if complaint.state is State.CONCLUDED else ()
    new = _asked(missing_after(complaint, command, s)) - _asked(before)
    said: dict[str, object] = {"asked": [role.value for role in reversed(_RANKS) if role in new]}
    if isinstance(command, commands.Approve):
        said["role"] = signing_as(complaint, s).value
    return said


def _needed(level: Level, paid: Compensation | None, s: Situation) -> frozenset[Role]:
    needed, over = s.approvals[level], s.approval_over
    # The amount is in yuan: one in another currency cannot be compared, so it is signed for.
    if paid is not None and over is not None and (paid.currency != "CNY" or Decimal(paid.amount) > over):
        return needed | _LAST
    return needed


def _asked(missing: Collection[Role]) -> frozenset[Role]:
    """Return who of them can be asked: an executive once the others have agreed."""
    return frozenset(missing) - _LAST or frozenset(missing)
