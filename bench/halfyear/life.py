"""One simulated complaint beside its record: what its customer is like, how long its work takes, what is planned."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from random import Random

from bench.halfyear.matters import Matter, pick
from gateway.model import Kind, Level


class Reaction(StrEnum):
    """What a customer does with an outcome."""

    ACCEPTS = "accepts"
    OBJECTS = "objects"  # once; what is found the second time is accepted
    OBJECTS_TWICE = "objects twice"
    SILENT = "silent"
    ASKS_FOR_A_REVIEW = "asks for a review"


class Detour(StrEnum):
    """What the checking takes beside looking into the bank's own records."""

    NONE = "none"
    ASKS = "asks the customer"
    COORDINATES = "coordinates"
    APPRAISES = "appraises"
    MEDIATES = "mediates"


REACTIONS = {
    Reaction.ACCEPTS: 40,
    Reaction.SILENT: 40,
    Reaction.OBJECTS: 12,
    Reaction.OBJECTS_TWICE: 4,
    Reaction.ASKS_FOR_A_REVIEW: 4,
}
DETOURS = {Detour.NONE: 68, Detour.ASKS: 13, Detour.COORDINATES: 13, Detour.APPRAISES: 3, Detour.MEDIATES: 3}
WORK_HOURS = {Level.GENERAL: 6.0, Level.IMPORTANT: 5.0, Level.MAJOR: 9.0}
"""Half of all conclusions take no longer than this, in business hours."""


@dataclass(slots=True, kw_only=True)
class Life:
    """`dice`: every chance of this complaint comes from it, so that no other one changes its story."""

    number: str
    matter: Matter
    dice: Random
    reaction: Reaction
    detour: Detour
    planned: set[str] = field(default_factory=set)
    drawn: dict[str, bool] = field(default_factory=dict)
    round_of: int = 0  # the round of checking for which `work_ends` was drawn
    work_ends: datetime | None = None
    refused: int = 0

    def hours(self, median: float, *, late: float = 0.0, spread: float = 0.6) -> timedelta:
        """Draw how long something takes; with the chance `late` several times that."""
        hours = median * self.dice.lognormvariate(0.0, spread)
        return timedelta(hours=hours * (self.dice.uniform(3, 12) if self.dice.random() < late else 1))

    def happens(self, what: str, chance: float) -> bool:
        """Say whether something is so in this life; it is drawn once."""
        if what not in self.drawn:
            self.drawn[what] = self.dice.random() < chance
        return self.drawn[what]

    def over(self, what: str) -> None:
        """Note that something that happens once has happened."""
        self.drawn[what] = False


def life_of(number: str, matter: Matter, seed: int) -> Life:
    """Return the life of a matter that came in under a number."""
    dice = Random(f"{seed}/life/{matter.place}")

    return Life(
        number=number,
        matter=matter,
        dice=dice,
        reaction=pick(REACTIONS, dice),
        detour=pick(DETOURS, dice) if matter.kind is Kind.COMPLAINT else Detour.NONE,
    )


def work_hours(life: Life, level: Level) -> timedelta:
    """Draw the business hours until a conclusion: a few of a hundred take weeks."""
    chance = life.dice.random()
    if chance < 0.03:
        return timedelta(hours=8.5 * life.dice.uniform(12, 45))
    if chance < 0.12:
        return timedelta(hours=8.5 * life.dice.uniform(3, 12))
    return life.hours(WORK_HOURS[level])
