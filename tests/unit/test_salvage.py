"""A batch is done at once, or each alone: one bad row keeps no other waiting."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from gateway.errors import BadData, DiskFull, GatewayError, Unavailable
from gateway.salvage import all_or_each
from gateway.vault import MissingMaster


class Work:
    """Refuses what it is told to refuse; remembers each batch."""

    def __init__(self, **bad: Exception) -> None:
        self.bad = bad
        self.batches: list[list[str]] = []
        self.failed: list[Exception] = []

    async def do(self, items: Sequence[str]) -> int:
        self.batches.append(list(items))
        for item in items:
            if item in self.bad:
                raise self.bad[item]
        return len(items)


async def test_what_works_is_done_at_once() -> None:
    work = Work()
    assert await all_or_each(["a", "b", "c"], work.do, work.failed.append) == 3
    assert work.batches == [["a", "b", "c"]]


@pytest.mark.parametrize("problem", [BadData(), ValueError(), MissingMaster("k1"), GatewayError()])
async def test_one_that_fails_is_left_out_and_heard_of(problem: Exception) -> None:
    """A key this node does not have yet, too: other rows are sealed by others."""
    work = Work(b=problem)
    assert await all_or_each(["a", "b", "c"], work.do, work.failed.append) == 2
    assert work.batches == [["a", "b", "c"], ["a"], ["b"], ["c"]]
    assert work.failed == [problem]


@pytest.mark.parametrize("problem", [Unavailable(), DiskFull()])
async def test_a_database_that_is_away_is_not_asked_again_for_each(problem: Exception) -> None:
    work = Work(b=problem)
    with pytest.raises(Unavailable):
        await all_or_each(["a", "b", "c"], work.do, work.failed.append)
    assert len(work.batches) == 1


async def test_nor_when_it_goes_away_meanwhile() -> None:
    work = Work(a=BadData(), b=Unavailable())
    with pytest.raises(Unavailable):
        await all_or_each(["a", "b", "c"], work.do, work.failed.append)
    assert work.batches == [["a", "b", "c"], ["a"], ["b"]]
