"""E-mail: complaints out of a mailbox by IMAP, notices by SMTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from adapters.email.config import Config
from adapters.email.inbound import Mailbox
from adapters.email.outbound import SmtpSender
from adapters.email.wire import read
from adapters.tools import Tools
from gateway.model import ContactType
from gateway.ports import Channel

__all__ = ["Config", "open_channel", "read"]


@asynccontextmanager
async def open_channel(config: Config, tools: Tools, source: str) -> AsyncIterator[Channel]:
    """Yield the channel of one mailbox. Nothing is connected before a role is used."""
    sender = SmtpSender(config, config.smtp) if config.smtp else None
    mailbox = Mailbox(config, config.imap, tools.now, source) if config.imap else None

    async def probe() -> None:
        for side in (mailbox, sender):
            if side is not None:
                await side.check()

    try:
        yield Channel(
            name="email",
            source=source,
            serves=ContactType.EMAIL if sender else None,
            sender=sender,
            listener=mailbox,
            probe=probe,
        )
    finally:
        if sender is not None:
            await sender.close()
