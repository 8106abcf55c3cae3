"""Tickets to the units' own systems through Redis Streams."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from adapters.stream.config import Config
from adapters.stream.outbound import TicketStreams
from adapters.stream.wire import read
from adapters.tools import Tools
from gateway.model import ContactType
from gateway.ports import Channel

__all__ = ["Config", "open_channel", "read"]


@asynccontextmanager
async def open_channel(config: Config, tools: Tools, source: str) -> AsyncIterator[Channel]:
    """Yield the channel to all streams. Nothing is connected before a role is used."""
    async with TicketStreams.open(config) as streams:
        yield Channel(name="stream", source=source, serves=ContactType.STREAM, sender=streams, probe=streams.check)
