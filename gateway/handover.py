"""A delivery as its provider knows it: what it is handed, what it is asked by; and the lanes that wait for its word."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from gateway.model import Attempt, Delivery, OutboundMessage
from gateway.ports import Handed

AHEAD = timedelta(minutes=1)
"""How far another node's clock may be ahead of this one's: beyond, what it put off was put off by a wrong clock."""
RECEIPTS = "receipts"
"""The lane of what providers reported and is not settled yet; its subjects are receipts."""


def media_lane(source: str) -> str:
    """Return the lane of files that a source's messages only name, yet to be fetched from it."""
    return f"media:{source}"


def media_id(message_id: str, position: int) -> str:
    """Return the name of a message's attachment as the subject of its work."""
    return f"{message_id}.{position}"


def look_lane(lane: str) -> str:
    """Return the lane in which deliveries of a lane wait to be asked for at their provider."""
    return f"look:{lane}"


def outbound(row: Delivery) -> OutboundMessage:
    return OutboundMessage(key=row.key, to=row.to, content=row.content, created_at=row.created_at)


def handed(row: Delivery, attempts: Sequence[Attempt]) -> Handed:
    """Return what a Finder recognises a message by."""
    provider_id = next((one.provider_id for one in reversed(attempts) if one.provider_id), "")
    # The first attempt may not have been recorded: who made it was killed.
    tried_at = next((one.at for one in attempts if one.number == 1), row.created_at)
    return Handed(message=outbound(row), provider_id=provider_id, tried_at=tried_at)
