"""Feeds: a source that keeps what came is read page by page, each committed together with how far it was read.

One node reads a stream, under a lease; its fence keeps a node that lost it from moving the mark. A bell only says that
it is worth looking now: a stream is looked at every so often without one.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

from gateway.errors import Conflict, Contended, Temporary
from gateway.model import Bell
from gateway.ports import Accept, Coordination, Feed, Lane, Mark, Now, ProviderToken, Storage

POLL_SECONDS = 60.0
TICKET = timedelta(minutes=10)
"""How long a bell's ticket serves (WeCom, path/94670)."""
LONGEST = timedelta(minutes=5)
SECOND = timedelta(seconds=1)
STILL = 5
"""How many pages in a row may say that there is more, bring nothing, and stand where they stood."""


def stream_of(source: str, stream: str) -> str:
    """Return the name of a stream's mark, its lease and the topic that wakes who reads it."""
    return f"feed:{source}/{stream}"


class Bells:
    """Hears bells on any node, and wakes the one that reads."""

    def __init__(self, *, storage: Storage, coordination: Coordination) -> None:
        self._storage = storage
        self._coordination = coordination

    async def ring(self, bell: Bell) -> None:
        """Keep the bell's ticket for whoever reads the stream, and wake them. Raises Unavailable."""
        name = stream_of(bell.source, bell.stream)
        if bell.ticket:
            with suppress(Conflict, Contended):  # another one rang at this moment: its ticket is as good
                await self._keep(name, bell)
        await self._coordination.wake(name)

    async def _keep(self, name: str, bell: Bell) -> None:
        async with self._storage.writing(Lane.INTAKE) as tx:
            held = (await tx.tokens.get([name])).get(name)
            version, expires_at = held.version + 1 if held else 1, bell.received_at + TICKET
            await tx.tokens.replace(ProviderToken(name=name, value=bell.ticket, version=version, expires_at=expires_at))


class Feeding:
    """Reads one stream of a source."""

    def __init__(
        self,
        *,
        source: str,
        stream: str,
        feed: Feed,
        accept: Accept,
        storage: Storage,
        coordination: Coordination,
        now: Now,
    ) -> None:
        self._name = stream_of(source, stream)
        self._stream = stream
        self._feed = feed
        self._accept = accept
        self._storage = storage
        self._coordination = coordination
        self._now = now

    async def run(self, alive: Callable[[], None], fence: int) -> None:
        """Read until cancelled, at once when a bell rings. Raises Temporary when the source does not answer.

        Raises Overtaken when another node reads already, Unavailable when what came cannot be stored now: then the same
        page is read again.
        """
        while True:
            try:
                await self._read_all(alive, fence)
            except Temporary as failure:
                if failure.retry_after is None:
                    raise
                # A bell must not make us ask sooner than we were told to: nobody wakes this topic.
                await self._coordination.wait(f"{self._name}/asked", min(failure.retry_after, LONGEST) / SECOND)
            else:
                await self._coordination.wait(self._name, POLL_SECONDS)

    async def _read_all(self, alive: Callable[[], None], fence: int) -> None:
        still = 0
        while still < STILL:
            more, moved = await self._read_page(fence)
            alive()
            if not more:
                return
            still = 0 if moved else still + 1
        raise Temporary("feed_stands_still")

    async def _read_page(self, fence: int) -> tuple[bool, bool]:
        """Read and commit one page; return whether there is more behind it, and whether the mark has moved."""
        place, ticket = await self._state()
        page = await self._feed.read(self._stream, place or "", ticket)
        moved = page.place != (place or "")
        if page.events or moved:
            mark = Mark(stream=self._name, expected=place, value=page.place, fence=fence)
            await self._accept(page.events, mark=mark if moved else None)
        return page.more, moved

    async def _state(self) -> tuple[str | None, str]:
        """Return how far the stream was read, and the newest bell's ticket while it serves."""
        async with self._storage.reading() as tx:
            place = (await tx.marks.get([self._name])).get(self._name)
            held = (await tx.tokens.get([self._name])).get(self._name)
        return place, held.value if held and self._now() < held.expires_at else ""
