"""Posts tickets to the units' own systems. What a request looks like is in wire.py.

Where to is the operator's word alone: addresses come from the settings and never from a message, redirects are not
followed, and of an answer only its status line and headers are read. So nobody can turn this towards another machine.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp

from adapters.tools import ticket_of
from adapters.webhook import wire
from adapters.webhook.config import Config, Endpoint
from gateway.errors import Misconfigured, Temporary, Unavailable, Unknown
from gateway.model import OutboundMessage, Sent
from gateway.ports import Now

CONNECTING = 0.5
"""The share of a timeout in which the connection must stand: what takes longer was surely not handed over."""


class TicketPoster:
    """A Sender to the configured endpoints, each called by the name that a contact has."""

    def __init__(self, config: Config, session: aiohttp.ClientSession, now: Now) -> None:
        self._config = config
        self._session = session
        self._now = now

    @classmethod
    @asynccontextmanager
    async def open(cls, config: Config, now: Now) -> AsyncIterator[TicketPoster]:
        """Yield a sender with connections of its own; none is made before a ticket leaves."""
        jar = aiohttp.DummyCookieJar()  # a receiver's cookie would be carried to another ticket
        async with aiohttp.ClientSession(cookie_jar=jar, headers={"User-Agent": "huiyin"}) as session:
            yield cls(config, session, now)

    async def send(self, message: OutboundMessage) -> Sent:
        """Hand over one ticket; see ports.Sender."""
        ticket = ticket_of(message)
        endpoint = self._config.endpoints.get(message.to.value)
        if endpoint is None:  # routing.toml names one that the settings do not have yet
            raise Temporary("no_endpoint")
        try:
            keys = await asyncio.to_thread(endpoint.keys)
        except Misconfigured:
            raise Temporary("no_secret") from None
        content = wire.body(ticket)
        headers = wire.headers(message.key, self._now(), content, keys)
        status, retry_after = await self._call("POST", endpoint, headers, content)
        return wire.outcome(status, retry_after, self._now())

    async def check(self) -> None:
        """Call each endpoint without a ticket. Raises Misconfigured or Unavailable with what to change."""
        for name, endpoint in self._config.endpoints.items():
            try:
                await asyncio.to_thread(endpoint.keys)
                await self._call("HEAD", endpoint, {}, b"")  # any answer will do: somebody is there
            except Misconfigured as error:
                raise Misconfigured(f"endpoint {name}: {error}") from None
            except (Temporary, Unknown) as failure:
                raise Unavailable(f"endpoint {name}: {failure.reason}; check url") from None

    async def _call(
        self, method: str, endpoint: Endpoint, headers: Mapping[str, str], content: bytes
    ) -> tuple[int, str]:
        timeout = aiohttp.ClientTimeout(total=endpoint.timeout, connect=endpoint.timeout * CONNECTING)
        try:
            async with self._session.request(
                method, endpoint.url, data=content, headers=headers, timeout=timeout, allow_redirects=False
            ) as response:
                return response.status, response.headers.get("Retry-After", "")
        except aiohttp.ClientSSLError:
            raise Temporary("tls") from None
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
            raise Temporary("unreachable") from None
        except TimeoutError:
            raise Unknown("timeout") from None
        except (aiohttp.ClientError, OSError):
            raise Unknown("disconnected") from None
