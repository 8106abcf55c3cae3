"""`make bench`: how fast complaints are taken in over HTTP, as a share of what a bare handler does on this machine.

    python -m bench [--rounds N] [--requests N]

Server and load are two processes, pinned to a core each where the system allows it. Floor and gateway take turns; the
medians and their ratio are printed. The gateway is the whole of it: token, validation, redaction, sealing, one commit
with synchronous=FULL before each answer.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator

import aiohttp
import orjson
from rich.console import Console
from rich.progress import track
from rich.table import Table

from bench.servers import TOKEN, pin

CONNECTIONS = 64
BODY = {
    "text": "昨晚转账两千元显示成功，对方一直没收到。" * 30,
    "name": "测试客户",
    "channel": "app",
    "contacts": [{"type": "email", "value": "bench@example.com"}],
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure the intake against a bare handler.")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each side (default 5)")
    parser.add_argument("--requests", type=int, default=2000, help="requests a turn (default 2000)")
    options = parser.parse_args()
    asyncio.run(measure(options.rounds, options.requests))
    return 0


async def measure(rounds: int, requests: int) -> None:
    pin(1)
    rates: dict[str, list[float]] = {"floor": [], "gateway": []}
    slowest: dict[str, list[float]] = {"floor": [], "gateway": []}
    async with server("floor") as floor, server("gateway") as gateway:
        urls = {"floor": floor, "gateway": gateway}
        for url in urls.values():
            await load(url, requests // 4)  # warm
        for _ in track(range(rounds), description="measuring"):
            for name, url in urls.items():
                rate, p99 = await load(url, requests)
                rates[name].append(rate)
                slowest[name].append(p99)
    show(rates, slowest, requests)


async def load(url: str, requests: int) -> tuple[float, float]:
    """Send that many requests over CONNECTIONS connections; return requests a second and the 99th percentile in ms."""
    body = orjson.dumps(BODY)
    took: list[float] = []
    left = iter(range(requests))
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    connector = aiohttp.TCPConnector(limit=CONNECTIONS)
    run = os.urandom(6).hex()
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=60)) as client:

        async def one_after_another() -> None:
            for n in left:
                began = time.perf_counter()
                async with client.post(url, data=body, headers={**headers, "Idempotency-Key": f"{run}-{n}"}) as answer:
                    await answer.read()
                    answer.raise_for_status()
                took.append(time.perf_counter() - began)

        began = time.perf_counter()
        await asyncio.gather(*(one_after_another() for _ in range(CONNECTIONS)))
        seconds = time.perf_counter() - began
    return requests / seconds, 1000 * statistics.quantiles(took, n=100)[98]


@contextlib.asynccontextmanager
async def server(name: str) -> AsyncIterator[str]:
    """Run one side in a process of its own; yield the address to post to."""
    with tempfile.TemporaryDirectory(prefix="huiyin-bench-") as folder:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bench.servers", name, folder, stdout=asyncio.subprocess.PIPE
        )
        assert child.stdout is not None
        try:
            yield (await asyncio.wait_for(child.stdout.readline(), 60)).decode().strip()
        finally:
            child.terminate()
            await child.wait()


def show(rates: dict[str, list[float]], slowest: dict[str, list[float]], requests: int) -> None:
    floor, gateway = statistics.median(rates["floor"]), statistics.median(rates["gateway"])
    table = Table("", "requests/s (median)", "p99 ms (median)", "share of the floor")
    for name, words in (("floor", "bare aiohttp handler"), ("gateway", "POST /api/v1/complaints")):
        rate = statistics.median(rates[name])
        table.add_row(words, f"{rate:,.0f}", f"{statistics.median(slowest[name]):.1f}", f"{rate / floor:.2f}")
    console = Console()
    console.print(table)
    console.print(
        f"{len(rates['floor'])} turns of {requests} requests of {len(orjson.dumps(BODY))} bytes, "
        f"{CONNECTIONS} connections, SQLite synchronous=FULL: {gateway / floor:.2f} of the floor"
    )


if __name__ == "__main__":
    sys.exit(main())
