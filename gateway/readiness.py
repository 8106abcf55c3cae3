"""Is this node able to take complaints in and tell customers: storage, background loops, rule books, room to accept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

from gateway.observe import Beats
from gateway.ports import Now, Storage
from gateway.rules.worktime import Calendar, missing_years
from gateway.web.health import HealthReport, Part

STORAGE_SECONDS = 3.0


class Readiness:
    """Implements web.health.Health."""

    def __init__(
        self, *, storage: Storage, beats: Beats, calendar: Calendar, room_left: Callable[[], bool], now: Now
    ) -> None:
        self._storage = storage
        self._beats = beats
        self._calendar = calendar
        self._room_left = room_left
        self._now = now
        self._check: asyncio.Task[None] | None = None

    async def report(self) -> HealthReport:
        parts: dict[str, Part] = {
            "storage": Part(ok=await self._storage_answers()),
            "intake": Part(ok=self._room_left()),
        }
        for name, (age, ok) in self._beats.ages().items():
            parts[name] = Part(ok=ok, age=timedelta(seconds=age))
        ready = all(part.ok for part in parts.values())
        # A missing year makes dates provisional, not wrong: it is shown and alarmed, and complaints are taken (D.9).
        parts["workdays"] = Part(ok=not missing_years(self._calendar, self._calendar.local_day(self._now())))
        return HealthReport(ready=ready, parts=parts)

    async def _storage_answers(self) -> bool:
        # A check that hangs is left to itself, not cancelled and waited for: this answer must come in time.
        if self._check is None or self._check.done():
            self._check = asyncio.create_task(self._storage.check())
        await asyncio.wait({self._check}, timeout=STORAGE_SECONDS)
        return self._check.done() and self._check.exception() is None
