"""The chain of a complaint's timeline: each entry's mac covers the one before it, from the first entry on.

    mac = HMAC-SHA256(audit key, prev | seq | at | kind | actor | public part | digest of the private part)

The private part is in the chain only by a salted digest, so erasing a person (dropping salt and private part)
leaves the chain verifiable. Nothing here stores anything.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Mapping, Sequence
from datetime import datetime

import orjson

from gateway.model import Entry, Event


def canonical(value: Mapping[str, object]) -> bytes:
    """Return JSON whose bytes depend on the content only, and stay the same when it is read and written again.

    Raises TypeError for what is no JSON: half a surrogate pair, or a number of more than 64 bits.
    """
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def chain(key: bytes, *, complaint_id: str, prev: bytes, seq: int, at: datetime, actor: str, event: Event) -> Entry:
    """Return the event as the entry that follows `prev` (b"" for the first)."""
    salt = os.urandom(16)
    digest = hashlib.sha256(salt + canonical(event.private)).digest()
    mac = _mac(key, prev, [complaint_id, seq, at.isoformat(), event.kind.value, actor], event.public, digest)
    return Entry(complaint_id=complaint_id, seq=seq, at=at, actor=actor, event=event, salt=salt, digest=digest, mac=mac)


def broken_at(key: bytes, entries: Sequence[Entry]) -> int | None:
    """Return the sequence number of the first entry that does not verify, or None when the whole chain holds.

    An entry whose private part was erased (no salt) still verifies; one whose private part was changed does not.
    """
    prev = b""
    for expected, entry in enumerate(entries, start=1):
        event = entry.event
        changed = entry.salt and hashlib.sha256(entry.salt + canonical(event.private)).digest() != entry.digest
        head = [entry.complaint_id, entry.seq, entry.at.isoformat(), event.kind.value, entry.actor]
        mac = _mac(key, prev, head, event.public, entry.digest)
        if changed or entry.seq != expected or not hmac.compare_digest(entry.mac, mac):
            return expected
        prev = entry.mac
    return None


def _mac(key: bytes, prev: bytes, head: Sequence[object], public: Mapping[str, object], digest: bytes) -> bytes:
    parts = [prev, orjson.dumps(head), canonical(public), digest]
    # lengths first: no two different lists of parts give the same bytes
    return hmac.digest(key, b"".join([len(part).to_bytes(8, "big") + part for part in parts]), hashlib.sha256)
