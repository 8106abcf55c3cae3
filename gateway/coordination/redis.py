"""Coordination through Redis 6.2 or newer, or Valkey: wake-ups reach every node, a rate holds over all of them.

One short stream carries what nodes tell each other, and each node reads all of it. Only `spend` waits for an answer,
and not for long. While Redis is away everything works inside the process, and every topic is woken when it is back.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from typing import Any, Final, TypeVar

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff, NoBackoff
from redis.exceptions import AuthenticationError, ResponseError

from gateway.coordination.local import LocalCoordination
from gateway.errors import Misconfigured, Unavailable
from gateway.ports import Now

log = logging.getLogger("huiyin.redis")

ANSWER_SECONDS = 2.0
"""How long anybody waits for one answer, retries included."""
BLOCK_SECONDS = 3.0
BLOCKED_SECONDS = 10.0  # more than BLOCK_SECONDS: else every quiet read would end as an error of the socket
AGAIN_SECONDS = 0.1
PAUSE_LONGEST = 5.0
CONNECTIONS = 10
STREAM_LENGTH = 1000
"""Entries kept for readers that are behind. One that is further behind misses hints."""
UNSAID = 1000
"""Payloads waiting to be said; beyond it the oldest is dropped."""

T = TypeVar("T")
Failed = Callable[[Exception, bool], None]
"""Is told each error, and whether it is the first of an outage."""

# What an entry of the stream holds. One without a topic means: look at everything.
NODE, TOPIC, PAYLOAD = b"node", b"topic", b"payload"


class RedisCoordination:
    """One node's side. It never raises into its callers; `answers` says how it goes."""

    def __init__(self, url: str, *, prefix: str, nodes: int, now: Now, failed: Failed) -> None:
        self._names = _Names(prefix)
        self._here = LocalCoordination(now=now, nodes=nodes)
        self._now = now
        self._failed = failed
        self._node = secrets.token_hex(8).encode()
        self._fast = fast_client(url)
        self._blocking = _client(url, BLOCKED_SECONDS, Retry(NoBackoff(), 0), connections=1)
        self._wakes: set[str] = set()
        self._payloads: deque[tuple[str, bytes]] = deque(maxlen=UNSAID)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._news = asyncio.Event()
        self._closing = asyncio.Event()
        self._failing = {"read"}  # until the stream was found
        self._told = False

    @classmethod
    @asynccontextmanager
    async def open(
        cls, url: str, *, prefix: str, nodes: int, now: Now, failed: Failed
    ) -> AsyncIterator[RedisCoordination]:
        """Yield at once, whether the server is there or not; leaving says what was not said yet, if it can be said.

        Raises Misconfigured for what is not a URL of Redis.
        """
        coordination = cls(url, prefix=prefix, nodes=nodes, now=now, failed=failed)
        coordination._start(coordination._read())
        writer = coordination._start(coordination._write())
        try:
            yield coordination
        finally:
            coordination._closing.set()
            coordination._news.set()
            await asyncio.wait({writer}, timeout=ANSWER_SECONDS)
            await coordination._end()

    def answers(self) -> bool:
        """Say whether the server takes and gives hints at present."""
        return not self._failing

    async def wake(self, topic: str) -> None:
        await self._here.wake(topic)
        self._wakes.add(topic)
        self._news.set()

    async def wait(self, topic: str, seconds: float) -> None:
        await self._here.wait(topic, seconds)

    async def spend(self, key: str, *, limit: int, seconds: int) -> bool:
        if "write" not in self._failing:
            window = int(self._now().timestamp()) // seconds
            try:
                return await self._answer(count(self._fast, self._names.rate(key, window), seconds)) <= limit
            except Exception as error:  # a hint breaks nobody's work, whatever the library raises
                self._lost("write", error)
                self._news.set()  # the writer finds out when it is back
        return await self._here.spend(key, limit=limit, seconds=seconds)

    async def publish(self, topic: str, payload: bytes) -> None:
        await self._here.publish(topic, payload)
        self._payloads.append((topic, payload))
        self._news.set()

    def subscribe(self, topic: str) -> AbstractContextManager[AsyncIterator[bytes]]:
        return self._here.subscribe(topic)

    # -- what this node says ------------------------------------------------------------------------------------------

    async def _write(self) -> None:
        failures = 0
        while not self._closing.is_set():
            await self._news.wait()
            self._news.clear()
            try:
                await self._answer(self._say(self._unsaid()))
            except Exception as error:
                failures += 1
                self._lost("write", error)
                await self._pause(failures)
                self._news.set()
            else:
                failures = 0
                self._works("write")

    def _unsaid(self) -> Sequence[Mapping[bytes, bytes]]:
        """Take what is to be said. After a failure that is the call to look at everything: what it was is forgotten."""
        wakes: list[dict[bytes, bytes]] = [{TOPIC: topic.encode()} for topic in self._wakes]
        payloads = [{TOPIC: topic.encode(), PAYLOAD: payload} for topic, payload in self._payloads]
        self._wakes.clear()
        self._payloads.clear()
        return [*wakes, *payloads] if "write" not in self._failing else [*wakes, *payloads, {}]

    async def _say(self, entries: Sequence[Mapping[bytes, bytes]]) -> None:
        async with self._fast.pipeline(transaction=False) as pipe:
            for entry in entries:
                fields: Any = {NODE: self._node, **entry}
                pipe.xadd(self._names.stream, fields, maxlen=STREAM_LENGTH, approximate=True)
            await pipe.execute()

    # -- what other nodes say -----------------------------------------------------------------------------------------

    async def _read(self) -> None:
        failures, after = 0, b""
        while True:
            try:
                if not after:
                    after = await newest(self._blocking, self._names.stream)
                    self._works("read")
                    self._here.wake_all()  # nobody knows what was said meanwhile
                for entry, fields in await self._next(after):
                    await self._hear(fields)
                    after = entry
                failures = 0
            except Exception as error:
                failures, after = failures + 1, b""
                self._lost("read", error)
                await self._pause(failures)

    async def _next(self, after: bytes) -> Sequence[tuple[bytes, Mapping[bytes, bytes]]]:
        streams: Any = {self._names.stream: after}
        answer: Any = await self._blocking.xread(streams, count=100, block=int(BLOCK_SECONDS * 1000))
        return [entry for _, entries in answer for entry in entries]

    async def _hear(self, fields: Mapping[bytes, bytes]) -> None:
        if fields.get(NODE) == self._node:
            return
        topic = fields.get(TOPIC, b"").decode(errors="replace")
        if not topic:
            self._here.wake_all()
        elif PAYLOAD in fields:
            await self._here.publish(topic, fields[PAYLOAD])
        else:
            await self._here.wake(topic)

    # -- how it goes --------------------------------------------------------------------------------------------------

    def _lost(self, part: str, error: Exception) -> None:
        self._failing.add(part)
        self._failed(error, not self._told)
        self._told = True

    def _works(self, part: str) -> None:
        self._failing.discard(part)
        if self._told and not self._failing:
            self._told = False
            log.info("redis answers again")

    async def _pause(self, failures: int) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), min(0.1 * 2 ** min(failures, 10), PAUSE_LONGEST))

    # -- tasks: redis-py sends within asyncio.wait_for, which in Python 3.11 may swallow a cancellation (bpo-37658) ----

    async def _answer(self, work: Coroutine[None, None, T]) -> T:
        """Return the answer or raise within ANSWER_SECONDS, even if the work does not hear that it is cancelled."""
        task = self._start(work)
        try:
            await asyncio.wait({task}, timeout=ANSWER_SECONDS)
            if not task.done():
                raise TimeoutError
            return task.result()
        finally:
            task.cancel()

    def _start(self, work: Coroutine[None, None, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # what nobody waited for is no news

    async def _end(self) -> None:
        while self._tasks:
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(self._tasks, timeout=AGAIN_SECONDS)
        for client in (self._fast, self._blocking):
            await client.aclose()


class _Names:
    """The keys in Redis. In a cluster what stands in braces chooses the slot: all of ours lie in one."""

    def __init__(self, prefix: str) -> None:
        self._prefix = f"{{{prefix}}}"
        self.stream: Final = f"{self._prefix}:hints"

    def rate(self, key: str, window: int) -> str:
        return f"{self._prefix}:rate:{key}:{window}"


async def probe(url: str, *, prefix: str) -> None:
    """Ask of the server what coordination asks of it. Raises Misconfigured or Unavailable; neither quotes the URL."""
    client, names = fast_client(url), _Names(prefix)
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await client.xadd(names.stream, {NODE: b"check"}, maxlen=STREAM_LENGTH, approximate=True)
            await client.xread({names.stream: await newest(client, names.stream)}, block=1)
            await count(client, names.rate("check", 0), 60)
    except (AuthenticationError, ResponseError) as error:
        raise Misconfigured(f"redis.url: the server refuses us what we need: {type(error).__name__}") from None
    except Exception as error:
        raise Unavailable(f"redis.url: the server does not answer: {type(error).__name__}") from None
    finally:
        await client.aclose()


def fast_client(url: str) -> Redis:
    """Return a client that tries three times within ANSWER_SECONDS each.

    redis-py repeats what it sent when only the answer was lost, so a use may be counted twice and a wake-up said
    twice. That is why nothing here may depend on either.
    """
    return _client(url, ANSWER_SECONDS, Retry(ExponentialWithJitterBackoff(), 2), connections=CONNECTIONS)


async def count(client: Redis, key: str, seconds: int) -> int:
    """Count one use of a key that is forgotten `seconds` after its last use; return the sum."""
    async with client.pipeline(transaction=True) as pipe:
        pipe.incr(key)
        pipe.expire(key, seconds)
        used, _ = await pipe.execute()
    return int(used)


async def newest(client: Redis, stream: str) -> bytes:
    """Return the id after which a reader that comes now has to read."""
    entries: Any = await client.xrevrange(stream, count=1)
    return bytes(entries[0][0]) if entries else b"0-0"


def _client(url: str, seconds: float, retry: Retry, *, connections: int) -> Redis:
    try:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=connections,
            timeout=ANSWER_SECONDS,
            socket_timeout=seconds,
            socket_connect_timeout=ANSWER_SECONDS,
            retry=retry,
            protocol=2,  # the answers' shapes differ between the protocols
        )
    except ValueError:
        raise Misconfigured("redis.url is not a URL such as rediss://user:password@host:6379/0") from None
    return Redis.from_pool(pool)
