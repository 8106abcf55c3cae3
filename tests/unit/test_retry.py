"""Pauses between attempts."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from gateway.retry import FIRST, LONGEST, delay


@given(st.integers(1, 10_000), st.text())
def test_a_pause_stays_within_its_bounds(attempt: int, key: str) -> None:
    assert FIRST * 0.75 <= delay(attempt, key) <= LONGEST


@given(st.integers(1, 30), st.text())
def test_the_same_attempt_of_the_same_delivery_always_pauses_alike(attempt: int, key: str) -> None:
    assert delay(attempt, key) == delay(attempt, key)


def test_pauses_grow() -> None:
    pauses = [delay(attempt, "key") for attempt in range(1, 8)]
    assert pauses == sorted(pauses)
    assert pauses[-1] > 20 * pauses[0]


def test_what_the_provider_asked_for_is_never_undercut() -> None:
    assert delay(1, "key", asked=timedelta(hours=2)) == timedelta(hours=2)
