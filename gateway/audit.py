"""The chain of a complaint's timeline: each entry's mac covers the one before it, from the first entry on.

    mac = HMAC-SHA256(audit key, prev | seq | at | kind | actor | public part | digest of the private part)

The private part is in the chain only by a salted digest, so erasing a person (dropping salt and private part)
leaves the chain verifiable. Nothing here stores anything.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from gateway.model import Entry, Event


def canonical(value: Mapping[str, object]) -> bytes:
    """Return JSON whose bytes depend on the content only."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def chain(key: bytes, *, complaint_id: str, prev: bytes, seq: int, at: datetime, actor: str, event: Event) -> Entry:
    """Return the event as the entry that follows `prev` (b"" for the first)."""
    salt = os.urandom(16)
    digest = hashlib.sha256(salt + canonical(event.private)).digest()
    entry = Entry(
        complaint_id=complaint_id, seq=seq, at=at, actor=actor, event=event, salt=salt, digest=digest, mac=b""
    )
    return replace(entry, mac=_mac(key, prev, entry))


def broken_at(key: bytes, entries: Sequence[Entry]) -> int | None:
    """Return the sequence number of the first entry that does not verify, or None when the whole chain holds.

    An entry whose private part was erased (no salt) still verifies; one whose private part was changed does not.
    """
    prev = b""
    for expected, entry in enumerate(entries, start=1):
        changed = entry.salt and hashlib.sha256(entry.salt + canonical(entry.event.private)).digest() != entry.digest
        if changed or entry.seq != expected or not hmac.compare_digest(entry.mac, _mac(key, prev, entry)):
            return expected
        prev = entry.mac
    return None


def _mac(key: bytes, prev: bytes, entry: Entry) -> bytes:
    head = [entry.complaint_id, entry.seq, entry.at.isoformat(), entry.event.kind.value, entry.actor]
    parts = [prev, json.dumps(head).encode(), canonical(entry.event.public), entry.digest]
    mac = hmac.new(key, digestmod=hashlib.sha256)
    for part in parts:  # lengths first: no two different lists of parts give the same bytes
        mac.update(len(part).to_bytes(8, "big") + part)
    return mac.digest()
