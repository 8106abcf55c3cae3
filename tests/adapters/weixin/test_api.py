"""Calls with an access token: what goes over the wire, what each answer means, and that no secret is ever shown."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from adapters.weixin.api import Api, Refused, TokenCall, _written
from gateway.errors import DeliveryFailed, GatewayError, Misconfigured, Temporary, Unavailable, Unknown
from tests.adapters.weixin.tencent import OK, SECRET, Reply, Tencent, answer, api_of, tencent
from tests.shared import MemoryShared

SEND = "/cgi-bin/message/send"
TEXT: Mapping[str, Any] = {"touser": "wang-li", "text": {"content": "您反映的年费问题😀已受理"}}
FILE = "file-1"
NOBODY = "http://127.0.0.1:9"


@pytest.fixture
async def there() -> AsyncIterator[Tencent]:
    async with tencent() as running:
        yield running


@pytest.fixture
async def api(there: Tencent) -> AsyncIterator[Api]:
    async with api_of(there.url) as opened:
        yield opened


async def cut(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.close()
    return web.Response()


async def test_words_go_out_as_they_are_written_and_not_as_escapes(there: Tencent, api: Api) -> None:
    """channels.md trap 10: WeCom refuses \\u6295 in a request with 40033 (path/90455)."""
    there.says({**OK, "msgid": "m-1"})
    assert (await api.call(SEND, TEXT))["msgid"] == "m-1"
    method, token, body = there.calls[0]
    assert (method, token) == ("POST", "t0ken-number-1")
    assert "您反映的年费问题😀已受理".encode() in body
    assert b"\\u" not in body
    assert json.loads(body) == TEXT


async def test_half_a_character_costs_itself_and_not_the_message(there: Tencent, api: Api) -> None:
    await api.call(SEND, {"content": "a\ud83d"})
    assert json.loads(there.calls[0][2]) == {"content": "a?"}


@given(st.text(st.sampled_from('年😀\\u0041a"\x00\x01\x1f\x7f\n\t\b\f\r\u2028'), max_size=12))
def test_no_character_is_written_as_an_escape_that_wecom_refuses(words: str) -> None:
    """path/90455: 40033. A name with a control character would have kept its owner's notices back, every one."""
    written = _written({"text": {"content": words}})
    assert not re.search(rb"(?<!\\)(?:\\\\)*\\u", written)
    expected = "".join(" " if sign < " " and sign not in "\n\t\b\f\r" else sign for sign in words)
    assert json.loads(written) == {"text": {"content": expected}}


async def test_one_token_serves_all_calls(there: Tencent, api: Api) -> None:
    await asyncio.gather(*(api.call(SEND, TEXT) for _ in range(8)))
    assert (len(there.tokens), {token for _, token, _ in there.calls}) == (1, {"t0ken-number-1"})


@pytest.mark.parametrize("code", [40001, 40014, 42001])
async def test_a_token_that_is_refused_is_replaced_once_and_the_call_made_again(
    there: Tencent, api: Api, code: int
) -> None:
    """Lesson 78; a token ends early whenever WeCom likes (path/91039)."""
    there.refuses, there.refusal = {"t0ken-number-1"}, code
    assert await api.call(SEND, TEXT) == OK
    assert [token for _, token, _ in there.calls] == ["t0ken-number-1", "t0ken-number-2"]


async def test_a_provider_that_refuses_every_token_is_asked_twice_and_never_again(there: Tencent, api: Api) -> None:
    """channels.md trap 5: a library made 972 requests of it. Two thousand of them an hour and no token is given."""
    there.refuses = {f"t0ken-number-{number}" for number in range(1, 1000)}
    with pytest.raises(Temporary, match=r"^errcode 42001$"):
        await api.call(SEND, TEXT)
    assert (len(there.calls), len(there.tokens)) == (2, 2)


async def test_eight_calls_with_an_expired_token_ask_for_one_new_one(there: Tencent) -> None:
    """Lesson 86: several processes refresh it and invalidate each other's."""
    shared = MemoryShared()
    async with api_of(there.url, shared=shared) as one, api_of(there.url, shared=shared) as other:
        await one.call(SEND, TEXT)
        there.refuses = {"t0ken-number-1"}
        await asyncio.gather(*(node.call(SEND, TEXT) for node in (one, other) * 4))
    assert there.tokens == ["t0ken-number-1", "t0ken-number-2"]


ANSWERS: dict[str, tuple[Reply, DeliveryFailed]] = {
    "too often": (answer({"errcode": 45009, "errmsg": "x"}), Temporary("errcode 45009")),
    "too many at once": (answer({"errcode": 45033, "errmsg": "x"}), Temporary("errcode 45033")),
    "not our address": (answer({"errcode": 60020, "errmsg": "x"}), Temporary("errcode 60020")),
    "not our address, to an account": (answer({"errcode": 40164, "errmsg": "x"}), Temporary("errcode 40164")),
    "busy": (answer({"errcode": -1, "errmsg": "x"}), Unknown("errcode -1")),
    "broken": (answer(b"oops", 502), Unknown("http 502")),
    "broken, and yet ok": (answer(OK, 500), Unknown("http 500")),
    "not found": (answer(b"", 404), Temporary("http 404")),
    "slow down": (answer(OK, 429), Temporary("http 429")),
    "moved": (answer(OK, 302, Location="/cgi-bin/elsewhere"), Temporary("http 302")),
    "empty": (answer(b""), Unknown("bad_reply")),
    "a page": (answer(b"<html><body>login</body></html>", Content_Type="text/html"), Unknown("bad_reply")),
    "a list": (answer([OK]), Unknown("bad_reply")),
    "half": (answer(b'{"errcode":0,"errm'), Unknown("bad_reply")),
    "not UTF-8": (answer(b'{"errcode":0,"errmsg":"\xff"}'), Unknown("bad_reply")),
    "too deep": (answer(b'{"errcode":0,"a":' + b"[" * 100_000), Unknown("bad_reply")),
    "no errcode": (answer({}), Unknown("bad_reply")),
    "an errcode of text": (answer({"errcode": "0"}), Unknown("bad_reply")),
    "an errcode of no value": (answer({"errcode": None}), Unknown("bad_reply")),
    "an errcode that is true": (answer({"errcode": True}), Unknown("bad_reply")),
    "an errcode that is false": (answer({"errcode": False}), Unknown("bad_reply")),
    "a type that was wrong": (
        answer({"errcode": 0, "errmsg": "ok. Warning: wrong json format. "}),
        Unknown("wrong_json_format"),
    ),
    "cut off": (cut, Unknown("disconnected")),
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_http_200_alone_is_no_success(there: Tencent, api: Api, name: str) -> None:
    """Lesson 78: 200 with an errcode, with a page and with nothing counted as sent. None is asked for twice."""
    reply, failure = ANSWERS[name]
    there.plan.append(reply)
    with pytest.raises(DeliveryFailed) as failed:
        await api.call(SEND, TEXT)
    assert (type(failed.value), failed.value.reason) == (type(failure), failure.reason)
    assert (len(there.calls), there.plan) == (1, [])


@pytest.mark.parametrize("code", [45009, 45011])
async def test_a_minutes_limit_is_waited_for(there: Tencent, api: Api, code: int) -> None:
    there.says({"errcode": code, "errmsg": "api freq out of limit"})
    with pytest.raises(Temporary) as failed:
        await api.call(SEND, TEXT)
    assert failed.value.retry_after == timedelta(seconds=60)


@pytest.mark.parametrize("code", [40003, 45002, 81013, 95001, 95018, 41001])
async def test_what_is_about_this_call_is_the_channels_to_judge(there: Tencent, api: Api, code: int) -> None:
    there.says({"errcode": code, "errmsg": f"invalid user wang-li, hint: [{SECRET}]"})
    with pytest.raises(Refused) as refused:
        await api.call(SEND, TEXT)
    assert (refused.value.code, refused.value.reason, str(refused.value)) == (code, *[f"errcode {code}"] * 2)
    assert repr(refused.value) == f"Refused('errcode {code}')"


@pytest.mark.parametrize(
    ("words", "is_named"),
    [
        ("invalid msgid, hint: [1]", True),
        ("MSGID已存在", True),
        ("msgid: duplicate", True),
        ("invalid fail_msgid", False),
        ("invalid msgids", False),
        ("invalid msg token", False),
        (None, False),
        ({"msg": "id"}, False),
    ],
)
async def test_a_refusal_says_which_field_it_names(there: Tencent, api: Api, words: object, is_named: bool) -> None:
    there.says({"errcode": 40058, "errmsg": words})
    with pytest.raises(Refused) as refused:
        await api.call(SEND, TEXT)
    assert refused.value.names("msgid") is is_named


TOKEN_ANSWERS: dict[str, Reply] = {
    "not our secret": answer({"errcode": 40001, "errmsg": f"invalid credential {SECRET}"}),
    "a token of no length": answer({**OK, "access_token": "", "expires_in": 7200}),
    "no token": answer(OK),
    "a token without an end": answer({**OK, "access_token": "t"}),
    "a token that has ended": answer({**OK, "access_token": "t", "expires_in": 0}),
    "busy": answer({"errcode": -1}),
    "broken": answer(b"", 503),
    "a page": answer(b"<html>"),
}


@pytest.mark.parametrize("name", TOKEN_ANSWERS)
async def test_without_a_token_nothing_was_handed_over(there: Tencent, api: Api, name: str) -> None:
    there.token_plan.append(TOKEN_ANSWERS[name])
    with pytest.raises(Temporary):
        await api.call(SEND, TEXT)
    assert (there.calls, there.token_plan) == ([], [])


async def test_a_token_for_all_eternity_serves_for_a_while(there: Tencent, api: Api) -> None:
    """No date can be told of its end."""
    there.token_plan.append(answer({**OK, "access_token": "t0ken-number-1", "expires_in": 10**30}))
    await api.call(SEND, TEXT)


async def test_a_token_that_is_cut_off_twice_is_no_token(there: Tencent, api: Api) -> None:
    """aiohttp repeats a GET whose connection broke, once. Nothing is changed by one."""
    there.token_plan = [cut, cut]
    with pytest.raises(Temporary, match=r"^disconnected$"):
        await api.call(SEND, TEXT)
    assert (there.calls, there.token_plan) == ([], [])


async def test_a_provider_that_says_nothing_may_have_it(there: Tencent) -> None:
    async def silent(request: web.Request) -> web.StreamResponse:
        await there.ended.wait()
        return web.Response()

    there.plan.append(silent)
    async with api_of(there.url, seconds=0.3) as api:
        with pytest.raises(Unknown, match=r"^timeout$"):
            await api.call(SEND, TEXT)
    assert len(there.calls) == 1


async def test_where_no_connection_comes_about_nothing_was_handed_over(there: Tencent) -> None:
    """The token is there already, so that it is the call itself which finds nobody."""
    shared = MemoryShared()
    async with api_of(there.url, shared=shared) as api:
        await api.call(SEND, TEXT)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as deaf:
        port = deaf.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):  # the queue is full: the next one is not answered
            for url in (NOBODY, f"http://127.0.0.1:{port}"):
                async with api_of(url, shared=shared, seconds=0.4) as api:
                    with pytest.raises(Temporary, match=r"^unreachable$"):
                        await api.call(SEND, TEXT)


async def test_a_check_says_what_to_change(there: Tencent, api: Api) -> None:
    there.says({**OK, "name": "投诉处理"})
    assert (await api.check("/cgi-bin/agent/get", {"agentid": "1"}))["name"] == "投诉处理"
    assert there.queries[0] == {"agentid": "1", "access_token": "t0ken-number-1"}
    for code in (60020, 40164, 48002, 301002):
        there.says({"errcode": code, "errmsg": "x"})
        with pytest.raises(Misconfigured, match=f"refuses /cgi-bin/agent/get: errcode {code}$"):
            await api.check("/cgi-bin/agent/get")
    there.says({"errcode": 45009})
    with pytest.raises(Unavailable, match="errcode 45009"):
        await api.check("/cgi-bin/agent/get")


async def test_a_check_says_that_the_secret_is_wrong(there: Tencent, api: Api) -> None:
    there.token_plan.append(answer({"errcode": 40001, "errmsg": f"invalid credential {SECRET}"}))
    with pytest.raises(Misconfigured, match="errcode 40001"):
        await api.check("/cgi-bin/agent/get")


async def test_a_check_that_finds_nobody_says_where() -> None:
    async with api_of(NOBODY) as api:
        with pytest.raises(Unavailable, match=r"^http://127\.0\.0\.1:9: unreachable$"):
            await api.check("/cgi-bin/agent/get")


async def failure_of(asked: Awaitable[object]) -> GatewayError | Refused | None:
    """Return what was raised, None where nothing was: a probe is content with less than a call."""
    try:
        await asked
    except (GatewayError, Refused) as failure:
        return failure
    return None


async def through_call(api: Api) -> object:
    return await api.call(SEND, TEXT)


async def through_check(api: Api) -> object:
    return await api.check("/cgi-bin/agent/get")


async def through_download(api: Api) -> object:
    return await api.download("/cgi-bin/media/get", {"media_id": FILE}, limit=100)


@pytest.mark.parametrize("ask", [through_call, through_check, through_download])
@pytest.mark.parametrize("name", [*ANSWERS, "token", "nobody", "nobody any more", "timeout"])
async def test_neither_token_nor_secret_nor_words_are_shown_by_any_failure(
    there: Tencent, caplog: pytest.LogCaptureFixture, ask: Callable[[Api], Awaitable[object]], name: str
) -> None:
    """aiohttp's own errors hold the address, and that holds the token or the secret."""
    caplog.set_level(logging.DEBUG)

    async def silent(request: web.Request) -> web.StreamResponse:
        await there.ended.wait()
        return web.Response()

    if name == "token":
        there.token_plan.append(TOKEN_ANSWERS["not our secret"])
    elif not name.startswith("nobody"):
        there.plan.append(silent if name == "timeout" else ANSWERS[name][0])
    shared = MemoryShared()
    if name == "nobody any more":
        async with api_of(there.url, shared=shared) as api:
            await api.call(SEND, {})
    async with api_of(NOBODY if name.startswith("nobody") else there.url, shared=shared, seconds=0.3) as api:
        failure = await failure_of(ask(api))
        assert failure is None or failure.__cause__ is None
        logging.getLogger("test").error("%r failed", api, exc_info=failure)
    assert [word for word in (SECRET, "t0ken", "您反映", "wang-li", FILE) if word in caplog.text] == []


def test_how_a_token_is_asked_for_is_not_shown() -> None:
    ask = TokenCall(path="/cgi-bin/stable_token", query={"corpsecret": SECRET}, body={"secret": SECRET})
    assert repr(ask) == "TokenCall(path='/cgi-bin/stable_token')"
