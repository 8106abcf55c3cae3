"""Who alone may read a source, and how far it was read (ports/storage.py): one reader for each mailbox."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from gateway.errors import Conflict
from gateway.ports import Lane, Mark, Storage
from gateway.vault import Vault
from tests.databases import Database
from tests.factories import START

SPAN = timedelta(seconds=30)
NAME = "listen:complaints-mailbox"


async def acquire(storage: Storage, holder: str, *, at: timedelta = timedelta(), name: str = NAME) -> int | None:
    async with storage.writing(Lane.RESULTS) as tx:
        return await tx.leases.acquire(name, holder, now=START + at, until=START + at + SPAN)


async def renew(storage: Storage, fence: int, *, until: timedelta) -> bool:
    async with storage.writing(Lane.RESULTS) as tx:
        return await tx.leases.renew(NAME, fence, until=START + until)


async def release(storage: Storage, fence: int) -> None:
    async with storage.writing(Lane.RESULTS) as tx:
        await tx.leases.release(NAME, fence)


async def advance(storage: Storage, *marks: Mark) -> None:
    async with storage.writing(Lane.INTAKE) as tx:
        await tx.marks.advance(marks)


async def stand(storage: Storage, *streams: str) -> dict[str, str]:
    async with storage.reading() as tx:
        return dict(await tx.marks.get(streams))


def mark(expected: str | None, value: str, *, stream: str = "kf", fence: int = 1) -> Mark:
    return Mark(stream=stream, expected=expected, value=value, fence=fence)


async def test_a_lease_that_somebody_has_is_not_given(storage: Storage) -> None:
    assert await acquire(storage, "node-a") == 1
    assert await acquire(storage, "node-b", at=SPAN - timedelta(microseconds=1)) is None
    assert await acquire(storage, "node-b", name="listen:another-mailbox") == 1


async def test_a_lease_that_ran_out_goes_to_the_next_with_a_greater_fence(storage: Storage) -> None:
    assert await acquire(storage, "node-a") == 1
    assert await acquire(storage, "node-b", at=SPAN) == 2
    assert not await renew(storage, 1, until=10 * SPAN)
    await release(storage, 1)  # too late to do harm
    assert await acquire(storage, "node-a", at=SPAN) is None


async def test_a_lease_taken_by_a_clock_that_was_set_back_is_free(storage: Storage) -> None:
    """Lesson 18, "clock jump": else a mailbox would not be read until the clock is there again."""
    assert await acquire(storage, "node-a", at=timedelta(days=365)) == 1
    assert await acquire(storage, "node-b") == 2
    assert not await renew(storage, 1, until=SPAN)


async def test_a_renewed_lease_stays_its_holders(storage: Storage) -> None:
    assert await acquire(storage, "node-a") == 1
    assert await renew(storage, 1, until=2 * SPAN)
    assert await acquire(storage, "node-b", at=SPAN) is None
    assert await acquire(storage, "node-b", at=2 * SPAN) == 2


async def test_a_released_lease_is_free_at_once_and_cannot_be_renewed(storage: Storage) -> None:
    assert await acquire(storage, "node-a") == 1
    await release(storage, 1)
    assert not await renew(storage, 1, until=SPAN)
    assert await acquire(storage, "node-b") == 2


async def test_a_holder_whose_release_was_lost_takes_its_lease_again_at_once(storage: Storage) -> None:
    assert await acquire(storage, "node-a") == 1
    assert await acquire(storage, "node-a") == 2
    assert not await renew(storage, 1, until=SPAN)
    assert await acquire(storage, "node-b") is None


async def test_of_many_nodes_that_want_a_lease_at_once_one_gets_it(database: Database, vault: Vault) -> None:
    async with database.open(vault) as one, database.open(vault) as other:
        fences = await asyncio.gather(*(acquire(one if n % 2 else other, f"node-{n}") for n in range(20)))
    assert sorted(fence for fence in fences if fence is not None) == [1]


async def test_a_mark_moves_from_where_it_stands(storage: Storage) -> None:
    assert await stand(storage, "kf") == {}
    await advance(storage, mark(None, "a"), mark(None, "1", stream="sms"))
    await advance(storage, mark("a", "b"), mark("b", "c", fence=2))
    assert await stand(storage, "kf", "sms", "none") == {"kf": "c", "sms": "1"}


@pytest.mark.parametrize("late", [mark(None, "b"), mark("x", "b"), mark("a", "b", fence=1)])
async def test_a_reader_that_came_too_late_moves_no_mark(storage: Storage, late: Mark) -> None:
    """Lesson 63: it reads on from a mark that another has moved, or under a lease that another has."""
    await advance(storage, mark(None, "a", fence=2))
    with pytest.raises(Conflict):
        await advance(storage, mark(None, "1", stream="sms"), late)
    assert await stand(storage, "kf", "sms") == {"kf": "a"}


async def test_of_many_readers_that_move_one_mark_at_once_one_succeeds(database: Database, vault: Vault) -> None:
    """A mark and what was read go together: a second copy of the same read is refused as a whole."""
    async with database.open(vault) as one, database.open(vault) as other:
        nodes = [node for node in (one, other) for _ in range(5)]
        for expected, value in ((None, "a"), ("a", "b")):
            results = await asyncio.gather(
                *(advance(node, mark(expected, value)) for node in nodes), return_exceptions=True
            )
            assert [type(result) for result in results if result is not None] == [Conflict] * 9
