"""Reading what customers wrote: nothing lost, nothing twice, whatever WeCom answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import RawTestServer
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.wecom import Config, open_channel
from gateway.errors import Temporary
from gateway.model import DeliveryReceipt, InboundMessage, MachineKind
from gateway.ports import Feed, Page
from sandbox.wecom import KfAccount
from tests.adapters.wecom.house import AGENT, CARDS_KF, KEY, KF, WANG, House, house, message, table
from tests.adapters.wecom.test_wire import VALUES
from tests.shared import tools


def texts(*pages: Page) -> list[str]:
    return [event.text for page in pages for event in page.events if isinstance(event, InboundMessage)]


async def pages(opened: House, place: str = "", ticket: str = "") -> list[Page]:
    """Return all pages from a place on, as the core reads them."""
    found: list[Page] = []
    while True:
        found.append(await opened.read(place, ticket))
        place = found[-1].place
        if not found[-1].more:
            return found


async def test_what_was_written_is_read_in_its_order_and_never_again() -> None:
    async with house() as opened:
        for number in range(3):
            await opened.wecom.says(WANG, KF, f"第{number}句")
        first = await opened.read()
        assert (texts(first), first.more) == (["第0句", "第1句", "第2句"], False)
        assert (await opened.read(first.place)).events == ()
        await opened.wecom.says(WANG, KF, "后来")
        assert texts(await opened.read(first.place)) == ["后来"]


async def test_each_account_is_read_by_itself() -> None:
    async with house() as opened:
        await opened.wecom.says(WANG, KF, "投诉")
        await opened.wecom.says(WANG, CARDS_KF, "卡")
        assert opened.channel.feed is not None
        assert list(opened.channel.feed.streams) == [KF, CARDS_KF]
        assert (texts(await opened.read()), texts(await opened.read(stream=CARDS_KF))) == (["投诉"], ["卡"])


async def test_more_accounts_than_wecom_answers_at_once_take_turns() -> None:
    """Channels 1.3: more than five calls at a time give 45033."""
    many = [f"wk{number}" for number in range(8)]
    async with house(accounts=[{"open_kfid": one} for one in many]) as opened:
        opened.wecom.accounts |= {one: KfAccount(open_kfid=one, name=one, app=AGENT) for one in many}
        opened.wecom.faults.hold_syncs = asyncio.Event()
        asked = [asyncio.create_task(opened.read(stream=one)) for one in many]
        done, _ = await asyncio.wait(asked, timeout=0.3, return_when=asyncio.FIRST_COMPLETED)
        opened.wecom.faults.hold_syncs.set()
        assert [page.events for page in await asyncio.gather(*asked)] == [()] * 8
        assert done == set()


async def test_a_page_is_at_most_one_commit() -> None:
    async with house() as opened:
        for number in range(150):
            await opened.wecom.says(WANG, KF, f"{number}")
        ticket = next(reversed(opened.wecom.chats.tickets))
        found = await pages(opened, ticket=ticket)
        assert [(len(page.events), page.more) for page in found] == [(100, True), (50, False)]


async def test_an_empty_page_and_a_short_one_are_not_the_end() -> None:
    """Channels 1.3: has_more may be 1 with nothing; fewer than the limit does not mean the last."""
    async with house() as opened:
        for number in range(4):
            await opened.wecom.says(WANG, KF, f"{number}")
        opened.wecom.faults.empty_pages, opened.wecom.faults.page_limit = 1, 3
        found = await pages(opened)
        assert [(len(page.events), page.more) for page in found] == [(0, True), (3, True), (1, False)]


async def test_who_dies_after_page_three_of_ten_goes_on_there() -> None:
    """Lesson 90."""
    async with house() as opened:
        for number in range(20):
            await opened.wecom.says(WANG, KF, f"{number}")
        opened.wecom.faults.page_limit = 2
        ticket = next(reversed(opened.wecom.chats.tickets))
        found = await pages(opened, ticket=ticket)
        assert len(found) == 10
        again = await pages(opened, found[2].place, ticket)
        assert texts(*found[:3], *again) == [f"{number}" for number in range(20)]


async def test_what_is_repeated_has_the_ids_it_had() -> None:
    """Lesson 85."""
    async with house() as opened:
        for number in range(3):
            await opened.wecom.says(WANG, KF, f"{number}")
        first = await opened.read()
        opened.wecom.faults.repeated = 2
        again = await opened.read(first.place)
        assert again.events == first.events[1:]


async def test_a_ticket_that_is_too_old_is_left_out() -> None:
    async with house(simulator={"callbacks": "on_demand"}) as opened:
        await opened.wecom.says(WANG, KF, "投诉")
        await opened.wecom.ring()
        opened.clock.later(minutes=11)
        assert texts(await opened.read(ticket=opened.bells[0].ticket)) == ["投诉"]
        assert opened.calls("kf/sync_msg") == 2


async def test_a_place_that_wecom_forgot_is_read_from_the_beginning() -> None:
    async with house() as opened:
        await opened.wecom.says(WANG, KF, "投诉")
        page = await opened.read("a cursor of somebody else's", "a ticket of somebody else's")
        assert texts(page) == ["投诉"]
        assert opened.calls("kf/sync_msg") == 3


async def test_without_a_bell_the_strict_limit_is_kept_to() -> None:
    """Channels 1.3: ten a minute, then nothing for a minute."""
    async with house() as opened:
        for _ in range(10):
            await opened.read()
        with pytest.raises(Temporary) as failed:
            await opened.read()
        assert failed.value.retry_after == timedelta(seconds=60)
        opened.clock.later(seconds=61)
        await opened.read()


@pytest.mark.parametrize("code", [-1, 45033, 48002, 60020, 95000, 99999])
async def test_whatever_wecom_refuses_is_asked_again_later(code: int) -> None:
    async with house() as opened:
        opened.wecom.faults.answer_next("kf/sync_msg", code)
        with pytest.raises(Temporary, match=str(code)):
            await opened.read()
        await opened.read()


@pytest.mark.parametrize("kind", ["cut", "http500", "drop", "garble", "empty", "stall"])
async def test_an_answer_that_breaks_loses_nothing(kind: Any) -> None:
    """Lesson 78: 200 with HTML, 200 with nothing."""
    async with house(timeout=1 if kind == "stall" else 5) as opened:
        await opened.wecom.says(WANG, KF, "投诉")
        opened.wecom.faults.break_next("kf/sync_msg", kind)
        with pytest.raises(Temporary):
            await opened.read()
        assert texts(await opened.read()) == ["投诉"]


async def test_a_token_that_ended_early_is_renewed_and_nothing_is_missed() -> None:
    async with house() as opened:
        await opened.wecom.says(WANG, KF, "一")
        first = await opened.read()
        opened.wecom.expire_tokens()
        await opened.wecom.says(WANG, KF, "二")
        assert texts(await opened.read(first.place)) == ["二"]
        assert opened.calls("gettoken") == 2


async def test_what_did_not_arrive_is_told_as_a_receipt() -> None:
    async with house() as opened:
        await opened.wecom.says(WANG, KF, "投诉")
        await opened.wecom.refuses(WANG, KF, fail_type=10)
        await opened.send(message())
        _, receipt = (await opened.read()).events
        assert isinstance(receipt, DeliveryReceipt)
        assert (receipt.key, receipt.reason) == (KEY, "wecom fail 10")


async def test_what_a_colleague_writes_and_what_is_recalled_open_nothing() -> None:
    async with house() as opened:
        msgid = await opened.wecom.says(WANG, KF, "投诉")
        await opened.wecom.colleague_says("lisi", WANG, KF, "我来处理")
        await opened.wecom.recalls(WANG, KF, msgid)
        kinds = [event.machine for event in (await opened.read()).events if isinstance(event, InboundMessage)]
        assert kinds[0] is None
        assert set(kinds[1:]) == {MachineKind.COLLEAGUE, MachineKind.CONVERSATION}


@asynccontextmanager
async def answering(reply: dict[str, Any]) -> AsyncIterator[Feed]:
    """Open the channel to a WeCom that answers everything so."""

    async def answer(request: web.BaseRequest) -> web.Response:
        token = {"access_token": "t", "expires_in": 7200} if request.path.endswith("gettoken") else reply
        return web.json_response({"errcode": 0, "errmsg": "ok", **token})

    async with RawTestServer(answer) as server:
        config = Config.model_validate(table(str(server.make_url("/"))))
        async with open_channel(config, tools(), "wecom") as channel:
            assert channel.feed is not None
            yield channel.feed


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(["msg_list", "next_cursor", "has_more"]), VALUES)
async def test_a_page_with_anything_in_any_place_moves_on_or_is_read_again(place: str, value: object) -> None:
    reply: dict[str, Any] = {"msg_list": [], "next_cursor": "c-2", "has_more": 0, place: value}
    async with answering(reply) as feed:
        if place == "msg_list" and not isinstance(value, list | None):
            with pytest.raises(Temporary, match="bad_reply"):
                await feed.read(KF, "c-1", "")
            return
        page = await feed.read(KF, "c-1", "")
        assert page.place in ("c-1", "c-2", value)
        assert len(page.events) <= (len(value) if isinstance(value, list) else 0)


@pytest.mark.parametrize("nothing", [{}, {"msg_list": None}, {"msg_list": []}])
async def test_a_page_without_a_list_has_nothing(nothing: dict[str, Any]) -> None:
    async with answering({"next_cursor": "c-2", **nothing}) as feed:
        assert await feed.read(KF, "c-1", "") == Page(events=(), place="c-2", more=False)


@pytest.mark.parametrize("cursor", ["c\ud800", "c\x00", "c" * 10_000, "", None, 2])
async def test_a_place_that_cannot_be_kept_is_none(cursor: object) -> None:
    async with answering({"next_cursor": cursor, "has_more": 1}) as feed:
        assert await feed.read(KF, "c-1", "") == Page(events=(), place="c-1", more=True)
