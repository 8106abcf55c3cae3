"""What a complaint is: its row, the timeline it is the fold of, and who acts on it. What may happen is in rules/."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from gateway.model.aspects import ContentClass, Difficulty, Emotion, Horizon, Scope, Topic
from gateway.model.words import (
    ChannelKind,
    ClockName,
    EventKind,
    EvidenceType,
    Finding,
    FindingType,
    Flag,
    Kind,
    Language,
    Level,
    Nature,
    Product,
    Result,
    Role,
    State,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who does something: a person by staff id, the gateway itself ("system") or the customer ("customer")."""

    id: str
    roles: frozenset[Role]
    unit: str = ""  # "" where the person belongs to no responsible unit


SYSTEM = Actor(id="system", roles=frozenset({Role.SYS}))
CUSTOMER = Actor(id="customer", roles=frozenset({Role.CUS}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """One limit of a case, with the rule and the calendar data it comes from (A.13 rule 5).

    `provisional`: counted over a year whose holidays were not known yet (D.9). `sounded`: how many of its alarms were.
    """

    due_at: datetime
    started_at: datetime
    profile: str
    profile_version: str
    clause: str
    calendar_version: str
    provisional: bool = False
    paused_at: datetime | None = None
    stopped_at: datetime | None = None
    sounded: int = 0

    @property
    def runs(self) -> bool:
        return self.stopped_at is None and self.paused_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One piece of proof: where it is and what it hashes to (A081); its description is sealed in the timeline."""

    id: str
    type: EvidenceType
    sha256: str
    added_by: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Improvement:
    """整改计划: it has an owner, a time limit and a standard to verify it by (A088)."""

    measure: str
    owner: str
    due: date
    verification: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Compensation:
    """补偿: an exact amount is for the handling unit and approvers only (C13)."""

    amount: str  # decimal, in the currency's units
    currency: str
    arrival: date  # when the customer has it
    account_tail: str = ""  # the last four digits


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """What the handler found and proposes (A065, A084, law 19). Personal data may be in it: it is sealed."""

    finding: Finding
    finding_type: FindingType
    result: Result
    findings: str
    cause: str
    measures: str
    improvement: Improvement
    feedback_plan: str
    evidence: tuple[str, ...]  # ids
    basis: tuple[str, ...] = ()  # rules and contract clauses by name and number
    reason: str = ""  # in plain words, where the customer's demand is not met
    alternative: str = ""
    compensation: Compensation | None = None
    by: str = ""  # the handler who concluded


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """How the bank works on a complaint: grading, people, evidence, conclusion, and what the customer said of it."""

    nature: Nature | None = None
    flags: frozenset[Flag] = frozenset()
    red_alert: bool = False  # = major (A053), until 消保部 agrees that it ends
    product: Product | None = None
    branch: str = ""
    graded_by: str = ""
    topic: Topic | None = None
    emotion: Emotion | None = None
    content_class: ContentClass | None = None
    scope: Scope | None = None
    horizon: Horizon | None = None
    difficulty: Difficulty | None = None
    contingency_owner: str = ""  # who has the contingency plan of what is urgent, repeated or a group's (A044, A047)

    first_owner: str = ""  # 首问责任人, set once (A023)
    current_owner: str = ""
    unit: str = ""  # 主责单位: one (A052)
    handler: str = ""
    assist_units: tuple[str, ...] = ()  # that were asked and have not answered
    lead: str = ""
    approver: str = ""
    reroutes: int = 0
    staff_involved: tuple[str, ...] = ()  # staff ids; none of them may handle (law 17)
    checkers: tuple[str, ...] = ()  # handlers of earlier rounds: another person looks again (N13)

    evidence: tuple[Evidence, ...] = ()
    conclusion: Conclusion | None = None
    approvals: tuple[tuple[Role, str], ...] = ()  # role and staff id
    plan_saved: bool = False
    progress_digest: str = ""  # of the last progress told: the next one must differ (A067)
    contacted_at: datetime | None = None  # when the customer was last told of the handling

    extended_to: datetime | None = None
    mediation_offered: bool = False  # and neither taken up nor overtaken by an outcome: a plain yes or no is to that
    resume: State | None = None  # where a pause goes back to
    rounds: int = 1  # of checking
    objections: int = 0
    result: Result | None = None
    replied_at: datetime | None = None
    told_at: datetime | None = None  # handed over in full, read to the customer, or nobody could be reached (law 21)
    by_branch: bool = True  # a branch decided: its superior may review (law 20)
    execution_due: date | None = None
    executed_at: datetime | None = None
    scores: Mapping[str, int] = field(default_factory=dict)
    calls: int = 0  # days on which nobody was reached by telephone, each on record (law 21)
    called_on: date | None = None  # the last of them
    unpaid_approval: bool = False  # acted first, the paperwork is owed (A061)
    root_cause: str = ""
    report: bool = False  # 案例分析报告 is on file (A134)
    legal_hold: bool = False
    retention_until: date | None = None  # the last day it is kept, known once it is archived (A123)
    referral: str = ""  # the referring body's own reference
    referral_reported: bool = False
    merged_into: str = ""  # a number
    named: tuple[str, ...] = ()  # numbers of other complaints that its sender named
    repeats: bool = False  # one of them is the sender's own and had ended: `repeat` is suggested (A110)


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """One complaint as it stands: the fold of its timeline (rules/lifecycle.py `evolve`)."""

    id: str
    number: str
    state: State
    kind: Kind
    level: Level
    needs_review: bool  # no person has confirmed the grading yet (A049)
    channel: ChannelKind
    source: str
    language: Language
    received_at: datetime
    registered_at: datetime
    promised_at: datetime
    legal_at: datetime | None  # None: outside the statutory clock (law 2)
    policy: str
    name: str = ""
    clocks: Mapping[ClockName, Clock] = field(default_factory=dict)
    case: Case = Case()
    version: int = 0  # the sequence number of the last timeline entry
    head: bytes = b""  # the mac of the last timeline entry

    def cannot_be_told(self, now: datetime) -> bool:
        """Say whether nothing reaches the customer any more but a chat that has closed (无法主动告知; S0-9(1))."""
        reach = self.clocks.get(ClockName.REACH)
        return reach is not None and reach.runs and reach.due_at <= now


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One fact of a complaint's life. `public` may be shown in statistics; `private` is sealed and can be erased.

    Both hold JSON values only.
    """

    kind: EventKind
    public: Mapping[str, object]
    private: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An event in its place in a complaint's chained timeline (audit.py)."""

    complaint_id: str
    seq: int
    at: datetime
    actor: str
    event: Event
    salt: bytes
    digest: bytes  # of the private part, salted
    mac: bytes
