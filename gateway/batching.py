"""Group commit: many concurrent calls share one commit. Knows nothing of what is written.

There is no timer. Whatever arrives while a commit is under way goes into the next one, and who arrives together goes
together, so a lone call waits for nobody and a crowd shares one fsync (docs/adr/0001-group-commit.md).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from gateway.errors import BadData, Conflict, Contended, Overtaken, StorageFailed, Unavailable

TRIES = 3
"""How often a batch that met another writer is done again."""

Call = TypeVar("Call")
Result = TypeVar("Result")


class Batcher(Generic[Call, Result]):
    """Commits calls in batches of up to `most` items; holds at most `room` items that wait.

    `write` commits a batch in one transaction and returns one result a call; it must be safe to repeat after a COMMIT
    of unknown outcome. `rescue` takes the one call that cannot be written, with the error. `size` counts its items.
    """

    def __init__(
        self,
        *,
        write: Callable[[Sequence[Call]], Awaitable[Sequence[Result]]],
        rescue: Callable[[Call, Exception], Awaitable[Result]],
        size: Callable[[Call], int],
        most: int,
        room: int,
    ) -> None:
        self._write = write
        self._rescue = rescue
        self._size = size
        self._most = most
        self._room = room
        self._waiting: deque[tuple[Call, asyncio.Future[Result]]] = deque()
        self._items = 0
        self._committing: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def waiting(self) -> int:
        """How many items wait for their commit."""
        return self._items

    async def submit(self, call: Call) -> Result:
        """Return the call's result after its commit. Raises Unavailable at once when there is no room.

        Cancelling the caller leaves the call in its batch: what was handed in is committed.
        """
        if self._closed:
            raise Unavailable("the gateway is stopping")
        if self._items and self._items + self._size(call) > self._room:
            raise Unavailable("too many messages are waiting")
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        # A cancelled caller leaves nobody to fetch the result; an error nobody fetches must not be reported as a fault.
        future.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._waiting.append((call, future))
        self._items += self._size(call)
        if self._committing is None:
            self._committing = asyncio.create_task(self._drain())
        return await asyncio.shield(future)

    async def close(self) -> None:
        """Commit what was handed in, then refuse."""
        self._closed = True
        if self._committing is not None:
            await asyncio.shield(self._committing)

    async def _drain(self) -> None:
        while self._waiting:
            await self._let_in()
            batch = [self._waiting.popleft()]
            count = self._size(batch[0][0])
            while self._waiting and count + self._size(self._waiting[0][0]) <= self._most:
                batch.append(self._waiting.popleft())
                count += self._size(batch[-1][0])
            try:
                await self._settle(batch)
            finally:
                self._items -= count
        self._committing = None

    async def _let_in(self) -> None:
        """Let in everybody who is at the door already: a commit for the first alone would keep the crowd waiting.

        Not a timer: it ends with the first turn of the event loop that brings nobody.
        """
        before = 0
        while before < self._items < self._most:
            before = self._items
            await _turn()

    async def _settle(self, batch: Sequence[tuple[Call, asyncio.Future[Result]]]) -> None:
        try:
            results = await self._commit([call for call, _ in batch])
        except BadData as error:
            await self._bisect(batch, error)
        except (Unavailable, StorageFailed, Conflict) as error:
            # Nobody is retried one by one: when the database is away, every caller hears so at once.
            for _, future in batch:
                future.set_exception(_refusal(error))
        except Exception as error:
            # A fault of ours that one item brought out: no other call must suffer.
            await self._bisect(batch, error)
        else:
            for (_, future), result in zip(batch, results, strict=True):
                future.set_result(result)

    async def _commit(self, calls: Sequence[Call]) -> Sequence[Result]:
        for _ in range(TRIES - 1):
            try:
                return await self._write(calls)
            except (Contended, Conflict):  # folded anew over what the other writer left
                continue
        return await self._write(calls)

    async def _bisect(self, batch: Sequence[tuple[Call, asyncio.Future[Result]]], error: Exception) -> None:
        """Find the call that cannot be written: it alone is rescued, all others are committed as they are."""
        if len(batch) > 1:
            middle = len(batch) // 2
            await self._settle(batch[:middle])
            await self._settle(batch[middle:])
            return
        [(call, future)] = batch
        try:
            future.set_result(await self._rescue(call, error))
        except Exception as last:
            future.set_exception(_refusal(last))


async def _turn() -> None:
    """Let the event loop go round once, with all that is ready."""
    loop = asyncio.get_running_loop()
    turn = loop.create_future()
    loop.call_soon(turn.set_result, None)
    await turn


def _refusal(error: Exception) -> Unavailable | Overtaken:
    """Return what the caller hears: never the database's own words."""
    if isinstance(error, Unavailable | Overtaken):
        return error
    refusal = Unavailable()
    refusal.__cause__ = error
    return refusal
