"""ONE table: what each event causes. It is a fact about the bank's rules, so it stands here and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.model import EventKind, NoticeKind

CUSTOMER_NOTICES: Mapping[EventKind, tuple[NoticeKind, ...]] = {
    EventKind.OPENED: (NoticeKind.ACKNOWLEDGEMENT,),  # S1-5-7, A093: accepted, time limit, contact
    EventKind.SUPPLEMENTED: (),  # no second acknowledgement: the number and the date have not changed
    EventKind.LINK_SUGGESTED: (),  # the sender learns nothing about the quoted complaint (lesson 38)
}


def notices(kind: EventKind) -> tuple[NoticeKind, ...]:
    """Return the notices the customer gets because of an event."""
    return CUSTOMER_NOTICES[kind]
