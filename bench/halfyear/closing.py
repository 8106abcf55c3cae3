"""What happens after the outcome: reached, carried out, called back, looked at again, reviewed, filed, opened again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, time, timedelta

from bench.halfyear import checking
from bench.halfyear.life import Life
from bench.halfyear.moves import DAY, HASH, gives, in_days, in_hours
from bench.halfyear.plan import local
from bench.halfyear.world import REVIEWER, Duty, World
from gateway.model import ClockName, Complaint, EvidenceType, State
from gateway.rules import clocks, commands

OWING = frozenset(
    {State.REPLIED, State.RESOLVED, State.UNSATISFIED, State.CALLBACK_DONE, State.CLOSED, State.WITHDRAWN}
)
"""Where what was concluded is carried out, if there is anything: a withdrawal does not end it (A089)."""
DIMENSIONS = ("overall", "efficiency", "quality", "attitude", "process")


def replied(world: World, life: Life, c: Complaint) -> Iterator[Duty]:
    """An outcome that does not get through in writing: somebody telephones, on three days at most (law 21)."""
    if c.case.told_at is not None:
        return

    async def act() -> None:
        if life.dice.random() < 0.4:
            confirm = commands.Confirm(how="phone", confirmed_at=world.now(), evidence="录音 12")
            await world.do(life, confirm, "rep")
        else:
            await world.do(life, commands.RecordCall(reached=False, proof="三声无人接听"), "rep")

    yield Duty(name=f"reach {c.case.called_on}", when=in_days(world, life, 1.0, 1.6), act=act)


def resolved(world: World, life: Life, c: Complaint) -> Iterator[Duty]:
    clock = c.clocks.get(ClockName.CALLBACK)
    if not clocks.is_open(clock):
        return
    dating = clocks.Dating(world.gateway.recorder.policy, world.gateway.calendar)
    opens = dating.callback_opens(clock.started_at)

    def when() -> datetime:
        return max(opens, world.business(timedelta())) + life.hours(9, late=0.06)

    if life.happens("cannot be reached", 0.1) and c.case.calls < clocks.UNREACHABLE:
        call = commands.RecordCall(reached=False, proof="无人接听")
        name = f"call back {c.case.calls}"
        yield gives(world, life, name, in_days(world, life, 1.0, 1.5), lambda: call, "cb")
        return
    yield gives(world, life, f"callback {c.case.calls}", when, lambda: _callback(life), "cb")


def _callback(life: Life) -> commands.RecordCallback:
    if life.happens("cannot be reached", 0.1):
        return commands.RecordCallback(solved=None, scores={})
    solved = life.dice.random() > 0.06
    scores = {name: life.dice.randint(3, 5) if solved else 1 for name in DIMENSIONS}
    remarks = "希望短信写得更清楚" if life.dice.random() < 0.15 else ""
    return commands.RecordCallback(solved=solved, scores=scores, remarks=remarks)


def reopened(world: World, life: Life, c: Complaint) -> Iterator[Duty]:
    if c.case.red_alert and life.happens(f"escalates {c.case.rounds}", 0.3):
        yield _escalation(world, life, c)
    else:
        yield from checking.accepted(world, life, c)


def unsatisfied(world: World, life: Life, c: Complaint) -> Iterator[Duty]:
    head = f"{c.case.unit}-head"
    if life.happens("offers", 0.4):
        yield _once(world, life, "offers", lambda: commands.OfferMediation(body="金融纠纷调解中心"), head)
    elif life.happens("sits down", 0.25):
        start = commands.StartMediation(body="金融纠纷调解中心", customer_agreed=True)
        yield _once(world, life, "sits down", lambda: start, head)
    elif life.drawn.get("agrees") and not life.happens("says so", 0.0):
        confirm = commands.Confirm(how="mediation", confirmed_at=world.now(), evidence="调解书")
        yield gives(world, life, "agreed", in_hours(world, life, 3), lambda: confirm, "rep")
    else:
        yield _escalation(world, life, c)


def _once(world: World, life: Life, what: str, command: Callable[[], commands.Command], by: str) -> Duty:
    async def act() -> None:
        life.over(what)
        await world.do(life, command(), by)

    return Duty(name=what, when=in_hours(world, life, 4), act=act)


def _escalation(world: World, life: Life, c: Complaint) -> Duty:
    escalate = commands.Escalate(reason="客户再次不认可")
    name = f"escalate {c.case.rounds}"
    return gives(world, life, name, in_hours(world, life, 3, late=0.05), lambda: escalate, f"{c.case.unit}-head")


def review(world: World, life: Life, c: Complaint) -> Iterator[Duty]:
    own = {c.case.handler, *c.case.checkers, *(staff for _, staff in c.case.approvals)}
    by = next(one for one in ("cp", "exe", REVIEWER) if one not in own)
    decide = commands.DecideReview(
        process="程序符合规定", time_limit="在时限内答复", result="维持原处理结果", upheld=life.happens("upheld", 0.8)
    )
    yield gives(world, life, "decide the review", in_days(world, life, 4, 27), lambda: decide, by)


def filed(world: World, life: Life, c: Complaint) -> Iterator[Duty]:
    """Archive it once nothing is owed any more."""
    case = c.case
    owed = (
        case.unpaid_approval
        or (case.referral and not case.referral_reported)
        or (c.state is not State.WITHDRAWN and case.replied_at is None)
        or (case.execution_due is not None and case.executed_at is None)
        or any(clocks.is_open(c.clocks.get(name)) for name in (ClockName.LEGAL, ClockName.FEEDBACK, ClockName.READ))
    )
    if not owed:
        archive = commands.Archive(root_cause="流程缺口", case_report="案例分析报告")
        yield gives(world, life, "archive", in_days(world, life, 6, 20), lambda: archive, "mgr")


def archived(world: World, life: Life, c: Complaint) -> Iterator[Duty]:
    if c.case.unit and life.happens("returns", 0.012):

        async def act() -> None:
            life.over("returns")
            await world.do(life, commands.Reopen(new_facts="客户提供了新的录音", agreed_by="cp"), "mgr")

        yield Duty(name="reopen", when=in_days(world, life, 5, 30), act=act)


def carried_out(world: World, life: Life, c: Complaint) -> Iterator[Duty]:
    """What was promised is done by its day, and proved by who paid (A089)."""
    day = c.case.execution_due
    if c.state not in OWING or day is None or c.case.executed_at is not None:
        return

    def when() -> datetime:
        late = life.dice.randint(1, 5) if life.dice.random() < 0.08 else -life.dice.randint(0, 2)
        return local(day + late * DAY, time(15, life.dice.randrange(60)))

    async def act() -> None:
        proof = f"p{len(c.case.evidence) + 1}"
        evidence = commands.AddEvidence(id=proof, type=EvidenceType.VOUCHER, sha256=HASH, description="转账凭证")
        await world.do(life, evidence, "fin")
        await world.do(life, commands.ProveExecution(evidence=proof, executed_at=world.now()), "fin")

    yield Duty(name=f"execute {day}", when=when, act=act)


BY_STATE = {
    State.REPLIED: replied,
    State.RESOLVED: resolved,
    State.REOPENED: reopened,
    State.UNSATISFIED: unsatisfied,
    State.ESCALATED: checking.accepted,
    State.REVIEW: review,
    State.CALLBACK_DONE: filed,
    State.CLOSED: filed,
    State.ANSWERED: filed,
    State.WITHDRAWN: filed,
    State.ARCHIVED: archived,
}
