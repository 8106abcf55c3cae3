"""Timers: complaints whose next alarm is due sound it, tell who has to know, and are put back for the one after (C.3).

One row of the queue stands for all clocks of one complaint. An alarm that has sounded is counted in the complaint, so a
restart, a second node or a clock set back repeats none; one that was missed sounds late.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from gateway.model import SYSTEM, Complaint, Work
from gateway.observe import Metrics, fault
from gateway.ports import Coordination, Lane, Now, Storage, StoredContact
from gateway.record import TIMERS, Draft, Recorder
from gateway.rules import commands
from gateway.rules.alarms import due_alarms, sounding
from gateway.salvage import all_or_each

LIMIT = 64
LEASE = timedelta(minutes=2)


class Timers:
    def __init__(
        self, *, storage: Storage, recorder: Recorder, coordination: Coordination, now: Now, metrics: Metrics
    ) -> None:
        self._storage = storage
        self._recorder = recorder
        self._coordination = coordination
        self._now = now
        self._metrics = metrics

    async def run_once(self) -> int:
        """Sound what is due, of up to LIMIT complaints; return how many were claimed."""
        now = self._now()
        async with self._storage.writing(Lane.TIMERS) as tx:
            claimed = await tx.queue.claim(TIMERS, now=now, until=now + LEASE, limit=LIMIT)
        if claimed:
            await all_or_each(claimed, self._sound, self._failed)
        return len(claimed)

    async def _sound(self, claimed: Sequence[Work]) -> int:
        draft = self._recorder.draft(self._now())
        async with self._storage.writing(Lane.TIMERS) as tx:
            ids = [work.subject for work in claimed]
            complaints = await tx.complaints.by_id(ids)
            contacts = await tx.contacts.of(ids)
            for complaint in complaints.values():
                self._alarm(draft, complaint, contacts[complaint.id])
                draft.reschedule(complaint)
            await draft.write(tx)
            await tx.queue.reschedule(TIMERS, {one: None for one in ids if one not in complaints})  # were removed
        for lane in draft.lanes:
            await self._coordination.wake(lane)
        return len(claimed)

    def _alarm(self, draft: Draft, complaint: Complaint, contacts: Sequence[StoredContact]) -> None:
        for name, sounded in due_alarms(complaint, draft.now, self._recorder.calendar).items():
            before = complaint.clocks[name].sounded
            command = commands.SoundAlarm(clock=name, sounded=sounded)
            draft.apply(complaint, command, actor=SYSTEM, contacts=contacts)
            if any(alarm.closes for alarm in sounding(name, before, sounded)):
                draft.apply(complaint, commands.CloseUnanswered(), actor=SYSTEM, contacts=contacts)

    def _failed(self, error: Exception) -> None:
        fault(TIMERS, error, metrics=self._metrics, now=self._now())  # it is tried again when its lease ends
