"""Files that a provider keeps: fetched within a limit, told from a refusal, named so that nobody is harmed by it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from adapters.weixin.answers import name_of
from adapters.weixin.api import Api, Refused
from gateway.errors import Permanent, Temporary
from gateway.ports import Media
from tests.adapters.weixin.tencent import OK, Tencent, answer, api_of, tencent

MEDIA = "/cgi-bin/media/get"
JPEG = b"\xff\xd8\xff\xe0" + bytes(2000)
ATTACHED = 'attachment; filename="account.jpg"'


@pytest.fixture
async def there() -> AsyncIterator[Tencent]:
    async with tencent() as running:
        yield running


@pytest.fixture
async def api(there: Tencent) -> AsyncIterator[Api]:
    async with api_of(there.url) as opened:
        yield opened


async def fetched(api: Api, limit: int = 10_000) -> Media:
    return await api.download(MEDIA, {"media_id": "m+1/ä"}, limit=limit)


async def test_a_file_comes_as_it_is_with_its_type_and_name(there: Tencent, api: Api) -> None:
    there.says(JPEG, Content_Type="image/jpeg", Content_Disposition=ATTACHED)
    assert await fetched(api) == Media(content=JPEG, media_type="image/jpeg", name="account.jpg")
    assert there.queries == [{"media_id": "m+1/ä", "access_token": "t0ken-number-1"}]


@pytest.mark.parametrize("media_type", ["application/json", "text/plain", "text/html; charset=utf-8"])
async def test_a_refusal_comes_with_http_200_and_is_no_file(there: Tencent, api: Api, media_type: str) -> None:
    there.says(b'{"errcode":40007,"errmsg":"invalid media_id"}', Content_Type=media_type)
    with pytest.raises(Refused, match=r"^errcode 40007$"):
        await fetched(api, limit=1)


async def test_a_customers_file_that_looks_like_a_refusal_is_a_file(there: Tencent, api: Api) -> None:
    refusal = b'{"errcode":40007}'
    there.says(refusal, Content_Type="text/plain", Content_Disposition='attachment; filename="log.txt"')
    assert (await fetched(api)).content == refusal


async def test_a_token_that_is_refused_is_replaced_once_and_the_file_asked_for_again(there: Tencent, api: Api) -> None:
    there.refuses = {"t0ken-number-1"}
    there.says(JPEG, Content_Type="image/jpeg")
    assert (await fetched(api)).content == JPEG
    there.refuses = {f"t0ken-number-{number}" for number in range(1, 100)}
    with pytest.raises(Temporary, match=r"^errcode 42001$"):
        await fetched(api)
    assert len(there.calls) == 4


@pytest.mark.parametrize(
    "refusal",
    [
        answer({"errcode": 45009}),
        answer({"errcode": -1}),
        answer(b"", 502),
        answer(b"<html>", Content_Type="text/html"),
        answer(b"", Content_Type="text/plain"),
    ],
    ids=["too often", "busy", "broken", "a page", "empty"],
)
async def test_what_may_pass_is_tried_again_later(there: Tencent, api: Api, refusal: object) -> None:
    there.plan.append(refusal)  # type: ignore[arg-type]
    with pytest.raises(Temporary):
        await fetched(api)
    assert len(there.calls) == 1


async def test_where_a_film_is_to_be_seen_is_not_the_film(there: Tencent, api: Api) -> None:
    """An official account is told an address elsewhere instead of a film; nothing is fetched from there."""
    there.says({"video_url": "http://vweixinp.tc.qq.com/1007_114bcede9a2244eeb5ab7f76d951df5f.f10.mp4"})
    with pytest.raises(Permanent, match=r"^not_a_file$"):
        await fetched(api)


@pytest.mark.parametrize(("limit", "is_over"), [(len(JPEG), False), (len(JPEG) - 1, True)])
async def test_a_file_over_the_limit_is_refused_for_good(there: Tencent, api: Api, limit: int, is_over: bool) -> None:
    there.says(JPEG, Content_Type="image/jpeg")
    if not is_over:
        assert (await fetched(api, limit)).content == JPEG
        return
    with pytest.raises(Permanent, match=r"^too_large$"):
        await fetched(api, limit)


async def test_a_file_without_an_end_is_read_no_further_than_the_limit(there: Tencent, api: Api) -> None:
    sent = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse(headers={"Content-Type": "video/mp4"})
        await response.prepare(request)
        while request.transport and not request.transport.is_closing():
            await response.write(b"a" * 100_000)
            sent += 100_000
        return response

    there.plan.append(endless)
    with pytest.raises(Permanent, match=r"^too_large$"):
        await fetched(api, limit=1_000_000)
    assert sent < 20_000_000


async def test_a_file_that_breaks_off_is_asked_for_again_later(there: Tencent, api: Api) -> None:
    async def half(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "image/jpeg", "Content-Length": "2004"})
        await response.prepare(request)
        await response.write(JPEG[:1000])
        assert request.transport is not None
        request.transport.close()
        return response

    there.plan.append(half)
    with pytest.raises(Temporary, match=r"^disconnected$"):
        await fetched(api)


async def test_a_file_that_stops_coming_is_given_up(there: Tencent) -> None:
    async def silent(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "image/jpeg", "Content-Length": "2004"})
        await response.prepare(request)
        await response.write(JPEG[:1000])
        await there.ended.wait()
        return response

    there.plan.append(silent)
    async with api_of(there.url, seconds=0.3) as api:
        with pytest.raises(Temporary, match=r"^timeout$"):
            await fetched(api)


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("", ""),
        ("attachment", ""),
        ('attachment; filename="对账单.pdf"', "对账单.pdf"),
        ("attachment; filename=\"_.pdf\"; filename*=UTF-8''%E5%AF%B9%E8%B4%A6%E5%8D%95.pdf", "对账单.pdf"),
        ("attachment; filename*=no-such-charset''%E5%AF%B9.pdf", "å¯¹.pdf"),
        ('attachment; filename="../../etc/passwd"', "passwd"),
        ('attachment; filename="C:\\\\windows\\\\cmd.exe"', "cmd.exe"),
        ('attachment; filename=".."', ""),
        ('attachment; filename=".htaccess"', "htaccess"),
        ('attachment; filename="bill\u202efdp.exe"', "billfdp.exe"),
        ('attachment; filename="a\x01b\x7f.jpg "', "ab.jpg"),
        (f'attachment; filename="{"年" * 300}.jpg"', "年" * 116 + ".jpg"),
        (f'attachment; filename="{"a" * 300}"', "a" * 120),
    ],
)
def test_a_name_has_no_path_and_nothing_invisible(header: str, name: str) -> None:
    assert name_of({"Content-Disposition": header} if header else {}) == name


@given(st.text(max_size=100) | st.builds("attachment; filename{}".format, st.text(max_size=100)))
def test_whatever_a_file_is_called_its_name_is_safe(header: str) -> None:
    name = name_of({"Content-Disposition": header})
    assert len(name) <= 120
    assert name.isprintable()
    assert not set(name) & set("/\\")


async def test_a_refusal_that_says_ok_is_no_file(there: Tencent, api: Api) -> None:
    there.says(OK)
    with pytest.raises(Permanent):
        await fetched(api)
