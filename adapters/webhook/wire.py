"""A ticket as a signed request, and what its answer means. Pure.

The form is Standard Webhooks 1.0.0 (standardwebhooks.com): three headers, HMAC-SHA256, a signature for each secret.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import orjson

from gateway.errors import Permanent, Temporary
from gateway.model import InboundEvent, Sent, Ticket
from gateway.rules import tickets

PREFIX = "whsec_"
KEY_BYTES = range(24, 65)  # 192 to 512 bits
GONE = 410
_SECONDS_DIGITS = 6  # in a Retry-After: eleven days; the gateway waits less in any case


def key_of(secret: str) -> bytes:
    """Return the key of a secret as it is written down. Raises ValueError, without the secret."""
    try:
        key = b64decode(secret.removeprefix(PREFIX), validate=True)
    except ValueError:
        key = b""
    if not secret.startswith(PREFIX) or len(key) not in KEY_BYTES:
        raise ValueError(f"a secret is {PREFIX} and the base64 of {KEY_BYTES[0]} to {KEY_BYTES[-1]} random bytes")
    return key


def body(ticket: Ticket) -> bytes:
    """Return the request's body, the same bytes on every attempt."""
    return orjson.dumps(tickets.to_json(ticket))


def headers(key: str, at: datetime, content: bytes, keys: Sequence[bytes]) -> Mapping[str, str]:
    """Return the request's headers. `key` names the delivery: one id on every attempt, so a receiver drops a copy.

    `at` is the time of this attempt: an old request that somebody kept is refused by it.
    """
    timestamp = str(int(at.timestamp()))
    signed = f"{key}.{timestamp}.".encode() + content
    signatures = [f"v1,{b64encode(hmac.digest(one, signed, hashlib.sha256)).decode()}" for one in keys]
    return {
        "Content-Type": "application/json",
        "webhook-id": key,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(signatures),
    }


def outcome(status: int, retry_after: str, now: datetime) -> Sent:
    """Return what a 2xx is; raise what any other status is.

    Only 410 says that the system will never take it. Whatever else it answers (401, 404, a redirect, 422) may be put
    right by whoever runs either side, so it is Temporary: no ticket is lost meanwhile, and after some five days it is
    shown as dead (gateway/retry.py).
    """
    if 200 <= status < 300:
        return Sent()
    if status == GONE:
        raise Permanent(str(status))
    raise Temporary(str(status), retry_after=asked(retry_after, now))


def asked(retry_after: str, now: datetime) -> timedelta | None:
    """Return how long a Retry-After asks to wait, in either form (RFC 9110 section 10.2.3); None where it does not."""
    value = retry_after.strip()
    if value.isascii() and value.isdigit():
        return timedelta(seconds=int(value)) if len(value) <= _SECONDS_DIGITS else None
    try:
        until = parsedate_to_datetime(value)
    except ValueError:
        return None
    pause = (until if until.tzinfo else until.replace(tzinfo=UTC)) - now
    return pause if pause > timedelta(0) else None


def read(data: bytes, name: str) -> Iterable[InboundEvent]:
    """Return nothing: tickets only go out."""
    return ()
