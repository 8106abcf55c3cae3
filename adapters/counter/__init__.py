"""Counter visits, opinion books, letters, regulators' referrals, the paper of an outage: in files a person imports."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from zoneinfo import ZoneInfo

from adapters.counter.config import Config
from adapters.counter.wire import parse, read
from adapters.tools import Tools
from gateway.ports import Channel, Filed

__all__ = ["Config", "open_channel", "read"]


@asynccontextmanager
async def open_channel(config: Config, tools: Tools, source: str) -> AsyncIterator[Channel]:
    """Yield the channel of one source. It reads what it is handed and goes nowhere by itself."""
    zone = ZoneInfo(config.zone)

    def reader(data: bytes, name: str) -> Sequence[Filed]:
        return parse(data, source=source, zone=zone, now=tools.now())

    yield Channel(name="counter", source=source, reader=reader)
