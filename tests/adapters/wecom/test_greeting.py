"""What is said at once: a welcome to who comes in, a prompt to who chooses from the menu. Best effort, and once."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from adapters.wecom import greeting
from gateway.model import InboundMessage
from sandbox.wecom import ChatMessage
from tests.adapters.wecom.house import KF, LI, WANG, House, house


async def offered(opened: House, customer: str = WANG) -> ChatMessage:
    """Return the welcome of somebody who has just come in."""
    await opened.wecom.enters(customer, KF)
    await opened.read()
    [menu] = [one for one in opened.wecom.chat(customer) if not one.mine]
    return menu


def account(**changes: Any) -> dict[str, Any]:
    return {"accounts": [{"open_kfid": KF, **changes}]}


async def test_who_comes_in_is_welcomed_with_a_menu() -> None:
    async with house(**account(note="也可致电 95500")) as opened:
        menu = await offered(opened)
        assert menu.msgtype == "msgmenu"
        assert menu.content["head_content"].startswith("您好")
        assert [one["click"]["content"] for one in menu.content["list"]] == ["我要投诉", "我有建议", "我要咨询"]
        assert menu.content["tail_content"] == "也可致电 95500"


async def test_without_a_menu_the_welcome_is_a_text_and_without_words_there_is_none() -> None:
    async with house(**account(menu=[], note="也可致电 95500", welcome="您好")) as opened:
        said = await offered(opened)
        assert (said.msgtype, said.text) == ("text", "您好\n也可致电 95500")
    async with house(**account(welcome="")) as opened:
        await opened.wecom.enters(WANG, KF)
        assert (await opened.read()).events == ()
        assert opened.calls("kf/send_msg_on_event") == 0


async def test_coming_in_is_no_record() -> None:
    async with house() as opened:
        await opened.wecom.enters(WANG, KF)
        assert (await opened.read()).events == ()


async def test_a_page_that_is_read_again_welcomes_nobody_twice() -> None:
    async with house() as opened:
        await opened.wecom.enters(WANG, KF)
        await opened.read()
        await opened.read()
        assert len(opened.shown()) == 1


async def test_a_code_of_over_20_seconds_is_not_tried() -> None:
    """path/95122; three days of them are read on the first start."""
    async with house() as opened:
        await opened.wecom.enters(WANG, KF)
        opened.clock.later(seconds=20)
        await opened.read()
        assert (opened.shown(), opened.calls("kf/send_msg_on_event")) == ([], 0)


async def test_who_chooses_is_asked_for_their_own_words_once() -> None:
    async with house() as opened:
        menu = await offered(opened)
        await opened.wecom.chose(WANG, KF, menu.msgid, "huiyin-1")
        for _ in range(2):
            [click] = (await opened.read()).events
            assert isinstance(click, InboundMessage)
            assert (click.text, click.machine) == ("我要投诉", "conversation")
        assert len(opened.shown()) == 2
        assert opened.shown()[1].startswith("请直接写下经过")


async def test_what_is_written_after_a_choice_is_words() -> None:
    async with house() as opened:
        menu = await offered(opened)
        await opened.wecom.chose(WANG, KF, menu.msgid, "huiyin-2")
        await opened.wecom.says(WANG, KF, "我要投诉")
        _, words = (await opened.read()).events
        assert isinstance(words, InboundMessage)
        assert (words.text, words.machine) == ("我要投诉", None)


async def test_nobody_is_asked_about_a_choice_of_days_ago() -> None:
    async with house() as opened:
        menu = await offered(opened)
        await opened.wecom.chose(WANG, KF, menu.msgid, "huiyin-1")
        opened.clock.later(minutes=10)
        assert len((await opened.read()).events) == 1
        assert len(opened.shown()) == 1


@pytest.mark.parametrize("broken", [{"code": 95018}, {"kind": "drop"}, {"kind": "garble"}, {"kind": "stall"}])
async def test_a_greeting_that_fails_stops_nobodys_words(
    broken: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    async with house(timeout=1) as opened:
        await opened.wecom.enters(WANG, KF)
        await opened.wecom.says(LI, KF, "年费请退")
        if "code" in broken:
            opened.wecom.faults.answer_next("kf/send_msg_on_event", broken["code"])
        else:
            opened.wecom.faults.break_next("kf/send_msg_on_event", broken["kind"])
        with caplog.at_level(logging.DEBUG):
            [words] = (await opened.read()).events
        assert isinstance(words, InboundMessage)
        assert words.text == "年费请退"
        [record] = [one for one in caplog.records if one.name.startswith("adapters")]
        assert not any(private in record.getMessage() for private in (WANG, LI, KF, "CODE"))


async def test_a_page_does_not_wait_for_its_greetings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(greeting, "PATIENCE", 0.2)
    async with house(timeout=60) as opened:
        await opened.wecom.enters(WANG, KF)
        opened.wecom.faults.break_next("kf/send_msg_on_event", "stall")
        async with asyncio.timeout(20):
            assert (await opened.read()).events == ()


async def test_a_crowd_is_greeted_at_once() -> None:
    async with house() as opened:
        for number in range(30):
            await opened.wecom.enters(f"{WANG}{number}", KF)
        await opened.read()
        assert opened.calls("kf/send_msg_on_event") == 30
        assert all(len(opened.shown(f"{WANG}{number}")) == 1 for number in range(30))
