"""What the conformance kit has to know of webhooks: two secrets, and a system that refuses or never answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from gateway.errors import Permanent, Temporary
from gateway.model import Contact, ContactType, OutboundMessage
from tests.contract.channels import SILENT, Conformance, Provider
from tests.factories import START, outbound, ticket
from tests.ticket_receiver import receiving, secret_of

SECRETS = (secret_of("n"), secret_of("o"))
STATUSES = {"not known": 401, "wrong path": 404, "gone": 410, "elsewhere": 307, "busy": 429, "broken": 500}


def endpoint(url: str, seconds: float) -> Mapping[str, Any]:
    return {"url": url, "secrets": list(SECRETS), "timeout": seconds}


@asynccontextmanager
async def silence() -> AsyncIterator[str]:
    """Yield the address of a server that takes a ticket and says nothing."""
    ended = asyncio.Event()

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (await reader.readline()).startswith(b"HEAD"):
            writer.write(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n")
        await ended.wait()
        writer.close()

    async with await asyncio.start_server(hear, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/tickets"
        ended.set()


@asynccontextmanager
async def provider() -> AsyncIterator[Provider]:
    async with receiving(SECRETS[0], lambda: START) as receiver, silence() as silent:

        def config(seconds: float) -> Mapping[str, Any]:
            return {"endpoints": {"cards": endpoint(receiver.url, seconds), "risk": endpoint(silent, seconds)}}

        def message(answer: str) -> OutboundMessage:
            if answer in STATUSES:
                receiver.plan = [(STATUSES[answer], {})]
            to = "risk" if answer == SILENT else "cards"
            return outbound(ticket(), Contact(type=ContactType.WEBHOOK, value=to, verified=True))

        def held() -> Sequence[object]:
            return [(got.id, got.ticket) for got in receiver.got]

        yield Provider(config=config, message=message, requests=lambda: len(receiver.got), held=held)


CONFORMANCE = Conformance(
    config={"endpoints": {name: endpoint("http://127.0.0.1:9/tickets", 5) for name in ("cards", "risk")}},
    secrets=SECRETS,
    provider=provider,
    answers={answer: Permanent if answer == "gone" else Temporary for answer in STATUSES},
)
