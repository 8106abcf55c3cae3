"""微信客服 by WeCom: customers write to the bank's accounts in WeChat, and are told there."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from adapters.tools import Tools
from adapters.wecom.config import Config
from adapters.wecom.feed import KfFeed
from adapters.wecom.greeting import Greeter
from adapters.wecom.inbound import KfHook
from adapters.wecom.media import KfFiles
from adapters.wecom.outbound import KfSender
from adapters.wecom.probe import KfProbe
from adapters.wecom.wire import read
from adapters.weixin.api import Api, TokenCall
from adapters.weixin.callback import Callback
from gateway.model import ContactType
from gateway.ports import Channel, Window

__all__ = ["Config", "open_channel", "read"]

_WINDOW = Window(lasts=timedelta(hours=48), messages=5)  # path/94677


def _app(corp_id: str, secret: str) -> str:
    """Return what tells one app's token from another's: these settings know an app by its secret only."""
    return hashlib.sha256(f"{corp_id}\n{secret}".encode()).hexdigest()[:16]


@asynccontextmanager
async def open_channel(config: Config, tools: Tools, source: str) -> AsyncIterator[Channel]:
    """Yield the channel of one app. Nothing is connected before a role is used; secrets in files are read now."""
    secret = await asyncio.to_thread(config.app_secret)
    credentials = await asyncio.to_thread(config.callback_credentials)
    async with Api.open(
        base_url=config.base_url,
        timeout=config.timeout,
        shared=tools.shared,
        token_name=f"wecom:{_app(config.corp_id, secret)}",
        fetch_token=TokenCall(path="/cgi-bin/gettoken", query={"corpid": config.corp_id, "corpsecret": secret}),
    ) as api:
        streams = tuple(account.open_kfid for account in config.accounts)
        greeter = Greeter(config.accounts, api, source, tools.now)
        callback = Callback(credentials, receive_id=config.corp_id, sealed_echo=True)
        yield Channel(
            name="wecom",
            source=source,
            serves=ContactType.WECOM,
            window=_WINDOW,
            sender=KfSender(api),
            webhook=KfHook(callback, source, streams),
            feed=KfFeed(config.accounts, api, greeter, source, tools.now),
            fetcher=KfFiles(api),
            probe=KfProbe(api, config.base_url, streams),
        )
