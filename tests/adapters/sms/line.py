"""A channel between a simulated Twilio and the gateway's own hook route: real HTTP both ways, and what came in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from adapters.sms import Config, open_channel
from gateway.model import Contact, ContactType, InboundEvent, Language, OutboundMessage, Outcome, Receipt, Text
from gateway.ports import Channel, Handed, HttpRequest
from gateway.web import hooks
from gateway.web.keys import SITE
from sandbox.twilio import Twilio, twilio_simulator
from tests.factories import START, Clock
from tests.shared import tools

PUBLIC = "https://complaints.bank.example"
HOOK = f"{PUBLIC}/hooks/sms"
ACCOUNT = "AC" + "1" * 32
TOKEN = "t0ken-value"
KEY = "01kbn3v5q8x2m4r6t8w0y2z4a6"
WANG = "+85261234567"
NUMBER = "+15005550006"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    twilio: Twilio
    channel: Channel
    clock: Clock
    events: list[InboundEvent] = field(default_factory=list)


def config(base_url: str = "http://127.0.0.1:9", **options: Any) -> Config:
    number = {} if "messaging_service_sid" in options else {"from_number": NUMBER}
    return Config.model_validate(
        {"account_sid": ACCOUNT, "auth_tokens": [TOKEN], "base_url": base_url, "timeout": 5, **number, **options}
    )


@asynccontextmanager
async def line(*, simulator: dict[str, Any] | None = None, **options: Any) -> AsyncIterator[Line]:
    """Open a line; `options` are settings of the channel, `simulator` are fields of the simulator."""
    clock = Clock()
    told: dict[str, Any] = {"callbacks": "on_demand", "now": clock, **(simulator or {})}
    async with (
        twilio_simulator(account_sid=ACCOUNT, auth_token=TOKEN, hook_url=HOOK, **told) as twilio,
        open_channel(config(twilio.url, **options), tools(now=clock, public_url=PUBLIC), "sms") as channel,
    ):
        opened = Line(twilio=twilio, channel=channel, clock=clock)

        async def accept(events: Sequence[InboundEvent]) -> Sequence[Receipt]:
            opened.events.extend(events)
            return [Receipt(outcome=Outcome.RECORDED) for _ in events]

        app = web.Application()
        settings = SimpleNamespace(web=SimpleNamespace(public_url=PUBLIC))
        app[SITE] = SimpleNamespace(settings=settings, accept=accept, now=clock)  # what a hook needs of it
        assert channel.webhook is not None
        app.add_routes(hooks.routes({"sms": channel.webhook}))
        async with TestServer(app) as server:
            twilio.route = (PUBLIC, str(server.make_url("")).rstrip("/"))
            yield opened


def message(
    text: str = "您反映的问题已受理，编号TS-261123-000001-7", to: str = WANG, key: str = KEY
) -> OutboundMessage:
    return OutboundMessage(
        key=key,
        to=Contact(type=ContactType.MOBILE, value=to),
        content=Text(language=Language.ZH_HANS, subject="受理通知", short=text, text="长文本", html="<p>长文本</p>"),
        created_at=START,
    )


def handed(sent: OutboundMessage, provider_id: str = "", tried_at: datetime = START) -> Handed:
    return Handed(message=sent, provider_id=provider_id, tried_at=tried_at)


def request(body: bytes, *, path: str = "", headers: dict[str, str] | None = None, query: str = "") -> HttpRequest:
    url = HOOK + (f"/{path}" if path else "") + (f"?{query}" if query else "")
    return HttpRequest(method="POST", path=path, url=url, query=(), headers=headers or {}, body=body, at=START)
