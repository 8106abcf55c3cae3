"""Files in the database, as sealed chunks: raw originals, attachments, and what is staged for a message to come."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, Select, bindparam, select

from gateway.errors import BadData, Conflict
from gateway.ports import StoredMessage
from gateway.storage import rows, tables
from gateway.storage.connection import Connection, Words
from gateway.storage.keys import Keys

CHUNK_BYTES: Final = 262_144
CHUNKS_PER_READ: Final = 4  # a reader holds at most 1 MB of a file
CHUNKS_PER_WRITE: Final = 64  # 16 MB: PostgreSQL takes at most 1 GB in one call

BLOBS = tables.blobs.c
CHUNKS = tables.blob_chunks.c
STAGED = BLOBS.message_id.is_(None)
SEALED_CHUNKS = select(tables.blob_chunks, BLOBS.owner_id).join_from(tables.blob_chunks, tables.blobs)

ATTACH = tables.blobs.update().where(BLOBS.id == bindparam("this")).values(message_id=bindparam("message_id"))


class SqlBlobs:
    """A staged file has its own data key and keeps it when it is attached."""

    def __init__(self, db: Connection, keys: Keys) -> None:
        self._db = db
        self._keys = keys

    async def stage(self, blob_id: str, chunk: bytes, *, seq: int, at: datetime) -> None:
        """Raise BadData for a chunk over 256 kB, Conflict when the file is attached already. The first `seq` is 0."""
        if len(chunk) > CHUNK_BYTES:
            raise BadData("a chunk is over 256 kB")
        if seq == 0:
            await self._keys.make([blob_id])
            self._db.insert(
                tables.blobs,
                [{"id": blob_id, "owner_id": blob_id, "message_id": None, "size": len(chunk), "staged_at": at}],
            )
        else:
            await self._keys.load([blob_id])
            grown = await self._db.rows(
                tables.blobs.update()
                .where(BLOBS.id == blob_id, STAGED)
                .values(size=BLOBS.size + len(chunk))
                .returning(BLOBS.id)
            )
            if not grown:
                raise Conflict
        self._db.insert(tables.blob_chunks, [_chunk_values(self._keys, blob_id, blob_id, seq, chunk)])

    async def sizes(self, blob_ids: Collection[str]) -> Mapping[str, int]:
        found = await self._db.lookup(_sizes, blob_ids)
        return {row.id: row.size for row in found}

    async def read(self, blob_id: str) -> AsyncIterator[bytes]:
        """Yield nothing for a file that does not exist or whose owner was erased."""
        start = 0
        while True:
            found = await self._db.rows(
                SEALED_CHUNKS.where(CHUNKS.blob_id == blob_id, CHUNKS.seq >= start)
                .order_by(CHUNKS.seq)
                .limit(CHUNKS_PER_READ)
            )
            await self._keys.load({row.owner_id for row in found})
            for row in found:
                if (content := _opened(self._keys, row)) is not None:
                    yield content
            if len(found) < CHUNKS_PER_READ:
                return
            start = found[-1].seq + 1

    async def sweep(self, *, before: datetime, limit: int) -> int:
        forgotten = (
            select(BLOBS.id)
            .where(STAGED, BLOBS.staged_at < before)
            .order_by(BLOBS.staged_at)
            .limit(limit)
            .with_for_update(skip_locked=True)  # a message may be taking one at this moment
            .cte("forgotten")
        )
        # The chunks go with their blob (ON DELETE CASCADE).
        gone = await self._db.rows(
            tables.blobs.delete().where(BLOBS.id.in_(select(forgotten.c.id))).returning(BLOBS.owner_id)
        )
        await self._keys.drop([row.owner_id for row in gone])
        return len(gone)


async def store(db: Connection, keys: Keys, messages: Sequence[StoredMessage]) -> None:
    """Store the raw originals and attachments the messages bring with them, under the messages' keys."""
    files = [(message, blob_id, content) for message in messages for blob_id, content in rows.files_of(message).items()]
    db.insert(
        tables.blobs,
        [
            {
                "id": blob_id,
                "owner_id": rows.owner_of(message),
                "message_id": message.id,
                "size": len(content),
                "staged_at": message.stored_at,
            }
            for message, blob_id, content in files
        ],
    )
    chunks = [
        (rows.owner_of(message), blob_id, seq, content[start : start + CHUNK_BYTES])
        for message, blob_id, content in files
        for seq, start in enumerate(range(0, max(len(content), 1), CHUNK_BYTES))
    ]
    for first in range(0, len(chunks), CHUNKS_PER_WRITE):
        if first:
            await db.flush()
        part = chunks[first : first + CHUNKS_PER_WRITE]
        db.insert(tables.blob_chunks, [_chunk_values(keys, *chunk) for chunk in part])


async def attach(db: Connection, pairs: Sequence[tuple[str, str]]) -> None:
    """Give each (staged blob, message) to each other. Raises BadData when a blob is gone or was taken already."""
    found = await db.lookup(_staged, sorted(blob_id for blob_id, _ in pairs))
    if len(found) < len(pairs):  # also when two messages of this call want the same one
        raise BadData("an attachment's file is gone or belongs to another message")
    await db.run(
        ATTACH,
        [{"this": blob_id, "message_id": message_id} for blob_id, message_id in pairs],
    )


async def contents(db: Connection, keys: Keys, blob_ids: Collection[str]) -> Mapping[str, bytes]:
    """Return the whole content of those that exist."""
    found = await db.lookup(_chunks, blob_ids)
    await keys.load({row.owner_id for row in found})
    parts: dict[str, list[bytes]] = defaultdict(list)
    for row in found:
        if (content := _opened(keys, row)) is not None:
            parts[row.blob_id].append(content)
    return {blob_id: b"".join(chunks) for blob_id, chunks in parts.items()}


def _chunk_values(keys: Keys, owner: str, blob_id: str, seq: int, chunk: bytes) -> dict[str, Any]:
    sealed = keys.seal_bytes(owner, chunk, f"blob_chunks.sealed.{blob_id}.{seq}")
    return {"blob_id": blob_id, "seq": seq, "sealed": sealed}


def _opened(keys: Keys, row: Row[Any]) -> bytes | None:
    return keys.open_bytes(row.owner_id, row.sealed, f"blob_chunks.sealed.{row.blob_id}.{row.seq}")


def _sizes(words: Words) -> Select[Any]:
    return select(BLOBS.id, BLOBS.size).where(words.among(BLOBS.id), STAGED)


def _staged(words: Words) -> Select[Any]:
    return words.locked(select(BLOBS.id).where(words.among(BLOBS.id), STAGED).order_by(BLOBS.id))


def _chunks(words: Words) -> Select[Any]:
    return SEALED_CHUNKS.where(words.among(CHUNKS.blob_id)).order_by(CHUNKS.blob_id, CHUNKS.seq)
