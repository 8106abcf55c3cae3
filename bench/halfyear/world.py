"""The simulated bank: a real gateway over real storage, a clock that jumps from event to event, and what is planned.

Who does what when is in duties.py and customers.py; after every step what was touched is judged by the ledger.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count

from bench.halfyear.ledger import Ledger
from bench.halfyear.life import Life, life_of
from bench.halfyear.matters import Matter, matters
from bench.halfyear.plan import PUBLISHED, RESTART_EVERY, Plan, local, running
from bench.halfyear.provider import Provider
from bench.halfyear.watch import Watched
from gateway.errors import Invalid, Rejected
from gateway.model import ChannelKind, Complaint, ContactType, InboundMessage, Unreadable, Words
from gateway.ports import Storage
from gateway.record import TIMERS
from gateway.rules.commands import Command, name_of
from gateway.rules.worktime import Calendar, add_business_time
from gateway.telling import lane_of
from gateway.vault import Vault
from tests.bank import BOOK, Gateway, directory
from tests.databases import Database
from tests.factories import Clock

UNITS = {"cards": "信用卡中心", "retail": "个人金融部", "risk": "风控部", "it": "科技部", "branch": "朝阳支行"}
ROUTES = (
    {"nature": "compliance", "unit": "risk"},
    {"nature": "technical", "product": "payment", "unit": "it"},
    *({"product": product, "unit": "cards"} for product in ("credit_card", "debit_card")),
    *({"product": product, "unit": "retail"} for product in ("loan", "wealth", "payment")),
)
REVIEWER = "exe-2"
HANDLERS = 5  # of each unit: three rounds of checking need three people
REFUSED_AGAIN_AFTER = timedelta(days=1)
MOST_REFUSALS = 5
SOURCES = ("mailbox", "second-mailbox")

Step = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """Something somebody will do: `when` is asked once, when it is planned."""

    name: str
    when: Callable[[], datetime]
    act: Step


Duties = Callable[["World", Life, Complaint], Iterable[Duty]]


class World:
    """`duties` says what is to be done about a complaint as it stands."""

    def __init__(self, plan: Plan, *, storage: Storage, rows: Database, vault: Vault, duties: Duties) -> None:
        self.plan = plan
        self.clock = Clock(local(plan.begins))
        self.storage = Watched(storage)
        self.vault = vault
        bank = directory(UNITS, ROUTES, of_each=HANDLERS)
        # Where the largest sums are signed for by everybody above, somebody else has to decide a review.
        second = replace(bank.staff["exe"], id=REVIEWER, email=f"{REVIEWER}@bank.example")
        self.directory = replace(bank, staff={**bank.staff, REVIEWER: second})
        self.provider = Provider(plan, self.clock)
        self.calendar = Calendar(zone=BOOK.calendar.zone, years=tuple(BOOK.calendar.years))
        self.gateway = self._started()
        self.ledger = Ledger(self.storage, rows, vault.audit_key, self.directory, plan)
        self.lives: dict[str, Life] = {}  # by number
        self.steps: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self._duties = duties
        self._by_place: dict[int, str] = {}
        self._planned: list[tuple[datetime, int, Step]] = []
        self._serial = count()

    # -- time

    def now(self) -> datetime:
        return self.clock.at

    def business(self, span: timedelta) -> datetime:
        """Return when so much business time will have passed."""
        return add_business_time(self.now(), span, self.calendar)

    def at(self, moment: datetime, step: Step) -> None:
        """Plan a step; one that is planned for the past is done now."""
        heapq.heappush(self._planned, (max(moment, self.now()), next(self._serial), step))

    async def run(self, shown: Callable[[datetime], None]) -> None:
        """Let the plan's days pass."""
        for matter in matters(self.plan, self.calendar):
            self.at(matter.at, self._arriving(matter))
        self.at(PUBLISHED, self._publish)
        midnight = self.now() + timedelta(days=1)
        while True:
            work, lane = await self._next_work()
            moments = [midnight, *([work] if work else []), *([self._planned[0][0]] if self._planned else [])]
            at = running(max(self.now(), min(moments)))
            if at >= local(self.plan.ends):
                break
            self.clock.at = at
            if at >= midnight:
                await self._end_day()
                shown(midnight)
                midnight += timedelta(days=1)
            elif work and work <= at:
                await self._work(lane)
            else:
                await heapq.heappop(self._planned)[2]()
            await self._look()
        await self.ledger.end(self.now())

    # -- what people do

    async def do(self, life: Life, command: Command, by: str) -> None:
        """Give a command as somebody of the bank; a refusal is counted."""
        name = name_of(type(command))
        try:
            await self.gateway.does(life.number, command, by)
        except Rejected as refusal:
            problem = refusal.problem if isinstance(refusal, Invalid) else refusal.code
            self.refused[f"{name}: {problem}"] += 1
            life.refused += 1
            raise
        self.steps[name] += 1

    async def write(self, life: Life, text: str) -> None:
        """Let the customer write a mail that names the number."""
        matter = life.matter
        said = self._message(matter, f"{matter.place}/{next(self._serial)}", text)
        email = tuple(one for one in matter.contacts if one.type is ContactType.EMAIL)
        said = replace(said, subject=f"回复：[{life.number}]", channel=ChannelKind.EMAIL, contacts=email)
        (receipt,) = await self.gateway.intake.accept([said])
        self.steps[f"mail, {receipt.outcome.value}"] += 1
        if receipt.number and receipt.number not in self.lives:  # the case had ended: it is a new one
            self._begin(receipt.number, replace(matter, place=self.plan.complaints + len(self.lives), again=None))

    def number_of(self, place: int) -> str | None:
        """Return under which number a matter came in, if it did."""
        return self._by_place.get(place)

    # -- what the machine does

    def _started(self) -> Gateway:
        known = tuple(
            year for year in BOOK.calendar.years if year.year == self.plan.begins.year or self.clock.at >= PUBLISHED
        )
        return Gateway(
            storage=self.storage,
            vault=self.vault,
            now=self.clock,
            directory=self.directory,
            calendar=Calendar(zone=BOOK.calendar.zone, years=known),
            senders={ContactType.EMAIL: self.provider, ContactType.MOBILE: self.provider},
        )

    async def _publish(self) -> None:
        """The notice on next year's working days has come: the operator adds the file and restarts."""
        self.gateway = self._started()
        self.steps["calendar published"] += 1
        while await self.gateway.redating.run_once():
            await self._look()

    async def _next_work(self) -> tuple[datetime | None, str]:
        """Return when the machine's next work is due, and in which lane."""
        async with self.storage.reading() as tx:
            due = [(at, lane) for lane, at in (await tx.queue.oldest()).items() if lane in self._workers()]
        return min(due, default=(None, ""))

    def _workers(self) -> Mapping[str, Callable[[], Awaitable[int]]]:
        gateway = self.gateway
        sending = zip(gateway.senders, gateway.deliveries, strict=True)
        return {TIMERS: gateway.timers.run_once, **{lane_of(kind): one.run_once for kind, one in sending}}

    async def _work(self, lane: str) -> None:
        if not await self._workers()[lane]():
            self.ledger.complain("", "due work is done", f"{lane} has work that nobody can claim")
            self.clock.later(minutes=1)

    async def _end_day(self) -> None:
        await self.gateway.redating.run_once()
        await self.ledger.end_day(self.now(), self.gateway.calendar)
        if (self.now() - local(self.plan.begins)) % RESTART_EVERY < timedelta(days=1):
            self.gateway = self._started()
            self.steps["restart"] += 1

    async def _look(self) -> None:
        """Judge what was touched, and plan what is to be done about it."""
        while self.storage.touched:
            touched, self.storage.touched = sorted(self.storage.touched), set()
            for complaint in await self.ledger.judge(touched, self.now(), self.gateway.calendar):
                self._plan(self.lives[complaint.number], complaint)

    def _plan(self, life: Life, complaint: Complaint) -> None:
        for duty in self._duties(self, life, complaint):
            if duty.name not in life.planned:
                life.planned.add(duty.name)
                self.at(duty.when(), self._doing(life, duty))

    def _doing(self, life: Life, duty: Duty) -> Step:
        async def step() -> None:
            life.planned.discard(duty.name)
            complaint = self.ledger.complaint(life.number)
            fresh = next((one for one in self._duties(self, life, complaint) if one.name == duty.name), None)
            if fresh is None:
                return  # the case has moved on meanwhile
            try:
                await fresh.act()
            except Rejected as refusal:
                if life.refused < MOST_REFUSALS:
                    self.at(self.now() + REFUSED_AGAIN_AFTER, self._planning(life))
                else:
                    self.ledger.complain(life.number, "nobody is refused over and over", f"{duty.name}: {refusal}")

        return step

    def _planning(self, life: Life) -> Step:
        async def step() -> None:
            self._plan(life, self.ledger.complaint(life.number))

        return step

    # -- what comes in

    def _arriving(self, matter: Matter) -> Step:
        async def step() -> None:
            events = [self._event(matter, source) for source in SOURCES[: 1 + matter.twice]]
            receipt, *_ = await self.gateway.intake.accept(events)
            assert receipt.number is not None
            self.steps["arrival"] += 1
            self._begin(receipt.number, matter)

        return step

    def _begin(self, number: str, matter: Matter) -> None:
        self._by_place[matter.place] = number
        self.lives[number] = life_of(number, matter, self.plan.seed)

    def _event(self, matter: Matter, source: str) -> Words:
        if matter.unreadable:
            return Unreadable(
                source=source,
                channel=matter.channel,
                external_id=f"m{matter.place}",
                received_at=self.now(),
                raw=b"\xff\x00",
                problem="not_mime",
            )
        return self._message(matter, str(matter.place), matter.text, source=source)

    def _message(self, matter: Matter, key: str, text: str, *, source: str = SOURCES[0]) -> InboundMessage:
        return InboundMessage(
            source=source,
            channel=matter.channel,
            external_id=f"{source}/{key}",
            message_id=f"<{key}@example.com>",
            received_at=self.now(),
            text=text,
            from_name=matter.name,
            from_address=matter.email,
            contacts=matter.contacts,
            language=matter.language,
            kind=matter.kind,
            raw=text.encode(),
        )
