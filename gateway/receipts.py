"""Receipts: what providers said of deliveries is brought home to them, to their notices and cases.

Intake has stored each receipt as it came. Here it finds its delivery, by our key or else by the provider's id, and
moves it forwards (rules/receipts.py). What did not arrive goes to the same contact once more where the provider says
that may help, else to the next one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gateway import retry
from gateway.errors import Unavailable
from gateway.handover import AHEAD, RECEIPTS
from gateway.model import Delivery, DeliveryState, DeliveryStatus, NoticeState, Work
from gateway.observe import Metrics, fault
from gateway.ports import Coordination, Lane, Now, Storage, StoredReceipt, Transaction
from gateway.record import Draft, Recorder
from gateway.rules import receipts as rules
from gateway.settling import Failed, Settling
from gateway.vault import MissingMaster, VaultError

LIMIT = 64
LEASE = timedelta(minutes=2)
EARLY = timedelta(days=1)
"""How long a receipt waits for a delivery it fits: it may come before we are told the provider's id."""
AGAIN = timedelta(minutes=30)
"""How much later a message is sent once more whose recipient could not be reached at that moment."""


@dataclass(slots=True)
class Settled:
    """What a round found out."""

    states: dict[str, DeliveryState] = field(default_factory=dict)  # delivery key -> its state now
    arrived: list[Delivery] = field(default_factory=list)  # of which it was not known that they were handed over
    failed: list[tuple[Delivery, StoredReceipt]] = field(default_factory=list)


class Receipts:
    """The worker of the one lane of receipts."""

    def __init__(
        self, *, storage: Storage, recorder: Recorder, coordination: Coordination, now: Now, metrics: Metrics
    ) -> None:
        self._storage = storage
        self._recorder = recorder
        self._coordination = coordination
        self._now = now
        self._metrics = metrics

    async def run_once(self) -> int:
        """Settle up to LIMIT receipts; return how many were claimed."""
        now = self._now()
        async with self._storage.writing(Lane.RESULTS) as tx:
            await tx.queue.recall(RECEIPTS, now=now, latest=now + AHEAD)
            claimed = await tx.queue.claim(RECEIPTS, now=now, until=now + LEASE, limit=LIMIT)
        try:
            await self._round(claimed, now)
        except Exception as error:
            if isinstance(error, Unavailable) and not isinstance(error, MissingMaster):
                raise
            # One of them that cannot be settled must not keep the others: each by itself, and it waits for its lease.
            for work in claimed:
                try:
                    await self._round([work], now)
                except Exception as error:
                    self._fault(error)
        return len(claimed)

    async def _round(self, claimed: Sequence[Work], now: datetime) -> None:
        if not claimed:
            return
        draft = self._recorder.draft(now)
        async with self._storage.writing(Lane.RESULTS) as tx:
            await self._settle(tx, draft, claimed, now)
        for lane in draft.lanes:
            await self._coordination.wake(lane)

    async def _settle(self, tx: Transaction, draft: Draft, claimed: Sequence[Work], now: datetime) -> None:
        receipts = await tx.receipts.load([work.subject for work in claimed])
        rows, shut = await self._deliveries(tx, list(receipts.values()))
        settled = Settled()
        for receipt in sorted(receipts.values(), key=lambda one: (one.received_at, one.id)):
            if row := rows.get(receipt.id):
                _follow(settled, row, receipt)
        settling = Settling(tx=tx, draft=draft, served=self._recorder.served, fault=self._fault)
        notices = {row.notice_id: NoticeState.SENT for row in settled.arrived}
        await settling.outcomes_left(settled.arrived)
        notices |= await self._not_arrived(tx, draft, settling, settled.failed)
        await tx.notices.learn(settled.states, notices)
        await draft.write(tx)
        early = {
            work.id: work for work in claimed if work.subject in shut or _waits(receipts.get(work.subject), rows, now)
        }
        due = {work.id: now + retry.delay(work.attempt, work.subject) for work in early.values()}
        await tx.queue.postpone(list(early.values()), due, now=now)
        await tx.queue.finish([work for work in claimed if work.id not in early])

    async def _deliveries(
        self, tx: Transaction, receipts: Sequence[StoredReceipt]
    ) -> tuple[Mapping[str, Delivery], frozenset[str]]:
        """Return receipt id -> the delivery it is about, of those that are ours; and whose cannot be opened."""
        # Locked until what they cause is written: another node must not give the same contact up once more.
        by_id = await tx.notices.by_provider_id({one.provider_id for one in receipts if one.provider_id})
        keys = {one.id: one.delivery_key or by_id.get(one.provider_id, "") for one in receipts}
        rows: dict[str, Delivery] = {}
        states = await tx.notices.locked(set(keys.values()) - {""})
        for key in sorted(set(keys.values()) - {""}):
            try:
                rows.update(await tx.notices.load([key]))
            except VaultError as error:
                self._fault(error)
        shut = frozenset(receipt_id for receipt_id, key in keys.items() if key in states and key not in rows)
        return {receipt_id: rows[key] for receipt_id, key in keys.items() if key in rows}, shut

    async def _not_arrived(
        self, tx: Transaction, draft: Draft, settling: Settling, failed: Sequence[tuple[Delivery, StoredReceipt]]
    ) -> Mapping[str, NoticeState]:
        """Send once more, or give the contact up; return the new states of the notices."""
        states: dict[str, NoticeState] = {}
        lost: list[Failed] = []
        for row, receipt in failed:
            contact = None
            if receipt.again and row.contact_id is not None:
                others = await tx.notices.deliveries(row.complaint_id)
                once = [one for one in others if (one.notice_id, one.contact_id) == (row.notice_id, row.contact_id)]
                contacts = (await tx.contacts.of([row.complaint_id])).get(row.complaint_id, ())
                contact = next((one for one in contacts if one.id == row.contact_id and len(once) == 1), None)
            notice = (await tx.notices.by_id([row.notice_id])).get(row.notice_id)
            if notice is not None and contact is not None:
                states[notice.id] = draft.address(notice, contact, at=draft.now + AGAIN)
            else:
                lost.append(Failed(row, hopeless=True))
        return states | dict(await settling.give_up(lost))

    def _fault(self, error: Exception) -> None:
        fault(RECEIPTS, error, metrics=self._metrics, now=self._now())


def _follow(settled: Settled, row: Delivery, receipt: StoredReceipt) -> None:
    """Note what one receipt does to its delivery, after the ones before it."""
    before = settled.states.get(row.key, row.state)
    state = rules.after(before, receipt.status)
    if state is before:
        return
    settled.states[row.key] = state
    if receipt.status is DeliveryStatus.UNDELIVERED:
        # Of one that was given up before, the next contact has been told already.
        if before is not DeliveryState.FAILED:
            settled.failed.append((row, receipt))
    elif before not in rules.HANDED_OVER or before is DeliveryState.UNDELIVERED:
        settled.arrived.append(row)  # or was read after all, whatever was said before


def _waits(receipt: StoredReceipt | None, rows: Mapping[str, Delivery], now: datetime) -> bool:
    """Say whether a receipt fits nothing yet, and something it fits may still come."""
    return receipt is not None and receipt.id not in rows and now - receipt.received_at < EARLY
