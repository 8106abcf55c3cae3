"""Everything the demonstration runs on: simulated providers, the gateway among them, and the customers' phone."""

from __future__ import annotations

import asyncio
import base64
import secrets
import socket
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.__main__ import form_for, open_channels
from gateway.app import Service, service
from gateway.errors import Misconfigured
from gateway.ports import Now
from gateway.settings import DEMONSTRATION_BANK, Settings
from sandbox.desk import Desk
from sandbox.example_bank import ADDRESS, make_tokens, settings_of_tokens, write_config
from sandbox.handsets import Handsets
from sandbox.lines import Lines, arrived_mail, follow_sms
from sandbox.mailbox import Mailbox, mailbox
from sandbox.overview import Overview
from sandbox.phone import Scene, phone
from sandbox.smtp_sink import Local, Sink, smtp_sink
from sandbox.transcripts import CUSTOMER as CUSTOMER_LABELS
from sandbox.twilio import Twilio, twilio_simulator

PHONE_PORT = 8025
_ACCOUNT, _BANK_NUMBER = f"AC{'0' * 32}", "+85230000001"


@dataclass(frozen=True, slots=True, kw_only=True)
class Playground:
    """The running demonstration."""

    service: Service
    handsets: Handsets
    lines: Lines
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
                },
            }
        )
        running = await stack.enter_async_context(
            service(settings, open_channels(settings, now), form_for=form_for, now=now)
        )
        lines = Lines(
            sink=sink,
            twilio=twilio,
            hotline_url=f"{site}/hooks/hotline",
            hotline_secret=hotline_secret,
            handsets=handsets,
            now=now,
        )
        desk = Desk(site=site, tokens=tokens, now=now)
        scene = Scene(handsets=handsets, lines=lines, desk=desk, overview=Overview(storage=running.storage))
        phone_port = await stack.enter_async_context(phone(scene, port=_free(PHONE_PORT)))
        yield Playground(service=running, handsets=handsets, lines=lines, phone_port=phone_port)


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
