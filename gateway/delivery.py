"""Delivery: due deliveries of one lane are claimed, handed to the sender, and what came of it is recorded.

    queued --accepted-----------------> sent
    queued --temporary / unknown------> due again after a pause, under the same key
    queued --permanent / too often----> failed; the notice goes to the next contact, or is dead and waits for a person

The claim counts the attempt before the hand-over, so a delivery that kills its worker comes back later and not at once.
Two transactions a round, however many deliveries.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway import retry
from gateway.errors import DeliveryFailed, Permanent, Temporary, Unknown
from gateway.model import (
    Attempt,
    AttemptOutcome,
    DeliveryState,
    NoticeState,
    OutboundMessage,
    Sent,
    Work,
)
from gateway.model import (
    Delivery as Row,
)
from gateway.observe import Metrics, fault
from gateway.ports import Coordination, DeliveryResult, Lane, Now, Sender, Storage, Transaction
from gateway.record import Draft, Recorder, next_contact

LEASE = timedelta(minutes=5)
"""How long a claimed delivery belongs to its worker; longer than a round of LIMIT hand-overs may take."""
LIMIT = 64


@dataclass(frozen=True, slots=True)
class Tried:
    """One hand-over and what came of it."""

    work: Work
    row: Row
    outcome: AttemptOutcome
    reason: str = ""
    provider_id: str = ""
    retry_after: timedelta | None = None

    @property
    def over(self) -> bool:
        """Whether this contact is given up."""
        return self.outcome is AttemptOutcome.PERMANENT or (
            self.outcome is not AttemptOutcome.SENT and self.work.attempt >= retry.ATTEMPTS
        )


class Deliveries:
    """The worker of one lane."""

    def __init__(
        self,
        *,
        lane: str,
        sender: Sender,
        storage: Storage,
        recorder: Recorder,
        coordination: Coordination,
        now: Now,
        metrics: Metrics,
    ) -> None:
        self._lane = lane
        self._sender = sender
        self._storage = storage
        self._recorder = recorder
        self._coordination = coordination
        self._now = now
        self._metrics = metrics

    async def run_once(self) -> int:
        """Send what is due now, up to LIMIT; return how many were claimed."""
        now = self._now()
        async with self._storage.writing(Lane.RESULTS) as tx:
            claimed = await tx.queue.claim(self._lane, now=now, until=now + LEASE, limit=LIMIT)
            rows = await tx.notices.load([work.subject for work in claimed])
        if not claimed:
            return 0
        tried = await asyncio.gather(
            *(self._hand_over(work, rows[work.subject]) for work in claimed if work.subject in rows)
        )
        await self._record(tried)
        return len(claimed)

    async def _hand_over(self, work: Work, row: Row) -> Tried:
        message = OutboundMessage(key=row.key, to=row.to, content=row.content, created_at=row.created_at)
        try:
            sent: Sent = await self._sender.send(message)
        except DeliveryFailed as failure:
            outcome = _OUTCOMES[type(failure)]
            return Tried(work, row, outcome, failure.reason, retry_after=failure.retry_after)
        except Exception as error:
            # Whether anything was handed over is not known, so it counts as if it may have been.
            fault(f"delivery.{self._lane}", error, metrics=self._metrics, now=self._now())
            return Tried(work, row, AttemptOutcome.UNKNOWN, "fault")
        return Tried(work, row, AttemptOutcome.SENT, provider_id=sent.provider_id)

    async def _record(self, tried: Sequence[Tried]) -> None:
        now = self._now()
        draft = self._recorder.draft(now)
        async with self._storage.writing(Lane.RESULTS) as tx:
            moved = await self._move_on(tx, draft, [one for one in tried if one.over])
            await tx.notices.settle([self._result(one, moved, now) for one in tried])
            await draft.write(tx)
        for one in tried:
            self._metrics.attempts.labels(self._lane, one.outcome.value).inc()
            if one.outcome is AttemptOutcome.SENT:
                self._metrics.number_to_sent.observe(max(0.0, (now - one.row.created_at).total_seconds()))
        for lane in draft.lanes:
            await self._coordination.wake(lane)

    async def _move_on(self, tx: Transaction, draft: Draft, given_up: Sequence[Tried]) -> Mapping[str, NoticeState]:
        """Address the notices of contacts that were given up to their next contact; return their new states."""
        if not given_up:
            return {}
        notices = await tx.notices.by_id({one.row.notice_id for one in given_up})
        contacts = await tx.contacts.of({one.row.complaint_id for one in given_up})
        tried = await tx.notices.tried({one.row.notice_id for one in given_up})
        states: dict[str, NoticeState] = {}
        for notice_id, notice in notices.items():
            contact = next_contact(
                contacts.get(notice.complaint_id, ()), served=self._recorder.served, tried=tried.get(notice_id, ())
            )
            states[notice_id] = draft.address(notice, contact) if contact else NoticeState.DEAD
        return states

    def _result(self, one: Tried, moved: Mapping[str, NoticeState], now: datetime) -> DeliveryResult:
        attempt = Attempt(
            delivery_key=one.row.key,
            number=one.work.attempt,
            at=now,
            outcome=one.outcome,
            reason=one.reason,
            provider_id=one.provider_id,
        )
        if one.outcome is AttemptOutcome.SENT:
            state, notice_state, due_at = DeliveryState.SENT, NoticeState.SENT, None
        elif one.over:
            state, notice_state, due_at = DeliveryState.FAILED, moved.get(one.row.notice_id, NoticeState.DEAD), None
        else:
            # Unknown is repeated under the same key: for an acknowledgement a second copy is better than none.
            unknown = one.outcome is AttemptOutcome.UNKNOWN
            state = DeliveryState.UNKNOWN if unknown else DeliveryState.QUEUED
            notice_state = NoticeState.SENDING
            due_at = now + retry.delay(one.work.attempt, one.row.key, asked=one.retry_after)
        return DeliveryResult(
            attempt=attempt,
            work=one.work,
            state=state,
            notice_id=one.row.notice_id,
            notice_state=notice_state,
            due_at=due_at,
        )


_OUTCOMES = {
    Temporary: AttemptOutcome.TEMPORARY,
    Permanent: AttemptOutcome.PERMANENT,
    Unknown: AttemptOutcome.UNKNOWN,
    DeliveryFailed: AttemptOutcome.UNKNOWN,
}
