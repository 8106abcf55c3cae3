"""A telling (rules/reactions.py) -> a notice, its first delivery, and the work that sends it. Writes nothing.

The customer is told by the contact they prefer, then by the next that works (S0-9(1)); staff by the mail address in the
directory; a unit beside its people by its own system and mailbox, where the directory names them. What only a person
can do, to telephone, is a delivery that waits for one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gateway.ids import new_id
from gateway.model import (
    Card,
    ClockName,
    Complaint,
    Contact,
    ContactType,
    Content,
    Delivery,
    DeliveryState,
    Flag,
    Language,
    Level,
    Notice,
    NoticeFacts,
    NoticeKind,
    NoticeState,
    Text,
    Work,
)
from gateway.ports import StoredContact, Window
from gateway.rendering import Rendering
from gateway.rules import cards, tickets
from gateway.rules.quiet import send_at
from gateway.rules.reactions import CUSTOMER, Telling
from gateway.rules.routing import Directory, Staff, Unit
from gateway.rules.worktime import Calendar

MUST_BE_READ = frozenset(
    {
        NoticeKind.OUTCOME_UPHELD,
        NoticeKind.OUTCOME_REJECTED,
        NoticeKind.REVIEW_DECISION,
        NoticeKind.SUGGESTION_REPLY,
        NoticeKind.NOT_FOR_US,
        NoticeKind.ANSWER,
        NoticeKind.INQUIRY_ANSWER,
        NoticeKind.INFORMATION_REQUEST,
        NoticeKind.CALLBACK_FEEDBACK,
    }
)
"""Notices whose short form only points to the long one: without a way for that a person has to call (law 19, E.2)."""
CARRIES_LONG = (ContactType.EMAIL, ContactType.WECOM, ContactType.ADDRESS)
BY_TELEPHONE = (ContactType.MOBILE, ContactType.LANDLINE)
BY_TICKET = (ContactType.WEBHOOK, ContactType.STREAM)
UNIT = "unit"
"""How the recipient of what a unit itself is told begins: "unit:cards:webhook"."""
OUTCOMES = frozenset({NoticeKind.OUTCOME_UPHELD, NoticeKind.OUTCOME_REJECTED})
"""Notices that stop the law's clock once they were handed over (law 18, 21)."""
DEADLINE_BOUND = OUTCOMES | {NoticeKind.EXTENSION}
SPARE = timedelta(hours=1)
"""How long before a chat closes its last message must have left."""


def lane_of(contact: ContactType) -> str:
    """Return the queue lane of deliveries to a type of contact: a stuck provider delays nobody else's."""
    return f"send:{contact.value}"


@dataclass(slots=True)
class Told:
    """What telling somebody adds to a transaction."""

    notices: list[Notice]
    deliveries: list[Delivery]
    work: list[Work]


class Teller:
    """Turns tellings into notices. `served` are the contact types a sender is configured for.

    `public_url` is where the REST API is reached, for the link in a ticket, "" where that is not known; `case_url`
    where people open a case, with {number} in it, "" where they have no desk.
    `one_way` is how contacts begin that can be told and cannot answer: they are asked to call instead.
    `windows` are the contact types that can be told only for a while after the customer's last words.
    """

    def __init__(
        self,
        *,
        rendering: Rendering,
        directory: Directory,
        calendar: Calendar,
        served: Collection[ContactType],
        staff_language: Language,
        public_url: str = "",
        case_url: str = "",
        one_way: tuple[str, ...] = (),
        windows: Mapping[ContactType, Window] | None = None,
    ) -> None:
        self._rendering = rendering
        self._directory = directory
        self._calendar = calendar
        self.served = frozenset(served)
        self._staff_language = staff_language
        self._public_url = public_url
        self._case_url = case_url
        self._one_way = one_way
        self._windows = windows or {}

    def tell(
        self,
        tellings: Sequence[Telling],
        complaint: Complaint,
        *,
        before: Complaint | None,
        cause: int,
        contacts: Sequence[StoredContact],
        now: datetime,
    ) -> Told:
        """Return the notices of one event with their first deliveries."""
        told = Told([], [], [])
        seen: set[tuple[NoticeKind, str]] = set()
        for telling in tellings:
            if telling.to == CUSTOMER:
                self._tell_customer(told, telling, complaint, before or complaint, cause, contacts, now)
                continue
            people = self._directory.people(telling.to, complaint)
            new = [person for person in people if (telling.kind, person.id) not in seen]
            seen |= {(telling.kind, person.id) for person in new}
            for person in new:
                self._tell_staff(told, telling, complaint, cause, person, now)
            unit = self._directory.unit_meant(telling.to, complaint)
            if unit is not None and (telling.kind, f"{UNIT}:{unit.id}") not in seen:
                seen.add((telling.kind, f"{UNIT}:{unit.id}"))
                self._tell_unit(told, telling, complaint, cause, unit, now)
            if not people and not telling.if_any and (telling.kind, telling.to) not in seen:
                # Nobody holds the role: that somebody should have been told is kept, and shown.
                seen.add((telling.kind, telling.to))
                told.notices.append(self._notice(telling, complaint, cause, telling.to, now))
        return told

    def address(
        self,
        told: Told,
        notice: Notice,
        contact: StoredContact,
        *,
        at: datetime,
        now: datetime,
        call: bool = False,
        where: ContactType | None = None,
    ) -> NoticeState:
        """Render the notice for a contact and put the delivery into its lane; return the notice's state by it."""
        to = contact.contact
        served = to.type in self.served
        call = call or (not served and to.type in BY_TELEPHONE)
        content: Content
        if to.type is ContactType.WECHAT and not call:
            asked = where is None and notice.kind in MUST_BE_READ
            content = self._rendering.template(
                notice.kind, notice.facts, language=notice.language, at=now, asked_to_call=asked
            )
        else:
            content = self._text(notice, to, call=call, where=where)
        self._deliver(told, notice, to, contact.id, content, call=call, at=at, now=now)
        if call:
            return NoticeState.TO_CALL
        return NoticeState.SENDING if served else NoticeState.NO_CHANNEL

    def address_staff(
        self, told: Told, notice: Notice, tried: Collection[ContactType], *, now: datetime
    ) -> NoticeState | None:
        """Put the notice into the lane of a way its recipient was not told by yet; None where there is none."""
        person = self._directory.staff.get(notice.recipient.rpartition(":")[2])
        if person is None or notice.recipient.startswith(f"{UNIT}:"):
            return None
        to = next((way for way in person.ways if way.type in self.served and way.type not in tried), None)
        if to is None:
            return None
        self._deliver(told, notice, to, None, self._staff_content(notice, to, ()), call=False, at=now, now=now)
        return NoticeState.SENDING

    def window(self, contacts: Sequence[StoredContact]) -> timedelta | None:
        """Return how long after their last words the customer can be told at all, None where that has no end.

        Nor has it for whom nobody can tell anything: then it is not silence that ends it.
        """
        types = [one.contact.type for one in contacts]
        if any(one in BY_TELEPHONE or (one in self.served and one not in self._windows) for one in types):
            return None
        return max((self._windows[one].lasts for one in types if one in self._windows), default=None)

    def _tell_customer(
        self,
        told: Told,
        telling: Telling,
        complaint: Complaint,
        before: Complaint,
        cause: int,
        contacts: Sequence[StoredContact],
        now: datetime,
    ) -> None:
        ways = list(self._ways(telling, contacts))
        if telling.call and not ways:  # nobody to telephone: what was asked by the call is asked in writing elsewhere
            return
        notice = self._notice(telling, complaint, cause, CUSTOMER, now)
        if telling.kind is NoticeKind.ACKNOWLEDGEMENT and self.window(contacts):
            facts = replace(notice.facts, details={**notice.facts.details, "ask_phone": True})
            notice = replace(notice, facts=facts)
        at = self._send_at(telling.kind, complaint, before, now)
        # The short form says where the long one is: with a contact that may read it (E.2 rule 10).
        where = next((one.contact.type for one, call in ways if not call and carries_long(one.contact)), None)
        for contact, call in ways:
            state = self.address(told, notice, contact, at=at, now=now, call=call, where=where)
            # A call that is still to be made keeps the notice open, whatever else was sent.
            notice = replace(notice, state=state if notice.state is not NoticeState.TO_CALL else notice.state)
        told.notices.append(notice)

    def _ways(self, telling: Telling, contacts: Sequence[StoredContact]) -> Iterator[tuple[StoredContact, bool]]:
        """Yield whom to address at first, and whether a person telephones them.

        The preferred way; and where the long form matters and that way does not carry it, one that does, or a call.
        """
        telephone = next((one for one in contacts if one.contact.type in BY_TELEPHONE), None)
        if telling.call:
            if telephone is not None:
                yield telephone, True
            return
        first = next_contact(contacts, served=self.served)
        if first is None:
            return
        yield first, False
        if telling.kind not in MUST_BE_READ or carries_long(first.contact):
            return
        others = [one for one in contacts if one.id != first.id]
        reading = (one for one in others if carries_long(one.contact) and one.contact.type in self.served)
        if long := next(reading, None):
            yield long, False
        elif telephone is not None and first.contact.type in self.served:
            yield telephone, True

    def _send_at(self, kind: NoticeKind, complaint: Complaint, before: Complaint, now: datetime) -> datetime:
        by = min(before.promised_at, before.legal_at or before.promised_at) if kind in DEADLINE_BOUND else None
        reach = complaint.clocks.get(ClockName.REACH)
        if reach is not None and reach.runs and now < reach.due_at:
            closes = reach.due_at - SPARE  # in the morning nobody could be told
            by = min(by, closes) if by else closes
        urgent = Flag.URGENT in complaint.case.flags
        return send_at(kind, complaint.channel, now, self._calendar, urgent=urgent, by=by)

    def _tell_staff(
        self, told: Told, telling: Telling, complaint: Complaint, cause: int, person: Staff, now: datetime
    ) -> None:
        notice = self._notice(telling, complaint, cause, f"{telling.to}:{person.id}", now)
        notice = replace(notice, language=self._staff_language)
        served = [way for way in person.ways if way.type in self.served]
        for to in (served or person.ways)[:1]:
            content = self._staff_content(
                notice, to, cards.choices(telling.kind, person.id, complaint), link=self._desk(complaint)
            )
            self._deliver(told, notice, to, None, content, call=False, at=now, now=now)
            notice = replace(notice, state=NoticeState.SENDING if served else NoticeState.NO_CHANNEL)
        if telling.call and person.telephone:
            to = Contact(type=ContactType.LANDLINE, value=person.telephone, verified=True)
            self._deliver(told, notice, to, None, self._text(notice, to, call=True), call=True, at=now, now=now)
            if notice.state is NoticeState.NO_CONTACT:
                notice = replace(notice, state=NoticeState.TO_CALL)
        told.notices.append(notice)

    def _tell_unit(
        self, told: Told, telling: Telling, complaint: Complaint, cause: int, unit: Unit, now: datetime
    ) -> None:
        """Tell the unit itself, each way a notice of its own: that one is out of order hides behind no other.

        All of a unit read its mailbox, so where the case is about one of them there is no mail (law 17). A ticket goes
        all the same, for it holds no words of the matter, and says that not everybody may be shown it.
        """
        involved = self._directory.involved(unit, complaint)
        for to in unit.ways:
            if involved and to.type not in BY_TICKET:
                continue
            served = to.type in self.served
            notice = replace(
                self._notice(telling, complaint, cause, f"{UNIT}:{unit.id}:{to.type}", now),
                language=self._staff_language,
                state=NoticeState.SENDING if served else NoticeState.NO_CHANNEL,
            )
            content: Content
            if to.type in BY_TICKET:
                content = tickets.of(
                    complaint, notice, to_unit=unit.id, restricted=involved, link=self._link(complaint)
                )
            else:
                content = self._text(notice, to)
            self._deliver(told, notice, to, None, content, call=False, at=now, now=now)
            told.notices.append(notice)

    def _staff_content(self, notice: Notice, to: Contact, choices: tuple[str, ...], link: str = "") -> Content:
        text = self._text(notice, to)
        if to.type is not ContactType.WECOM_STAFF:
            return text
        return Card(text=text, choices=choices, urgent=cards.is_urgent(notice.kind), link=link)

    def _desk(self, complaint: Complaint) -> str:
        """Return where a person opens the case: in the bank's own desk, where it has one."""
        return self._case_url.replace("{number}", complaint.number) or self._link(complaint)

    def _link(self, complaint: Complaint) -> str:
        return f"{self._public_url}/api/v1/complaints/{complaint.number}" if self._public_url else ""

    def _notice(self, telling: Telling, complaint: Complaint, cause: int, recipient: str, now: datetime) -> Notice:
        return Notice(
            id=new_id(now),
            complaint_id=complaint.id,
            cause=cause,
            kind=telling.kind,
            recipient=recipient,
            facts=facts_of(complaint, telling),
            language=complaint.language,
            state=NoticeState.NO_CONTACT,
            created_at=now,
        )

    def _text(self, notice: Notice, to: Contact, *, call: bool = False, where: ContactType | None = None) -> Text:
        # Who calls makes sure who answers, so the script says everything (law 22).
        to = replace(to, verified=to.verified or call)
        facts = notice.facts
        if notice.kind is NoticeKind.SURVEY and not call and to.value.startswith(self._one_way):
            facts = replace(facts, details={**facts.details, "one_way": True})
        return self._rendering.render(notice.kind, facts, to=to, language=notice.language, where=where)

    def _deliver(
        self,
        told: Told,
        notice: Notice,
        to: Contact,
        contact_id: str | None,
        content: Content,
        *,
        call: bool,
        at: datetime,
        now: datetime,
    ) -> None:
        key = new_id(now)
        told.deliveries.append(
            Delivery(
                key=key,
                notice_id=notice.id,
                complaint_id=notice.complaint_id,
                kind=notice.kind,
                contact_id=contact_id,
                to=to,
                content=content,
                call=call,
                state=DeliveryState.QUEUED,
                created_at=now,
            )
        )
        if not call:
            told.work.append(Work(id=new_id(now), lane=lane_of(to.type), subject=key, due_at=at))


def carries_long(contact: Contact) -> bool:
    """Say whether everything may be told this way: to the customer for certain, and in as many words as it takes."""
    return contact.verified and contact.type in CARRIES_LONG


def facts_of(complaint: Complaint, telling: Telling) -> NoticeFacts:
    """Return what may be told of a complaint now."""
    return NoticeFacts(
        number=complaint.number,
        kind=complaint.kind,
        # While nobody has confirmed the grading, the wording of the lower level is promised (A.13 rule 8).
        major=complaint.level is Level.MAJOR and not complaint.needs_review,
        promised_at=complaint.promised_at,
        received_at=complaint.received_at,
        channel=complaint.channel,
        name=complaint.name,
        details=telling.details,
    )


def next_contact(
    contacts: Sequence[StoredContact], *, served: Collection[ContactType], tried: Collection[str] = ()
) -> StoredContact | None:
    """Return whom to address next: by rank, those a sender can reach before those that must wait for one (S0-9(1))."""
    left = [contact for contact in contacts if contact.id not in tried]
    return next((contact for contact in left if contact.contact.type in served), left[0] if left else None)
