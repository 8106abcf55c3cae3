"""Files of the form: streamed into storage in pieces, kept after an error, limited, named safely."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Unavailable
from gateway.ports import Lane
from gateway.web import uploads
from gateway.web.uploads import CHUNK, NAME_LENGTH, clean_name, media_type
from tests.conftest import Core
from tests.unit.web.world import GOOD, Page, Visitor, open_site

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 2500  # three chunks, the last one short
BAD = {"name": "", "contact": "13800000000", "text": "扣了两次"}


async def content(core: Core, blob_id: str) -> bytes:
    async with core.storage.reading() as tx:
        return b"".join([chunk async for chunk in tx.blobs.read(blob_id)])


async def test_a_file_arrives_byte_for_byte_with_the_type_its_content_shows(visitor: Visitor) -> None:
    await visitor.sends(GOOD, files=[("截图 一.exe", PNG)])
    (file,) = visitor.accept.message.attachments
    assert (file.name, file.media_type, file.size) == ("截图 一.exe", "image/png", len(PNG))
    assert await content(visitor.core, file.blob_id or "") == PNG


@pytest.mark.parametrize("size", [1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK])
async def test_files_of_every_size_around_a_chunk_are_whole(visitor: Visitor, size: int) -> None:
    data = (b"\r\n--" * (size // 4 + 1))[:size]
    await visitor.sends(GOOD, files=[("a.bin", data)])
    (file,) = visitor.accept.message.attachments
    assert await content(visitor.core, file.blob_id or "") == data


async def test_a_file_is_never_held_whole_in_memory(visitor: Visitor, core: Core) -> None:
    """It goes to storage in pieces of at most 256 kB, each in its own transaction of the bulk lane."""
    lanes: list[Lane] = []
    writing = core.storage.writing

    def counted(lane: Lane) -> object:
        lanes.append(lane)
        return writing(lane)

    core.storage.writing = counted  # type: ignore[method-assign, assignment]
    await visitor.sends(BAD, files=[("a.png", PNG)])
    assert lanes == [Lane.BULK] * 3


async def test_an_uploaded_file_survives_an_error_and_need_not_be_sent_again(visitor: Visitor) -> None:
    page = await visitor.sends(BAD, files=[("收据.png", PNG)])
    assert page.status == 422
    assert "收据.png" in page.html
    await visitor.sends(GOOD, on=page)
    (file,) = visitor.accept.message.attachments
    assert (file.name, await content(visitor.core, file.blob_id or "")) == ("收据.png", PNG)


# aiohttp reads the header too, and warns where it does not understand it.
@pytest.mark.filterwarnings("ignore::aiohttp.BadContentDispositionHeader")
async def test_a_file_with_a_strange_name_is_not_lost(visitor: Visitor) -> None:
    await visitor.sends(GOOD, files=[("a;b;c; name=x.png", PNG), ("say %22hi%22.png", PNG)])
    assert [file.name for file in visitor.accept.message.attachments] == ["a;b;c; name=x.png", 'say "hi".png']


async def test_a_kept_file_can_be_removed(visitor: Visitor) -> None:
    page = await visitor.sends(BAD, files=[("a.png", PNG), ("b.png", PNG)])
    await visitor.sends(GOOD, on=page, remove=page.kept[:1])
    assert [file.name for file in visitor.accept.message.attachments] == ["b.png"]


async def test_another_node_can_take_the_second_attempt(visitor: Visitor, core: Core) -> None:
    page = await visitor.sends(BAD, files=[("a.png", PNG)])
    async with open_site(core) as other:
        assert (await other.sends(GOOD, on=page)).status == 200
        assert len(other.accept.message.attachments) == 1


async def test_a_kept_file_of_another_form_is_not_taken(visitor: Visitor) -> None:
    page = await visitor.sends(BAD, files=[("a.png", PNG)])
    stolen = next(value for name, value in page.hidden if name == "kept")
    await visitor.sends(GOOD | {"kept": stolen})
    assert visitor.accept.message.attachments == ()


async def test_a_kept_file_sent_twice_is_one_file(visitor: Visitor) -> None:
    page = await visitor.sends(BAD, files=[("a.png", PNG)])
    page.hidden *= 2
    await visitor.sends(GOOD, on=page)
    assert len(visitor.accept.message.attachments) == 1


async def test_a_file_without_a_usable_name_still_arrives(visitor: Visitor) -> None:
    await visitor.sends(GOOD, files=[("\u202e", PNG)])
    assert [file.name for file in visitor.accept.message.attachments] == ["file"]


async def test_going_back_after_success_and_pressing_again_gives_the_same_number(visitor: Visitor) -> None:
    """The files belong to the complaint by then; that must not look like files that are gone."""
    page = await visitor.sends(BAD, files=[("a.png", PNG)])
    first = await visitor.sends(GOOD, on=page)
    again = await visitor.sends(GOOD, on=page)
    assert again.status == 200
    assert first.html == again.html
    assert len(await visitor.complaints()) == 1


async def test_a_file_that_was_swept_meanwhile_is_asked_for_again(visitor: Visitor, core: Core) -> None:
    page = await visitor.sends(BAD, files=[("a.png", PNG)])
    core.clock.later(hours=25)
    async with core.storage.writing(Lane.BULK) as tx:
        assert await tx.blobs.sweep(before=core.clock(), limit=10) == 1
    late = await visitor.sends(GOOD, on=page)
    assert late.status == 422
    assert "「a.png」已经不在了，请重新选择" in late.html
    assert late.values["text"] == GOOD["text"]
    assert visitor.accept.events == []


async def test_a_file_that_is_too_big_is_named_with_the_limit(visitor: Visitor) -> None:
    page = await visitor.sends(GOOD, files=[("大.bin", b"0" * 1_000_001), ("小.png", PNG)])
    assert page.status == 422
    assert "「大.bin」超过1 MB" in page.html
    assert "小.png" in page.html
    assert page.values["text"] == GOOD["text"]


async def test_the_largest_file_allowed_is_taken(visitor: Visitor) -> None:
    assert (await visitor.sends(GOOD, files=[("a.bin", b"0" * 1_000_000)])).status == 200


async def test_a_sixth_file_is_named_and_the_five_are_kept(visitor: Visitor) -> None:
    page = await visitor.sends(GOOD, files=[(f"{n}.png", PNG) for n in range(6)])
    assert page.status == 422
    assert "最多5个附件，「5.png」没有收下" in page.html
    assert len(page.kept) == 5


async def test_an_empty_file_is_named_and_no_file_is_none(visitor: Visitor) -> None:
    page = await visitor.sends(GOOD, files=[("空.png", b""), ("", b"")])
    assert "「空.png」是空文件" in page.html
    assert page.html.count("是空文件") == 2  # in the summary and at the field


async def test_a_site_without_attachments_does_not_ask_for_them(core: Core) -> None:
    async with open_site(core, attachments=0) as visitor:
        assert 'type="file"' not in (await visitor.opens()).html
        assert (await visitor.sends(GOOD)).status == 200


async def test_a_body_far_beyond_the_limits_keeps_the_text(core: Core) -> None:
    async with open_site(core, attachments=1, attachment_bytes=1000) as visitor:
        page = await visitor.sends(GOOD | {"branch": ["长" * 110_000] * 4})
        assert page.status == 413
        assert page.values["text"] == GOOD["text"]


async def test_a_storm_of_tiny_parts_is_cut_off(visitor: Visitor) -> None:
    page = await visitor.sends(GOOD | {"demand": ["refund"] * 300})
    assert page.status == 413
    assert visitor.accept.events == []


def start_of_a_form(page: Page) -> bytes:
    """Return the first parts of a submission, with the text, and the head of a file that is still to come."""
    parts = "".join(
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in [*page.hidden, *GOOD.items()]
    )
    return (parts + '--b\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n').encode() + PNG[
        :4000
    ]


async def test_an_upload_that_never_ends_is_ended_and_the_text_is_kept(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "SECONDS", 0.05)
    answered = asyncio.Event()
    start = start_of_a_form(await visitor.opens())

    async def body() -> AsyncIterator[bytes]:
        yield start
        await answered.wait()

    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    async with visitor.client.post("/", data=body(), headers=headers) as response:
        page = Page(response.status, response.headers, "/", await response.text())
    answered.set()
    assert page.status == 408
    assert page.values["text"] == GOOD["text"]


async def test_a_browser_that_goes_away_during_an_upload_is_no_fault(visitor: Visitor, core: Core) -> None:
    start = start_of_a_form(await visitor.opens())
    began, ended = asyncio.Event(), asyncio.Event()
    spend = core.coordination.spend

    async def noticed(key: str, *, limit: int, seconds: int) -> bool:
        began.set()
        return await spend(key, limit=limit, seconds=seconds)

    core.coordination.spend = noticed  # type: ignore[method-assign]
    log, listener = logging.getLogger("huiyin.web"), logging.Handler()
    listener.emit = lambda record: ended.set()  # type: ignore[method-assign]
    log.addHandler(listener)
    log.setLevel("INFO")
    _, writer = await asyncio.open_connection(visitor.host, visitor.port)
    head = (
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 99999\r\n\r\n"
    )
    writer.write(head.encode() + start)
    await began.wait()
    writer.close()
    await ended.wait()
    log.removeHandler(listener)
    assert "huiyin_faults_total{" not in core.metrics.render().decode()


async def test_when_storage_fails_during_an_upload_the_text_is_kept(visitor: Visitor, core: Core) -> None:
    def failing(lane: Lane) -> object:
        raise Unavailable

    core.storage.writing = failing  # type: ignore[method-assign, assignment]
    page = await visitor.sends(GOOD, files=[("a.png", PNG)])
    assert page.status == 503
    assert page.values["text"] == GOOD["text"]


@pytest.mark.parametrize(
    ("given_name", "name"),
    [
        ("C:\\Users\\李\\截图.png", "截图.png"),
        ("../../etc/passwd", "passwd"),
        ("in\u202efdp.exe", "infdp.exe"),
        ("a\r\nb.png", "ab.png"),
        ("长" * 200 + ".png", "长" * 116 + ".png"),
        ("  收据.jpg ", "收据.jpg"),
    ],
)
def test_a_file_name_cannot_lead_anywhere_or_mislead(given_name: str, name: str) -> None:
    assert clean_name(given_name) == name


@given(st.text())
def test_any_file_name_becomes_one_short_storable_line(name: str) -> None:
    cleaned = clean_name(name)
    assert len(cleaned) <= NAME_LENGTH
    assert "/" not in cleaned
    assert "\n" not in cleaned
    cleaned.encode()  # no half of a surrogate pair is left


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"%PDF-1.7\n", "application/pdf"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF\x00", "image/jpeg"),
        ("您好，我要投诉".encode(), "text/plain"),
        (b"a" * 4095 + "好".encode(), "text/plain"),
        (b"a\x00b", "application/octet-stream"),
        ("您好".encode("gbk"), "application/octet-stream"),
        (b"<html><script>", "text/html"),
    ],
)
def test_the_media_type_is_what_the_content_shows(head: bytes, expected: str) -> None:
    assert media_type(head) == expected


@given(st.binary(min_size=1, max_size=300))
def test_any_content_has_a_media_type(head: bytes) -> None:
    assert "/" in media_type(head)
