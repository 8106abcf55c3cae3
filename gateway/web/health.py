"""Is the program alive, is it ready, what are its figures. None of the three shows personal data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from aiohttp import web


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One thing the program needs. `age`: how long ago it last worked, for a loop; None for a dependency just asked."""

    ok: bool
    age: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthReport:
    ready: bool
    parts: Mapping[str, Part]


class Health(Protocol):
    async def report(self) -> HealthReport:
        """Look at every dependency and loop, within a few seconds. Never raises."""
        ...


def alive() -> web.Response:
    """Answer that the event loop turns."""
    return web.Response(text="ok\n")


async def ready(health: Health) -> web.Response:
    """Answer 200 when complaints can be taken in and answered, else 503, with the parts and their age in seconds."""
    report = await health.report()
    parts = {name: _shown(part) for name, part in report.parts.items()}
    return web.json_response({"ready": report.ready, "parts": parts}, status=200 if report.ready else 503)


def metrics(figures: bytes) -> web.Response:
    """Answer with the figures in the Prometheus text format, version 0.0.4."""
    return web.Response(body=figures, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})


def _shown(part: Part) -> dict[str, object]:
    age = {} if part.age is None else {"age_seconds": round(part.age.total_seconds(), 1)}
    return {"ok": part.ok, **age}
