"""Redis that is stopped, hangs, forgets, restarts or refuses: hints come later, and nobody who gives one notices."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest
from redis import Redis

from gateway.coordination.redis import ANSWER_SECONDS, STREAM_LENGTH, RedisCoordination, probe
from gateway.errors import Misconfigured, Unavailable
from tests.contract.coordination_servers import PATIENCE, redis_node, until
from tests.factories import Clock
from tests.servers import RedisServer, redis_server

LONG = 3600.0


@pytest.fixture
def server(redis_program: str) -> Iterator[RedisServer]:
    with redis_server(redis_program) as running:
        yield running


@pytest.fixture
def operator(server: RedisServer) -> Iterator[Redis]:
    """A hand at the server itself."""
    with Redis(port=server.port, protocol=2) as client:
        yield client


async def spends(hints: RedisCoordination, *, limit: int) -> int:
    """Return how many of many uses are let through."""
    return sum([await hints.spend("form", limit=limit, seconds=60) for _ in range(2 * limit)])


@pytest.mark.parametrize("end", [RedisServer.stop, RedisServer.kill])
async def test_a_redis_that_ends_costs_latency_and_is_told_once(
    server: RedisServer, clock: Clock, end: type[RedisServer.stop]
) -> None:
    async with redis_node(server.url, clock) as here, redis_node(server.url, clock) as there:
        await here.is_connected()
        await there.is_connected()
        waiting = asyncio.create_task(there.hints.wait("send:email", LONG))
        end(server)
        await here.is_cut_off()
        async with asyncio.timeout(1):
            await here.hints.wake("send:email")
            await here.hints.wait("send:email", LONG)  # inside the process nothing changed
        assert await spends(here.hints, limit=4) == 2  # the share of one node of two
        await until(lambda: len(here.errors) >= 4)
        server.start()
        await here.is_connected()
        await there.is_connected()
        assert len(here.outages) == 1
        # What `there` missed it looks for by itself; what is said from now on it hears.
        await asyncio.wait_for(waiting, PATIENCE)
        await here.hints.wake("send:email")
        await asyncio.wait_for(there.hints.wait("send:email", LONG), PATIENCE)
        assert await spends(here.hints, limit=4) == 4


async def test_a_redis_that_is_not_there_at_the_start_is_found_later(server: RedisServer, clock: Clock) -> None:
    server.stop()
    async with redis_node(server.url, clock) as here:
        await until(lambda: bool(here.errors))
        assert not here.hints.answers()
        server.start()
        await here.is_connected()
        assert await spends(here.hints, limit=4) == 4


async def test_a_redis_that_hangs_delays_a_wake_by_nothing_and_a_rate_by_one_answer(
    server: RedisServer, clock: Clock
) -> None:
    async with redis_node(server.url, clock) as here, redis_node(server.url, clock) as there:
        await here.is_connected()
        await there.is_connected()
        waiting = asyncio.create_task(there.hints.wait("send:email", LONG))
        server.hang()
        async with asyncio.timeout(ANSWER_SECONDS / 2):
            for _ in range(1000):
                await here.hints.wake("send:email")
        async with asyncio.timeout(ANSWER_SECONDS + 1):
            spent = await asyncio.gather(*(here.hints.spend("form", limit=4, seconds=60) for _ in range(50)))
        assert sum(spent) == 2
        async with asyncio.timeout(0.5):
            assert not await here.hints.spend("form", limit=4, seconds=60)  # the share is spent: nobody asks Redis
        server.go_on()
        await here.is_connected()
        await asyncio.wait_for(waiting, PATIENCE)
        assert len(here.outages) == 1


async def test_an_answer_that_comes_too_late_is_not_taken_for_another(
    server: RedisServer, operator: Redis, clock: Clock
) -> None:
    async with redis_node(server.url, clock) as here:
        await here.is_connected()
        operator.client_pause(int(ANSWER_SECONDS * 1000) + 500)
        assert await here.hints.spend("slow", limit=1, seconds=60)  # its own share
        await here.is_connected()
        spent = [await here.hints.spend(f"key-{n}", limit=1, seconds=60) for n in range(10)]
        assert spent == [True] * 10
        assert not await here.hints.spend("key-0", limit=1, seconds=60)


async def test_a_redis_that_forgets_everything_goes_on_giving_hints(
    server: RedisServer, operator: Redis, clock: Clock
) -> None:
    async with redis_node(server.url, clock) as here, redis_node(server.url, clock) as there:
        await here.is_connected()
        await there.is_connected()
        assert await spends(here.hints, limit=4) == 4
        operator.flushall()
        await here.hints.wake("send:email")
        await asyncio.wait_for(there.hints.wait("send:email", LONG), PATIENCE)
        assert await spends(here.hints, limit=4) == 4  # a few more than the rate, as ADR 3 says
        assert here.errors == there.errors == []


async def test_a_redis_that_refuses_writes_is_one_outage_and_ends_as_one(
    server: RedisServer, operator: Redis, clock: Clock
) -> None:
    """After a failover the old primary answers reads and refuses writes."""
    async with redis_node(server.url, clock) as here:
        await here.is_connected()
        operator.replicaof("127.0.0.1", "1")
        await here.hints.wake("send:email")
        await here.is_cut_off()
        assert await spends(here.hints, limit=4) == 2
        await until(lambda: len(here.errors) >= 3)
        operator.replicaof("no", "one")
        await here.is_connected()
        assert len(here.outages) == 1


async def test_a_wake_that_could_not_be_said_is_made_good_when_it_can(
    server: RedisServer, operator: Redis, clock: Clock
) -> None:
    """Only writes fail here, so that nothing but the writer's own call can have woken the other node."""
    async with redis_node(server.url, clock) as here, redis_node(server.url, clock) as there:
        await here.is_connected()
        await there.is_connected()
        waiting = asyncio.create_task(there.hints.wait("send:email", LONG))
        await asyncio.sleep(0)
        operator.config_set("maxmemory", 1)
        await here.hints.wake("send:email")
        await here.is_cut_off()
        assert not waiting.done()
        operator.config_set("maxmemory", 0)
        await asyncio.wait_for(waiting, PATIENCE)


async def test_what_strangers_write_into_our_stream_disturbs_nobody(
    server: RedisServer, operator: Redis, clock: Clock
) -> None:
    async with redis_node(server.url, clock) as here, redis_node(server.url, clock) as there:
        await here.is_connected()
        await there.is_connected()
        operator.xadd("{huiyin}:hints", {b"\xff": b"\xfe", b"topic": b"\xff\x00"})
        await here.hints.wake("send:email")
        await asyncio.wait_for(there.hints.wait("send:email", LONG), PATIENCE)
        operator.delete("{huiyin}:hints")
        operator.set("{huiyin}:hints", "not a stream")
        await here.hints.wake("send:email")
        await here.is_cut_off()
        operator.delete("{huiyin}:hints")
        await here.is_connected()


async def test_what_lies_in_redis_is_little_named_as_ours_and_in_one_slot(
    server: RedisServer, operator: Redis, clock: Clock
) -> None:
    """channels.md 5: in a cluster, what one command touches must carry one hash tag."""
    async with redis_node(server.url, clock, prefix="bank-a") as here:
        await here.is_connected()
        for n in range(3 * STREAM_LENGTH):
            await here.hints.publish("complaints", b"%d" % n)
            if n % 500 == 0:
                await until(lambda: not here.hints._payloads)
        await here.hints.spend("form", limit=3, seconds=60)
        await until(lambda: not here.hints._payloads)
    keys = sorted(key.decode() for key in operator.scan_iter())
    assert keys == ["{bank-a}:hints", f"{{bank-a}}:rate:form:{int(clock().timestamp()) // 60}"]
    assert 0 < operator.ttl(keys[1]) <= 60
    assert operator.xlen(keys[0]) < 2 * STREAM_LENGTH  # trimmed in whole nodes of the server's tree


async def test_another_prefix_is_another_gateway(server: RedisServer, operator: Redis, clock: Clock) -> None:
    async with (
        redis_node(server.url, clock, prefix="bank-a") as a,
        redis_node(server.url, clock, prefix="bank-b") as b,
    ):
        await a.is_connected()
        await b.is_connected()
        assert await spends(a.hints, limit=3) == 3
        assert await spends(b.hints, limit=3) == 3
        await a.hints.wake("send:email")
        await until(lambda: operator.xlen("{bank-a}:hints") == 1)
        assert operator.xlen("{bank-b}:hints") == 0


async def test_what_was_said_just_before_a_node_stops_is_heard(server: RedisServer, clock: Clock) -> None:
    async with redis_node(server.url, clock) as there:
        await there.is_connected()
        async with redis_node(server.url, clock) as here:
            await here.is_connected()
            await here.hints.wake("lease:mailbox")
        await asyncio.wait_for(there.hints.wait("lease:mailbox", LONG), PATIENCE)


async def test_a_node_stops_in_time_while_redis_hangs(server: RedisServer, clock: Clock) -> None:
    async with AsyncExitStack() as stack:
        node = await stack.enter_async_context(redis_node(server.url, clock))
        await node.is_connected()
        server.hang()
        await node.hints.wake("send:email")
        async with asyncio.timeout(2 * ANSWER_SECONDS):
            await stack.aclose()


async def test_the_probe_asks_for_everything_and_quotes_no_secret(server: RedisServer, operator: Redis) -> None:
    await probe(server.url, prefix="huiyin")
    operator.acl_setuser("reader", enabled=True, passwords=["+s3cret"], keys=["*"], commands=["+xread", "+xrevrange"])
    for login in ("reader:s3cret", "reader:wr0ng", "nobody:s3cret"):
        with pytest.raises(Misconfigured, match="refuses us") as refused:
            await probe(f"redis://{login}@127.0.0.1:{server.port}/0", prefix="huiyin")
        assert "s3cret" not in str(refused.value)
    server.stop()
    with pytest.raises(Unavailable, match="does not answer"):
        await probe(server.url, prefix="huiyin")


@pytest.mark.parametrize("url", ["", "http://127.0.0.1", "redis://:s3cret@127.0.0.1:port"])
async def test_what_is_no_url_of_redis_is_said_without_quoting_it(url: str, clock: Clock) -> None:
    with pytest.raises(Misconfigured, match="rediss://") as refused:
        async with redis_node(url, clock):
            pass
    assert "s3cret" not in str(refused.value)
