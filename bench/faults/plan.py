"""What a fault run is to do, drawn from its seed: the same plan gives the same rounds. Nothing here does anything."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

EVERY_NODE = 0.2
"""The share of rounds that kill every node at once, as a power cut does."""
AT_ITS_START = 0.25
"""The share of rounds that do not wait until the node serves: it may die while it starts."""


class Kind(StrEnum):
    SQLITE = "sqlite"
    POSTGRES = "postgres"


class Fault(StrEnum):
    """What is done beside the kills; the words are the report's."""

    POSTGRES_RESTARTED = "PostgreSQL restarted"
    POSTGRES_CRASHED = "PostgreSQL crashed and started"
    REDIS_CRASHED = "Redis crashed and started"
    DATABASE_CUT = "connections to PostgreSQL cut"
    REDIS_CUT = "connections to Redis cut"
    SMTP_CUT = "connections to the SMTP server cut"
    IMAP_CUT = "connections to the mailbox cut"


SHARES = {
    Fault.POSTGRES_RESTARTED: 0.06,
    Fault.POSTGRES_CRASHED: 0.06,
    Fault.REDIS_CRASHED: 0.12,
    Fault.DATABASE_CUT: 0.25,
    Fault.REDIS_CUT: 0.15,
    Fault.SMTP_CUT: 0.3,
    Fault.IMAP_CUT: 0.2,
}
"""How many of the rounds have each fault."""
ON_SQLITE = (Fault.SMTP_CUT, Fault.IMAP_CUT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """Messages are let go, and then these nodes are killed, `delay` seconds later."""

    targets: tuple[int, ...]
    waits: bool  # until each target serves
    delay: float
    faults: tuple[tuple[Fault, float], ...]  # each with its own delay in seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One run. `gap`: the longest delay of a round. `limit`: for everything, until the queues are empty.

    `outage`: by how much the nodes' clocks have moved on when they come back from being all killed. A lease of five
    minutes and a pause of half an hour then take no time; zero leaves the clocks alone.
    """

    database: Kind
    seed: int
    messages: int = 20_000
    kills: int = 200
    gap: timedelta = timedelta(seconds=4)
    limit: timedelta = timedelta(minutes=60)
    outage: timedelta = timedelta()

    @property
    def nodes(self) -> int:
        """How many nodes there are: SQLite is for one process."""
        return 1 if self.database is Kind.SQLITE else 2

    def dice(self, purpose: str) -> random.Random:
        """Return the randomness of one purpose, so that no purpose disturbs another's."""
        return random.Random(f"{self.seed} {purpose}")

    def rounds(self) -> Iterator[Round]:
        """Yield rounds for ever: a kill counts only when there was a process to kill."""
        dice, gap = self.dice("rounds"), self.gap.total_seconds()
        possible = ON_SQLITE if self.database is Kind.SQLITE else tuple(Fault)
        while True:
            everyone = dice.random() < EVERY_NODE
            yield Round(
                targets=tuple(range(self.nodes)) if everyone else (dice.randrange(self.nodes),),
                waits=dice.random() >= AT_ITS_START,
                delay=dice.uniform(0, gap),
                faults=tuple((fault, dice.uniform(0, gap)) for fault in possible if dice.random() < SHARES[fault]),
            )
