"""Identity: 26 characters, ordered by time, unguessable (ULID, lower case: safe in a mail's local part)."""

from __future__ import annotations

import os
from datetime import datetime

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford base32: no i, l, o, u


def new_id(at: datetime) -> str:
    """Return a new id: 48 bits of `at` in milliseconds, then 80 random bits.

    Source: the ULID specification (github.com/ulid/spec), in lower case.
    """
    value = (int(at.timestamp() * 1000) << 80) | int.from_bytes(os.urandom(10))
    return "".join(ALPHABET[(value >> shift) & 31] for shift in range(125, -1, -5))
