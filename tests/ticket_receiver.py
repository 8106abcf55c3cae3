"""A unit's own system as a bank might write it: an HTTP server that checks each ticket's signature by its own code.

It shares no line with adapters/webhook: what it accepts is what docs/reference/tickets.md promises.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aiohttp import web

from gateway.ports import Now

TOLERANCE = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Got:
    """One request that was signed as it should be."""

    id: str
    at: datetime
    ticket: Mapping[str, Any]
    signatures: int


@dataclass(slots=True, kw_only=True)
class Receiver:
    """Answers with the statuses of `plan` in turn, then with 200; what is not signed with `secret` gets 401."""

    secret: str
    now: Now
    url: str = ""
    plan: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    got: list[Got] = field(default_factory=list)
    unsigned: int = 0
    probed: int = 0

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        if request.method == "HEAD":
            self.probed += 1
            return web.Response(status=405)
        key, stamp = request.headers["webhook-id"], request.headers["webhook-timestamp"]
        signatures = request.headers["webhook-signature"].split(" ")
        if not self._is_signed(f"{key}.{stamp}.".encode() + body, signatures) or not self._is_fresh(stamp):
            self.unsigned += 1
            return web.Response(status=401)
        at = datetime.fromtimestamp(int(stamp), tz=self.now().tzinfo)
        self.got.append(Got(id=key, at=at, ticket=json.loads(body), signatures=len(signatures)))
        status, headers = self.plan.pop(0) if self.plan else (200, {})
        return web.Response(status=status, headers=headers, text="thank you")

    def _is_signed(self, signed: bytes, signatures: list[str]) -> bool:
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        expected = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        return any(hmac.compare_digest(expected, one) for one in signatures)

    def _is_fresh(self, stamp: str) -> bool:
        return abs(self.now().timestamp() - int(stamp)) <= TOLERANCE


@asynccontextmanager
async def receiving(secret: str, now: Now) -> AsyncIterator[Receiver]:
    """Yield a system that listens on a free port of loopback."""
    receiver = Receiver(secret=secret, now=now)
    application = web.Application()
    application.router.add_route("*", "/tickets", receiver.take)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/tickets"
        yield receiver
    finally:
        await runner.cleanup()


def secret_of(letter: str) -> str:
    """Return a secret for tests as Standard Webhooks writes one."""
    return "whsec_" + base64.b64encode(letter.encode() * 32).decode()
