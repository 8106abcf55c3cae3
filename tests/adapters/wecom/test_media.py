"""Fetching what customers sent: bytes, or a refusal that comes with HTTP 200."""

from __future__ import annotations

import pytest

from gateway.errors import Permanent, Temporary
from gateway.model import InboundMessage
from gateway.ports import Media
from tests.adapters.wecom.house import KF, WANG, House, house

PICTURE = b"\xff\xd8\xff\xe0 a statement"


async def fetched(opened: House, ref: str, limit: int = 1_000_000) -> Media:
    assert opened.channel.fetcher is not None
    return await opened.channel.fetcher.fetch(ref, limit=limit)


async def sent(opened: House) -> str:
    """Return the name of a picture that a customer sent, as the feed tells it."""
    await opened.wecom.sends_file(WANG, KF, PICTURE, msgtype="image", media_type="image/jpeg", name="a.jpg")
    [event] = (await opened.read()).events
    assert isinstance(event, InboundMessage)
    [attachment] = event.attachments
    assert (attachment.content, attachment.size) == (None, 0)
    return attachment.ref


async def test_a_picture_is_fetched_with_its_type_and_name() -> None:
    async with house() as opened:
        got = await fetched(opened, await sent(opened))
        assert got == Media(content=PICTURE, media_type="image/jpeg", name="a.jpg")


async def test_a_file_that_is_gone_is_gone() -> None:
    """path/96484: three days."""
    async with house() as opened:
        ref = await sent(opened)
        opened.clock.later(days=3)
        with pytest.raises(Permanent, match="errcode 40007"):
            await fetched(opened, ref)


async def test_a_file_over_the_limit_is_refused_for_good() -> None:
    async with house() as opened:
        ref = await sent(opened)
        with pytest.raises(Permanent):
            await fetched(opened, ref, limit=len(PICTURE) - 1)


@pytest.mark.parametrize("code", [45009, 48002, 60020, 99999])
async def test_any_other_refusal_may_pass(code: int) -> None:
    async with house() as opened:
        ref = await sent(opened)
        opened.wecom.faults.answer_next("media/get", code)
        with pytest.raises(Temporary, match=str(code)):
            await fetched(opened, ref)
        assert (await fetched(opened, ref)).content == PICTURE


async def test_a_file_that_wecom_does_not_take_is_told_of_by_a_text() -> None:
    async with house() as opened:
        await opened.wecom.sends_file(WANG, KF, b"0" * (2 * 1024 * 1024 + 1), msgtype="image")
        [event] = (await opened.read()).events
        assert isinstance(event, InboundMessage)
        assert (event.attachments, event.problems) == ((), ("file_too_large",))
