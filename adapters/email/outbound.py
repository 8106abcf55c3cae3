"""Hands notices to an SMTP server over a few persistent connections. What a mail looks like is in compose.py."""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
from dataclasses import dataclass

import aiosmtplib
from aiosmtplib import SMTP

from adapters.email.compose import compose, envelope_sender, recipient
from adapters.email.config import Config, Smtp
from gateway.errors import DeliveryFailed, Misconfigured, Permanent, Temporary, Unavailable, Unknown
from gateway.model import OutboundMessage, Sent

_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}\b")
_QUEUED_AS = re.compile(r"queued as ([0-9A-Za-z._-]{1,64})")
_LOGIN_TROUBLE = frozenset({454, 530, 535})  # 5xx or not, it says nothing about the recipient
_CLOSING = 421


@dataclass(frozen=True, slots=True, kw_only=True)
class _Envelope:
    sender: str
    recipient: str
    content: bytes


class SmtpSender:
    """A Sender over a pool of connections, each used by one message at a time."""

    def __init__(self, config: Config, smtp: Smtp) -> None:
        self._config = config
        self._smtp = smtp
        self._places = asyncio.Semaphore(smtp.connections)
        self._idle: list[SMTP] = []

    async def send(self, message: OutboundMessage) -> Sent:
        """Hand over one mail; see ports.Sender.

        A connection the server closed while it lay idle is replaced, once, as long as DATA was not begun: nothing was
        handed over then, so this is no second attempt.
        """
        envelope = _Envelope(
            sender=envelope_sender(message.key, self._config),
            recipient=recipient(message),
            content=compose(message, self._config),
        )
        async with self._places:
            if (kept := self._kept()) is not None:
                with contextlib.suppress(_Stale):
                    return await self._use(kept, envelope, fresh=False)
            return await self._use(await self._connected(), envelope, fresh=True)

    async def close(self) -> None:
        """Drop the connections. Nothing may be sent afterwards."""
        while self._idle:
            self._idle.pop().close()

    async def check(self) -> None:
        """Connect and log in. Raises Misconfigured or Unavailable with what to change."""
        await asyncio.to_thread(self._smtp.secret)
        try:
            (await self._connected()).close()
        except Temporary as failure:
            where = f"smtp {self._smtp.host}:{self._smtp.port}"
            if failure.reason in _ADVICE:
                raise Misconfigured(f"{where}: {_ADVICE[failure.reason]}") from None
            if failure.reason[:3] in {"530", "535"}:
                raise Misconfigured(f"{where} refuses the login ({failure.reason}): check user and password") from None
            raise Unavailable(f"{where}: {failure.reason}") from None

    def _kept(self) -> SMTP | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_connected:
                return connection
        return None

    async def _connected(self) -> SMTP:
        try:
            secret = await asyncio.to_thread(self._smtp.secret)
        except Misconfigured:
            raise Temporary("no_password") from None
        connection = SMTP(
            hostname=self._smtp.host,
            port=self._smtp.port,
            username=self._smtp.user,
            password=secret if self._smtp.user else None,
            timeout=self._smtp.timeout,
            use_tls=self._smtp.tls == "implicit",
            # Never left at None: that upgrades only if the server offers it, which anybody on the way can prevent.
            start_tls=self._smtp.tls == "starttls",
            local_hostname=self._config.address.partition("@")[2],
        )
        try:
            await connection.connect()
        except (aiosmtplib.SMTPException, OSError) as error:
            raise Temporary(_connect_reason(error)) from None
        return connection

    async def _use(self, connection: SMTP, envelope: _Envelope, *, fresh: bool) -> Sent:
        try:
            sent = await _hand_over(connection, envelope, fresh=fresh)
            if connection.is_connected:
                self._idle.append(connection)
            return sent
        except DeliveryFailed as failed:
            if failed.reason[0].isdigit():
                await self._reset(connection)
            else:
                connection.close()
            raise
        except BaseException:
            # Cancelled or stale: the next reply on this connection would be taken for the answer to another command.
            connection.close()
            raise

    async def _reset(self, connection: SMTP) -> None:
        """Keep a connection whose server refused something properly; the refused transaction may still be open."""
        try:
            await connection.rset()
            self._idle.append(connection)
        except (aiosmtplib.SMTPException, OSError):
            connection.close()
        except asyncio.CancelledError:
            connection.close()
            raise


class _Stale(Exception):
    """The server had closed the idle connection; nothing was handed over."""


async def _hand_over(connection: SMTP, envelope: _Envelope, *, fresh: bool) -> Sent:
    try:
        await connection.mail(envelope.sender)
        await connection.rcpt(envelope.recipient)
    except (aiosmtplib.SMTPException, OSError) as error:
        if not fresh and _is_stale(error):
            raise _Stale from None
        raise failure(error, begun=False) from None
    try:
        response = await connection.data(envelope.content)
    except (aiosmtplib.SMTPException, OSError) as error:
        raise failure(error, begun=True) from None
    queued = _QUEUED_AS.search(response.message)
    return Sent(provider_id=queued[1] if queued else "")


def _is_stale(error: Exception) -> bool:
    """Recognise a connection that was given up while idle: closed, or a 421 instead of an answer (RFC 5321 3.8)."""
    return isinstance(error, aiosmtplib.SMTPServerDisconnected) or (
        isinstance(error, aiosmtplib.SMTPSenderRefused) and error.code == _CLOSING
    )


def failure(error: Exception, *, begun: bool) -> DeliveryFailed:
    """Say what an error of the SMTP dialogue means. `begun`: DATA was sent, so the server may have the mail.

    The reason holds codes only: a server's text often repeats the recipient's address.
    """
    if isinstance(error, aiosmtplib.SMTPResponseException) and 400 <= error.code < 600:
        reason = _reason(error)
        # A refused sender or greeting is about us, not the recipient: every notice would meet it until it is put right.
        about_us = not isinstance(error, aiosmtplib.SMTPRecipientRefused | aiosmtplib.SMTPDataError)
        is_final = error.code >= 500 and error.code not in _LOGIN_TROUBLE and not about_us
        return Permanent(reason) if is_final else Temporary(reason)
    if isinstance(error, TimeoutError):
        reason = "timeout"
    elif isinstance(error, aiosmtplib.SMTPResponseException):
        reason = "bad_reply"
    else:
        reason = "disconnected"
    return Unknown(reason) if begun else Temporary(reason)


def _reason(error: aiosmtplib.SMTPResponseException) -> str:
    enhanced = _ENHANCED.match(error.message)
    return f"{error.code} {enhanced[0]}" if enhanced else str(error.code)


_ADVICE = {
    "unreachable": "nothing answers there; check host and port",
    "tls": 'TLS failed; check tls ("implicit", "starttls" or "none") against the port, and the certificate',
    "not_offered": "the server offers no STARTTLS, or no login that is known here; check tls, port and user",
}


def _connect_reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, ssl.SSLError) or isinstance(error.__cause__, ssl.SSLError):
        return "tls"
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return _reason(error)
    if isinstance(error, aiosmtplib.SMTPServerDisconnected):
        return "disconnected"
    return "unreachable" if isinstance(error, OSError) else "not_offered"
