"""Redating: when the holidays of another year become known, open limits counted without them are counted again (D.9).

Each complaint's change is an event of its timeline; a date the customer was told only ever comes forward.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.model import SYSTEM, Complaint
from gateway.observe import Metrics, fault
from gateway.ports import Coordination, Lane, Now, Storage
from gateway.record import Recorder
from gateway.rules.commands import Recompute
from gateway.salvage import all_or_each

LIMIT = 200


class Redating:
    def __init__(
        self, *, storage: Storage, recorder: Recorder, coordination: Coordination, now: Now, metrics: Metrics
    ) -> None:
        self._storage = storage
        self._recorder = recorder
        self._coordination = coordination
        self._now = now
        self._metrics = metrics

    async def run_once(self) -> int:
        """Count again what another calendar than the present one left provisional; return of how many complaints."""
        async with self._storage.reading() as tx:
            ids = await tx.complaints.provisional(self._recorder.calendar.version, LIMIT)
        return await all_or_each(ids, self._recount, self._failed) if ids else 0

    async def _recount(self, ids: Sequence[str]) -> int:
        draft = self._recorder.draft(self._now())
        async with self._storage.writing(Lane.BULK) as tx:
            # Another node may have been faster since they were looked for.
            left = [one for one in (await tx.complaints.by_id(ids)).values() if self._is_left(one)]
            contacts = await tx.contacts.of([one.id for one in left])
            for complaint in left:
                draft.apply(complaint, Recompute(), actor=SYSTEM, contacts=contacts[complaint.id])
            await draft.write(tx)
        for lane in draft.lanes:
            await self._coordination.wake(lane)
        return len(left)

    def _is_left(self, complaint: Complaint) -> bool:
        version = self._recorder.calendar.version
        clocks = complaint.clocks.values()
        return any(one.provisional and one.stopped_at is None and one.calendar_version != version for one in clocks)

    def _failed(self, error: Exception) -> None:
        fault("redating", error, metrics=self._metrics, now=self._now())
