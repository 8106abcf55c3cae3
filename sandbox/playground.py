"""Everything the demonstration runs on: simulated providers, the gateway among them, and the customers' phone."""

from __future__ import annotations

import asyncio
import base64
import secrets
import socket
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.__main__ import form_for, open_channels
from gateway.app import Service, service
from gateway.errors import Misconfigured
from gateway.ports import Now
from gateway.settings import DEMONSTRATION_BANK, Settings
from sandbox.agents import Agents
from sandbox.arrivals import arrived_chat, arrived_mail, arrived_notices, follow_sms
from sandbox.customers import CUSTOMERS
from sandbox.desk import Desk
from sandbox.example_bank import (
    ADDRESS,
    APP_ID,
    CORP,
    CUSTOMERS_APP,
    KF_ACCOUNT,
    KF_NAME,
    MEMBERS,
    STAFF_APP,
    make_tokens,
    settings_of_tokens,
    write_config,
)
from sandbox.handsets import Handsets
from sandbox.lines import Lines
from sandbox.mailbox import Mailbox, mailbox
from sandbox.overview import Overview
from sandbox.phone import Scene, phone
from sandbox.smtp_sink import Local, Sink, smtp_sink
from sandbox.transcripts import CUSTOMER as CUSTOMER_LABELS
from sandbox.twilio import Twilio, twilio_simulator
from sandbox.wechat import NoticeTemplate, WeChat, wechat_simulator
from sandbox.wecom import App, KfAccount, WeCom, wecom_simulator

PHONE_PORT = 8025
_ACCOUNT, _BANK_NUMBER = f"AC{'0' * 32}", "+85230000001"
_PROGRESS = NoticeTemplate(
    id="complaint-progress",
    title="投诉办理进度通知",
    content=(
        "受理编号:{{character_string1.DATA}}\n事项:{{thing2.DATA}}\n状态:{{phrase3.DATA}}\n"
        "答复最迟:{{date4.DATA}}\n电话:{{phone_number5.DATA}}"
    ),
)
_PROGRESS_DATA = {
    "character_string1": "number",
    "thing2": "matter",
    "phrase3": "status",
    "date4": "promised",
    "phone_number5": "telephone",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Playground:
    """The running demonstration."""

    service: Service
    handsets: Handsets
    lines: Lines
    agents: Agents
    desk: Desk
    phone_port: int


@asynccontextmanager
async def build(*, port: int, now: Now) -> AsyncIterator[Playground]:
    """Start it all on loopback; the gateway listens on `port` where that is free, else on another one."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="huiyin-")))
        port = _free(port)
        site = f"http://127.0.0.1:{port}"
        handsets = Handsets()
        box = await stack.enter_async_context(mailbox("complaints", "sandbox"))
        sink = await stack.enter_async_context(
            smtp_sink(
                deliver_to=Local(address=ADDRESS, mailbox=box, now=now),
                on_mail=lambda mail: arrived_mail(handsets, mail, now()),
            )
        )
        twilio = await stack.enter_async_context(
            twilio_simulator(
                account_sid=_ACCOUNT,
                auth_token=secrets.token_hex(16),
                hook_url=f"{site}/hooks/sms",
                number=_BANK_NUMBER,
                now=now,
            )
        )
        wecom = await stack.enter_async_context(_wecom(site, now))
        wechat = await stack.enter_async_context(_wechat(site, now))
        _follow(handsets, wecom, wechat)
        following = asyncio.create_task(follow_sms(handsets, twilio))
        stack.callback(following.cancel)
        hotline_secret, tokens = base64.b64encode(secrets.token_bytes(32)).decode(), make_tokens()
        settings = Settings.model_validate(
            {
                "bank": DEMONSTRATION_BANK,
                "demonstration": True,
                "config": write_config(folder),
                "storage": {"url": f"sqlite:///{folder}/huiyin.db", "keys_file": folder / "huiyin.keys"},
                "web": {"port": port, "public_url": site, "tokens": settings_of_tokens(tokens)},
                "channels": {
                    "complaints-mailbox": _mail(box, sink),
                    "sms": _sms(twilio),
                    "hotline": _hotline(hotline_secret),
                    "wecom": _service_account(wecom),
                    "wecom-staff": _staff_app(wecom),
                    "wechat": _official_account(wechat),
                },
            }
        )
        running = await stack.enter_async_context(
            service(settings, open_channels(settings, now), form_for=form_for, now=now)
        )
        lines = Lines(
            sink=sink,
            twilio=twilio,
            wecom=wecom,
            wechat=wechat,
            hotline_url=f"{site}/hooks/hotline",
            hotline_secret=hotline_secret,
            handsets=handsets,
            now=now,
        )
        agents, desk = Agents(wecom=wecom), Desk(site=site, tokens=tokens, now=now)
        overview = Overview(storage=running.storage)
        scene = Scene(handsets=handsets, lines=lines, agents=agents, desk=desk, overview=overview)
        phone_port = await stack.enter_async_context(phone(scene, port=_free(PHONE_PORT)))
        yield Playground(
            service=running, handsets=handsets, lines=lines, agents=agents, desk=desk, phone_port=phone_port
        )


def _wecom(site: str, now: Now) -> AbstractAsyncContextManager[WeCom]:
    apps = [
        App(agent_id=CUSTOMERS_APP, name="微信客服", hook_url=f"{site}/hooks/wecom", **_secrets()),
        App(agent_id=STAFF_APP, name="投诉工单", hook_url=f"{site}/hooks/wecom-staff", **_secrets()),
    ]
    accounts = [KfAccount(open_kfid=KF_ACCOUNT, name=KF_NAME, app=CUSTOMERS_APP)]
    return wecom_simulator(corp_id=CORP, apps=apps, accounts=accounts, staff=tuple(MEMBERS), now=now)


def _wechat(site: str, now: Now) -> AbstractAsyncContextManager[WeChat]:
    followers = {one.openid for one in CUSTOMERS.values() if one.openid}
    return wechat_simulator(
        app_id=APP_ID,
        hook_url=f"{site}/hooks/wechat",
        templates=[_PROGRESS],
        now=now,
        followers=followers,
        known=set(followers),
        **_secrets(),
    )


def _secrets() -> dict[str, Any]:
    """Return what an app is known by: its secret, and the token and key of its callback."""
    aes_key = base64.b64encode(secrets.token_bytes(32)).decode().rstrip("=")
    return {"secret": secrets.token_hex(16), "token": secrets.token_hex(16), "aes_key": aes_key}


def _follow(handsets: Handsets, wecom: WeCom, wechat: WeChat) -> None:
    """Bring what changes in WeChat and WeCom to the customers' phones, and to the page."""

    def changed(who: str) -> None:
        arrived_chat(handsets, wecom.chat(who))
        handsets.wake()  # a card of an agent's stands on no phone

    wecom.on_change = changed
    wechat.on_change = lambda openid: arrived_notices(handsets, wechat.notices(openid))


def _mail(box: Mailbox, sink: Sink) -> Mapping[str, Any]:
    return {
        "adapter": "email",
        "address": ADDRESS,
        "from_names": DEMONSTRATION_BANK["names"],
        "imap": {"host": box.host, "port": box.port, "tls": "none", "user": "complaints", "password": "sandbox"},
        "smtp": {"host": sink.host, "port": sink.port, "tls": "none"},
    }


def _sms(twilio: Twilio) -> Mapping[str, Any]:
    return {
        "adapter": "sms",
        "account_sid": twilio.account_sid,
        "auth_tokens": [twilio.auth_token],
        "from_number": twilio.number,
        "base_url": twilio.url,
    }


def _service_account(wecom: WeCom) -> Mapping[str, Any]:
    account = {"open_kfid": KF_ACCOUNT, "note": f"也可以打电话：{DEMONSTRATION_BANK['telephone']}"}
    return {"adapter": "wecom", "accounts": [account], **_app(wecom, CUSTOMERS_APP)}


def _staff_app(wecom: WeCom) -> Mapping[str, Any]:
    return {"adapter": "wecom_app", "agent_id": STAFF_APP, **_app(wecom, STAFF_APP)}


def _app(wecom: WeCom, agent_id: int) -> Mapping[str, Any]:
    app = wecom.apps[agent_id]
    credentials = [{"token": app.token, "aes_key": app.aes_key}]
    return {"corp_id": CORP, "secret": app.secret, "credentials": credentials, "base_url": wecom.url}


def _official_account(wechat: WeChat) -> Mapping[str, Any]:
    return {
        "adapter": "wechat",
        "app_id": APP_ID,
        "secret": wechat.secret,
        "credentials": [{"token": wechat.token, "aes_key": wechat.aes_key}],
        "templates": {"default": {"template_id": _PROGRESS.id, "data": _PROGRESS_DATA}},
        "base_url": wechat.url,
    }


def _hotline(secret: str) -> Mapping[str, Any]:
    return {"adapter": "hotline", "push": {"secrets": [secret]}, "customer": CUSTOMER_LABELS}


def _free(port: int) -> int:
    """Return the port if nobody listens on it, else another one that is free now."""
    for wanted in (port, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", wanted))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise Misconfigured("no port is free")
