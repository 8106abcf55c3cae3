"""Intake over HTTP: a complaint's JSON to its number, against a handler that only parses the same JSON."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path

import asyncpg
import orjson

from bench import samples
from bench.peer import helpdesk
from bench.servers import TOKEN, Running, ours, started
from bench.turns import Comparison, Side, Skipped, Turn, compare
from bench.wrk import Target, post

NAME, FLOOR, PEER = "intake over HTTP", "bare aiohttp handler", "django-helpdesk, SQLite"
TARGETS = {"SQLite": 0.12, "PostgreSQL": 0.18}
P99_TIMES = 10
PEER_TIMES = 40
HEADERS = {"Authorization": f"Bearer {TOKEN}"}

Opened = contextlib.AbstractAsyncContextManager[Target]


async def measure(*, rounds: int, seconds: float, postgres: str | None, peer: bool) -> Comparison:
    """Measure the gateway on every database there is, and the peer, between turns of the floor."""
    skipped: list[str] = []
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="huiyin-bench-")))
        body = folder / "complaint.json"
        body.write_bytes(orjson.dumps(samples.COMPLAINT))
        sides = [Side(name=FLOOR, run=_turn(await stack.enter_async_context(_floor(body)), seconds))]
        for name, target, opened in _others(folder, body, postgres, peer):
            try:
                sides.append(
                    Side(name=name, run=_turn(await stack.enter_async_context(opened), seconds), target=target)
                )
            except Skipped as reason:
                skipped.append(f"{name}: {reason}")
        return await compare(NAME, sides, unit="requests", rounds=rounds, skipped=skipped)


def _others(folder: Path, body: Path, postgres: str | None, peer: bool) -> list[tuple[str, float | None, Opened]]:
    others: list[tuple[str, float | None, Opened]] = [
        ("gateway, SQLite", TARGETS["SQLite"], _gateway(body, f"sqlite:///{folder}/huiyin.db"))
    ]
    if postgres is not None:
        others.append(("gateway, PostgreSQL", TARGETS["PostgreSQL"], _gateway_on_postgres(body, postgres)))
    if peer:
        others.append((PEER, None, helpdesk(folder)))
    return others


def _turn(target: Target, seconds: float) -> Callable[[], Awaitable[Turn]]:
    return partial(post, target, seconds)


@contextlib.asynccontextmanager
async def _floor(body: Path) -> AsyncIterator[Target]:
    async with started(*ours("floor")) as server:
        yield _target(server, body)


@contextlib.asynccontextmanager
async def _gateway(body: Path, url: str) -> AsyncIterator[Target]:
    with tempfile.TemporaryDirectory(prefix="huiyin-bench-") as folder:
        async with started(*ours("gateway", folder, url)) as server:
            yield _target(server, body)


@contextlib.asynccontextmanager
async def _gateway_on_postgres(body: Path, server: str) -> AsyncIterator[Target]:
    """Serve over a database of its own on this server, dropped afterwards."""
    name = "huiyin_bench"
    await _tell(server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)", f"CREATE DATABASE {name}")
    try:
        async with _gateway(body, server.rpartition("/")[0] + f"/{name}") as target:
            yield target
    finally:
        await _tell(server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


async def _tell(server: str, *statements: str) -> None:
    connection = await asyncpg.connect(server, timeout=10)
    try:
        for statement in statements:
            await connection.execute(statement, timeout=60)
    finally:
        await connection.close(timeout=10)


def _target(server: Running, body: Path) -> Target:
    return Target(url=server.url, pid=server.pid, body=body, headers=HEADERS)
