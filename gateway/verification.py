"""Do the timelines hold? Every complaint's chain, from its first entry to the end that its record names.

What a chain proves is in audit.py. A complaint that was removed with everything it had leaves no chain to break.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final

from gateway import audit
from gateway.errors import Contended, StorageFailed
from gateway.model import Entry
from gateway.ports import ChainEnd, Transaction
from gateway.vault import VaultError

Reading = Callable[[], AbstractAsyncContextManager[Transaction]]

BATCH: Final = 200  # complaints at once
LISTED: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What was looked at, and what does not hold."""

    complaints: int
    entries: int
    broken: int
    numbers: Sequence[str]  # of the first broken ones

    def __str__(self) -> str:
        if not self.broken:
            return f"{self.complaints} complaints, {self.entries} timeline entries: every chain holds"
        more = " and others" if self.broken > len(self.numbers) else ""
        return f"{self.broken} of {self.complaints} complaints have a broken timeline: {', '.join(self.numbers)}{more}"


async def verify(reading: Reading, audit_key: bytes, report: Callable[[int], None]) -> Verified:
    """Check every chain, batch by batch, each in a transaction of its own; `report` hears how many complaints are done.

    A timeline that cannot be read at all, because what it was sealed with or a value in it was changed, is broken, too.
    """
    after, complaints, entries, broken, numbers = "", 0, 0, 0, list[str]()
    while True:
        async with reading() as tx:
            ends = await tx.complaints.chain_ends(after=after, limit=BATCH)
            for end, timeline in zip(ends, await _timelines(tx, ends), strict=True):
                entries += len(timeline)
                if not _holds(audit_key, end, timeline):
                    broken += 1
                    numbers += [end.number] if len(numbers) < LISTED else []
        if not ends:
            return Verified(complaints=complaints, entries=entries, broken=broken, numbers=numbers)
        after = ends[-1].complaint_id
        complaints += len(ends)
        report(complaints)


def _holds(audit_key: bytes, end: ChainEnd, timeline: Sequence[Entry]) -> bool:
    ends_there = bool(timeline) and (timeline[-1].seq, timeline[-1].mac) == (end.version, end.head)
    return ends_there and audit.broken_at(audit_key, timeline) is None


async def _timelines(tx: Transaction, ends: Sequence[ChainEnd]) -> Sequence[Sequence[Entry]]:
    """Return each complaint's timeline, empty where it cannot be read."""
    try:
        found = await tx.timeline.of_all([end.complaint_id for end in ends])
    except Contended:
        raise
    except (VaultError, StorageFailed, ValueError, TypeError):  # what was changed need not be a value of ours any more
        if len(ends) == 1:
            return [()]
        return [(await _timelines(tx, [end]))[0] for end in ends]
    return [found.get(end.complaint_id, ()) for end in ends]
