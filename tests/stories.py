"""The life of one complaint told through the pure rules: commands in, events and tellings out, alarms as they fall due.

Nothing is stored or sent. Each role is one person whose staff id is the role's name: what a story proves of a role it
proves of whoever holds it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from gateway import rulebook
from gateway.model import (
    SYSTEM,
    Actor,
    ChannelKind,
    Clock,
    ClockName,
    Complaint,
    Event,
    EvidenceType,
    Finding,
    FindingType,
    Improvement,
    Kind,
    Language,
    Level,
    Nature,
    Result,
    Role,
    State,
)
from gateway.rules import clocks, commands, lifecycle, reactions
from gateway.rules.alarms import due_alarms
from gateway.rules.commands import Command
from gateway.rules.grading import owes_contingency
from gateway.rules.policy import Policy, opening_deadlines
from gateway.rules.profiles import Profile, Stack
from gateway.rules.reactions import Telling
from gateway.rules.routing import Directory
from gateway.rules.situation import APPROVALS, Situation
from tests.factories import START

POLICIES = Path(__file__).parent.parent / "config" / "policies"
SHANGHAI = ZoneInfo("Asia/Shanghai")
NUMBER = "TS-261123-000123-V"
DIRECTORY = Directory.from_mapping(
    {
        "approval_over": "50000",
        "staff": {
            "hnd": {"name": "陈", "roles": ["hnd"], "unit": "cards", "email": "hnd@bank.example"},
            "uh": {"name": "周", "roles": ["uh"], "unit": "cards", "email": "uh@bank.example"},
            "rep": {"name": "李", "roles": ["rep"], "email": "rep@bank.example"},
            "mgr": {"name": "王", "roles": ["mgr"], "email": "mgr@bank.example"},
            "cp": {"name": "赵", "roles": ["cp"], "email": "cp@bank.example", "telephone": "010-00000002"},
            "exe": {"name": "孙", "roles": ["exe"], "email": "exe@bank.example", "telephone": "010-00000003"},
        },
        "units": {
            unit: {"name": name, "head": "uh", "liaison": "uh", "deputy": "hnd", "handlers": ["hnd"]}
            for unit, name in [("cards", "信用卡中心"), ("risk", "风控部"), ("it", "科技部"), ("branch", "朝阳支行")]
        },
        "routes": [
            {"nature": "compliance", "unit": "risk"},
            {"nature": "technical", "unit": "it"},
            {"nature": "service", "product": "credit_card", "unit": "cards"},
            {"nature": "service", "branch": "朝阳支行", "unit": "branch"},
        ],
    }
)


@cache
def book() -> rulebook.Rulebook:
    return rulebook.load(zone="Asia/Shanghai", override=None)


def stack(target: str, *fill_from: str, changes: Mapping[str, str] | None = None) -> Policy:
    """Return the policy with another profile as target; `changes` replaces words of its file."""
    files = {path.stem: path.read_text(encoding="utf-8") for path in POLICIES.glob("*.toml") if path.stem != "stack"}
    for old, new in (changes or {}).items():
        files[target] = files[target].replace(old, new)
    profiles = [Profile.from_mapping(tomllib.loads(text)) for text in files.values()]
    return Policy.build(Stack(target=target, ceiling="cn.nfra-2020-3", fill_from=fill_from), profiles)


def conclusion(**changes: Any) -> commands.Conclude:
    values: dict[str, Any] = {
        "finding": Finding.SUBSTANTIATED,
        "finding_type": FindingType.WORK_ERROR,
        "result": Result.UPHELD,
        "findings": "扣了两次",
        "cause": "系统超时后重复提交",
        "measures": "退回一笔",
        "improvement": Improvement(measure="加重复检查", owner="it", due=date(2026, 12, 4), verification="压测报告"),
        "feedback_plan": "邮件告知",
        "evidence": ("e1",),
    }
    return commands.Conclude(**(values | changes))


REFUSED: Mapping[str, Any] = {
    "finding": Finding.NOT_SUBSTANTIATED,
    "finding_type": FindingType.CUSTOMER_MISUNDERSTANDING,
    "result": Result.REJECTED_WITH_BASIS,
    "basis": ("信用卡章程第12条",),
    "reason": "年费在开卡时已经写明",
}
"""What a refusal says beside the rest of a conclusion."""


@dataclass(slots=True, kw_only=True)
class Story:
    """One complaint and its present; `told` is what the last step caused."""

    now: datetime = START
    policy: Policy = field(default_factory=lambda: book().policy)
    writable: bool = True
    approval_over: Decimal | None = None
    approvals: Mapping[Level, frozenset[Role]] = field(default_factory=lambda: APPROVALS)
    complaint: Complaint
    events: list[Event] = field(default_factory=list)
    told: list[Telling] = field(default_factory=list)

    # -- steps

    def does(self, command: Command, *roles: Role, by: str = "") -> Event:
        """Give a command as the person of a role, by default the handler, and see what becomes of it."""
        held = roles or (Role.HND,)
        actor = SYSTEM if held == (Role.SYS,) else Actor(id=by or held[0].value, roles=frozenset(held))
        event = lifecycle.decide(self.complaint, command, self._situation(actor))
        before = self.complaint
        self.complaint = replace(lifecycle.evolve(before, before.id, event), version=before.version + 1)
        self.events.append(event)
        self.told = reactions.tellings(before, self.complaint, event)
        return event

    def passes(self, **span: float) -> list[Telling]:
        """Let time pass and sound what has fallen due; return who was told."""
        self.now += timedelta(**span)
        sounded: list[Telling] = []
        for clock, count in due_alarms(self.complaint, self.now, book().calendar).items():
            self.does(commands.SoundAlarm(clock=clock, sounded=count), Role.SYS)
            sounded += self.told
        return sounded

    def until(self, moment: str) -> list[Telling]:
        """Let time pass until a local moment."""
        at = datetime.fromisoformat(moment).replace(tzinfo=SHANGHAI)
        return self.passes(seconds=(at - self.now).total_seconds())

    def goes_to(self, state: State, **changes: Any) -> Story:
        """Take the straight way to a state; `changes` are fields of the grading or of the conclusion."""
        steps = list(_WAY)
        for step in steps[steps.index(self.complaint.state) + 1 : steps.index(state) + 1]:
            _WAY[step](self, changes)
            assert self.complaint.state is step
        return self

    def outcome_leaves(self) -> None:
        """Let the outcome's notice be handed to a provider: from now on the customer can answer it."""
        if self.complaint.case.told_at is None:
            self.does(self.outcome_sent(), Role.SYS)

    def outcome_sent(self) -> commands.OutcomeSent:
        """Return the command that notes it."""
        assert self.complaint.case.replied_at is not None
        return commands.OutcomeSent(notice="n1", decided_at=self.complaint.case.replied_at)

    # -- what stands

    def clock(self, name: ClockName) -> Clock:
        return self.complaint.clocks[name]

    def ends(self, name: ClockName) -> str:
        """Return when a clock ends, as the bank's clocks show it."""
        return f"{self.clock(name).due_at.astimezone(SHANGHAI):%m-%d %H:%M}"

    def heard(self) -> set[tuple[str, str]]:
        """Return who was told what by the last step."""
        return {(telling.to, telling.kind.name) for telling in self.told}

    def _situation(self, actor: Actor) -> Situation:
        return Situation(
            actor=actor,
            now=self.now,
            policy=self.policy,
            calendar=book().calendar,
            writable=self.writable,
            approval_over=self.approval_over,
            approvals=self.approvals,
        )


def complaint(at: str = "", *, kind: Kind = Kind.COMPLAINT, policy: Policy | None = None, **changes: Any) -> Story:
    """Register a case at a local moment, by default on Monday 2026-11-23 at 10:15."""
    now = datetime.fromisoformat(at).replace(tzinfo=SHANGHAI).astimezone(UTC) if at else START
    used = policy or book().policy
    dates = opening_deadlines(
        used,
        kind=kind,
        level=Level.GENERAL,
        urgent=False,
        needs_review=True,
        received_at=now,
        calendar=book().calendar,
    )
    register = commands.Register(
        number=NUMBER,
        kind=kind,
        level=Level.GENERAL,
        needs_review=True,
        channel=ChannelKind.EMAIL,
        source="mailbox",
        language=Language.ZH_HANS,
        received_at=now,
        promised_at=dates.promised.due_at,
        legal_at=dates.legal.due_at if dates.legal else None,
        policy=used.target.id,
        name="李四",
        message_id="m1",
        clocks=clocks.opening(dates.clocks, now),
    )
    actor = Situation(actor=SYSTEM, now=now, policy=used, calendar=book().calendar)
    event = lifecycle.decide(None, register, actor)
    opened = replace(lifecycle.evolve(None, "c1", event), version=1)
    return Story(
        now=now,
        policy=used,
        complaint=opened,
        events=[event],
        told=reactions.tellings(None, opened, event),
        **changes,
    )


def grading(**changes: Any) -> commands.Grade:
    values: dict[str, Any] = {
        "kind": Kind.COMPLAINT,
        "nature": Nature.SERVICE,
        "level": Level.GENERAL,
        "reason": "看过",
    }
    return commands.Grade(**(values | changes))


def _those(command: type[Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in changes.items() if name in command.__dataclass_fields__}


def _graded(story: Story, changes: Mapping[str, Any]) -> None:
    story.does(grading(**_those(commands.Grade, changes)), Role.MGR)


def _dispatched(story: Story, changes: Mapping[str, Any]) -> None:
    story.does(commands.Dispatch(unit="cards", handler="hnd", lead="exe", approver="uh"), Role.MGR)


def _accepted(story: Story, changes: Mapping[str, Any]) -> None:
    story.does(commands.Accept())


def _investigating(story: Story, changes: Mapping[str, Any]) -> None:
    story.does(commands.Investigate(direction="查扣款流水", next_contact_at=story.now + timedelta(days=1)))


def _concluded(story: Story, changes: Mapping[str, Any]) -> None:
    story.does(commands.AddEvidence(id="e1", type=EvidenceType.LOG, sha256="0" * 64, description="流水"))
    if story.complaint.level is Level.MAJOR:
        story.does(commands.SavePlan(plan="先停用重试", told="先停用重试"))
    if owes_contingency(story.complaint):
        story.does(commands.NameContingencyPlan(owner="hnd", plan="先联系所有客户"), Role.MGR)
    story.does(conclusion(**_those(commands.Conclude, changes)))


def _approved(story: Story, changes: Mapping[str, Any]) -> None:
    for role in (Role.UH, Role.CP, Role.EXE):
        if story.complaint.state is State.CONCLUDED:
            story.does(commands.Approve(), role)


def _replied(story: Story, changes: Mapping[str, Any]) -> None:
    story.does(commands.Reply())


def _resolved(story: Story, changes: Mapping[str, Any]) -> None:
    story.outcome_leaves()
    story.does(commands.Confirm(how="reply", confirmed_at=story.now, evidence="m2"), Role.CUS)


def _called_back(story: Story, changes: Mapping[str, Any]) -> None:
    story.does(commands.ProveExecution(evidence="e1", executed_at=story.now))
    story.now += timedelta(days=1)
    story.does(commands.RecordCallback(solved=True, scores={"overall": 5}), Role.CB)


def _archived(story: Story, changes: Mapping[str, Any]) -> None:
    story.does(commands.Archive(root_cause="重复提交", case_report="报告"), Role.MGR)


_WAY: Mapping[State, Callable[[Story, Mapping[str, Any]], None]] = {
    State.REGISTERED: lambda story, changes: None,
    State.TRIAGED: _graded,
    State.DISPATCHED: _dispatched,
    State.ACCEPTED: _accepted,
    State.INVESTIGATING: _investigating,
    State.CONCLUDED: _concluded,
    State.APPROVED: _approved,
    State.REPLIED: _replied,
    State.RESOLVED: _resolved,
    State.CALLBACK_DONE: _called_back,
    State.ARCHIVED: _archived,
}
