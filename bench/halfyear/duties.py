"""Everything that will be done about a complaint as it stands: by its state, by its customer, and beside the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, time, timedelta

from bench.halfyear import checking, closing, customers, triage
from bench.halfyear.life import Life
from bench.halfyear.moves import DAY, gives, in_days, in_hours
from bench.halfyear.plan import ZONE, local
from bench.halfyear.world import Duty, World
from gateway.model import ChannelKind, ClockName, Complaint, Level, State
from gateway.rules import clocks, commands, grading
from gateway.rules.transitions import ANSWERED, ENDED, HANDLED, OPEN

BY_STATE: Mapping[State, Callable[[World, Life, Complaint], Iterator[Duty]]] = {
    **triage.BY_STATE,
    **checking.BY_STATE,
    **closing.BY_STATE,
}


def duties(world: World, life: Life, c: Complaint) -> Iterator[Duty]:
    """Yield what will be done as things stand."""
    if state := BY_STATE.get(c.state):
        yield from state(world, life, c)
    yield from customers.moves(world, life, c)
    yield from closing.carried_out(world, life, c)
    yield from _referred(world, life, c)
    yield from _reported(world, life, c)
    yield from _planned_for(world, life, c)
    yield from _read(world, life, c)
    yield from _seldom(world, life, c)


def _referred(world: World, life: Life, c: Complaint) -> Iterator[Duty]:
    """A regulator's letter has a date of its own, and waits for the result (A132)."""
    if life.matter.channel is not ChannelKind.REGULATOR:
        return
    if c.state in OPEN and not c.case.referral:
        due = world.calendar.local_day(c.received_at) + 12 * DAY
        record = commands.RecordReferral(reference=f"转〔2025〕{life.matter.place}", body="金融监管总局", due=due)
        yield gives(world, life, "refer", in_hours(world, life, 0.8), lambda: record, "rl")
    elif c.case.referral and not c.case.referral_reported and c.state in ANSWERED | ENDED:
        report = commands.ReportReferral(report="已退回2300元并道歉")
        yield gives(world, life, "report", in_hours(world, life, 5, late=0.08), lambda: report, "rl")


def _reported(world: World, life: Life, c: Complaint) -> Iterator[Duty]:
    """The customer of a major case hears something every day (A067); others when they ask."""
    daily = c.clocks.get(ClockName.DAILY)
    if c.state in HANDLED and clocks.is_open(daily):
        day = world.calendar.local_day(daily.due_at)

        def when() -> datetime:
            if life.dice.random() < 0.06:  # forgotten: the next morning
                return local(day + DAY, time(9, life.dice.randrange(60)))
            return local(day, time(life.dice.randrange(10, 16), life.dice.randrange(60)))

        yield gives(world, life, f"daily {day}", when, lambda: _progress(world), c.case.handler)
    elif c.state in HANDLED and life.happens("asks how it stands", 0.06):

        async def act() -> None:
            life.over("asks how it stands")
            await world.do(life, _progress(world), c.case.handler)

        yield Duty(name="asks how it stands", when=in_days(world, life, 0.2, 2), act=act)
    if clocks.is_open(c.clocks.get(ClockName.FEEDBACK)):
        feedback = commands.GiveFeedback(text="短信模板已经改写")
        yield gives(world, life, "feedback", in_hours(world, life, 24, late=0.06), lambda: feedback, "cb")


def _progress(world: World) -> commands.ReportProgress:
    today = world.now().astimezone(ZONE)
    return commands.ReportProgress(done=f"{today:%m月%d日}核对了流水", waiting="等收款行回复", next="明天再联系您")


def _planned_for(world: World, life: Life, c: Complaint) -> Iterator[Duty]:
    """What is urgent, repeated or a group's has a contingency plan with a named owner (A044, A047)."""
    if c.state in HANDLED and grading.owes_contingency(c):
        plan = commands.NameContingencyPlan(owner=c.case.handler, plan="先停止扣款，再逐户联系")
        yield gives(world, life, "contingency plan", in_hours(world, life, 1.5), lambda: plan, "mgr")


def _read(world: World, life: Life, c: Complaint) -> Iterator[Duty]:
    """What a customer writes beside an answer is read, and the note says what came of it (S0-8(5))."""
    unread = c.clocks.get(ClockName.READ)
    if clocks.is_open(unread):
        note = commands.Note(text="已阅，客户补充了联系时间")
        when = in_hours(world, life, 3, late=0.06)
        yield gives(world, life, f"read {unread.started_at}", when, lambda: note, c.case.handler or "mgr")


def _seldom(world: World, life: Life, c: Complaint) -> Iterator[Duty]:
    if c.state in HANDLED and life.happens("is regraded", 0.03):
        yield _regrading(world, life, c)
    if c.state in HANDLED and life.happens("is handed over", 0.01):
        over = commands.HandOver(to="rep", reason="原受理人调岗", agreed=True)
        yield _once(world, life, "is handed over", over, "mgr")
    if c.case.red_alert and c.state in (State.RESOLVED, State.CALLBACK_DONE) and life.happens("alert ends", 0.6):
        clear = commands.ClearRedAlert(reason="已解决", agreed_by="cp")
        yield _once(world, life, "alert ends", clear, "mgr")


def _regrading(world: World, life: Life, c: Complaint) -> Duty:
    level = {Level.GENERAL: Level.IMPORTANT, Level.IMPORTANT: Level.MAJOR, Level.MAJOR: Level.IMPORTANT}[c.level]
    lead = "exe" if level is Level.MAJOR else ""
    regrade = commands.Regrade(level=level, flags=c.case.flags, reason="又有客户反映", lead=lead)
    return _once(world, life, "is regraded", regrade, "mgr")


def _once(world: World, life: Life, what: str, command: commands.Command, by: str) -> Duty:
    async def act() -> None:
        life.over(what)
        await world.do(life, command, by)

    return Duty(name=what, when=in_hours(world, life, 4), act=act)


async def telephone(world: World) -> None:
    """Make the calls that wait for a person: customers once a day, colleagues at once (law 21, A102)."""
    today = world.calendar.local_day(world.now())
    for call in await world.gateway.casework.calls(world.gateway.actor("rep")):
        if any(world.calendar.local_day(attempt.at) == today for attempt in call.attempts):
            continue
        life = world.lives[call.complaint.number]
        colleague = call.delivery.contact_id is None
        reached = life.dice.random() < (0.95 if colleague else 0.62)
        own = () if colleague or call.delivery.contact_id is None or not reached else (call.delivery.contact_id,)
        command = commands.RecordCall(
            reached=reached, proof="录音 31" if reached else "无人接听", delivery=call.delivery.key, verified=own
        )
        await world.do(life, command, "rep")


def plan_calls(world: World) -> None:
    """Let somebody telephone twice every day."""
    days = [world.plan.begins + timedelta(days=n) for n in range(world.plan.days)]
    for day in days:
        for hour in (10, 16):

            async def step() -> None:
                await telephone(world)

            world.at(local(day, time(hour, 20)), step)
