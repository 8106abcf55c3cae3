"""The whole program against real servers, and a small language to tell stories in.

`World` starts the gateway as the command line does, on free ports, with a mailbox and an SMTP server of the sandbox
and a clock that moves when told. `until` waits, for a bounded time, for something to become true; nothing else waits.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import aiosmtplib

from gateway.__main__ import form_for, open_channels
from gateway.app import Service, service, set_up
from gateway.model import Complaint
from gateway.ports import StoredMessage
from gateway.settings import DEMONSTRATION_BANK, Settings
from sandbox.mailbox import Mailbox, mailbox
from sandbox.smtp_sink import Local, Received, Sink, smtp_sink
from tests.factories import Clock

BANK = "complaints@bank.example.com"
PATIENCE = 20.0

T = TypeVar("T")
_serial = count(1)


@dataclass(slots=True, kw_only=True)
class World:
    folder: Path
    clock: Clock
    box: Mailbox
    sink: Sink
    changes: dict[str, Any] = field(default_factory=dict)  # settings that differ from the usual
    running: Service | None = None

    # -- the gateway --------------------------------------------------------------------------------------------------

    @property
    def settings(self) -> Settings:
        usual: dict[str, Any] = {
            "bank": DEMONSTRATION_BANK,
            "storage": {"url": f"sqlite:///{self.folder}/huiyin.db", "keys_file": self.folder / "huiyin.keys"},
            "web": {"port": 0},
            "channels": {
                "complaints-mailbox": {
                    "adapter": "email",
                    "address": BANK,
                    "imap": {
                        "host": "127.0.0.1",
                        "port": self.box.port,
                        "tls": "none",
                        "user": "complaints",
                        "password": "sandbox-imap-password",
                    },
                    "smtp": {"host": "127.0.0.1", "port": self.sink.port, "tls": "none"},
                }
            },
        }
        channels = usual["channels"] | self.changes.get("channels", {})
        return Settings.model_validate(usual | self.changes | {"channels": channels})

    @asynccontextmanager
    async def gateway(self) -> AsyncIterator[Service]:
        """Run the gateway while the block lasts; again for a restart."""
        channels = open_channels(self.settings, self.clock)
        if not self.settings.storage.url.startswith("sqlite"):
            await set_up(self.settings)  # as `huiyin migrate` does; SQLite is made by `serve`
        async with service(self.settings, channels, form_for=form_for, now=self.clock) as running:
            self.running = running
            try:
                yield running
            finally:
                self.running = None

    @property
    def site(self) -> str:
        assert self.running is not None
        return f"http://127.0.0.1:{self.running.port}"

    # -- what customers do --------------------------------------------------------------------------------------------

    async def emails(self, address: str, text: str, *, to: str = BANK, **headers: str) -> EmailMessage:
        """Send a mail to the bank as a customer would."""
        mail = EmailMessage(policy=policy.SMTP)
        mail["From"] = address
        mail["To"] = to
        mail["Subject"] = headers.pop("Subject", "投诉")
        mail["Message-ID"] = headers.pop("Message_ID", f"<{next(_serial)}@customers.example.com>")
        for name, value in headers.items():
            mail[name.replace("_", "-")] = value
        mail.set_content(text)
        await aiosmtplib.send(mail, hostname=self.sink.host, port=self.sink.port, start_tls=False)
        return mail

    async def submits(self, *, language: str = "zh-Hans", **answers: str) -> str:
        """Fill in the form and send it; return the text of the page that answers."""
        async with aiohttp.ClientSession() as browser:
            async with browser.get(f"{self.site}/?lang={language}") as page:
                hidden = hidden_fields(await page.text())
            return await self.posts(browser, {**hidden, **answers}, language=language)

    async def posts(self, browser: aiohttp.ClientSession, fields: dict[str, str], *, language: str = "zh-Hans") -> str:
        form = aiohttp.FormData()
        for name, value in fields.items():
            form.add_field(name, value, content_type="text/plain")
        async with browser.post(f"{self.site}/?lang={language}", data=form) as answer:
            return await answer.text()

    # -- what came of it ----------------------------------------------------------------------------------------------

    def mails_to(self, address: str) -> Sequence[EmailMessage]:
        return [parsed(mail) for mail in self.sink.received if mail.rcpt == address]

    async def mail_to(self, address: str) -> EmailMessage:
        """Wait for the first mail to the address."""
        return await until(lambda: next(iter(self.mails_to(address)), None))

    async def complaint(self, number: str) -> Complaint:
        assert self.running is not None
        async with self.running.storage.reading() as tx:
            return (await tx.complaints.by_number([number]))[number]

    async def messages(self, number: str) -> Sequence[StoredMessage]:
        assert self.running is not None
        complaint = await self.complaint(number)
        async with self.running.storage.reading() as tx:
            return await tx.messages.of(complaint.id)

    async def emptied(self) -> None:
        """Wait until nothing is left in the inbox."""

        async def empty() -> bool:
            return not await self.box.contents()

        await until(empty)


@asynccontextmanager
async def a_world(folder: Path, clock: Clock, **changes: Any) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        box = await stack.enter_async_context(mailbox("complaints", "sandbox-imap-password"))
        local = Local(address=BANK, mailbox=box, now=clock)
        sink = await stack.enter_async_context(smtp_sink(deliver_to=local, slow_seconds=0.2))
        yield World(folder=folder, clock=clock, box=box, sink=sink, changes=changes)


async def until(look: Callable[[], T | Awaitable[T | None] | None], *, patience: float = PATIENCE) -> T:
    """Look again and again until there is something; fail after that many seconds."""
    async with asyncio.timeout(patience):
        while True:
            found = look()
            if isinstance(found, Awaitable):
                found = await found
            if found:
                return found
            await asyncio.sleep(0.01)


def parsed(mail: Received) -> EmailMessage:
    message = message_from_bytes(mail.raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def text_of(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def number_in(mail: EmailMessage) -> str:
    found = re.search(r"\[([^\]]+)\]", str(mail["Subject"]))
    assert found, mail["Subject"]
    return found[1]


def hidden_fields(page: str) -> dict[str, str]:
    return dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page))
