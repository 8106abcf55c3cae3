"""A provider's word moves a delivery forwards only."""

from __future__ import annotations

from functools import reduce
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from gateway.model import DeliveryState, DeliveryStatus
from gateway.rules.receipts import after

STATUSES = st.lists(st.sampled_from(DeliveryStatus), max_size=6)


@given(STATUSES)
def test_what_is_said_twice_changes_nothing_more(said: list[DeliveryStatus]) -> None:
    once = reduce(after, said, DeliveryState.QUEUED)
    assert reduce(after, said, once) == once


@given(STATUSES, st.sampled_from(DeliveryStatus))
def test_nothing_that_was_handed_over_becomes_unsent_again(said: list[DeliveryStatus], last: DeliveryStatus) -> None:
    state = reduce(after, [*said, last], DeliveryState.UNKNOWN)
    assert state not in (DeliveryState.QUEUED, DeliveryState.UNKNOWN, DeliveryState.FAILED)


def test_the_order_of_receipts_does_not_matter_while_they_agree() -> None:
    agreeing = (DeliveryStatus.ACCEPTED, DeliveryStatus.DELIVERED, DeliveryStatus.READ)
    ends = {reduce(after, order, DeliveryState.QUEUED) for order in permutations(agreeing)}
    assert ends == {DeliveryState.READ}


def test_of_two_ends_the_first_that_is_said_stays() -> None:
    assert after(DeliveryState.DELIVERED, DeliveryStatus.UNDELIVERED) is DeliveryState.DELIVERED
    assert after(DeliveryState.UNDELIVERED, DeliveryStatus.DELIVERED) is DeliveryState.UNDELIVERED
