"""Delivery: due deliveries of one lane are claimed, handed to the sender, and what came of it is recorded.

    queued --accepted-----------------> sent
    queued --temporary / unknown------> due again after a pause, under the same key
    queued --permanent / too often----> failed; the notice goes to the next contact, or is dead and waits for a person

The claim is committed, attempt counted, before anything is done with it, so a delivery that kills its worker comes back
later and not at once. What was handed over is remembered until it is recorded, however long the database is away: a
customer is told twice only where the provider left the outcome unknown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from gateway import retry
from gateway.errors import DeliveryFailed, Permanent, Rejected, Temporary
from gateway.model import (
    Attempt,
    AttemptOutcome,
    Delivery,
    DeliveryState,
    Notice,
    NoticeState,
    OutboundMessage,
    Work,
)
from gateway.observe import Metrics, fault
from gateway.ports import Coordination, DeliveryResult, Lane, Now, Sender, Storage, StoredContact, Transaction
from gateway.record import Draft, Recorder
from gateway.rules.commands import OutcomeSent, ReportUndelivered
from gateway.telling import OUTCOMES, carries_long, next_contact
from gateway.vault import MissingMaster, VaultError

LIMIT = 64
ROUND_SECONDS = 60.0
"""How long the hand-overs of a round may take together; what is not done then counts as unknown."""
LEASE = timedelta(minutes=5)
"""How long a claimed delivery belongs to its worker: a round, and its recording."""
WHOLE_EVERY = timedelta(minutes=1)
"""How often a lane is looked through from its beginning. In between a round begins near where the last one did: of a
million rows that are done PostgreSQL keeps index entries until it vacuums, for a backup's whole length."""
LATE = timedelta(seconds=30)
"""How much later than its due time work may be committed and still be found at once."""
AHEAD = timedelta(minutes=1)
"""How far another node's clock may be ahead of this one's: beyond, what it put off was put off by a wrong clock."""


@dataclass(frozen=True, slots=True)
class Tried:
    """One hand-over and what came of it."""

    work: Work
    row: Delivery
    outcome: AttemptOutcome
    reason: str = ""
    provider_id: str = ""
    retry_after: timedelta | None = None

    @property
    def hopeless(self) -> bool:
        """Whether this contact will never take it, or had its chance for days."""
        failed = self.outcome is not AttemptOutcome.SENT
        return self.outcome is AttemptOutcome.PERMANENT or (failed and self.work.attempt >= retry.LAST)

    @property
    def tired(self) -> bool:
        """Whether another contact should be tried, if there is one (E.2 rule 9: within the hour)."""
        failed = self.outcome is not AttemptOutcome.SENT
        return self.hopeless or (failed and self.work.attempt >= retry.MOVE_ON)


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
        self._tried: list[Tried] = []  # handed over and not recorded yet
        self._whole_at = datetime.min.replace(tzinfo=UTC)
        self._oldest = self._whole_at  # what the last round began with

    async def run_once(self) -> int:
        """Send what is due now, up to LIMIT; return how many were claimed.

        Raises MissingMaster where some of it cannot be opened with this node's keys: then nothing of it was done.
        """
        await self._record()
        now = self._now()
        claimed = await self._claim(now)
        if claimed:
            try:
                rows = await self._open(claimed)
            except MissingMaster:
                # Another node may have the key; here, neither a lease nor a count of attempts is due to an old file.
                async with self._storage.writing(Lane.RESULTS) as tx:
                    await tx.queue.release(claimed)
                raise
            try:
                await self._hand_over(rows)
            finally:
                await self._record()
        return len(claimed)

    async def _claim(self, now: datetime) -> Sequence[Work]:
        """Claim what is due. Now and then the whole lane is looked through, also for what a wrong clock left behind."""
        whole = abs(now - self._whole_at) >= WHOLE_EVERY
        async with self._storage.writing(Lane.RESULTS) as tx:
            if whole:
                await tx.queue.recall(self._lane, now=now, latest=now + AHEAD)
            since = None if whole else self._oldest - LATE
            claimed = await tx.queue.claim(self._lane, now=now, until=now + LEASE, limit=LIMIT, since=since)
        if whole:
            self._whole_at = now
        self._oldest = claimed[0].due_at if claimed else now
        return claimed

    async def _open(self, claimed: Sequence[Work]) -> Sequence[tuple[Work, Delivery]]:
        """Return the claimed work with its deliveries; one that cannot be opened waits for its lease to end."""
        async with self._storage.reading() as tx:
            try:
                rows = dict(await tx.notices.load([work.subject for work in claimed]))
            except VaultError:
                rows = {}
                for work in claimed:
                    try:
                        rows.update(await tx.notices.load([work.subject]))
                    except VaultError as error:
                        self._fault(error)
        return [(work, rows[work.subject]) for work in claimed if work.subject in rows]

    async def _hand_over(self, rows: Sequence[tuple[Work, Delivery]]) -> None:
        """Hand each to the sender, all at once, and remember what came of it."""
        if not rows:
            return
        tasks = {asyncio.create_task(self._send(work, row)): (work, row) for work, row in rows}
        try:
            await asyncio.wait(tasks, timeout=ROUND_SECONDS)
        finally:
            for task, (work, row) in tasks.items():
                if task.done() and not task.cancelled():
                    self._tried.append(task.result())
                else:
                    task.cancel()
                    self._tried.append(Tried(work, row, AttemptOutcome.UNKNOWN, "interrupted"))

    async def _send(self, work: Work, row: Delivery) -> Tried:
        message = OutboundMessage(key=row.key, to=row.to, content=row.content, created_at=row.created_at)
        try:
            sent = await self._sender.send(message)
        except DeliveryFailed as failure:
            return Tried(work, row, _outcome(failure), failure.reason, retry_after=failure.retry_after)
        except Exception as error:
            # Whether anything was handed over is not known, so it counts as if it may have been.
            self._fault(error)
            return Tried(work, row, AttemptOutcome.UNKNOWN, "fault")
        return Tried(work, row, AttemptOutcome.SENT, provider_id=sent.provider_id)

    async def _record(self) -> None:
        """Record what was handed over. When it cannot be recorded now it stays remembered, for the next round."""
        if not self._tried:
            return
        tried, now = list(self._tried), self._now()
        draft = self._recorder.draft(now)
        async with self._storage.writing(Lane.RESULTS) as tx:
            given_up = await self._give_up(tx, draft, [one for one in tried if one.tired])
            await self._undelivered(tx, draft, [one.row for one in tried if one.tired], given_up)
            await self._outcomes_left(tx, draft, tried)
            await tx.notices.settle([_result(one, given_up.get(one.row.notice_id), now) for one in tried])
            await draft.write(tx)
        del self._tried[: len(tried)]
        for one in tried:
            self._metrics.attempts.labels(self._lane, one.outcome.value).inc()
            if one.outcome is AttemptOutcome.SENT:
                self._metrics.number_to_sent.observe(max(0.0, (now - one.row.created_at).total_seconds()))
        for lane in draft.lanes:
            await self._coordination.wake(lane)

    async def _outcomes_left(self, tx: Transaction, draft: Draft, tried: Sequence[Tried]) -> None:
        """Stop the law's clock of complaints whose outcome was handed over now: its time counts (law 21)."""
        left = [one.row for one in tried if one.outcome is AttemptOutcome.SENT and one.row.kind in OUTCOMES]
        for row in sorted(left, key=lambda row: row.complaint_id):
            try:
                complaint = (await tx.complaints.by_id([row.complaint_id]))[row.complaint_id]
                notice = (await tx.notices.by_id([row.notice_id]))[row.notice_id]
                told = carries_long(row.to) or not await _waits_elsewhere(tx, row)
            except VaultError as error:  # its legal date stays open and is alarmed; what was sent is recorded
                self._fault(error)
                continue
            if told:
                with suppress(Rejected):  # it was told before, or the case has ended or begun anew meanwhile
                    draft.apply(complaint, OutcomeSent(notice=notice.id, decided_at=notice.created_at))

    async def _give_up(self, tx: Transaction, draft: Draft, tired: Sequence[Tried]) -> Mapping[str, NoticeState]:
        """Give up tired contacts: address their notices to the next one, or to none where there is none and no hope.

        Return the new states of the notices whose contact is given up.
        """
        states: dict[str, NoticeState] = {}
        for one in tired:
            if one.hopeless:
                states[one.row.notice_id] = NoticeState.DEAD
            try:
                notice, contact = await self._next(tx, one.row)
                if notice is not None and contact is not None:
                    states[notice.id] = draft.address(notice, contact)
            except MissingMaster as error:
                states.pop(one.row.notice_id, None)  # who is next can only be told later: until then it is repeated
                self._fault(error)
            except VaultError as error:
                self._fault(error)
        return states

    async def _undelivered(
        self, tx: Transaction, draft: Draft, tired: Sequence[Delivery], given_up: Mapping[str, NoticeState]
    ) -> None:
        """Have a person look for another way to a customer whom a notice reached by none."""
        dead = [row for row in tired if row.contact_id and given_up.get(row.notice_id) is NoticeState.DEAD]
        for row in sorted(dead, key=lambda row: row.complaint_id):
            try:
                complaint = (await tx.complaints.by_id([row.complaint_id]))[row.complaint_id]
                waits = await _waits_elsewhere(tx, row)
            except VaultError as error:
                self._fault(error)
                continue
            if not waits:
                draft.apply(complaint, ReportUndelivered(notice=row.notice_id, what=row.kind))

    async def _next(self, tx: Transaction, row: Delivery) -> tuple[Notice | None, StoredContact | None]:
        if row.contact_id is None:  # staff has one address: what cannot reach it waits for a person
            return None, None
        notice = (await tx.notices.by_id([row.notice_id])).get(row.notice_id)
        contacts = (await tx.contacts.of([row.complaint_id])).get(row.complaint_id, ())
        tried = (await tx.notices.tried([row.notice_id])).get(row.notice_id, frozenset())
        return notice, next_contact(contacts, served=self._recorder.served, tried=tried)

    def _fault(self, error: Exception) -> None:
        fault(self._lane, error, metrics=self._metrics, now=self._now())


async def _waits_elsewhere(tx: Transaction, row: Delivery) -> bool:
    """Say whether another contact, or a call, is still to be told the same notice."""
    others = [one for one in await tx.notices.deliveries(row.complaint_id) if one.notice_id == row.notice_id]
    return any(one.key != row.key and one.state in (DeliveryState.QUEUED, DeliveryState.UNKNOWN) for one in others)


def _outcome(failure: DeliveryFailed) -> AttemptOutcome:
    if isinstance(failure, Permanent):
        return AttemptOutcome.PERMANENT
    return AttemptOutcome.TEMPORARY if isinstance(failure, Temporary) else AttemptOutcome.UNKNOWN


def _result(one: Tried, given_up: NoticeState | None, now: datetime) -> DeliveryResult:
    """Return what an attempt does to its delivery and notice. `given_up`: the notice's state without this contact."""
    due_at: datetime | None = None
    if one.outcome is AttemptOutcome.SENT:
        state, notice_state = DeliveryState.SENT, NoticeState.SENT
    elif given_up is not None:
        state, notice_state = DeliveryState.FAILED, given_up
    else:
        # Unknown is repeated under the same key: for an acknowledgement a second copy is better than none.
        unknown = one.outcome is AttemptOutcome.UNKNOWN
        state = DeliveryState.UNKNOWN if unknown else DeliveryState.QUEUED
        notice_state = NoticeState.SENDING
        due_at = now + retry.delay(one.work.attempt, one.row.key, asked=one.retry_after)
    return DeliveryResult(
        attempt=Attempt(
            delivery_key=one.row.key,
            number=one.work.attempt,
            at=now,
            outcome=one.outcome,
            reason=one.reason,
            provider_id=one.provider_id,
        ),
        work=one.work,
        state=state,
        notice_id=one.row.notice_id,
        notice_state=notice_state,
        due_at=due_at,
    )
