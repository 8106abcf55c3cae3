"""What a customer does: answers what was asked, takes an outcome or not, adds to it, gives up, asks for a review."""

from __future__ import annotations

from collections.abc import Iterator

from bench.halfyear.life import Life, Reaction
from bench.halfyear.moves import gives, in_days
from bench.halfyear.world import Duty, World
from gateway.model import ClockName, Complaint, Kind, Language, State
from gateway.rules import clocks, commands
from gateway.rules.transitions import OPEN, WORKED

YES = {Language.ZH_HANS: "认可", Language.ZH_HANT: "認可", Language.EN: "I accept"}
NO = {Language.ZH_HANS: "不认可", Language.ZH_HANT: "不認可", Language.EN: "I do not accept"}


def moves(world: World, life: Life, c: Complaint) -> Iterator[Duty]:
    """Yield what the customer will do as things stand."""
    if c.state is State.REPLIED and not clocks.is_open(c.clocks.get(ClockName.LEGAL)):
        yield from _reaction(world, life, c)
    if c.state is State.NEED_INFO and life.matter.email and life.happens("answers", 0.7):
        yield _writes(world, life, "answers", "截图见附件", fewest=0.2, most=3)
    if c.state in OPEN and life.matter.email and life.happens("adds", 0.08):
        yield _writes(world, life, "adds", "补充一点：工作日白天都能联系到我", fewest=0.2, most=4)
    if c.state is State.RESOLVED and life.matter.email and life.happens("scores", 0.15):
        yield _writes(world, life, "scores", "1", fewest=0.1, most=2)
    if c.state in WORKED and life.happens("withdraws", 0.035):
        withdraw = commands.Withdraw(request="电话要求撤回")
        yield gives(world, life, "withdraw", in_days(world, life, 0.1, 9), lambda: withdraw, "rep")


def _reaction(world: World, life: Life, c: Complaint) -> Iterator[Duty]:
    times, reaction = c.case.objections, life.reaction
    objects = (reaction is Reaction.OBJECTS and not times) or (reaction is Reaction.OBJECTS_TWICE and times < 2)
    if reaction is Reaction.SILENT:
        return
    if reaction is Reaction.ASKS_FOR_A_REVIEW and c.kind is Kind.COMPLAINT and life.happens("asks for a review", 1.0):
        yield _review(world, life)
    elif life.matter.email:
        words = (NO if objects else YES)[life.matter.language]
        yield _writes(world, life, f"reacts {times}", words, fewest=0.1, most=3.5)
    else:
        now = world.now()
        accept = commands.Confirm(how="phone", confirmed_at=now, evidence="录音 8")
        command = commands.Object(reason="金额不对") if objects else accept
        yield gives(world, life, f"reacts {times}", in_days(world, life, 0.1, 3.5), lambda: command, "rep")


def _review(world: World, life: Life) -> Duty:
    async def act() -> None:
        life.over("asks for a review")
        await world.do(life, commands.RequestReview(received_at=world.now(), superior="分行"), "mgr")

    return Duty(name="asks for a review", when=in_days(world, life, 0.5, 4), act=act)


def _writes(world: World, life: Life, what: str, text: str, *, fewest: float, most: float) -> Duty:
    async def act() -> None:
        life.over(what)
        await world.write(life, text)

    return Duty(name=what, when=in_days(world, life, fewest, most), act=act)
