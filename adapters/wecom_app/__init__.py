"""The bank's people by messages of an app in its own WeCom: cards out, presses of their buttons in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from adapters.tools import Tools
from adapters.wecom_app.config import Config
from adapters.wecom_app.inbound import PressHook
from adapters.wecom_app.outbound import CardSender
from adapters.wecom_app.pace import Pace
from adapters.wecom_app.wire import read
from adapters.weixin.api import Api, TokenCall
from adapters.weixin.callback import Callback
from gateway.model import ContactType
from gateway.ports import Channel

__all__ = ["Config", "open_channel", "read"]


@asynccontextmanager
async def open_channel(config: Config, tools: Tools, source: str) -> AsyncIterator[Channel]:
    """Yield the channel of one app. Nothing is connected before a role is used; secrets in files are read now."""
    secret = await asyncio.to_thread(config.app_secret)
    credentials = await asyncio.to_thread(config.callback_credentials)
    fetch_token = TokenCall(path="/cgi-bin/gettoken", query={"corpid": config.corp_id, "corpsecret": secret})
    async with Api.open(
        base_url=config.base_url,
        timeout=config.timeout,
        shared=tools.shared,
        token_name=f"wecom:{config.corp_id}:{config.agent_id}",
        fetch_token=fetch_token,
    ) as api:
        sender = CardSender(config.agent_id, api, Pace(config, secret, tools.shared, tools.now))
        yield Channel(
            name="wecom_app",
            source=source,
            serves=ContactType.WECOM_STAFF,
            sender=sender,
            webhook=PressHook(Callback(credentials, receive_id=config.corp_id, sealed_echo=True), source),
            probe=sender.check,
        )
