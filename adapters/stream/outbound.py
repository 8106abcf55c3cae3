"""Adds tickets to Redis streams. What an entry looks like is in wire.py.

The database is the truth: a stream that is lost loses no case, only the word of it to one system.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, OutOfMemoryError, ReadOnlyError, RedisError, ResponseError

from adapters.stream import wire
from adapters.stream.config import Config
from adapters.tools import ticket_of
from gateway.errors import Misconfigured, Temporary, Unavailable, Unknown
from gateway.model import OutboundMessage, Sent

CONNECTIONS = 8
"""Kept open, and so the tickets on their way at once."""
_WORDS: tuple[tuple[type[RedisError], str], ...] = (
    (AuthenticationError, "login"),
    (OutOfMemoryError, "out_of_memory"),
    (ReadOnlyError, "read_only"),
    (ResponseError, "refused"),
)
_URL = re.compile(r"(rediss?|unix)://")


class TicketStreams:
    """A Sender to the configured streams, each called by the name that a contact has."""

    def __init__(self, config: Config, redis: Redis) -> None:
        self._config = config
        self._redis = redis

    @classmethod
    @asynccontextmanager
    async def open(cls, config: Config) -> AsyncIterator[TicketStreams]:
        """Yield a sender with connections of its own; none is made before a ticket leaves."""
        redis = _client(config)
        try:
            yield cls(config, redis)
        finally:
            await redis.aclose()

    async def send(self, message: OutboundMessage) -> Sent:
        """Hand over one ticket; see ports.Sender.

        The server is asked before: what fails then was surely not handed over. A second entry under the same key can
        come only of an answer that was lost on its way back.
        """
        ticket = ticket_of(message)
        stream = self._config.streams.get(message.to.value)
        if stream is None:  # routing.toml names one that the settings do not have yet
            raise Temporary("no_stream")
        await self._answers()
        fields: Any = wire.entry(message.key, ticket)  # the library's type of a mapping is invariant
        try:
            entry = await self._redis.xadd(stream.key, fields, maxlen=stream.length, approximate=True)
        except ResponseError as error:  # the server read the command and did not do it
            raise Temporary(_word(error)) from None
        except (RedisError, OSError):
            raise Unknown("disconnected") from None
        return Sent(provider_id=entry.decode() if isinstance(entry, bytes) else entry)

    async def check(self) -> None:
        """Log in. Raises Unavailable with what to change."""
        try:
            await self._answers()
        except Temporary as failure:
            raise Unavailable(f"redis: {failure.reason}; check url") from None

    async def _answers(self) -> None:
        try:
            await self._redis.ping()
        except (RedisError, OSError) as error:
            raise Temporary(_word(error)) from None


def _client(config: Config) -> Redis:
    """Return a client that tries once: the library would repeat an XADD whose answer was lost, up to ten times."""
    url = config.location()
    if not _URL.match(url):
        raise Misconfigured("url is not one of Redis, such as rediss://user:password@host:6379/0")
    try:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=CONNECTIONS,
            timeout=config.timeout,
            socket_timeout=config.timeout,
            socket_connect_timeout=config.timeout,
            retry=Retry(NoBackoff(), 0),
            protocol=2,  # an entry's id has the same shape in old and new servers
        )
    except ValueError:
        raise Misconfigured("url is not one of Redis, such as rediss://user:password@host:6379/0") from None
    return Redis.from_pool(pool)


def _word(error: Exception) -> str:
    return next((word for kind, word in _WORDS if isinstance(error, kind)), "unreachable")
