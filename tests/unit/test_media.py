"""Files that a message only names are fetched later, once, and kept; what is gone is said (A012; channels.md 1.6)."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import timedelta

import pytest

from gateway import retry
from gateway.errors import Permanent, Temporary
from gateway.handover import media_lane
from gateway.media import GONE, LARGEST, LEASE, LIMIT, MediaFetching
from gateway.model import Attachment, ChannelKind, Contact, ContactType
from gateway.observe import Metrics
from gateway.ports import Media, Storage, StoredMessage
from gateway.vault import Vault
from tests.bank import Gateway
from tests.factories import Clock, message

PICTURE = b"\xff\xd8\xff\xe0 a picture"
WHO = "kf1/zhang"


class Archive:
    """Plays a provider that keeps files for a while: what it was asked for, and what it answers before the file."""

    def __init__(self, *script: Exception) -> None:
        self.script = list(script)
        self.asked: list[str] = []
        self.broken: dict[str, Exception] = {}  # what it answers each time it is asked for that
        self.name = "扣费截图.jpg"

    async def fetch(self, ref: str, *, limit: int) -> Media:
        self.asked.append(ref)
        assert limit == LARGEST
        if self.script:
            raise self.script.pop(0)
        if ref in self.broken:
            raise self.broken[ref]
        return Media(content=PICTURE + ref.encode(), media_type="image/jpeg", name=self.name)


class House:
    def __init__(self, storage: Storage, vault: Vault, clock: Clock, *script: Exception) -> None:
        self.gateway, self.storage, self.clock = Gateway(storage=storage, vault=vault, now=clock), storage, clock
        self.archive = Archive(*script)

    def worker(self) -> MediaFetching:
        return MediaFetching(
            source="wecom", fetcher=self.archive, storage=self.storage, now=self.clock, metrics=Metrics()
        )

    async def hears(self, *refs: str) -> str:
        files = tuple(Attachment(name="image.jpg", media_type="image/jpeg", size=0, ref=ref) for ref in refs)
        sent = message(
            "截图在这里",
            source="wecom",
            channel=ChannelKind.WECOM,
            message_id="",
            from_address=WHO,
            contacts=(Contact(type=ContactType.WECOM, value=WHO),),
            attachments=files,
        )
        return await self.gateway.opens(sent)

    async def message(self, number: str) -> StoredMessage:
        [one] = (await self.gateway.file(number)).messages
        return one

    async def content(self, file: Attachment) -> bytes:
        assert file.blob_id is not None
        async with self.storage.reading() as tx:
            return b"".join([chunk async for chunk in tx.blobs.read(file.blob_id)])

    async def waits(self) -> bool:
        async with self.storage.reading() as tx:
            return media_lane("wecom") in await tx.queue.oldest()


@pytest.fixture
def house(storage: Storage, vault: Vault, clock: Clock) -> House:
    return House(storage, vault, clock)


async def files(house: House, number: str) -> Sequence[Attachment]:
    return (await house.message(number)).attachments


async def test_a_file_is_fetched_sealed_and_shown_with_its_hash(house: House) -> None:
    number = await house.hears("media-1")
    [before] = await files(house, number)
    assert (before.size, before.blob_id, before.ref) == (0, None, "media-1")
    assert await house.worker().run_once() == 1
    [after] = await files(house, number)
    assert (after.name, after.media_type, after.ref) == ("扣费截图.jpg", "image/jpeg", "")
    assert (after.size, after.sha256) == (len(PICTURE) + 7, hashlib.sha256(PICTURE + b"media-1").hexdigest())
    assert await house.content(after) == PICTURE + b"media-1"
    assert not await house.waits()


async def test_of_several_files_of_one_message_each_finds_its_place(house: House) -> None:
    number = await house.hears("media-1", "media-2", "media-3")
    await asyncio.gather(house.worker().run_once(), house.worker().run_once())
    kept = [await house.content(file) for file in await files(house, number)]
    assert kept == [PICTURE + ref for ref in (b"media-1", b"media-2", b"media-3")]
    assert sorted(house.archive.asked) == ["media-1", "media-2", "media-3"]


async def test_a_provider_that_is_away_is_asked_again_later(house: House) -> None:
    house.archive.script = [Temporary("unreachable"), Temporary("unreachable")]
    number = await house.hears("media-1")
    await house.worker().run_once()
    assert await house.worker().run_once() == 0
    for _ in range(2):
        house.clock.later(minutes=2)
        await house.worker().run_once()
    [file] = await files(house, number)
    assert file.size > 0


async def test_what_is_gone_for_good_is_said_and_not_asked_for_again(house: House) -> None:
    """After three days WeCom has it no more."""
    house.archive.script = [Permanent("errcode 40007")]
    number = await house.hears("media-1")
    await house.worker().run_once()
    kept = await house.message(number)
    assert kept.problems == (GONE,)
    assert [(file.ref, file.blob_id, file.size) for file in kept.attachments] == [("", None, 0)]
    assert not await house.waits()


async def test_a_worker_that_died_while_it_fetched_is_followed_by_another(house: House) -> None:
    number = await house.hears("media-1")
    house.archive.script = [asyncio.CancelledError()]  # type: ignore[list-item]
    with pytest.raises(asyncio.CancelledError):
        await house.worker().run_once()
    house.clock.later(minutes=10)
    await house.worker().run_once()
    [file] = await files(house, number)
    assert file.size > 0


async def test_a_file_that_was_fetched_by_two_is_kept_once(house: House) -> None:
    """The lease of the first ran out while it was still at it."""
    number = await house.hears("media-1")
    first, second = house.worker(), house.worker()
    arrived, go_on = asyncio.Event(), asyncio.Event()
    fetch = house.archive.fetch

    async def slowly(ref: str, *, limit: int) -> Media:
        arrived.set()
        await go_on.wait()
        return await fetch(ref, limit=limit)

    house.archive.fetch = slowly  # type: ignore[method-assign]
    slow = asyncio.create_task(first.run_once())
    await arrived.wait()
    house.archive.fetch = fetch  # type: ignore[method-assign]
    house.clock.later(seconds=timedelta(minutes=11).total_seconds())
    await second.run_once()
    go_on.set()
    await slow
    [file] = await files(house, number)
    assert await house.content(file) == PICTURE + b"media-1"
    assert not await house.waits()


async def test_a_file_over_which_the_fetcher_breaks_keeps_no_other_waiting(house: House) -> None:
    """Claimed together each time their leases end, the others would never have their turn."""
    number = await house.hears(*(f"media-{n}" for n in range(LIMIT)))
    house.archive.broken["media-0"] = ValueError("an address nobody can read")
    for _ in range(2):
        await house.worker().run_once()
        house.clock.later(seconds=LEASE.total_seconds())
    assert [file.ref for file in await files(house, number)] == ["media-0", *[""] * (LIMIT - 1)]


async def test_a_file_that_is_put_off_for_days_is_given_up_and_said(house: House) -> None:
    """Its provider has it no more by then; who waits for it has to ask the customer."""
    number = await house.hears("media-1")
    house.archive.broken["media-1"] = Temporary("system_busy")
    for _ in range(retry.LAST):
        assert (await house.message(number)).problems == ()
        await house.worker().run_once()
        house.clock.later(seconds=retry.LONGEST.total_seconds())
    assert (await house.message(number)).problems == (GONE,)
    assert not await house.waits()


async def test_a_secret_in_the_name_of_a_fetched_file_is_not_kept(house: House) -> None:
    """D.3: the name comes after the words it was sent with, and is the customer's, too."""
    house.archive.name = "我的密码是123456.jpg"
    number = await house.hears("media-1")
    await house.worker().run_once()
    [file] = await files(house, number)
    assert "123456" not in file.name
