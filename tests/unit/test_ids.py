"""Identity: what an id tells (when) and what it does not (anything else)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gateway.ids import ALPHABET, new_id

MOMENTS = st.datetimes(datetime(1970, 1, 2), datetime(9999, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


@given(MOMENTS)
def test_an_id_begins_with_its_millisecond(at: datetime) -> None:
    value = 0
    for character in new_id(at)[:10]:
        value = value * 32 + ALPHABET.index(character)
    assert value == int(at.timestamp() * 1000)


@given(MOMENTS, st.integers(1, 10**9))
def test_ids_are_ordered_by_time(at: datetime, milliseconds: int) -> None:
    earlier = at - timedelta(milliseconds=min(milliseconds, int(at.timestamp() * 1000)))
    assert earlier == at or new_id(earlier)[:10] <= new_id(at)[:10]


def test_the_rest_of_an_id_is_random_and_uses_every_character() -> None:
    ids = {new_id(datetime(2026, 11, 23, tzinfo=UTC)) for _ in range(1_000)}
    assert len(ids) == 1_000
    assert {len(one) for one in ids} == {26}
    assert all({one[place] for one in ids} == set(ALPHABET) for place in range(10, 26))
