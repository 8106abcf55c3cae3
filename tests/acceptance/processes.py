"""The gateway in a process of its own, which dies where a story wants it to (mortal_gateway.py)."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from tests.acceptance.world import World

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def process(
    world: World, *, step: str, hours: int = 0, wrapper: Sequence[str] = ()
) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """Start the gateway in a process of its own; end it by SIGTERM if it still lives, and see that it ends cleanly."""
    settings = world.folder / "settings.json"
    plain = world.settings.model_dump(mode="json")
    plain["channels"]["complaints-mailbox"]["imap"]["password"] = "sandbox-imap-password"
    settings.write_text(json.dumps(plain))
    start_at = (world.clock() + timedelta(hours=hours)).isoformat()
    command = [*wrapper, sys.executable, "-m", "tests.acceptance.mortal_gateway", str(settings), start_at, step]
    child = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    assert child.stdout is not None
    try:
        port = (await asyncio.wait_for(child.stdout.readline(), 60)).decode().strip()
        yield child, f"http://127.0.0.1:{port}"
    finally:
        if child.returncode is None:
            child.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(child.wait(), 30) == 0
