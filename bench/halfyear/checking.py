"""What a handler does from the dispatch to the conclusion, and who helps, signs or sends back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from functools import partial

from bench.halfyear.life import Detour, Life, work_hours
from bench.halfyear.matters import pick
from bench.halfyear.moves import DAY, HASH, checker, gives, handlers, in_days, in_hours, in_minutes
from bench.halfyear.world import Duty, World
from gateway.model import (
    Compensation,
    Complaint,
    EvidenceType,
    Finding,
    FindingType,
    Flag,
    Improvement,
    Kind,
    Level,
    Result,
    Role,
    State,
)
from gateway.rules import approvals, commands, grading
from gateway.rules.commands import Command

RESULTS = {
    Result.UPHELD: 55,
    Result.REJECTED_WITH_BASIS: 22,
    Result.PARTLY_UPHELD: 15,
    Result.SETTLED: 8,
}
FAULTS = {
    FindingType.WORK_ERROR: 70,
    FindingType.SYSTEM_FAULT: 15,
    FindingType.PRODUCT_ISSUE: 10,
    FindingType.VIOLATION: 5,
}
ASSISTING = {"cards": "it", "retail": "cards", "risk": "retail", "it": "cards", "branch": "retail"}


def dispatched(world: World, life: Life, c: Complaint) -> Iterator[Duty]:
    times = c.case.reroutes
    if life.happens(f"absent {times}", 0.03):
        another = handlers(c.case.unit)[(handlers(c.case.unit).index(c.case.handler) + 1) % 5]
        command = commands.Reroute(unit=c.case.unit, handler=another, reason="经办人休假")
        yield gives(world, life, f"reroute {times}", in_minutes(world, life, 90), lambda: command, "mgr")
    else:
        when = in_minutes(world, life, 10, late=0.07)
        yield gives(world, life, f"accept {times}", when, commands.Accept, c.case.handler)


def accepted(world: World, life: Life, c: Complaint) -> Iterator[Duty]:
    urgent = Flag.URGENT in c.case.flags or c.level is Level.MAJOR
    when = in_minutes(world, life, 18, late=0.06) if urgent else in_hours(world, life, 1.2, late=0.06)

    def command() -> commands.Investigate:
        # No later than the answer itself is promised, or within a day where that is near or over, on days off too.
        latest = max(c.promised_at, world.now() + DAY)
        again = min(world.business(timedelta(hours=12)), latest)
        return commands.Investigate(direction="核对账户流水和录像", next_contact_at=again)

    yield gives(world, life, f"investigate {c.case.rounds}", when, command, checker(c))


def investigating(world: World, life: Life, c: Complaint) -> Iterator[Duty]:
    handler = c.case.handler
    if life.round_of != c.case.rounds:
        life.round_of, life.work_ends = c.case.rounds, world.business(work_hours(life, c.level))
    ends = life.work_ends or world.now()
    if c.level is Level.MAJOR and not c.case.plan_saved:
        plan = commands.SavePlan(plan="先停止重复扣款，再逐笔核对", told="先停止重复扣款，再逐笔核对")
        yield gives(world, life, "plan", in_hours(world, life, 2.5, late=0.08), lambda: plan, handler)
    if len(c.case.evidence) < c.case.rounds:
        piece = commands.AddEvidence(
            id=f"e{len(c.case.evidence) + 1}", type=EvidenceType.LOG, sha256=HASH, description="账户流水"
        )
        yield gives(world, life, f"evidence {c.case.rounds}", in_hours(world, life, 1.5), lambda: piece, handler)
    if life.happens("detour", 1.0) and life.detour is not Detour.NONE:
        yield _detour(world, life, c)
    if life.happens("acts first", 0.01) and not c.case.unpaid_approval:
        first = commands.ActFirst(action="先行退回2300元")
        yield gives(world, life, "act first", in_hours(world, life, 1), lambda: first, handler)
    if ends > c.promised_at > world.now() and not life.happens(f"forgets to extend {c.promised_at}", 0.12):
        yield _extension(world, life, c)
    planned = c.case.plan_saved or c.level is not Level.MAJOR
    if c.case.evidence and planned and not grading.owes_contingency(c):
        name = f"conclude {c.case.rounds}"
        yield gives(world, life, name, lambda: ends, lambda: _conclusion(world, life, c), handler)


def _detour(world: World, life: Life, c: Complaint) -> Duty:
    other = ASSISTING[c.case.unit]
    steps: Mapping[Detour, Callable[[], Command]] = {
        Detour.ASKS: lambda: commands.AskCustomer(items=("转账截图",), way="回复本邮件", bank_has_none=True),
        Detour.COORDINATES: lambda: commands.Coordinate(
            units=(other,), question="请核对系统日志", meeting_at=world.now() + timedelta(hours=5)
        ),
        Detour.APPRAISES: lambda: commands.StartAppraisal(body="司法鉴定所", reason="签名真伪", agreed_by="leg"),
        Detour.MEDIATES: lambda: commands.StartMediation(body="金融纠纷调解中心", customer_agreed=True),
    }
    by_head = life.detour in (Detour.APPRAISES, Detour.MEDIATES)

    async def act() -> None:
        life.over("detour")
        await world.do(life, steps[life.detour](), f"{c.case.unit}-head" if by_head else c.case.handler)

    return Duty(name="detour", when=in_hours(world, life, 1.5), act=act)


def _extension(world: World, life: Life, c: Complaint) -> Duty:
    """The head of the unit moves the date before it has passed; beyond a month an executive has to (law 18)."""
    day = world.calendar.local_day(max(life.work_ends or world.now(), c.promised_at)) + 2 * DAY
    received = world.calendar.local_day(c.received_at)
    far = day > received + 29 * DAY
    until = min(day, received + 58 * DAY)

    def command() -> commands.Extend:
        return commands.Extend(
            until=max(until, world.calendar.local_day(c.promised_at) + DAY),
            reason_internal="等外部回复",
            reason="还在等收款银行的回复",
            done="已经核对本行流水",
            next="收到回复后马上告诉您",
        )

    name = f"extend {c.promised_at:%m%d}"
    return gives(
        world, life, name, lambda: c.promised_at - life.hours(6), command, "exe" if far else f"{c.case.unit}-head"
    )


def _conclusion(world: World, life: Life, c: Complaint) -> commands.Conclude:
    result = pick(RESULTS, life.dice) if c.kind is Kind.COMPLAINT else Result.ANSWERED
    refused = result in (Result.REJECTED_WITH_BASIS, Result.ANSWERED)
    today = world.calendar.local_day(world.now())
    return commands.Conclude(
        finding=Finding.NOT_SUBSTANTIATED if refused else Finding.SUBSTANTIATED,
        finding_type=FindingType.CUSTOMER_MISUNDERSTANDING if refused else pick(FAULTS, life.dice),
        result=result,
        findings="同一笔缴费提交了两次" if not refused else "扣款与合同一致",
        cause="超时后重复提交" if not refused else "合同约定的费用",
        measures="退回一笔" if not refused else "逐条解释合同",
        improvement=Improvement(
            measure="增加重复检查", owner="科技部", due=today + life.dice.randint(3, 25) * DAY, verification="压测报告"
        ),
        feedback_plan="按客户偏好的方式告知",
        evidence=tuple(piece.id for piece in c.case.evidence),
        basis=("信用卡章程第12条",) if result in (Result.REJECTED_WITH_BASIS, Result.PARTLY_UPHELD) else (),
        reason="年费在开卡时已经写明" if refused or result is Result.PARTLY_UPHELD else "",
        compensation=_compensation(life, today) if not refused and life.dice.random() < 0.4 else None,
    )


def _compensation(life: Life, today: date) -> Compensation:
    amount = 60_000 if life.dice.random() < 0.05 else life.dice.randrange(50, 5000)
    return Compensation(amount=f"{amount}.00", currency="CNY", arrival=today + life.dice.randint(2, 8) * DAY)


def waiting_for_the_customer(world: World, life: Life, c: Complaint) -> Iterator[Duty]:
    """The customer may answer meanwhile, which resumes it by itself."""
    resume = commands.Resume(note="客户没有补充，按现有材料核查")
    yield gives(world, life, "go on without", in_hours(world, life, 26), lambda: resume, c.case.handler)


def coordinating(world: World, life: Life, c: Complaint) -> Iterator[Duty]:
    for unit in c.case.assist_units:
        answer = partial(commands.AnswerAssist, unit=unit, answer="系统日志显示提交两次")
        yield gives(world, life, f"assist {unit}", in_hours(world, life, 4, late=0.1), answer, f"{unit}-liaison")
    if not c.case.assist_units:
        close = commands.CloseCoordination(minutes="会议确认：系统超时")
        when = in_hours(world, life, 2, late=0.06)
        yield gives(world, life, "close the meeting", when, lambda: close, c.case.handler)


def appraised(world: World, life: Life, c: Complaint) -> Iterator[Duty]:
    end = commands.EndAppraisal(report="签名系本人所写")
    yield gives(world, life, "end the appraisal", in_days(world, life, 4, 24), lambda: end, c.case.handler)


def mediated(world: World, life: Life, c: Complaint) -> Iterator[Duty]:
    end = commands.EndMediation(agreed=life.happens("agrees", 0.6), text="双方各退一步")
    yield gives(world, life, "end the mediation", in_days(world, life, 3, 15), lambda: end, f"{c.case.unit}-head")


def concluded(world: World, life: Life, c: Complaint) -> Iterator[Duty]:
    missing = approvals.missing(c, world.gateway.situation())
    if life.happens("sent back", 0.06):
        yield _sent_back(world, life, c)
        return
    for role in (Role.UH, Role.CP, Role.EXE):
        if role in missing:
            by = f"{c.case.unit}-head" if role is Role.UH else role.value
            when = in_hours(world, life, 1.2, late=0.06)
            yield gives(world, life, f"approve {role} {c.case.rounds}", when, commands.Approve, by)
            return


def _sent_back(world: World, life: Life, c: Complaint) -> Duty:
    async def act() -> None:
        life.over("sent back")
        until = world.calendar.local_day(world.now()) + DAY
        await world.do(life, commands.SendBack(missing="补充录像", until=until), f"{c.case.unit}-head")

    return Duty(name="send back", when=in_hours(world, life, 1.2), act=act)


def rework(world: World, life: Life, c: Complaint) -> Iterator[Duty]:
    resume = commands.Resume(note="已补录像")
    yield gives(world, life, "fill the gaps", in_hours(world, life, 2.5), lambda: resume, c.case.handler)


def approved(world: World, life: Life, c: Complaint) -> Iterator[Duty]:
    yield gives(
        world, life, f"reply {c.case.rounds}", in_hours(world, life, 0.7, late=0.05), commands.Reply, c.case.handler
    )


BY_STATE = {
    State.DISPATCHED: dispatched,
    State.ACCEPTED: accepted,
    State.INVESTIGATING: investigating,
    State.NEED_INFO: waiting_for_the_customer,
    State.COORDINATING: coordinating,
    State.APPRAISAL: appraised,
    State.MEDIATION: mediated,
    State.CONCLUDED: concluded,
    State.REWORK: rework,
    State.APPROVED: approved,
}
