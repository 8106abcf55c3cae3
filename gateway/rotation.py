"""Rotating the master key while nodes serve: prepare, rotate, retire. What the operator is told is the command line's.

A new master key is on the disk before it wraps anything, and an old one stays there until it wraps nothing. In between
a node may wrap with either. How far a rotation is stands in the keys file: one that was cut off is repeated.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from typing import Final

from gateway import keysfile
from gateway.errors import Rejected
from gateway.keysfile import KeyRing
from gateway.ports import Lane
from gateway.settings import StorageSettings
from gateway.storage.copying import Report
from gateway.storage.opening import open_storage
from gateway.storage.postgres import PostgresStorage
from gateway.storage.sqlite import SqliteStorage
from gateway.vault import REREAD_SECONDS, MissingMaster, Vault

PASSES: Final = 3
NODES_SECONDS: Final = 3 * REREAD_SECONDS
"""How long the nodes have to take up the new key before it is looked for what they still did with the old one."""
BREATH_SECONDS: Final = 0.02
"""Between two pages: who waits to write to an SQLite file looks now and then whether it is free, and is not queued."""

Pause = Callable[[float], Awaitable[None]]
"""Waits for so many seconds."""
AnyStorage = PostgresStorage | SqliteStorage


@dataclass(frozen=True, slots=True, kw_only=True)
class Master:
    """A master key as an operator may see it."""

    id: str
    active: bool
    pending: bool
    wraps: int  # data keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotated:
    """What a rotation did, in data keys."""

    master_id: str
    moved: int
    damaged: int  # they open under no key, and stay as they are
    left: int  # under other masters, damaged ones included

    @property
    def complete(self) -> bool:
        return self.left <= self.damaged


async def prepare(settings: StorageSettings, day: date) -> str:
    """Add a master key that is not in use yet, so that every machine can have it first; return its id.

    Repeated, it returns the same one. Raises Misconfigured, Unavailable, and MissingMaster when the file is an old one.
    """
    async with _database(settings):
        ring = keysfile.change(settings.keys_file, lambda ring: ring.prepared(day))
    return ring.pending or ring.active


async def rotate(settings: StorageSettings, day: date, *, report: Report, pause: Pause) -> Rotated:
    """Make the prepared master key active, or a fresh one, and let it wrap every data key.

    Repeated after it was cut off, it goes on with the same one. Raises what `prepare` raises.
    """
    async with _database(settings) as (storage, vault):
        keysfile.change(settings.keys_file, lambda ring: ring.prepared(day).activated())
        vault.refresh()
        rotated = Rotated(master_id=vault.active, moved=0, damaged=0, left=0)
        for _ in range(PASSES):
            rotated = await _pass(storage, rotated, report, pause)
            if rotated.complete:
                keysfile.change(settings.keys_file, KeyRing.settled)
                break
    return rotated


async def retire(settings: StorageSettings) -> Sequence[str]:
    """Remove from the file every master key that wraps nothing any more; return their ids.

    Raises Rejected, and removes none, while one of them wraps something or a rotation is not at its end; else what
    `prepare` raises.
    """
    masters = await show(settings)
    if any(master.pending for master in masters):
        raise Rejected("a rotation is prepared or under way: run huiyin keys rotate to its end first")
    old = [master for master in masters if not master.active]
    if wraps := sum(master.wraps for master in old):
        names = ", ".join(master.id for master in old if master.wraps)
        raise Rejected(f"{wraps} data keys are still wrapped by {names}: run huiyin keys rotate first")
    gone = [master.id for master in old]
    keysfile.change(settings.keys_file, lambda ring: ring.without(gone))
    return gone


async def show(settings: StorageSettings) -> Sequence[Master]:
    """Return the file's master keys in the order they were made. Raises what `prepare` raises."""
    async with _database(settings) as (storage, _):
        counts = await _counts(storage)
    ring = keysfile.read(settings.keys_file)
    return [
        Master(id=name, active=name == ring.active, pending=name == ring.pending, wraps=counts.get(name, 0))
        for name in ring.masters
    ]


@asynccontextmanager
async def _database(settings: StorageSettings) -> AsyncIterator[tuple[AnyStorage, Vault]]:
    """Yield the database and the keys, which open all of it.

    An old file must not get another master key: then two files would each lack what the other has.
    """
    vault = Vault.load(settings.keys_file)
    async with open_storage(settings.location(), vault) as storage:
        await storage.check()
        known = keysfile.read(settings.keys_file).masters
        for master_id in await _counts(storage):
            if master_id not in known:
                raise MissingMaster(master_id)
        yield storage, vault


async def _counts(storage: AnyStorage) -> Mapping[str, int]:
    async with storage.reading() as tx:
        return await tx.rewrapping.counts()


async def _pass(storage: AnyStorage, before: Rotated, report: Report, pause: Pause) -> Rotated:
    """Wrap anew what another master wraps, each page a transaction of its own; then see what came meanwhile."""
    total = sum((await _counts(storage)).values())
    rows = moved = damaged = 0
    after, ends = "", False
    while not ends:
        async with storage.writing(Lane.BULK) as tx:
            page = await tx.rewrapping.page(after)
        rows, moved, damaged = rows + page.rows, moved + page.moved, damaged + page.damaged
        after, ends = page.last, page.ends
        report("data keys", rows, max(rows, total))
        await pause(BREATH_SECONDS)
    report("waiting for the nodes", rows, rows)
    await pause(NODES_SECONDS)
    left = sum(count for name, count in (await _counts(storage)).items() if name != before.master_id)
    return Rotated(master_id=before.master_id, moved=before.moved + moved, damaged=damaged, left=left)
