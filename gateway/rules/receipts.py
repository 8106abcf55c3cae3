"""What a provider's word about a delivery does to its state: forwards only, whatever comes early, late or twice.

queued, unknown, failed --accepted--> sent --delivered--> delivered --read--> read
                                          +-undelivered-> undelivered
"""

from __future__ import annotations

from collections.abc import Mapping

from gateway.model import DeliveryState, DeliveryStatus

STATES: Mapping[DeliveryStatus, DeliveryState] = {
    DeliveryStatus.ACCEPTED: DeliveryState.SENT,
    DeliveryStatus.DELIVERED: DeliveryState.DELIVERED,
    DeliveryStatus.UNDELIVERED: DeliveryState.UNDELIVERED,
    DeliveryStatus.READ: DeliveryState.READ,
}
_RANKS: Mapping[DeliveryState, int] = {
    DeliveryState.QUEUED: 0,
    DeliveryState.UNKNOWN: 0,
    DeliveryState.FAILED: 0,
    DeliveryState.SENT: 1,
    DeliveryState.DELIVERED: 2,
    DeliveryState.UNDELIVERED: 2,  # both are ends: whichever is said first stays
    DeliveryState.READ: 3,
}
HANDED_OVER = frozenset(state for state, rank in _RANKS.items() if rank)


def below(state: DeliveryState) -> frozenset[DeliveryState]:
    """Return the states from which a delivery may move to this one by a provider's word."""
    return frozenset(one for one, rank in _RANKS.items() if rank < _RANKS[state])


def after(state: DeliveryState, status: DeliveryStatus) -> DeliveryState:
    """Return the delivery's state once this is known of it: never one of a lower rank."""
    said = STATES[status]
    return said if state in below(said) else state
