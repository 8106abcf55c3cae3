"""What a decision depends on beside the complaint and the command: who, when, under which rules. Plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from gateway.model import Actor, Level, Role
from gateway.rules.policy import Policy
from gateway.rules.worktime import Calendar

APPROVALS: Mapping[Level, frozenset[Role]] = {
    Level.GENERAL: frozenset({Role.UH}),
    Level.IMPORTANT: frozenset({Role.UH}),
    Level.MAJOR: frozenset({Role.UH, Role.CP}),
}
"""Who signs a conclusion where the bank does not say otherwise (A059, A114)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """`writable`: some written way reaches the customer now. `approval_over`: an amount in yuan that EXE approves.

    `window`: how long after their last words the customer can be told at all, None where that has no end.
    """

    actor: Actor
    now: datetime
    policy: Policy
    calendar: Calendar
    writable: bool = True
    window: timedelta | None = None
    approval_over: Decimal | None = None
    approvals: Mapping[Level, frozenset[Role]] = field(default_factory=lambda: APPROVALS)
