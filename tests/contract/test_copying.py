"""A whole database goes into an empty one, from either kind to either kind, wholly or not at all."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway import audit
from gateway.errors import Misconfigured, StorageFailed
from gateway.ports import Lane, Mark, ProviderToken, Storage
from gateway.storage import copying, schema, tables
from gateway.storage.backups import new_backup, url_of
from gateway.storage.copying import Copied
from gateway.storage.engines import Limits
from gateway.storage.postgres import PostgresStorage
from gateway.vault import Vault
from tests.contract import records
from tests.databases import Database
from tests.factories import START

SOON = START + timedelta(minutes=5)


def nobody(step: str, done: int, total: int | None) -> None:
    """Hear of progress."""


def chained(vault: Vault, **changes: Any) -> records.Case:
    """Return a case whose timeline holds."""
    case = records.case(**changes)
    entry = audit.chain(
        vault.audit_key,
        complaint_id=case.complaint.id,
        prev=b"",
        seq=1,
        at=START,
        actor="system",
        event=case.entry.event,
    )
    return replace(case, entry=entry, complaint=replace(case.complaint, head=entry.mac))


async def write(storage: Storage, *cases: records.Case) -> None:
    async with storage.writing(Lane.INTAKE) as tx:
        await records.write(tx, *cases)


async def a_bit_of_everything(storage: Storage, vault: Vault) -> records.Case:
    """Leave rows in every table: one delivery made, others claimed, a lease held. Return a case with a large file."""
    cases = [chained(vault) for _ in range(copying.ROWS + 1)]
    cases.append(chained(vault, message_changes={"raw": bytes(range(256)) * 3000}))
    await write(storage, *cases)
    async with storage.writing(Lane.RESULTS) as tx:
        first, *_ = await tx.queue.claim("send:email", now=START, until=SOON, limit=10)
        [case] = [case for case in cases if case.work.id == first.id]
        await tx.notices.settle([records.result(case, first)])
        await tx.complaints.suggest_links([(cases[0].complaint.id, cases[1].complaint.id)], START)
        await tx.messages.add([records.message(None, machine=None)])
        fence = await tx.leases.acquire("listen:mailbox", "a node", now=START, until=SOON)
        assert fence is not None
        await tx.marks.advance([Mark(stream="mailbox", expected=None, value="17", fence=fence)])
        await tx.receipts.add([records.receipt("a key")])
        await tx.consents.add([records.consent(b"an index")])
        await tx.tokens.replace(ProviderToken(name="wecom", value="let me in", version=1, expires_at=SOON))
        await tx.numbers.take("TS-261123", 70)
    return cases[-1]


async def rows(database: Database, table: str) -> list[tuple[Any, ...]]:
    """Return a table's rows in an order that does not depend on the database; SQLite has 0 and 1 for truth values."""
    found = await database.run(f"SELECT * FROM {table}")
    return sorted([tuple(int(value) if isinstance(value, bool) else value for value in row) for row in found], key=repr)


async def contents(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    return {table.name: await rows(database, table.name) for table in tables.metadata.sorted_tables}


async def copy(source: Database, target: Database, vault: Vault) -> Copied:
    async with copying.snapshot(source.url) as there, copying.filling(target.url, vault) as here:
        return await here.fill(there, nobody)


async def test_every_row_is_in_the_copy_as_it_was(
    storage: Storage, database: Database, new: Database, vault: Vault
) -> None:
    large = await a_bit_of_everything(storage, vault)
    before = await contents(database)
    assert all(before.values())
    copied = await copy(database, new, vault)
    after = await contents(new)
    assert copied.rows == {name: len(held) for name, held in before.items()}
    assert copied.newest == START
    assert {name for name in before if after[name] != before[name]} == {"leases", "queue"}
    async with new.open(vault) as opened, opened.reading() as tx:
        await opened.check()
        [message] = await tx.messages.of(large.complaint.id)
        assert (message.raw, message.body) == (large.message.raw, large.message.body)


async def test_a_number_given_in_the_copy_follows_the_last_one(
    storage: Storage, database: Database, new: Database, vault: Vault
) -> None:
    """A028: a number is never given twice."""
    async with storage.writing(Lane.INTAKE) as tx:
        assert await tx.numbers.take("TS-261123", 5) == 1
    await copy(database, new, vault)
    async with new.open(vault) as opened, opened.writing(Lane.INTAKE) as tx:
        assert await tx.numbers.take("TS-261123", 1) == 6


async def test_what_was_claimed_or_leased_is_free_in_the_copy_and_its_fence_goes_on(
    storage: Storage, database: Database, new: Database, vault: Vault
) -> None:
    await write(storage, chained(vault))
    async with storage.writing(Lane.RESULTS) as tx:
        [claimed] = await tx.queue.claim("send:email", now=START, until=SOON, limit=1)
        fence = await tx.leases.acquire("listen:mailbox", "a node", now=START, until=SOON)
    await copy(database, new, vault)
    async with new.open(vault) as opened, opened.writing(Lane.RESULTS) as tx:
        [again] = await tx.queue.claim("send:email", now=START, until=SOON, limit=1)
        assert (again.id, again.attempt) == (claimed.id, claimed.attempt + 1)
        later = await tx.leases.acquire("listen:mailbox", "another", now=START, until=SOON)
        assert fence is not None
        assert later is not None
        assert later > fence


async def test_a_copy_is_of_one_moment_although_writers_go_on(
    storage: Storage, database: Database, new: Database, vault: Vault
) -> None:
    early, late = chained(vault), chained(vault)
    await write(storage, early)
    async with copying.snapshot(database.url) as source, copying.filling(new.url, vault) as target:
        await write(storage, late)
        assert (await target.fill(source, nobody)).rows["complaints"] == 1
    assert await rows(new, "complaints") != await rows(database, "complaints")


async def test_a_database_that_holds_anything_is_not_filled(
    storage: Storage, database: Database, own: Database, vault: Vault
) -> None:
    await write(storage, chained(vault))
    async with own.open(vault) as other:
        await write(other, chained(vault))
    before = await contents(own)
    with pytest.raises(Misconfigured, match="not empty: there are rows in"):
        await copy(database, own, vault)
    assert await contents(own) == before


@pytest.mark.parametrize("where", ["complaints", "queue", "afterwards"])
async def test_a_copy_that_is_cut_off_leaves_the_target_empty(
    storage: Storage, database: Database, new: Database, vault: Vault, where: str
) -> None:
    await write(storage, *[chained(vault) for _ in range(3)])

    def cut_off(step: str, done: int, total: int | None) -> None:
        if step == where and done:
            raise KeyboardInterrupt

    async def begin() -> None:
        async with copying.snapshot(database.url) as source, copying.filling(new.url, vault) as target:
            await target.fill(source, cut_off)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await begin()
    assert not any((await contents(new)).values())
    await copy(database, new, vault)
    assert await rows(new, "complaints") == await rows(database, "complaints")


async def test_another_databases_keys_file_is_refused(
    storage: Storage, database: Database, new: Database, vault: Vault, tmp_path: Path
) -> None:
    await write(storage, chained(vault))
    with pytest.raises(Misconfigured, match="keys file"):
        await copy(database, new, Vault.create(tmp_path / "other.keys"))
    assert not any((await contents(new)).values())


async def test_a_database_of_another_version_is_neither_copied_nor_filled(own: Database, tmp_path: Path) -> None:
    await own.run("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(Misconfigured, match="newer"):
        async with copying.snapshot(own.url):
            pass
    with pytest.raises(Misconfigured, match="newer"):
        async with copying.filling(own.url, Vault.create(tmp_path / "other.keys")):
            pass


async def test_a_database_that_is_not_there_is_not_made_by_copying_it(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="there is no database"):
        async with copying.snapshot(url_of(tmp_path / "none.db")):
            pass
    assert not (tmp_path / "none.db").exists()


# -- a database that is moved -----------------------------------------------------------------------------------------


@pytest.fixture
async def moved(own: Database, vault: Vault, new_on_sqlite_again: str) -> AsyncIterator[tuple[Database, Storage]]:
    """A database of which a gateway had begun to serve before it was moved, and that gateway's storage."""
    async with own.open(vault) as serving:
        await write(serving, chained(vault))
        async with copying.frozen(own.url) as source, copying.filling(new_on_sqlite_again, vault) as target:
            await target.fill(source, nobody)
            await source.retire("postgresql://huiyin:secret@db.bank.example/huiyin?password=secret")
        yield own, serving


@pytest.fixture
def new_on_sqlite_again(tmp_path: Path) -> str:
    return url_of(tmp_path / "moved here.db")


async def test_nobody_writes_to_a_database_while_it_is_moved(own: Database, vault: Vault) -> None:
    async with copying.frozen(own.url):
        if own.is_sqlite:
            with (
                closing(sqlite3.connect(own.folders[0] / "huiyin.db", timeout=0)) as other,
                pytest.raises(sqlite3.OperationalError, match="lock"),
            ):
                other.execute("BEGIN IMMEDIATE")
        else:
            async with PostgresStorage.open(own.url, vault, Limits(lock=timedelta(milliseconds=50))) as node:
                with pytest.raises(StorageFailed, match="in the way"):
                    await write(node, chained(vault))
    async with own.open(vault) as storage:
        await write(storage, chained(vault))


async def test_a_moved_database_refuses_to_be_served_migrated_or_moved_and_says_where_it_went(
    moved: tuple[Database, Storage],
) -> None:
    database, serving = moved
    for refused in (serving.check(), schema.migrate(database.url)):
        with pytest.raises(Misconfigured, match=r"moved to postgresql://db\.bank\.example/huiyin: name") as said:
            await refused
        assert "secret" not in str(said.value)
    with pytest.raises(Misconfigured, match="moved to"):
        async with copying.frozen(database.url):
            pass


async def test_a_gateway_that_still_runs_on_a_moved_database_can_neither_take_in_nor_send(
    moved: tuple[Database, Storage], vault: Vault
) -> None:
    """A028: it would give the same numbers again; and the same notices would be sent twice."""
    _, serving = moved
    with pytest.raises(StorageFailed):
        await write(serving, chained(vault))
    with pytest.raises(StorageFailed):
        async with serving.writing(Lane.RESULTS) as tx:
            await tx.queue.claim("send:email", now=START, until=SOON, limit=1)


async def test_a_move_that_fails_leaves_the_database_in_service(own: Database, vault: Vault, tmp_path: Path) -> None:
    async def begin() -> None:
        async with copying.frozen(own.url) as source:
            await source.retire(f"sqlite:///{tmp_path}/x.db")
            raise ZeroDivisionError

    async with own.open(vault) as serving:
        await write(serving, chained(vault))
        with pytest.raises(ZeroDivisionError):
            await begin()
        await serving.check()
        await write(serving, chained(vault))


# -- the file of a backup ---------------------------------------------------------------------------------------------


async def test_a_backup_is_one_file_for_its_owner_only_whatever_its_name(
    storage: Storage, database: Database, vault: Vault, tmp_path: Path
) -> None:
    await write(storage, chained(vault))
    folder = tmp_path / "backups"
    folder.mkdir()
    path = folder / "23 十一月 ?#%20.db"
    with new_backup(path) as url:
        await copy(database, Database(url, (folder,)), vault)
    assert list(folder.iterdir()) == [path]
    assert path.stat().st_mode & 0o777 == 0o600
    async with copying.snapshot(url_of(path)) as source:
        assert await source.count(tables.complaints) == 1
    assert list(folder.iterdir()) == [path]  # also after it was read


def test_a_backup_that_fails_leaves_no_file(tmp_path: Path) -> None:
    def begin() -> None:
        with new_backup(tmp_path / "x.db") as url:
            Path(url.removeprefix("sqlite:///")).write_bytes(b"half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        begin()
    assert list(tmp_path.iterdir()) == []


def test_a_backup_never_replaces_a_file_not_even_one_that_came_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "x.db"

    def begin() -> None:
        with new_backup(path) as url:
            Path(url.removeprefix("sqlite:///")).write_bytes(b"new")
            path.write_bytes(b"old")

    with pytest.raises(Misconfigured, match="exists"):
        begin()
    with pytest.raises(Misconfigured, match="exists"), new_backup(path):
        pass
    assert path.read_bytes() == b"old"


def test_a_backup_in_a_folder_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="cannot be written"), new_backup(tmp_path / "none" / "x.db"):
        pass
