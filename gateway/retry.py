"""How long to wait before the next attempt. Pure: the jitter comes from the key, so a test can know it."""

from __future__ import annotations

import hashlib
from datetime import timedelta

FIRST = timedelta(seconds=15)
LONGEST = timedelta(hours=1)
LONGEST_ASKED = timedelta(hours=6)
MOVE_ON = 8
"""After this many attempts, about half an hour, the next contact is tried where there is one (E.2 rule 9)."""
LAST = 130
"""After this many attempts, about five days, a contact without a successor is given up."""


def delay(attempt: int, key: str, *, asked: timedelta | None = None) -> timedelta:
    """Return the pause after an attempt (numbered from 1): doubling from FIRST to LONGEST, less up to a quarter.

    `asked` is what the provider asked for (Retry-After); up to LONGEST_ASKED it is never undercut.
    """
    pause: timedelta = min(FIRST * (1 << min(attempt - 1, 20)), LONGEST)
    share = int.from_bytes(hashlib.blake2b(f"{key}.{attempt}".encode(), digest_size=2).digest()) / 0xFFFF
    pause -= pause * share / 4
    return max(pause, min(asked, LONGEST_ASKED)) if asked else pause
