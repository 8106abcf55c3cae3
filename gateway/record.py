"""The one way to write: command -> event -> chained timeline entry -> reactions -> rendered notices -> rows.

A Draft collects everything one transaction will say, however many complaints it touches, and writes it as one set-based
statement a table. What the rules say is in rules/, who is told how in telling.py; what a row looks like is in storage/.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from gateway import audit
from gateway.errors import Rejected
from gateway.handover import media_id, media_lane
from gateway.ids import new_id
from gateway.model import (
    SYSTEM,
    Actor,
    Complaint,
    ContactType,
    Entry,
    Event,
    Language,
    Notice,
    NoticeState,
    Work,
)
from gateway.ports import StoredContact, StoredMessage, Transaction, Window
from gateway.rendering import Rendering
from gateway.rules import clocks, commands, lifecycle, reactions
from gateway.rules.alarms import next_alarm_at
from gateway.rules.policy import Policy
from gateway.rules.routing import Directory
from gateway.rules.situation import Situation
from gateway.rules.worktime import Calendar
from gateway.telling import MUST_BE_READ, Teller, Told

TIMERS = "timers"
"""The lane with one row for each complaint that has an alarm ahead; its subject and its id are the complaint's id."""


class Recorder:
    """What every verb that writes is given. `served` are the contact types a sender is configured for."""

    def __init__(
        self,
        *,
        rendering: Rendering,
        audit_key: bytes,
        served: Collection[ContactType],
        policy: Policy,
        calendar: Calendar,
        directory: Directory,
        staff_language: Language = Language.ZH_HANS,
        public_url: str = "",
        case_url: str = "",
        one_way: tuple[str, ...] = (),
        windows: Mapping[ContactType, Window] | None = None,
    ) -> None:
        self.audit_key = audit_key
        self.policy = policy
        self.calendar = calendar
        self.directory = directory
        self.served = frozenset(served)
        self.teller = Teller(
            rendering=rendering,
            directory=directory,
            calendar=calendar,
            served=served,
            staff_language=staff_language,
            public_url=public_url,
            case_url=case_url,
            one_way=one_way,
            windows=windows or {},
        )

    def draft(self, now: datetime) -> Draft:
        return Draft(self, now)


class Draft:
    """What one transaction will write. Pure until `write`."""

    def __init__(self, recorder: Recorder, now: datetime) -> None:
        self._recorder = recorder
        self.now = now
        self._by_system = self._situation(SYSTEM, ())
        self._opened: dict[str, Complaint] = {}
        self._moved: dict[str, Complaint] = {}
        self._timed: dict[str, Complaint] = {}
        self._messages: list[StoredMessage] = []
        self._contacts: list[StoredContact] = []
        self._entries: list[Entry] = []
        self._links: list[tuple[str, str]] = []
        self._told = Told([], [], [])

    def open(self, complaint_id: str, command: commands.Register, *, contacts: Sequence[StoredContact]) -> Complaint:
        """Register a new complaint with its contacts and clocks."""
        self._contacts += contacts
        event = lifecycle.decide(None, command, self._by_system)
        complaint = self._happen(None, complaint_id, event, actor=SYSTEM, contacts=contacts)
        self._opened[complaint_id] = complaint
        return complaint

    def apply(
        self,
        complaint: Complaint,
        command: commands.Command,
        *,
        actor: Actor = SYSTEM,
        contacts: Sequence[StoredContact] = (),
    ) -> Complaint:
        """Apply a command to a complaint as this draft (or, before it, the database) left it."""
        current, known = self.current(complaint), len(self._told.notices)
        event = lifecycle.decide(current, command, self._situation(actor, contacts))
        moved = self._happen(current, complaint.id, event, actor=actor, contacts=contacts)
        (self._opened if complaint.id in self._opened else self._moved)[complaint.id] = moved
        if isinstance(command, commands.SuggestLink):
            self._links.append((complaint.id, command.quoted_id))
        for notice in filter(_reaches_nobody, self._told.notices[known:]):
            moved = self.apply(moved, commands.ReportUndelivered(notice=notice.id, what=notice.kind))
        return moved

    def permits(self, complaint: Complaint, command: commands.Command, *, actor: Actor = SYSTEM) -> bool:
        """Say whether `apply` would do it."""
        try:
            lifecycle.decide(self.current(complaint), command, self._situation(actor, ()))
        except Rejected:
            return False
        return True

    def current(self, complaint: Complaint) -> Complaint:
        """Return the complaint as this draft leaves it."""
        return self._opened.get(complaint.id) or self._moved.get(complaint.id) or complaint

    def keep(self, message: StoredMessage) -> None:
        """Store a message, whatever became of it, and have what it only names fetched."""
        self._messages.append(message)
        self._told.work += [
            Work(id=new_id(self.now), lane=media_lane(message.source), subject=media_id(message.id, n), due_at=self.now)
            for n, file in enumerate(message.attachments)
            if file.ref
        ]

    def reschedule(self, complaint: Complaint) -> None:
        """Put the complaint's next alarm into the queue anew, also when nothing else of it changes."""
        self._timed[complaint.id] = complaint

    def address(self, notice: Notice, contact: StoredContact, *, at: datetime | None = None) -> NoticeState:
        """Give the notice to a contact, to be sent at once or then; return its state by it."""
        return self._recorder.teller.address(self._told, notice, contact, at=at or self.now, now=self.now)

    def address_staff(self, notice: Notice, tried: Collection[ContactType]) -> NoticeState | None:
        """Give a notice to its recipient by a way not tried yet; return its state by it, None where there is none."""
        return self._recorder.teller.address_staff(self._told, notice, tried, now=self.now)

    def reach(self, contacts: Sequence[StoredContact], said_at: datetime) -> clocks.Clocks:
        """Return the clock of a customer who can be told only for a while after their words."""
        window = self._recorder.teller.window(contacts)
        return clocks.reach(said_at, window, self._recorder.calendar) if window else {}

    def leave(self, contact: StoredContact) -> None:
        """Add a way to tell a customer, which they have named themselves."""
        self._contacts.append(contact)

    def addressed(self, notice_id: str) -> frozenset[str]:
        """Return the contacts that this draft gives a notice to."""
        return frozenset(
            one.contact_id for one in self._told.deliveries if one.notice_id == notice_id and one.contact_id
        )

    @property
    def lanes(self) -> frozenset[str]:
        """The lanes this draft puts work into: those to wake after the commit."""
        return frozenset(work.lane for work in self._told.work)

    async def write(self, tx: Transaction) -> None:
        """Write it all, one statement a table. Raises what the storage raises."""
        await tx.complaints.add(list(self._opened.values()))
        await tx.complaints.advance(list(self._moved.values()))
        await tx.contacts.add(self._contacts)
        await tx.messages.add(self._messages)
        await tx.timeline.append(self._entries)
        await tx.complaints.suggest_links(self._links, self.now)
        await tx.notices.add(self._told.notices, self._told.deliveries)
        await tx.queue.add(self._told.work + self._first_alarms(), now=self.now)
        await tx.queue.reschedule(TIMERS, self._next_alarms())

    def _first_alarms(self) -> list[Work]:
        alarms = [(one.id, next_alarm_at(one.clocks, self._recorder.calendar)) for one in self._opened.values()]
        return [Work(id=one, lane=TIMERS, subject=one, due_at=at) for one, at in alarms if at is not None]

    def _next_alarms(self) -> dict[str, datetime | None]:
        touched = {**self._timed, **self._moved}
        return {one.id: next_alarm_at(one.clocks, self._recorder.calendar) for one in touched.values()}

    def _situation(self, actor: Actor, contacts: Sequence[StoredContact]) -> Situation:
        recorder = self._recorder
        return Situation(
            actor=actor,
            now=self.now,
            policy=recorder.policy,
            calendar=recorder.calendar,
            writable=any(one.contact.type in recorder.served for one in contacts),
            window=recorder.teller.window(contacts),
            approval_over=recorder.directory.approval_over,
            approvals=recorder.directory.approvals,
        )

    def _happen(
        self,
        complaint: Complaint | None,
        complaint_id: str,
        event: Event,
        *,
        actor: Actor,
        contacts: Sequence[StoredContact],
    ) -> Complaint:
        entry = audit.chain(
            self._recorder.audit_key,
            complaint_id=complaint_id,
            prev=complaint.head if complaint else b"",
            seq=complaint.version + 1 if complaint else 1,
            at=self.now,
            actor=actor.id,
            event=event,
        )
        self._entries.append(entry)
        after = replace(lifecycle.evolve(complaint, complaint_id, event), version=entry.seq, head=entry.mac)
        if tellings := reactions.tellings(complaint, after, event):
            told = self._recorder.teller.tell(
                tellings, after, before=complaint, cause=entry.seq, contacts=contacts, now=self.now
            )
            self._add(told)
        return after

    def _add(self, told: Told) -> None:
        self._told.notices += told.notices
        self._told.deliveries += told.deliveries
        self._told.work += told.work


def _reaches_nobody(notice: Notice) -> bool:
    """Say whether a customer who left no way to be told has to be told this: a person has to find one (S0-9(1))."""
    unreachable = notice.recipient == reactions.CUSTOMER and notice.state is NoticeState.NO_CONTACT
    return unreachable and notice.kind in MUST_BE_READ
