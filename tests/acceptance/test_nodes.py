"""Several nodes on one database, with and without Redis: each does what its role says, together they do it once."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.__main__ import form_for, main, open_channels
from gateway.app import Service, service, set_up
from gateway.node import Role
from gateway.vault import Vault
from tests.acceptance.world import World, a_world, number_in, until
from tests.databases import Database
from tests.factories import Clock
from tests.servers import RedisServer, redis_server

ANSWERS = {"name": "李小明", "contact": "li@example.com", "text": "年费没提前说"}


@pytest.fixture(params=["on_sqlite", "on_postgres"])
def database(request: pytest.FixtureRequest) -> Database:
    database: Database = request.getfixturevalue(request.param)
    return database


@pytest.fixture
def redis(redis_program: str) -> Iterator[RedisServer]:
    with redis_server(redis_program) as server:
        yield server


@pytest.fixture
async def world(tmp_path: Path, clock: Clock, vault: Vault, database: Database) -> AsyncIterator[World]:
    storage = {"url": database.url, "keys_file": tmp_path / "huiyin.keys"}
    async with a_world(tmp_path, clock, storage=storage, nodes=2) as world:
        yield world


@asynccontextmanager
async def node(world: World, role: Role) -> AsyncIterator[Service]:
    channels = open_channels(world.settings, world.clock)
    await set_up(world.settings)
    async with service(world.settings, channels, form_for=form_for, now=world.clock, role=role) as running:
        yield running


@contextlib.contextmanager
def visiting(world: World, node: Service) -> Iterator[None]:
    """Let the world's customers meet this node's site."""
    world.running, before = node, world.running
    try:
        yield
    finally:
        world.running = before


async def get(node: Service, path: str) -> tuple[int, Any]:
    async with aiohttp.ClientSession() as client, client.get(f"http://127.0.0.1:{node.port}{path}") as answer:
        return answer.status, await answer.json() if answer.content_type == "application/json" else await answer.text()


class Gate:
    """A way to the mailbox that counts who goes through it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.open = self.most = self.ever = 0

    async def pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open, self.ever = self.open + 1, self.ever + 1
        self.most = max(self.most, self.open)
        there, back = await asyncio.open_connection("127.0.0.1", self._port)
        await asyncio.gather(copy(reader, back), copy(there, writer))
        self.open -= 1


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


@pytest.fixture
async def gate(world: World) -> AsyncIterator[Gate]:
    gate = Gate(world.box.port)
    server = await asyncio.start_server(gate.pass_on, "127.0.0.1", 0)
    async with server:
        world.box = dataclasses.replace(world.box, port=server.sockets[0].getsockname()[1])
        yield gate


async def test_a_web_node_takes_complaints_and_a_worker_tells_the_customer(world: World, redis: RedisServer) -> None:
    world.changes["redis"] = {"url": redis.url}
    async with node(world, Role.WEB) as web, node(world, Role.WORKER) as worker:
        with visiting(world, web):
            page = await world.submits(**ANSWERS)
        assert number_in(await world.mail_to("li@example.com")) in page
        await world.emails("wang@example.com", "转账没到账")
        await world.mail_to("wang@example.com")
        assert set((await get(web, "/readyz"))[1]["parts"]) == {
            "storage",
            "intake",
            "keys",
            "workdays",
            "clock",
            "redis",
        }
        status, report = await get(worker, "/readyz")
        assert status == 200
        assert {"upkeep", "send:email", "listen:complaints-mailbox"} < set(report["parts"])
        assert [(await get(worker, path))[0] for path in ("/", "/complaint", "/api/v1/complaints")] == [404] * 3
        assert [(await get(worker, path))[0] for path in ("/healthz", "/metrics")] == [200] * 2


async def test_of_two_nodes_one_reads_the_mailbox_and_the_other_when_it_stops(
    world: World, gate: Gate, redis: RedisServer
) -> None:
    """lesson 7: at most one connection to a mailbox, however many workers."""
    world.changes["redis"] = {"url": redis.url}
    async with AsyncExitStack() as stack:
        async with node(world, Role.ALL):
            await until(lambda: gate.open == 1)
            second = await stack.enter_async_context(node(world, Role.WORKER))
            await world.emails("wang@example.com", "转账没到账")
            await world.mail_to("wang@example.com")
            assert (await get(second, "/readyz"))[0] == 200  # to wait for its turn is to be well
            assert (gate.open, gate.ever) == (1, 1)
        await until(lambda: gate.open == 1)
        await world.emails("zhao@example.com", "年费没提前说")
        await world.mail_to("zhao@example.com")
    assert gate.most == 1


async def test_without_redis_everything_is_numbered_and_told_only_later(world: World, redis: RedisServer) -> None:
    """ADR 3: losing Redis costs latency, never a complaint or a notice."""
    world.changes["redis"] = {"url": redis.url}
    async with node(world, Role.WEB) as web, node(world, Role.WORKER) as worker:
        for running in (web, worker):
            await until(lambda running=running: answers(running))
        redis.kill()
        with visiting(world, web):
            pages = [await world.submits(**ANSWERS | {"contact": f"li{n}@example.com"}) for n in range(3)]
        for n, page in enumerate(pages):
            assert number_in(await world.mail_to(f"li{n}@example.com")) in page
        for running in (web, worker):
            status, report = await get(running, "/readyz")
            assert (status, report["ready"], report["parts"]["redis"]) == (200, True, {"ok": False})
        redis.start()
        for running in (web, worker):
            await until(lambda running=running: answers(running))
        _, figures = await get(web, "/metrics")
        assert 'huiyin_faults_total{where="redis"}' in figures


async def answers(node: Service) -> bool:
    """Whether the node says that Redis answers it."""
    return bool((await get(node, "/readyz"))[1]["parts"]["redis"]["ok"])


async def test_a_node_starts_without_the_redis_it_is_told_of(world: World, redis: RedisServer) -> None:
    world.changes["redis"] = {"url": redis.url}
    redis.stop()
    async with node(world, Role.ALL) as running:
        with visiting(world, running):
            page = await world.submits(**ANSWERS)
        assert number_in(await world.mail_to("li@example.com")) in page


def check(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], url: str) -> str:
    """Run `huiyin check` with this Redis; return what it said."""
    monkeypatch.chdir(folder)
    (folder / "redis-url").write_text(url)
    (folder / "gateway.toml").write_text(
        'bank.telephone = "010-00000001"\nbank.names = {zh-Hans = "一", zh-Hant = "一", en = "B"}\n'
        'redis.url_file = "redis-url"\n'
    )
    failed = main(["check"])
    said = capsys.readouterr().out
    assert failed == ("redis: ok" not in said)
    return said


def test_check_tries_redis(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], redis: RedisServer
) -> None:
    assert "redis: ok" in check(tmp_path, monkeypatch, capsys, redis.url)
    redis.stop()
    said = check(tmp_path, monkeypatch, capsys, redis.url.replace("//", "//:s3cret@"))
    assert "redis: redis.url: the server does not answer" in said
    assert "database: ok" in said
    assert "s3cret" not in said
    assert "redis.url is not a URL" in check(tmp_path, monkeypatch, capsys, "s3cret")
