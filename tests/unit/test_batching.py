"""Group commit: who shares a commit with whom, and who suffers when a commit fails (architecture section 5)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from gateway.batching import TRIES, Batcher
from gateway.errors import BadData, Conflict, Contended, StorageFailed, Unavailable


class Ledger:
    """A write side that keeps what was committed and fails as told; `gate` holds a commit back."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.rescued: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.started = asyncio.Event()
        self.failures: list[Exception] = []

    async def write(self, calls: Sequence[str]) -> Sequence[str]:
        self.started.set()
        await self.gate.wait()
        if self.failures:
            raise self.failures.pop(0)
        if any("poison" in call for call in calls):
            raise BadData
        self.batches.append(list(calls))
        return [f"{call} done" for call in calls]

    async def rescue(self, call: str, error: Exception) -> str:
        if "hopeless" in call:
            raise error
        self.rescued.append(call)
        return f"{call} rescued"

    def batcher(self, *, most: int = 64, room: int = 1000) -> Batcher[str, str]:
        return Batcher(write=self.write, rescue=self.rescue, size=lambda _: 1, most=most, room=room)


async def test_a_lone_call_is_committed_at_once() -> None:
    ledger = Ledger()
    assert await ledger.batcher().submit("a") == "a done"
    assert ledger.batches == [["a"]]


async def test_what_arrives_during_a_commit_shares_the_next_one() -> None:
    ledger = Ledger()
    batcher = ledger.batcher()
    ledger.gate.clear()
    first = asyncio.create_task(batcher.submit("a"))
    await ledger.started.wait()
    others = [asyncio.create_task(batcher.submit(name)) for name in "bcd"]
    asyncio.get_running_loop().call_soon(ledger.gate.set)  # after the three have been handed in
    assert await asyncio.gather(first, *others) == ["a done", "b done", "c done", "d done"]
    assert ledger.batches == [["a"], ["b", "c", "d"]]


async def test_who_arrives_together_shares_the_first_commit() -> None:
    """A crowd comes in turn after turn of the event loop: the first of it does not go alone."""
    ledger = Ledger()
    batcher = ledger.batcher()
    calls: list[asyncio.Task[str]] = []

    def arrive(names: str) -> None:
        calls.append(asyncio.create_task(batcher.submit(names[0])))
        if names[1:]:
            asyncio.get_running_loop().call_soon(arrive, names[1:])

    arrive("abcd")
    await ledger.started.wait()
    assert await asyncio.gather(*calls) == ["a done", "b done", "c done", "d done"]
    assert ledger.batches == [["a", "b", "c", "d"]]


async def test_a_batch_is_bounded() -> None:
    ledger = Ledger()
    batcher = ledger.batcher(most=2)
    await asyncio.gather(*(batcher.submit(name) for name in "abcde"))
    assert ledger.batches == [["a", "b"], ["c", "d"], ["e"]]


async def test_only_the_culprit_is_rescued_and_all_others_are_committed() -> None:
    ledger = Ledger()
    batcher = ledger.batcher()
    names = ["a", "b", "poison", "d", "e"]
    results = await asyncio.gather(*(batcher.submit(name) for name in names))
    assert results == ["a done", "b done", "poison rescued", "d done", "e done"]
    assert sorted(name for batch in ledger.batches for name in batch) == ["a", "b", "d", "e"]


async def test_a_culprit_that_cannot_be_rescued_hears_unavailable_and_nobody_else_does() -> None:
    ledger = Ledger()
    batcher = ledger.batcher()
    results = await asyncio.gather(*(batcher.submit(n) for n in ["a", "hopeless poison", "c"]), return_exceptions=True)
    assert results[0] == "a done"
    assert isinstance(results[1], Unavailable)
    assert results[2] == "c done"


async def test_a_contended_batch_is_done_again() -> None:
    ledger = Ledger()
    ledger.failures = [Contended()] * (TRIES - 1)
    assert await ledger.batcher().submit("a") == "a done"


async def test_a_batch_contended_too_often_is_unavailable() -> None:
    ledger = Ledger()
    ledger.failures = [Contended()] * TRIES
    with pytest.raises(Unavailable):
        await ledger.batcher().submit("a")
    assert ledger.batches == []


async def test_when_the_database_is_away_every_caller_hears_so_and_nobody_is_retried_one_by_one() -> None:
    ledger = Ledger()
    ledger.failures = [Unavailable()]
    batcher = ledger.batcher()
    results = await asyncio.gather(*(batcher.submit(name) for name in "abc"), return_exceptions=True)
    assert [type(result) for result in results] == [Unavailable] * 3
    assert ledger.batches == []


async def test_cancelling_a_caller_never_cancels_the_commit() -> None:
    ledger = Ledger()
    batcher = ledger.batcher()
    ledger.gate.clear()
    caller = asyncio.create_task(batcher.submit("a"))
    await ledger.started.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    ledger.gate.set()
    await batcher.close()
    assert ledger.batches == [["a"]]


async def test_beyond_its_room_it_refuses_at_once_and_takes_again_later() -> None:
    ledger = Ledger()
    batcher = ledger.batcher(room=1)
    ledger.gate.clear()
    first = asyncio.create_task(batcher.submit("a"))
    await ledger.started.wait()
    with pytest.raises(Unavailable):
        await batcher.submit("b")
    ledger.gate.set()
    assert await first == "a done"
    assert await batcher.submit("c") == "c done"


async def test_after_close_nothing_is_taken() -> None:
    ledger = Ledger()
    batcher = ledger.batcher()
    await batcher.close()
    with pytest.raises(Unavailable):
        await batcher.submit("a")


async def test_a_database_whose_schema_is_wrong_quarantines_nothing() -> None:
    ledger = Ledger()
    ledger.failures = [StorageFailed()]
    batcher = ledger.batcher()
    results = await asyncio.gather(*(batcher.submit(name) for name in "ab"), return_exceptions=True)
    assert [type(result) for result in results] == [Unavailable] * 2
    assert ledger.rescued == []


async def test_a_complaint_another_writer_moved_first_is_folded_again() -> None:
    ledger = Ledger()
    ledger.failures = [Conflict()]
    assert await ledger.batcher().submit("a") == "a done"


async def test_a_fault_that_one_item_brings_out_stops_no_other() -> None:
    ledger = Ledger()

    async def write(calls: Sequence[str]) -> Sequence[str]:
        if "odd" in calls:
            raise ZeroDivisionError
        return await ledger.write(calls)

    batcher = Batcher(write=write, rescue=ledger.rescue, size=len, most=64, room=1000)
    results = await asyncio.gather(*(batcher.submit(name) for name in ["a", "odd", "c"]))
    assert results == ["a done", "odd rescued", "c done"]
