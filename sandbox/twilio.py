"""Twilio's messaging as a real HTTP server, with its customers' telephones: as awkward as the real one when told to be.

It speaks the API under /2010-04-01 and calls the gateway's webhooks, signed by Twilio's own library. What it should do
wrong is told by methods, or by JSON from outside the process:

    POST /sandbox/faults    {"kind": "refuse", "status": 429, "code": 20429, "retry_after": 2}   see `Fault`; one each
    POST /sandbox/fates     {"to": "+852...", "status": "undelivered", "error_code": 30003}      how its messages end
    POST /sandbox/inbound   {"from": "+852...", "body": "..."}        a customer writes; answers {"status": 200}
    POST /sandbox/reports   {"reverse": true, "copies": 2}            callbacks that wait; answers {"statuses": [...]}
    GET  /sandbox/messages  what was sent to customers so far
"""

from __future__ import annotations

import base64
import math
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import UTC, date
from email.utils import format_datetime
from typing import Any
from uuid import uuid4

from aiohttp import web

from adapters.sms.wire import segments
from sandbox.twilio_account import Fault, SimulatedMessage, Twilio

__all__ = ["Fault", "SimulatedMessage", "Twilio", "twilio_simulator"]

_API = "/2010-04-01/Accounts/{account}"
_MAX_BODY = 1600


@asynccontextmanager
async def twilio_simulator(
    *, account_sid: str, auth_token: str, hook_url: str = "", host: str = "127.0.0.1", port: int = 0, **options: Any
) -> AsyncIterator[Twilio]:
    """Run one account while the block lasts. `port` 0 takes a free one; `options` are fields of `Twilio`."""
    twilio = Twilio(account_sid=account_sid, auth_token=auth_token, hook_url=hook_url, **options)
    runner = web.AppRunner(_app(twilio), shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        twilio.url = f"http://{host}:{runner.addresses[0][1]}"
        yield twilio
    finally:
        await twilio.close()
        await runner.cleanup()


def _app(twilio: Twilio) -> web.Application:
    api, outside = _Api(twilio), _Outside(twilio)
    app = web.Application()
    app.add_routes(
        [
            web.post(f"{_API}/Messages.json", api.create),
            web.get(f"{_API}/Messages.json", api.listed),
            web.get(f"{_API}/Messages/{{sid}}.json", api.fetch),
            web.get(f"{_API}.json", api.account),
            web.post("/sandbox/faults", outside.faults),
            web.post("/sandbox/fates", outside.fates),
            web.post("/sandbox/inbound", outside.inbound),
            web.post("/sandbox/reports", outside.reports),
            web.get("/sandbox/messages", outside.messages),
        ]
    )
    return app


class _Api:
    """What the account's owner may call, with its answers."""

    def __init__(self, twilio: Twilio) -> None:
        self._twilio = twilio

    async def create(self, request: web.Request) -> web.Response:
        self._twilio.requests += 1
        if (refused := self._refused(request)) is not None:
            return refused
        form = {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
        fault = self._twilio.next_fault()
        if fault is not None and fault.kind == "refuse":
            return _error(fault.status, fault.code, retry_after=fault.retry_after)
        if fault is not None and fault.kind == "cut":
            return _cut(request)
        if (problem := self._problem(form)) is not None:
            return _error(400, problem)
        message = await self._twilio.take(form)
        if fault is not None and fault.kind == "early":
            await self._twilio.report()
        else:
            self._twilio.report_soon()
        return await self._answer(request, message, fault.kind if fault else "")

    async def _answer(self, request: web.Request, message: SimulatedMessage, fault: str) -> web.Response:
        match fault:
            case "drop":
                return _cut(request)
            case "stall":
                await self._twilio.until_closed()
            case "garble":
                return web.Response(text="<html>Bad gateway</html>", status=201)
        queued = self._shown(message) | {"status": "queued", "date_sent": None, "error_code": None}
        return web.json_response(queued, status=201)

    async def listed(self, request: web.Request) -> web.Response:
        if (refused := self._refused(request)) is not None:
            return refused
        query = request.query
        size, page = min(int(query.get("PageSize", "50")), 1000), int(query.get("Page", "0"))
        found = [one for one in (*self._twilio.messages, *self._twilio.inbound) if _matches(one, query)]
        found.sort(key=lambda one: one.at, reverse=True)
        pages = math.ceil(len(found) / size)
        after = request.rel_url.update_query(Page=str(page + 1), PageSize=str(size), PageToken=f"PA{uuid4().hex}")
        return web.json_response(
            {
                "messages": [self._shown(one) for one in found[page * size : (page + 1) * size]],
                "page": page,
                "page_size": size,
                "uri": str(request.rel_url),
                "next_page_uri": str(after) if page + 1 < pages else None,
            }
        )

    async def fetch(self, request: web.Request) -> web.Response:
        if (refused := self._refused(request)) is not None:
            return refused
        for one in (*self._twilio.messages, *self._twilio.inbound):
            if one.sid == request.match_info["sid"]:
                return web.json_response(self._shown(one))
        return _error(404, 20404)

    async def account(self, request: web.Request) -> web.Response:
        if (refused := self._refused(request)) is not None:
            return refused
        return web.json_response({"sid": self._twilio.account_sid, "status": "active", "friendly_name": "sandbox"})

    def _refused(self, request: web.Request) -> web.Response | None:
        login = f"{self._twilio.account_sid}:{self._twilio.auth_token}"
        if request.headers.get("Authorization") != f"Basic {base64.b64encode(login.encode()).decode()}":
            return _error(401, 20003)
        return None if request.match_info["account"] == self._twilio.account_sid else _error(404, 20404)

    def _problem(self, form: Mapping[str, str]) -> int | None:
        to, body = form.get("To", ""), form.get("Body", "")
        problems = {
            21211: not (to.startswith("+") and to[1:].isdigit()),
            21602: not body,
            21617: len(body) > _MAX_BODY,
            21603: not form.get("From") and not form.get("MessagingServiceSid"),
            21610: to in self._twilio.opted_out,
        }
        return next((code for code, is_so in problems.items() if is_so), None)

    def _shown(self, one: SimulatedMessage) -> dict[str, Any]:
        return {
            "sid": one.sid,
            "account_sid": self._twilio.account_sid,
            "messaging_service_sid": one.service or None,
            "to": one.to,
            "from": one.from_,
            "body": one.body,
            "status": one.status,
            "direction": one.direction,
            "num_segments": "0" if one.service else str(segments(one.body)),
            "num_media": "0",
            "error_code": one.error_code,
            "error_message": None,
            "date_created": format_datetime(one.at.astimezone(UTC)),
            "date_updated": format_datetime(self._twilio.now().astimezone(UTC)),
            "date_sent": format_datetime(one.sent_at.astimezone(UTC)) if one.sent_at else None,
            "price": None,
            "price_unit": "USD",
            "api_version": "2010-04-01",
            "uri": f"{_API.format(account=self._twilio.account_sid)}/Messages/{one.sid}.json",
            "subresource_uris": {},
            "a_field_of_next_year": True,
        }


class _Outside:
    """What is told from outside the process; see the top of this file."""

    def __init__(self, twilio: Twilio) -> None:
        self._twilio = twilio

    async def faults(self, request: web.Request) -> web.Response:
        self._twilio.fail_next(Fault(**await request.json()))
        return web.json_response({})

    async def fates(self, request: web.Request) -> web.Response:
        told = await request.json()
        self._twilio.fates[told["to"]] = (told["status"], told.get("error_code"))
        return web.json_response({})

    async def inbound(self, request: web.Request) -> web.Response:
        told = await request.json()
        return web.json_response({"status": await self._twilio.customer_sends(told["from"], told["body"])})

    async def reports(self, request: web.Request) -> web.Response:
        return web.json_response({"statuses": await self._twilio.report(**await request.json())})

    async def messages(self, request: web.Request) -> web.Response:
        shown = [asdict(one) for one in self._twilio.messages]
        return web.json_response([{name: str(value) for name, value in one.items()} for one in shown])


def _matches(one: SimulatedMessage, query: Mapping[str, str]) -> bool:
    if query.get("To", one.to) != one.to or query.get("From", one.from_) != one.from_:
        return False
    told = {
        name: date.fromisoformat(query[name][:10]) for name in ("DateSent", "DateSent<", "DateSent>") if name in query
    }
    if not told:
        return True
    if one.sent_at is None:
        return False
    sent = one.sent_at.astimezone(UTC).date()
    return (
        told.get("DateSent", sent) == sent
        and sent <= told.get("DateSent<", sent)
        and sent >= told.get("DateSent>", sent)
    )


def _error(status: int, code: int, *, retry_after: int | None = None) -> web.Response:
    body = {
        "code": code,
        # As the real one does, with a number in it: nobody may copy this text anywhere.
        "message": "The number +85261234567 or the request is not acceptable",
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    headers = {"Retry-After": str(retry_after)} if retry_after is not None else {}
    return web.json_response(body, status=status, headers=headers)


def _cut(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
