"""Asking a simulated Twilio what became of messages, and what customers sent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from gateway.errors import Temporary, Unavailable, Unknown
from gateway.model import ConsentChange, DeliveryStatus, InboundEvent, InboundMessage
from gateway.ports import Found, Handed
from sandbox.twilio import Fault
from tests.adapters.sms.line import KEY, TOKEN, WANG, Line, handed, line, message
from tests.factories import START

SERVICE = "MG" + "3" * 32
CHAN = "+85291234567"
AN_HOUR = timedelta(hours=1)


async def find(opened: Line, *messages: Handed) -> Sequence[Found]:
    assert opened.channel.finder is not None
    return await opened.channel.finder.find(messages)


async def send(opened: Line, text: str = "您好", to: str = WANG) -> str:
    assert opened.channel.sender is not None
    return (await opened.channel.sender.send(message(text, to))).provider_id


async def census(opened: Line) -> list[InboundEvent]:
    assert opened.channel.census is not None
    return [event async for event in opened.channel.census.held(START - AN_HOUR, START + AN_HOUR)]


@pytest.mark.parametrize(
    ("fate", "found"),
    [
        (("delivered", None), (DeliveryStatus.DELIVERED, "", False)),
        (("undelivered", 30003), (DeliveryStatus.UNDELIVERED, "twilio 30003", True)),
        (("failed", 21610), (DeliveryStatus.UNDELIVERED, "opted_out", False)),
    ],
)
async def test_a_message_whose_reports_were_lost_is_found_by_its_id(
    fate: tuple[str, int | None], found: tuple[DeliveryStatus, str, bool]
) -> None:
    async with line(simulator={"callbacks": "never"}) as opened:
        opened.twilio.fates[WANG] = fate
        sid = await send(opened)
        await opened.twilio.settled()
        (answer,) = await find(opened, handed(message("您好"), sid))
        assert (answer.key, answer.provider_id) == (KEY, sid)
        assert (answer.status, answer.reason, answer.again) == found


async def test_a_message_whose_answer_was_lost_is_found_by_recipient_and_text() -> None:
    async with line() as opened:
        opened.twilio.fail_next(Fault(kind="drop"))
        with pytest.raises(Unknown):
            await send(opened)
        (answer,) = await find(opened, handed(message("您好")))
        assert answer.status is DeliveryStatus.ACCEPTED  # it still waits in Twilio's queue, and has no date of sending
        assert answer.provider_id == opened.twilio.messages[0].sid


async def test_of_several_that_say_the_same_the_one_that_came_furthest_counts() -> None:
    async with line() as opened:
        for fate in ("failed", "delivered", "undelivered"):
            opened.twilio.fates[WANG] = (fate, None)
            await send(opened)
            await opened.twilio.report()
            opened.clock.later(seconds=1)
            (answer,) = await find(opened, handed(message("您好")))
        assert answer.status is DeliveryStatus.DELIVERED
        await send(opened)
        assert await find(opened, handed(message("您好"))) == [answer]


@pytest.mark.parametrize("other", [{"text": "您好！"}, {"to": CHAN}])
async def test_another_text_or_recipient_is_not_it(other: dict[str, str]) -> None:
    async with line() as opened:
        await send(opened, **other)
        opened.clock.later(minutes=1)
        assert await find(opened, handed(message("您好"))) == [Found(key=KEY, status=None)]


async def test_the_customers_own_words_are_not_it() -> None:
    async with line() as opened:
        await opened.twilio.customer_sends(WANG, "您好")
        opened.clock.later(minutes=1)
        sent = message("您好", to=opened.twilio.number)
        assert await find(opened, handed(sent)) == [Found(key=KEY, status=None)]


async def test_what_was_sent_before_the_first_try_is_not_it() -> None:
    async with line() as opened:
        await send(opened)
        opened.clock.later(days=2)
        tried_at = opened.clock()
        opened.clock.later(minutes=1)
        assert await find(opened, handed(message("您好"), tried_at=tried_at)) == [Found(key=KEY, status=None)]


async def test_in_the_first_minute_nobody_says_that_it_never_came() -> None:
    """A request that was cut off may still become a message; one sent again then would be a second copy."""
    async with line() as opened:
        opened.clock.later(seconds=59)
        with pytest.raises(Temporary, match="too_early"):
            await find(opened, handed(message("您好")))


async def test_a_message_that_is_deleted_at_twilio_keeps_no_other_waiting() -> None:
    async with line() as opened:
        sid = await send(opened)
        gone, there = handed(message("您好"), "SM" + "a" * 32), handed(message("您好"), sid)
        assert [answer.provider_id for answer in await find(opened, gone, there)] == [sid]


async def test_many_are_asked_for_at_once() -> None:
    async with line() as opened:
        sids = [await send(opened, f"第{n}条") for n in range(50)]
        asked = [handed(message(f"第{n}条"), sid) for n, sid in enumerate(sids)]
        assert [answer.provider_id for answer in await find(opened, *asked)] == sids


async def test_a_number_with_too_many_messages_to_search_is_left_out() -> None:
    async with line() as opened:
        for n in range(200):
            await opened.twilio.take({"To": WANG, "Body": str(n)})
        opened.clock.later(minutes=5)
        assert await find(opened, handed(message("您好"))) == []


async def test_a_provider_that_does_not_answer_is_asked_later() -> None:
    async with line() as opened:
        opened.twilio.auth_token = "another"
        with pytest.raises(Temporary) as caught:
            await find(opened, handed(message("您好")), handed(message("您好"), "SM" + "a" * 32))
        assert TOKEN not in str(caught.value)


async def test_the_census_names_messages_as_the_webhook_did() -> None:
    async with line() as opened:
        await opened.twilio.customer_sends(WANG, "我的卡被扣了两次年费")
        await opened.twilio.customer_sends(CHAN, "退订")
        held = {event.external_id: event for event in await census(opened)}
        assert {event.external_id for event in opened.events} == set(held)
        by_hook, by_census = opened.events[0], held[opened.events[0].external_id]
        assert isinstance(by_hook, InboundMessage)
        assert isinstance(by_census, InboundMessage)
        assert (by_hook.text, by_hook.contacts) == (by_census.text, by_census.contacts)
        assert sum(isinstance(event, ConsentChange) for event in held.values()) == 1


async def test_the_census_knows_what_came_while_nobody_listened() -> None:
    async with line() as opened:
        opened.twilio.hook_url = ""
        assert await opened.twilio.customer_sends(WANG, "没有人收到的投诉") == 0
        (event,) = await census(opened)
        assert isinstance(event, InboundMessage)
        assert (event.text, event.received_at, event.source) == ("没有人收到的投诉", START, "sms")


async def test_the_census_goes_through_every_page() -> None:
    async with line() as opened:
        opened.twilio.hook_url = ""
        for n in range(501):
            await opened.twilio.customer_sends(WANG, f"第{n}条")
        assert len({event.external_id for event in await census(opened)}) == 501


async def test_the_census_counts_what_customers_sent_in_that_time_only() -> None:
    async with line() as opened:
        await send(opened)
        await opened.twilio.report()
        opened.clock.at = START + AN_HOUR
        await opened.twilio.customer_sends(WANG, "too late")
        opened.clock.at = START - AN_HOUR - timedelta(seconds=1)
        await opened.twilio.customer_sends(WANG, "too early")
        opened.clock.at = START - AN_HOUR
        await opened.twilio.customer_sends(WANG, "in time")
        assert [event.text for event in await census(opened) if isinstance(event, InboundMessage)] == ["in time"]


async def test_the_census_of_a_service_counts_its_own_messages() -> None:
    async with line(messaging_service_sid=SERVICE) as opened:
        for service in (SERVICE, ""):
            await opened.twilio.customer_sends(WANG, service or "another number of the account")
            opened.twilio.inbound[-1].service = service
        assert [event.text for event in await census(opened) if isinstance(event, InboundMessage)] == [SERVICE]


async def test_a_census_that_cannot_be_taken_is_unavailable() -> None:
    async with line() as opened:
        opened.twilio.auth_token = "another"
        with pytest.raises(Unavailable):
            await census(opened)
