"""The life of one complaint over the real core, written down as a page: who did what, and every word that was told.

The machine works on by itself: until the next step every alarm and delivery is done at the moment it is due. Which
lives are told is in lives.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from gateway.casework import Casefile
from gateway.model import Attempt, Contact, ContactType, Delivery, Entry, EventKind, Language, Notice, NoticeKind, State
from gateway.record import TIMERS
from gateway.rendering import Rendering
from gateway.rules import commands, lifecycle, transitions
from gateway.rules.commands import Command
from gateway.rules.reactions import CUSTOMER
from gateway.settings import DEMONSTRATION_BANK, Bank
from gateway.telling import lane_of
from tests.bank import Gateway
from tests.factories import Clock, message

ZONE = ZoneInfo("Asia/Shanghai")
NOTICES = Path(__file__).parent.parent / "docs" / "reference" / "notices.md"
TICKETS = {
    NoticeKind.DISPATCH: "S0-6(4), S0-7(1)",
    NoticeKind.NOT_ACCEPTED: "S0-8(1)",
    NoticeKind.DEADLINE: "S0-4, S0-5(3)",
    NoticeKind.RED_ALERT: "S0-7(3), S2-§7",
    NoticeKind.ASSIST: "S0-8(6)",
    NoticeKind.APPROVAL: "S2-§3, S4-§5",
    NoticeKind.SENT_BACK: "S1-3-九-3",
}
"""The clauses behind what staff is told; those behind what customers are told are in notices.md."""
RENDERING = Rendering(bank=Bank.model_validate(DEMONSTRATION_BANK), override=None)


class Chronicle:
    """One complaint on its way. `said`: what people said beside their commands, by the moment."""

    def __init__(self, gateway: Gateway, clock: Clock) -> None:
        self.gateway, self.clock = gateway, clock
        self.number = ""
        self.said: list[tuple[datetime, str]] = []

    async def at(self, moment: str) -> None:
        """Let time pass until a local moment, such as "2026-11-23 10:15"; the machine does what is due meanwhile."""
        until = datetime.fromisoformat(moment).replace(tzinfo=ZONE).astimezone(UTC)
        while (due := await self._due()) is not None and due <= until:
            self.clock.at = max(due, self.clock.at)
            await self.gateway.sounds()
            await self.gateway.sends()
        self.clock.at = until

    async def writes(self, text: str, **changes: object) -> None:
        """Let the customer write: the first time it opens the complaint, then it names the number."""
        self.said.append((self.clock(), text))
        subject = f"回复：[{self.number}]" if self.number else ""
        sent = message(text, received_at=self.clock(), subject=subject, **changes)
        number = await self.gateway.opens(sent)
        self.number = self.number or number

    async def does(self, command: Command, by: str) -> None:
        await self.gateway.does(self.number, command, by)

    async def calls(self, by: str, *, proof: str) -> None:
        """Let somebody make the calls that wait, and reach whom they call."""
        for call in await self.gateway.casework.calls(self.gateway.actor(by)):
            await self.does(commands.RecordCall(reached=True, proof=proof, delivery=call.delivery.key), by)

    async def _due(self) -> datetime | None:
        served = {TIMERS, *(lane_of(kind) for kind in self.gateway.senders)}
        async with self.gateway.storage.reading() as tx:
            return min((at for lane, at in (await tx.queue.oldest()).items() if lane in served), default=None)

    async def page(self) -> Sequence[str]:
        """Return the life as lines of Markdown."""
        file = await self.gateway.file(self.number)
        async with self.gateway.storage.reading() as tx:
            attempts = await tx.notices.attempts([one.key for one in file.deliveries])
        return list(_Page(self.gateway, file, attempts, self.said).lines())


class _Page:
    def __init__(
        self,
        gateway: Gateway,
        file: Casefile,
        attempts: Mapping[str, Sequence[Attempt]],
        said: Sequence[tuple[datetime, str]],
    ) -> None:
        self._gateway, self._file, self._attempts, self._said = gateway, file, attempts, list(said)
        self._names = _names()

    def lines(self) -> Iterator[str]:
        before = None
        for entry in self._file.timeline:
            after = lifecycle.evolve(before, entry.complaint_id, entry.event)
            moved = before is None or before.state is not after.state
            yield from self._entry(entry, after.state if moved else None)
            if before is None or before.promised_at != after.promised_at:
                law = f", by law {_day(after.legal_at)}" if after.legal_at else ""
                yield f"  The promised date is {_day(after.promised_at)}{law}."
                yield ""
            yield from self._notices([one for one in self._file.notices if one.cause == entry.seq])
            before = after

    def _entry(self, entry: Entry, state: State | None) -> Iterator[str]:
        row = transitions.OF_EVENT[entry.event.kind]
        words = entry.event.kind.value.replace("_", " ")
        if entry.event.kind is EventKind.ALARM_SOUNDED:
            words = f"alarm of the clock `{entry.event.public['clock']}`"
        leads = f" → **{state.value}**" if state else ""
        yield f"**{_moment(entry.at)}** {words} ({row.id}), by {self._who(entry.actor)}{leads}"
        yield ""
        while self._said and self._said[0][0] <= entry.at:
            yield f"> 客户：{self._said.pop(0)[1]}"
            yield ""

    def _who(self, actor: str) -> str:
        if actor in ("system", "customer"):
            return {"system": "the gateway", "customer": "the customer"}[actor]
        one = self._gateway.directory.staff[actor]
        return f"{one.name} ({', '.join(sorted(one.roles))}{', ' if one.unit else ''}{one.unit})"

    def _notices(self, notices: Sequence[Notice]) -> Iterator[str]:
        """What one event told, the customer first; a ticket that several people got is shown once."""
        shown: dict[tuple[str, str], list[Notice]] = {}
        for notice in sorted(notices, key=lambda one: (one.recipient != CUSTOMER, one.kind, one.recipient)):
            shown.setdefault((notice.kind.value, self._text(notice)), []).append(notice)
        for (_, text), alike in shown.items():
            yield from self._told(text, alike)

    def _told(self, text: str, alike: Sequence[Notice]) -> Iterator[str]:
        first = alike[0]
        name, clause = self._names[first.kind]
        to = "; ".join(f"{self._recipient(one)}, {self._ways(one)}" for one in alike)
        yield f"- {'✉' if first.recipient == CUSTOMER else '▸'} **{first.kind.value} {name}** to {to} [{clause}]"
        yield ""
        yield from (f"  > {line}".rstrip() for line in text.splitlines())
        yield "  >"
        verified = [one.to.verified or one.call for one in self._deliveries(first)]
        to_whom = Contact(type=ContactType.EMAIL, value="", verified=all(verified))
        gloss = RENDERING.render(first.kind, first.facts, to=to_whom, language=Language.EN).short
        yield f"  > *{' '.join(gloss.split())}*"
        yield ""

    def _deliveries(self, notice: Notice) -> Sequence[Delivery]:
        mine = [one for one in self._file.deliveries if one.notice_id == notice.id]
        return sorted(mine, key=lambda one: (one.call, one.to.type))

    def _text(self, notice: Notice) -> str:
        content = [one.content for one in self._deliveries(notice)]
        return (content[0].text if notice.recipient == CUSTOMER else content[0].short) if content else "—"

    def _recipient(self, notice: Notice) -> str:
        return "the customer" if notice.recipient == CUSTOMER else self._who(notice.recipient.rpartition(":")[2])

    def _ways(self, notice: Notice) -> str:
        return " and ".join(self._way(one) for one in self._deliveries(notice)) or "nobody to tell"

    def _way(self, delivery: Delivery) -> str:
        way = "by telephone" if delivery.call else f"by {delivery.to.type.value}"
        made = self._attempts.get(delivery.key, ())
        return f"{way} {_moment(made[-1].at)}" if made else f"{way}, not yet"


def _names() -> dict[NoticeKind, tuple[str, str]]:
    """Return Chinese name and clause of every kind of notice, as notices.md has them."""
    rows = re.findall(r"^\| `(n\d+c?)` \| (\S+(?: / \S+| \(\S+\))?) .*\| (.*?) \|$", NOTICES.read_text("utf-8"), re.M)
    found = {NoticeKind(kind): (name, clause) for kind, name, clause in rows}
    return found | {kind: (found[kind][0], clause) for kind, clause in TICKETS.items()}


def _moment(at: datetime) -> str:
    return f"{at.astimezone(ZONE):%m-%d %H:%M}"


def _day(at: datetime) -> str:
    return f"{at.astimezone(ZONE):%m-%d}"
