"""A channel between a simulated WeCom and the gateway's own hook route: real HTTP both ways, and what came in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

from aiohttp import web
from aiohttp.test_utils import TestServer

from adapters.wecom import Config, open_channel
from gateway.model import Bell, Contact, ContactType, InboundEvent, Language, OutboundMessage, Outcome, Receipt, Text
from gateway.ports import Channel, Page
from gateway.web import hooks
from gateway.web.keys import SITE, Site
from sandbox.wecom import App, KfAccount, WeCom, wecom_simulator
from tests.factories import START, Clock
from tests.shared import tools

PUBLIC = "https://complaints.bank.example"
CORP = "ww5823bf96d3bd56c7"
AGENT = 1000002
SECRET = "s3cret-of-the-app"
TOKEN, NEXT_TOKEN = "QDG6eK", "nextT0ken"
AES_KEY = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
NEXT_AES_KEY = "kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR"
KF = "wkAJ2GCAAASSm4"
CARDS_KF = "wkAJ2GCAAABcards"
WANG, LI = "wmAJ2GCAAAme1XQRC", "wmAJ2GCAAAliXQRC"
KEY = "01kbn3v5q8x2m4r6t8w0y2z4a6"


def table(base_url: str = "http://127.0.0.1:9", **options: Any) -> dict[str, Any]:
    """Return settings as an operator writes them."""
    return {
        "corp_id": CORP,
        "secret": SECRET,
        "credentials": [
            {"token": TOKEN, "aes_key": AES_KEY},
            {"token": NEXT_TOKEN, "aes_key": NEXT_AES_KEY},
        ],
        "accounts": [{"open_kfid": KF}, {"open_kfid": CARDS_KF}],
        "base_url": base_url,
        "timeout": 5,
        **options,
    }


def app(hook_url: str = "") -> App:
    return App(agent_id=AGENT, secret=SECRET, token=TOKEN, aes_key=AES_KEY, hook_url=hook_url)


@asynccontextmanager
async def wecom_of(clock: Clock, **told: Any) -> AsyncIterator[WeCom]:
    """Run the bank's WeCom: one app, two accounts; `told` are fields of the simulator."""
    accounts = [KfAccount(open_kfid=one, name=one, app=AGENT) for one in (KF, CARDS_KF)]
    told = {"callbacks": "never", "now": clock, **told}
    async with wecom_simulator(corp_id=CORP, apps=[app()], accounts=accounts, staff=["lisi"], **told) as wecom:
        yield wecom


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    wecom: WeCom
    channel: Channel
    clock: Clock
    bells: list[Bell] = field(default_factory=list)

    async def read(self, place: str = "", ticket: str = "", stream: str = KF) -> Page:
        assert self.channel.feed is not None
        return await self.channel.feed.read(stream, place, ticket)

    async def send(self, sent: OutboundMessage) -> str:
        assert self.channel.sender is not None
        return (await self.channel.sender.send(sent)).provider_id

    def shown(self, customer: str = WANG) -> list[str]:
        """Return what the bank's messages on a customer's telephone say."""
        return [one.text for one in self.wecom.chat(customer) if not one.mine]

    def calls(self, path: str) -> int:
        return self.wecom.requests[path]


@asynccontextmanager
async def house(*, simulator: dict[str, Any] | None = None, **options: Any) -> AsyncIterator[House]:
    """Open the channel to a simulated WeCom, which calls its webhook; `options` are settings of the channel."""
    clock = Clock()
    async with (
        wecom_of(clock, **(simulator or {})) as wecom,
        open_channel(Config.model_validate(table(wecom.url, **options)), tools(clock, PUBLIC), "wecom") as channel,
    ):
        opened = House(wecom=wecom, channel=channel, clock=clock)

        async def accept(events: Sequence[InboundEvent]) -> Sequence[Receipt]:
            opened.bells.extend(event for event in events if isinstance(event, Bell))
            return [Receipt(outcome=Outcome.HEARD) for _ in events]

        site = web.Application()
        settings = SimpleNamespace(web=SimpleNamespace(public_url=PUBLIC))
        needed = SimpleNamespace(settings=settings, accept=accept, now=clock)  # of the site, by a hook
        site[SITE] = cast("Site", needed)
        assert channel.webhook is not None
        site.add_routes(hooks.routes({"wecom": channel.webhook}))
        async with TestServer(site) as server:
            wecom.apps[AGENT].hook_url = str(server.make_url("/hooks/wecom"))
            yield opened


def message(
    short: str = "您反映的问题已受理，编号TS-261123-000001-7",
    *,
    text: str = "王女士，您好：您反映的问题已受理。",
    to: str = f"{KF}/{WANG}",
    key: str = KEY,
    verified: bool = False,
) -> OutboundMessage:
    return OutboundMessage(
        key=key,
        to=Contact(type=ContactType.WECOM, value=to, verified=verified),
        content=Text(language=Language.ZH_HANS, subject="受理通知", short=short, text=text, html=""),
        created_at=START,
    )
