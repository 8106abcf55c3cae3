"""Takes complaints out of a mailbox: its INBOX is the queue of what is not yet taken in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from adapters.email import wire
from adapters.email.config import Config, Imap
from adapters.email.imap import ImapConnection, Listed
from gateway.model import ChannelKind, InboundEvent, Outcome, Receipt, Unreadable
from gateway.ports import Accept, Now

BATCH_MAILS = 50
BATCH_BYTES = 20_000_000
HEAD_BYTES = 262_144  # what is kept of a mail that is too large to take in


@dataclass(slots=True)
class _Settled:
    """Mails that are taken in but not yet out of the mailbox: uid -> the folder each belongs in."""

    uidvalidity: int = 0
    folders: dict[int, str] = field(default_factory=dict)
    copied: set[int] = field(default_factory=set)

    def refresh(self, uidvalidity: int, present: Sequence[int]) -> None:
        """Forget mails that are gone, and everything when the server has numbered its mails anew."""
        kept = set(present) if uidvalidity == self.uidvalidity else set()
        self.uidvalidity = uidvalidity
        self.folders = {uid: folder for uid, folder in self.folders.items() if uid in kept}
        self.copied &= kept

    def forget(self, uids: Iterable[int]) -> None:
        for uid in uids:
            self.folders.pop(uid, None)
            self.copied.discard(uid)


class Mailbox:
    """A Listener over one IMAP mailbox.

    A mail leaves the INBOX only after `accept` returned, by its outcome. Whatever goes wrong before, it is still there
    and comes again; a second copy is recognised by its bytes. One that cannot be moved is remembered, so that it is
    neither taken in nor copied again and again.
    """

    def __init__(self, config: Config, imap: Imap, now: Now, source: str) -> None:
        self._config = config
        self._imap = imap
        self._now = now
        self._source = source
        self._settled = _Settled()

    async def listen(self, accept: Accept, alive: Callable[[], None]) -> None:
        """See ports.Listener. Raises Unavailable, also accept's own, and Misconfigured."""
        connection = await ImapConnection.open(self._imap)
        try:
            while True:
                found = await self._look(connection, accept)
                alive()
                if not found:
                    await connection.wait_for_mail(self._imap.idle_seconds)
        finally:
            connection.abort()

    async def check(self) -> None:
        """Connect, log in and find the folders. Raises Misconfigured or Unavailable with what to change."""
        (await ImapConnection.open(self._imap)).abort()

    async def _look(self, connection: ImapConnection, accept: Accept) -> bool:
        """Take in one batch; return whether there was any new mail."""
        present = await connection.uids()
        self._settled.refresh(connection.uidvalidity, present)
        new = [uid for uid in present if uid not in self._settled.folders]
        await self._clear(connection)
        listed = await connection.listing(new[:BATCH_MAILS])
        taken = [(mail.uid, event) for mail, event in await self._read(connection, self._batch(listed))]
        if taken:
            receipts = await accept([event for _, event in taken])
            for (uid, event), receipt in zip(taken, receipts, strict=True):
                self._settled.folders[uid] = self._folder(event, receipt)
            await self._clear(connection)
        return bool(listed)

    def _batch(self, listed: Sequence[Listed]) -> list[Listed]:
        batch: list[Listed] = []
        size = 0
        for mail in listed:
            size += min(mail.size, self._imap.max_bytes)
            if batch and size > BATCH_BYTES:
                break
            batch.append(mail)
        return batch

    async def _read(self, connection: ImapConnection, batch: Sequence[Listed]) -> list[tuple[Listed, InboundEvent]]:
        fetched: list[tuple[Listed, bytes]] = []
        for mail in batch:
            is_large = mail.size > self._imap.max_bytes
            raw = await connection.fetch(mail, at_most=HEAD_BYTES if is_large else self._imap.max_bytes)
            if raw is not None:
                fetched.append((mail, raw))
        now = self._now()
        # Beside the loop: a large or hostile mail may take a second, and webhooks have to be answered meanwhile.
        return await asyncio.to_thread(lambda: [(mail, self._event(mail, raw, now)) for mail, raw in fetched])

    def _event(self, mail: Listed, raw: bytes, now: datetime) -> InboundEvent:
        # The server's clock, but never the future: the legal clock starts on this day (law 18).
        received_at = min(mail.at or now, now)
        if mail.size > self._imap.max_bytes:
            return Unreadable(
                source=self._source,
                channel=ChannelKind.EMAIL,
                external_id=wire.external_id(raw),
                received_at=received_at,
                raw=raw,
                problem="too_large",
            )
        return wire.parse(raw, source=self._source, received_at=received_at, own_addresses=self._config.addresses)

    def _folder(self, event: InboundEvent, receipt: Receipt) -> str:
        is_odd = receipt.outcome is Outcome.QUARANTINED or isinstance(event, Unreadable)
        return self._imap.quarantine if is_odd else self._imap.processed

    async def _clear(self, connection: ImapConnection) -> None:
        """Move what is settled out of the mailbox. What the server refuses to move stays for the next look."""
        for folder in (self._imap.processed, self._imap.quarantine):
            uids = [uid for uid, belongs in self._settled.folders.items() if belongs == folder]
            for at in range(0, len(uids), BATCH_MAILS):
                await self._file(connection, uids[at : at + BATCH_MAILS], folder)

    async def _file(self, connection: ImapConnection, uids: Sequence[int], folder: str) -> None:
        """Move mails in one command, which takes a twentieth of the time; one by one only if that is refused."""
        if connection.can_move and await connection.move(uids, folder):
            self._settled.forget(uids)
            return
        for uid in uids:
            if await self._moved(connection, uid, folder):
                self._settled.forget([uid])

    async def _moved(self, connection: ImapConnection, uid: int, folder: str) -> bool:
        if connection.can_move:
            return await connection.move([uid], folder)
        if uid not in self._settled.copied:
            if not await connection.copy(uid, folder):
                return False
            self._settled.copied.add(uid)
        return await connection.remove(uid)
