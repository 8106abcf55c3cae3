"""A way to a server on loopback that can be cut: every connection through it ends at once, on both sides."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator


class Link:
    """One way to one server. A server that is not there closes the connection that asked for it."""

    def __init__(self, to_port: int) -> None:
        self._to_port = to_port
        self._open: set[asyncio.StreamWriter] = set()
        self.port = 0

    def cut(self) -> None:
        """Reset every connection, whatever is on its way."""
        for writer in list(self._open):
            writer.transport.abort()

    async def pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with self._held(writer):
            try:
                there, back = await asyncio.open_connection("127.0.0.1", self._to_port)
            except OSError:
                return
            with self._held(back):
                await asyncio.gather(_copy(reader, back), _copy(there, writer))

    @contextlib.contextmanager
    def _held(self, writer: asyncio.StreamWriter) -> Iterator[None]:
        self._open.add(writer)
        try:
            yield
        finally:
            self._open.discard(writer)
            writer.close()


@contextlib.asynccontextmanager
async def link(to_port: int) -> AsyncIterator[Link]:
    """Open a way to this port of loopback for the block."""
    way = Link(to_port)
    server = await asyncio.start_server(way.pass_on, "127.0.0.1", 0)
    way.port = server.sockets[0].getsockname()[1]
    try:
        yield way
    finally:
        server.close()
        way.cut()
        await server.wait_closed()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()
