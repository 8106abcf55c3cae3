"""Commands after the outcome: review, callback, scores, closing, archive, withdrawal, reopening: T23 to T33. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.rules.commands.fields import Line, Moment, Name, OptionalWords, Words


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestReview:
    """Record the customer's written request that a branch's superior looks at its decision (T23; law 20)."""

    received_at: Moment
    superior: Line


@dataclass(frozen=True, slots=True, kw_only=True)
class DecideReview:
    """Decide the review: process, time limit and result (T24; law 20)."""

    process: Words
    time_limit: Words
    result: Words
    upheld: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordCallback:
    """Record a callback's answers (T25, T26; A115, A117, A122); `solved` is None when nobody was reached."""

    solved: bool | None
    scores: dict[str, int]
    remarks: OptionalWords = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveFeedback:
    """Tell the customer what became of a callback's remarks (A118)."""

    text: Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Record the customer's own scores, 1 to 5."""

    scores: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseUnanswered:
    """End a case whose customer did not answer the outcome (T27)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportReferral:
    """Record that the result was reported to the referring body (T32)."""

    report: Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """File the case (T28; A112). Cause and report where the level or a repeat asks for them (A046, A134)."""

    root_cause: OptionalWords = ""
    case_report: OptionalWords = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdraw:
    """End the case on the customer's request, the same day (T29; law 15)."""

    request: Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopen:
    """Open an archived case again on new facts, with the agreement of 消保部 (T33)."""

    new_facts: Words
    agreed_by: Name  # of 消保部
