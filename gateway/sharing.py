"""What the nodes share towards providers: one access token each, and one count of what may be sent.

A token is a sealed row with a version. Who finds it missing, expired or refused takes a lease, looks again, and asks
the provider once; everybody else waits for what it brought. So eight workers with an expired token make one call, and
none invalidates another's (lesson 86).
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta

from gateway.errors import Conflict, DeliveryFailed, GatewayError, Temporary
from gateway.leasing import Leasing
from gateway.ports import Coordination, FetchedToken, Lane, Now, ProviderToken, Storage

SPARE = timedelta(seconds=10)
"""How long before its end a token is replaced: a call must still arrive with it."""
WAIT_SECONDS = 20.0
"""How long a call waits for a token; a node that was killed while it asked holds its lease for a while."""
TERM = timedelta(seconds=15)
COOL = timedelta(seconds=60)
"""After a failure nobody here asks again for so long: providers shut out who asks in vain too often."""

Fetch = Callable[[], Awaitable[FetchedToken]]


class Sharing:
    """See ports.Shared. Each token is kept in this process, too: the database is asked only when it does not serve."""

    def __init__(self, *, storage: Storage, coordination: Coordination, now: Now) -> None:
        self._storage = storage
        self._coordination = coordination
        self._now = now
        self._leasing = Leasing(storage=storage, coordination=coordination, now=now, term=TERM)
        self._known: dict[str, ProviderToken] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._in_vain: dict[str, datetime] = {}  # until when nobody asks

    async def token(self, name: str, fetch: Fetch, *, refused: str = "") -> str:
        if (known := self._known.get(name)) and self._serves(known, refused):
            return known.value
        async with self._locks[name]:
            known = self._known.get(name)
            if known is None or not self._serves(known, refused):
                known = self._known[name] = await self._another(name, fetch, refused)
        return known.value

    async def spend(self, name: str, *, limit: int, seconds: int) -> bool:
        return await self._coordination.spend(name, limit=limit, seconds=seconds)

    async def _another(self, name: str, fetch: Fetch, refused: str) -> ProviderToken:
        """Return the token that another node has stored, else a new one. Raises what `fetch` raises, and Temporary."""
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                if stored := await self._stored(name, refused):
                    return stored
                self._check_asking(name)
                await self._leasing.alone(f"token:{name}", lambda *_: self._replace(name, fetch, refused), _nobody)
                if stored := await self._stored(name, refused):
                    return stored
        except DeliveryFailed:
            raise
        except (GatewayError, TimeoutError):
            raise Temporary("no_token") from None
        # The provider gave the very token again that it does not take.
        self._in_vain[name] = self._now() + COOL
        raise Temporary("token_refused", retry_after=COOL)

    async def _replace(self, name: str, fetch: Fetch, refused: str) -> None:
        """Ask the provider, unless somebody has meanwhile. Runs on one node at a time."""
        if await self._stored(name, refused):
            return
        try:
            fetched = await fetch()
        except GatewayError:
            self._in_vain[name] = self._now() + COOL
            raise
        # WeCom gives the same token until it ends: with less than SPARE left it serves all the same; there is no other.
        expires_at = self._now() + max(timedelta(seconds=fetched.seconds), 2 * SPARE)
        with suppress(Conflict):  # somebody else's is as good
            async with self._storage.writing(Lane.RESULTS) as tx:
                held = (await tx.tokens.get([name])).get(name)
                version = held.version + 1 if held else 1
                token = ProviderToken(name=name, value=fetched.value, version=version, expires_at=expires_at)
                await tx.tokens.replace(token)

    async def _stored(self, name: str, refused: str) -> ProviderToken | None:
        async with self._storage.reading() as tx:
            held = (await tx.tokens.get([name])).get(name)
        return held if held and self._serves(held, refused) else None

    def _serves(self, token: ProviderToken, refused: str) -> bool:
        return token.value != refused and self._now() < token.expires_at - SPARE

    def _check_asking(self, name: str) -> None:
        until = self._in_vain.get(name)
        # A clock that was set back must not keep it from being asked for days.
        if until is not None and timedelta() < until - self._now() <= COOL:
            raise Temporary("no_token", retry_after=until - self._now())


class Unshared:
    """A Shared for a command that only tries the settings: nothing is stored, nobody else is there."""

    async def token(self, name: str, fetch: Fetch, *, refused: str = "") -> str:
        return (await fetch()).value

    async def spend(self, name: str, *, limit: int, seconds: int) -> bool:
        return True


def _nobody() -> None:
    """Nobody looks after a wait that short."""
