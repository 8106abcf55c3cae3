"""Coordination inside one process."""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from gateway.ports import Now

KEYS = 100_000
"""How many rate windows are remembered; beyond it the oldest is forgotten, so a flood of keys cannot fill memory."""
KEPT = 100
"""How many payloads a subscriber may be behind; beyond it the oldest is dropped."""


class LocalCoordination:
    """`nodes`: how many processes each count a rate for themselves; every one spends its share."""

    def __init__(self, *, now: Now, nodes: int = 1) -> None:
        self._now = now
        self._nodes = nodes
        self._topics: dict[str, asyncio.Event] = {}
        self._spent: OrderedDict[tuple[str, int], int] = OrderedDict()
        self._subscribers: dict[str, set[asyncio.Queue[bytes]]] = {}

    async def wake(self, topic: str) -> None:
        self._topics.setdefault(topic, asyncio.Event()).set()

    def wake_all(self) -> None:
        """Wake every topic that somebody ever waited for."""
        for event in self._topics.values():
            event.set()

    async def wait(self, topic: str, seconds: float) -> None:
        event = self._topics.setdefault(topic, asyncio.Event())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):  # wait_for of Python 3.11 may swallow a cancellation (bpo-37658)
                await event.wait()
        event.clear()

    async def spend(self, key: str, *, limit: int, seconds: int) -> bool:
        window = (key, int(self._now().timestamp()) // seconds)
        used = self._spent.get(window, 0)
        if used >= max(1, limit // self._nodes):
            return False
        self._spent[window] = used + 1
        if len(self._spent) > KEYS:
            self._spent.popitem(last=False)
        return True

    async def publish(self, topic: str, payload: bytes) -> None:
        for queue in self._subscribers.get(topic, ()):
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(payload)

    @contextmanager
    def subscribe(self, topic: str) -> Iterator[AsyncIterator[bytes]]:
        queue: asyncio.Queue[bytes] = asyncio.Queue(KEPT)
        subscribers = self._subscribers.setdefault(topic, set())
        subscribers.add(queue)
        try:
            yield _Payloads(queue)
        finally:
            subscribers.discard(queue)
            if not subscribers:
                self._subscribers.pop(topic, None)


class _Payloads:
    def __init__(self, queue: asyncio.Queue[bytes]) -> None:
        self._queue = queue

    def __aiter__(self) -> _Payloads:
        return self

    async def __anext__(self) -> bytes:
        return await self._queue.get()
