"""Signatures as Standard Webhooks has them (standardwebhooks.com): HMAC-SHA256 over id, time and body. Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from gateway.errors import Forbidden

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
TOLERANCE = timedelta(minutes=5)  # a copy that is replayed later than this is refused
SIGNATURES = 10
_LONGEST_HEADER = 2000
_LONGEST_ID = 256


def check(headers: Mapping[str, str], body: bytes, keys: Sequence[bytes], at: datetime) -> None:
    """Raise Forbidden unless one of the signatures was made with one of the keys, within TOLERANCE of `at`.

    A sender that changes its secret signs with the old and the new one, a bank that changes it accepts both.
    """
    message_id, timestamp, signatures = (headers.get(name, "") for name in (ID, TIMESTAMP, SIGNATURE))
    if not 0 < len(message_id) <= _LONGEST_ID or len(signatures) > _LONGEST_HEADER:
        raise Forbidden
    sent_at = _moment(timestamp)
    if sent_at is None or abs(at - sent_at) > TOLERANCE:
        raise Forbidden
    try:
        signed = f"{message_id}.{timestamp}.".encode() + body
    except UnicodeEncodeError:  # a header in bytes that are no text
        raise Forbidden from None
    expected = [hmac.digest(key, signed, hashlib.sha256) for key in keys]
    # Every pair is compared: how long it takes tells nothing about which one was near.
    if not any([hmac.compare_digest(one, given) for one in expected for given in _given(signatures)]):
        raise Forbidden


def _moment(timestamp: str) -> datetime | None:
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        return None
    return datetime.fromtimestamp(int(timestamp), UTC) if int(timestamp) < 2**33 else None


def _given(signatures: str) -> Iterable[bytes]:
    for signature in signatures.split(" ")[:SIGNATURES]:
        version, _, value = signature.partition(",")
        if version == "v1":
            try:
                yield base64.b64decode(value, validate=True)
            except ValueError:
                continue
