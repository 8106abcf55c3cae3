"""Gathers what the verdict is found from: out of the database, through the storage and its keys for what is sealed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from bench.faults.customers import Customer
from bench.faults.sink import Accepted
from bench.faults.verdict import Evidence, HeldComplaint, HeldDelivery
from gateway import audit
from gateway.model import NoticeKind
from gateway.ports import Transaction
from gateway.record import TIMERS
from gateway.storage.opening import open_storage
from gateway.vault import Vault, VaultError
from tests.databases import Database

AT_ONCE = 500  # complaints in one reading transaction


async def gather(
    url: str,
    keys_file: Path,
    *,
    customers: Sequence[Customer],
    accepted: Sequence[Accepted],
    inbox: int,
    quarantine: int,
    gave_up: int,
) -> Evidence:
    """Read the database, in which nothing may change meanwhile, and put it beside what was seen from outside."""
    database = Database(url, ())
    return Evidence(
        customers=customers,
        complaints=await _complaints(database, Vault.load(keys_file)),
        deliveries=await _deliveries(database),
        accepted=accepted,
        apart=[row[0] for row in await database.run("SELECT id FROM messages WHERE complaint_id IS NULL")],
        work=await queued(url),
        alarms=[row[0] for row in await database.run(f"SELECT subject FROM queue WHERE lane = '{TIMERS}'")],
        inbox=inbox,
        quarantine=quarantine,
        gave_up=gave_up,
    )


async def queued(url: str) -> Sequence[str]:
    """Return the ids of the work that is not done; a complaint's next alarm is none, it waits for its time."""
    return [row[0] for row in await Database(url, ()).run(f"SELECT id FROM queue WHERE lane <> '{TIMERS}'")]


async def _complaints(database: Database, vault: Vault) -> Sequence[HeldComplaint]:
    outcomes = await _grouped(database, "SELECT complaint_id, outcome FROM messages WHERE complaint_id IS NOT NULL")
    acknowledged = f"SELECT complaint_id, state FROM notices WHERE kind = '{NoticeKind.ACKNOWLEDGEMENT}'"
    notices = await _grouped(database, acknowledged)  # nobody works here, so what staff is told goes nowhere
    deliveries = await _grouped(database, "SELECT complaint_id, key FROM deliveries")
    rows = await database.run("SELECT id, number, version, head FROM complaints ORDER BY id")
    held: list[HeldComplaint] = []
    async with open_storage(database.url, vault) as storage:
        for start in range(0, len(rows), AT_ONCE):
            part = rows[start : start + AT_ONCE]
            async with storage.reading() as tx:
                contacts = await tx.contacts.of([row[0] for row in part])
                held += [
                    HeldComplaint(
                        id=complaint_id,
                        number=number,
                        customers=tuple(one.contact.value.partition("@")[0] for one in contacts.get(complaint_id, ())),
                        outcomes=outcomes[complaint_id],
                        notices=notices[complaint_id],
                        deliveries=deliveries[complaint_id],
                        broken_at=await _broken_at(tx, vault, complaint_id, version, bytes(head)),
                    )
                    for complaint_id, number, version, head in part
                ]
    return held


async def _broken_at(tx: Transaction, vault: Vault, complaint_id: str, version: int, head: bytes) -> int | None:
    """Return the first entry that does not verify; the last one, too, has to be the one the complaint's row names."""
    try:
        entries = await tx.timeline.of(complaint_id)
    except VaultError:
        return 0
    broken = audit.broken_at(vault.audit_key, entries)
    if broken is None and (len(entries) != version or entries[-1].mac != head):
        return version
    return broken


async def _deliveries(database: Database) -> Sequence[HeldDelivery]:
    attempts: dict[str, dict[int, str]] = defaultdict(dict)
    for key, number, outcome in await database.run("SELECT delivery_key, number, outcome FROM attempts"):
        attempts[key][number] = outcome
    rows = await database.run("SELECT key, complaint_id, state FROM deliveries")
    return [
        HeldDelivery(key=key, complaint_id=complaint_id, state=state, attempts=attempts[key])
        for key, complaint_id, state in rows
    ]


async def _grouped(database: Database, statement: str) -> defaultdict[str, tuple[str, ...]]:
    """Return the second column's values under each value of the first."""
    grouped: defaultdict[str, tuple[str, ...]] = defaultdict(tuple)
    for owner, value in await database.run(statement):
        grouped[owner] += (value,)
    return grouped
