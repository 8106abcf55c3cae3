"""How long an archived case is kept, and when it may be deleted (A123, A124). Nothing here deletes. Pure."""

from __future__ import annotations

from datetime import date

from gateway.model import Complaint, State
from gateway.rules.policy import Policy

LEAST = 5  # years (S4-§7)


def kept_until(policy: Policy, archived_on: date) -> date:
    """Return the last day a case is kept: the longest of the profiles' terms, never less than five years."""
    years = max(LEAST, *(profile.retention for profile in (policy.target, policy.ceiling, *policy.fills)))
    if (archived_on.month, archived_on.day) == (2, 29):  # a day that the year it ends in may not have: never earlier
        return date(archived_on.year + years, 3, 1)
    return archived_on.replace(year=archived_on.year + years)


def until(complaint: Complaint) -> date | None:
    """Return until when the case is kept; None while it is worked on, and without an end under a legal hold (A091)."""
    return None if complaint.case.legal_hold else complaint.case.retention_until


def may_be_deleted(complaint: Complaint, day: date) -> bool:
    """Say whether nothing obliges the bank to keep the case on this day of its zone any more."""
    last = until(complaint)
    return complaint.state is State.ARCHIVED and last is not None and day > last
