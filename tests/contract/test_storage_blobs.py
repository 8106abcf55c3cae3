"""Files: staged by the form, attached by a message, swept when nobody refers to them (ports/storage.py)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.errors import BadData, Conflict
from gateway.model import Attachment
from gateway.ports import Lane, Storage
from gateway.storage.blobs import CHUNK_BYTES
from tests.contract import records
from tests.contract.records import case, write
from tests.factories import START


def slip(blob_id: str) -> Attachment:
    return Attachment(name="回单.png", media_type="image/png", size=9, blob_id=blob_id)


async def staged(storage: Storage, blob_id: str, *chunks: bytes) -> None:
    for seq, chunk in enumerate(chunks):  # one block each, as an upload arrives
        async with storage.writing(Lane.INTAKE) as tx:
            await tx.blobs.stage(blob_id, chunk, seq=seq, at=START)


async def content(storage: Storage, blob_id: str) -> list[bytes]:
    async with storage.reading() as tx:
        return [chunk async for chunk in tx.blobs.read(blob_id)]


async def test_a_staged_file_is_read_back_chunk_by_chunk(storage: Storage) -> None:
    chunks = [bytes([n]) * CHUNK_BYTES for n in range(9)] + [b"the rest"]
    await staged(storage, "a", *chunks)
    assert await content(storage, "a") == chunks
    async with storage.reading() as tx:
        assert await tx.blobs.sizes(["a", "b"]) == {"a": 9 * CHUNK_BYTES + 8}


async def test_a_file_that_does_not_exist_is_empty(storage: Storage) -> None:
    assert await content(storage, "none") == []


async def test_a_chunk_over_256_kb_is_refused(storage: Storage) -> None:
    with pytest.raises(BadData):
        await staged(storage, "a", bytes(CHUNK_BYTES + 1))


async def test_an_attached_file_is_no_longer_staged_and_cannot_grow(storage: Storage) -> None:
    await staged(storage, "a", b"some", b"bytes")
    li = case(message_changes={"attachments": (slip("a"),)})
    async with storage.writing(Lane.INTAKE) as tx:
        await write(tx, li)
    async with storage.reading() as tx:
        assert await tx.blobs.sizes(["a"]) == {}
        [held] = await tx.messages.of(li.complaint.id)
    assert held.attachments == (slip("a"),)
    assert await content(storage, "a") == [b"some", b"bytes"]
    with pytest.raises(Conflict):
        async with storage.writing(Lane.INTAKE) as tx:
            await tx.blobs.stage("a", b"more", seq=2, at=START)


@pytest.mark.parametrize("blob_id", ["another's", "none"])
async def test_a_message_cannot_take_a_file_that_is_anothers_or_gone(storage: Storage, blob_id: str) -> None:
    await staged(storage, "another's", b"bytes")
    async with storage.writing(Lane.INTAKE) as tx:
        await tx.messages.add([records.message(None, attachments=(slip("another's"),))])
    with pytest.raises(BadData):
        async with storage.writing(Lane.INTAKE) as tx:
            await tx.messages.add([records.message(None, attachments=(slip(blob_id),))])


async def test_two_messages_of_one_call_cannot_take_the_same_file(storage: Storage) -> None:
    await staged(storage, "a", b"bytes")
    with pytest.raises(BadData):
        async with storage.writing(Lane.INTAKE) as tx:
            await tx.messages.add([records.message(None, attachments=(slip("a"),)) for _ in range(2)])


async def test_only_old_files_that_nobody_refers_to_are_swept(storage: Storage) -> None:
    for blob_id in ("attached", "old-1", "old-2", "old-3"):
        await staged(storage, blob_id, b"bytes", b"more")
    async with storage.writing(Lane.INTAKE) as tx:
        await tx.blobs.stage("new", b"bytes", seq=0, at=START + timedelta(hours=1))
        await tx.messages.add([records.message(None, attachments=(slip("attached"),))])
    async with storage.writing(Lane.BULK) as tx:
        assert await tx.blobs.sweep(before=START + timedelta(hours=1), limit=2) == 2
        assert await tx.blobs.sweep(before=START + timedelta(hours=1), limit=2) == 1
        assert await tx.blobs.sweep(before=START + timedelta(hours=1), limit=2) == 0
        assert await tx.blobs.sizes(["old-1", "old-2", "old-3", "new"]) == {"new": 5}
    assert await content(storage, "old-1") == []
    assert await content(storage, "attached") == [b"bytes", b"more"]
