"""The SMTP server the acknowledgements go to. It fails at random, and notes down every mail that it took."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import re
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from email.header import decode_header, make_header
from email.parser import BytesHeaderParser
from enum import StrEnum
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

logging.getLogger("mail.log").setLevel(logging.ERROR)  # the library's own deprecations

SLOW_SECONDS = (0.05, 0.5)
HUNG_SECONDS = 8.0  # longer than the nodes wait
_KEY = re.compile(r"<([0-9a-z]{26})@")
_NUMBER = re.compile(r"\[([^\]]+)\]")


class Trouble(StrEnum):
    """What the server does instead of taking a mail at once; the words are the report's."""

    REFUSED = "refused for now at RCPT (451)"
    BUSY = "refused for now after DATA (421)"
    DROPPED = "connection dropped after DATA, not kept"
    LOST = "connection dropped after DATA, kept"
    SLOW = "kept, answered late"
    HUNG = "kept, answered too late"


SHARES = {
    Trouble.BUSY: 0.02,
    Trouble.DROPPED: 0.01,
    Trouble.LOST: 0.01,
    Trouble.SLOW: 0.02,
    Trouble.HUNG: 0.002,
}
REFUSED_SHARE = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """One mail the server took: the delivery's key in its Message-ID, to whom, and the number in its subject."""

    key: str
    customer: str  # the local part of the recipient's address
    number: str


class Sink:
    """What happened at the server. `calm` ends its faults. The `handle_` names are the library's."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._headers = BytesHeaderParser()
        self.port = 0
        self.calm = False
        self.accepted: list[Accepted] = []
        self.told: set[str] = set()  # the customers of those
        self.troubles: Counter[Trouble] = Counter()

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Sequence[str]
    ) -> str:
        if not self.calm and self._dice.random() < REFUSED_SHARE:
            self.troubles[Trouble.REFUSED] += 1
            return "451 4.7.1 try again later"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        trouble = self._trouble()
        if trouble is Trouble.BUSY:
            return "421 4.3.2 shutting down"
        if trouble is Trouble.DROPPED:
            _cut(server)
            return "250 2.0.0 nobody hears this"
        for address in envelope.rcpt_tos:
            self._keep(address, envelope.original_content or b"")
        if trouble is Trouble.SLOW:
            await asyncio.sleep(self._dice.uniform(*SLOW_SECONDS))
        elif trouble is Trouble.HUNG:
            await asyncio.sleep(HUNG_SECONDS)
        elif trouble is Trouble.LOST:
            _cut(server)
        return "250 2.0.0 ok"

    def _trouble(self) -> Trouble | None:
        if self.calm:
            return None
        at = self._dice.random()
        for trouble, share in SHARES.items():
            if at < share:
                self.troubles[trouble] += 1
                return trouble
            at -= share
        return None

    def _keep(self, address: str, raw: bytes) -> None:
        headers = self._headers.parsebytes(raw)
        key = _KEY.search(headers.get("Message-ID", ""))
        number = _NUMBER.search(str(make_header(decode_header(headers.get("Subject", "")))))
        customer = address.partition("@")[0]
        self.told.add(customer)
        self.accepted.append(Accepted(key=key[1] if key else "", customer=customer, number=number[1] if number else ""))


def _cut(server: SMTP) -> None:
    transport: Any = server.transport  # uvloop's is no subclass of asyncio's
    transport.abort()


@contextlib.asynccontextmanager
async def sink(dice: random.Random) -> AsyncIterator[Sink]:
    """Run the server on a free port while the block lasts."""
    loop = asyncio.get_running_loop()
    script = Sink(dice)
    server = await loop.create_server(
        lambda: SMTP(script, hostname="sink", ident="sink", enable_SMTPUTF8=True, loop=loop), "127.0.0.1", 0
    )
    script.port = server.sockets[0].getsockname()[1]
    try:
        yield script
    finally:
        server.close()
        await server.wait_closed()
