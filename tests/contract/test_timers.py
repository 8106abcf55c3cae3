"""Several workers on one database, which only a real one can tell apart: each alarm once."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta

from gateway.model import EventKind
from gateway.timers import LEASE
from gateway.vault import Vault
from tests.bank import Gateway
from tests.databases import Database
from tests.factories import Clock, message

COMPLAINTS, WORKERS = 150, 3


async def test_workers_at_once_sound_each_alarm_once(database: Database, vault: Vault, clock: Clock) -> None:
    """C.3: two nodes with timers, and one that was overtaken; the fence is the complaint, not the row."""
    async with AsyncExitStack() as stack:
        storages = [await stack.enter_async_context(database.open(vault)) for _ in range(WORKERS)]
        nodes = [Gateway(storage=storage, vault=vault, now=clock) for storage in storages]
        await nodes[0].intake.accept([message() for _ in range(COMPLAINTS)])
        for later in (timedelta(hours=1), timedelta(days=4), timedelta(days=-1), LEASE):
            clock.at += later
            await asyncio.gather(*(node.sounds() for node in nodes))
        async with storages[0].reading() as tx:
            ends = await tx.complaints.chain_ends(after="", limit=COMPLAINTS + 1)
            timelines = await tx.timeline.of_all([end.complaint_id for end in ends])
        metrics = [node.metrics.render() for node in nodes]
    assert len(timelines) == COMPLAINTS
    for timeline in timelines.values():
        alarms = [entry.event.public for entry in timeline if entry.event.kind is EventKind.ALARM_SOUNDED]
        sounded = sorted((str(said["clock"]), said["sounded"]) for said in alarms)
        assert sounded == [("first_contact", 1), ("promised", 2), ("resolve", 3), ("triage", 1)]
    assert not any(b"huiyin_faults_total{" in one for one in metrics)
