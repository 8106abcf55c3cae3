"""A batch in which one bad row does not keep the others waiting: all at once, and where that fails, one by one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from gateway.errors import Unavailable
from gateway.vault import MissingMaster

Item = TypeVar("Item")


async def all_or_each(
    items: Sequence[Item], work: Callable[[Sequence[Item]], Awaitable[int]], failed: Callable[[Exception], None]
) -> int:
    """Do the work for all items, or for each that can be alone; return what it counted. `failed` hears of the others.

    Raises Unavailable when the database is away, because that is not about one of them.
    """
    try:
        return await work(items)
    except Exception as error:
        _unless_away(error)
    done = 0
    for item in items:
        try:
            done += await work([item])
        except Exception as error:
            _unless_away(error)
            failed(error)
    return done


def _unless_away(error: Exception) -> None:
    # A key that this node does not have yet is about the rows it seals, and no reason to stop.
    if isinstance(error, Unavailable) and not isinstance(error, MissingMaster):
        raise error
