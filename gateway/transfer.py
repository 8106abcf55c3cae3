"""The whole database from one place to another: back_up, restore, move. Nothing is done before the copy is verified.

How rows are copied is in storage/copying.py, what a verified timeline is in verification.py. What is told to the
operator, and in which words, is the command line's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from gateway.errors import Misconfigured, StorageFailed
from gateway.ports import Transaction
from gateway.rules.numbering import Pattern, Patterns
from gateway.settings import Settings
from gateway.storage import copying
from gateway.storage.backups import new_backup, url_of
from gateway.storage.copying import Copied, Report, Source, Target
from gateway.storage.engines import database_url
from gateway.storage.opening import open_storage
from gateway.vault import Vault
from gateway.verification import Verified, verify

SKIP: Final = 100_000
"""How many numbers of the day a restore leaves out by itself: those given since the backup are among them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What a verified copy holds."""

    copied: Copied
    verified: Verified

    @property
    def total(self) -> int:
        return sum(self.copied.rows.values())

    @property
    def waiting(self) -> int:
        """How many deliveries are yet to be made."""
        return self.copied.deliveries


class Transfer:
    """Carries the database that the settings name. `accept_broken`: also when timelines in it do not hold."""

    def __init__(self, settings: Settings, *, accept_broken: bool, report: Report) -> None:
        self._settings = settings
        self._url = settings.storage.location()
        self._accept_broken = accept_broken
        self._report = report

    async def back_up(self, to: Path, *, beside_keys: bool) -> Carried:
        """Copy one moment of the database, which may be served meanwhile, into a new file.

        Raises Misconfigured when the file would lie beside the keys (`beside_keys` permits it): together they are
        everything a thief needs.
        """
        keys_file = self._settings.storage.keys_file
        if not beside_keys and _share_a_folder(to, keys_file):
            raise Misconfigured(f"the folder of {to} holds the keys file: a backup belongs apart from it")
        vault = Vault.load(keys_file)
        with new_backup(to) as url:
            async with copying.snapshot(self._url) as source, copying.filling(url, vault) as target:
                return await self._carry(source, target, vault)

    async def restore(self, backup: Path, *, patterns: Patterns, now: datetime, skip: int) -> Carried:
        """Copy a backup into the database of the settings, which must be empty, and leave out `skip` numbers of today.

        Numbers of past days are never drawn again, so of each pattern today's counter is the only one to move: also
        when the backup is older and has none for today.
        """
        vault = Vault.load(self._settings.storage.keys_file)
        today = now.astimezone(ZoneInfo(self._settings.bank.zone)).date()
        async with copying.snapshot(url_of(backup)) as source, copying.filling(self._url, vault) as target:
            carried = await self._carry(source, target, vault)
            if skip:
                async with target.transaction() as tx:
                    await _skip(tx, patterns, today, skip)
            return carried

    async def move(self, to: str) -> Carried:
        """Copy the database into another, empty one, and close it for good. Nobody writes to it meanwhile."""
        if database_url(to) == database_url(self._url):
            raise Misconfigured("the database cannot be moved to where it is")
        vault = Vault.load(self._settings.storage.keys_file)
        # The target is committed first: whatever goes wrong between the two, the old database says which one holds.
        async with copying.frozen(self._url) as source, copying.filling(to, vault) as target:
            carried = await self._carry(source, target, vault)
            await source.retire(to)
            return carried

    async def _carry(self, source: Source, target: Target, vault: Vault) -> Carried:
        copied = await target.fill(source, self._report)
        complaints = copied.rows["complaints"]
        verified = await verify(
            target.transaction, vault.audit_key, lambda done: self._report("chains", done, complaints)
        )
        if verified.broken and not self._accept_broken:
            raise StorageFailed(f"nothing was copied: {verified}")
        return Carried(copied=copied, verified=verified)


async def verify_served(settings: Settings, report: Report) -> Verified:
    """Check every timeline of the database that the settings name, which may be served meanwhile."""
    vault = Vault.load(settings.storage.keys_file)
    async with open_storage(settings.storage.location(), vault) as storage:
        await storage.check()
        return await verify(storage.reading, vault.audit_key, lambda done: report("chains", done, None))


def _share_a_folder(one: Path, other: Path) -> bool:
    return one.resolve().parent == other.resolve().parent


async def _skip(tx: Transaction, patterns: Patterns, day: date, count: int) -> None:
    """Leave out `count` numbers of the day. Raises Misconfigured when none would be left."""
    scopes: Mapping[str, Pattern] = {pattern.scope(day): pattern for pattern in (*patterns.old, patterns.current)}
    for scope, pattern in scopes.items():
        first = await tx.numbers.take(scope, count)
        try:
            pattern.number(day, first + count)
        except OverflowError:
            raise Misconfigured(f"numbers such as {scope}... have no room for {count} to be left out") from None
