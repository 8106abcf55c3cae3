"""What a channel is given by the program that opens it."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.ports import Now


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    now: Now
