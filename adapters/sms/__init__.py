"""SMS by Twilio: complaints in by webhook, notices out by its API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from adapters.sms.api import open_client
from adapters.sms.config import Config
from adapters.sms.inbound import TwilioHook
from adapters.sms.lookup import TwilioCensus, TwilioFinder
from adapters.sms.outbound import TwilioSender
from adapters.sms.wire import Secrets, read
from adapters.tools import Tools
from gateway.model import ContactType
from gateway.ports import Channel

__all__ = ["Config", "open_channel", "read"]


@asynccontextmanager
async def open_channel(config: Config, tools: Tools, source: str) -> AsyncIterator[Channel]:
    """Yield the channel of one number. Nothing is connected before a role is used; secrets in files are read now."""
    tokens = await asyncio.to_thread(config.tokens)
    secrets = Secrets(tokens=tokens, shared_keys=await asyncio.to_thread(config.keys))
    async with open_client(config, tokens[0]) as client:
        sender = TwilioSender(config, client, tools.hook_url(source))
        yield Channel(
            name="sms",
            source=source,
            serves=ContactType.MOBILE,
            one_way=config.one_way,
            sender=sender,
            finder=TwilioFinder(client, tools.now),
            webhook=TwilioHook(config, secrets, source),
            census=TwilioCensus(config, client, source),
            probe=sender.check,
        )
