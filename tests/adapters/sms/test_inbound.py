"""A customer's SMS and Twilio's reports, from a simulated Twilio through the gateway's own hook route."""

from __future__ import annotations

import logging
from urllib.parse import urlencode

import aiohttp
import pytest

from adapters.sms import wire
from gateway.errors import Forbidden, Invalid
from gateway.model import ConsentChange, DeliveryReceipt, DeliveryStatus, InboundMessage, Outcome, Receipt
from gateway.ports import Webhook
from sandbox.twilio import Fault
from tests.adapters.sms.line import ACCOUNT, HOOK, KEY, TOKEN, WANG, Line, line, message, request
from tests.factories import START

SID = "SM" + "a" * 32
COMPLAINT = "我的卡被扣了两次年费，请退"


def hook(opened: Line) -> Webhook:
    assert opened.channel.webhook is not None
    return opened.channel.webhook


def form(**fields: str) -> bytes:
    return urlencode({"MessageSid": SID, "AccountSid": ACCOUNT, "From": WANG, "Body": COMPLAINT, **fields}).encode()


async def test_a_complaint_by_sms_arrives_whole() -> None:
    async with line() as opened:
        assert await opened.twilio.customer_sends(WANG, COMPLAINT) == 200
        (event,) = opened.events
        assert isinstance(event, InboundMessage)
        assert (event.text, event.source, event.received_at) == (COMPLAINT, "sms", START)
        assert event.external_id == opened.twilio.inbound[0].sid
        assert event.raw is not None
        assert event.problems == ()


async def test_the_answer_is_an_empty_twiml_because_the_acknowledgement_is_a_notice() -> None:
    async with line(signature="off") as opened:
        reply = hook(opened).receive(request(form())).reply([Receipt(outcome=Outcome.OPENED)])
        assert (reply.status, reply.body, reply.media_type) == (200, b"<Response/>", "text/xml")


async def test_a_message_that_comes_again_has_the_same_id() -> None:
    """Channels 2.3: Twilio repeats after a timeout; a replayed request is no more than that."""
    async with line() as opened:
        await opened.twilio.customer_sends(WANG, COMPLAINT, copies=2)
        first, second = opened.events
        assert first.external_id == second.external_id


async def test_pictures_are_noted_and_their_addresses_kept_in_the_raw_form() -> None:
    async with line() as opened:
        await opened.twilio.customer_sends(WANG, COMPLAINT, media=["https://media.example/1"])
        (event,) = opened.events
        assert isinstance(event, InboundMessage)
        assert event.problems == ("media_not_fetched",)
        assert event.raw is not None
        assert b"media.example" in event.raw


async def test_unsubscribing_is_kept_as_a_consent_and_undone_by_start() -> None:
    async with line() as opened:
        for word in ("退订", "START"):
            await opened.twilio.customer_sends(WANG, word)
        assert [event.wanted for event in opened.events if isinstance(event, ConsentChange)] == [False, True]


@pytest.mark.parametrize("signs", [{"sign_port": True}, {"shared_key": ("bank-1", "sh4red")}])
async def test_the_other_ways_twilio_signs_are_believed(signs: dict[str, object]) -> None:
    async with line(simulator=signs, shared_keys={"bank-1": "sh4red"}) as opened:
        assert await opened.twilio.customer_sends(WANG, COMPLAINT) == 200


async def test_during_a_rotation_both_tokens_are_believed() -> None:
    async with line(auth_tokens=[TOKEN, "n3xt-token"]) as opened:
        assert await opened.twilio.customer_sends(WANG, COMPLAINT) == 200
        opened.twilio.auth_token = "n3xt-token"
        assert await opened.twilio.customer_sends(WANG, COMPLAINT) == 200


async def test_a_forged_message_is_refused_and_nothing_of_it_is_kept() -> None:
    async with line() as opened:
        opened.twilio.auth_token = "guessed"
        assert await opened.twilio.customer_sends(WANG, COMPLAINT) == 403
        assert opened.events == []


async def test_what_the_proxy_calls_itself_does_not_matter() -> None:
    """Lesson 66: the address that is signed is the public one, whatever Host or X-Forwarded-Host say."""
    async with line() as opened:
        public, real = opened.twilio.route
        opened.twilio.route = (public, real.replace("127.0.0.1", "localhost"))
        assert await opened.twilio.customer_sends(WANG, COMPLAINT) == 200


async def test_observing_takes_in_what_is_not_signed_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    """Lesson 66: a wrong public address must not cost customers their messages while it is being found out."""
    async with line(signature="observe") as opened:
        opened.twilio.auth_token = "another"
        with caplog.at_level(logging.WARNING):
            assert await opened.twilio.customer_sends(WANG, COMPLAINT) == 200
        (event,) = opened.events
        assert isinstance(event, InboundMessage)
        assert event.problems == ("bad_signature",)
        assert "sms: took in a request whose signature does not match" in caplog.text
        assert WANG not in caplog.text


@pytest.mark.parametrize("signature", ["off", "observe", "enforce"])
async def test_another_account_is_refused_however_signatures_are_taken(signature: str) -> None:
    async with line(signature=signature) as opened:
        opened.twilio.account_sid = "AC" + "2" * 32
        assert await opened.twilio.customer_sends(WANG, COMPLAINT) == 403
        assert opened.events == []


@pytest.mark.parametrize("body", [b"", b"\xff\xfe\x00", "From=王".encode(), b"a=" * 600, b'{"MessageSid": "SM1"}'])
async def test_what_is_no_form_is_refused(body: bytes) -> None:
    async with line(signature="off") as opened:
        with pytest.raises(Forbidden):
            hook(opened).receive(request(body))


@pytest.mark.parametrize("change", [slice(0, -9), slice(9, None), slice(0, 0)])
async def test_a_message_cut_short_is_refused(change: slice) -> None:
    whole = form()
    signed = {wire.SIGNATURE: wire.signature(HOOK, wire.form_of(whole) or (), TOKEN)}
    async with line() as opened:
        assert hook(opened).receive(request(whole, headers=signed)).events
        with pytest.raises(Forbidden):
            hook(opened).receive(request(whole[change], headers=signed))


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("", {"MessageSid": ""}),
        ("elsewhere", {}),
        (f"status/{KEY}", {}),
        (f"status/{KEY}/more", {"MessageStatus": "sent"}),
        (f"status/{KEY.upper()}", {"MessageStatus": "sent"}),
        ("status/", {"MessageStatus": "sent"}),
    ],
)
async def test_a_genuine_request_without_sense_is_invalid(path: str, fields: dict[str, str]) -> None:
    async with line(signature="off") as opened:
        with pytest.raises(Invalid):
            hook(opened).receive(request(form(**fields), path=path))


async def test_an_oversized_request_is_refused_unread() -> None:
    async with line() as opened, aiohttp.ClientSession() as session:
        real = opened.twilio.route[1]
        async with session.post(f"{real}/hooks/sms", data=b"a" * (hook(opened).max_body + 1)) as response:
            assert response.status == 413


async def test_reports_name_our_message_by_our_key() -> None:
    async with line() as opened:
        assert opened.channel.sender is not None
        sent = await opened.channel.sender.send(message())
        assert await opened.twilio.report() == [200, 200]
        assert [
            (event.key, event.provider_id, event.status)
            for event in opened.events
            if isinstance(event, DeliveryReceipt)
        ] == [
            (KEY, sent.provider_id, DeliveryStatus.ACCEPTED),
            (KEY, sent.provider_id, DeliveryStatus.DELIVERED),
        ]


async def test_reports_come_in_any_order_and_twice() -> None:
    async with line() as opened:
        assert opened.channel.sender is not None
        opened.twilio.fates[WANG] = ("undelivered", 30003)
        await opened.channel.sender.send(message())
        assert await opened.twilio.report(reverse=True, copies=2) == [200] * 4
        reports = [event for event in opened.events if isinstance(event, DeliveryReceipt)]
        assert [(one.status, one.reason, one.again) for one in reports] == [
            *[(DeliveryStatus.UNDELIVERED, "twilio 30003", True)] * 2,
            *[(DeliveryStatus.ACCEPTED, "", False)] * 2,
        ]
        assert len({one.external_id for one in reports}) == 2


async def test_a_report_may_come_before_the_answer_to_the_hand_over() -> None:
    async with line() as opened:
        assert opened.channel.sender is not None
        opened.twilio.fail_next(Fault(kind="early"))
        sent = await opened.channel.sender.send(message())
        assert [event.provider_id for event in opened.events if isinstance(event, DeliveryReceipt)] == [
            sent.provider_id
        ] * 2
