"""Tickets to a real HTTP server that checks signatures by its own code, and to servers that misbehave."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

import pytest

from adapters import webhook
from adapters.registry import ADAPTERS
from adapters.webhook.config import Config
from gateway.errors import Misconfigured, Permanent, Temporary, Unavailable, Unknown
from gateway.model import Contact, ContactType, Language, OutboundMessage, Text
from gateway.ports import Channel, Sender
from gateway.rules import tickets
from tests.factories import Clock, outbound, ticket
from tests.servers import free_port
from tests.shared import tools
from tests.ticket_receiver import Receiver, receiving, secret_of

NEW, OLD = secret_of("n"), secret_of("o")
CARDS = Contact(type=ContactType.WEBHOOK, value="cards", verified=True)
Peer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture
async def receiver(clock: Clock) -> AsyncIterator[Receiver]:
    async with receiving(OLD, clock) as receiver:
        yield receiver


@asynccontextmanager
async def channel(url: str, clock: Clock, **changes: Any) -> AsyncIterator[Channel]:
    config = Config.model_validate({"endpoints": {"cards": {"url": url, "secrets": [OLD], "timeout": 5, **changes}}})
    async with webhook.open_channel(config, tools(now=clock), "unit-systems") as opened:
        yield opened


def sender(of: Channel) -> Sender:
    assert of.sender is not None
    return of.sender


def message(**changes: Any) -> OutboundMessage:
    return outbound(ticket(), CARDS, **changes)


@asynccontextmanager
async def peer(behave: Peer) -> AsyncIterator[str]:
    """Yield the address of a server that behaves like this once somebody connects."""
    open_ones: list[asyncio.StreamWriter] = []

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_ones.append(writer)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await behave(reader, writer)

    server = await asyncio.start_server(meet, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/tickets"
    finally:
        server.close()
        for writer in open_ones:
            writer.close()
        await server.wait_closed()


async def asked(reader: asyncio.StreamReader) -> None:
    await reader.readuntil(b"\r\n\r\n")


async def test_a_ticket_arrives_signed_and_in_the_published_form(receiver: Receiver, clock: Clock) -> None:
    """A028: the push carries the number."""
    async with channel(receiver.url, clock) as opened:
        assert (opened.name, opened.source, opened.serves) == ("webhook", "unit-systems", ContactType.WEBHOOK)
        sent = message()
        assert (await sender(opened).send(sent)).provider_id == ""
    [got] = receiver.got
    assert (got.id, got.ticket, got.at) == (sent.key, tickets.to_json(ticket()), clock())


async def test_every_attempt_has_the_same_id_and_its_own_time(receiver: Receiver, clock: Clock) -> None:
    """Lessons 67 and 68: the receiver can tell a repetition, and refuse an old request that somebody kept."""
    receiver.plan = [(500, {}), (503, {"Retry-After": "120"})]
    async with channel(receiver.url, clock) as opened:
        sent = message()
        with pytest.raises(Temporary, match="500"):
            await sender(opened).send(sent)
        clock.later(minutes=10)
        with pytest.raises(Temporary, match="503") as failure:
            await sender(opened).send(sent)
        assert failure.value.retry_after == timedelta(minutes=2)
        clock.later(minutes=10)
        await sender(opened).send(sent)
    assert {got.id for got in receiver.got} == {sent.key}
    assert [got.at for got in receiver.got] == [clock() - timedelta(minutes=ago) for ago in (20, 10, 0)]


async def test_a_secret_is_changed_without_a_ticket_being_refused(receiver: Receiver, clock: Clock) -> None:
    async with channel(receiver.url, clock, secrets=[NEW, OLD]) as opened:
        await sender(opened).send(message())
        receiver.secret = NEW  # the other side changes when it likes
        await sender(opened).send(message())
    assert (len(receiver.got), receiver.unsigned) == (2, 0)
    async with channel(receiver.url, clock) as opened:  # and a side that forgot to is refused, loses nothing
        with pytest.raises(Temporary, match="401"):
            await sender(opened).send(message())


async def test_a_system_that_is_gone_gets_no_more(receiver: Receiver, clock: Clock) -> None:
    receiver.plan = [(410, {})]
    async with channel(receiver.url, clock) as opened:
        with pytest.raises(Permanent, match="410"):
            await sender(opened).send(message())


async def test_a_redirect_leads_nowhere(receiver: Receiver, clock: Clock) -> None:
    """Nobody turns the gateway towards another machine (server-side request forgery)."""
    receiver.plan = [(307, {"Location": receiver.url})]
    async with channel(receiver.url, clock) as opened:
        with pytest.raises(Temporary, match="307"):
            await sender(opened).send(message())
    assert len(receiver.got) == 1


async def test_where_nobody_listens_nothing_was_handed_over(clock: Clock) -> None:
    async with channel(f"http://127.0.0.1:{free_port()}/", clock) as opened:
        with pytest.raises(Temporary, match="unreachable"):
            await sender(opened).send(message())
        assert opened.probe is not None
        with pytest.raises(Unavailable, match="endpoint cards: unreachable; check url"):
            await opened.probe()


async def test_a_server_that_speaks_no_tls_got_nothing(clock: Clock) -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 welcome\r\n")
        await writer.drain()

    async with peer(speak) as url, channel(url.replace("http:", "https:"), clock) as opened:
        with pytest.raises(Temporary, match="tls"):
            await sender(opened).send(message())


async def test_a_connection_that_ends_without_an_answer_leaves_it_unknown(clock: Clock) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asked(reader)
        writer.close()

    async with peer(hang_up) as url, channel(url, clock) as opened:
        with pytest.raises(Unknown, match="disconnected"):
            await sender(opened).send(message())


async def test_a_server_that_never_answers_leaves_it_unknown(clock: Clock) -> None:
    async def be_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asked(reader)
        await reader.read()

    async with peer(be_silent) as url, channel(url, clock, timeout=0.2) as opened:
        with pytest.raises(Unknown, match="timeout"):
            await sender(opened).send(message())


async def test_nobody_waits_for_the_body_of_an_answer(clock: Clock) -> None:
    """An endless one would hold the lane, a huge one the memory."""

    async def talk_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asked(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n" + b"x" * 1000)
        await writer.drain()
        await reader.read()

    async with peer(talk_on) as url, channel(url, clock) as opened:
        await sender(opened).send(message())


async def test_what_is_no_answer_leaves_it_unknown(clock: Clock) -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asked(reader)
        writer.write(b"\x00\xff not HTTP\r\n\r\n")
        await writer.drain()

    async with peer(babble) as url, channel(url, clock) as opened:
        with pytest.raises(Unknown, match="disconnected"):
            await sender(opened).send(message())


async def test_an_endpoint_the_settings_do_not_have_yet_waits(receiver: Receiver, clock: Clock) -> None:
    async with channel(receiver.url, clock) as opened:
        elsewhere = Contact(type=ContactType.WEBHOOK, value="risk", verified=True)
        with pytest.raises(Temporary, match="no_endpoint"):
            await sender(opened).send(outbound(ticket(), elsewhere))


async def test_a_text_is_no_ticket(receiver: Receiver, clock: Clock) -> None:
    """What comes back of an erased owner is empty words: they go nowhere."""
    words = Text(language=Language.ZH_HANS, subject="", short="", text="", html="")
    async with channel(receiver.url, clock) as opened:
        with pytest.raises(Permanent, match="not_a_ticket"):
            await sender(opened).send(outbound(words, CARDS))


async def test_a_check_calls_without_a_ticket(receiver: Receiver, clock: Clock) -> None:
    async with channel(receiver.url, clock) as opened:
        assert opened.probe is not None
        await opened.probe()
    assert (receiver.probed, receiver.got) == (1, [])


async def test_a_secrets_file_that_is_missing_holds_tickets_back(receiver: Receiver, clock: Clock) -> None:
    async with channel(receiver.url, clock, secrets=[], secrets_file="no/such/file") as opened:
        with pytest.raises(Temporary, match="no_secret"):
            await sender(opened).send(message())
        assert opened.probe is not None
        with pytest.raises(Misconfigured, match="endpoint cards: secrets_file"):
            await opened.probe()


async def test_no_log_and_no_error_names_address_or_secret(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    port = free_port()
    async with channel(f"http://127.0.0.1:{port}/hunter2", clock) as opened:
        with pytest.raises(Temporary) as failure:
            await sender(opened).send(message())
    said = caplog.text + str(failure.value)
    assert "hunter2" not in said
    assert OLD not in said


def test_the_package_is_registered() -> None:
    assert sorted(webhook.__all__) == ["Config", "open_channel", "read"]
    assert ADAPTERS["webhook"] is webhook
