"""The keys file: JSON with every secret key, read whole and replaced whole. What is done with the keys is in vault.py.

Which data keys a master key wraps is the database's to say; when one is made, used and removed is rotation.py's.
"""

from __future__ import annotations

import base64
import binascii
import fcntl
import json
import os
import stat
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Final

from gateway.errors import Misconfigured

KEY_BYTES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRing:
    """What a keys file says. Its repr shows no key."""

    active: str  # the master that wraps new data keys
    pending: str | None = None  # the newest master, until it wraps every data key
    masters: Mapping[str, bytes] = field(repr=False)  # in the order they were made
    index: bytes = field(repr=False)
    audit: bytes = field(repr=False)
    signing: bytes = field(repr=False)

    def prepared(self, day: date) -> KeyRing:
        """Return the ring with a fresh master that is pending; the same ring when one is pending already."""
        if self.pending is not None:
            return self
        # Two machines that rotate copies of one file must never give two keys one id.
        name = f"{day.isoformat()}-{os.urandom(4).hex()}"
        return replace(self, pending=name, masters={**self.masters, name: os.urandom(KEY_BYTES)})

    def activated(self) -> KeyRing:
        """Return the ring whose pending master wraps what is made from now on."""
        return replace(self, active=self.pending or self.active)

    def settled(self) -> KeyRing:
        """Return the ring whose active master wraps everything."""
        return replace(self, pending=None)

    def without(self, names: Collection[str]) -> KeyRing:
        """Return the ring without these masters."""
        return replace(self, masters={name: key for name, key in self.masters.items() if name not in names})


def read(path: Path) -> KeyRing:
    """Read the file. Raises Misconfigured when it is missing, damaged, or readable by others."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read()
    except OSError as error:
        raise Misconfigured(f"the keys file {path} cannot be read: {error.strerror}") from None
    if stat.S_IMODE(mode) & 0o077:
        raise Misconfigured(f"the keys file {path} can be read by others: chmod 600 {path}")
    try:
        return _parsed(json.loads(data))
    except (ValueError, TypeError, KeyError, AttributeError):
        # The cause would quote the file, so it is dropped.
        raise Misconfigured(f"the keys file {path} is damaged; restore it from its backup") from None


def create(path: Path) -> KeyRing:
    """Make a file with fresh keys, readable by its owner only. Raises Misconfigured when there is one."""
    master, index, audit, signing = (os.urandom(KEY_BYTES) for _ in range(4))
    ring = KeyRing(active="m1", masters={"m1": master}, index=index, audit=audit, signing=signing)
    with _said(path):
        _write(path, ring, os.link)  # unlike a replacement never over another file
    return ring


def change(path: Path, to: Callable[[KeyRing], KeyRing]) -> KeyRing:
    """Replace the file by what `to` makes of it, as one step for every other change and every reader; return that.

    Raises Misconfigured, and changes nothing, when it cannot be read or written.
    """
    path = path.resolve()  # a link stays a link: what it names is replaced
    with _said(path), _alone(path.parent):
        before = read(path)
        after = to(before)
        _remove_unfinished(path)
        if after != before:
            _write(path, after, os.replace, like=path.stat())
    return after


def _parsed(content: Mapping[str, object]) -> KeyRing:
    masters = content["masters"]
    pending = content.get("pending")
    if not isinstance(masters, dict) or content["active"] not in masters or pending not in {None, *masters}:
        raise ValueError("a master key is missing")
    return KeyRing(
        active=str(content["active"]),
        pending=None if pending is None else str(pending),
        masters={str(name): _key(value) for name, value in masters.items()},
        index=_key(content["index"]),
        audit=_key(content["audit"]),
        signing=_key(content["signing"]),
    )


def _text(ring: KeyRing) -> bytes:
    content = {
        "active": ring.active,
        **({"pending": ring.pending} if ring.pending else {}),
        "masters": {name: _encoded(key) for name, key in ring.masters.items()},
        "index": _encoded(ring.index),
        "audit": _encoded(ring.audit),
        "signing": _encoded(ring.signing),
    }
    return json.dumps(content, indent=2).encode() + b"\n"


def _encoded(key: bytes) -> str:
    return base64.b64encode(key).decode()


def _key(text: object) -> bytes:
    try:
        key = base64.b64decode(str(text), validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error
    if len(key) != KEY_BYTES:
        raise ValueError("not a key")
    return key


def _write(
    path: Path, ring: KeyRing, place: Callable[[str, Path], None], *, like: os.stat_result | None = None
) -> None:
    """Put the whole file in place or nothing; mode 600, of the same owner as `like`."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=_unfinished(path))  # mode 600 from the start
    try:
        with open(descriptor, "wb") as file:
            if like is not None:
                # Rotated by root, it must still be the service's to read.
                os.fchown(file.fileno(), like.st_uid, like.st_gid)
            file.write(_text(ring))
            file.flush()
            os.fsync(file.fileno())
        place(name, path)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(name)
    with _directory(path.parent) as directory:
        os.fsync(directory)  # without this the new name may be gone after a power failure although its content is not


def _unfinished(path: Path) -> str:
    return f".{path.name}-"


def _remove_unfinished(path: Path) -> None:
    """Remove what a write left that was killed: it has every key in it."""
    for left in path.parent.iterdir():
        if left.name.startswith(_unfinished(path)):
            left.unlink(missing_ok=True)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other changes out. The folder is locked, because the file itself is another one after each change."""
    with _directory(folder) as directory:
        fcntl.flock(directory, fcntl.LOCK_EX)
        yield


@contextmanager
def _directory(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)  # ends its lock, too


@contextmanager
def _said(path: Path) -> Iterator[None]:
    """Say of the file what the operating system refuses."""
    try:
        yield
    except FileExistsError:
        raise Misconfigured(f"the keys file {path} exists; without it nothing sealed can be read again") from None
    except OSError as error:
        raise Misconfigured(f"the keys file {path} cannot be written: {error.strerror}") from None
