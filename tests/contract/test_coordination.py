"""What every coordination gives, in one process and through Redis: one suite, run on both.

`here` and `there` are two places that work together: two parts of one process, or two nodes with one Redis.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from gateway.coordination.local import KEPT, LocalCoordination
from gateway.ports import Coordination
from tests.conftest import REDISES
from tests.contract.coordination_servers import PATIENCE, redis_node
from tests.factories import Clock
from tests.servers import redis_server

LONG = 3600.0
SHORT = 0.05

Places = tuple[Coordination, Coordination]


@pytest.fixture(params=["local", *REDISES])
async def places(request: pytest.FixtureRequest, clock: Clock) -> AsyncIterator[Places]:
    if request.param == "local":
        local = LocalCoordination(now=clock)
        yield local, local
        return
    async with AsyncExitStack() as stack:
        url = stack.enter_context(redis_server(request.getfixturevalue(request.param))).url
        here, there = [await stack.enter_async_context(redis_node(url, clock)) for _ in range(2)]
        for node in (here, there):
            await node.is_connected()
        yield here.hints, there.hints


async def is_woken(place: Coordination, topic: str, *, within: float = PATIENCE) -> bool:
    """Whether the topic is woken before the time is over."""
    waiting = asyncio.create_task(place.wait(topic, LONG))
    done, _ = await asyncio.wait({waiting}, timeout=within)
    waiting.cancel()
    return bool(done)


async def test_a_wake_here_ends_a_wait_there(places: Places) -> None:
    here, there = places
    waiting = asyncio.create_task(there.wait("send:email", LONG))
    await asyncio.sleep(0)
    await here.wake("send:email")
    await asyncio.wait_for(waiting, PATIENCE)


async def test_a_wake_before_the_wait_counts(places: Places) -> None:
    here, there = places
    await here.wake("send:email")
    assert await is_woken(there, "send:email")


async def test_a_wake_counts_once(places: Places) -> None:
    here, _ = places
    assert not await is_woken(here, "send:email", within=SHORT)
    await here.wake("send:email")
    assert await is_woken(here, "send:email")
    assert not await is_woken(here, "send:email", within=SHORT)


async def test_a_wake_is_for_its_topic(places: Places) -> None:
    here, there = places
    await here.wake("send:email")
    assert await is_woken(there, "send:email")
    assert not await is_woken(there, "send:mobile", within=SHORT)


async def test_a_wait_ends_by_itself(places: Places) -> None:
    here, _ = places
    await asyncio.wait_for(here.wait("send:email", SHORT), PATIENCE)


async def test_a_rate_is_one_for_all_and_spent_a_window_at_a_time(places: Places, clock: Clock) -> None:
    here, there = places
    spent = [await place.spend("form", limit=3, seconds=60) for place in (here, there, here, there, here)]
    assert spent == [True, True, True, False, False]
    assert await here.spend("another", limit=3, seconds=60)
    clock.later(seconds=60)
    assert await there.spend("form", limit=3, seconds=60)


async def test_a_rate_holds_when_many_spend_at_once(places: Places) -> None:
    spent = await asyncio.gather(*(place.spend("form", limit=20, seconds=60) for place in places * 50))
    assert sum(spent) == 20


async def test_what_is_published_here_is_shown_there_in_order(places: Places) -> None:
    here, there = places
    with there.subscribe("complaints") as shown, there.subscribe("complaints") as shown_too:
        for payload in (b"1", b"2", b"2"):
            await here.publish("complaints", payload)
        for payloads in (shown, shown_too):
            assert [await asyncio.wait_for(anext(payloads), PATIENCE) for _ in range(3)] == [b"1", b"2", b"2"]


async def test_what_is_published_is_for_its_topic_and_for_those_who_are_there(places: Places) -> None:
    here, _ = places
    await here.publish("complaints", b"nobody is there")
    with here.subscribe("complaints") as shown:
        await here.publish("deadlines", b"of no interest")
        await here.publish("complaints", b"seen")
        assert await asyncio.wait_for(anext(shown), PATIENCE) == b"seen"


async def test_a_slow_subscriber_loses_the_oldest_and_delays_nobody(places: Places) -> None:
    here, _ = places
    with here.subscribe("complaints") as shown:
        for n in range(KEPT + 5):
            await here.publish("complaints", b"%d" % n)
        assert await asyncio.wait_for(anext(shown), PATIENCE) == b"5"


async def test_without_redis_each_node_spends_its_share_of_a_rate(clock: Clock) -> None:
    """Architecture 4: rate / nodes, and at least one use, for a rate of nothing would stop the work."""
    one_of_four = LocalCoordination(now=clock, nodes=4)
    assert [await one_of_four.spend("form", limit=8, seconds=60) for _ in range(3)] == [True, True, False]
    assert [await one_of_four.spend("rare", limit=2, seconds=60) for _ in range(2)] == [True, False]
