"""Is this node able to take complaints in and tell customers: storage, background loops, rule books, room to accept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta

from gateway.observe import Beats
from gateway.ports import Now, Storage
from gateway.rules.worktime import Calendar, missing_years
from gateway.web.health import HealthReport, Part

STORAGE_SECONDS = 3.0
SKEW = timedelta(seconds=30)
"""How far two clocks may differ before somebody should look: leases and due times of several nodes depend on it."""


class Readiness:
    """Implements web.health.Health. `hints` are what the node works without, only later: shown, and no more."""

    def __init__(
        self,
        *,
        storage: Storage,
        beats: Beats,
        calendar: Calendar,
        room_left: Callable[[], bool],
        hints: Mapping[str, Callable[[], bool]],
        now: Now,
    ) -> None:
        self._storage = storage
        self._beats = beats
        self._calendar = calendar
        self._room_left = room_left
        self._hints = hints
        self._now = now
        self._check: asyncio.Task[timedelta] | None = None

    async def report(self) -> HealthReport:
        skew = await self._ask_storage()
        parts = {"storage": Part(ok=skew is not None), "intake": Part(ok=self._room_left())}
        for name, (age, ok) in self._beats.ages().items():
            parts[name] = Part(ok=ok, age=timedelta(seconds=age))
        ready = all(part.ok for name, part in parts.items() if name not in self._beats.hints)
        # A missing year makes dates provisional, not wrong: it is shown and alarmed, and complaints are taken (D.9).
        parts["workdays"] = Part(ok=not missing_years(self._calendar, self._calendar.local_day(self._now())))
        if skew is not None:
            parts["clock"] = Part(ok=abs(skew) < SKEW)
        parts |= {name: Part(ok=answers()) for name, answers in self._hints.items()}
        return HealthReport(ready=ready, parts=parts)

    async def _ask_storage(self) -> timedelta | None:
        """Return by how much the database's clock is ahead of ours; None when the database does not answer in time."""
        # A check that hangs is left to itself, not cancelled and waited for: this answer must come in time.
        if self._check is None or self._check.done():
            self._check = asyncio.create_task(self._check_storage())
        await asyncio.wait({self._check}, timeout=STORAGE_SECONDS)
        return self._check.result() if self._check.done() and self._check.exception() is None else None

    async def _check_storage(self) -> timedelta:
        await self._storage.check()
        await self._storage.check_room()
        return await self._storage.skew(self._now)
