"""SQLite beside the event loop: connections whose work runs in threads, each piece of work in one trip there.

A trip costs as much as adding several rows, so whoever comes with work brings all of it. aiosqlite goes there and back
for each step of the driver: four times for a SELECT.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import TypeVar

import sqlalchemy
from sqlalchemy import URL

from gateway.storage.connection import undisturbed
from gateway.storage.engines import BUSY_SECONDS, sqlite_engine_for_threads
from gateway.storage.refusals import translated

Result = TypeVar("Result")


class Threads:
    """So many connections to one file, and as many threads that work on them."""

    def __init__(self, url: URL, *, connections: int, pragmas: Sequence[str]) -> None:
        self._engine = sqlite_engine_for_threads(url, connections=connections, pragmas=pragmas)
        self._threads = ThreadPoolExecutor(connections, thread_name_prefix="sqlite")
        # Not the engine's own queue: who waits there would hold the thread that the connection's holder needs.
        self._free = asyncio.Semaphore(connections)

    async def close(self) -> None:
        """Close every connection that is not in use."""
        await undisturbed(self.run(self._engine.dispose))
        self._threads.shutdown(wait=False)

    @asynccontextmanager
    async def transaction(self, begin: str) -> AsyncIterator[ThreadSession]:
        """Yield a transaction; what the block does not commit is rolled back, also when it is cancelled."""
        with translated():
            async with asyncio.timeout(BUSY_SECONDS):
                await self._free.acquire()
        try:
            session = ThreadSession(self)
            try:
                with translated():
                    await undisturbed(self.run(partial(session.begin, self._engine, begin)))
                yield session
            finally:
                await session.close()
        finally:
            self._free.release()

    def run(self, work: Callable[[], Result]) -> asyncio.Future[Result]:
        return asyncio.get_running_loop().run_in_executor(self._threads, work)


class ThreadSession:
    """One connection with a transaction, to work on in a thread."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self._connection: sqlalchemy.Connection | None = None

    def begin(self, engine: sqlalchemy.Engine, statement: str) -> None:
        """Connect and begin. Only in a thread."""
        self._connection = engine.connect()
        self._connection.exec_driver_sql(statement)

    def run_sync(self, work: Callable[[sqlalchemy.Connection], Result], /) -> asyncio.Future[Result]:
        """See connection.Session."""
        assert self._connection is not None
        return self._threads.run(partial(work, self._connection))

    async def close(self) -> None:
        """Roll back what was not committed, and give the connection back."""
        if self._connection is None:
            return
        if self._connection.in_transaction():
            await undisturbed(self._threads.run(self._connection.close))
        else:
            self._connection.close()  # nothing is left to do that could take time
