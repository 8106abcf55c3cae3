"""Every secret key of the gateway and what is done with it: sealing, blind indexes, keyed digests, signatures.

What is sealed, and under whose data key, is decided by the storage; the timeline's chain is in audit.py, the keys file
in keysfile.py.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway import keysfile
from gateway.errors import GatewayError, Misconfigured, Unavailable
from gateway.keysfile import KEY_BYTES, KeyRing

NONCE_BYTES: Final = 12  # NIST SP 800-38D: random 96-bit nonces are safe for 2^32 values of one key
INDEX_BYTES: Final = 16  # shorter than a digest: an index is compared, never trusted as proof
REREAD_SECONDS: Final = 5.0
"""How long after a change of the keys file a node may still work with what it said before."""


class VaultError(GatewayError):
    """A sealed value cannot be opened: it was changed, or moved to another row."""

    code = "vault"


class MissingMaster(Unavailable):
    """The keys file lacks a master key that the database needs.

    Not a VaultError: nothing is wrong with the value, and it opens as soon as the right file is there.
    """

    def __init__(self, master_id: str) -> None:
        super().__init__(
            f"the keys file has no master key {master_id}: bring here the newest copy, or the one kept for this backup"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Masters:
    active: str
    pending: str | None
    ciphers: Mapping[str, AESGCM]


class Vault:
    """The gateway's keys. Safe to use from several threads; nothing of it shows in a repr, a log or an error."""

    __slots__ = ("_audit", "_file", "_index", "_masters", "_signing")

    def __init__(self, ring: KeyRing, file: Path) -> None:
        self._file = file
        self._masters = _masters(ring)
        self._index = ring.index
        self._audit = ring.audit
        self._signing = ring.signing

    def __repr__(self) -> str:
        return f"Vault(active={self.active!r})"

    @classmethod
    def load(cls, path: Path) -> Vault:
        """Read the keys file. Raises Misconfigured when it is missing, damaged, or readable by others."""
        return cls(keysfile.read(path), path)

    @classmethod
    def create(cls, path: Path) -> Vault:
        """Make a keys file with fresh keys, readable by its owner only. Raises Misconfigured when the file exists."""
        return cls(keysfile.create(path), path)

    def refresh(self) -> None:
        """Take over the master keys the file has now. Raises Misconfigured, and keeps those it had, if it cannot."""
        ring = keysfile.read(self._file)
        if (ring.index, ring.audit, ring.signing) != (self._index, self._audit, self._signing):
            raise Misconfigured(f"the keys file {self._file} was replaced by that of another database")
        seen_at_work = ring.pending is not None and self.active == ring.pending
        self._masters = _masters(ring.activated() if seen_at_work else ring)

    @property
    def active(self) -> str:
        """Return the id of the master key that wraps new data keys."""
        return self._masters.active

    @property
    def audit_key(self) -> bytes:
        """Return the key of the timeline's chain (audit.py)."""
        return self._audit

    def new_key(self) -> bytes:
        """Return a fresh data key."""
        return os.urandom(KEY_BYTES)

    def wrap(self, key: bytes, owner: str) -> tuple[bytes, str]:
        """Return the owner's data key sealed by the active master key, and that master key's id."""
        masters = self._masters
        return _seal(masters.ciphers[masters.active], key, _wrapping(owner)), masters.active

    def unwrap(self, wrapped: bytes, master_id: str, owner: str) -> bytes:
        """Return the owner's data key. Raises MissingMaster, after another look into the file, or VaultError."""
        if master_id not in self._masters.ciphers:
            with suppress(Misconfigured):  # a file that is just being copied here: with the next look it is whole
                self.refresh()
        masters = self._masters
        if master_id not in masters.ciphers:
            raise MissingMaster(master_id)
        key = _open(masters.ciphers[master_id], wrapped, _wrapping(owner))
        if master_id == masters.pending and master_id != masters.active:
            # Its rotation has begun on another machine; this one's copy of the file does not say so yet.
            self._masters = replace(masters, active=master_id)
        return key

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


def _masters(ring: KeyRing) -> _Masters:
    ciphers = {name: AESGCM(key) for name, key in ring.masters.items()}
    return _Masters(active=ring.active, pending=ring.pending, ciphers=ciphers)


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
