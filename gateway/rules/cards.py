"""Which buttons a card for one of the bank's people has: what they can do about it with nothing more to say. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.model import Complaint, EventKind, NoticeKind, State

CHOICES: Mapping[str, EventKind] = {"accept": EventKind.ACCEPTED}
"""Commands that need nothing but who gives them, and the event by which it is seen that they were given."""
_ABOUT_ACCEPTING = frozenset({NoticeKind.DISPATCH, NoticeKind.NOT_ACCEPTED})
_URGENT = frozenset({NoticeKind.RED_ALERT, NoticeKind.CLUSTER_ALERT})


def choices(notice: NoticeKind, person: str, complaint: Complaint) -> tuple[str, ...]:
    """Return the buttons on the card by which this person is told a notice: only who handles the case accepts it."""
    if notice in _ABOUT_ACCEPTING and person == complaint.case.handler and complaint.state is State.DISPATCHED:
        return ("accept",)
    return ()


def is_urgent(notice: NoticeKind) -> bool:
    """Say whether it goes before all others where only so many may be sent (A053, A102)."""
    return notice in _URGENT
