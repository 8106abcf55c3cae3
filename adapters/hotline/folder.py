"""Takes transcripts out of a folder: what lies in it is what is not yet taken in.

A file leaves it only after `accept` returned. What a file means is in wire.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from adapters.hotline import wire
from adapters.hotline.config import Folder
from adapters.hotline.transcript import NotReady
from gateway.errors import Misconfigured, Unavailable
from gateway.model import ChannelKind, InboundEvent, Outcome, Receipt, Unreadable
from gateway.ports import Accept, Now

log = logging.getLogger("huiyin")

SIDECAR = ".call.json"  # beside a transcript: what else is known of its call
REASON = ".reason"  # beside a transcript that is not taken in: the stable word why
WAITS = ("transcript_pending", "transcript_incomplete")
OTHER_CONTENT = "other_content"  # of a call that is held with other words or details, which were kept

BATCH_FILES = 50
BATCH_BYTES = 20_000_000
HEAD_BYTES = 262_144  # what is kept of a file that is too large to take in
SIDECAR_BYTES = 100_000
_PARTIAL = (".part", ".partial", ".tmp", ".temp", ".filepart", ".crdownload", "~", SIDECAR, REASON)
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)  # before it is a clock that was never set


@dataclass(frozen=True, slots=True, kw_only=True)
class _Own:
    """What of a file changes while somebody writes it."""

    size: int
    modified: int  # nanoseconds of the epoch
    changed: int  # the same, of its rights too: a file nobody could read is looked at again when that is mended
    inode: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stamp:
    own: _Own
    sidecar: tuple[int, int] | None  # the size and time of the file beside it


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    name: str
    stamp: _Stamp


@dataclass(frozen=True, slots=True, kw_only=True)
class _Looked:
    """One file, read: an event, or the reason why it is none."""

    file: _File
    event: InboundEvent | None
    reason: str = ""


class WatchedFolder:
    """A Listener over one folder.

    A file is read once two looks in a row found it the same. Taken in twice, because of a crash before it was moved, it
    is recognised by its call or its bytes. A pending or incomplete result waits for the telephone system to replace it,
    a failed or empty one is put aside; beside both lies a file that says why.
    """

    def __init__(self, folder: Folder, *, reading: wire.Reading, max_bytes: int, now: Now, source: str) -> None:
        self._folder = folder
        self._reading = reading
        self._max_bytes = max_bytes
        self._now = now
        self._source = source
        self._seen: dict[str, _Stamp] = {}
        self._waiting: dict[str, _Stamp] = {}
        self._settled: dict[str, tuple[_Stamp, Path]] = {}  # taken in, not yet moved: where it belongs

    async def listen(self, accept: Accept, alive: Callable[[], None]) -> None:
        """See ports.Listener. Raises Unavailable, also accept's own, and Misconfigured."""
        await self.check()
        while True:
            found = await self._look(accept)
            alive()
            if not found:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._folder.poll_seconds):
                        await asyncio.Event().wait()

    async def check(self) -> None:
        """Find the folder, and make those files go to. Raises Misconfigured or Unavailable with what to change."""
        await asyncio.to_thread(self._check)

    def _check(self) -> None:
        folder = self._folder
        if not os.access(folder.path, os.R_OK | os.W_OK | os.X_OK) or not folder.path.is_dir():
            raise Unavailable(f"folder {folder.path} cannot be read and written")
        for target in (folder.processed_folder, folder.rejected_folder):
            try:
                target.mkdir(parents=True, exist_ok=True)
                is_near = target.stat().st_dev == folder.path.stat().st_dev
            except OSError:
                raise Misconfigured(f"folder {target} cannot be made") from None
            if not is_near:  # a move would be a copy: it could be half done
                raise Misconfigured(f"folder {target} is on another file system than {folder.path}")

    async def _look(self, accept: Accept) -> bool:
        """Take in one batch; return whether there was any new file. The disk may be a slow share: never on the loop."""
        looked = await asyncio.to_thread(self._read_batch)
        events = [one.event for one in looked if one.event is not None]
        receipts = await accept(events) if events else ()
        await asyncio.to_thread(self._file, looked, receipts)
        return bool(looked)

    def _file(self, looked: Sequence[_Looked], receipts: Sequence[Receipt]) -> None:
        given = iter(receipts)
        for one in looked:
            self._settle(one, next(given) if one.event is not None else None)
        self._clear()

    def _settle(self, one: _Looked, receipt: Receipt | None) -> None:
        if one.reason in WAITS:
            self._waiting[one.file.name] = one.file.stamp
            return
        is_odd = receipt is None or receipt.outcome is Outcome.QUARANTINED or isinstance(one.event, Unreadable)
        if receipt is not None and receipt.differs:
            # Nobody has read these words: a telephone system that names two calls alike would lose one without a trace.
            self._explain(self._folder.path / one.file.name, OTHER_CONTENT)
            is_odd = True
        target = self._folder.rejected_folder if is_odd else self._folder.processed_folder
        self._settled[one.file.name] = (one.file.stamp, target)

    def _read_batch(self) -> list[_Looked]:
        batch: list[_Looked] = []
        size = 0
        for file in self._stable():
            size += min(file.stamp.own.size, self._max_bytes)
            if batch and (size > BATCH_BYTES or len(batch) == BATCH_FILES):
                break
            looked = self._read(file)
            if looked is not None:
                batch.append(looked)
        return batch

    def _stable(self) -> Sequence[_File]:
        """Return the files that did not change since the last look and are not dealt with, the oldest first."""
        stats = self._stats()
        before, self._seen = self._seen, {n: _stamp(n, stats) for n, s in stats.items() if _is_transcript(n, s)}
        self._waiting = {n: stamp for n, stamp in self._waiting.items() if self._seen.get(n) == stamp}
        self._settled = {n: (stamp, to) for n, (stamp, to) in self._settled.items() if self._seen.get(n) == stamp}
        files = [
            _File(name=name, stamp=stamp)
            for name, stamp in self._seen.items()
            if before.get(name) == stamp and name not in self._waiting and name not in self._settled
        ]
        return sorted(files, key=lambda file: (file.stamp.own.modified, file.name))

    def _stats(self) -> dict[str, os.stat_result]:
        stats: dict[str, os.stat_result] = {}
        try:
            with os.scandir(self._folder.path) as entries:
                for entry in entries:
                    with contextlib.suppress(FileNotFoundError):  # gone since it was listed
                        stats[entry.name] = entry.stat(follow_symlinks=False)
        except OSError:
            raise Unavailable(f"folder {self._folder.path} cannot be read") from None
        return stats

    def _received_at(self, modified: int) -> datetime:
        """Return when the bank had a transcript: when it was written, also after an outage (A025); never the future."""
        now, seconds = self._now(), modified / 1e9
        if not _EARLIEST.timestamp() <= seconds <= now.timestamp():
            return now
        return datetime.fromtimestamp(seconds, UTC)

    def _read(self, file: _File) -> _Looked | None:
        """Read one file; None when it is gone or cannot be read now, and so comes again."""
        path = self._folder.path / file.name
        try:
            event = self._event(path, file.stamp)
        except FileNotFoundError:
            return None
        except OSError:
            self._explain(path, "file_not_readable")
            return None
        except NotReady as error:
            self._explain(path, error.problem)
            return _Looked(file=file, event=None, reason=error.problem)
        if isinstance(event, Unreadable):
            self._explain(path, event.problem)
        return _Looked(file=file, event=event) if event is not None else None

    def _event(self, path: Path, stamp: _Stamp) -> InboundEvent | None:
        """Return what a file says; None when it is being written after all. Raises OSError and NotReady."""
        received_at = self._received_at(stamp.own.modified)
        if stamp.own.size > self._max_bytes:
            return self._too_large(path, received_at)
        raw = path.read_bytes()
        sidecar = b"" if stamp.sidecar is None else _beginning(_sidecar(path), SIDECAR_BYTES)
        if _own_stamp(path.lstat()) != stamp.own:
            return None
        return wire.parse(raw, source=self._source, received_at=received_at, reading=self._reading, sidecar=sidecar)

    def _too_large(self, path: Path, received_at: datetime) -> Unreadable:
        with path.open("rb") as opened:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
        return Unreadable(
            source=self._source,
            channel=ChannelKind.HOTLINE,
            external_id=f"sha256:{digest}",
            received_at=received_at,
            raw=_beginning(path, HEAD_BYTES),
            problem="too_large",
        )

    def _explain(self, path: Path, reason: str) -> None:
        """Say beside a file why it is no complaint, or not a readable one; log it the first time."""
        beside, words = _beside(path, REASON), f"{reason}\n".encode()
        with contextlib.suppress(OSError):
            if beside.is_file() and _beginning(beside, len(words) + 1) == words:
                return
            # Not the file's name: telephone systems put the caller's number into it.
            log.warning("transcript not taken in", extra={"fields": {"source": self._source, "reason": reason}})
            beside.unlink(missing_ok=True)
            with beside.open("xb") as file:  # never through a link that somebody has put in its place
                file.write(words)

    def _clear(self) -> None:
        """Move what is settled out of the folder; what cannot be moved stays, and is not read again."""
        for name, (stamp, target) in list(self._settled.items()):
            with contextlib.suppress(OSError):
                self._move(self._folder.path / name, stamp, target)
                del self._settled[name]

    def _move(self, path: Path, stamp: _Stamp, target: Path) -> None:
        if _own_stamp(path.lstat()) != stamp.own:
            return  # replaced since it was read: another transcript, which has its own turn
        name = _free_name(target, path.name)
        # The transcript first: left behind without its sidecar it would be another call, and opened again.
        os.replace(path, target / name)
        if stamp.sidecar is not None:
            os.replace(_sidecar(path), target / f"{name}{SIDECAR}")
        reason = _beside(path, REASON)
        if target == self._folder.rejected_folder and reason.exists():
            os.replace(reason, target / f"{name}{REASON}")
        else:
            reason.unlink(missing_ok=True)


def _is_transcript(name: str, found: os.stat_result) -> bool:
    # Neither links, which may lead anywhere, nor what a name says is not finished.
    return stat.S_ISREG(found.st_mode) and not name.startswith(".") and not name.lower().endswith(_PARTIAL)


def _stamp(name: str, stats: dict[str, os.stat_result]) -> _Stamp:
    found, sidecar = stats[name], stats.get(name + SIDECAR)
    beside = (sidecar.st_size, sidecar.st_mtime_ns) if sidecar and stat.S_ISREG(sidecar.st_mode) else None
    return _Stamp(own=_own_stamp(found), sidecar=beside)


def _own_stamp(found: os.stat_result) -> _Own:
    return _Own(size=found.st_size, modified=found.st_mtime_ns, changed=found.st_ctime_ns, inode=found.st_ino)


def _sidecar(path: Path) -> Path:
    return _beside(path, SIDECAR)


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


def _beginning(path: Path, size: int) -> bytes:
    with path.open("rb") as opened:
        return opened.read(size)


def _free_name(target: Path, name: str) -> str:
    """Return a name that is free in a folder: what was taken in before under the same one is kept."""
    number = 0
    free = name
    while (target / free).exists():
        number += 1
        free = f"{name}.{number}"
    return free
