"""A channel between a simulated WeCom and the gateway's own hook route: real HTTP both ways, and what came in."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from adapters.wecom_app import Config, open_channel
from gateway.ids import new_id
from gateway.model import (
    Answer,
    Card,
    Contact,
    ContactType,
    InboundEvent,
    Language,
    OutboundMessage,
    Outcome,
    Receipt,
    Sent,
    Text,
)
from gateway.ports import Channel
from gateway.web import hooks
from gateway.web.keys import SITE
from sandbox.wecom import App, StaffMessage, WeCom, wecom_simulator
from tests.factories import START, Clock
from tests.shared import tools

CORP = "ww0123456789abcdef"
AGENT = 1000007
SECRET = "app-s3cret-value"
TOKEN, NEXT_TOKEN = "callback-t0ken", "n3xt-t0ken"
AES_KEY = base64.b64encode(bytes(range(32))).decode().rstrip("=")
NEXT_AES_KEY = base64.b64encode(bytes(range(32, 64))).decode().rstrip("=")
LINK = "https://complaints.bank.example/api/v1/complaints/TS-261123-000001-7"
NUMBER = "TS-261123-000001-7"


def config(base_url: str = "http://127.0.0.1:9", **options: Any) -> Config:
    return Config.model_validate(
        {
            "corp_id": CORP,
            "agent_id": AGENT,
            "secret": SECRET,
            "credentials": [{"token": TOKEN, "aes_key": AES_KEY}],
            "base_url": base_url,
            "timeout": 5,
            **options,
        }
    )


@dataclass(slots=True, kw_only=True)
class Branch:
    wecom: WeCom
    channel: Channel
    clock: Clock
    events: list[InboundEvent] = field(default_factory=list)
    outcome: Outcome = Outcome.DONE  # what the gateway makes of a press

    @property
    def app(self) -> App:
        return self.wecom.apps[AGENT]

    async def send(self, message: OutboundMessage) -> Sent:
        assert self.channel.sender is not None
        return await self.channel.sender.send(message)

    def shown(self, userid: str = "chenjing") -> StaffMessage:
        """Return the one message on a member's phone."""
        (only,) = self.wecom.cards(userid)
        return only

    def answers(self) -> list[Answer]:
        return [event for event in self.events if isinstance(event, Answer)]


@asynccontextmanager
async def branch(*, staff: Sequence[str] = ("ChenJing",), **options: Any) -> AsyncIterator[Branch]:
    """Open the channel; `options` are its settings."""
    clock = Clock()
    app = App(agent_id=AGENT, secret=SECRET, token=TOKEN, aes_key=AES_KEY)
    async with (
        wecom_simulator(corp_id=CORP, apps=[app], staff=staff, now=clock) as wecom,
        open_channel(config(wecom.url, **options), tools(now=clock), "staff") as channel,
    ):
        opened = Branch(wecom=wecom, channel=channel, clock=clock)

        async def accept(events: Sequence[InboundEvent]) -> Sequence[Receipt]:
            opened.events.extend(events)
            return [Receipt(outcome=opened.outcome) for _ in events]

        site = web.Application()
        settings = SimpleNamespace(web=SimpleNamespace(public_url="https://complaints.bank.example"))
        site[SITE] = SimpleNamespace(settings=settings, accept=accept, now=clock)  # what a hook needs of it
        assert channel.webhook is not None
        site.add_routes(hooks.routes({"staff": channel.webhook}))
        async with TestServer(site) as server:
            app.hook_url = str(server.make_url("/hooks/staff"))
            yield opened


def text(short: str = "【派单】TS-261123-000001-7｜一般｜请最迟16:00接单", **changes: Any) -> Text:
    words = {"subject": f"[{NUMBER}] 派单", "short": short, "text": "长文本", "html": "<p>长文本</p>"}
    return Text(**{"language": Language.ZH_HANS, **words, **changes})


def card(**changes: Any) -> Card:
    """A card with a button and a link; say what is to differ."""
    return Card(**{"text": text(), "choices": ("accept",), "link": LINK, **changes})


def message(content: Card | None = None, *, to: str = "chenjing", key: str = "") -> OutboundMessage:
    """Return a message of its own key."""
    contact = Contact(type=ContactType.WECOM_STAFF, value=to, verified=True)
    return OutboundMessage(key=key or new_id(START), to=contact, content=content or card(), created_at=START)
