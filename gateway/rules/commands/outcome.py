"""Commands of the outcome: found, approved, told, carried out, and what the customer says of it: T16 to T22. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from gateway.model import Compensation, Finding, FindingType, Improvement, NoticeKind, Result
from gateway.rules.commands.fields import PRIVATE, Day, Line, Moment, Name, OptionalWords, Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclude:
    """Say what was found, why, and what will be done (T16; A065, A082, A084, A087, A088)."""

    finding: Finding
    finding_type: FindingType
    result: Result
    findings: Words
    cause: Words
    measures: Words
    improvement: Annotated[Improvement, PRIVATE]
    feedback_plan: Words
    evidence: tuple[Name, ...]
    basis: tuple[Line, ...] = ()
    reason: OptionalWords = ""
    alternative: OptionalWords = ""
    compensation: Annotated[Compensation | None, PRIVATE] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Approve:
    """Agree to the conclusion (T17; A059, A060, A114)."""

    note: OptionalWords = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SendBack:
    """Return the conclusion with what is missing; the dates stay (T18; A092)."""

    missing: Words
    until: Day


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """Send the approved outcome to the customer (T19; law 19)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeSent:
    """Note that the outcome left for the customer: only now has the law's clock stopped (law 18, 21; C7)."""

    notice: Name
    decided_at: Moment  # when the outcome that it tells was replied: an earlier round's tells nothing of a later one


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportUndelivered:
    """Note that a notice reached the customer by no way (S0-9(1)): a person has to find one."""

    notice: Name
    what: NoticeKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirm:
    """Record that the customer accepts the outcome: how, when, with what proof (T20; A105).

    `scored`: they did so by answering the survey, which need not be sent again (N14).
    """

    how: Line
    confirmed_at: Moment
    evidence: Line
    scored: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Object:
    """Record that the customer does not accept the outcome (T21; A106)."""

    reason: OptionalWords = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalate:
    """Take it to the superior after a second objection or a red flag (T22)."""

    reason: Words


@dataclass(frozen=True, slots=True, kw_only=True)
class ProveExecution:
    """Attach the proof that what was promised was done (A089)."""

    evidence: Name
    executed_at: Moment
