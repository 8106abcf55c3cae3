"""Background work: repeat a step at once while it finds work, else wait for a wake or the poll interval.

Two shapes: `repeat` for steps of ours (`run_once`), `keep` for what runs until its connection breaks (a listener). Both
end when `stop` is set or the task is cancelled; an error is logged, counted and followed by a pause, never by the end.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta

from gateway import retry
from gateway.observe import Metrics, fault
from gateway.ports import Coordination, Now

POLL_SECONDS = 5.0
PAUSE_LONGEST = 60.0
GRACE_SECONDS = 20.0
LASTED = timedelta(minutes=1)
"""A listener that ran this long was well: one that a server drops after each look must not storm it with log-ins."""


class Loops:
    """The background loops of one process, as an async context manager.

    Leaving it lets the present step of each loop finish, for at most GRACE_SECONDS.
    """

    def __init__(self, *, coordination: Coordination, now: Now, metrics: Metrics) -> None:
        self._coordination = coordination
        self._now = now
        self._metrics = metrics
        self._stop = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Loops:
        return self

    async def __aexit__(self, *error: object) -> None:
        self._stop.set()
        if not self._tasks:
            return
        await asyncio.wait(self._tasks, timeout=GRACE_SECONDS)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def start(self, loop: Coroutine[None, None, None]) -> None:
        """Run `repeat(...)` or `keep(...)` in the background."""
        self._tasks.append(asyncio.create_task(loop))

    async def repeat(
        self,
        name: str,
        run_once: Callable[[], Awaitable[int]],
        alive: Callable[[], None],
        *,
        poll: float = POLL_SECONDS,
    ) -> None:
        """Repeat a step until stopped; its result says how much work it found. `name` is the topic that wakes it."""
        failures = 0
        while not self._stop.is_set():
            try:
                found = await run_once()
                failures = 0
                alive()
                if not found:
                    await self._unless_stopped(self._coordination.wait(name, poll))
            except (Exception, asyncio.CancelledError) as error:
                failures += 1
                self._survive(name, error)
                await self._pause(name, failures)

    async def keep(
        self, name: str, run: Callable[[Callable[[], None]], Awaitable[None]], alive: Callable[[], None]
    ) -> None:
        """Start something that runs until it breaks, again and again; a run that lasted ends the growing pause."""
        failures = 0
        while not self._stop.is_set():
            began = self._now()
            try:
                await self._unless_stopped(run(alive))
            except (Exception, asyncio.CancelledError) as error:
                self._survive(name, error)
            failures = 1 if self._now() - began > LASTED else failures + 1
            await self._pause(name, failures)

    def _survive(self, name: str, error: BaseException) -> None:
        """Log an error and go on, unless it is this loop that is being cancelled and not a task of a library."""
        task = asyncio.current_task()
        if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
            raise error
        fault(name, error, metrics=self._metrics, now=self._now())

    async def _pause(self, name: str, failures: int) -> None:
        seconds = min(retry.delay(failures, name) / timedelta(seconds=15), PAUSE_LONGEST)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), seconds)

    async def _unless_stopped(self, work: Awaitable[None]) -> None:
        """Await the work, but cancel it as soon as a stop is asked for."""
        task = asyncio.ensure_future(work)
        stop = asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                await task
        finally:
            stop.cancel()
            task.cancel()
            await asyncio.wait({task})
