"""What only one node may do at a time: it runs here while this node holds its lease, and is ended when that is lost."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from gateway.errors import GatewayError
from gateway.ids import new_id
from gateway.ports import Coordination, Lane, Now, Storage

log = logging.getLogger("huiyin")

TERM = timedelta(seconds=30)
"""How long a lease lasts without being renewed, and so how long after a kill -9 another node takes over."""
END_SECONDS = 1.0

Run = Callable[[Callable[[], None], int], Awaitable[None]]
"""Called with `alive` and the fence of the lease."""


class Leasing:
    """The leases of one node. They are renewed at a third of their term."""

    def __init__(self, *, storage: Storage, coordination: Coordination, now: Now, term: timedelta = TERM) -> None:
        self._storage = storage
        self._coordination = coordination
        self._now = now
        self._term = term
        self._holder = new_id(now())

    async def alone(self, name: str, run: Run, alive: Callable[[], None]) -> None:
        """Wait for the lease of this name, then run until it ends by itself or the lease is lost.

        `alive` is called at every look while waiting. Raises what `run` raises, and Unavailable.
        """
        fence, until = await self._take(name, alive)
        task = asyncio.ensure_future(run(alive, fence))
        try:
            while await self._goes_on(task):
                until = await self._renewed(name, fence, until)
                if until - self._now() <= self._term / 3:  # before the end: another node may begin at it
                    log.warning("lease lost", extra={"fields": {"lease": name}})
                    return
            await task
        finally:
            await _end(task)
            await self._release(name, fence)

    async def _take(self, name: str, alive: Callable[[], None]) -> tuple[int, datetime]:
        while True:
            now = self._now()
            until = now + self._term
            async with self._storage.writing(Lane.INTAKE) as tx:
                fence = await tx.leases.acquire(name, self._holder, now=now, until=until)
            if fence is not None:
                return fence, until
            alive()
            await self._coordination.wait(_topic(name), self._step)

    async def _goes_on(self, task: asyncio.Future[None]) -> bool:
        """Wait until the lease must be renewed; return whether there is still something to hold it for."""
        await asyncio.wait({task}, timeout=self._step)
        return not task.done()

    async def _renewed(self, name: str, fence: int, until: datetime) -> datetime:
        """Return until when the lease is ours: as before when the database cannot tell, the present when it is lost."""
        renewed = self._now() + self._term
        try:
            async with asyncio.timeout(self._step), self._storage.writing(Lane.INTAKE) as tx:
                return renewed if await tx.leases.renew(name, fence, until=renewed) else self._now()
        except (GatewayError, TimeoutError):
            return until

    async def _release(self, name: str, fence: int) -> None:
        # Only a courtesy to the node that waits: without it the lease ends by itself.
        with contextlib.suppress(GatewayError, TimeoutError):
            async with asyncio.timeout(self._step), self._storage.writing(Lane.INTAKE) as tx:
                await tx.leases.release(name, fence)
            await self._coordination.wake(_topic(name))

    @property
    def _step(self) -> float:
        return self._term.total_seconds() / 3


def _topic(name: str) -> str:
    return f"lease:{name}"


async def _end(task: asyncio.Future[None]) -> None:
    """Cancel until it has ended: asyncio.wait_for of Python 3.11 may swallow a cancellation (bpo-37658)."""
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=END_SECONDS)
