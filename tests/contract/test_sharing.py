"""One access token for all nodes, on both databases: one refresh serves all, and no refresh storms (lesson 86)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import pytest

from gateway.coordination.local import LocalCoordination
from gateway.errors import Permanent, Temporary
from gateway.ports import FetchedToken, Lane, ProviderToken, Storage
from gateway.sharing import COOL, Sharing
from gateway.vault import Vault
from tests.databases import Database
from tests.factories import START, Clock

NAME = "wecom-service"
SECONDS = 7200


class Provider:
    """Gives a token on request, as 公众号's does: each one ends the one before."""

    def __init__(self) -> None:
        self.given = 0
        self.valid = ""
        self.out_of_order = False

    async def fetch(self) -> FetchedToken:
        self.given += 1
        if self.out_of_order:
            raise Temporary("wecom -1")
        self.valid = f"token-{self.given}"
        return FetchedToken(value=self.valid, seconds=SECONDS)

    async def call(self, shared: Sharing) -> bool:
        """Call as an adapter does: with the shared token, and once more when it is refused."""
        token = await shared.token(NAME, self.fetch)
        if token != self.valid:
            token = await shared.token(NAME, self.fetch, refused=token)
        return token == self.valid


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
async def node(storage: Storage, clock: Clock) -> Sharing:
    return Sharing(storage=storage, coordination=LocalCoordination(now=clock), now=clock)


@asynccontextmanager
async def workers(count: int, database: Database, vault: Vault, clock: Clock) -> AsyncIterator[list[Sharing]]:
    """Several nodes, each on connections of its own; they hear of each other."""
    coordination = LocalCoordination(now=clock)
    async with AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(database.open(vault)) for _ in range(count)]
        yield [Sharing(storage=one, coordination=coordination, now=clock) for one in opened]


async def test_eight_workers_with_an_expired_token_refresh_it_once_and_every_call_succeeds(
    database: Database, vault: Vault, clock: Clock, provider: Provider
) -> None:
    """Lesson 86."""
    async with workers(8, database, vault, clock) as nodes:
        assert await provider.call(nodes[0])
        clock.later(seconds=SECONDS)
        called = await asyncio.gather(*(provider.call(node) for node in nodes for _ in range(3)))
    assert called == [True] * 24
    assert provider.given == 2


async def test_a_token_that_ends_early_is_replaced_once_for_all(
    database: Database, vault: Vault, clock: Clock, provider: Provider
) -> None:
    """WeCom may end a token before its time (path/91039)."""
    async with workers(8, database, vault, clock) as nodes:
        assert all([await provider.call(node) for node in nodes])
        provider.valid = "another that nobody has"
        called = await asyncio.gather(*(provider.call(node) for node in nodes))
    assert called == [True] * 8
    assert provider.given == 2


async def test_a_node_that_starts_uses_the_token_that_is_there(
    database: Database, vault: Vault, clock: Clock, provider: Provider
) -> None:
    async with workers(2, database, vault, clock) as (first, second):
        await provider.call(first)
        await provider.call(second)
    assert provider.given == 1


async def test_a_token_is_replaced_shortly_before_it_ends(node: Sharing, clock: Clock, provider: Provider) -> None:
    await provider.call(node)
    clock.later(seconds=SECONDS - 11)
    await provider.call(node)
    assert provider.given == 1
    clock.later(seconds=2)
    await provider.call(node)
    assert provider.given == 2


async def test_a_token_in_its_last_seconds_is_used_until_there_is_another(
    node: Sharing, clock: Clock, provider: Provider
) -> None:
    """Channels 1.2: until it ends WeCom gives the same token, and what is left of it. No minute is without one."""
    ends_at = clock() + timedelta(seconds=SECONDS)

    async def fetch() -> FetchedToken:
        if clock() < ends_at:
            return FetchedToken(value="first", seconds=int((ends_at - clock()).total_seconds()))
        return FetchedToken(value="second", seconds=SECONDS)

    assert await node.token(NAME, fetch) == "first"
    clock.later(seconds=SECONDS - 9)
    assert await node.token(NAME, fetch) == "first"
    clock.later(seconds=9)
    assert await node.token(NAME, fetch, refused="first") == "second"


async def test_a_provider_that_gives_no_token_is_not_asked_again_at_once(
    node: Sharing, clock: Clock, provider: Provider
) -> None:
    """2000 calls in vain an hour shut an account out (channels.md 1.2)."""
    provider.out_of_order = True
    for _ in range(5):
        with pytest.raises(Temporary):
            await node.token(NAME, provider.fetch)
    assert provider.given == 1
    clock.later(seconds=COOL.total_seconds())
    provider.out_of_order = False
    assert await node.token(NAME, provider.fetch) == "token-2"


async def test_a_provider_that_gives_the_refused_token_again_is_not_asked_on_and_on(
    node: Sharing, provider: Provider
) -> None:
    """channels.md trap 5: 486 calls for a token, one after the other."""

    async def stubborn() -> FetchedToken:
        provider.given += 1
        return FetchedToken(value="the same", seconds=SECONDS)

    assert await node.token(NAME, stubborn) == "the same"
    for _ in range(5):
        with pytest.raises(Temporary, match="token"):
            await node.token(NAME, stubborn, refused="the same")
    assert provider.given == 2


async def test_what_a_provider_says_of_wrong_settings_is_what_the_caller_hears(node: Sharing) -> None:
    async def refuses() -> FetchedToken:
        raise Permanent("wecom 40001")

    with pytest.raises(Permanent, match="40001"):
        await node.token(NAME, refuses)


async def test_two_names_are_two_tokens(node: Sharing) -> None:
    def gives(value: str) -> Callable[[], Awaitable[FetchedToken]]:
        async def fetch() -> FetchedToken:
            return FetchedToken(value=value, seconds=SECONDS)

        return fetch

    assert [await node.token(name, gives(name)) for name in ("one", "two", "one")] == ["one", "two", "one"]


async def test_a_token_is_not_readable_in_the_database(database: Database, node: Sharing, provider: Provider) -> None:
    await provider.call(node)
    [(sealed,)] = await database.run("SELECT sealed FROM provider_tokens")
    assert provider.valid.encode() not in bytes(sealed)


async def test_a_node_that_died_while_it_asked_keeps_the_others_waiting_for_seconds_only(
    storage: Storage, node: Sharing, clock: Clock, provider: Provider
) -> None:
    async with storage.writing(Lane.RESULTS) as tx:
        until = clock() + timedelta(seconds=15)
        assert await tx.leases.acquire(f"token:{NAME}", "a dead node", now=clock(), until=until) is not None
    clock.later(seconds=15)
    assert await provider.call(node)


async def test_a_clock_set_back_does_not_close_the_way_to_a_token(
    node: Sharing, storage: Storage, clock: Clock, provider: Provider
) -> None:
    provider.out_of_order = True
    with pytest.raises(Temporary):
        await node.token(NAME, provider.fetch)
    clock.later(days=-3)
    provider.out_of_order = False
    assert await node.token(NAME, provider.fetch)
    async with storage.reading() as tx:
        held: ProviderToken = (await tx.tokens.get([NAME]))[NAME]
    assert held.expires_at == START - timedelta(days=3) + timedelta(seconds=SECONDS)
