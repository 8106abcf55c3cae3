"""Intake: what came in becomes committed messages, complaints and numbers. Adapters call `accept`, nothing else.

Before an event queues it is prepared on its own (preparation.py), so a bad one fails alone. A batch is then one
transaction: look up by key sets what is already held, decide where each item belongs (placement.py), draw numbers for
those that open a complaint, write. The walk is drawn in docs/architecture.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from zoneinfo import ZoneInfo

from gateway.batching import Batcher
from gateway.errors import BadData, Conflict, DiskFull, Overtaken, Rejected, StorageFailed, Unavailable
from gateway.handover import RECEIPTS
from gateway.ids import new_id
from gateway.model import (
    CHATS,
    CUSTOMER,
    SYSTEM,
    Actor,
    ChannelKind,
    Complaint,
    ConsentChange,
    DeliveryReceipt,
    InboundMessage,
    Kept,
    Level,
    Outcome,
    Receipt,
    State,
)
from gateway.noting import keep_noted
from gateway.observe import Metrics, fault
from gateway.placement import NOTHING, Item, Snapshot, place
from gateway.ports import Coordination, Lane, Mark, Now, Storage, StoredContact, StoredMessage, Transaction
from gateway.preparation import Noted, Preparation, Prepared
from gateway.record import Draft, Recorder
from gateway.rules import answers, clocks, own_number
from gateway.rules.commands import Command, Register, Resume, SuggestLink, Supplement
from gateway.rules.numbering import Patterns

LONG_TEXT = 20_000
"""Characters in one call beyond which it is prepared beside the event loop."""
FULL_FOR = timedelta(minutes=1)
"""How long after a write met a full disk no other one is asked for."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of `accept`: an atomic unit. The events stay at hand for the case that one of them cannot be stored."""

    events: Sequence[Kept]
    prepared: Sequence[Prepared | Noted]
    mark: Mark | None = None

    @property
    def words(self) -> Sequence[Prepared]:
        return [one for one in self.prepared if isinstance(one, Prepared)]

    @property
    def noted(self) -> Sequence[Noted]:
        return [one for one in self.prepared if isinstance(one, Noted)]


class Intake:
    def __init__(
        self,
        *,
        storage: Storage,
        preparation: Preparation,
        recorder: Recorder,
        patterns: Patterns,
        coordination: Coordination,
        zone: ZoneInfo,
        now: Now,
        metrics: Metrics,
        most: int = 64,
        room: int = 2000,
    ) -> None:
        self._storage = storage
        self._preparation = preparation
        self._recorder = recorder
        self._patterns = patterns
        self._coordination = coordination
        self._zone = zone
        self._now = now
        self._metrics = metrics
        self._room = room
        self._full_at: datetime | None = None
        self._batcher: Batcher[Call, Sequence[Receipt]] = Batcher(
            write=self._write, rescue=self._rescue, size=lambda call: len(call.events), most=most, room=room
        )

    async def accept(self, events: Sequence[Kept], *, mark: Mark | None = None) -> Sequence[Receipt]:
        """See ports.Accept."""
        if not events and mark is None:
            return ()
        call = Call(events, await self._prepare_all(events), mark)
        receipts = await self._batcher.submit(call)
        now = self._now()
        for prepared, receipt in zip(call.prepared, receipts, strict=True):
            self._metrics.received.labels(_channel(prepared).value, receipt.outcome.value).inc()
            self._metrics.received_to_number.observe(max(0.0, (now - prepared.at).total_seconds()))
        return receipts

    async def receipt_of(self, message: InboundMessage) -> Receipt | None:
        """Return the receipt of a message that was taken in under this source and external id; None when none was."""
        key = (message.source, self._preparation.external_id(message))
        async with self._storage.reading() as tx:
            held = (await tx.messages.held({key})).get(key)
        return Receipt(outcome=held.outcome, number=held.number, promised_at=held.promised_at) if held else None

    def room_left(self) -> bool:
        """Say whether another message would be taken now: there is room in the queue, and on the disk so far as known.

        Whether there is room on the disk again only a message can tell, so one is asked for after a while.
        """
        # abs: a clock that is set back meanwhile must not keep the node closed.
        full = self._full_at is not None and abs(self._now() - self._full_at) < FULL_FOR
        return not full and self._batcher.waiting < self._room

    async def close(self) -> None:
        """Commit what was handed in, then refuse."""
        await self._batcher.close()

    async def _prepare_all(self, events: Sequence[Kept]) -> Sequence[Prepared | Noted]:
        # The rules read every character: a long text beside the event loop, so that nobody else waits for it.
        if sum(len(event.text) if isinstance(event, InboundMessage) else 0 for event in events) > LONG_TEXT:
            return await asyncio.to_thread(lambda: [self._prepare(event) for event in events])
        return [self._prepare(event) for event in events]

    def _prepare(self, event: Kept) -> Prepared | Noted:
        if isinstance(event, DeliveryReceipt | ConsentChange):
            return self._preparation.note(event)
        try:
            return self._preparation.prepare(event)
        except Exception as error:
            # Nothing is refused: what no rule foresaw keeps its bytes, gets a number and waits for a person (A021).
            fault("intake.prepare", error, metrics=self._metrics, now=self._now())
            return self._preparation.stub(event, "not_prepared")

    async def _write(self, calls: Sequence[Call]) -> Sequence[Sequence[Receipt]]:
        try:
            receipts = await self._commit(calls)
        except DiskFull:
            self._full_at = self._now()
            raise
        self._full_at = None
        return receipts

    async def _commit(self, calls: Sequence[Call]) -> Sequence[Sequence[Receipt]]:
        now = self._now()
        draft = self._recorder.draft(now)
        async with self._storage.writing(Lane.INTAKE) as tx:
            await _advance(tx, [call.mark for call in calls if call.mark])
            words = [prepared for call in calls for prepared in call.words]
            items = place(words, await self._look_up(tx, words) if words else NOTHING)
            joined = {item.complaint.id for item in items if item.complaint and item.outcome is Outcome.JOINED}
            contacts = dict(await tx.contacts.of(joined)) if joined else {}
            opens = [item for item in items if item.opens]
            await self._open(tx, draft, opens, now)
            contacts |= {item.complaint.id: item.contacts for item in opens if item.complaint}
            for item in items:
                self._keep(draft, item, contacts)
            await draft.write(tx)
            noted = [one for call in calls for one in call.noted]
            new = await keep_noted(tx, noted, now) if noted else frozenset()
        for lane in draft.lanes | ({RECEIPTS} if noted else set()):
            await self._coordination.wake(lane)
        known = iter([item.receipt for item in items])
        return [[next(known) if isinstance(one, Prepared) else _kept(one, new) for one in c.prepared] for c in calls]

    async def _look_up(self, tx: Transaction, batch: Sequence[Prepared]) -> Snapshot:
        held = await tx.messages.held({(p.message.source, p.external_id) for p in batch})
        twins = await tx.messages.twins({p.content_key for p in batch if p.message.message_id})
        keys = set(chain.from_iterable(p.message.thread_keys for p in batch))
        threads = await tx.notices.threads(keys) if keys else {}
        quoted = set(chain.from_iterable(p.quoted for p in batch))
        by_number = await tx.complaints.by_number(quoted) if quoted else {}
        numbers = {number: complaint.id for number, complaint in by_number.items()}
        talkers = {index for p in batch if p.message.channel in CHATS for _, index in p.contacts}
        conversations = await tx.contacts.conversations(talkers) if talkers else {}
        going_on = {one.complaint_id for group in conversations.values() for one in group}
        ids = {*threads.values(), *numbers.values(), *going_on}
        return Snapshot(
            held=held,
            twins=twins,
            threads=threads,
            numbers=numbers,
            complaints=await tx.complaints.by_id(ids) if ids else {},
            owners=await tx.contacts.indexes(ids) if ids else {},
            conversations=conversations,
        )

    async def _open(self, tx: Transaction, draft: Draft, items: Sequence[Item], now: datetime) -> None:
        numbers = iter(await self._draw(tx, len(items), now))
        for item in items:
            prepared, message = item.prepared, item.prepared.message
            complaint_id = new_id(now)
            dates = prepared.deadlines
            item.contacts = [
                StoredContact(id=new_id(now), complaint_id=complaint_id, rank=rank, index=index, contact=contact)
                for rank, (contact, index) in enumerate(prepared.contacts)
            ]
            item.complaint = draft.open(
                complaint_id,
                Register(
                    number=next(numbers),
                    kind=message.kind,
                    level=Level.GENERAL,  # a suggestion, until a person has graded it (A049)
                    needs_review=True,
                    channel=message.channel,
                    source=message.source,
                    language=prepared.language,
                    received_at=message.received_at,
                    promised_at=dates.promised.due_at,
                    legal_at=dates.legal.due_at if dates.legal else None,
                    policy=f"{dates.promised.profile}@{dates.promised.profile_version}",
                    name=message.from_name,
                    message_id=prepared.id,
                    clocks=clocks.opening(dates.clocks, now) | draft.reach(item.contacts, message.received_at),
                    redacted=tuple(sorted(prepared.redactions)),
                ),
                contacts=item.contacts,
            )
            self._link(draft, item)

    def _link(self, draft: Draft, item: Item) -> None:
        for link in item.links:
            if item.complaint is not None:
                other = link.complaint
                suggested = SuggestLink(quoted_id=other.id, number=other.number, repeats=link.repeats)
                item.complaint = draft.apply(item.complaint, suggested)

    async def _draw(self, tx: Transaction, count: int, now: datetime) -> Sequence[str]:
        """Return new numbers of the bank's present day; serials without a usable check character are skipped."""
        pattern = self._patterns.current
        day = now.astimezone(self._zone).date()
        numbers: list[str] = []
        while len(numbers) < count:
            missing = count - len(numbers)
            first = await tx.numbers.take(pattern.scope(day), missing)
            numbers += [number for serial in range(first, first + missing) if (number := pattern.number(day, serial))]
        return numbers

    def _keep(self, draft: Draft, item: Item, contacts: dict[str, Sequence[StoredContact]]) -> None:
        if item.again:
            return
        if item.follows is not None:
            item.complaint = item.follows.complaint
        if item.outcome is Outcome.JOINED and item.complaint is not None:
            self._join(draft, item, item.complaint, contacts.get(item.complaint.id, ()))
            contacts[item.complaint.id] = item.contacts  # for who writes next in this batch
            self._link(draft, item)
        draft.keep(_stored(item, draft.now))

    def _join(self, draft: Draft, item: Item, complaint: Complaint, contacts: Sequence[StoredContact]) -> None:
        """Add the message, and do what it says where the case waits for that (T11, T20, T21, N14)."""
        prepared, state = item.prepared, draft.current(complaint).state
        text = prepared.message.reply_text or prepared.message.text
        answer: Sequence[tuple[Command, Actor]] = [(Resume(), SYSTEM)]  # what was asked for came
        if state is not State.NEED_INFO and draft.current(complaint).case.mediation_offered:
            answer = []  # a plain yes or no may be meant for the offer as well as for the outcome
        elif state is not State.NEED_INFO:
            answer = [(command, CUSTOMER) for command in answers.read(text, state, prepared.id, draft.now)]
        if item.unsure or not all(draft.permits(complaint, command, actor=actor) for command, actor in answer):
            answer = []  # said at another time than it is asked for, it stays a message for a person to read
        left = _left(item, complaint, state, contacts, draft.now)
        for contact in left:
            draft.leave(contact)
        contacts = [*contacts, *left]
        supplement = Supplement(
            message_id=prepared.id,
            redacted=tuple(sorted(prepared.redactions)),
            answers=bool(answer) or (bool(left) and own_number.is_all_of(text)),
            wish=answers.wish(text, state),
            left=tuple(one.contact.type for one in left),
            said_at=prepared.message.received_at,
        )
        item.complaint = draft.apply(complaint, supplement, contacts=contacts)
        for command, actor in answer:
            item.complaint = draft.apply(item.complaint, command, actor=actor, contacts=contacts)
        item.contacts = contacts

    async def _rescue(self, call: Call, error: Exception) -> Sequence[Receipt]:
        """Write a call that the database refused, event by event, each as whole as it can be stored (lesson 15).

        Each event is its own transaction here, and the mark comes last. That is safe: an event that comes again is
        known by its external id.
        """
        if isinstance(error, Overtaken):
            raise error
        fault("intake.write", error, metrics=self._metrics, now=self._now())
        saved = [await self._save(event, prepared) for event, prepared in zip(call.events, call.prepared, strict=True)]
        if call.mark:
            await self._write([Call((), (), call.mark)])
        return saved

    async def _save(self, event: Kept, prepared: Prepared | Noted) -> Receipt:
        less = self._preparation.reduced(prepared) if isinstance(prepared, Prepared) else ()
        for variant in chain([prepared], less):
            try:
                [[receipt]] = await self._write([Call([event], [variant])])
            except BadData:
                continue
            except (StorageFailed, Rejected, Unavailable):
                raise
            except Exception as error:
                fault("intake.save", error, metrics=self._metrics, now=self._now())
            else:
                return receipt
        raise Unavailable("a message cannot be stored")


async def _advance(tx: Transaction, marks: Sequence[Mark]) -> None:
    if marks:
        try:
            await tx.marks.advance(marks)
        except Conflict:
            raise Overtaken from None  # not to be done again: somebody else reads on from there


def _left(
    item: Item, complaint: Complaint, state: State, contacts: Sequence[StoredContact], now: datetime
) -> Sequence[StoredContact]:
    """Return the contacts that a message in a chat names as another way to tell its writer.

    Who was asked for something may mean that by a bare number: it can be anybody's (E.2 rule 10).
    """
    known, message = {one.index for one in contacts}, item.prepared.message
    if message.channel not in CHATS or (state is State.NEED_INFO and not own_number.is_called_own(message.text)):
        return ()
    new = [
        (one, index)
        for one, index in item.prepared.contacts
        if index not in known and one.value != message.from_address
    ]
    return [
        StoredContact(id=new_id(now), complaint_id=complaint.id, rank=len(contacts) + n, index=index, contact=one)
        for n, (one, index) in enumerate(new)
    ]


def _channel(prepared: Prepared | Noted) -> ChannelKind:
    return prepared.message.channel if isinstance(prepared, Prepared) else prepared.event.channel


def _kept(noted: Noted, new: Collection[str]) -> Receipt:
    return Receipt(outcome=Outcome.RECORDED if noted.id in new else Outcome.DUPLICATE)


def _stored(item: Item, now: datetime) -> StoredMessage:
    prepared, message = item.prepared, item.prepared.message
    return StoredMessage(
        id=prepared.id,
        complaint_id=item.complaint_id,
        source=message.source,
        channel=message.channel.value,
        external_id=prepared.external_id,
        content_key=prepared.content_key,
        outcome=item.outcome,
        machine=message.machine,
        received_at=message.received_at,
        stored_at=now,
        body=_body(message),
        raw=prepared.raw,
        raw_digest=prepared.raw_digest,
        redactions=prepared.redactions,
        problems=message.problems,
        restricted=not prepared.readable or bool(message.attachments),
        attachments=message.attachments,
    )


def _body(message: InboundMessage) -> Mapping[str, object]:
    """Return what is kept, sealed, for people to read."""
    return {
        "subject": message.subject,
        "text": message.text,
        "reply_text": message.reply_text,
        "from_name": message.from_name,
        "from_address": message.from_address,
        "to": message.to,
        "particulars": message.particulars,
        "message_id": message.message_id,
        "in_reply_to": message.in_reply_to,
        "references": message.references,
        "sent_at": message.sent_at.isoformat() if message.sent_at else None,
        "bounced": message.bounced,
        "turns": message.turns,
        "recording": message.recording,
    }
