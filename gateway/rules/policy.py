"""Which deadlines a case has: profiles stacked into a policy, and the dates it gives a case that opens (A.13).

How a term is counted is worktime.py's business, how a profile is written profiles.py's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import lru_cache
from typing import Self

from gateway.model import Kind, Level
from gateway.rules.profiles import ANY, URGENT, Profile, Stack
from gateway.rules.worktime import Calendar, Due, Term, Unit, due

# The clocks that open with each kind, and the timer that sets each. Suggestions and inquiries are not worked like
# complaints: nobody has to make first contact or plan, and law 2 leaves them outside the statutory clock.
_CLOCKS = {
    Kind.COMPLAINT: {
        "register": "register_within",
        "triage": "triage_within",
        "accept": "accept_within",
        "first_contact": "first_contact_within",
        "prelim_plan": "prelim_plan_within",
        "resolve": "resolve_within",
    },
    Kind.SUGGESTION: {"register": "register_within", "triage": "triage_within", "resolve": "resolve_within"},
    Kind.INQUIRY: {"register": "register_within", "triage": "triage_within", "inquiry": "inquiry_answer_within"},
}
_ANSWER = {Kind.COMPLAINT: "resolve", Kind.SUGGESTION: "resolve", Kind.INQUIRY: "inquiry"}
_NEXT_LOWER = {Level.MAJOR: Level.IMPORTANT, Level.IMPORTANT: Level.GENERAL, Level.GENERAL: Level.GENERAL}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A term and the rule that sets it."""

    profile: Profile
    clause: str
    term: Term


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)  # eq=False: compared as one object, a cheap cache key
class Policy:
    """The profiles of a stack, checked: every kind and level has a target and a promise, complaints a legal limit."""

    target: Profile
    ceiling: Profile
    fills: tuple[Profile, ...] = ()

    @classmethod
    def build(cls, stack: Stack, profiles: Iterable[Profile]) -> Self:
        """Pick the profiles a stack names; raise ValueError for an unknown or unusable one, and for a gap."""
        known: dict[str, Profile] = {}
        for profile in profiles:
            if known.setdefault(profile.id, profile) is not profile:
                raise ValueError(f"{profile.id}: there are two profiles of this name")
        named = (stack.target, stack.ceiling, *stack.fill_from)
        if unknown := [name for name in named if name not in known]:
            raise ValueError(f"the stack names profiles that do not exist: {', '.join(unknown)}")
        target, ceiling, *fills = (known[name] for name in named)
        return cls(target=target, ceiling=ceiling, fills=tuple(fills))

    def __post_init__(self) -> None:
        self.ceiling.check_usable_as("ceiling")
        for profile in (self.target, *self.fills):
            profile.check_usable_as("target")
        calendars = {profile.calendar for profile in (self.target, self.ceiling, *self.fills)} - {ANY}
        if len(calendars) > 1:
            raise ValueError(f"the stack mixes the working days of {', '.join(sorted(calendars))}")
        for timer in ("resolve_within", "inquiry_answer_within"):
            if gaps := [level for level in Level if not self.limits(timer, (level, ANY))]:
                raise ValueError(f"the stack leaves {timer} open for {', '.join(gaps)}: fill it from one more profile")
        if not self.legal_limits():
            raise ValueError(f"{self.ceiling.id}: a ceiling needs resolve_and_notify_within.any")

    def limits(self, timer: str, keys: Iterable[str]) -> list[Limit]:
        """List what sets a timer under these keys, the target first (A.13 rules 1 and 7).

        A fill profile lends by key, so `any` of one profile never hides a specific key of another. The key `urgent`
        takes every profile's term, because there the strictest wins and not the first (C3).
        """
        found: list[Limit] = []
        for key in keys:
            offers = [
                Limit(profile=profile, clause=limit.clause, term=limit.terms[key])
                for profile in (self.target, *self.fills)
                if (limit := profile.timers.get(timer)) and key in limit.terms
            ]
            found += offers if key == URGENT else offers[:1]
        return found

    def legal_limits(self) -> list[Limit]:
        """List the ceiling's limit for deciding a complaint and telling the customer (law 18): one."""
        limit = self.ceiling.timers.get("resolve_and_notify_within")
        if limit is None or ANY not in limit.terms:
            return []
        return [Limit(profile=self.ceiling, clause=limit.clause, term=limit.terms[ANY])]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """The end of one clock in UTC, with the rule and the calendar data it comes from (A.13 rule 5).

    `provisional`: counted over a year whose holidays are not known, to be recomputed (D.9).
    """

    clock: str
    due_at: datetime
    provisional: bool
    profile: str
    profile_version: str
    clause: str
    calendar_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """The clocks of one case.

    `promises_plan`: the promised date is for a first plan, not for the answer (rule 6). `fallback`: a date was counted
    in natural days because the calendar has no working day, which is an alarm (lesson 53).
    """

    clocks: tuple[Deadline, ...]
    promises_plan: bool
    fallback: bool

    def of(self, clock: str) -> Deadline | None:
        """Return the deadline of a clock, or None where the case has no such clock."""
        return next((deadline for deadline in self.clocks if deadline.clock == clock), None)

    @property
    def target(self) -> Deadline:
        """Return the internal limit for the answer; urgency counts."""
        return next(deadline for deadline in self.clocks if deadline.clock in _ANSWER.values())

    @property
    def legal(self) -> Deadline | None:
        """Return the statutory limit for the answer; None outside the statutory clock (law 2)."""
        return self.of("legal")

    @property
    def promised(self) -> Deadline:
        """Return the date to tell the customer; never later than the legal one."""
        return next(deadline for deadline in self.clocks if deadline.clock == "promised")


def opening_deadlines(
    policy: Policy,
    *,
    kind: str,
    level: str,
    urgent: bool,
    needs_review: bool,
    received_at: datetime,
    calendar: Calendar,
) -> Deadlines:
    """Compute the deadlines of a case from the aware moment it arrived (A.13 rules 1, 2 and 5 to 8).

    Each clock ends at the earliest of its limits, the law's included. A clock that starts with a later step (triage,
    accept, prelim_plan) is counted from the arrival until that step is taken. Urgency moves internal targets only, and
    while the level needs review the promise is that of the next lower one. Raises ValueError for an unknown kind or
    level, and for a moment without a zone.
    """
    if received_at.tzinfo is None:
        raise ValueError("a moment without a zone cannot be counted from")
    day = calendar.local_day(received_at)
    case = _case_of_a_day(policy, Kind(kind), Level(level), urgent, needs_review, calendar, day)
    return Deadlines(
        clocks=tuple([fixed or _dated(clock, limits, received_at, calendar) for clock, limits, fixed in case.clocks]),
        promises_plan=case.promises_plan,
        fallback=case.fallback,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _CaseOfADay:
    """What all cases of one kind that arrive on one day share: of each clock the limits, and the end if it is one."""

    clocks: Sequence[tuple[str, Sequence[Limit], Deadline | None]]
    promises_plan: bool
    fallback: bool


@lru_cache(maxsize=1024)  # few kinds of cases, most of today: dating each anew costs as much as sealing it
def _case_of_a_day(
    policy: Policy, kind: Kind, level: Level, urgent: bool, needs_review: bool, calendar: Calendar, day: date
) -> _CaseOfADay:
    clocks, promises_plan = _limits_of_a_case(policy, kind, level, urgent, needs_review)
    noon = calendar.moment(day, time(12))
    return _CaseOfADay(
        clocks=[
            (clock, limits, None if any(map(_ends_by_the_hour, limits)) else _dated(clock, limits, noon, calendar))
            for clock, limits in clocks.items()
        ],
        promises_plan=promises_plan,
        fallback=any(_end(limit, noon, calendar).fallback for limits in clocks.values() for limit in limits),
    )


def _ends_by_the_hour(limit: Limit) -> bool:
    """Whether the end depends on more than the day of arrival; "the day itself" does in its last second."""
    return limit.term.unit in (Unit.MINUTE, Unit.HOUR) or limit.term.count == 0


def _dated(clock: str, limits: Sequence[Limit], received_at: datetime, calendar: Calendar) -> Deadline:
    ends = [(limit, _end(limit, received_at, calendar)) for limit in limits]
    limit, end = min(ends, key=lambda dated: dated[1].at)  # of equal ends the first: the target's own
    return Deadline(
        clock=clock,
        due_at=end.at,
        provisional=any(other.provisional for _, other in ends),  # a later end may yet become the earliest
        profile=limit.profile.id,
        profile_version=limit.profile.version,
        clause=limit.clause,
        calendar_version=calendar.version,
    )


def _end(limit: Limit, received_at: datetime, calendar: Calendar) -> Due:
    return due(received_at, limit.term, calendar, roll_forward=limit.profile.roll_forward)


def _limits_of_a_case(
    policy: Policy, kind: Kind, level: Level, urgent: bool, needs_review: bool
) -> tuple[Mapping[str, Sequence[Limit]], bool]:
    """Return the limits of every clock the case has, and whether it is promised only a first plan."""
    keys = (level, ANY, URGENT) if urgent else (level, ANY)
    own = {clock: policy.limits(timer, keys) for clock, timer in _CLOCKS[kind].items()}
    promise, promises_plan = _promise(policy, kind, _NEXT_LOWER[level] if needs_review else level)
    if not promises_plan:  # nobody works towards a later date than the customer was told
        own[_ANSWER[kind]] += promise
    own["promised"] = promise
    law = policy.legal_limits() if kind is Kind.COMPLAINT else []
    clocks = {clock: [*limits, *law] for clock, limits in own.items() if limits}
    return (clocks | {"legal": law} if law else clocks), promises_plan


def _promise(policy: Policy, kind: Kind, level: Level) -> tuple[list[Limit], bool]:
    keys = (level, ANY)
    if kind is Kind.INQUIRY:
        return policy.limits("inquiry_answer_within", keys), False  # 24 h and not S0's 3 wd (C15)
    limits = policy.limits("promise_to_customer", keys)
    if not limits:
        return policy.limits("resolve_within", keys), False
    plan = limits[0].profile.timers.get("prelim_plan_within")
    # a rule book that asks for a plan at this level can only have meant that plan with its promise (rule 6)
    return limits, kind is Kind.COMPLAINT and plan is not None and level in plan.terms
