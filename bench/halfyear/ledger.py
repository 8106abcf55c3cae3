"""What has to hold of every complaint: after each step of those it touched, and each day of all. Writes nothing.

The timeline is followed entry by entry with the rules' own tables; what each entry should have caused, and when each
alarm should have sounded, is worked out again and compared with what is stored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bench.halfyear.figures import Figures
from bench.halfyear.plan import Plan, local, running
from gateway import audit
from gateway.model import (
    ClockName,
    Complaint,
    ContactType,
    Delivery,
    DeliveryState,
    Entry,
    EventKind,
    Notice,
    NoticeKind,
    NoticeState,
    State,
)
from gateway.ports import Storage, StoredContact, Transaction
from gateway.record import TIMERS
from gateway.rules import clocks, lifecycle, reactions, transitions
from gateway.rules.alarms import CHAINS, due_alarms, next_alarm_at
from gateway.rules.routing import Directory
from gateway.rules.worktime import Calendar, business_time_between
from gateway.storage.tables import microseconds
from gateway.telling import carries_long
from gateway.verification import verify
from tests.databases import Database

SOON = timedelta(minutes=2)
"""How late an alarm may sound while a process runs."""
LATER_BY = frozenset(
    {
        EventKind.EXTENDED,
        EventKind.APPRAISAL_ENDED,
        EventKind.MEDIATION_ENDED,
        EventKind.TAKEN_IN,
        EventKind.OBJECTED,
        EventKind.CALLED_BACK,
        EventKind.REOPENED,
        EventKind.PLAN_SAVED,
    }
)
"""What may move a promised date back: it is told, or is a new promise after the first was kept (A.13 rule 4)."""
QUEUES = frozenset({State.REGISTERED, State.TRIAGED})
"""Where 客户意见管理岗 has it, and no handler yet."""
ALARMS = f"SELECT subject, due_at FROM queue WHERE lane = '{TIMERS}'"
FORGOTTEN = (
    "SELECT id FROM notices WHERE state IN ('sending', 'no_channel') AND NOT EXISTS "
    "(SELECT 1 FROM deliveries JOIN queue ON queue.subject = deliveries.key WHERE deliveries.notice_id = notices.id)"
)
AT_HAND = frozenset(
    {
        State.REGISTERED,
        State.TRIAGED,
        State.DISPATCHED,
        State.ACCEPTED,
        State.CONCLUDED,
        State.REWORK,
        State.APPROVED,
        State.REOPENED,
        State.UNSATISFIED,
        State.ESCALATED,
    }
)
"""Where the next step is one person's of the bank: nothing is looked into, and nobody else is waited for."""
LONGEST_REST = timedelta(hours=150)
"""Business hours, near 18 working days: more than the latest of people takes for one step."""
BY_TELEPHONE = frozenset({ContactType.MOBILE, ContactType.LANDLINE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    at: datetime
    number: str
    rule: str
    words: str


@dataclass(slots=True, kw_only=True)
class Page:
    """What the ledger knows of a complaint: as its timeline left it, and since when each clock is as it is.

    `ahead`: its next alarm by the calendar of its last event; a later calendar moves it with the next event.
    `entered`: when it came into the state it is in.
    """

    complaint: Complaint
    entered: datetime
    ahead: datetime | None = None
    since: dict[ClockName, datetime] = field(default_factory=dict)
    breached: set[tuple[ClockName, datetime, datetime]] = field(default_factory=set)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What is stored of a complaint."""

    complaint: Complaint
    timeline: Sequence[Entry]
    notices: Sequence[Notice]
    deliveries: Sequence[Delivery]
    contacts: Sequence[StoredContact]


class Ledger:
    """`rows`: the same database past the storage, for what no port tells."""

    def __init__(self, storage: Storage, rows: Database, audit_key: bytes, directory: Directory, plan: Plan) -> None:
        self._storage = storage
        self._rows = rows
        self._key = audit_key
        self._directory = directory
        self._pages: dict[str, Page] = {}
        self._numbers: dict[str, str] = {}
        self.looked: Counter[str] = Counter()
        self.violations: list[Violation] = []
        self.figures = Figures()
        self._now = local(plan.begins)

    def complaint(self, number: str) -> Complaint:
        return self._pages[self._numbers[number]].complaint

    def complaints(self) -> Iterator[Complaint]:
        return (page.complaint for page in self._pages.values())

    def longest(self) -> Mapping[State, int]:
        """Return since how many days the complaint that is longest in a state has been in it."""
        days: dict[State, int] = {}
        for page in self._pages.values():
            state = page.complaint.state
            days[state] = max(days.get(state, 0), (self._now - page.entered).days)
        return days

    def complain(self, number: str, rule: str, words: str) -> None:
        self.violations.append(Violation(at=self._now, number=number, rule=rule, words=words))

    def _holds(self, number: str, rule: str, holds: bool, words: str = "") -> None:
        self.looked[rule] += 1
        if not holds:
            self.complain(number, rule, words)

    # -- after each step

    async def judge(self, ids: Collection[str], now: datetime, calendar: Calendar) -> Sequence[Complaint]:
        """Judge these complaints; return them as they stand."""
        self._now = now
        async with self._storage.reading() as tx:
            held = [await _held(tx, complaint_id) for complaint_id in ids]
        for one in held:
            self._judge(one, calendar)
        return [self._pages[one].complaint for one in ids]

    def _judge(self, held: Held, calendar: Calendar) -> None:
        stored = held.complaint
        page = self._pages.get(stored.id)
        known = page.complaint.version if page else 0
        for entry in held.timeline[known:]:
            page = self._follow(page, entry, held, calendar)
        assert page is not None, "a complaint without a timeline"
        self._numbers[stored.number] = stored.id
        page.ahead = next_alarm_at(page.complaint.clocks, calendar)
        ends = held.timeline[-1]
        chained = audit.broken_at(self._key, held.timeline) is None
        self._holds(stored.number, "every chain verifies", chained and ends.mac == stored.head)
        same = replace(page.complaint, head=stored.head) == stored
        self._holds(stored.number, "every row is the fold of its timeline", same)
        self._owned(stored)
        for notice in held.notices:
            self._visible(stored, notice, [one for one in held.deliveries if one.notice_id == notice.id])

    def _owned(self, c: Complaint) -> None:
        owned = c.state in transitions.ENDED | QUEUES or bool(c.case.handler)
        self._holds(c.number, "every open complaint has an owner or waits in a queue", owned, c.state.value)

    def _rests(self, page: Page, calendar: Calendar) -> None:
        """A case whose people are at work goes on: what refuses every step of theirs shows as a pile in one state."""
        c = page.complaint
        if c.state in AT_HAND:
            rested = business_time_between(page.entered, self._now, calendar)
            words = f"{c.state.value} since {page.entered:%Y-%m-%d %H:%M}Z"
            self._holds(c.number, "no case rests where its next step is at hand", rested <= LONGEST_REST, words)

    def _visible(self, c: Complaint, notice: Notice, deliveries: Sequence[Delivery]) -> None:
        waits = any(one.state in (DeliveryState.QUEUED, DeliveryState.UNKNOWN) and not one.call for one in deliveries)
        calls = any(one.state is DeliveryState.QUEUED and one.call for one in deliveries)
        sent = any(one.state is DeliveryState.SENT for one in deliveries)
        whole = any(one.state is DeliveryState.SENT and (one.call or carries_long(one.to)) for one in deliveries)
        fits = {
            NoticeState.SENDING: waits,
            NoticeState.NO_CHANNEL: waits,
            NoticeState.TO_CALL: calls,
            NoticeState.NO_CONTACT: not deliveries,
            NoticeState.SENT: sent,
            NoticeState.DEAD: bool(deliveries) and not waits and not whole,
        }[notice.state]
        self._holds(c.number, "what is not delivered can be seen", fits, f"{notice.kind} {notice.state.value}")

    # -- one entry

    def _follow(self, page: Page | None, entry: Entry, held: Held, calendar: Calendar) -> Page:
        before, number = page.complaint if page else None, held.complaint.number
        after = lifecycle.evolve(before, entry.complaint_id, entry.event)
        after = replace(after, version=entry.seq, head=entry.mac)
        row = transitions.OF_EVENT[entry.event.kind]
        self._holds(number, "every step is in the table", _is_in_table(row, before, after), entry.event.kind.value)
        self._told(before, after, entry, held)
        self._dates(before, after, entry)
        if before is None or page is None:
            page = Page(complaint=after, entered=entry.at, since=dict.fromkeys(after.clocks, entry.at))
        else:
            self._clocks(page, before, after, entry, calendar)
            page.complaint = after
            page.entered = page.entered if after.state is before.state else entry.at
        self._pages[entry.complaint_id] = page
        self.figures.follow(before, after, entry)
        return page

    def _told(self, before: Complaint | None, after: Complaint, entry: Entry, held: Held) -> None:
        """Every telling of the entry is a notice, and no other notice is there."""
        telephone = any(one.contact.type in BY_TELEPHONE for one in held.contacts)
        wanted = _recipients(reactions.tellings(before, after, entry.event), after, self._directory, telephone)
        there = {(one.kind, one.recipient) for one in held.notices if one.cause == entry.seq}
        words = f"{entry.event.kind.value}: {sorted(map(str, wanted ^ there))}"
        self._holds(after.number, "every event's notices are there, and no others", wanted == there, words)

    def _dates(self, before: Complaint | None, after: Complaint, entry: Entry) -> None:
        legal = after.clocks.get(ClockName.LEGAL)
        if clocks.is_open(legal):
            in_law = after.promised_at <= legal.due_at
            self._holds(after.number, "no promise is later than the law", in_law, entry.event.kind.value)
        if before is not None and after.promised_at > before.promised_at:
            allowed = entry.event.kind in LATER_BY
            self._holds(after.number, "no promise moves back in silence", allowed, entry.event.kind.value)
        law = before.clocks.get(ClockName.LEGAL) if before is not None else None
        if entry.event.kind is EventKind.OUTCOME_SENT and clocks.is_open(law):
            alarmed = law.sounded == len(CHAINS[ClockName.LEGAL])
            in_time = running(law.due_at) >= entry.at or alarmed
            self._holds(after.number, "an outcome is sent before the legal date, or its breach has sounded", in_time)

    def _clocks(self, page: Page, before: Complaint, after: Complaint, entry: Entry, calendar: Calendar) -> None:
        for name, clock in after.clocks.items():
            old = before.clocks.get(name)
            if old == clock:
                continue
            alarm = entry.event.kind is EventKind.ALARM_SOUNDED and entry.event.public["clock"] == name.value
            if alarm and old is not None:
                self._sounded(page, name, before, after, entry, calendar)
            elif old is not None and old.runs:
                self._escalated(after.number, name, before, entry.at)
            page.since[name] = entry.at

    def _sounded(
        self, page: Page, name: ClockName, before: Complaint, after: Complaint, entry: Entry, calendar: Calendar
    ) -> None:
        old, count = before.clocks[name], after.clocks[name].sounded
        for alarm in CHAINS[name][old.sounded : count]:
            if not alarm.sounds(old, calendar):
                continue
            due = running(max(alarm.at(old, calendar), page.since[name]))
            in_time = due <= entry.at <= due + SOON
            words = f"{name.value} {count}, due {due}"
            self._holds(after.number, "every alarm sounds at its time", in_time, words)
            if alarm is CHAINS[name][_breach_of(name)]:
                breach = (name, old.started_at, old.due_at)
                once = breach not in page.breached
                self._holds(after.number, "every breach is escalated once", once, f"{name.value} twice")
                page.breached.add(breach)

    def _escalated(self, number: str, name: ClockName, before: Complaint, at: datetime) -> None:
        """A clock that ended, moved or stands still now, and was late: its breach has sounded."""
        old = before.clocks[name]
        late = running(old.due_at) < at
        if late:
            heard = old.sounded > _breach_of(name)
            self._holds(number, "every breach is escalated once", heard, f"{name.value} not at all")

    # -- each day

    async def end_day(self, now: datetime, calendar: Calendar) -> None:
        """Judge all complaints: rows, owners, how long they rest, the queue, and alarms that should have sounded."""
        self._now = now
        async with self._storage.reading() as tx:
            stored = await tx.complaints.by_id(list(self._pages))
        ahead = {subject: at for subject, at in await self._rows.run(ALARMS)}
        awake = running(now - SOON) == now - SOON
        for complaint_id, page in self._pages.items():
            c = page.complaint
            self._holds(c.number, "every row is the fold of its timeline", stored.get(complaint_id) == c)
            self._owned(c)
            self._rests(page, calendar)
            queued, now_right = ahead.pop(complaint_id, None), next_alarm_at(c.clocks, calendar)
            fits = queued in (microseconds(now_right), microseconds(page.ahead))
            words = f"{queued} instead of {microseconds(now_right)}"
            self._holds(c.number, "the queue has each complaint's next alarm", fits, words)
            silent = due_alarms(c, now - SOON, calendar) if awake else {}
            self._holds(c.number, "no alarm that is due is silent", not silent, ", ".join(silent))
        self._holds("", "the queue has each complaint's next alarm", not ahead, f"{len(ahead)} rows of nobody")
        unsent = [str(row[0]) for row in await self._rows.run(FORGOTTEN)]
        self._holds("", "what is being sent is in the queue", not unsent, ", ".join(unsent[:5]))
        self.figures.end_day(c.state for c in self.complaints())

    async def end(self, now: datetime) -> None:
        """Judge every chain once more from what is stored alone."""
        self._now = now
        verified = await verify(self._storage.reading, self._key, lambda done: None)
        self.looked["every chain verifies"] += verified.complaints
        for number in verified.numbers:
            self.complain(number, "every chain verifies", "at the end")


def _is_in_table(row: transitions.Transition, before: Complaint | None, after: Complaint) -> bool:
    if before is None:
        return row.event is EventKind.OPENED
    if before.state not in row.sources:
        return False
    if row.target is None or isinstance(row.target, State):
        return after.state is (row.target or before.state)
    return after.state in (*transitions.MAY_LEAD_TO[row.target], before.state)


def _recipients(
    tellings: Sequence[reactions.Telling], c: Complaint, directory: Directory, telephone: bool
) -> set[tuple[NoticeKind, str]]:
    """Return (kind, recipient) of the notices these tellings have to become: each person hears a kind once."""
    wanted: dict[tuple[NoticeKind, str], str] = {}
    for telling in tellings:
        if telling.to == reactions.CUSTOMER:
            if telephone or not telling.call:
                wanted.setdefault((telling.kind, telling.to), telling.to)
            continue
        people = directory.people(telling.to, c)
        for person in people:
            wanted.setdefault((telling.kind, person.id), f"{telling.to}:{person.id}")
        if not people and not telling.if_any:
            wanted.setdefault((telling.kind, telling.to), telling.to)
    return {(kind, recipient) for (kind, _), recipient in wanted.items()}


def _breach_of(name: ClockName) -> int:
    """Return the place of the alarm that sounds when the clock has run out."""
    return next(place for place, alarm in enumerate(CHAINS[name]) if alarm.share == 1.0)


async def _held(tx: Transaction, complaint_id: str) -> Held:
    return Held(
        complaint=(await tx.complaints.by_id([complaint_id]))[complaint_id],
        timeline=await tx.timeline.of(complaint_id),
        notices=await tx.notices.of(complaint_id),
        deliveries=await tx.notices.deliveries(complaint_id),
        contacts=(await tx.contacts.of([complaint_id]))[complaint_id],
    )
