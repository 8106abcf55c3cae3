"""Files that a message only names are fetched from its provider, which keeps them for days, and sealed like any other.

The message has its number long before: a file that cannot be had keeps nobody waiting. What is gone for good is said
with the message, so that the customer can be asked for it again.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from gateway import retry
from gateway.errors import DeliveryFailed, Permanent, Unavailable
from gateway.handover import media_lane
from gateway.model import Attachment, Work
from gateway.observe import Metrics, fault
from gateway.ports import Fetcher, Lane, Media, Now, Storage, StoredMessage
from gateway.rules.redaction import redact

LIMIT = 4
LEASE = timedelta(minutes=10)
FETCH_SECONDS = 120.0
LARGEST = 20_000_000
"""Bytes of one file: what WeCom keeps of a file at most (path/96484)."""
LONGEST_NAME = 200
GONE = "attachment_gone"


class MediaFetching:
    """The worker of one source's files."""

    def __init__(self, *, source: str, fetcher: Fetcher, storage: Storage, now: Now, metrics: Metrics) -> None:
        self._lane = media_lane(source)
        self._fetcher = fetcher
        self._storage = storage
        self._now = now
        self._metrics = metrics

    async def run_once(self) -> int:
        """Fetch up to LIMIT files, one after the other; return how many were claimed."""
        now = self._now()
        async with self._storage.writing(Lane.RESULTS) as tx:
            claimed = await tx.queue.claim(self._lane, now=now, until=now + LEASE, limit=LIMIT)
        for work in claimed:
            try:
                await self._fetch(work)
            except Exception as error:  # whatever it is: the others of this round would wait for it each time
                if not isinstance(error, DeliveryFailed | TimeoutError):
                    fault(self._lane, error, metrics=self._metrics, now=self._now())
                await self._put_off(work)
        return len(claimed)

    async def _fetch(self, work: Work) -> None:
        message_id, _, position = work.subject.rpartition(".")
        async with self._storage.reading() as tx:
            message = (await tx.messages.load([message_id])).get(message_id)
        file = _named(message, int(position))
        found: Media | None = None
        gone = False
        if file is not None:
            try:
                async with asyncio.timeout(FETCH_SECONDS):
                    found = await self._fetcher.fetch(file.ref, limit=LARGEST)
            except (DeliveryFailed, TimeoutError) as error:
                gone = isinstance(error, Permanent) or work.attempt >= retry.LAST
                if not gone:
                    raise
        await self._keep(work, message_id, int(position), found, gone=gone)

    async def _keep(self, work: Work, message_id: str, position: int, found: Media | None, *, gone: bool) -> None:
        """Store what came, or why it never will, and end the work."""
        async with self._storage.writing(Lane.RESULTS) as tx:
            message = (await tx.messages.load([message_id])).get(message_id)
            file = _named(message, position)
            if message is not None and file is not None and (found or gone):
                files = list(message.attachments)
                files[position] = _filled(file, found) if found else replace(file, ref="")
                problems = (*message.problems, GONE) if gone else message.problems
                await tx.messages.amend(replace(message, attachments=tuple(files), problems=problems))
            await tx.queue.finish([work])

    async def _put_off(self, work: Work) -> None:
        now = self._now()
        try:
            async with self._storage.writing(Lane.RESULTS) as tx:
                await tx.queue.postpone([work], {work.id: now + retry.delay(work.attempt, work.subject)}, now=now)
        except Unavailable:
            return  # its lease ends


def _named(message: StoredMessage | None, position: int) -> Attachment | None:
    """Return the attachment that is still to be fetched; None where its owner was erased or it is there."""
    files: Sequence[Attachment] = message.attachments if message else ()
    return files[position] if position < len(files) and files[position].ref else None


def _filled(file: Attachment, found: Media) -> Attachment:
    return replace(
        file,
        name=redact(found.name or file.name).text[:LONGEST_NAME],  # the customer's words like any other (D.3)
        media_type=found.media_type or file.media_type,
        size=len(found.content),
        content=found.content,
        sha256=hashlib.sha256(found.content).hexdigest(),
        ref="",
    )
