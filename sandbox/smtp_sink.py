"""A real SMTP server (aiosmtpd) that keeps what it is given and fails on request, inside the running loop.

The local part of the recipient picks the behaviour, so that a story reads in the address:

    nouser...    550 at RCPT: no such mailbox
    full...      452 at RCPT: mailbox full
    grey...      451 at RCPT: greylisted
    spam...      554 at RCPT: refused by policy
    busy...      421 after DATA, and not kept
    lostack...   kept, then the connection is cut before the answer: the sender cannot know
    slow...      kept, answered after `slow_seconds`
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from sandbox.mailbox import Mailbox

logging.getLogger("mail.log").setLevel(logging.ERROR)  # the library's own deprecations

_REFUSED = {
    "nouser": "550 5.1.1 mailbox unavailable",
    "full": "452 4.2.2 mailbox full",
    "grey": "451 4.7.1 greylisted, try again later",
    "spam": "554 5.7.1 rejected by policy",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One mail as it was handed over."""

    mail_from: str
    rcpt: str
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """A mailbox this server delivers to, under its address and all plus addresses of it."""

    address: str
    mailbox: Mailbox
    now: Callable[[], datetime]

    def takes(self, recipient: str) -> bool:
        local, _, domain = recipient.lower().rpartition("@")
        return f"{local.partition('+')[0]}@{domain}" == self.address.lower()

    async def deliver(self, mail: Received) -> None:
        head = f"Return-Path: <{mail.mail_from}>\r\nDelivered-To: {mail.rcpt}\r\n"
        await self.mailbox.append(head.encode("utf-8") + mail.raw, self.now())


@dataclass(slots=True, kw_only=True)
class Sink:
    """Where it answers, and what it was given so far."""

    host: str
    port: int = 0
    received: list[Received] = field(default_factory=list)
    connections: int = 0  # how many were opened
    recipients: int = 0  # how many it was asked to take, also those it refused
    _open: set[SMTP] = field(default_factory=set, repr=False)

    def cut(self) -> None:
        """Cut every open connection, as a server does with idle ones."""
        for client in list(self._open):
            _cut(client)


@asynccontextmanager
async def smtp_sink(
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    deliver_to: Local | None = None,
    on_mail: Callable[[Received], None] | None = None,
    login: tuple[str, str] | None = None,
    slow_seconds: float = 5.0,
) -> AsyncIterator[Sink]:
    """Run the server while the block lasts. `port` 0 takes a free one; `login` is the user and password it knows."""
    loop = asyncio.get_running_loop()
    sink = Sink(host=host)
    script = _Script(sink, deliver_to, on_mail, slow_seconds)

    def authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        given = (data.login.decode(), data.password.decode())
        return AuthResult(success=given == login, handled=False)

    class Client(SMTP):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            sink.connections += 1
            sink._open.add(self)
            super().connection_made(transport)

        def connection_lost(self, error: Exception | None) -> None:
            sink._open.discard(self)
            super().connection_lost(error)

    server = await loop.create_server(
        lambda: Client(
            script,
            hostname="sandbox",
            ident="sandbox",
            enable_SMTPUTF8=True,
            authenticator=authenticate if login else None,
            auth_require_tls=False,
            loop=loop,
        ),
        host,
        port,
    )
    sink.port = server.sockets[0].getsockname()[1]
    try:
        yield sink
    finally:
        server.close()
        sink.cut()
        await server.wait_closed()


def _cut(server: SMTP) -> None:
    if isinstance(server.transport, asyncio.Transport):
        server.transport.abort()


class _Script:
    """What the server does at RCPT and after DATA; the method names are the library's."""

    def __init__(
        self, sink: Sink, local: Local | None, on_mail: Callable[[Received], None] | None, slow_seconds: float
    ) -> None:
        self._sink = sink
        self._local = local
        self._on_mail = on_mail
        self._slow_seconds = slow_seconds

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Sequence[str]
    ) -> str:
        self._sink.recipients += 1
        for prefix, answer in _REFUSED.items():
            if address.startswith(prefix):
                return answer
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        raw = envelope.original_content or b""
        if any(recipient.startswith("busy") for recipient in envelope.rcpt_tos):
            return "421 4.3.2 shutting down"
        for recipient in envelope.rcpt_tos:
            await self._keep(Received(mail_from=envelope.mail_from or "", rcpt=recipient, raw=raw))
        if any(recipient.startswith("slow") for recipient in envelope.rcpt_tos):
            await asyncio.sleep(self._slow_seconds)
        if any(recipient.startswith("lostack") for recipient in envelope.rcpt_tos):
            _cut(server)
        return f"250 2.0.0 Ok: queued as {len(self._sink.received)}"

    async def _keep(self, mail: Received) -> None:
        self._sink.received.append(mail)
        if self._local is not None and self._local.takes(mail.rcpt):
            await self._local.deliver(mail)
        if self._on_mail is not None:
            self._on_mail(mail)
