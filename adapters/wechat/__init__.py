"""A WeChat 公众号: followers' complaints in by callback, notices out by the templates WeChat has approved."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from adapters.tools import Tools
from adapters.wechat.config import Config
from adapters.wechat.inbound import WeChatHook, WeChatMedia
from adapters.wechat.outbound import TemplateSender
from adapters.wechat.wire import read
from adapters.weixin.api import Api, TokenCall
from adapters.weixin.callback import Callback
from gateway.model import ContactType
from gateway.ports import Channel

__all__ = ["Config", "open_channel", "read"]


@asynccontextmanager
async def open_channel(config: Config, tools: Tools, source: str) -> AsyncIterator[Channel]:
    """Yield the channel of one account. Nothing is connected before a role is used; secrets in files are read now."""
    secret = await asyncio.to_thread(config.app_secret)
    credentials = await asyncio.to_thread(config.callback_credentials)
    # The stable token: /cgi-bin/token would take the token away from whoever else calls for this account (lesson 86).
    asked = {"grant_type": "client_credential", "appid": config.app_id, "secret": secret}
    async with Api.open(
        base_url=config.base_url,
        timeout=config.timeout,
        shared=tools.shared,
        token_name=f"wechat:{config.app_id}",
        fetch_token=TokenCall(path="/cgi-bin/stable_token", body=asked),
    ) as api:
        sender = TemplateSender(config, api)
        callback = Callback(credentials, receive_id=config.app_id, sealed_echo=False)
        yield Channel(
            name="wechat",
            source=source,
            serves=ContactType.WECHAT,
            sender=sender,
            webhook=WeChatHook(callback, source),
            fetcher=WeChatMedia(api),
            probe=sender.check,
        )
