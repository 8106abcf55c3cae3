"""One node at a time, on both databases: taking over, renewing, losing and letting go of a lease (lesson 7)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from gateway.coordination.local import LocalCoordination
from gateway.leasing import TERM, Leasing
from gateway.ports import Lane, Storage
from gateway.vault import Vault
from tests.databases import Database
from tests.factories import Clock

NAME = "listen:mailbox"
PATIENCE = 20.0
QUICK = timedelta(seconds=0.3)  # renewed every tenth of a second


class Mailbox:
    """What at most one node may be connected to."""

    def __init__(self) -> None:
        self.connections: set[str] = set()
        self.most = 0
        self.changed = asyncio.Event()

    def connect_as(self, node: str) -> Callable[[Callable[[], None], int], asyncio.Future[None]]:
        return lambda alive, fence: asyncio.ensure_future(self._connect(node))

    async def _connect(self, node: str) -> None:
        self.connections.add(node)
        self.most = max(self.most, len(self.connections))
        self.changed.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.connections.discard(node)
            self.changed.set()

    async def is_read_by(self, *nodes: str) -> None:
        async with asyncio.timeout(PATIENCE):
            while self.connections != set(nodes):
                self.changed.clear()
                await self.changed.wait()


class Nodes:
    """Nodes that each want to read the mailbox, on connections to the database of their own."""

    def __init__(self, database: Database, vault: Vault, clock: Clock) -> None:
        self._database, self._vault, self._clock = database, vault, clock
        self.coordination = LocalCoordination(now=clock)
        self.mailbox = Mailbox()
        self.looked = asyncio.Event()

    @asynccontextmanager
    async def node(self, name: str, *, term: timedelta = TERM) -> AsyncIterator[asyncio.Task[None]]:
        async with self._database.open(self._vault) as storage:
            leasing = Leasing(storage=storage, coordination=self.coordination, now=self._clock, term=term)
            task = asyncio.create_task(leasing.alone(NAME, self.mailbox.connect_as(name), self.looked.set))
            try:
                yield task
            finally:
                task.cancel()
                await asyncio.wait({task})

    async def has_looked(self) -> None:
        """Wait until a node that waits has looked once more."""
        self.looked.clear()
        await self.coordination.wake(f"lease:{NAME}")
        await asyncio.wait_for(self.looked.wait(), PATIENCE)


@pytest.fixture
def nodes(database: Database, vault: Vault, clock: Clock) -> Nodes:
    return Nodes(database, vault, clock)


async def take(storage: Storage, holder: str, clock: Clock) -> int | None:
    """Take the lease for a node that will never be heard of again."""
    async with storage.writing(Lane.INTAKE) as tx:
        return await tx.leases.acquire(NAME, holder, now=clock(), until=clock() + TERM)


async def ends_at(database: Database) -> datetime:
    [(microseconds,)] = await database.run("SELECT until FROM leases")
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=microseconds)


@asynccontextmanager
async def out_of_reach(database: Database) -> AsyncIterator[None]:
    await database.run("ALTER TABLE leases RENAME TO elsewhere")
    try:
        yield
    finally:
        await database.run("ALTER TABLE elsewhere RENAME TO leases")


async def test_of_many_nodes_one_reads_and_the_next_takes_over_when_it_stops(nodes: Nodes) -> None:
    """lesson 7."""
    async with AsyncExitStack() as stack:
        async with nodes.node("a"):
            await nodes.mailbox.is_read_by("a")
            for name in ("b", "c"):
                await stack.enter_async_context(nodes.node(name))
            await nodes.has_looked()
            assert nodes.mailbox.connections == {"a"}
        async with asyncio.timeout(TERM.total_seconds() / 6):  # woken, not at its next look
            while not nodes.mailbox.connections:
                nodes.mailbox.changed.clear()
                await nodes.mailbox.changed.wait()
    assert nodes.mailbox.most == 1


async def test_a_lease_of_a_node_that_was_killed_is_taken_after_its_term_and_not_before(
    nodes: Nodes, storage: Storage, clock: Clock
) -> None:
    assert await take(storage, "killed", clock) is not None
    async with nodes.node("b"):
        clock.later(seconds=TERM.total_seconds() - 1)
        await nodes.has_looked()
        assert not nodes.mailbox.connections
        clock.later(seconds=1)
        await nodes.coordination.wake(f"lease:{NAME}")
        await nodes.mailbox.is_read_by("b")


async def test_a_lease_in_use_is_renewed(nodes: Nodes, database: Database, storage: Storage, clock: Clock) -> None:
    async with nodes.node("a", term=QUICK):
        await nodes.mailbox.is_read_by("a")
        for _ in range(3):
            clock.later(seconds=0.2)
            async with asyncio.timeout(PATIENCE):
                while True:
                    if await ends_at(database) >= clock() + QUICK:
                        break
        assert await take(storage, "b", clock) is None
        assert nodes.mailbox.connections == {"a"}


async def test_a_node_that_lost_its_lease_stops_reading(nodes: Nodes, storage: Storage, clock: Clock) -> None:
    """A node that was suspended for longer than its term finds another in its place."""
    async with nodes.node("a", term=QUICK) as node:
        await nodes.mailbox.is_read_by("a")
        while await take(storage, "b", clock) is None:
            clock.later(seconds=1)
        await nodes.mailbox.is_read_by()
        await asyncio.wait_for(node, PATIENCE)
        assert await take(storage, "c", clock) is None  # b has it still: what was lost was not let go


async def test_a_node_that_cannot_renew_stops_before_another_may_begin(
    nodes: Nodes, database: Database, clock: Clock
) -> None:
    async with nodes.node("a", term=QUICK) as node:
        await nodes.mailbox.is_read_by("a")
        end = await ends_at(database)
        async with out_of_reach(database):
            clock.later(seconds=0.25)
            await nodes.mailbox.is_read_by()
            assert clock() < end
            await asyncio.wait({node}, timeout=PATIENCE)


async def test_what_breaks_lets_the_lease_go_so_that_another_node_may_try(
    nodes: Nodes, storage: Storage, clock: Clock
) -> None:
    async def broken(alive: Callable[[], None], fence: int) -> None:
        raise ConnectionError

    leasing = Leasing(storage=storage, coordination=nodes.coordination, now=clock)
    with pytest.raises(ConnectionError):
        await leasing.alone(NAME, broken, lambda: None)
    assert await take(storage, "b", clock) is not None


async def test_another_name_is_another_lease(nodes: Nodes, storage: Storage, clock: Clock) -> None:
    done: list[str] = []

    async def run(alive: Callable[[], None], fence: int) -> None:
        done.append("ran")

    async with nodes.node("a"):
        await nodes.mailbox.is_read_by("a")
        leasing = Leasing(storage=storage, coordination=nodes.coordination, now=clock)
        await leasing.alone("listen:another", run, lambda: None)
    assert done == ["ran"]
