"""What channels of a test have in common, in memory: one token each, one count each, and the tools to open them."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from adapters.tools import Tools
from gateway.ports import FetchedToken, Now
from tests.factories import START


class MemoryShared:
    """A Shared for one process; given to several opened channels it makes them nodes of one gateway."""

    def __init__(self, now: Now = lambda: START) -> None:
        self._now = now
        self._lock = asyncio.Lock()
        self._tokens: dict[str, tuple[str, datetime]] = {}
        self._spent: defaultdict[tuple[str, int], int] = defaultdict(int)

    async def token(self, name: str, fetch: Callable[[], Awaitable[FetchedToken]], *, refused: str = "") -> str:
        async with self._lock:
            value, until = self._tokens.get(name, ("", self._now()))
            if value in ("", refused) or until <= self._now():
                fetched = await fetch()
                value, until = fetched.value, self._now() + timedelta(seconds=fetched.seconds)
                self._tokens[name] = value, until
            return value

    async def spend(self, name: str, *, limit: int, seconds: int) -> bool:
        window = name, int(self._now().timestamp()) // seconds
        if self._spent[window] >= limit:
            return False
        self._spent[window] += 1
        return True


def tools(now: Now = lambda: START, public_url: str = "") -> Tools:
    """Return the tools of a node that shares with nobody."""
    return Tools(now=now, shared=MemoryShared(now), public_url=public_url)
