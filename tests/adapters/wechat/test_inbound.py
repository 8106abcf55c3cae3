"""Followers of a simulated 公众号 write, come and go: what the gateway hears of it, by real HTTP."""

from __future__ import annotations

import pytest

from gateway.errors import Forbidden, Permanent, Temporary
from gateway.model import ConsentChange, InboundMessage, Outcome, Receipt
from sandbox.wechat import Fault
from tests.adapters.wechat.account import AES_KEY, NEXT_AES_KEY, NEXT_TOKEN, TOKEN, WANG, Account, account
from tests.adapters.wechat.conformance import sealed
from tests.conftest import Core

LI = "oLi-0000000000000000000000_2"


def texts(opened: Account) -> list[str]:
    return [event.text for event in opened.events if isinstance(event, InboundMessage)]


def ids(opened: Account) -> list[str]:
    return [event.external_id for event in opened.events]


async def test_the_console_makes_sure_whose_the_address_is() -> None:
    async with account() as opened:
        assert await opened.wechat.verifies()
        opened.wechat.token = "an0ther"
        assert not await opened.wechat.verifies()
        assert opened.events == []


@pytest.mark.parametrize("mode", ["safe", "compatible"])
async def test_words_and_files_come_in_and_are_answered_with_nothing(mode: str) -> None:
    async with account(simulator={"mode": mode}) as opened:
        assert await opened.wechat.says(WANG, "年费80元没提前说，请退 ]]> <xml>") == 200
        assert await opened.wechat.shows(WANG, b"\xff\xd8picture") == 200
        assert texts(opened) == ["年费80元没提前说，请退 ]]> <xml>", ""]
        assert opened.wechat.heard == [(200, b""), (200, b"")]


async def test_a_new_token_and_key_are_taken_before_the_old_ones_go() -> None:
    async with account() as opened:
        await opened.wechat.says(WANG, "一")
        opened.wechat.aes_key = NEXT_AES_KEY
        opened.wechat.token = NEXT_TOKEN
        await opened.wechat.says(WANG, "二")
        assert texts(opened) == ["一", "二"]


async def test_what_is_not_sealed_is_refused() -> None:
    """Channels 1.7: what stands in the clear was signed by nobody."""
    async with account(simulator={"mode": "plain"}) as opened:
        assert await opened.wechat.says(WANG, "年费") == 403
        assert opened.events == []


async def test_plain_fields_beside_the_sealed_ones_are_never_believed() -> None:
    """Channels 1.7: compatibility mode carries both in one XML."""
    async with account(simulator={"mode": "compatible"}) as opened:
        opened.wechat.tamper = lambda body: body.replace(WANG.encode(), LI.encode()).replace("年费".encode(), b"STOP")
        assert await opened.wechat.says(WANG, "年费") == 200
        (message,) = opened.events
        assert isinstance(message, InboundMessage)
        assert (message.text, message.from_address) == ("年费", WANG)


async def test_a_message_that_could_not_be_committed_comes_again() -> None:
    """Lesson 84: no answer of 200 within 5 seconds, and WeChat calls up to three times."""
    async with account() as opened:
        opened.busy = True
        assert await opened.wechat.says(WANG, "年费") == 503
        assert [status for status, _ in opened.wechat.heard] == [503] * 3
        opened.busy = False
        assert await opened.wechat.again() == 200
        assert texts(opened) == ["年费"]


async def test_a_call_that_was_answered_is_not_heard_again_and_one_that_was_not_is() -> None:
    """Whoever has recorded a call cannot play it back."""
    async with account() as opened:
        webhook, call = opened.channel.webhook, sealed(TOKEN, AES_KEY)
        assert webhook is not None
        webhook.receive(call)  # and then the commit failed
        webhook.receive(call).reply([Receipt(outcome=Outcome.OPENED)])
        with pytest.raises(Forbidden):
            webhook.receive(call)


async def test_a_copy_has_the_id_of_the_first_also_hours_later() -> None:
    """Lessons 84, 85."""
    async with account() as opened:
        await opened.wechat.says(WANG, "年费", copies=3)
        opened.clock.later(hours=6)
        assert await opened.wechat.again() == 200
        assert len(ids(opened)) == 4
        assert len(set(ids(opened))) == 1


async def test_a_message_and_its_copies_open_one_complaint(core: Core) -> None:
    """Lessons 84, 85."""
    async with account(intake=core.intake.accept) as opened:
        await opened.wechat.says(WANG, "信用卡年费80元没提前说，请退。", copies=2)
        opened.clock.later(hours=6)
        await opened.wechat.again()
        assert [one.outcome for one in opened.receipts] == [Outcome.OPENED, Outcome.DUPLICATE, Outcome.DUPLICATE]


async def test_the_same_words_a_second_time_are_another_message() -> None:
    async with account() as opened:
        await opened.wechat.says(WANG, "还没有回复？")
        await opened.wechat.says(WANG, "还没有回复？")
        assert len(set(ids(opened))) == 2


async def test_who_leaves_is_not_written_to_until_they_come_back() -> None:
    """Nobody can be told who does not follow: the next contact has to be."""
    async with account() as opened:
        await opened.wechat.unfollows(WANG)
        await opened.wechat.follows(WANG)
        told = [(one.contact.value, one.wanted) for one in opened.events if isinstance(one, ConsentChange)]
        assert told == [(WANG, False), (WANG, True)]
        assert len(set(ids(opened))) == 2  # both in one second (lesson 82)


async def test_a_tap_on_the_menu_opens_nothing() -> None:
    async with account() as opened:
        assert await opened.wechat.clicks(WANG, "complain") == 200
        assert await opened.wechat.allows(WANG, "consented-0002") == 200
        assert opened.events == []


@pytest.mark.parametrize("kind", ["image", "voice", "video"])
async def test_a_file_is_fetched_by_the_name_in_its_message(kind: str) -> None:
    async with account() as opened:
        await opened.wechat.shows(WANG, b"\x00evidence", kind)
        (message,) = opened.events
        assert isinstance(message, InboundMessage)
        (attachment,) = message.attachments
        assert opened.channel.fetcher is not None
        media = await opened.channel.fetcher.fetch(attachment.ref, limit=100)
        assert media.content == b"\x00evidence"
        with pytest.raises(Permanent):
            await opened.channel.fetcher.fetch(attachment.ref, limit=3)
        opened.clock.later(days=3)
        with pytest.raises(Permanent) as gone:
            await opened.channel.fetcher.fetch(attachment.ref, limit=100)
        assert gone.value.reason == "errcode 40007"


@pytest.mark.parametrize("code", [48001, 48004, 50002, 99999])
async def test_a_file_is_not_gone_because_the_account_may_not_ask_for_it_today(code: int) -> None:
    async with account() as opened:
        await opened.wechat.shows(WANG, b"evidence")
        (message,) = opened.events
        assert isinstance(message, InboundMessage)
        assert opened.channel.fetcher is not None
        opened.wechat.fail_next_file(Fault(kind="refuse", code=code))
        with pytest.raises(Temporary):
            await opened.channel.fetcher.fetch(message.attachments[0].ref, limit=100)
        assert (await opened.channel.fetcher.fetch(message.attachments[0].ref, limit=100)).content == b"evidence"


async def test_a_video_that_is_only_an_address_is_not_followed() -> None:
    """WeChat answers media/get of some videos with JSON that names an address without TLS."""
    async with account(simulator={"video_links": True}) as opened:
        await opened.wechat.shows(WANG, b"film", "video")
        (message,) = opened.events
        assert isinstance(message, InboundMessage)
        assert opened.channel.fetcher is not None
        with pytest.raises(Permanent):
            await opened.channel.fetcher.fetch(message.attachments[0].ref, limit=100)
