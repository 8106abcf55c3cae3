"""Reconciliation: what the source says it gave us against what we hold, and what is missing is taken in.

A provider that calls a webhook once and hears nothing has lost the message, if nobody asks it afterwards (A021). What
it tells then carries the same external ids, so what is held already is known as a copy.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from gateway.errors import Conflict
from gateway.model import InboundEvent, Outcome
from gateway.observe import Metrics
from gateway.ports import Accept, Census, Lane, Mark, Now, Storage

log = logging.getLogger("huiyin")

CHUNK = 50
FIRST = timedelta(days=1)
"""How far back the first look goes."""
OVERLAP = timedelta(hours=1)
"""How much of what was seen is looked at again: a source may list late what it took early."""
SETTLED = timedelta(minutes=5)
"""How long a message may be on its way to us before it counts as missed."""


class Reconciliation:
    """The worker of one source."""

    def __init__(
        self, *, source: str, census: Census, accept: Accept, storage: Storage, now: Now, metrics: Metrics
    ) -> None:
        self._source = source
        self._stream = f"census:{source}"
        self._census = census
        self._accept = accept
        self._storage = storage
        self._now = now
        self._metrics = metrics

    async def run_once(self) -> int:
        """Compare everything up to SETTLED ago; return 0: there is nothing more until time has passed.

        Raises Unavailable when the source does not answer; what was taken in until then is kept.
        """
        until = self._now() - SETTLED
        async with self._storage.reading() as tx:
            mark = (await tx.marks.get([self._stream])).get(self._stream)
        seen = datetime.fromisoformat(mark) if mark else until - FIRST
        if seen > until:  # a clock ran ahead: nobody knows since when
            seen = until - FIRST
        chunk: list[InboundEvent] = []
        async for event in self._census.held(min(seen, until) - OVERLAP, until):
            chunk.append(event)
            if len(chunk) == CHUNK:
                await self._compare(chunk)
                chunk = []
        await self._compare(chunk)
        await self._move(mark, until)
        return 0

    async def _compare(self, events: list[InboundEvent]) -> None:
        receipts = await self._accept(events) if events else ()
        missed = sum(receipt.outcome is not Outcome.DUPLICATE for receipt in receipts)
        self._metrics.compared.labels(self._source).inc(len(events))
        self._metrics.missed.labels(self._source).inc(missed)
        if missed:
            log.warning("messages had been missed", extra={"fields": {"source": self._source, "count": missed}})

    async def _move(self, mark: str | None, until: datetime) -> None:
        moved = Mark(stream=self._stream, expected=mark, value=until.isoformat(), fence=0)
        try:
            async with self._storage.writing(Lane.BULK) as tx:
                await tx.marks.advance([moved])
        except Conflict:
            pass  # another node has compared the same meanwhile
