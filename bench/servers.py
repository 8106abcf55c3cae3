"""The two sides of the bench, each a process of its own: a handler that only parses, and the whole gateway."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import signal
import sys
from datetime import UTC, datetime

import orjson
import uvloop
from aiohttp import web

from gateway.__main__ import form_for
from gateway.app import service
from gateway.settings import DEMONSTRATION_BANK, Settings

TOKEN = "bench-token"


def pin(core: int) -> None:
    """Stay on one core, where the system can do that and has it."""
    with contextlib.suppress(AttributeError, OSError):
        os.sched_setaffinity(0, {core})


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


async def gateway(stop: asyncio.Event, folder: str) -> None:
    """The gateway as it is served, on SQLite."""
    settings = Settings.model_validate(
        {
            "bank": DEMONSTRATION_BANK,
            "storage": {"url": f"sqlite:///{folder}/huiyin.db", "keys_file": f"{folder}/huiyin.keys"},
            "web": {
                "port": 0,
                "tokens": [{"name": "bench", "sha256": hashlib.sha256(TOKEN.encode()).hexdigest()}],
            },
        }
    )
    async with service(settings, [], form_for=form_for, now=lambda: datetime.now(UTC)) as running:
        print(f"http://127.0.0.1:{running.port}/api/v1/complaints", flush=True)
        await stop.wait()


async def main(name: str, folder: str) -> None:
    pin(0)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await (floor(stop) if name == "floor" else gateway(stop, folder))


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(sys.argv[1], sys.argv[2]))
