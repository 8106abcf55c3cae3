"""One guarded connection to an IMAP server (RFC 3501). What to do with the mail is in inbound.py.

The library leaves a caller waiting for ever when the connection is lost, has no timeout on half of its commands, and
cannot be used again after a timeout or a cancellation. So every call here has a deadline, a lost connection fails the
call at once, and any failure ends the connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import ssl
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Self, TypeVar

import aioimaplib
from aioimaplib.aioimaplib import AioImapException, Command, CommandTimeout

from adapters.email.config import Imap
from gateway.errors import Misconfigured, Unavailable

# The library logs every line it sends and receives, mail and all.
logging.getLogger("aioimaplib").setLevel(logging.CRITICAL)

_T = TypeVar("_T")
_UID = re.compile(rb"\bUID (\d+)")
_SIZE = re.compile(rb"\bRFC822\.SIZE (\d+)")
_DATE = re.compile(rb'\bINTERNALDATE "([^"]{10,40})"')
_EXISTS = re.compile(rb"^\* (\d{1,10}) EXISTS\r$", re.MULTILINE)
_UIDVALIDITY = re.compile(rb"\bUIDVALIDITY (\d+)")
_BYTES_A_SECOND = 100_000  # the slowest line a large mail is waited for
# NetEase refuses SELECT before ID ("Unsafe Login"), and refuses the library's own ID with its inner blanks.
_CLIENT_ID = '("name" "huiyin" "version" "1.0")'
_TOO_LATE = "the mailbox server did not answer in time"
_POLL = 30.0  # seconds between looks where the server has no IDLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A mail in the folder; `at` is when the server had it."""

    uid: int
    size: int
    at: datetime | None


class ImapConnection:
    """A logged-in connection with the mailbox selected. Raises Unavailable for whatever goes wrong on the way."""

    def __init__(self, settings: Imap, client: aioimaplib.IMAP4, lost: asyncio.Event) -> None:
        self._settings = settings
        self._client: Any = client
        self._lost = lost
        self.uidvalidity = 0
        self._counted = 0
        self._announced = 0
        self._hurried = False
        self._overhear()

    @classmethod
    async def open(cls, settings: Imap) -> Self:
        """Connect, log in, select the mailbox, and see that both folders exist.

        Raises Misconfigured when the login or a folder is refused, Unavailable when the server cannot be used now.
        """
        secret, context = await asyncio.to_thread(lambda: (settings.secret(), _context(settings)))
        lost = asyncio.Event()
        client = aioimaplib.IMAP4(
            host=settings.host,
            port=settings.port,
            timeout=settings.timeout,
            ssl_context=context,  # IMAP4_SSL takes no conn_lost_cb
            conn_lost_cb=lambda error: lost.set(),
        )
        connection = cls(settings, client, lost)
        try:
            await connection._log_in(secret)
            await connection._select()
        except BaseException:
            connection.abort()
            raise
        return connection

    async def _log_in(self, secret: str) -> None:
        await self._run(self._client.wait_hello_from_server())
        answer = await self._run(self._client.login(_quoted(self._settings.user), secret))
        if not _is_ok(answer):
            if b"[UNAVAILABLE]" in b"".join(answer.lines[-1:]):
                raise Unavailable("the mailbox server cannot check logins now")
            raise Misconfigured(f"imap {self._settings.host} refuses the login: check user and password")
        # What the library reads off a tagged LOGIN answer can be mangled.
        await self._run(self._client.protocol.capability())
        if self._client.has_capability("ID"):
            await self._run(self._execute("ID", _CLIENT_ID))
        if not self._client.has_capability("MOVE") and not self._client.has_capability("UIDPLUS"):
            # A plain EXPUNGE would also remove what somebody else marked deleted and we never took in.
            raise Misconfigured(f"imap {self._settings.host} offers neither MOVE nor UIDPLUS; one is needed")

    async def _select(self) -> None:
        for folder in (self._settings.processed, self._settings.quarantine):
            await self._run(self._client.create(_quoted(folder)))  # NO where it exists
            answer = await self._run(self._client.status(_quoted(folder), "(UIDNEXT)"))
            if not _is_ok(answer):
                raise Misconfigured(
                    f'imap {self._settings.host} refuses to create the folder "{folder}": name one it allows, for'
                    f' example "INBOX.{folder}"'
                )
        answer = await self._run(self._client.select(_quoted(self._settings.mailbox)))
        if not _is_ok(answer):
            raise Misconfigured(f'imap {self._settings.host} has no mailbox "{self._settings.mailbox}"')
        found = _UIDVALIDITY.search(b"\n".join(bytes(line) for line in answer.lines))
        self.uidvalidity = int(found[1]) if found else 0

    async def uids(self) -> list[int]:
        """Return the uids of everything in the mailbox, oldest first. Flags mean nothing: people open mail too."""
        self._announced = 0
        answer = await self._ok(self._client.uid_search("ALL", charset=None))
        found = sorted(int(word) for line in answer.lines[:-1] for word in bytes(line).split() if word.isdigit())
        self._counted = len(found)
        return found

    async def listing(self, uids: Sequence[int]) -> list[Listed]:
        """Return size and arrival of each mail that is still there, in the order of `uids`, at most 200 at once."""
        if not uids:
            return []
        answer = await self._ok(self._client.uid("fetch", _set(uids), "(UID INTERNALDATE RFC822.SIZE)"))
        found = {}
        for line in map(bytes, answer.lines):
            uid, size = _UID.search(line), _SIZE.search(line)
            if uid and size:
                found[int(uid[1])] = Listed(uid=int(uid[1]), size=int(size[1]), at=_arrival(line))
        return [found[uid] for uid in uids if uid in found]

    async def fetch(self, mail: Listed, *, at_most: int) -> bytes | None:
        """Return a mail's bytes, or its first `at_most`; None when it is gone. Does not mark it as read."""
        part = "(BODY.PEEK[])" if mail.size <= at_most else f"(BODY.PEEK[]<0.{at_most}>)"
        deadline = self._settings.timeout + min(mail.size, at_most) / _BYTES_A_SECOND
        answer = await self._ok(self._client.uid("fetch", str(mail.uid), part), deadline)
        # Literals are the bytearrays among the lines. An empty mail may come as a quoted string instead.
        literals = [bytes(line) for line in answer.lines if isinstance(line, bytearray)]
        is_empty = any(b'BODY[] ""' in bytes(line) for line in answer.lines)
        return literals[0] if literals else b"" if is_empty else None

    async def move(self, uids: Sequence[int], folder: str) -> bool:
        """Move mails, at most 200 at once; return whether the server moved all of them.

        After False some may have been moved (RFC 6851 section 3.3). Where it `can_move` not, `copy` and `remove` do it.
        """
        return _is_ok(await self._run(self._client.uid("move", _set(uids), _quoted(folder))))

    async def copy(self, uid: int, folder: str) -> bool:
        return _is_ok(await self._run(self._client.uid("copy", str(uid), _quoted(folder))))

    async def remove(self, uid: int) -> bool:
        stored = await self._run(self._client.uid("store", str(uid), "+FLAGS.SILENT", r"(\Deleted)"))
        return _is_ok(stored) and _is_ok(await self._run(self._client.uid("expunge", str(uid))))

    @property
    def can_move(self) -> bool:
        return bool(self._client.has_capability("MOVE"))

    async def wait_for_mail(self, seconds: float) -> None:
        """Return when the server reports a change, at the latest after `seconds`. Look afterwards in either case.

        Returns at once, though never twice in a row, when the server spoke of more mail than the last look counted.
        """
        self._hurried = not self._hurried and self._announced > self._counted
        if self._hurried:
            return
        if not self._client.has_capability("IDLE"):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._lost.wait(), min(seconds, _POLL))
            await self._ok(self._client.noop())
            return
        idle = await self._run(self._client.idle_start(timeout=seconds))
        # At the timeout the library itself pushes a mark, so that this returns before its own limits do.
        await self._run(self._client.wait_server_push(seconds + 10), seconds + 10)
        self._client.idle_done()
        await self._run(idle)
        while not self._client.protocol.idle_queue.empty():
            self._client.protocol.idle_queue.get_nowait()  # stale pushes would end the next IDLE at once

    def abort(self) -> None:
        """Cut the connection, and let no task of the library outlive it."""
        if self._client.protocol.transport is not None:
            self._client.protocol.transport.abort()
        for task in (self._client._client_task, *self._client.tasks, *self._client.protocol.tasks):
            if not task.done():
                task.cancel()
            elif not task.cancelled():
                task.exception()  # asked for, so that it is not reported as never retrieved

    def _overhear(self) -> None:
        """Note the mail counts the server announces; the library drops those that come with another command's answer.

        A mail that arrives during a look is announced only there, and would otherwise wait for the end of the IDLE.
        """
        receive = self._client.protocol.data_received

        def data_received(data: bytes) -> None:
            for count in _EXISTS.findall(data):
                self._announced = int(count)
            receive(data)

        self._client.protocol.data_received = data_received

    async def _execute(self, name: str, argument: str) -> Any:
        protocol = self._client.protocol
        return await protocol.execute(Command(name, protocol.new_tag(), argument))

    async def _ok(self, call: Awaitable[Any], deadline: float | None = None) -> Any:
        answer = await self._run(call, deadline)
        if not _is_ok(answer):
            self.abort()
            raise Unavailable("the mailbox server refused a command")  # its words may carry the mail's
        return answer

    async def _run(self, call: Awaitable[_T], deadline: float | None = None) -> _T:
        task = asyncio.ensure_future(call)
        lost = asyncio.ensure_future(self._lost.wait())
        try:
            done, _ = await asyncio.wait(
                {task, lost}, timeout=deadline or self._settings.timeout, return_when=asyncio.FIRST_COMPLETED
            )
            if task in done:
                return task.result()
            raise Unavailable("the mailbox server closed the connection" if done else _TOO_LATE)
        except (CommandTimeout, TimeoutError):
            self.abort()
            raise Unavailable(_TOO_LATE) from None
        except (AioImapException, OSError, ValueError) as error:
            self.abort()
            raise Unavailable(f"the mailbox server cannot be used: {type(error).__name__}") from None
        except BaseException:
            self.abort()
            raise
        finally:
            task.cancel()
            lost.cancel()


def _context(settings: Imap) -> ssl.SSLContext | None:
    return None if settings.tls == "none" else ssl.create_default_context()


def _set(uids: Sequence[int]) -> str:
    return ",".join(map(str, uids[:200]))  # about 980 answer lines in one read kill the library


def _is_ok(answer: Any) -> bool:
    return bool(answer.result == "OK")


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _arrival(line: bytes) -> datetime | None:
    """Return the INTERNALDATE of a FETCH line in UTC (RFC 3501 section 2.3.3), None when it is no date."""
    found = _DATE.search(line)
    try:
        at = parsedate_to_datetime(found[1].decode("ascii").strip()) if found else None
    except (ValueError, TypeError, IndexError):
        return None
    return at.astimezone(UTC) if at is not None and at.tzinfo is not None else None
