"""What is done about a complaint that nobody has taken on yet: graded, answered, merged, passed on, dispatched."""

from __future__ import annotations

from collections.abc import Iterator

from bench.halfyear.life import Life
from bench.halfyear.moves import gives, in_hours, in_minutes
from bench.halfyear.world import Duty, World
from gateway.model import Complaint, Flag, Kind, Level, State
from gateway.rules import commands
from gateway.rules.commands import Command
from gateway.rules.transitions import WORKED


def registered(world: World, life: Life, c: Complaint) -> Iterator[Duty]:
    if life.matter.kind is Kind.INQUIRY:
        yield gives(world, life, "take on", in_hours(world, life, 1.5, late=0.08), lambda: _first(world, life), "mgr")
    else:
        yield gives(world, life, "take on", in_minutes(world, life, 18, late=0.06), lambda: _first(world, life), "mgr")


def _first(world: World, life: Life) -> Command:
    """Return what 客户意见管理岗 does with a new one."""
    matter, chance = life.matter, life.dice.random()
    if matter.unreadable:
        return commands.Decline(reason="来件无法读取，也没有联系方式", who_can_help="本行客服热线", agreed_by="leg")
    if matter.kind is Kind.SUGGESTION:
        return commands.AssessSuggestion(to="branch-head")
    if matter.kind is Kind.INQUIRY:
        return commands.AnswerAtOnce(answer="网点节日期间九点到十六点营业") if chance < 0.8 else _graded(life)
    if into := _main_case(world, life):
        return commands.Merge(into=into, new_facts=life.happens("new facts", 0.3))
    if chance < 0.02:
        return commands.Decline(
            reason="来件人不是当事人，也没有委托书", who_can_help="请当事人本人联系我们", agreed_by="leg"
        )
    if chance < 0.035:
        return commands.TransferOut(reason="这张卡不是我行发的", who_can_help="发卡银行", agreed_by="leg")
    return _graded(life)


def _graded(life: Life) -> commands.Grade:
    matter = life.matter
    return commands.Grade(
        kind=matter.kind,
        nature=matter.nature,
        level=matter.level,
        flags=matter.flags,
        product=matter.product,
        branch="朝阳支行",
        legal_hold=Flag.LEGAL_THREAT in matter.flags,
        reason="" if matter.level is Level.GENERAL else "按来件内容",
    )


def _main_case(world: World, life: Life) -> str | None:
    """Return the number of the same customer's case that is being worked on, if there is one."""
    number = world.number_of(life.matter.again) if life.matter.again is not None else None
    return number if number and world.ledger.complaint(number).state in WORKED else None


def triaged(world: World, life: Life, c: Complaint) -> Iterator[Duty]:
    """No route led anywhere (A051): a person dispatches it, or settles what is small in the talk itself."""
    lead = "exe" if c.level is Level.MAJOR else ""
    command: Command = commands.Dispatch(unit="branch", handler="branch-h1", lead=lead, approver="branch-head")
    if c.level is Level.GENERAL and c.case.rounds == 1 and life.happens("is settled at once", 0.2):
        command = commands.AnswerAtOnce(answer="年费已按活动规则退回")
    yield gives(world, life, "dispatch", in_hours(world, life, 0.8, late=0.08), lambda: command, "mgr")


def suggestion(world: World, life: Life, c: Complaint) -> Iterator[Duty]:
    adopted = life.happens("adopted", 0.4)
    command = commands.DecideSuggestion(adopted=adopted, reason="下季度落实" if adopted else "现有座位够用")
    yield gives(world, life, "decide", in_hours(world, life, 11, late=0.08), lambda: command, "branch-head")


BY_STATE = {State.REGISTERED: registered, State.TRIAGED: triaged, State.SUGGESTION_REVIEW: suggestion}
