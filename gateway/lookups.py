"""Lookups: providers are asked for deliveries they have taken and said nothing about since.

What they answer is stored as a receipt, as if they had reported it by themselves, and settled as such (receipts.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from gateway.errors import DeliveryFailed, GatewayError
from gateway.handover import AHEAD, RECEIPTS, handed, look_lane
from gateway.ids import new_id
from gateway.model import Delivery, DeliveryState, DeliveryStatus, Work
from gateway.observe import Metrics, fault
from gateway.ports import Coordination, Finder, Found, Lane, Now, Storage, StoredReceipt
from gateway.vault import VaultError

LIMIT = 50
LEASE = timedelta(minutes=2)
AGAIN = (timedelta(hours=5), timedelta(hours=18), timedelta(days=2))
"""After which further silences the provider is asked again; then what is known stays as it is."""
ABSENT = "absent"
"""Why a delivery failed whose provider had taken it, and knows nothing of it now."""


class Lookups:
    """The worker of what one sender handed over."""

    def __init__(
        self, *, lane: str, finder: Finder, storage: Storage, coordination: Coordination, now: Now, metrics: Metrics
    ) -> None:
        self._lane = look_lane(lane)
        self._finder = finder
        self._storage = storage
        self._coordination = coordination
        self._now = now
        self._metrics = metrics

    async def run_once(self) -> int:
        """Ask for up to LIMIT silent deliveries; return how many were claimed. Raises Temporary when nobody answers."""
        now = self._now()
        async with self._storage.writing(Lane.TIMERS) as tx:
            await tx.queue.recall(self._lane, now=now, latest=now + AHEAD)
            claimed = await tx.queue.claim(self._lane, now=now, until=now + LEASE, limit=LIMIT)
        if not claimed:
            return 0
        silent = await self._silent(claimed)
        found: Sequence[Found] = ()
        try:
            found = await self._find(list(silent.values()))
        except DeliveryFailed:
            async with self._storage.writing(Lane.TIMERS) as tx:  # nobody was asked: no question is spent
                await tx.queue.release(claimed)
            raise
        except GatewayError:
            raise
        except Exception as error:  # a fault of the channel's: they are asked for again, as if nothing had been said
            fault(self._lane, error, metrics=self._metrics, now=self._now())
        told = {one.key: one for one in found if one.status is not DeliveryStatus.ACCEPTED}
        async with self._storage.writing(Lane.TIMERS) as tx:
            receipts = [_receipt(self._lane, one, now) for one in told.values()]
            await tx.receipts.add(receipts)
            settle = [Work(id=new_id(now), lane=RECEIPTS, subject=one.id, due_at=now) for one in receipts]
            await tx.queue.add(settle, now=now)
            later = {work.id: work for work in claimed if work.subject in silent.keys() - told.keys() and _again(work)}
            due = {work.id: now + AGAIN[work.attempt - 1] for work in later.values()}
            await tx.queue.postpone(list(later.values()), due, now=now)
            await tx.queue.finish([work for work in claimed if work.id not in later])
        if told:
            await self._coordination.wake(RECEIPTS)
        return len(claimed)

    async def _silent(self, claimed: Sequence[Work]) -> dict[str, Delivery]:
        """Return key -> delivery of those of which still nothing is known but the hand-over."""
        rows: dict[str, Delivery] = {}
        async with self._storage.reading() as tx:
            for work in claimed:
                try:
                    rows.update(await tx.notices.load([work.subject]))
                except VaultError as error:
                    fault(self._lane, error, metrics=self._metrics, now=self._now())
        return {key: row for key, row in rows.items() if row.state is DeliveryState.SENT}

    async def _find(self, rows: Sequence[Delivery]) -> Sequence[Found]:
        if not rows:
            return ()
        async with self._storage.reading() as tx:
            attempts = await tx.notices.attempts([row.key for row in rows])
        return await self._finder.find([handed(row, attempts[row.key]) for row in rows])


def _again(work: Work) -> bool:
    return work.attempt <= len(AGAIN)


def _receipt(lane: str, found: Found, now: datetime) -> StoredReceipt:
    status = found.status or DeliveryStatus.UNDELIVERED
    return StoredReceipt(
        id=new_id(now),
        source=lane,
        external_id=f"{found.key}/{status.value}",
        delivery_key=found.key,
        provider_id=found.provider_id,
        status=status,
        reason=found.reason or ("" if found.status else ABSENT),
        again=found.again,
        received_at=now,
    )
