"""Nodes for the coordination tests: each a RedisCoordination of its own, and what went wrong for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from gateway.coordination.redis import RedisCoordination
from tests.factories import Clock

PATIENCE = 20.0


@dataclass(slots=True, kw_only=True)
class RedisNode:
    hints: RedisCoordination
    errors: list[str] = field(default_factory=list)
    outages: list[str] = field(default_factory=list)  # the first error of each

    async def is_connected(self) -> None:
        await until(self.hints.answers)

    async def is_cut_off(self) -> None:
        await until(lambda: not self.hints.answers())


@asynccontextmanager
async def redis_node(url: str, clock: Clock, *, prefix: str = "huiyin", nodes: int = 2) -> AsyncIterator[RedisNode]:
    errors: list[str] = []
    outages: list[str] = []

    def failed(error: Exception, first: bool) -> None:
        errors.append(type(error).__name__)
        outages.extend([type(error).__name__] if first else [])

    async with RedisCoordination.open(url, prefix=prefix, nodes=nodes, now=clock, failed=failed) as hints:
        yield RedisNode(hints=hints, errors=errors, outages=outages)


async def until(holds: Callable[[], bool]) -> None:
    """Look again and again until it holds; fail after PATIENCE seconds."""
    async with asyncio.timeout(PATIENCE):
        while True:
            if holds():
                return
            await asyncio.sleep(0.01)
