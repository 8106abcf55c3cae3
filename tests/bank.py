"""A whole gateway over one storage, wired as app.py does, with a directory of people and a sender that takes all.

Several banks over one database are several nodes. A node is restarted by making another one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from gateway import rulebook
from gateway.casework import Casefile, Casework
from gateway.coordination.local import LocalCoordination
from gateway.delivery import Deliveries
from gateway.intake import Intake
from gateway.model import (
    SYSTEM,
    Actor,
    Complaint,
    ContactType,
    EventKind,
    EvidenceType,
    Finding,
    FindingType,
    Improvement,
    InboundMessage,
    Kind,
    Level,
    Nature,
    Notice,
    OutboundMessage,
    Result,
    Role,
    Sent,
)
from gateway.observe import Metrics
from gateway.ports import Now, Sender, Storage, Window
from gateway.preparation import Preparation
from gateway.record import Recorder
from gateway.redating import Redating
from gateway.rendering import Rendering
from gateway.rules import commands
from gateway.rules.commands import Command
from gateway.rules.numbering import Pattern, Patterns
from gateway.rules.routing import Directory
from gateway.rules.situation import Situation
from gateway.rules.worktime import Calendar
from gateway.settings import DEMONSTRATION_BANK, Bank
from gateway.telling import lane_of
from gateway.timers import Timers
from gateway.vault import Vault
from tests.factories import message

ZONE = "Asia/Shanghai"
BOOK = rulebook.load(zone=ZONE, override=None)
ROUNDS = 1000


def people(units: Mapping[str, str], *, of_each: int = 1) -> dict[str, dict[str, Any]]:
    """Return staff for these units (id: name), `of_each` handlers in every one, and one person for each other role."""
    handlers = {
        f"{unit}-h{n}": {"name": "陈", "roles": ["hnd"], "unit": unit, "email": f"{unit}.h{n}@bank.example"}
        for unit in units
        for n in range(1, of_each + 1)
    }
    heads = {
        f"{unit}-head": {"name": "周", "roles": ["uh"], "unit": unit, "email": f"{unit}.head@bank.example"}
        for unit in units
    }
    liaisons = {
        f"{unit}-liaison": {"name": "林", "roles": ["hnd"], "unit": unit, "email": f"{unit}.liaison@bank.example"}
        for unit in units
    }
    roles = {"rep": "李", "mgr": "王", "cp": "赵", "exe": "孙", "leg": "钱"}
    roles |= {"pr": "郑", "fin": "冯", "cb": "许", "rl": "何"}
    others = {
        role: {"name": name, "roles": [role], "email": f"{role}@bank.example", "telephone": f"010-0000{n:04}"}
        for n, (role, name) in enumerate(roles.items(), start=10)
    }
    return {**handlers, **heads, **liaisons, **others}


def directory(units: Mapping[str, str], routes: Sequence[Mapping[str, str]], *, of_each: int = 1) -> Directory:
    """Return a directory of these units (id: name); a unit's handlers are `<unit>-h1`, ..., its head `<unit>-head`."""
    return Directory.from_mapping(
        {
            "approval_over": 50_000,
            "staff": people(units, of_each=of_each),
            "units": {
                unit: {
                    "name": name,
                    "head": f"{unit}-head",
                    "liaison": f"{unit}-liaison",
                    "deputy": f"{unit}-h1",
                    "handlers": [f"{unit}-h{n}" for n in range(1, of_each + 1)],
                }
                for unit, name in units.items()
            },
            "routes": list(routes),
        }
    )


CONCLUSION = commands.Conclude(
    finding=Finding.SUBSTANTIATED,
    finding_type=FindingType.WORK_ERROR,
    result=Result.UPHELD,
    findings="扣了两次",
    cause="重复提交",
    measures="退回一笔",
    improvement=Improvement(measure="加检查", owner="it", due=date(2026, 12, 23), verification="压测"),
    feedback_plan="邮件告知",
    evidence=("e1",),
)

CARDS = directory({"cards": "信用卡中心", "it": "科技部"}, [{"unit": "cards"}], of_each=2)
"""Two units; every complaint goes to the first."""


class Taking:
    """A sender that takes everything, and remembers it."""

    def __init__(self) -> None:
        self.got: list[OutboundMessage] = []

    async def send(self, message: OutboundMessage) -> Sent:
        self.got.append(message)
        return Sent()


class Gateway:
    """One node."""

    def __init__(
        self,
        *,
        storage: Storage,
        vault: Vault,
        now: Now,
        directory: Directory = CARDS,
        calendar: Calendar = BOOK.calendar,
        senders: Mapping[ContactType, Sender] | None = None,
        windows: Mapping[ContactType, Window] | None = None,
        case_url: str = "",
    ) -> None:
        self.storage, self.vault, self.now = storage, vault, now
        self.directory, self.calendar = directory, calendar
        self.metrics, self.coordination = Metrics(), LocalCoordination(now=now)
        self.taking = Taking()
        self.senders: Mapping[ContactType, Sender] = {ContactType.EMAIL: self.taking} if senders is None else senders
        self.recorder = Recorder(
            rendering=Rendering(bank=Bank.model_validate(DEMONSTRATION_BANK), override=None),
            audit_key=vault.audit_key,
            served=self.senders,
            policy=BOOK.policy,
            calendar=calendar,
            directory=directory,
            windows=windows,
            case_url=case_url,
        )
        patterns = Patterns(current=Pattern.parse("TS-{yymmdd}-{serial:6}-{check}"))
        self.intake = Intake(
            storage=storage,
            preparation=Preparation(vault=vault, policy=BOOK.policy, calendar=calendar, patterns=patterns, now=now),
            recorder=self.recorder,
            patterns=patterns,
            coordination=self.coordination,
            zone=ZoneInfo(ZONE),
            now=now,
            metrics=self.metrics,
        )
        parts: dict[str, Any] = {
            "storage": storage,
            "recorder": self.recorder,
            "coordination": self.coordination,
            "now": now,
        }
        self.casework = Casework(**parts)
        self.timers = Timers(**parts, metrics=self.metrics)
        self.redating = Redating(**parts, metrics=self.metrics)
        self.deliveries = [
            Deliveries(
                **parts, metrics=self.metrics, lane=lane_of(kind), sender=sender, window=(windows or {}).get(kind)
            )
            for kind, sender in self.senders.items()
        ]

    # -- what is done

    async def opens(self, *messages: InboundMessage) -> str:
        """Take messages in, one call; return the number of the first."""
        receipt, *_ = await self.intake.accept(messages)
        assert receipt.number is not None
        return receipt.number

    async def dispatched(self, level: Level = Level.GENERAL, **said: Any) -> tuple[str, str]:
        """Open and grade a complaint, of a message of which this is said; return its number and its handler."""
        number = await self.opens(message(received_at=self.now(), **said))
        grade = commands.Grade(kind=Kind.COMPLAINT, nature=Nature.SERVICE, level=level, reason="看过")
        return number, (await self.does(number, grade, "mgr")).case.handler

    async def replied(self, **said: Any) -> str:
        """Open a complaint, of a message of which this is said, and take it to its outcome; return its number."""
        number, handler = await self.dispatched(**said)
        await self.does(number, commands.Accept(), handler)
        ahead = self.now() + timedelta(hours=1)
        await self.does(number, commands.Investigate(direction="查流水", next_contact_at=ahead), handler)
        evidence = commands.AddEvidence(id="e1", type=EvidenceType.LOG, sha256="0" * 64, description="流水")
        await self.does(number, evidence, handler)
        await self.does(number, CONCLUSION, handler)
        await self.does(number, commands.Approve(), "cards-head")
        await self.does(number, commands.Reply(), handler)
        return number

    async def does(self, number: str, command: Command, by: str) -> Complaint:
        """Give a command as a person of the directory."""
        return await self.casework.do(number, command, self.actor(by))

    def situation(self) -> Situation:
        """Return what the gateway decides by now."""
        return Situation(
            actor=SYSTEM,
            now=self.now(),
            policy=self.recorder.policy,
            calendar=self.calendar,
            approval_over=self.directory.approval_over,
            approvals=self.directory.approvals,
        )

    def actor(self, staff: str) -> Actor:
        one = self.directory.staff[staff]
        return Actor(id=one.id, roles=one.roles, unit=one.unit)

    async def sounds(self) -> int:
        """Let the timers do all that is due; return how many rounds found some."""
        return await self._until_done([self.timers.run_once])

    async def sends(self) -> int:
        """Let the deliveries do all that is due; return how many rounds found some."""
        return await self._until_done([one.run_once for one in self.deliveries])

    async def _until_done(self, steps: Sequence[Any]) -> int:
        for done in range(ROUNDS):
            if not sum([await step() for step in steps]):
                return done
        raise AssertionError("the work does not end")

    # -- what stands

    async def file(self, number: str) -> Casefile:
        return await self.casework.show(number, Actor(id="auditor", roles=frozenset({Role.AUD})))

    async def complaint(self, number: str) -> Complaint:
        return (await self.file(number)).complaint

    async def happened(self, number: str) -> list[EventKind]:
        return [entry.event.kind for entry in (await self.file(number)).timeline]

    async def told(self, number: str, *, to: Collection[str] = ()) -> list[tuple[str, str]]:
        """Return (kind, recipient) of a complaint's notices in the order of their causes; `to`: of these only."""
        notices = (await self.file(number)).notices
        return [(one.kind.value, one.recipient) for one in notices if not to or one.recipient in to]

    async def notices(self, number: str) -> Sequence[Notice]:
        return (await self.file(number)).notices
