"""Where providers call by HTTP: the request is checked by its channel, taken in, and answered only after the commit.

What a provider says and how it proves itself is its adapter's. Here is only what is the same for all of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from aiohttp import web

from gateway.errors import Forbidden, Invalid, Unavailable
from gateway.ports import HttpReply, HttpRequest, Received, Webhook
from gateway.web.keys import SITE
from gateway.web.problems import retry_after

MAX_HEADERS = 100
LONG_BODY = 100_000
"""Bytes beyond which a body is read beside the event loop."""
SECONDS = 60
"""For one whole body. Who calls is known only after it: who has no secret must not hold memory for longer."""
_WHERE = "/hooks/"


def routes(webhooks: Mapping[str, Webhook]) -> list[web.RouteDef]:
    """Return the routes of these sources, each below its own address; a source without a webhook has none."""

    def at(source: str, webhook: Webhook) -> list[web.RouteDef]:
        async def take(request: web.Request) -> web.Response:
            return await _take(request, source, webhook)

        address = f"{_WHERE}{source}"
        places = (address, address + "/{tail:.{1,200}}")
        return [web.route(method, place, take) for method in webhook.methods for place in places]

    return [route for source, webhook in sorted(webhooks.items()) for route in at(source, webhook)]


async def _take(request: web.Request, source: str, webhook: Webhook) -> web.Response:
    """Hand one request to its channel and what it means to intake; answer by what was committed.

    The status is all a caller who is not genuine learns.
    """
    site = request.app[SITE]
    try:
        received = await _received(webhook, await _heard(request, webhook.max_body, site.settings.web.public_url))
    except Forbidden:
        return web.Response(status=403)
    except Invalid:
        return web.Response(status=400)
    except web.HTTPRequestTimeout:
        return web.Response(status=408)
    try:
        receipts = await site.accept(received.events) if received.events else ()
    except Unavailable as error:
        return web.Response(status=503, headers={"Retry-After": retry_after(error)})
    return _answer(received.reply(receipts))


async def _received(webhook: Webhook, request: HttpRequest) -> Received:
    # A transcript of an hour is read beside the event loop, so that nobody else waits for it.
    if len(request.body) > LONG_BODY:
        return await asyncio.to_thread(webhook.receive, request)
    return webhook.receive(request)


async def _heard(request: web.Request, max_body: int, public_url: str) -> HttpRequest:
    if len(request.headers) > MAX_HEADERS:
        raise Invalid
    try:
        async with asyncio.timeout(SECONDS):
            body = await _body(request, max_body)
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    return HttpRequest(
        method=request.method,
        path=request.match_info.get("tail", ""),
        # What the provider called, never what a header or the socket says: it is signed (lesson: a forged Host).
        url=public_url.rstrip("/") + request.raw_path,
        query=tuple(request.query.items()),
        headers={name.lower(): value for name, value in request.headers.items()},
        body=body,
        at=request.app[SITE].now(),
    )


async def _body(request: web.Request, max_body: int) -> bytes:
    body = bytearray()  # grown in place: a body that comes in crumbs must not be copied for each of them
    while len(body) <= max_body and (more := await request.content.read(max_body + 1 - len(body))):
        body += more
    if len(body) > max_body:
        raise web.HTTPRequestEntityTooLarge(max_size=max_body, actual_size=len(body))
    return bytes(body)


def _answer(reply: HttpReply) -> web.Response:
    return web.Response(status=reply.status, body=reply.body, content_type=reply.media_type)
