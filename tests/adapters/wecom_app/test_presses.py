"""Presses of buttons on their way in, and what the card says then: real HTTP from a simulated WeCom."""

from __future__ import annotations

import pytest

from gateway.model import Answer, Contact, ContactType, Outcome
from tests.adapters.wecom_app.branch import (
    AES_KEY,
    AGENT,
    NEXT_AES_KEY,
    NEXT_TOKEN,
    TOKEN,
    Branch,
    branch,
    message,
)
from tests.factories import START

EVENT = {"FromUserName": "ChenJing", "MsgType": "event", "Event": "template_card_event", "EventKey": "accept"}


async def dispatched(opened: Branch) -> str:
    """Send a card; return its key."""
    what = message()
    await opened.send(what)
    return what.key


async def test_wecom_takes_the_address() -> None:
    async with branch() as opened:
        assert await opened.wecom.verify(AGENT)
        assert opened.events == []


async def test_a_press_is_an_answer_by_who_pressed_and_the_card_says_so() -> None:
    async with branch() as opened:
        key = await dispatched(opened)
        pressed = await opened.wecom.press("chenjing", key, "accept")
        (answer,) = opened.answers()
        assert (pressed.status, pressed.problem) == (200, "")
        assert opened.shown().replaced == "已接单"
    chen = Contact(type=ContactType.WECOM_STAFF, value="chenjing", verified=True)
    assert (answer.source, answer.by, answer.key, answer.choice) == ("staff", chen, key, "accept")
    assert answer.received_at == START


async def test_a_press_that_comes_too_late_or_from_somebody_else_says_so_on_the_card() -> None:
    async with branch() as opened:
        key = await dispatched(opened)
        opened.outcome = Outcome.REFUSED
        await opened.wecom.press("chenjing", key, "accept")
        assert opened.shown().replaced == "已失效或不由您办理"


async def test_two_presses_in_one_second_are_two_and_one_told_three_times_is_one() -> None:
    """Lesson 82."""
    async with branch() as opened:
        one, other = await dispatched(opened), await dispatched(opened)
        for key in (one, other):
            await opened.wecom.press("chenjing", key, "accept")
        told = {**EVENT, "TaskId": one, "ResponseCode": "RC1"}
        for _ in range(3):
            await opened.wecom.event(AGENT, told)
        await opened.wecom.event(AGENT, {**told, "ResponseCode": "RC2"})
    assert len({answer.external_id for answer in opened.answers()}) == 4


async def test_a_press_without_a_code_of_its_own_is_told_apart_by_what_it_says() -> None:
    async with branch() as opened:
        key = await dispatched(opened)
        for changes in ({}, {}, {"FromUserName": "LiLi"}, {"EventKey": "reject"}, {"CreateTime": 1}):
            await opened.wecom.event(AGENT, {**EVENT, "TaskId": key, **changes})
    assert len({answer.external_id for answer in opened.answers()}) == 4


async def test_a_press_whose_answer_was_lost_is_answered_again_like_the_first() -> None:
    """Lesson 84: WeCom tells it again after five seconds. Refused, a card that is accepted keeps its button."""
    async with branch() as opened:
        opened.wecom.callbacks = "on_demand"
        key = await dispatched(opened)
        opened.wecom.caller.tell(opened.app, {"ToUserName": "x", "CreateTime": 1, **EVENT, "TaskId": key})
        assert await opened.wecom.ring(copies=3) == [200] * 3
        assert len({answer.external_id for answer in opened.answers()}) == 1


async def test_what_is_no_press_is_refused_when_it_comes_again() -> None:
    """Lesson 85."""
    async with branch() as opened:
        opened.wecom.callbacks = "on_demand"
        opened.wecom.caller.tell(opened.app, {"ToUserName": "x", "FromUserName": "ChenJing", "MsgType": "text"})
        assert await opened.wecom.ring(copies=2) == [200, 403]


@pytest.mark.parametrize(
    "fields",
    [
        {"MsgType": "event", "Event": "enter_agent", "EventKey": ""},
        {"MsgType": "event", "Event": "subscribe"},
        {"MsgType": "event", "Event": "template_card_menu_event", "TaskId": "01kbn3v5q8x2m4r6t8w0y2z4a6"},
        {"MsgType": "event", "Event": "something_new", "Deep": {"Inside": ["1", "2"]}},
        {**EVENT, "TaskId": "another-systems-card"},
        {**EVENT, "TaskId": "01kbn3v5q8x2m4r6t8w0y2z4a6", "EventKey": "a key of 2 words"},
    ],
)
async def test_what_is_no_press_of_ours_is_accepted_and_opens_nothing(fields: dict[str, object]) -> None:
    async with branch() as opened:
        assert await opened.wecom.event(AGENT, {"FromUserName": "ChenJing", **fields}) == 200
        assert opened.events == []


async def test_a_colleague_who_writes_to_the_app_is_told_that_nobody_reads_it() -> None:
    async with branch() as opened:
        told = {"ToUserName": opened.wecom.corp_id, "FromUserName": "ChenJing", "CreateTime": 1, "AgentID": AGENT}
        answered = await opened.wecom.caller.deliver(opened.app, {**told, "MsgType": "text", "Content": "客户在吗？"})
        assert opened.events == []
    assert answered.reply is not None
    assert (answered.status, answered.reply["ToUserName"], answered.reply["MsgType"]) == (200, "ChenJing", "text")
    assert "没有人看到" in answered.reply["Content"]


async def test_a_press_that_does_not_say_who_is_refused() -> None:
    async with branch() as opened:
        key = await dispatched(opened)
        assert await opened.wecom.event(AGENT, {**EVENT, "FromUserName": "", "TaskId": key}) == 400


async def test_credentials_are_replaced_without_a_press_being_lost() -> None:
    written = [{"token": TOKEN, "aes_key": AES_KEY}, {"token": NEXT_TOKEN, "aes_key": NEXT_AES_KEY}]
    async with branch(credentials=written) as opened:
        key = await dispatched(opened)
        opened.app.token, opened.app.aes_key = NEXT_TOKEN, NEXT_AES_KEY
        assert await opened.wecom.verify(AGENT)
        assert (await opened.wecom.press("chenjing", key, "accept")).problem == ""
        assert opened.shown().replaced == "已接单"


async def test_a_stranger_presses_nothing() -> None:
    async with branch() as opened:
        key = await dispatched(opened)
        opened.app.token = "guessed"
        assert (await opened.wecom.press("chenjing", key, "accept")).status == 403
        assert opened.events == []
        assert opened.shown().replaced == ""


async def test_an_answer_shows_no_code() -> None:
    async with branch() as opened:
        pressed = await opened.wecom.press("chenjing", await dispatched(opened), "accept")
        assert all(isinstance(event, Answer) for event in opened.events)
        assert pressed.response_code not in repr(opened.events)
