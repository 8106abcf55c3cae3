"""Reading the posted form part by part: answers into memory, files straight into storage, chunk by chunk.

What was read stays in the `Upload` whatever happens next, so that the page can give it back. Files staged for a form
that is never sent are swept by retention.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import PurePosixPath
from typing import Any

import puremagic
from aiohttp import BodyPartReader, MultipartReader, web

from gateway.ids import new_id
from gateway.model import Attachment
from gateway.ports import Lane, Now, Storage
from gateway.web.tokens import Tokens

CHUNK = 256 * 1024
# aiohttp reads this far ahead before it gives out a part: with more, an upload that stalls would take the text along.
TEXT_CHUNK = 1024
ANSWERS_BYTES = 1_000_000  # all answers together: far above the limits of the form, so that too much text is kept too
PARTS = 200
SECONDS = 900  # for one whole submission, over a slow telephone line
NAME_LENGTH = 120

FILES, KEPT, REMOVE = "files", "kept", "remove"

# Control characters, and those that turn the direction of writing: "invoice\u202efdp.exe" must not read as a PDF.
_UNSAFE = re.compile("[\x00-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069]")

# As browsers write it (WHATWG HTML, multipart/form-data encoding algorithm): quotes inside are %22.
_DISPOSITION = re.compile(
    r'form-data; *name="([^"]*)"(?:; *filename="([^"]*)")?(?:; *filename\*=[^;]*)?', re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedFile:
    """A file that is in storage and belongs to no message yet. `digest` is the SHA-256 of its content in hex."""

    blob_id: str
    name: str
    media_type: str
    size: int
    digest: str

    @property
    def attachment(self) -> Attachment:
        return Attachment(
            name=self.name, media_type=self.media_type, size=self.size, blob_id=self.blob_id, sha256=self.digest
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FileProblem:
    """What was wrong with one file: empty_file, too_big, too_many, not_taken, gone."""

    name: str
    problem: str


@dataclass(slots=True)
class Upload:
    """What has been read of one submission so far."""

    answers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    files: list[StagedFile] = field(default_factory=list)
    problems: list[FileProblem] = field(default_factory=list)

    def one(self, name: str) -> str:
        return next(iter(self.answers.get(name, ())), "")


class Uploads:
    def __init__(self, *, storage: Storage, tokens: Tokens, now: Now, files: int, file_bytes: int) -> None:
        self._storage = storage
        self._tokens = tokens
        self._now = now
        self._files = files
        self._file_bytes = file_bytes
        # A file that is too big is read to its end and thrown away, or the browser would never show the answer.
        self._body_bytes = ANSWERS_BYTES + 2 * max(files, 1) * file_bytes

    async def read(self, request: web.Request, upload: Upload, *, take_files: bool) -> None:
        """Read the whole form into `upload`; without `take_files` new files are read past and named as a problem.

        Raises HTTPUnsupportedMediaType, HTTPRequestEntityTooLarge, HTTPBadRequest for a body that is no form,
        TimeoutError, and what storage raises.
        """
        if request.content_type != "multipart/form-data":
            raise web.HTTPUnsupportedMediaType()
        room = _Room(self._body_bytes)
        try:
            async with asyncio.timeout(SECONDS):
                async for part in _parts(await request.multipart()):
                    room.spend_part()
                    await self._take(part, upload, room, take_files=take_files)
        except (ValueError, AssertionError) as error:  # what aiohttp raises for a body that is no multipart
            raise web.HTTPBadRequest() from error

    async def _take(self, part: BodyPartReader, upload: Upload, room: _Room, *, take_files: bool) -> None:
        name, file_name = _named(part)
        if name == FILES:
            await self._take_file(part, clean_name(file_name), upload, room, take_files=take_files)
            return
        value = await _text(part, room)
        if name == KEPT:
            self._restore(upload, value)
        elif name == REMOVE:
            upload.files = [file for file in upload.files if file.blob_id != value]
        else:
            upload.answers[name] = (*upload.answers.get(name, ()), value)

    async def _take_file(
        self, part: BodyPartReader, name: str, upload: Upload, room: _Room, *, take_files: bool
    ) -> None:
        chunks = _chunks(part, room)
        first = await anext(chunks, b"")
        if not name and not first:
            return  # the browser's way to say that no file was chosen
        problem = ""
        if not take_files:
            problem = "not_taken"
        elif not first:
            problem = "empty_file"
        elif len(upload.files) >= self._files:
            problem = "too_many"
        staged = None if problem else await self._stage(name, first, chunks)
        if staged is not None:
            upload.files.append(staged)
            return
        upload.problems.append(FileProblem(name=name, problem=problem or "too_big"))
        async for _ in chunks:
            pass

    async def _stage(self, name: str, first: bytes, rest: AsyncIterator[bytes]) -> StagedFile | None:
        """Store the file; None when it is too big (what was stored of it is swept later)."""
        at = self._now()
        blob_id, digest, size, seq = new_id(at), hashlib.sha256(), 0, 0
        chunk = first
        while chunk:
            size += len(chunk)
            if size > self._file_bytes:
                return None
            digest.update(chunk)
            async with self._storage.writing(Lane.BULK) as tx:
                await tx.blobs.stage(blob_id, chunk, seq=seq, at=at)
            seq += 1
            chunk = await anext(rest, b"")
        return StagedFile(
            blob_id=blob_id, name=name or "file", media_type=media_type(first), size=size, digest=digest.hexdigest()
        )

    def keep(self, file: StagedFile, nonce: str) -> str:
        """Return what the page carries so that this file need not be sent again; it works for this form only."""
        return self._tokens.make(f"file:{nonce}", asdict(file))

    def _restore(self, upload: Upload, token: str) -> None:
        kept: dict[str, Any] | None = self._tokens.read(f"file:{upload.one('nonce')}", token)
        if kept is None:
            return
        file = StagedFile(**kept)
        if file not in upload.files and len(upload.files) < self._files:
            upload.files.append(file)

    async def missing(self, files: Sequence[StagedFile]) -> Sequence[StagedFile]:
        """Return those that are not staged any more: swept, or already part of a message."""
        if not files:
            return ()
        async with self._storage.reading() as tx:
            sizes = await tx.blobs.sizes([file.blob_id for file in files])
        return [file for file in files if sizes.get(file.blob_id) != file.size]


def clean_name(name: str) -> str:
    """Return the last part of a file name without characters that mislead, at most 120 characters, suffix kept."""
    name = _UNSAFE.sub("", name.replace("\\", "/")).encode(errors="replace").decode().rsplit("/", 1)[-1].strip()
    if len(name) <= NAME_LENGTH:
        return name
    suffix = PurePosixPath(name).suffix[:12]
    return name[: NAME_LENGTH - len(suffix)] + suffix


def media_type(head: bytes) -> str:
    """Return the media type the first bytes show, whatever the file calls itself."""
    try:
        found: str = puremagic.from_string(head, mime=True)
    except puremagic.PureError:
        return "text/plain" if _is_text(head) else "application/octet-stream"
    return found or "application/octet-stream"


def _is_text(head: bytes) -> bool:
    try:
        head[:4096].decode()
    except UnicodeDecodeError as error:
        return error.start > 4092  # only a character cut in two at the end
    return b"\0" not in head


@dataclass(slots=True)
class _Room:
    """What the body may still have: bytes, bytes of answers, parts."""

    left: int
    answers: int = ANSWERS_BYTES
    parts: int = PARTS

    def spend(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise _too_large(0)

    def spend_answer(self, count: int) -> None:
        self.answers -= count
        if self.answers < 0:
            raise _too_large(ANSWERS_BYTES)

    def spend_part(self) -> None:
        self.parts -= 1
        if self.parts < 0:
            raise _too_large(0)


def _too_large(limit: int) -> web.HTTPRequestEntityTooLarge:
    return web.HTTPRequestEntityTooLarge(max_size=limit, actual_size=limit + 1)


async def _parts(reader: MultipartReader) -> AsyncIterator[BodyPartReader]:
    while (part := await reader.next()) is not None:
        if isinstance(part, BodyPartReader):  # nested multiparts are not what a browser sends
            yield part


def _named(part: BodyPartReader) -> tuple[str, str]:
    """Return field and file name. aiohttp's own reading drops the part when a file name has two semicolons."""
    match = _DISPOSITION.fullmatch(part.headers.get("Content-Disposition", ""))
    if match is None:
        raise ValueError("a part without a name")
    return match[1], (match[2] or "").replace("%22", '"')


async def _chunks(part: BodyPartReader, room: _Room, size: int = CHUNK) -> AsyncIterator[bytes]:
    """Yield the content in pieces of `size` bytes: what aiohttp returns is as small as what the network brought."""
    buffer = bytearray()
    while not part.at_eof():
        piece = await part.read_chunk(size)
        room.spend(len(piece))
        buffer += piece
        while len(buffer) >= size:
            yield bytes(buffer[:size])
            del buffer[:size]
    if buffer:
        yield bytes(buffer)


async def _text(part: BodyPartReader, room: _Room) -> str:
    value = bytearray()
    async for chunk in _chunks(part, room, TEXT_CHUNK):
        room.spend_answer(len(chunk))
        value += chunk
    return value.decode(errors="replace").replace("\r\n", "\n")
