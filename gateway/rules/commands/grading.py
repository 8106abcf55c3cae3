"""Commands that say how grave it is and who works on it: T6 to T9, T31, red alerts, referrals, owners. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.model import (
    ContentClass,
    Difficulty,
    Emotion,
    Flag,
    Horizon,
    Kind,
    Level,
    Nature,
    Product,
    Scope,
    Topic,
)
from gateway.rules.commands.fields import Day, Line, Name, OptionalName, OptionalWords, Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Grade:
    """Confirm kind, nature, level and flags (T6; A038, A049). `reason` is owed when it differs from the suggestion.

    Beside them it says what the complaint is about and how far it reaches (A006, A013, A048).
    """

    kind: Kind
    nature: Nature
    level: Level
    flags: frozenset[Flag] = frozenset()
    product: Product = Product.OTHER
    branch: OptionalName = ""
    staff_involved: tuple[Name, ...] = ()
    legal_hold: bool = False
    topic: Topic = Topic.OTHER
    emotion: Emotion | None = None
    content_class: ContentClass | None = None
    scope: Scope | None = None
    horizon: Horizon | None = None
    difficulty: Difficulty | None = None
    reason: OptionalWords = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Regrade:
    """Change the level, the flags, the scope or a wrong kind later, or say whom it is about, too (T31)."""

    level: Level
    flags: frozenset[Flag]
    reason: Words
    lead: OptionalName = ""  # where it becomes major after its dispatch (A058)
    kind: Kind | None = None  # None: as it was
    scope: Scope | None = None  # None: as it was
    staff_involved: tuple[Name, ...] = ()  # added to those that are known (law 17)


@dataclass(frozen=True, slots=True, kw_only=True)
class NameContingencyPlan:
    """Put a contingency plan on file, with who owns it (A044, A047); another one replaces it."""

    owner: Name
    plan: Words


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearRedAlert:
    """End a red alert with the agreement of 消保部 (A053)."""

    reason: Words
    agreed_by: Name  # of 消保部


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch:
    """Hand the complaint to one main unit and one handler (T7; A051, A052, A063)."""

    unit: Name
    handler: Name
    lead: OptionalName = ""  # of the rank that level major asks for (A058)
    approver: OptionalName = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportNoRoute:
    """Note that no unit or handler was found for it: it waits in the queue for a person (A051)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accept:
    """接单: the handler has opened it and begins (T8; A055)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reroute:
    """Hand it to another unit or handler, at any step of the checking; the customer's dates stay (T9; A076)."""

    unit: Name
    handler: Name
    reason: Words
    approver: OptionalName = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefuseDispatch:
    """Give it back as another unit's: 客户意见管理岗 settles whose, within a time (A052); the customer's dates stay."""

    reason: Words


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOver:
    """Give the complaint to another owner, who agrees (A023). The first owner stays on record."""

    to: Name
    reason: Words
    agreed: bool  # the new owner has


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordReferral:
    """Note that a regulator referred the case, with its own reference and date (A132)."""

    reference: Name
    body: Line
    due: Day
