"""Handing over to a simulated Twilio: each fault gets its class, and nothing is handed over twice by us."""

from __future__ import annotations

import asyncio
import socket
from datetime import timedelta

import pytest
from aiohttp import web
from aiohttp.test_utils import RawTestServer

from adapters.sms import open_channel
from adapters.sms.api import failure
from gateway.errors import DeliveryFailed, GatewayError, Misconfigured, Permanent, Temporary, Unavailable, Unknown
from gateway.model import ContactType, Sent
from sandbox.twilio import Fault
from tests.adapters.sms.line import HOOK, KEY, NUMBER, PUBLIC, TOKEN, WANG, Line, config, line, message
from tests.factories import START
from tests.shared import tools

SERVICE = "MG" + "3" * 32


async def send(opened: Line, text: str = "您好", to: str = WANG) -> Sent:
    assert opened.channel.sender is not None
    return await opened.channel.sender.send(message(text, to))


async def failed(opened: Line, text: str = "您好", to: str = WANG) -> DeliveryFailed:
    async with asyncio.timeout(30):  # longer than any limit here; the simulator would stall for ever
        with pytest.raises(DeliveryFailed) as caught:
            await send(opened, text, to)
    error = caught.value
    # Nothing of the recipient, the text or the secret is in what is logged, nor an error of Twilio's behind it.
    assert error.__context__ is None or error.__suppress_context__
    assert not any(private in f"{error!r} {error}" for private in (to, "+852", text, TOKEN))
    return error


async def test_a_notice_is_handed_over_with_the_address_for_its_reports() -> None:
    async with line() as opened:
        sent = await send(opened, "您反映的问题已受理")
        (held,) = opened.twilio.messages
        assert sent.provider_id == held.sid
        assert (held.to, held.from_, held.body) == (WANG, NUMBER, "您反映的问题已受理")
        assert held.callback == f"{HOOK}/status/{KEY}"
        assert opened.channel.serves is ContactType.MOBILE


async def test_a_messaging_service_sends_in_place_of_a_number() -> None:
    async with line(messaging_service_sid=SERVICE) as opened:
        await send(opened)
        assert opened.twilio.messages[0].service == SERVICE


async def test_messages_may_be_handed_over_at_the_same_time() -> None:
    async with line() as opened:
        sent = await asyncio.gather(*(send(opened, f"第{n}条") for n in range(20)))
        assert len({one.provider_id for one in sent}) == len(opened.twilio.messages) == 20


@pytest.mark.parametrize(
    ("status", "code", "error", "reason"),
    [
        (401, 20003, Temporary, "twilio 20003"),
        (403, 20003, Temporary, "twilio 20003"),
        (404, 20404, Temporary, "twilio 20404"),
        (429, 20429, Temporary, "twilio 20429"),
        (400, 21211, Permanent, "twilio 21211"),
        (400, 21614, Permanent, "twilio 21614"),
        (400, 21635, Permanent, "twilio 21635"),
        (400, 21408, Permanent, "twilio 21408"),
        (400, 21608, Permanent, "twilio 21608"),
        (400, 21610, Permanent, "opted_out"),
        (400, 21617, Permanent, "twilio 21617"),
        (400, 29999, Permanent, "twilio 29999"),
        (400, 21606, Temporary, "twilio 21606"),
        (400, 21703, Temporary, "twilio 21703"),
        (500, 20500, Unknown, "twilio 20500"),
        (503, 20503, Unknown, "twilio 20503"),
    ],
)
async def test_each_error_code_of_a_hand_over_has_its_class(
    status: int, code: int, error: type[DeliveryFailed], reason: str
) -> None:
    """Lesson 64; channels 2.3. What is wrong with our own account or number says nothing about the customer's."""
    async with line() as opened:
        opened.twilio.fail_next(Fault(kind="refuse", status=status, code=code))
        told = await failed(opened)
        assert (type(told), told.reason) == (error, reason)
        assert opened.twilio.requests == 1


@pytest.mark.parametrize(("asked", "waits"), [(7, timedelta(seconds=7)), (999_999, timedelta(hours=1)), (None, None)])
async def test_too_many_requests_says_how_long_to_wait(asked: int | None, waits: timedelta | None) -> None:
    async with line() as opened:
        opened.twilio.fail_next(Fault(kind="refuse", status=429, code=20429, retry_after=asked))
        assert (await failed(opened)).retry_after == waits


async def test_whoever_wrote_stop_is_not_asked_again_until_start() -> None:
    """Lesson 65: an opted-out number was retried for ever."""
    async with line() as opened:
        await opened.twilio.customer_sends(WANG, "STOP")
        told = await failed(opened)
        assert (type(told), told.reason) == (Permanent, "opted_out")
        await opened.twilio.customer_sends(WANG, "START")
        assert (await send(opened)).provider_id


async def test_a_number_that_is_none_is_refused_for_good() -> None:
    async with line() as opened:
        assert (await failed(opened, to="+852x")).reason == "twilio 21211"


async def test_a_text_that_would_cost_too_much_is_not_sent() -> None:
    async with line(max_segments=2) as opened:
        await send(opened, "字" * 134)
        told = await failed(opened, "字" * 135)
        assert (type(told), told.reason) == (Permanent, "too_long")
        assert opened.twilio.requests == 1


@pytest.mark.parametrize(
    ("kind", "reason", "kept"),
    [("drop", "disconnected", 1), ("cut", "disconnected", 0), ("stall", "timeout", 1), ("garble", "bad_reply", 1)],
)
async def test_when_the_answer_is_lost_nobody_claims_to_know(kind: str, reason: str, kept: int) -> None:
    """Channels 0.4 and 2.4: the library alone would wait for ever, or post once more."""
    async with line(timeout=1 if kind == "stall" else 20) as opened:
        opened.twilio.fail_next(Fault(kind=kind))  # type: ignore[arg-type]  # a parameter is a str
        told = await failed(opened)
        assert (type(told), told.reason) == (Unknown, reason)
        assert (opened.twilio.requests, len(opened.twilio.messages)) == (1, kept)


async def test_where_nobody_listens_nothing_was_handed_over() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    async with open_channel(config(f"http://127.0.0.1:{port}"), tools(now=lambda: START), "sms") as channel:
        assert channel.sender is not None
        with pytest.raises(Temporary, match="unreachable"):
            await channel.sender.send(message())


async def test_where_tls_fails_nothing_was_handed_over() -> None:
    async with line() as opened:
        url = opened.twilio.url.replace("http:", "https:")
        async with open_channel(config(url), tools(now=lambda: START), "sms") as channel:
            assert channel.sender is not None
            with pytest.raises(Temporary, match="tls"):
                await channel.sender.send(message())


def test_a_fault_of_our_own_after_the_hand_over_is_unknown_too() -> None:
    assert isinstance(failure(KeyError("sid")), Unknown)


async def test_the_probe_logs_in() -> None:
    async with line() as opened:
        assert opened.channel.probe is not None
        await opened.channel.probe()


async def test_the_probe_says_what_to_change() -> None:
    async with line() as opened:
        assert opened.channel.probe is not None
        opened.twilio.auth_token = "another"
        with pytest.raises(Misconfigured, match=r"check account_sid and auth_tokens") as caught:
            await opened.channel.probe()
        assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(("status", "says"), [(429, "twilio 20429"), (502, "twilio 502")])
async def test_the_probe_blames_no_setting_when_twilio_has_its_own_trouble(status: int, says: str) -> None:
    async def trouble(_: web.BaseRequest) -> web.Response:
        return web.Response(status=status, text="<html>")

    async with (
        RawTestServer(trouble) as server,
        open_channel(config(str(server.make_url("/"))), tools(now=lambda: START), "sms") as channel,
    ):
        assert channel.probe is not None
        with pytest.raises(Unavailable, match=says):
            await channel.probe()


async def test_the_probe_says_when_twilio_cannot_be_reached() -> None:
    async with open_channel(config(), tools(now=lambda: START, public_url=PUBLIC), "sms") as channel:
        assert channel.probe is not None
        with pytest.raises(Unavailable, match="unreachable"):
            await channel.probe()


def test_every_failure_is_one_of_the_three() -> None:
    for error in (TimeoutError(), OSError(), ValueError("+85261234567")):
        told: GatewayError = failure(error)
        assert isinstance(told, Unknown)
        assert "+852" not in str(told)
