"""How soon people do things, and the shape of a duty to give a command. What they do is in the files of each step."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time, timedelta

from bench.halfyear.life import Life
from bench.halfyear.plan import ZONE, local
from bench.halfyear.world import HANDLERS, Duty, World
from gateway.model import Complaint
from gateway.rules.commands import Command

When = Callable[[], datetime]
HASH = "0" * 64
DAY = timedelta(days=1)


def gives(world: World, life: Life, name: str, when: When, command: Callable[[], Command], by: str) -> Duty:
    """Return the duty to give one command."""

    async def act() -> None:
        await world.do(life, command(), by)

    return Duty(name=name, when=when, act=act)


def in_hours(world: World, life: Life, median: float, *, late: float = 0.0) -> When:
    """So many business hours from now."""
    return lambda: world.business(life.hours(median, late=late))


def in_minutes(world: World, life: Life, median: float, *, late: float = 0.0) -> When:
    """So many minutes from now, more at night, when fewer people are there."""

    def when() -> datetime:
        night = not 8 <= world.now().astimezone(ZONE).hour < 21
        return world.now() + life.hours(median * (1.6 if night else 1.0) / 60, late=late * (2 if night else 1))

    return when


def in_days(world: World, life: Life, fewest: float, most: float) -> When:
    """So many days from now, at an hour at which people are awake."""

    def when() -> datetime:
        day = (world.now() + timedelta(days=life.dice.uniform(fewest, most))).astimezone(ZONE).date()
        return max(local(day, time(life.dice.randrange(8, 21), life.dice.randrange(60))), world.now())

    return when


def handlers(unit: str) -> list[str]:
    return [f"{unit}-h{n}" for n in range(1, HANDLERS + 1)]


def checker(c: Complaint) -> str:
    """Return who checks in this round: the handler in the first, somebody else of the unit in each other (N13)."""
    if c.case.rounds == 1:
        return c.case.handler
    return next(one for one in handlers(c.case.unit) if one not in c.case.checkers)
