"""What stands on the customers' phones: what they sent and what reached them, in order, and word of every change."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sandbox.customers import Way

MOST = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing on a phone. It keeps its id when something about it changes."""

    id: str
    customer: str
    way: Way
    mine: bool  # the customer's own
    at: datetime
    text: str
    subject: str = ""
    sender: str = ""
    html: str = ""
    choices: tuple[tuple[str, str], ...] = ()  # what can be tapped in it: key and words
    below: str = ""  # what is said below that
    picture: bytes = field(default=b"", repr=False)
    state: str = ""  # what its sender can see of its journey: "delivered"
    message_id: str = ""  # of a mail, to answer it
    reply_to: str = ""


class Handsets:
    """All phones together, the last MOST things on them."""

    def __init__(self) -> None:
        self._entries: dict[str, tuple[int, Entry]] = {}
        self._serial = 0
        self._changed = asyncio.Event()

    @property
    def serial(self) -> int:
        """The number of the last change."""
        return self._serial

    def put(self, entry: Entry) -> None:
        """Add an entry, or replace the one with its id, and wake who waits."""
        self._serial += 1
        self._entries[entry.id] = (self._serial, entry)
        if len(self._entries) > MOST:
            del self._entries[next(iter(self._entries))]
        self.wake()

    def wake(self) -> None:
        """Let everybody who waits for a change look again."""
        self._changed.set()
        self._changed = asyncio.Event()

    def since(self, serial: int) -> Sequence[tuple[int, Entry]]:
        """Return what was added or changed after a serial number, oldest first, with the number to go on from."""
        return sorted((item for item in self._entries.values() if item[0] > serial), key=lambda item: item[0])

    def get(self, entry_id: str) -> Entry | None:
        found = self._entries.get(entry_id)
        return found[1] if found else None

    def of(self, customer: str) -> Sequence[Entry]:
        """Return what stands on one phone, in the order it came."""
        return [entry for _, entry in self._entries.values() if entry.customer == customer]

    async def changed(self, seconds: float) -> None:
        """Return when something changes, or after so many seconds."""
        try:
            await asyncio.wait_for(self._changed.wait(), seconds)
        except TimeoutError:
            return
