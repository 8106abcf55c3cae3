"""Commands the gateway gives itself when time passes: alarms (C.3), and a calendar that came late (D.9). Pure."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.model import ClockName


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundAlarm:
    """Sound the alarms of a clock that are due (C.3)."""

    clock: ClockName
    sounded: int  # how many have, with these


@dataclass(frozen=True, slots=True, kw_only=True)
class Recompute:
    """Count the open limits again over a calendar that was published late (D.9)."""
