"""Tickets to the units' own systems by HTTP, signed as Standard Webhooks says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from adapters.tools import Tools
from adapters.webhook.config import Config
from adapters.webhook.outbound import TicketPoster
from adapters.webhook.wire import read
from gateway.model import ContactType
from gateway.ports import Channel

__all__ = ["Config", "open_channel", "read"]


@asynccontextmanager
async def open_channel(config: Config, tools: Tools, source: str) -> AsyncIterator[Channel]:
    """Yield the channel to all endpoints. Nothing is connected before a role is used."""
    async with TicketPoster.open(config, tools.now) as poster:
        yield Channel(name="webhook", source=source, serves=ContactType.WEBHOOK, sender=poster, probe=poster.check)
