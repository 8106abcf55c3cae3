"""Identity: 26 characters, ordered by time, unguessable (ULID, lower case: safe in a mail's local part)."""

from __future__ import annotations

import os
from datetime import datetime
from functools import lru_cache

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford base32: no i, l, o, u

_OF_A_BYTE = (ALPHABET * 8).encode()  # each character for eight of the 256 bytes, so that all are as likely


def new_id(at: datetime) -> str:
    """Return a new id: 48 bits of `at` in milliseconds, then 80 random bits.

    Source: the ULID specification (github.com/ulid/spec), in lower case.
    """
    return _milliseconds(int(at.timestamp() * 1000)) + os.urandom(16).translate(_OF_A_BYTE).decode("ascii")


def first_id(at: datetime) -> str:
    """Return what comes before every id of this moment or later, and after all earlier ones."""
    return _milliseconds(int(at.timestamp() * 1000))


@lru_cache(maxsize=64)  # the ids of a batch share their time
def _milliseconds(value: int) -> str:
    return "".join([ALPHABET[(value >> shift) & 31] for shift in range(45, -1, -5)])
