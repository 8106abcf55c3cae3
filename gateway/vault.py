"""Every secret key of the gateway and what is done with it: sealing, blind indexes, keyed digests, signatures.

What is sealed, and under whose data key, is decided by the storage; the timeline's chain is in audit.py.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import os
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.errors import GatewayError, Misconfigured

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12  # NIST SP 800-38D: random 96-bit nonces are safe for 2^32 values of one key
INDEX_BYTES: Final = 16  # shorter than a digest: an index is compared, never trusted as proof


class VaultError(GatewayError):
    """A sealed value cannot be opened: it was changed, moved to another row, or its master key is missing."""

    code = "vault"


class Vault:
    """The gateway's keys. Safe to use from several threads; nothing of it shows in a repr, a log or an error."""

    __slots__ = ("_active", "_audit", "_index", "_masters", "_signing")

    def __init__(
        self, *, active: str, masters: Mapping[str, bytes], index_key: bytes, audit_key: bytes, signing_key: bytes
    ) -> None:
        self._active = active
        self._masters = {name: AESGCM(key) for name, key in masters.items()}
        self._index = index_key
        self._audit = audit_key
        self._signing = signing_key

    def __repr__(self) -> str:
        return f"Vault(active={self._active!r})"

    @classmethod
    def load(cls, path: Path) -> Vault:
        """Read the key file. Raises Misconfigured when it is missing, malformed, or readable by others."""
        try:
            with path.open("rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                data = file.read()
        except OSError as error:
            raise Misconfigured(f"the key file {path} cannot be read: {error.strerror}") from None
        if stat.S_IMODE(mode) & 0o077:
            raise Misconfigured(f"the key file {path} can be read by others: chmod 600 {path}")
        try:
            return cls._from_json(json.loads(data))
        except (ValueError, TypeError, KeyError, AttributeError):
            # The cause would quote the file, so it is dropped.
            raise Misconfigured(f"the key file {path} is damaged; restore it from its backup") from None

    @classmethod
    def create(cls, path: Path) -> Vault:
        """Make a key file with fresh keys, readable by its owner only. Raises Misconfigured when the file exists."""
        keys = {name: _text(os.urandom(KEY_BYTES)) for name in ("index", "audit", "signing")}
        content = {"active": "m1", "masters": {"m1": _text(os.urandom(KEY_BYTES))}, **keys}
        try:
            _write_whole(path, json.dumps(content, indent=2).encode() + b"\n")
        except FileExistsError:
            raise Misconfigured(f"the key file {path} exists; without it nothing sealed can be read again") from None
        except OSError as error:
            raise Misconfigured(f"the key file {path} cannot be written: {error.strerror}") from None
        return cls._from_json(content)

    @classmethod
    def _from_json(cls, content: Mapping[str, object]) -> Vault:
        masters = content["masters"]
        if not isinstance(masters, dict) or content["active"] not in masters:
            raise ValueError("no active master key")
        return cls(
            active=str(content["active"]),
            masters={str(name): _key(value) for name, value in masters.items()},
            index_key=_key(content["index"]),
            audit_key=_key(content["audit"]),
            signing_key=_key(content["signing"]),
        )

    @property
    def audit_key(self) -> bytes:
        """Return the key of the timeline's chain (audit.py)."""
        return self._audit

    def new_key(self) -> bytes:
        """Return a fresh data key."""
        return os.urandom(KEY_BYTES)

    def wrap(self, key: bytes, owner: str) -> tuple[bytes, str]:
        """Return the owner's data key sealed by the active master key, and that master key's id."""
        return _seal(self._masters[self._active], key, _wrapping(owner)), self._active

    def unwrap(self, wrapped: bytes, master_id: str, owner: str) -> bytes:
        """Return the owner's data key. Raises VaultError."""
        if master_id not in self._masters:
            raise VaultError(f"the key file has no master key {master_id!r}")
        return _open(self._masters[master_id], wrapped, _wrapping(owner))

    def seal(self, key: bytes, value: bytes, place: str) -> bytes:
        """Return the value encrypted and bound to its place, "table.column.row id" (AES-256-GCM, NIST SP 800-38D)."""
        return _seal(AESGCM(key), value, place.encode())

    def open(self, key: bytes, sealed: bytes, place: str) -> bytes:
        """Return what was sealed at this place with this key. Raises VaultError."""
        return _open(AESGCM(key), sealed, place.encode())

    def index(self, purpose: str, normal_form: str) -> bytes:
        """Return a value's blind index (16 bytes): equal for equal values of one purpose, made by us only."""
        return _mac(self._index, "index", purpose, normal_form.encode())[:INDEX_BYTES]

    def digest(self, purpose: str, data: bytes) -> bytes:
        """Return a digest (32 bytes) that nobody without the key can compare with a guess."""
        return _mac(self._index, "digest", purpose, data)

    def sign(self, purpose: str, data: bytes) -> bytes:
        """Return a signature (32 bytes) for something of ours that comes back; compare in constant time."""
        return _mac(self._signing, "sign", purpose, data)


def _seal(cipher: AESGCM, value: bytes, place: bytes) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, value, place)


def _open(cipher: AESGCM, sealed: bytes, place: bytes) -> bytes:
    try:
        return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place)
    except (InvalidTag, ValueError):  # ValueError: shorter than a nonce
        raise VaultError from None


def _wrapping(owner: str) -> bytes:
    return f"data_keys.wrapped.{owner}".encode()


def _mac(key: bytes, use: str, purpose: str, data: bytes) -> bytes:
    return hmac.digest(key, f"{use}\0{purpose}\0".encode() + data, hashlib.sha256)


def _text(key: bytes) -> str:
    return base64.b64encode(key).decode()


def _key(text: object) -> bytes:
    try:
        key = base64.b64decode(str(text), validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error
    if len(key) != KEY_BYTES:
        raise ValueError("not a key")
    return key


def _write_whole(path: Path, content: bytes) -> None:
    """Make the file with all its content or not at all, readable by its owner only; never over another one."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}-") as file:  # mode 600 from the start
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
        os.link(file.name, path)
    _sync_directory(path.parent)


def _sync_directory(directory: Path) -> None:
    # Without this the new name may be gone after a power failure although its content was written.
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
