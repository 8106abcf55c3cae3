"""Commands of the checking: T10 to T15, the evidence and the plan of T16, and what is told on the way. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.model import EvidenceType
from gateway.rules.commands.fields import Day, Line, Moment, Name, OptionalName, OptionalWords, Sha256, Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Investigate:
    """Begin to check; the customer hears in which direction and when next (T10; A041, A097, A100)."""

    direction: Words
    next_contact_at: Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class AskCustomer:
    """Ask for what the bank does not have and cannot look up (T11; law 13). The clocks keep running."""

    items: tuple[Line, ...]
    way: Line
    bank_has_none: bool  # the handler has looked: none of it is held by the bank


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume:
    """Go on checking: what was asked for came, or is not coming (T11), or the gaps are filled (T18)."""

    note: OptionalWords = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coordinate:
    """Call the other departments together (T12; A056): a meeting within one working day, answers within 24 hours."""

    units: tuple[Name, ...]
    question: Words
    meeting_at: Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerAssist:
    """Give an assisting unit's answer."""

    unit: Name
    answer: Words


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseCoordination:
    """Save the minutes of the meeting and go on checking."""

    minutes: Words


@dataclass(frozen=True, slots=True, kw_only=True)
class StartAppraisal:
    """Give it to an outside expert; that time does not count, and the customer is told (T13; law 18)."""

    body: Line
    reason: Words
    agreed_by: Name  # the unit's head and 法务合规 decide it together: the other one of them


@dataclass(frozen=True, slots=True, kw_only=True)
class EndAppraisal:
    """Take the expert's report in."""

    report: Words


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferMediation:
    """Tell the customer that a third party can mediate (T22; law 23)."""

    body: Line


@dataclass(frozen=True, slots=True, kw_only=True)
class StartMediation:
    """Begin the mediation the customer has agreed to; that time does not count (T14; law 23)."""

    body: Line
    customer_agreed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EndMediation:
    """Say what the mediation came to."""

    agreed: bool
    text: Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Extend:
    """Move the promised date, before it has passed, and tell the customer why in writing (T15; A069, law 18)."""

    until: Day
    reason_internal: Words
    reason: Words  # as the customer reads it
    done: Words
    next: Words


@dataclass(frozen=True, slots=True, kw_only=True)
class AddEvidence:
    """Put a piece of evidence on file (A080, A081)."""

    id: Name
    type: EvidenceType
    sha256: Sha256
    description: Words


@dataclass(frozen=True, slots=True, kw_only=True)
class SavePlan:
    """Put the preliminary plan of a major complaint on file, and tell the customer (A066; A.13 rule 6)."""

    plan: Words
    told: OptionalWords = ""  # the plan as the customer reads it


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportProgress:
    """Tell the customer what was done, what is waited for and what comes next (A067, A104)."""

    done: Words
    waiting: OptionalWords = ""
    next: Words


@dataclass(frozen=True, slots=True, kw_only=True)
class ActFirst:
    """Act before the paperwork is done (A061); the approval is owed."""

    action: Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Put a note on file."""

    text: Words


@dataclass(frozen=True, slots=True, kw_only=True)
class LookAt:
    """Put on record why somebody has to see the customer's name and contacts in full (A011, A144)."""

    reason: Words


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordCall:
    """Record an attempt to call the customer: proof also of «无法联系» (law 21)."""

    reached: bool
    proof: Line
    delivery: OptionalName = ""  # the notice's delivery the call stood for
    outcome_read: bool = False  # the outcome, which no notice could tell, was read to the customer (law 21)
    verified: tuple[Name, ...] = ()  # ids of contacts that turned out to be the customer's own (law 22)
