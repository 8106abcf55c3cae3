"""How long to wait before the next attempt. Pure: the jitter comes from the key, so a test can know it."""

from __future__ import annotations

import hashlib
from datetime import timedelta

FIRST = timedelta(seconds=15)
LONGEST = timedelta(hours=1)
ATTEMPTS = 12
"""After this many attempts by one contact the next contact is tried: about five hours."""


def delay(attempt: int, key: str, *, asked: timedelta | None = None) -> timedelta:
    """Return the pause after an attempt (numbered from 1): doubling from FIRST to LONGEST, less up to a quarter.

    `asked` is what the provider asked for (Retry-After) and is never undercut.
    """
    pause: timedelta = min(FIRST * (1 << min(attempt - 1, 20)), LONGEST)
    share = int.from_bytes(hashlib.blake2b(f"{key}.{attempt}".encode(), digest_size=2).digest()) / 0xFFFF
    pause -= pause * share / 4
    return max(pause, asked) if asked else pause
