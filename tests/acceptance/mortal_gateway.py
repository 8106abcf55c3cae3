"""The gateway in a process of its own that kills itself, as by SIGKILL, at a chosen step of the path.

    python -m tests.acceptance.mortal_gateway SETTINGS_JSON_FILE START_AT STEP

It prints the port of its web site. A STEP of "never" runs until SIGTERM; so does "unsynced", with a database that is
not brought to the disk.
"""

from __future__ import annotations

import asyncio
import functools
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.email.outbound import SmtpSender
from gateway.__main__ import form_for, open_channels
from gateway.app import service
from gateway.batching import Batcher
from gateway.delivery import Deliveries
from gateway.feeding import Feeding
from gateway.intake import Intake
from gateway.reception import Reception
from gateway.record import Draft
from gateway.settings import Settings
from gateway.storage import postgres, sqlite
from gateway.storage.engines import postgres_engine
from gateway.storage.notices import SqlNotices
from gateway.storage.numbers import SqlNumbers
from gateway.storage.queue import SqlQueue

# The path of a message in order: what has just happened when the process dies.
STEPS: dict[str, tuple[type, str, str]] = {
    "mail fetched": (Intake, "accept", "before"),
    "message prepared": (Batcher, "submit", "before"),
    "numbers drawn": (SqlNumbers, "take", "after"),
    "rows written but not committed": (Draft, "write", "after"),
    "committed": (Intake, "_write", "after"),
    "accepted but not acknowledged at the source": (Intake, "accept", "after"),
    "delivery claimed but not committed": (SqlQueue, "claim", "after work"),
    "delivery claimed": (SmtpSender, "send", "before"),
    "handed over but not recorded": (SmtpSender, "send", "after"),
    "result written but not committed": (SqlNotices, "settle", "after"),
    "result recorded": (Deliveries, "_record", "after"),
}

# The same of a feed, at the page that is counted.
FEED_STEPS: dict[str, tuple[type, str, str]] = {
    "page 3 committed": (Feeding, "_read_page", "after 3"),
    "page 4 read but not committed": (Reception, "accept", "before 4"),
    "page 4 written but not committed": (Draft, "write", "after 4"),
    "page 4 committed but nobody heard": (Intake, "accept", "after 4"),
}


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def mortal(method: Callable[..., Any], when: str) -> Callable[..., Any]:
    side, _, which = when.partition(" ")
    count = 0

    @functools.wraps(method)
    async def wrapped(*arguments: Any, **named: Any) -> Any:
        nonlocal count
        count += 1
        now = not which.isdecimal() or count == int(which)
        if side == "before" and now:
            die()
        result = await method(*arguments, **named)
        if now and (which != "work" or result):  # "after work": a claim that found nothing is no step of the path
            die()
        return result

    return wrapped


def unsync() -> None:
    """Let commits return before they are on the disk, on either database."""

    def engine(*arguments: Any, settings: Mapping[str, str], **named: Any) -> AsyncEngine:
        return postgres_engine(*arguments, settings={**settings, "synchronous_commit": "off"}, **named)

    sqlite.WRITER_PRAGMAS = ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = OFF")  # type: ignore[misc]  # it is Final
    postgres.postgres_engine = engine


async def main(settings: Settings, start_at: datetime, step: str) -> None:
    began = datetime.now(UTC)

    def now() -> datetime:
        return start_at + (datetime.now(UTC) - began)

    if step == "unsynced":
        unsync()
    elif step != "never":
        owner, name, when = {**STEPS, **FEED_STEPS}[step]
        setattr(owner, name, mortal(getattr(owner, name), when))
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with service(settings, open_channels(settings, now), form_for=form_for, now=now) as running:
        print(running.port, flush=True)
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(
        main(
            Settings.model_validate(json.loads(Path(sys.argv[1]).read_text())),
            datetime.fromisoformat(sys.argv[2]),
            sys.argv[3],
        )
    )
