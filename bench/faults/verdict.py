"""The verdict by counting: what customers sent, what is held, and what the SMTP server took, laid side by side. Pure.

A point is one sentence that has to hold, with the ids of what breaks it. Nothing here names a person.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.faults.customers import Customer
from bench.faults.sink import Accepted
from gateway.model import AttemptOutcome, DeliveryState, NoticeState, Outcome
from gateway.rules.numbering import Patterns


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldComplaint:
    """A complaint as the database has it. `customers`: the local parts of its contacts' addresses."""

    id: str
    number: str
    customers: tuple[str, ...]
    outcomes: tuple[str, ...]  # of the messages kept with it
    notices: tuple[str, ...]  # the state of each
    deliveries: tuple[str, ...]  # the key of each
    broken_at: int | None  # the first entry of its timeline that does not verify; 0: it cannot be read


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldDelivery:
    """A delivery with its attempts: number of the claim -> outcome. A claim of a node that died has none."""

    key: str
    complaint_id: str
    state: str
    attempts: Mapping[int, str]

    @property
    def unknown(self) -> int:
        """How many attempts the server may have taken without our hearing of it."""
        return sum(outcome == AttemptOutcome.UNKNOWN for outcome in self.attempts.values())

    @property
    def lost(self) -> int:
        """How many claims have no attempt: their node died, or was cut off, while its lease was out."""
        return max(self.attempts, default=0) - len(self.attempts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything the verdict is found from."""

    customers: Sequence[Customer]
    complaints: Sequence[HeldComplaint]
    deliveries: Sequence[HeldDelivery]
    accepted: Sequence[Accepted]  # by the SMTP server
    apart: Sequence[str]  # ids of messages that are kept with no complaint
    work: Sequence[str]  # ids of what is still queued
    alarms: Sequence[str]  # ids of the complaints that wait for an alarm
    inbox: int  # mails not taken out of the mailbox
    quarantine: int  # mails filed as unreadable
    gave_up: int  # nodes that ended by themselves after they had served


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One sentence that has to hold: of how many things, and which of them break it."""

    says: str
    looked_at: int
    broken: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    points: Sequence[Point]
    counts: Mapping[str, int]

    @property
    def holds(self) -> bool:
        return not any(point.broken for point in self.points)


def judge(evidence: Evidence, patterns: Patterns) -> Verdict:
    """Return what holds and what does not, and the doubles in numbers."""
    facts = _Facts(evidence, patterns)
    points = [
        Point(says=says, looked_at=looked_at, broken=tuple(dict.fromkeys(found)))
        for says, looked_at, found in facts.points()
    ]
    return Verdict(points=points, counts=facts.counts())


class _Facts:
    """The evidence, indexed by what it is asked for."""

    def __init__(self, evidence: Evidence, patterns: Patterns) -> None:
        self._evidence = evidence
        self._patterns = patterns
        self._by_customer: dict[str, list[HeldComplaint]] = defaultdict(list)
        for complaint in evidence.complaints:
            for customer in complaint.customers:
                self._by_customer[customer].append(complaint)
        self._by_id = {complaint.id: complaint for complaint in evidence.complaints}
        self._by_key = {delivery.key: delivery for delivery in evidence.deliveries}
        self._taken = Counter(mail.key for mail in evidence.accepted)

    def points(self) -> Iterator[tuple[str, int, Iterator[str]]]:
        """Yield each sentence, of how many things it speaks, and what breaks it."""
        all_of = self._evidence
        customers, complaints, deliveries = len(all_of.customers), len(all_of.complaints), len(all_of.deliveries)
        yield "every message was accepted in the end", customers, self._not_accepted()
        yield "every message is one complaint, and every complaint one message's", customers, self._not_one()
        yield "every message is kept once; a copy is known as one", customers, self._not_kept_once()
        yield "every customer was told the number that is held", customers, self._told_another()
        yield "numbers are unique and their check characters right", complaints, self._bad_numbers()
        yield "every acknowledgement is recorded as sent, none is given up", complaints, self._not_sent()
        yield "every acknowledgement was taken by the SMTP server", deliveries, self._not_taken()
        yield "each went to its customer with the right number", len(all_of.accepted), self._misdirected()
        yield (
            "doubles only where the outcome was unknown, under the same key",
            sum(times - 1 for times in self._taken.values()),
            self._unexplained(),
        )
        yield "every timeline's chain verifies", complaints, self._broken_chains()
        yield "no message is quarantined or kept apart", customers, self._set_apart()
        yield "the mailbox and the queue are empty", 1, self._left()
        yield "every complaint waits for its next alarm, once", complaints, self._without_alarm()
        yield "no node gave up while it served", 1, iter([f"{all_of.gave_up} nodes"] if all_of.gave_up else [])

    def counts(self) -> Mapping[str, int]:
        """Return the doubles: how many there were, and how many of them a recorded unknown outcome explains."""
        extra = {key: times - 1 for key, times in self._taken.items() if times > 1}
        recorded = sum(
            min(times, self._by_key[key].unknown if key in self._by_key else 0) for key, times in extra.items()
        )
        return {
            "mails taken by the SMTP server": len(self._evidence.accepted),
            "doubles among them": sum(extra.values()),
            "doubles after an outcome recorded as unknown": recorded,
            "doubles after a node died before it could record": sum(extra.values()) - recorded,
            "attempts recorded as unknown": sum(delivery.unknown for delivery in self._evidence.deliveries),
            "claims without an attempt: the node died or was cut off": sum(
                delivery.lost for delivery in self._evidence.deliveries
            ),
        }

    def _not_accepted(self) -> Iterator[str]:
        for customer in self._evidence.customers:
            if not customer.settled or customer.refused:
                yield " ".join([customer.name, *map(str, sorted(customer.refused))])

    def _not_one(self) -> Iterator[str]:
        known = {customer.name for customer in self._evidence.customers}
        yield from (name for name in known if len(self._by_customer.get(name, ())) != 1)
        for complaint in self._evidence.complaints:
            if len(complaint.customers) != 1 or complaint.customers[0] not in known:
                yield complaint.id

    def _not_kept_once(self) -> Iterator[str]:
        for customer in self._evidence.customers:
            kept = Counter(outcome for one in self._by_customer.get(customer.name, ()) for outcome in one.outcomes)
            if kept != +Counter({Outcome.OPENED.value: 1, Outcome.DUPLICATE.value: customer.records - 1}):
                yield customer.name

    def _without_alarm(self) -> Iterator[str]:
        waiting = Counter(self._evidence.alarms)
        yield from (complaint.id for complaint in self._evidence.complaints if waiting[complaint.id] != 1)
        yield from waiting.keys() - self._by_id.keys()

    def _told_another(self) -> Iterator[str]:
        for customer in self._evidence.customers:
            if not customer.by_mail and customer.told != {
                one.number for one in self._by_customer.get(customer.name, ())
            }:
                yield customer.name

    def _bad_numbers(self) -> Iterator[str]:
        held = Counter(complaint.number for complaint in self._evidence.complaints)
        for complaint in self._evidence.complaints:
            if held[complaint.number] > 1 or self._patterns.normalise(complaint.number) != complaint.number:
                yield complaint.id
        told = Counter(number for customer in self._evidence.customers for number in customer.told)
        yield from (number for number, times in told.items() if times > 1)

    def _not_sent(self) -> Iterator[str]:
        for complaint in self._evidence.complaints:
            states = [self._by_key[key].state for key in complaint.deliveries if key in self._by_key]
            if complaint.notices != (NoticeState.SENT.value,) or states != [DeliveryState.SENT.value]:
                yield complaint.id

    def _not_taken(self) -> Iterator[str]:
        yield from (delivery.key for delivery in self._evidence.deliveries if not self._taken[delivery.key])

    def _misdirected(self) -> Iterator[str]:
        for mail in self._evidence.accepted:
            delivery = self._by_key.get(mail.key)
            complaint = self._by_id.get(delivery.complaint_id) if delivery else None
            if complaint is None or complaint.customers != (mail.customer,) or complaint.number != mail.number:
                yield mail.key or "a mail without a key"

    def _unexplained(self) -> Iterator[str]:
        for key, times in self._taken.items():
            delivery = self._by_key.get(key)
            if delivery is not None and times - 1 > delivery.unknown + delivery.lost:
                yield key
        yield from (one.id for one in self._evidence.complaints if len(one.deliveries) > len(one.notices))

    def _broken_chains(self) -> Iterator[str]:
        yield from (one.id for one in self._evidence.complaints if one.broken_at is not None)

    def _set_apart(self) -> Iterator[str]:
        yield from self._evidence.apart
        for complaint in self._evidence.complaints:
            if Outcome.QUARANTINED.value in complaint.outcomes:
                yield complaint.id
        if self._evidence.quarantine:
            yield f"{self._evidence.quarantine} mails in the quarantine folder"

    def _left(self) -> Iterator[str]:
        yield from self._evidence.work
        if self._evidence.inbox:
            yield f"{self._evidence.inbox} mails in the mailbox"
