"""Small regular duties: gauges, uploads whose form was never sent, the alarm for a missing calendar year."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta

from gateway.observe import Metrics, measure_backlog
from gateway.ports import Lane, Now, Storage
from gateway.rules.worktime import Calendar, missing_years

log = logging.getLogger("huiyin")

STAGED_FOR = timedelta(hours=2)
"""How long an uploaded file waits for its form to be sent."""
SWEPT = 200


class Upkeep:
    def __init__(
        self,
        *,
        storage: Storage,
        calendar: Calendar,
        metrics: Metrics,
        show_ages: Callable[[], None],
        now: Now,
    ) -> None:
        self._storage = storage
        self._calendar = calendar
        self._metrics = metrics
        self._show_ages = show_ages
        self._now = now
        self._alarmed: list[int] = []

    async def run_once(self) -> int:
        """Do each duty once; return 1 while more uploads than one step may drop are left."""
        now = self._now()
        self._show_ages()
        await measure_backlog(self._storage, self._metrics, now)
        missing = missing_years(self._calendar, self._calendar.local_day(now))
        if missing and missing != self._alarmed:
            log.warning("workdays missing: dates are provisional", extra={"fields": {"years": missing}})
        self._alarmed = missing
        async with self._storage.writing(Lane.BULK) as tx:
            dropped = await tx.blobs.sweep(before=now - STAGED_FOR, limit=SWEPT)
        return 1 if dropped == SWEPT else 0
