"""What a bench measures, and how its sides take turns. What is measured is in intake.py, mail.py and notices.py."""

from __future__ import annotations

import os
import statistics
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from rich.progress import track


class Skipped(Exception):
    """A side cannot be measured here; the message says what is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One turn of one side."""

    rate: float  # items a second
    cpu_us: float  # processor time of the measured process, microseconds an item
    p99_ms: float | None = None  # where items are answered one by one
    load: float = 0.0  # the machine's load average of the minute before


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One way of doing the work. The first side of a comparison is its floor."""

    name: str
    run: Callable[[], Awaitable[Turn]]
    target: float | None = None  # the share of the floor's rate to reach


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A side's medians, and its share of the floor: the median of its rounds' shares."""

    name: str
    target: float | None
    rate: float
    cpu_us: float
    p99_ms: float | None
    share: float
    cpu_share: float  # the same of processor time, which a busy machine disturbs less
    turns: Sequence[Turn]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One bench: its floor, and what was measured beside it."""

    name: str
    unit: str
    sides: Sequence[Measured]
    skipped: Sequence[str] = ()

    @property
    def floor(self) -> Measured:
        return self.sides[0]


async def compare(
    name: str, sides: Sequence[Side], *, unit: str, rounds: int, skipped: Sequence[str] = ()
) -> Comparison:
    """Let the sides take turns, after a turn each that is not counted, and return their medians."""
    for side in sides:
        await side.run()
    turns: dict[str, list[Turn]] = {side.name: [] for side in sides}
    for _ in track(range(rounds), description=name, transient=True):
        for side in sides:
            turns[side.name].append(await side.run())
    return Comparison(
        name=name, unit=unit, sides=[_measured(side, turns, sides[0].name) for side in sides], skipped=skipped
    )


def load_average() -> float:
    return os.getloadavg()[0]


def _measured(side: Side, turns: Mapping[str, Sequence[Turn]], floor: str) -> Measured:
    own, under = turns[side.name], turns[floor]
    slowest = [turn.p99_ms for turn in own if turn.p99_ms is not None]
    return Measured(
        name=side.name,
        target=side.target,
        rate=statistics.median(turn.rate for turn in own),
        cpu_us=statistics.median(turn.cpu_us for turn in own),
        p99_ms=statistics.median(slowest) if slowest else None,
        share=statistics.median(turn.rate / bare.rate for turn, bare in zip(own, under, strict=True)),
        cpu_share=statistics.median(bare.cpu_us / turn.cpu_us for turn, bare in zip(own, under, strict=True)),
        turns=own,
    )
