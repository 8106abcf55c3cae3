"""A channel between a simulated 公众号 and the gateway's own hook route: real HTTP both ways, and what came in."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

from aiohttp import web
from aiohttp.test_utils import TestServer

from adapters.wechat import Config, open_channel
from gateway.errors import Unavailable
from gateway.model import (
    Contact,
    ContactType,
    InboundEvent,
    Kind,
    Language,
    NoticeKind,
    OutboundMessage,
    Outcome,
    Receipt,
    Template,
)
from gateway.ports import Channel
from gateway.web import hooks
from gateway.web.keys import SITE, Site
from sandbox.wechat import NoticeTemplate, WeChat, wechat_simulator
from tests.factories import START, Clock, outbound
from tests.shared import tools

PUBLIC = "https://complaints.bank.example"
APP_ID = "wx0123456789abcdef"
SECRET = "s3cret-of-the-account"
TOKEN, NEXT_TOKEN = "t0kenValue", "n3xtToken"
AES_KEY, NEXT_AES_KEY = (base64.b64encode(bytes([byte]) * 32).decode()[:43] for byte in (7, 8))
WANG = "oWang-00000000000000000000_1"
NUMBER = "TS-261123-000123-V"

ACCEPTED = NoticeTemplate(
    id="accepted-0001",
    title="投诉受理通知",
    content=(
        "受理编号:{{character_string1.DATA}}\n办理状态:{{phrase2.DATA}}\n反映事项:{{thing3.DATA}}\n"
        "答复期限:{{time4.DATA}}\n联系电话:{{phone_number5.DATA}}"
    ),
)
CONSENTED = NoticeTemplate(
    id="consented-0002",
    title="办理结果通知",
    content="编号:{{character_string1.DATA}}\n状态:{{phrase2.DATA}}\n日期:{{date3.DATA}}",
    kind="subscribe",
)
TEMPLATES: dict[str, Any] = {
    "default": {
        "template_id": ACCEPTED.id,
        "data": {
            "character_string1": "number",
            "phrase2": "status",
            "thing3": "matter",
            "time4": "promised",
            "phone_number5": "telephone",
        },
    },
    "n36": {
        "template_id": CONSENTED.id,
        "kind": "subscribe",
        "data": {"character_string1": "number", "phrase2": "status", "date3": "at"},
    },
}

Takes = Callable[[Sequence[Any]], Awaitable[Sequence[Receipt]]]


@dataclass(kw_only=True)
class Account:
    wechat: WeChat
    channel: Channel
    clock: Clock
    events: list[InboundEvent] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)
    busy: bool = False  # the gateway cannot commit
    intake: Takes | None = None  # who takes in what comes; without one it is only kept here

    async def accept(self, events: Sequence[InboundEvent]) -> Sequence[Receipt]:
        if self.busy:
            raise Unavailable
        self.events.extend(events)
        taken = (
            [Receipt(outcome=Outcome.RECORDED) for _ in events] if self.intake is None else await self.intake(events)
        )
        self.receipts.extend(taken)
        return taken


def settings(base_url: str = "http://127.0.0.1:9", **options: Any) -> dict[str, Any]:
    return {
        "app_id": APP_ID,
        "secret": SECRET,
        "credentials": [{"token": TOKEN, "aes_key": AES_KEY}, {"token": NEXT_TOKEN, "aes_key": NEXT_AES_KEY}],
        "templates": TEMPLATES,
        "base_url": base_url,
        "timeout": 5,
        **options,
    }


@asynccontextmanager
async def account(
    *, simulator: dict[str, Any] | None = None, intake: Takes | None = None, **options: Any
) -> AsyncIterator[Account]:
    """Open an account that Wang follows; `options` are settings of the channel, `simulator` fields of the simulator."""
    clock = Clock()
    told: dict[str, Any] = {"callbacks": "on_demand", "now": clock, **(simulator or {})}
    async with wechat_simulator(
        app_id=APP_ID, secret=SECRET, token=TOKEN, aes_key=AES_KEY, templates=(ACCEPTED, CONSENTED), **told
    ) as wechat:
        config = Config.model_validate(settings(wechat.url, **options))
        wechat.known.add(WANG)
        wechat.followers.add(WANG)
        async with open_channel(config, tools(now=clock, public_url=PUBLIC), "oa") as channel:
            opened = Account(wechat=wechat, channel=channel, clock=clock, intake=intake)
            app = web.Application()
            reached = SimpleNamespace(web=SimpleNamespace(public_url=PUBLIC))
            # What a hook needs of it.
            app[SITE] = cast("Site", SimpleNamespace(settings=reached, accept=opened.accept, now=clock))
            assert channel.webhook is not None
            app.add_routes(hooks.routes({"oa": channel.webhook}))
            async with TestServer(app) as server:
                wechat.hook_url = str(server.make_url("/hooks/oa"))
                yield opened


def said(notice: NoticeKind = NoticeKind.ACKNOWLEDGEMENT, **changes: Any) -> Template:
    values: dict[str, Any] = {
        "notice": notice,
        "language": Language.ZH_HANS,
        "kind": Kind.COMPLAINT,
        "number": NUMBER,
        "at": START,
        "received_at": START,
        "promised_at": START + timedelta(days=3, hours=13, minutes=44),
        "bank": "示例银行",
        "telephone": "400-800-0000",
    }
    return Template(**(values | changes))


def message(template: Template | None = None, to: str = WANG, **changes: Any) -> OutboundMessage:
    return outbound(template or said(), Contact(type=ContactType.WECHAT, value=to), **changes)
