"""Tickets on a real Redis: entries, its faults, and what the settings may say."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from pydantic import ValidationError
from redis.asyncio import Redis

from adapters import stream
from adapters.registry import ADAPTERS
from adapters.stream.config import Config
from gateway.errors import Misconfigured, Permanent, Temporary, Unavailable, Unknown
from gateway.model import Contact, ContactType, Language, OutboundMessage, Text
from gateway.ports import Channel
from gateway.rules import tickets
from tests.factories import Clock, outbound, ticket
from tests.servers import RedisServer, redis_server
from tests.shared import tools

CARDS = Contact(type=ContactType.STREAM, value="cards", verified=True)
KEY = "bank:tickets:cards"
SOUND: dict[str, Any] = {"url": "redis://:hunter2@localhost/0", "streams": {"cards": {"key": KEY}}}


@pytest.fixture
def server(redis_program: str) -> Iterator[RedisServer]:
    with redis_server(redis_program) as server:
        yield server


def config(url: str, **changes: Any) -> Config:
    return Config.model_validate({"url": url, "streams": {"cards": {"key": KEY}}, "timeout": 2, **changes})


@asynccontextmanager
async def sending(url: str, **changes: Any) -> AsyncIterator[tuple[Channel, Callable[[OutboundMessage], Any]]]:
    async with stream.open_channel(config(url, **changes), tools(now=Clock()), "unit-streams") as opened:
        assert opened.sender is not None
        yield opened, opened.sender.send


async def entries(server: RedisServer) -> list[tuple[bytes, dict[bytes, bytes]]]:
    async with Redis.from_url(server.url, protocol=2) as redis:
        return cast("list[tuple[bytes, dict[bytes, bytes]]]", await redis.xrange(KEY))


async def asked(server: RedisServer, *command: str) -> Any:
    async with Redis.from_url(server.url, protocol=2) as redis:
        return await cast("Awaitable[Any]", redis.execute_command(*command))


async def test_an_entry_is_the_deliverys_key_and_the_ticket(server: RedisServer) -> None:
    async with sending(server.url) as (opened, send):
        assert (opened.name, opened.source, opened.serves) == ("stream", "unit-streams", ContactType.STREAM)
        message = outbound(ticket(), CARDS)
        sent = await send(message)
    [(entry, fields)] = await entries(server)
    assert entry.decode() == sent.provider_id
    assert fields.keys() == {b"key", b"ticket"}
    assert fields[b"key"].decode() == message.key
    assert json.loads(fields[b"ticket"]) == tickets.to_json(ticket())


async def test_many_at_once_are_all_there(server: RedisServer) -> None:
    messages = [outbound(ticket(), CARDS) for _ in range(64)]
    async with sending(server.url) as (_, send):
        await asyncio.gather(*map(send, messages))
    assert {fields[b"key"].decode() for _, fields in await entries(server)} == {one.key for one in messages}


async def test_while_redis_is_away_nothing_was_handed_over(server: RedisServer) -> None:
    async with sending(server.url) as (opened, send):
        await send(outbound(ticket(), CARDS))
        server.kill()
        with pytest.raises(Temporary, match="unreachable"):
            await send(outbound(ticket(), CARDS))
        assert opened.probe is not None
        with pytest.raises(Unavailable, match="redis: unreachable; check url"):
            await opened.probe()
        server.start()
        await send(outbound(ticket(), CARDS))
        await opened.probe()


async def test_a_server_that_hangs_before_the_entry_got_nothing(server: RedisServer) -> None:
    async with sending(server.url, timeout=0.3) as (_, send):
        server.hang()
        with pytest.raises(Temporary):
            await send(outbound(ticket(), CARDS))
        server.go_on()
    assert await entries(server) == []


async def test_an_answer_that_is_lost_leaves_it_unknown_and_there_is_one_entry(server: RedisServer) -> None:
    """Left to itself the library sends the command again, up to ten times: eleven entries."""

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", server.port)
        while data := await reader.read(65536):
            inner_writer.write(data)
            answer = await inner_reader.read(65536)
            if b"XADD" in data:
                break
            writer.write(answer)
        writer.close()
        inner_writer.close()

    proxy = await asyncio.start_server(pass_on, "127.0.0.1", 0)
    async with proxy:
        port = proxy.sockets[0].getsockname()[1]
        async with sending(f"redis://127.0.0.1:{port}/0") as (_, send):
            with pytest.raises(Unknown, match="disconnected"):
                await send(outbound(ticket(), CARDS))
    assert len(await entries(server)) == 1


@pytest.mark.parametrize(
    ("trouble", "word"),
    [
        (("SET", KEY, "not a stream"), "refused"),
        (("CONFIG", "SET", "maxmemory", "1"), "out_of_memory"),
        (("REPLICAOF", "127.0.0.1", "1"), "read_only"),
        (("CONFIG", "SET", "requirepass", "hunter2"), "login"),
    ],
)
async def test_what_redis_refuses_waits_until_somebody_mends_it(
    server: RedisServer, trouble: tuple[str, ...], word: str
) -> None:
    await asked(server, *trouble)
    async with sending(server.url) as (_, send):
        with pytest.raises(Temporary, match=word):
            await send(outbound(ticket(), CARDS))


async def test_a_stream_that_nobody_reads_does_not_fill_the_server(server: RedisServer) -> None:
    """Far above any backlog, for what is cut off was perhaps not read."""
    async with Redis.from_url(server.url, protocol=2) as redis:
        async with redis.pipeline(transaction=False) as pipeline:
            for _ in range(10_500):
                pipeline.xadd(KEY, {"old": "1"})
            await pipeline.execute()
        async with sending(server.url, streams={"cards": {"key": KEY, "length": 10_000}}) as (_, send):
            await send(outbound(ticket(), CARDS))
        assert 10_000 <= await redis.xlen(KEY) < 10_500


async def test_a_stream_the_settings_do_not_have_yet_waits(server: RedisServer) -> None:
    async with sending(server.url) as (_, send):
        with pytest.raises(Temporary, match="no_stream"):
            await send(outbound(ticket(), Contact(type=ContactType.STREAM, value="risk")))


async def test_a_text_is_no_ticket(server: RedisServer) -> None:
    words = Text(language=Language.ZH_HANS, subject="", short="", text="", html="")
    async with sending(server.url) as (_, send):
        with pytest.raises(Permanent, match="not_a_ticket"):
            await send(outbound(words, CARDS))


@pytest.mark.parametrize(
    "changes",
    [
        {"url": ""},  # and no url_file
        {"url_file": "somewhere"},
        {"streams": {}},
        {"streams": {"cards": {"key": "two words"}}},
        {"streams": {"cards": {"key": KEY, "length": 100}}},
        {"timeout": 60},
        {"password": "hunter2"},
    ],
)
def test_what_cannot_work_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refused:
        Config.model_validate(SOUND | changes)
    assert "hunter2" not in str(refused.value)


async def test_the_url_may_be_in_a_file(server: RedisServer, tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text(f"{server.url}\n")
    async with sending("", url_file=file) as (_, send):
        await send(outbound(ticket(), CARDS))


@pytest.mark.parametrize("url", ["http://hunter2@localhost", "redis://localhost:hunter2/0", "hunter2"])
async def test_what_is_no_url_of_redis_stops_the_start(url: str) -> None:
    with pytest.raises(Misconfigured, match="url is not one of Redis") as refused:
        async with sending(url):
            pass
    assert "hunter2" not in str(refused.value)


async def test_a_url_file_that_is_missing_stops_the_start() -> None:
    with pytest.raises(Misconfigured, match="url_file no/such/file cannot be read"):
        async with sending("", url_file="no/such/file"):
            pass


def test_a_password_is_never_shown() -> None:
    assert "hunter2" not in repr(config("redis://:hunter2@localhost/0"))


def test_the_package_is_registered() -> None:
    assert sorted(stream.__all__) == ["Config", "open_channel", "read"]
    assert ADAPTERS["stream"] is stream
