"""Providers' tokens: one for all nodes, sealed, and refreshed once however many find it expired."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.errors import Conflict
from gateway.ports import Lane, ProviderToken, Storage
from tests.factories import START

FIRST = ProviderToken(name="wecom", value="secret-1", version=1, expires_at=START + timedelta(hours=2))
SECOND = ProviderToken(name="wecom", value="secret-2", version=2, expires_at=START + timedelta(hours=4))


async def store(storage: Storage, token: ProviderToken) -> None:
    async with storage.writing(Lane.RESULTS) as tx:
        await tx.tokens.replace(token)


async def test_a_token_comes_back_as_it_was_stored_and_a_name_without_one_is_not_there(storage: Storage) -> None:
    await store(storage, FIRST)
    async with storage.reading() as tx:
        assert await tx.tokens.get(["wecom", "wechat"]) == {"wecom": FIRST}


async def test_the_next_version_takes_the_place_of_the_one_before(storage: Storage) -> None:
    await store(storage, FIRST)
    await store(storage, SECOND)
    async with storage.reading() as tx:
        assert await tx.tokens.get(["wecom"]) == {"wecom": SECOND}


@pytest.mark.parametrize("late", [FIRST, replace(SECOND, version=3)], ids=["the_same", "one_too_far"])
async def test_who_comes_second_with_a_refresh_is_told_so_and_changes_nothing(
    storage: Storage, late: ProviderToken
) -> None:
    await store(storage, FIRST)
    with pytest.raises(Conflict):
        await store(storage, late)
    async with storage.reading() as tx:
        assert await tx.tokens.get(["wecom"]) == {"wecom": FIRST}


def test_a_token_is_not_in_its_repr() -> None:
    assert "secret" not in repr(FIRST)
