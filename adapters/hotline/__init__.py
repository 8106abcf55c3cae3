"""The hotline: transcripts of calls, pushed by the telephone system, found in a folder, or handed over as files."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from adapters.hotline import wire
from adapters.hotline.config import Config
from adapters.hotline.folder import WatchedFolder
from adapters.hotline.inbound import SignedPush
from adapters.hotline.transcript import NotReady
from adapters.hotline.wire import read
from adapters.tools import Tools
from gateway.errors import Flaw, InvalidFile
from gateway.ports import Channel, Filed

__all__ = ["Config", "open_channel", "read"]


@asynccontextmanager
async def open_channel(config: Config, tools: Tools, source: str) -> AsyncIterator[Channel]:
    """Yield the channel of one hotline. Raises Misconfigured when a secret cannot be read."""
    reading = config.reading()
    push = folder = None
    if config.push is not None:
        push = SignedPush(keys=config.push.keys(), reading=reading, max_body=config.max_bytes, source=source)
    if config.folder is not None:
        folder = WatchedFolder(config.folder, reading=reading, max_bytes=config.max_bytes, now=tools.now, source=source)

    def filed(data: bytes, name: str) -> Sequence[Filed]:
        try:
            event = wire.parse(data, source=source, received_at=tools.now(), reading=reading)
        except NotReady as error:
            raise InvalidFile([Flaw(problem=error.problem, words="It holds no words of a call.")]) from None
        return [Filed(place="", event=event)]

    yield Channel(
        name="hotline",
        source=source,
        webhook=push,
        listener=folder,
        reader=filed,
        probe=folder.check if folder else None,
    )
