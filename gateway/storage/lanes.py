"""Who may use the one SQLite writer, and when: the lower lane first, first come first served inside a lane."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

from gateway.ports import Lane


class LaneLock:
    """A lock that is handed to the waiter of the lowest lane. A cancelled waiter neither keeps nor loses it."""

    def __init__(self) -> None:
        self._held = False
        self._waiting: list[tuple[Lane, int, asyncio.Future[None]]] = []
        self._tickets = count()

    @asynccontextmanager
    async def held(self, lane: Lane) -> AsyncIterator[None]:
        """Hold the lock for the block."""
        await self._acquire(lane)
        try:
            yield
        finally:
            self._release()

    async def _acquire(self, lane: Lane) -> None:
        if not self._held:
            self._held = True
            return
        turn = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (lane, next(self._tickets), turn))
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # it was our turn already: the lock must go on to the next
                self._release()
            raise

    def _release(self) -> None:
        while self._waiting:
            _, _, turn = heapq.heappop(self._waiting)
            if not turn.done():
                turn.set_result(None)
                return
        self._held = False
