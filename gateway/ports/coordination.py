"""What the core hears of other nodes by."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractContextManager
from typing import Protocol


class Coordination(Protocol):
    """Hints, never truth: losing them costs latency, never a complaint or a notice."""

    async def wake(self, topic: str) -> None:
        """Say that there is work. Never raises."""
        ...

    async def wait(self, topic: str, seconds: float) -> None:
        """Return when the topic is woken, at the latest after `seconds`. A wake before the wait counts."""
        ...

    async def spend(self, key: str, *, limit: int, seconds: int) -> bool:
        """Count one use of the key; return False when the present window of `seconds` already had `limit` of them."""
        ...

    async def publish(self, topic: str, payload: bytes) -> None:
        """Show the payload, which names no person, to whoever is subscribed now. Never raises."""
        ...

    def subscribe(self, topic: str) -> AbstractContextManager[AsyncIterator[bytes]]:
        """Give what is published from now on, from every node; a slow subscriber loses the oldest."""
        ...
