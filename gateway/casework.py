"""What the bank's people do with a complaint: one command at a time, by the lifecycle's rules, in one transaction.

A command that makes another one due (a grading its dispatch, a merger the main case's note of it, a call the end of the
law's clock) brings it along. Reading for people is here, too: what an actor may see. What may happen, who may do it
and see it is in rules/.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from gateway import audit
from gateway.errors import Conflict, Contended, Forbidden, Invalid, NotFound, Rejected, Unavailable
from gateway.ids import first_id
from gateway.model import (
    SYSTEM,
    Actor,
    Attempt,
    AttemptOutcome,
    Complaint,
    Delivery,
    DeliveryState,
    Entry,
    EventKind,
    Flag,
    Kind,
    Level,
    Notice,
    NoticeKind,
    NoticeState,
    Role,
    State,
)
from gateway.ports import Coordination, DeliveryResult, Lane, Now, Storage, StoredContact, StoredMessage, Transaction
from gateway.record import Draft, Recorder
from gateway.rules import access, clocks, commands, guards, transitions
from gateway.rules.commands import Command
from gateway.telling import CARRIES_LONG, MUST_BE_READ, OUTCOMES

SHOWN = 100
"""How many complaints, or calls, are listed at once."""
LOOKED_AT = 500
PAGES = 20
"""Of calls, of which only some are for who asks."""
NOT_CALLED = frozenset({State.MERGED, State.WITHDRAWN})
"""Whose customer has ended it, or is told by another case, is not telephoned about it any more."""
TRIES = 3
CALLERS = frozenset({Role.REP, Role.CB, Role.MGR})
_NUMBER = re.compile(r"[A-Z0-9-]{1,40}")
_URGENCY = {Level.MAJOR: 0, Level.IMPORTANT: 1, Level.GENERAL: 2}

COMMANDS: Mapping[str, transitions.Transition] = {
    commands.name_of(row.command): row for row in transitions.TABLE if row.sources and row.roles - {Role.SYS, Role.CUS}
}
"""Every command a person can give, by name."""


class Changed(Conflict):
    """Somebody else changed it meanwhile: `since` says what happened after the version the caller knew."""

    code = "changed"

    def __init__(self, since: Sequence[EventKind], version: int) -> None:
        super().__init__(f"it was changed meanwhile: {', '.join(since) or 'look again'}")
        self.since = tuple(since)
        self.version = version


@dataclass(frozen=True, slots=True, kw_only=True)
class Casefile:
    """A complaint with everything held about it."""

    complaint: Complaint
    messages: Sequence[StoredMessage]
    contacts: Sequence[StoredContact]
    timeline: Sequence[Entry]
    notices: Sequence[Notice]
    deliveries: Sequence[Delivery]
    attempts: Mapping[str, Sequence[Attempt]]  # by the delivery's key


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call that waits for a person, and the attempts made so far."""

    complaint: Complaint
    delivery: Delivery
    attempts: Sequence[Attempt]


def command_of(values: Mapping[str, Any]) -> Command:
    """Return the command that {"command": name, field: value, ...} means.

    Raises Invalid for an unknown command or field, pydantic's ValidationError for values.
    """
    given = dict(values)
    name = given.pop("command", None)
    row = COMMANDS.get(name) if isinstance(name, str) else None
    if row is None:
        raise Invalid("there is no such command", field="command", problem="unknown")
    command: Command = _filled(row.command, given)
    return command


def look_at(values: Mapping[str, Any]) -> commands.LookAt:
    """Return the command that {"reason": why} means. Raises as `command_of`."""
    command: commands.LookAt = _filled(commands.LookAt, dict(values))
    return command


def _filled(kind: type[Any], values: dict[str, Any]) -> Any:
    for field in values:
        if field not in kind.__dataclass_fields__:
            raise Invalid("the command has no such field", field=field, problem="extra_forbidden")
    return commands.read(kind, values)


class Casework:
    def __init__(self, *, storage: Storage, recorder: Recorder, coordination: Coordination, now: Now) -> None:
        self._storage = storage
        self._recorder = recorder
        self._coordination = coordination
        self._now = now

    async def do(self, number: str, command: Command, actor: Actor, *, expected: int | None = None) -> Complaint:
        """Carry out a command; return the complaint after it. `expected`: the version the actor has seen.

        Raises NotFound, Changed, Conflict, Forbidden and Invalid as the lifecycle does, Unavailable as a write does.
        """
        for _ in range(TRIES):
            try:
                return await self._do(number, command, actor, expected)
            except Contended:  # decided anew over what the other writer left
                continue
        raise Unavailable("other writers are in the way")

    async def _do(self, number: str, command: Command, actor: Actor, expected: int | None) -> Complaint:
        async with self._storage.writing(Lane.RESULTS) as tx:
            named = [number, command.into] if isinstance(command, commands.Merge) else [number]
            cases = await self._visible(tx, named, actor)
            complaint = cases.get(number)
            if complaint is None:
                raise NotFound("there is no such complaint")  # in the same words: a guessed number tells nothing
            if expected is not None and complaint.version != expected:
                timeline = await tx.timeline.of(complaint.id)
                raise Changed([entry.event.kind for entry in timeline[expected:]], complaint.version)
            access.check(complaint, command, actor, self._recorder.directory)
            command = self._with_approver(complaint, command)
            draft = self._recorder.draft(self._now())
            if isinstance(command, commands.RecordCall):
                after = await self._call(tx, draft, complaint, command, actor)
            else:
                after = await self._apply(tx, draft, complaint, command, actor)
            if isinstance(command, commands.Grade):
                await self._dispatch(tx, draft, after)
            elif isinstance(command, commands.Merge):
                await self._take_in(tx, draft, after, cases.get(command.into), command)
            await draft.write(tx)
        for lane in draft.lanes:
            await self._coordination.wake(lane)
        return draft.current(after)

    async def show(self, number: str, actor: Actor) -> Casefile:
        """Return the case as the actor may see it. Raises NotFound."""
        async with self._storage.reading() as tx:
            complaint = (await self._visible(tx, [number], actor)).get(number)
            if complaint is None:
                raise NotFound("there is no such complaint")
            deliveries = await tx.notices.deliveries(complaint.id)
            return Casefile(
                complaint=complaint,
                messages=await tx.messages.of(complaint.id),
                contacts=(await tx.contacts.of([complaint.id]))[complaint.id],
                timeline=await tx.timeline.of(complaint.id),
                notices=await tx.notices.of(complaint.id),
                deliveries=deliveries,
                attempts=await tx.notices.attempts([one.key for one in deliveries]),
            )

    def holds(self, file: Casefile) -> bool:
        """Say whether the timeline's chain holds, up to the entry that the complaint's record names (A150)."""
        ends = file.timeline[-1].mac if file.timeline else b""
        return ends == file.complaint.head and audit.broken_at(self._recorder.audit_key, file.timeline) is None

    async def unmask(self, number: str, command: commands.LookAt, actor: Actor) -> Casefile:
        """Return the case to be shown with its customer in full, once who looks and why is committed (A011, A144).

        Raises as `do`.
        """
        await self.do(number, command, actor)
        return await self.show(number, actor)

    async def register(self, since: datetime, until: datetime, actor: Actor) -> AsyncIterator[Sequence[Complaint]]:
        """Yield, page by page, the complaints registered from `since` to before `until` that the actor may see (A128).

        Each page is a moment of its own: nothing waits for who reads slowly.
        """
        after, before = first_id(since), first_id(until)
        while True:
            async with self._storage.reading() as tx:
                page = await tx.complaints.registered(after=after, before=before, limit=SHOWN)
            if not page:
                return
            yield [one for one in page if access.may_see(actor, one)]
            after = page[-1].id

    async def queue(self, actor: Actor) -> Sequence[Complaint]:
        """Return what nobody has graded yet, or no route dispatched (A051), the gravest first (A050, C16).

        Raises Forbidden for who does not see every unit's cases.
        """
        if not actor.roles & access.EVERYWHERE:
            raise Forbidden(f"the queue is for {', '.join(sorted(access.EVERYWHERE - {Role.SYS}))}")
        async with self._storage.reading() as tx:
            waiting = await tx.complaints.waiting(LOOKED_AT)
        return sorted((one for one in waiting if access.may_see(actor, one)), key=_gravity)[:SHOWN]

    async def calls(self, actor: Actor) -> Sequence[Call]:
        """Return calls that wait for a person, oldest first. Raises Forbidden for who does not make them."""
        if not actor.roles & CALLERS:
            raise Forbidden(f"calls are made by {', '.join(sorted(CALLERS))}")
        async with self._storage.reading() as tx:
            waiting = await self._calls_of(tx, actor)
            attempts = await tx.notices.attempts([delivery.key for delivery, _ in waiting])
        return [Call(complaint=one, delivery=delivery, attempts=attempts[delivery.key]) for delivery, one in waiting]

    async def _calls_of(self, tx: Transaction, actor: Actor) -> Sequence[tuple[Delivery, Complaint]]:
        """Return the first calls that are the actor's to make, however many of others stand before them."""
        found: list[tuple[Delivery, Complaint]] = []
        last: Delivery | None = None
        for _ in range(PAGES):
            page = await tx.notices.calls(SHOWN, last)
            complaints = await tx.complaints.by_id({one.complaint_id for one in page})
            found += [
                (one, complaint)
                for one in page
                if access.may_see(actor, complaint := complaints[one.complaint_id]) and _is_called(complaint, one)
            ]
            if len(page) < SHOWN or len(found) >= SHOWN:
                break
            last = page[-1]
        return found[:SHOWN]

    async def _visible(self, tx: Transaction, numbers: Sequence[str], actor: Actor) -> Mapping[str, Complaint]:
        """Return by number the complaints that exist and the actor may see, locked together where this is a write."""
        found = await tx.complaints.by_number({number for number in numbers if _NUMBER.fullmatch(number)})
        rows = await tx.complaints.by_id([complaint.id for complaint in found.values()])
        return {one.number: one for one in rows.values() if access.may_see(actor, one)}

    async def _apply(
        self, tx: Transaction, draft: Draft, complaint: Complaint, command: Command, actor: Actor
    ) -> Complaint:
        contacts = (await tx.contacts.of([complaint.id]))[complaint.id]
        return draft.apply(complaint, command, actor=actor, contacts=contacts)

    async def _dispatch(self, tx: Transaction, draft: Draft, graded: Complaint) -> None:
        """Dispatch by the table (A051); without a way it stays triaged and 客户意见管理岗 is told. Suggestions wait."""
        if graded.kind is Kind.SUGGESTION:
            return
        directory = self._recorder.directory
        unit = directory.route(graded)
        handler = directory.handler(unit, graded) if unit else None
        lead = directory.lead(graded) if graded.case.red_alert else ""
        if unit is None or handler is None or (graded.case.red_alert and not lead):
            draft.apply(graded, commands.ReportNoRoute())
            return
        approver = directory.approver(unit, handler, graded)
        command = commands.Dispatch(unit=unit.id, handler=handler, lead=lead, approver=approver)
        await self._apply(tx, draft, graded, command, SYSTEM)

    def _with_approver(self, complaint: Complaint, command: Command) -> Command:
        """Return a dispatch by hand with somebody to sign, where it names nobody."""
        if not isinstance(command, commands.Dispatch | commands.Reroute) or command.approver:
            return command
        directory = self._recorder.directory
        approver = directory.approver(directory.units[command.unit], command.handler, complaint)
        return replace(command, approver=approver)

    async def _take_in(
        self, tx: Transaction, draft: Draft, merged: Complaint, main: Complaint | None, command: commands.Merge
    ) -> None:
        if main is None:
            raise Invalid("there is no such complaint", field="into", problem="unknown")
        owners = await tx.contacts.indexes([merged.id, main.id])
        if main.id == merged.id or not owners.get(merged.id, frozenset()) & owners.get(main.id, frozenset()):
            raise Invalid("only complaints of one customer are merged", field="into", problem="other_customer")
        if main.state not in transitions.WORKED:
            raise Invalid("that complaint is not being worked on any more", field="into", problem="ended")
        taken = commands.TakeIn(merged=merged.number, new_facts=command.new_facts)
        await self._apply(tx, draft, main, taken, SYSTEM)

    async def _call(
        self, tx: Transaction, draft: Draft, complaint: Complaint, command: commands.RecordCall, actor: Actor
    ) -> Complaint:
        delivery = await self._waiting_call(tx, complaint, command.delivery) if command.delivery else None
        contacts = (await tx.contacts.of([complaint.id]))[complaint.id]
        to_colleague = delivery is not None and delivery.contact_id is None
        if command.verified and (to_colleague or not command.reached):
            raise Invalid(guards.WORDS["not_reached"], field="verified", problem="not_reached")
        verified = _named(contacts, command.verified)
        if to_colleague:
            # A colleague was telephoned: that says nothing of whether the customer can be reached (law 21).
            after = draft.apply(complaint, commands.Note(text=command.proof), actor=actor)
        else:
            after = draft.apply(complaint, command, actor=actor, contacts=contacts)
        if delivery is not None:
            attempts = (await tx.notices.attempts([delivery.key]))[delivery.key]
            await tx.notices.settle([self._result(delivery, attempts, command, draft.now)])
            if command.reached and delivery.kind in OUTCOMES:
                after = await self._outcome_told(tx, draft, after, delivery)
        if verified:
            await tx.contacts.verify([one.id for one in verified])
            await self._tell_in_full(tx, draft, after, verified)
        return after

    async def _outcome_told(self, tx: Transaction, draft: Draft, complaint: Complaint, call: Delivery) -> Complaint:
        notice = (await tx.notices.by_id([call.notice_id]))[call.notice_id]
        with suppress(Rejected):  # it was told before, or another round's outcome is the one that counts
            return draft.apply(complaint, commands.OutcomeSent(notice=notice.id, decided_at=notice.created_at))
        return complaint

    async def _waiting_call(self, tx: Transaction, complaint: Complaint, key: str) -> Delivery:
        delivery = (await tx.notices.load([key])).get(key)
        if delivery is None or delivery.complaint_id != complaint.id or not delivery.call:
            raise Invalid("this complaint has no such call", field="delivery", problem="unknown")
        if delivery.state is not DeliveryState.QUEUED:
            raise Invalid("this call was made", field="delivery", problem="done")
        return delivery

    async def _tell_in_full(
        self, tx: Transaction, draft: Draft, complaint: Complaint, verified: Sequence[StoredContact]
    ) -> None:
        """Send the newest notice that has to be read to contacts that were told little of it (E.2 rule 10)."""
        notices = [one for one in await tx.notices.of(complaint.id) if one.kind in MUST_BE_READ]
        if not notices or not _stands(notices[-1], complaint):
            return
        deliveries = await tx.notices.deliveries(complaint.id)
        masked = {one.contact_id for one in deliveries if one.notice_id == notices[-1].id and not one.to.verified}
        # A text message could only ask to call about what was just told.
        reading = self._recorder.served & set(CARRIES_LONG)
        for contact in verified:
            if contact.id in masked and contact.contact.type in reading:
                draft.address(notices[-1], contact)

    def _result(
        self, delivery: Delivery, attempts: Sequence[Attempt], command: commands.RecordCall, now: datetime
    ) -> DeliveryResult:
        """Return what a call came to: attempts on three days prove that nobody could be reached (E.3, law 21)."""
        calendar = self._recorder.calendar
        days = {calendar.local_day(attempt.at) for attempt in attempts} | {calendar.local_day(now)}
        if command.reached:
            state, notice_state = DeliveryState.SENT, NoticeState.SENT
        elif len(days) >= clocks.UNREACHABLE and delivery.contact_id is not None:
            state, notice_state = DeliveryState.FAILED, NoticeState.DEAD
        else:
            state, notice_state = DeliveryState.QUEUED, NoticeState.TO_CALL
        return DeliveryResult(
            attempt=Attempt(
                delivery_key=delivery.key,
                number=len(attempts) + 1,
                at=now,
                outcome=AttemptOutcome.SENT if command.reached else AttemptOutcome.TEMPORARY,
                reason="call",
            ),
            work=None,
            state=state,
            notice_id=delivery.notice_id,
            notice_state=notice_state,
            due_at=None,
        )


def _is_called(complaint: Complaint, call: Delivery) -> bool:
    """Say whether the call still stands: whose customer has withdrawn is told only what was promised to them."""
    return complaint.state not in NOT_CALLED or call.contact_id is None or call.kind is NoticeKind.CALLBACK_FEEDBACK


def _named(contacts: Sequence[StoredContact], ids: Sequence[str]) -> Sequence[StoredContact]:
    """Return these contacts as verified from now on; raise Invalid for an id that is not the complaint's."""
    known = {one.id: one for one in contacts}
    if not known.keys() >= set(ids):
        raise Invalid("this complaint has no such contact", field="verified", problem="unknown")
    return [replace(known[one], contact=replace(known[one].contact, verified=True)) for one in ids]


def _stands(notice: Notice, complaint: Complaint) -> bool:
    """Say whether a notice still holds: an outcome that is being checked anew, or was, does not."""
    if notice.kind not in OUTCOMES:
        return True
    state = complaint.case.resume or complaint.state
    return notice.created_at == complaint.case.replied_at and state not in transitions.WORKED


def _gravity(complaint: Complaint) -> tuple[object, ...]:
    """Return what puts the complaints that wait in order (A050, C16): direct is as grave as widely raised."""
    flags = complaint.case.flags
    return (
        not complaint.case.red_alert,
        Flag.URGENT not in flags,
        _URGENCY[complaint.level],
        not flags & {Flag.DIRECT, Flag.GROUP},
        complaint.promised_at,
        complaint.number,
    )
