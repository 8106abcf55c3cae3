"""A bank as WeCom sees it, for tests of the simulated WeCom: a hook made with wechatpy, and a caller of the API."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import xmltodict
from aiohttp import web
from wechatpy.enterprise.crypto import WeChatCrypto

from sandbox.wecom import App, KfAccount, WeCom, wecom_simulator

CORP = "ww5823bf96d3bd56c7"
AES_KEY = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
CARE, OFFICE = 1000002, 1000003  # agent ids: for customers, for staff
KF = "wkAJ2GCAAASSm4_FhToWMFea0xAFfd3Q"
WANG = "wmAJ2GCAAAme1XQRC-NI-q0_ZM9ukoAw"


@dataclass(slots=True, kw_only=True)
class Bank:
    """What the bank's side heard, and how it is to answer."""

    wecom: WeCom
    session: aiohttp.ClientSession
    at: list[datetime]
    heard: list[dict[str, Any]] = field(default_factory=list)  # decrypted
    bodies: list[tuple[str, bytes]] = field(default_factory=list)  # query and body of every POST
    statuses: deque[int] = field(default_factory=deque)  # of the next answers, 200 where there is none
    reply: str = ""  # the <xml> of the passive reply, or nothing
    echo: str = ""  # what is put after the echo
    deaf: asyncio.Event | None = None  # answers wait for it

    def pass_time(self, **time: float) -> None:
        self.at[0] += timedelta(**time)

    async def get(self, path: str, **query: str) -> dict[str, Any]:
        async with self.session.get(f"{self.wecom.url}/cgi-bin/{path}", params=query) as response:
            assert response.status == 200
            return dict(await response.json())

    async def token(self, secret: str = "care-secret") -> str:
        return str((await self.get("gettoken", corpid=CORP, corpsecret=secret))["access_token"])

    async def post(self, path: str, raw: str, token: str) -> dict[str, Any]:
        url = f"{self.wecom.url}/cgi-bin/{path}"
        async with self.session.post(url, params={"access_token": token}, data=raw.encode()) as response:
            assert response.status == 200
            return dict(await response.json())

    async def call(self, path: str, **body: Any) -> dict[str, Any]:
        secret = "office-secret" if path.startswith("message/") else "care-secret"
        return await self.post(path, json.dumps(body, ensure_ascii=False), await self.token(secret))

    async def sync(self, **body: Any) -> dict[str, Any]:
        """Pull with the newest bell's token, unless told otherwise."""
        body.setdefault("token", self.heard[-1]["Token"] if self.heard else "")
        return await self.call("kf/sync_msg", **{"open_kfid": KF, "limit": 1000, **body})

    async def send(self, text: str = "您的投诉已受理", **body: Any) -> int:
        """Answer the customer; return the errcode."""
        message = {"touser": WANG, "open_kfid": KF, "msgtype": "text", "text": {"content": text}}
        return int((await self.call("kf/send_msg", **{**message, **body}))["errcode"])

    async def card(self, task_id: str = "notice-1", **body: Any) -> dict[str, Any]:
        card = {
            "card_type": "button_interaction",
            "main_title": {"title": "新投诉 HY2026112400001"},
            "task_id": task_id,
            "button_list": [{"text": "受理", "style": 1, "key": "take"}, {"text": "退回", "style": 2, "key": "return"}],
        }
        message = {"touser": "lina", "agentid": OFFICE, "msgtype": "template_card", "template_card": card}
        return await self.call("message/send", **{**message, **body})

    async def hear(self, request: web.Request) -> web.Response:
        query = request.query
        for app in self.wecom.apps.values():
            if request.path == f"/{app.agent_id}":
                crypto = WeChatCrypto(app.token, app.aes_key, CORP)
        signed = (query["msg_signature"], query["timestamp"], query["nonce"])
        if request.method == "GET":
            return web.Response(text=crypto.check_signature(*signed, query["echostr"]) + self.echo)
        body = await request.read()
        self.bodies.append((request.query_string, body))
        if self.deaf is not None:
            await self.deaf.wait()
        status = self.statuses.popleft() if self.statuses else 200
        if status != 200:
            return web.Response(status=status)
        self.heard.append(xmltodict.parse(crypto.decrypt_message(body.decode(), *signed))["xml"])
        return web.Response(text=crypto.encrypt_message(self.reply, "nonce", signed[1]) if self.reply else "")


@asynccontextmanager
async def bank(**options: Any) -> AsyncIterator[Bank]:
    """Run a bank and its simulated WeCom, at noon of a Tuesday that does not pass by itself."""
    at = [datetime(2026, 11, 24, 4, tzinfo=UTC)]
    care = App(agent_id=CARE, secret="care-secret", token="care", aes_key=AES_KEY)
    office = App(agent_id=OFFICE, secret="office-secret", token="office", aes_key=AES_KEY)
    account = KfAccount(open_kfid=KF, name="投诉受理", app=CARE)
    async with (
        wecom_simulator(
            corp_id=CORP,
            apps=[care, office],
            accounts=[account],
            staff=["LiNa", "zhaolei"],
            now=lambda: at[0],
            **options,
        ) as wecom,
        aiohttp.ClientSession() as session,
    ):
        opened = Bank(wecom=wecom, session=session, at=at)
        hooks = web.Application()
        hooks.add_routes([web.get("/{agent}", opened.hear), web.post("/{agent}", opened.hear)])
        runner = web.AppRunner(hooks, shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        for app in (care, office):
            app.hook_url = f"http://127.0.0.1:{runner.addresses[0][1]}/{app.agent_id}"
        try:
            yield opened
        finally:
            if opened.deaf is not None:
                opened.deaf.set()
            await runner.cleanup()
