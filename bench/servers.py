"""The servers the load is put on, each a process of its own: a handler that only parses, and the whole gateway."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import orjson
import uvloop
from aiohttp import web

from bench.machine import SERVER_CORE, pin
from bench.turns import Skipped
from gateway.__main__ import collect_seldom, form_for
from gateway.app import service, set_up
from gateway.errors import GatewayError
from gateway.observe import configure_logging
from gateway.settings import DEMONSTRATION_BANK, Settings

TOKEN = "bench-token"
START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Running:
    url: str
    pid: int


@contextlib.asynccontextmanager
async def started(*command: str) -> AsyncIterator[Running]:
    """Run a server that prints its address, or why it cannot start; raises Skipped with that."""
    child = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    assert child.stdout is not None
    try:
        line = (await asyncio.wait_for(child.stdout.readline(), START_SECONDS)).decode().strip()
        if not line.startswith("http://"):
            raise Skipped(line or "the server ended before it began")
        yield Running(line, child.pid)
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.terminate()
        await child.wait()


def ours(name: str, *arguments: str) -> Sequence[str]:
    """Return the command of one of this file's servers."""
    return [sys.executable, "-m", "bench.servers", name, *arguments]


def settings(folder: Path, url: str) -> Settings:
    """Return the gateway's settings for a database, with a keys file and one API token."""
    return Settings.model_validate(
        {
            "bank": DEMONSTRATION_BANK,
            "storage": {"url": url, "keys_file": f"{folder}/huiyin.keys"},
            "web": {
                "port": 0,
                "tokens": [{"name": "bench", "sha256": hashlib.sha256(TOKEN.encode()).hexdigest()}],
            },
        }
    )


def clock() -> datetime:
    return datetime.now(UTC)


async def floor(stop: asyncio.Event) -> None:
    """Parse the body, answer 201: what no intake over aiohttp can be faster than."""

    async def take(request: web.Request) -> web.Response:
        orjson.loads(await request.read())
        return web.Response(status=201, body=b"{}", content_type="application/json")

    app = web.Application()
    app.router.add_post("/", take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}/", flush=True)
    await stop.wait()
    await runner.cleanup()


async def gateway(stop: asyncio.Event, folder: str, url: str) -> None:
    """Serve as `huiyin serve` does, its log included."""
    configure_logging(now=clock)
    given = settings(Path(folder), url)
    await set_up(given)  # as `huiyin migrate` does
    async with service(given, [], form_for=form_for, now=clock) as running:
        collect_seldom()
        print(f"http://127.0.0.1:{running.port}/api/v1/complaints", flush=True)
        await stop.wait()


async def main(name: str, *arguments: str) -> None:
    pin(SERVER_CORE)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    try:
        await (floor(stop) if name == "floor" else gateway(stop, *arguments))
    except GatewayError as error:
        print(error, flush=True)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(*sys.argv[1:]))
