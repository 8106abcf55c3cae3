"""Coordination inside one process."""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict

from gateway.ports import Now

KEYS = 100_000
"""How many rate windows are remembered; beyond it the oldest is forgotten, so a flood of keys cannot fill memory."""


class LocalCoordination:
    def __init__(self, *, now: Now) -> None:
        self._now = now
        self._topics: dict[str, asyncio.Event] = {}
        self._spent: OrderedDict[tuple[str, int], int] = OrderedDict()

    async def wake(self, topic: str) -> None:
        self._topics.setdefault(topic, asyncio.Event()).set()

    async def wait(self, topic: str, seconds: float) -> None:
        event = self._topics.setdefault(topic, asyncio.Event())
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(event.wait(), seconds)
        event.clear()

    async def spend(self, key: str, *, limit: int, seconds: int) -> bool:
        window = (key, int(self._now().timestamp()) // seconds)
        used = self._spent.get(window, 0)
        if used >= limit:
            return False
        self._spent[window] = used + 1
        if len(self._spent) > KEYS:
            self._spent.popitem(last=False)
        return True
