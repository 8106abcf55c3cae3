"""A real IMAP server (pymap) with one mailbox in memory, inside the running loop."""

from __future__ import annotations

import asyncio
import ssl
from argparse import Namespace
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import datetime

from proxyprotocol.sock import SocketInfoLocal
from pymap.backend.dict import Config, Identity, Login
from pymap.backend.dict.mailbox import MailboxSet
from pymap.concurrent import Event, Subsystem
from pymap.context import connection_exit
from pymap.imap import IMAPConnection
from pymap.imap.state import ConnectionState
from pymap.parsing.command.select import IdleCommand
from pymap.parsing.message import AppendMessage
from pymap.parsing.response import UntaggedResponse
from pymap.parsing.specials import FetchRequirement
from pymap.user import UserMetadata
from pysasl.hashing import Cleartext


class _Config(Config):
    greeting = b"Server ready"  # the library's own asks DNS for this machine's name


class _State(ConnectionState):
    async def receive_updates(self, cmd: IdleCommand, done: Event) -> Iterable[UntaggedResponse]:
        """Report what already happened before waiting for more; pymap itself forgets mail that came before the IDLE.

        Real servers report it (RFC 2177), and a listener may rely on that.
        """
        selected = await self.session.check_mailbox(self.selected)
        self._selected, untagged = selected.fork(cmd)
        return list(untagged) or await super().receive_updates(cmd, done)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """Where the mailbox answers, and ways to put mail in and look at it past the protocol."""

    host: str
    port: int
    _identity: Identity = field(repr=False)
    _folders: MailboxSet = field(repr=False)

    async def append(self, raw: bytes, at: datetime, folder: str = "INBOX") -> None:
        """Put a mail in as if the server had received it at `at`. Idling clients hear of it."""
        async with self._identity.new_session() as session:
            await session.append_messages(folder, [AppendMessage(raw, at)])

    async def contents(self, folder: str = "INBOX") -> list[bytes]:
        """Return the mails of a folder, oldest first; none where there is no such folder."""
        try:
            mailbox = await self._folders.get_mailbox(folder)
        except KeyError:
            return []
        held = [message async for message in mailbox.messages()]
        return [bytes(await message.load_content(FetchRequirement.CONTENT)) for message in held]


@asynccontextmanager
async def mailbox(user: str, password: str, *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Mailbox]:
    """Run the server while the block lasts; it answers when the block begins. `port` 0 takes a free one."""
    login = await _login(user, password)
    clients: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = asyncio.ensure_future(_serve(login, reader, writer))
        clients.add(client)
        client.add_done_callback(clients.discard)

    server = await asyncio.start_server(connected, host, port)
    try:
        async with login.demo_user_identity.new_session() as session:
            yield Mailbox(
                host=host,
                port=server.sockets[0].getsockname()[1],
                _identity=login.demo_user_identity,
                _folders=session.mailbox_set,
            )
    finally:
        server.close()
        for client in clients:
            client.cancel()
        await asyncio.gather(*clients, return_exceptions=True)
        await server.wait_closed()


async def _serve(login: Login, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    config = login.config
    connection = IMAPConnection(config.commands, config, reader, writer, SocketInfoLocal(writer))
    async with AsyncExitStack() as stack:
        connection_exit.set(stack)
        stack.enter_context(closing(connection))
        await connection.run(_State(login, config))


async def _login(user: str, password: str) -> Login:
    config = _Config(
        Namespace(proxy_protocol=None),
        host=None,
        port=0,
        demo_data=False,
        demo_user=user,
        demo_password=password,
        ssl_context=ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER),
        tls_enabled=False,
        hash_context=Cleartext(),
        cpu_subsystem=Subsystem.for_asyncio(),
        invalid_user_sleep=0.0,
    )
    login = Login(config)
    await login.demo_user_identity.set(UserMetadata(config, user, password=password))
    return login
