"""A server of Tencent's API on loopback for test_api.py: each answer is what the test says, every request is kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from adapters.weixin.api import Api, TokenCall
from gateway.ports import Shared
from tests.shared import MemoryShared

SECRET = "s3cret-of-the-app"
OK: Mapping[str, Any] = {"errcode": 0, "errmsg": "ok"}
Reply = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class Tencent:
    """What was asked, and what will be answered: the plan first, then `OK`."""

    url: str = ""
    tokens: list[str] = field(default_factory=list)  # those given out
    token_plan: list[Reply] = field(default_factory=list)
    calls: list[tuple[str, str, bytes]] = field(default_factory=list)  # method, token, body
    plan: list[Reply] = field(default_factory=list)
    queries: list[Mapping[str, str]] = field(default_factory=list)
    refuses: set[str] = field(default_factory=set)  # tokens that are answered with `refusal`
    refusal: int = 42001
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def token(self, request: web.Request) -> web.StreamResponse:
        if self.token_plan:
            return await self.token_plan.pop(0)(request)
        assert request.query == {"corpid": "ww1", "corpsecret": SECRET}
        self.tokens.append(f"t0ken-number-{len(self.tokens) + 1}")
        return web.json_response({**OK, "access_token": self.tokens[-1], "expires_in": 7200})

    async def called(self, request: web.Request) -> web.StreamResponse:
        token = request.query["access_token"]
        self.calls.append((request.method, token, await request.read()))
        self.queries.append(dict(request.query))
        if token in self.refuses:
            return web.json_response({"errcode": self.refusal, "errmsg": f"access_token expired {token}"})
        return await self.plan.pop(0)(request) if self.plan else web.json_response(OK)

    def says(self, body: object = OK, **headers: str) -> None:
        """Answer the next call so: a mapping as JSON, bytes as they are."""
        self.plan.append(answer(body, **headers))


def answer(body: object = OK, status: int = 200, **headers: str) -> Reply:
    async def reply(request: web.Request) -> web.StreamResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if isinstance(body, bytes):
            return web.Response(status=status, body=body, headers=named)
        return web.json_response(body, status=status, headers=named)

    return reply


@asynccontextmanager
async def tencent() -> AsyncIterator[Tencent]:
    there = Tencent()
    app = web.Application()
    app.add_routes([web.get("/cgi-bin/gettoken", there.token), web.route("*", "/cgi-bin/{path:.*}", there.called)])
    server = TestServer(app)
    await server.start_server(access_log=None)  # its own log has every address
    async with server:
        there.url = str(server.make_url("")).rstrip("/")
        yield there
        there.ended.set()


@asynccontextmanager
async def api_of(url: str, *, shared: Shared | None = None, seconds: float = 20) -> AsyncIterator[Api]:
    fetch = TokenCall(path="/cgi-bin/gettoken", query={"corpid": "ww1", "corpsecret": SECRET})
    async with Api.open(
        base_url=url, timeout=seconds, shared=shared or MemoryShared(), token_name="wecom", fetch_token=fetch
    ) as api:
        yield api
