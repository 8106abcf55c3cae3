"""Handing over to a real SMTP server: each fault gets its class, and nothing is handed over twice by us."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiosmtplib
import pytest

from adapters.email import Config, open_channel
from adapters.email.outbound import failure
from gateway.errors import DeliveryFailed, GatewayError, Misconfigured, Permanent, Temporary, Unavailable, Unknown
from gateway.model import Contact, ContactType, Language, OutboundMessage, Text
from gateway.ports import Channel
from sandbox.smtp_sink import Sink, smtp_sink
from tests.shared import tools

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
SECRET = "s3cret-value"
KEY = "01kbn3v5q8x2m4r6t8w0y2z4a6"


def message(to: str, key: str = KEY) -> OutboundMessage:
    return OutboundMessage(
        key=key,
        to=Contact(type=ContactType.EMAIL, value=to),
        content=Text(language=Language.ZH_HANS, subject="受理通知", short="", text="您好\n.\n..点", html="<p>您好</p>"),
        created_at=NOW,
    )


@asynccontextmanager
async def channel(port: int, **smtp: Any) -> AsyncIterator[Channel]:
    config = Config.model_validate(
        {
            "address": "complaints@bank.example",
            "smtp": {"host": "127.0.0.1", "port": port, "tls": "none", "timeout": 5, **smtp},
        }
    )
    async with open_channel(config, tools(now=lambda: NOW), "box") as opened:
        yield opened


async def send(opened: Channel, to: str, key: str = KEY) -> str:
    assert opened.sender is not None
    return (await opened.sender.send(message(to, key))).provider_id


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    async with smtp_sink() as running:
        yield running


async def test_a_notice_is_handed_over_whole_and_names_itself(sink: Sink) -> None:
    async with channel(sink.port) as opened:
        assert await send(opened, "wang@example.com") == "1"
    (received,) = sink.received
    assert received.rcpt == "wang@example.com"
    assert received.mail_from == f"complaints+{KEY}@bank.example"
    assert f"Message-ID: <{KEY}@bank.example>\r\n".encode() in received.raw


async def test_without_plus_addressing_the_sender_is_the_bare_account(sink: Sink) -> None:
    """QQ and NetEase refuse any other sender than the one that logged in."""
    config = Config.model_validate(
        {
            "address": "complaints@bank.example",
            "plus_addressing": False,
            "smtp": {"host": "127.0.0.1", "port": sink.port, "tls": "none"},
        }
    )
    async with open_channel(config, tools(now=lambda: NOW), "box") as opened:
        await send(opened, "wang@example.com")
    assert sink.received[0].mail_from == "complaints@bank.example"
    assert b"complaints+" not in sink.received[0].raw


@pytest.mark.parametrize(
    ("local", "error", "reason"),
    [
        ("nouser", Permanent, "550 5.1.1"),
        ("spam", Permanent, "554 5.7.1"),
        ("full", Temporary, "452 4.2.2"),
        ("grey", Temporary, "451 4.7.1"),
        ("busy", Temporary, "421 4.3.2"),
        ("lostack", Unknown, "disconnected"),
    ],
)
async def test_each_fault_gets_its_class_and_the_next_notice_goes_out(
    sink: Sink, local: str, error: type[DeliveryFailed], reason: str
) -> None:
    async with channel(sink.port) as opened:
        with pytest.raises(error) as caught:
            await send(opened, f"{local}@example.com")
        assert type(caught.value) is error
        assert caught.value.reason == reason
        await send(opened, "wang@example.com")
    assert sink.received[-1].rcpt == "wang@example.com"


async def test_a_lost_acknowledgement_is_unknown_and_the_second_attempt_is_the_same_mail() -> None:
    """Lessons 36, 57 (fs#3607, notifications-api#802): the receiving side can tell the copy by its Message-ID."""
    async with smtp_sink() as sink, channel(sink.port) as opened:
        for _ in range(2):
            with pytest.raises(Unknown):
                await send(opened, "lostack@example.com")
        first, second = sink.received
        assert first == second


async def test_no_answer_after_the_mail_was_handed_over_is_unknown() -> None:
    async with smtp_sink(slow_seconds=60) as sink, channel(sink.port, timeout=0.3) as opened:
        with pytest.raises(Unknown, match="timeout"):
            await send(opened, "slow@example.com")
        assert len(sink.received) == 1


async def test_a_cancelled_send_does_not_confuse_the_next_one() -> None:
    """Trap 8 of channels.md: the late answer to the cancelled mail must not be taken for the next one's."""
    arrived = asyncio.Event()
    async with (
        smtp_sink(slow_seconds=60, on_mail=lambda mail: arrived.set()) as sink,
        channel(sink.port, connections=1) as opened,
    ):
        sending = asyncio.create_task(send(opened, "slow@example.com"))
        await arrived.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        with pytest.raises(Permanent, match=r"550 5\.1\.1"):
            await send(opened, "nouser@example.com")
        assert await send(opened, "wang@example.com") == "2"


async def test_connections_are_few_and_kept(sink: Sink) -> None:
    async with channel(sink.port, connections=3) as opened:
        await asyncio.gather(*(send(opened, f"c{n}@example.com", f"key{n}") for n in range(30)))
        assert {mail.rcpt for mail in sink.received} == {f"c{n}@example.com" for n in range(30)}
        assert sink.connections == 3
        with pytest.raises(Permanent):
            await send(opened, "nouser@example.com")
        await send(opened, "wang@example.com")
        assert sink.connections == 3  # a refused recipient costs no connection


async def test_a_connection_that_was_closed_while_idle_is_replaced_unnoticed(sink: Sink) -> None:
    async with channel(sink.port, connections=1) as opened:
        await send(opened, "first@example.com")
        sink.cut()
        await send(opened, "second@example.com")
    assert [mail.rcpt for mail in sink.received] == ["first@example.com", "second@example.com"]
    assert sink.connections == 2


@asynccontextmanager
async def scripted(greeting: bytes, *answers: bytes, heard: list[bytes] | None = None) -> AsyncIterator[int]:
    """Run a server that says these lines in turn, whatever it is told, and closes after the last; yield its port."""
    ended = asyncio.Event()
    lines = [] if heard is None else heard

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        for answer in answers:
            if not (line := await reader.readline()):
                break
            lines.append(line)
            writer.write(answer)
        writer.close()
        await writer.wait_closed()
        ended.set()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
        await ended.wait()


@pytest.mark.parametrize(
    ("answers", "error", "reason"),
    [
        # A refused sender is about us: every notice would meet it, so no customer's address is given up for it.
        ((b"250 ok\r\n", b"553 5.7.1 sender must be the account\r\n", b"250 ok\r\n"), Temporary, "553 5.7.1"),
        ((b"250 ok\r\n", b"250 ok\r\n", b"530 5.7.0 log in first\r\n", b"250 ok\r\n"), Temporary, "530 5.7.0"),
        ((b"250 ok\r\n", b"250 ok\r\n"), Temporary, "disconnected"),
        ((b"250 ok\r\n", b"250 ok\r\n", b"what?\r\n"), Temporary, "bad_reply"),
        ((b"250 ok\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go on\r\n"), Unknown, "disconnected"),
        ((b"421 4.3.2 going down\r\n",), Temporary, "421 4.3.2"),
    ],
)  # fmt: skip
async def test_a_server_that_breaks_off_is_classed_by_whether_data_was_begun(
    answers: tuple[bytes, ...], error: type[DeliveryFailed], reason: str
) -> None:
    async with scripted(b"220 hello\r\n", *answers) as port, channel(port) as opened:
        with pytest.raises(error) as caught:
            await send(opened, "wang@example.com")
    assert (type(caught.value), caught.value.reason) == (error, reason)


async def test_a_connection_that_talks_nonsense_is_not_used_again() -> None:
    heard: list[bytes] = []
    answers = (b"250 ok\r\n", b"250 ok\r\n", b"what?\r\n", b"250 ok\r\n")
    async with scripted(b"220 hello\r\n", *answers, heard=heard) as port, channel(port) as opened:
        with pytest.raises(Temporary, match="bad_reply"):
            await send(opened, "wang@example.com")
    assert heard[-1].startswith(b"RCPT")


async def test_a_server_that_says_nothing_is_given_up_in_time() -> None:
    async with scripted(b"", b"") as port, channel(port, timeout=0.2) as opened:
        with pytest.raises(Temporary, match="timeout"):
            await send(opened, "wang@example.com")


async def test_a_closed_port_is_temporary_for_a_notice_and_advice_for_the_operator(unused_tcp_port: int) -> None:
    async with channel(unused_tcp_port) as opened:
        with pytest.raises(Temporary, match="unreachable"):
            await send(opened, "wang@example.com")
        assert opened.probe is not None
        with pytest.raises(Misconfigured, match="check host and port"):
            await opened.probe()


async def test_starttls_is_never_skipped_because_a_server_does_not_offer_it(sink: Sink) -> None:
    """A143."""
    async with channel(sink.port, tls="starttls") as opened:
        with pytest.raises(Temporary, match="not_offered"):
            await send(opened, "wang@example.com")
    assert sink.received == []


async def test_tls_to_a_port_without_it_says_so(sink: Sink) -> None:
    async with channel(sink.port, tls="implicit") as opened:
        assert opened.probe is not None
        with pytest.raises(GatewayError) as caught:
            await opened.probe()
    assert "check tls" in str(caught.value)


async def test_a_refused_login_is_temporary_and_shows_no_secret() -> None:
    """535 is about our settings: it must not use up the customer's address (channels 4.3)."""
    async with smtp_sink(login=("complaints", "right")) as sink:
        async with channel(sink.port, user="complaints", password=SECRET) as opened:
            with pytest.raises(Temporary, match="535") as sending:
                await send(opened, "wang@example.com")
            assert opened.probe is not None
            with pytest.raises(Misconfigured, match="check user and password") as probing:
                await opened.probe()
        for error in (sending.value, probing.value):
            assert SECRET not in repr(error)
            assert error.__context__ is None or error.__suppress_context__
        async with channel(sink.port, user="complaints", password="right") as opened:
            assert opened.probe is not None
            await opened.probe()
            await send(opened, "wang@example.com")


async def test_a_missing_password_file_keeps_notices_waiting_and_is_named_to_the_operator(tmp_path: Path) -> None:
    async with channel(1, user="complaints", password_file=str(tmp_path / "absent")) as opened:
        with pytest.raises(Temporary, match="no_password"):
            await send(opened, "wang@example.com")
        assert opened.probe is not None
        with pytest.raises(Misconfigured, match="absent"):
            await opened.probe()


WORDS = "5.1.1 <wang@example.com>: no such user"


@pytest.mark.parametrize(
    ("error", "begun", "expected"),
    [
        (aiosmtplib.SMTPRecipientRefused(550, WORDS, "wang@example.com"), False, Permanent("550 5.1.1")),
        (aiosmtplib.SMTPRecipientRefused(450, "later wang@example.com", "x"), False, Temporary("450")),
        (aiosmtplib.SMTPRecipientRefused(550, "see 5.7.1", "x"), False, Permanent("550")),
        (aiosmtplib.SMTPDataError(552, "5.3.4 too big"), True, Permanent("552 5.3.4")),
        (aiosmtplib.SMTPDataError(451, "4.3.0 later"), True, Temporary("451 4.3.0")),
        (aiosmtplib.SMTPDataError(454, "4.7.0 no TLS"), True, Temporary("454 4.7.0")),
        (aiosmtplib.SMTPSenderRefused(550, WORDS, "us@bank.example"), False, Temporary("550 5.1.1")),
        (aiosmtplib.SMTPHeloError(501, "go away"), False, Temporary("501")),
        (aiosmtplib.SMTPReadTimeoutError("x"), False, Temporary("timeout")),
        (aiosmtplib.SMTPReadTimeoutError("x"), True, Unknown("timeout")),
        (aiosmtplib.SMTPServerDisconnected("x"), False, Temporary("disconnected")),
        (aiosmtplib.SMTPServerDisconnected("x"), True, Unknown("disconnected")),
        (ConnectionResetError(), True, Unknown("disconnected")),
        (ssl.SSLError("x"), True, Unknown("disconnected")),
        (aiosmtplib.SMTPResponseException(-1, WORDS), True, Unknown("bad_reply")),
        (aiosmtplib.SMTPResponseException(-1, WORDS), False, Temporary("bad_reply")),
    ],
)
def test_an_error_becomes_a_class_and_codes_without_the_servers_words(
    error: Exception, begun: bool, expected: DeliveryFailed
) -> None:
    found = failure(error, begun=begun)
    assert (type(found), found.reason) == (type(expected), expected.reason)
    assert "wang" not in str(found)


async def test_a_probe_that_only_finds_the_server_busy_asks_for_no_change() -> None:
    async with scripted(b"421 4.3.2 busy\r\n") as port, channel(port) as opened:
        assert opened.probe is not None
        with pytest.raises(Unavailable, match="421"):
            await opened.probe()
