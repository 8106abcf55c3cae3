"""The simulated WeChat itself, where no other test here would notice: as strict and as awkward as the real one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from sandbox.wechat import WeChat, wechat_simulator
from tests.adapters.wechat.account import ACCEPTED, AES_KEY, APP_ID, CONSENTED, SECRET, TOKEN, WANG, account, message
from tests.factories import Clock

SEND, BIZSEND = "/cgi-bin/message/template/send", "/cgi-bin/message/subscribe/bizsend"
ASKED = {"grant_type": "client_credential", "appid": APP_ID, "secret": SECRET}
DATA = {
    "character_string1": "TS-261123-000123-V",
    "phrase2": "已受理",
    "thing3": "您反映的问题",
    "time4": "2026年11月26日 18:00",
    "phone_number5": "400-800-0000",
}


@pytest.fixture
async def wechat() -> AsyncIterator[WeChat]:
    async with wechat_simulator(
        app_id=APP_ID, secret=SECRET, token=TOKEN, aes_key=AES_KEY, templates=(ACCEPTED, CONSENTED), now=Clock()
    ) as opened:
        await opened.follows(WANG)
        yield opened


async def get(wechat: WeChat, path: str, **query: str) -> Any:
    async with aiohttp.ClientSession() as session, session.get(wechat.url + path, params=query) as response:
        assert response.status == 200
        return await response.json()


async def post(wechat: WeChat, path: str, token: str, body: bytes) -> Any:
    address = f"{wechat.url}{path}?access_token={token}"
    async with aiohttp.ClientSession() as session, session.post(address, data=body) as response:
        assert response.status == 200
        return await response.json()


async def stable(wechat: WeChat, **asked: Any) -> Any:
    return await post(wechat, "/cgi-bin/stable_token", "", json.dumps({**ASKED, **asked}).encode())


async def sent(wechat: WeChat, path: str = SEND, token: str = "", **changes: Any) -> int:
    """Send a notice with these changes to its data or fields; return the errcode."""
    token = token or (await stable(wechat))["access_token"]
    told: dict[str, Any] = {"touser": WANG, "template_id": ACCEPTED.id}
    told |= {name: value for name, value in changes.items() if name in told}
    data = DATA | {name: value for name, value in changes.items() if name not in told}
    body = {**told, "data": {name: {"value": value} for name, value in data.items()}}
    answer = await post(wechat, path, token, json.dumps(body, ensure_ascii=False).encode())
    assert ("msgid" in answer) is (answer["errcode"] == 0)
    return int(answer["errcode"])


async def test_a_plain_token_ends_the_one_before_it_and_a_stable_one_does_not(wechat: WeChat) -> None:
    """Lesson 86; channels 1.2."""
    first = (await get(wechat, "/cgi-bin/token", **ASKED))["access_token"]
    assert await sent(wechat, token=first) == 0
    second = (await get(wechat, "/cgi-bin/token", **ASKED))["access_token"]
    assert [await sent(wechat, token=token) for token in (first, second)] == [40001, 0]
    kept = (await stable(wechat))["access_token"]
    assert (await stable(wechat))["access_token"] == kept
    anew = (await stable(wechat, force_refresh=True))["access_token"]
    assert [await sent(wechat, token=token) for token in (kept, anew, second)] == [40001, 0, 0]


async def test_a_token_lives_two_hours_and_a_stable_one_is_replaced_before(wechat: WeChat) -> None:
    clock = wechat.now
    assert isinstance(clock, Clock)
    first = await stable(wechat)
    clock.later(minutes=114)
    left = await stable(wechat)
    assert (left["access_token"], left["expires_in"]) == (first["access_token"], 360)
    clock.later(minutes=2)
    second = await stable(wechat)
    assert (second["access_token"] != first["access_token"], second["expires_in"]) == (True, 7200)
    assert await sent(wechat, token=first["access_token"]) == 0
    clock.later(minutes=4)
    assert await sent(wechat, token=first["access_token"]) == 42001


@pytest.mark.parametrize(
    ("changes", "code"), [({"appid": "wx1"}, 40013), ({"secret": "no"}, 40125), ({"grant_type": "password"}, 40002)]
)
async def test_who_may_not_have_a_token_gets_none(wechat: WeChat, changes: dict[str, str], code: int) -> None:
    assert (await stable(wechat, **changes))["errcode"] == code
    assert (await get(wechat, "/cgi-bin/token", **{**ASKED, **changes}))["errcode"] == code


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, 0),
        ({"thing3": "字" * 20}, 0),
        ({"thing3": "字" * 21}, 47003),
        ({"thing3": "一\n二"}, 47003),
        ({"phrase2": "申请已受理"}, 0),
        ({"phrase2": "核查申请受理"}, 47003),
        ({"phrase2": "OK"}, 47003),
        ({"character_string1": "编号1"}, 47003),
        ({"character_string1": "A" * 33}, 47003),
        ({"time4": "15:01"}, 0),
        ({"time4": "2026-11-26"}, 47003),
        ({"phone_number5": "0" * 18}, 47003),
        ({"phrase2": ""}, 47003),
        ({"touser": "oNobody"}, 40003),
        ({"template_id": "another"}, 40037),
        ({"template_id": CONSENTED.id}, 40037),
    ],
)
async def test_a_value_that_breaks_a_rule_refuses_the_whole_notice(
    wechat: WeChat, changes: dict[str, str], code: int
) -> None:
    """Channels 1.7."""
    assert await sent(wechat, **changes) == code
    assert len(wechat.notices(WANG)) == (code == 0)


async def test_json_that_hides_its_characters_is_refused(wechat: WeChat) -> None:
    token = (await stable(wechat))["access_token"]
    told = {"touser": WANG, "template_id": ACCEPTED.id, "data": {"thing3": {"value": "投诉"}}}
    assert (await post(wechat, SEND, token, json.dumps(told).encode()))["errcode"] == 40033
    assert (await post(wechat, SEND, token, b"{"))["errcode"] == 47001
    assert (await post(wechat, SEND, "", b"{}"))["errcode"] == 41001
    assert (await post(wechat, SEND, "made-up", b"{}"))["errcode"] == 40014


async def test_who_switches_notices_off_or_leaves_gets_none(wechat: WeChat) -> None:
    wechat.refusing.add(WANG)
    assert await sent(wechat) == 43101
    wechat.refusing.clear()
    await wechat.unfollows(WANG)
    assert await sent(wechat) == 43004


async def test_a_no_to_a_subscription_notice_is_no_consent(wechat: WeChat) -> None:
    changes = {"template_id": CONSENTED.id, "date3": "2026年11月26日"}
    await wechat.allows(WANG, CONSENTED.id, accepts=False)
    assert await sent(wechat, BIZSEND, **changes) == 43101
    await wechat.allows(WANG, CONSENTED.id)
    assert [await sent(wechat, BIZSEND, **changes) for _ in range(2)] == [0, 43101]


async def test_a_phone_is_told_of_each_change_and_keeps_nothing_that_failed() -> None:
    seen: list[str] = []
    async with account(simulator={"callbacks": "at_once", "on_change": seen.append}) as opened:
        assert opened.channel.sender is not None
        await opened.channel.sender.send(message())
        await opened.wechat.settled()
        assert (seen, opened.wechat.notices(WANG)[0].status) == ([WANG, WANG], "success")
        opened.wechat.fates[WANG] = "failed:user block"
        await opened.channel.sender.send(message())
        await opened.wechat.settled()
        assert len(opened.wechat.notices(WANG)) == 1
        assert len(opened.events) == 2


async def test_ends_are_told_in_any_order() -> None:
    async with account() as opened:
        assert opened.channel.sender is not None
        sent = [await opened.channel.sender.send(message()) for _ in range(2)]
        assert await opened.wechat.report(reverse=True) == [200, 200]
        told = [getattr(event, "provider_id", "") for event in opened.events]
        assert told == [one.provider_id for one in reversed(sent)]


async def test_an_owner_that_does_not_answer_in_time_is_called_three_times(wechat: WeChat) -> None:
    """Lesson 84."""
    silence = asyncio.Event()

    async def answer(request: web.Request) -> web.Response:
        await silence.wait()
        return web.Response()

    app = web.Application()
    app.add_routes([web.post("/", answer)])
    async with TestServer(app) as server:
        wechat.hook_url, wechat.patience = str(server.make_url("/")), 0.05
        assert await wechat.says(WANG, "年费") == 0
        assert wechat.heard == [(0, b"")] * 3
        silence.set()
