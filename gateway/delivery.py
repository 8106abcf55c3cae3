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
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from gateway import retry
from gateway.errors import DeliveryFailed, Permanent, Temporary
from gateway.handover import AHEAD, handed, look_lane, outbound
from gateway.ids import new_id
from gateway.model import (
    Attempt,
    AttemptOutcome,
    Delivery,
    DeliveryState,
    DeliveryStatus,
    NoticeState,
    Work,
)
from gateway.observe import Metrics, fault
from gateway.ports import (
    Consent,
    Coordination,
    DeliveryResult,
    Finder,
    Lane,
    Now,
    Sender,
    Storage,
    Transaction,
    Window,
)
from gateway.record import Recorder
from gateway.settling import Failed, Settling
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
WAITING = (DeliveryState.QUEUED, DeliveryState.UNKNOWN)
OPTED_OUT = "opted_out"
"""Why a contact is given up whose owner does not want to be written to by it; a Sender's word for it, too."""
FIND_SECONDS = 20.0
SILENT = timedelta(hours=1)
"""How long after a hand-over a provider may say nothing before it is asked."""


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
        finder: Finder | None = None,
        window: Window | None = None,
        storage: Storage,
        recorder: Recorder,
        coordination: Coordination,
        now: Now,
        metrics: Metrics,
    ) -> None:
        self._lane = lane
        self._sender = sender
        self._finder = finder
        self._window = window
        self._storage = storage
        self._recorder = recorder
        self._coordination = coordination
        self._now = now
        self._metrics = metrics
        self._tried: list[Tried] = []  # handed over and not recorded yet
        self._whole_at = datetime.min.replace(tzinfo=UTC)
        self._oldest = self._whole_at  # what the last round began with
        self._claimed_at = self._whole_at

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
        self._claimed_at = now
        self._oldest = claimed[0].due_at if claimed else now
        return claimed

    async def _open(self, claimed: Sequence[Work]) -> Sequence[tuple[Work, Delivery]]:
        """Return the claimed work that is to be handed over, with its deliveries.

        One that cannot be opened waits for its lease to end. What a receipt has settled meanwhile is done. A contact
        whose owner does not want to be written to by it is given up, as if the provider had refused.
        """
        async with self._storage.reading() as tx:
            rows = await self._load(tx, [work.subject for work in claimed])
            refused = await tx.consents.refused({row.contact_id for row in rows.values() if row.contact_id})
        waiting = {key: row for key, row in rows.items() if row.state in WAITING}
        if done := [work for work in claimed if work.subject in rows.keys() - waiting.keys()]:
            async with self._storage.writing(Lane.RESULTS) as tx:
                await tx.queue.finish(done)
        opened = [(work, waiting[work.subject]) for work in claimed if work.subject in waiting]
        self._tried += [Tried(w, row, AttemptOutcome.PERMANENT, OPTED_OUT) for w, row in opened if _of(row, refused)]
        return await self._in_time([(work, row) for work, row in opened if not _of(row, refused)])

    async def _in_time(self, rows: Sequence[tuple[Work, Delivery]]) -> Sequence[tuple[Work, Delivery]]:
        """Return those whose customers may be written to now; the others' contact is given up (lesson 87).

        A chat is open for a while after its customer's last words, and for so many messages.
        """
        window = self._window
        if window is None:
            return rows
        async with self._storage.reading() as tx:
            talks = await tx.contacts.talks({row.contact_id for _, row in rows if row.contact_id})
        left: list[tuple[Work, Delivery]] = []
        told = {talk.index: set(talk.told) for talk in talks.values()}
        for work, row in rows:
            talk = talks.get(row.contact_id or "")
            if talk is None or self._claimed_at - talk.at >= window.lasts:
                self._tried.append(Tried(work, row, AttemptOutcome.PERMANENT, "window_closed"))
            elif len(told[talk.index] - {row.key}) >= window.messages:  # repeated under its key it is no other one
                self._tried.append(Tried(work, row, AttemptOutcome.PERMANENT, "window_full"))
            else:
                told[talk.index].add(row.key)
                left.append((work, row))
        return left

    async def _load(self, tx: Transaction, keys: Sequence[str]) -> Mapping[str, Delivery]:
        try:
            return await tx.notices.load(keys)
        except VaultError:
            rows: dict[str, Delivery] = {}
            for key in keys:
                try:
                    rows.update(await tx.notices.load([key]))
                except VaultError as error:
                    self._fault(error)
            return rows

    async def _hand_over(self, rows: Sequence[tuple[Work, Delivery]]) -> None:
        """Hand each to the sender, all at once, and remember what came of it."""
        rows = await self._unless_found(rows)
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

    async def _unless_found(self, rows: Sequence[tuple[Work, Delivery]]) -> Sequence[tuple[Work, Delivery]]:
        """Ask the provider for what it may have already; return what is to be handed over (again)."""
        if self._finder is None:
            return rows
        async with self._storage.reading() as tx:
            attempts = await tx.notices.attempts([row.key for work, row in rows if work.attempt > 1])
        unknown = [row for work, row in rows if _may_be_there(work, row, attempts.get(row.key, ()))]
        if not unknown:
            return rows
        try:
            async with asyncio.timeout(FIND_SECONDS):
                asked = await self._finder.find([handed(row, attempts.get(row.key, ())) for row in unknown])
            found = {one.key: one for one in asked}
        except Exception as error:
            if not isinstance(error, DeliveryFailed | TimeoutError):
                self._fault(error)
            # Nobody can tell now. It is asked for again, until the contact is given up like any that does not answer.
            self._tried += [Tried(w, row, AttemptOutcome.UNKNOWN, "not_told") for w, row in rows if row in unknown]
            return [(work, row) for work, row in rows if row not in unknown]
        left: list[tuple[Work, Delivery]] = []
        for work, row in rows:
            if (one := found.get(row.key)) is None or one.status is None:
                left.append((work, row))
            elif one.status is DeliveryStatus.UNDELIVERED:
                outcome = AttemptOutcome.TEMPORARY if one.again else AttemptOutcome.PERMANENT
                self._tried.append(Tried(work, row, outcome, one.reason, one.provider_id))
            else:
                self._tried.append(Tried(work, row, AttemptOutcome.SENT, provider_id=one.provider_id))
        return left

    async def _refusals(self, tx: Transaction, tried: Sequence[Tried]) -> None:
        """Keep what a provider knows and we did not: that a contact's owner has stopped it there."""
        now = self._claimed_at - timedelta(microseconds=1)  # what the owner said since the claim is newer
        told = [one.row for one in tried if one.reason == OPTED_OUT and one.row.contact_id]
        known = await tx.consents.refused({row.contact_id for row in told if row.contact_id})
        new = {row.contact_id: row for row in told if row.contact_id and row.contact_id not in known}
        index = await tx.contacts.index_of(new)
        await tx.consents.add(
            [
                Consent(
                    id=new_id(now),
                    source=self._lane,
                    external_id=row.key,
                    index=index[contact_id],
                    wanted=False,
                    at=now,
                    word=OPTED_OUT,
                )
                for contact_id, row in new.items()
                if contact_id in index
            ]
        )

    def _look_up(self, one: Tried, now: datetime) -> Work:
        return Work(id=new_id(now), lane=look_lane(self._lane), subject=one.row.key, due_at=now + SILENT)

    async def _send(self, work: Work, row: Delivery) -> Tried:
        try:
            sent = await self._sender.send(outbound(row))
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
            settling = Settling(tx=tx, draft=draft, served=self._recorder.served, fault=self._fault)
            states = await tx.notices.locked({one.row.key for one in tried})
            # Of what a receipt has settled meanwhile the contact is given up already, or was told.
            tired = [one for one in tried if one.tired and states.get(one.row.key) in WAITING]
            given_up = await settling.give_up([Failed(one.row, one.hopeless) for one in tired])
            sent = [one for one in tried if one.outcome is AttemptOutcome.SENT]
            left = [one.row for one in sent if states.get(one.row.key) is not DeliveryState.UNDELIVERED]
            await settling.outcomes_left(left)
            await tx.notices.settle([_result(one, given_up.get(one.row.notice_id), now) for one in tried])
            await self._refusals(tx, tried)
            if self._finder is not None:  # what the provider does not report by itself is asked for
                await tx.queue.add([self._look_up(one, now) for one in sent], now=now)
            await draft.write(tx)
        del self._tried[: len(tried)]
        for one in tried:
            self._metrics.attempts.labels(self._lane, one.outcome.value).inc()
            if one.outcome is AttemptOutcome.SENT:
                self._metrics.number_to_sent.observe(max(0.0, (now - one.row.created_at).total_seconds()))
        for lane in draft.lanes:
            await self._coordination.wake(lane)

    def _fault(self, error: Exception) -> None:
        fault(self._lane, error, metrics=self._metrics, now=self._now())


def _may_be_there(work: Work, row: Delivery, attempts: Sequence[Attempt]) -> bool:
    """Say whether the provider may have it: it left an attempt unknown, or who made one was killed before he said."""
    recorded = max((one.number for one in attempts), default=0)
    return row.state is DeliveryState.UNKNOWN or work.attempt - 1 > recorded


def _of(row: Delivery, contacts: Collection[str]) -> bool:
    return row.contact_id in contacts


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
