"""What only SQLite has: one writer with lanes, its error codes, its pragmas, its file."""

from __future__ import annotations

import asyncio
import resource
import sqlite3
import threading
from contextlib import AsyncExitStack, closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import BadData, Contended, DiskFull, GatewayError, Misconfigured, StorageFailed, Unavailable
from gateway.ports import Lane, Storage
from gateway.storage import sqlite
from gateway.storage.engines import BUSY_SECONDS
from gateway.storage.lanes import LaneLock
from gateway.storage.refusals import translated
from gateway.storage.sqlite import READERS, SqliteStorage
from gateway.vault import Vault
from tests.contract.records import case, is_held, write
from tests.databases import Database, listening
from tests.factories import START


@pytest.fixture
def database(on_sqlite: Database) -> Database:
    return on_sqlite


@pytest.fixture
def file(database: Database) -> Path:
    return database.folders[0] / "huiyin.db"


async def test_the_writer_goes_to_the_lower_lane_first_and_in_order_inside_a_lane(storage: Storage) -> None:
    order: list[str] = []

    async def write_in(lane: Lane, name: str) -> None:
        async with storage.writing(lane):
            order.append(name)

    wanted = [(Lane.BULK, "bulk"), (Lane.INTAKE, "first"), (Lane.RESULTS, "results"), (Lane.INTAKE, "second")]
    async with storage.writing(Lane.INTAKE):
        tasks = [asyncio.create_task(write_in(lane, name)) for lane, name in wanted]
        await asyncio.sleep(0)  # lets each of them ask
        assert order == []
    await asyncio.gather(*tasks)
    assert order == ["first", "second", "results", "bulk"]


async def test_a_waiter_that_is_cancelled_at_its_turn_passes_the_lock_on() -> None:
    lock = LaneLock()
    got: list[int] = []

    async def hold(number: int) -> None:
        async with lock.held(Lane.INTAKE):
            got.append(number)

    async with lock.held(Lane.INTAKE):
        tasks = [asyncio.create_task(hold(number)) for number in range(4)]
        await asyncio.sleep(0)
        tasks[1].cancel()  # while it waits
    tasks[0].cancel()  # the lock is handed to it, but it has not run yet
    async with asyncio.timeout(5):
        await asyncio.gather(*tasks, return_exceptions=True)
    assert got == [2, 3]
    async with asyncio.timeout(1), lock.held(Lane.BULK):
        pass


async def test_readers_that_wait_for_a_connection_hold_up_none_that_has_one(storage: Storage) -> None:
    async def read() -> None:
        async with storage.reading() as tx:
            await tx.queue.oldest()

    async with asyncio.timeout(BUSY_SECONDS - 1):  # by then those that wait would give up, and all go on
        async with AsyncExitStack() as stack:
            holders = [await stack.enter_async_context(storage.reading()) for _ in range(READERS)]
            waiting = [asyncio.create_task(read()) for _ in range(READERS)]
            await asyncio.sleep(0)  # lets each of them ask
            for tx in holders:
                await tx.queue.oldest()
            assert not any(task.done() for task in waiting)
        await asyncio.gather(*waiting)


async def test_a_block_keeps_other_processes_from_writing_from_its_first_moment_on(
    storage: Storage, file: Path
) -> None:
    async with storage.writing(Lane.INTAKE):
        with (
            closing(sqlite3.connect(file, timeout=0)) as other,
            pytest.raises(sqlite3.OperationalError, match="lock"),
        ):
            other.execute("BEGIN IMMEDIATE")


async def test_a_full_disk_is_unavailable_and_the_writer_works_on_when_there_is_room(
    storage: Storage, file: Path
) -> None:
    def limit(connection: Any, record: object) -> None:
        connection.cursor().execute("PRAGMA max_page_count = 60")

    with listening("connect", limit):
        async with storage.writing(Lane.INTAKE) as tx:
            await write(tx, case())
        large = case(message_changes={"raw": bytes(1_000_000)})
        with pytest.raises(DiskFull, match="SQLITE_FULL"):
            async with storage.writing(Lane.INTAKE) as tx:
                await write(tx, large)
        assert not await is_held(storage, large)
        async with storage.writing(Lane.INTAKE) as tx:
            await write(tx, case())


async def test_a_disk_that_is_nearly_full_has_no_room(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    await storage.check_room()
    monkeypatch.setattr(sqlite, "ROOM", 1 << 60)
    with pytest.raises(DiskFull):
        await storage.check_room()


async def test_a_disk_that_takes_no_byte_has_no_room(storage: Storage) -> None:
    await storage.check_room()
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, usual[1]))
    try:
        with pytest.raises(Unavailable, match="SQLITE_IOERR_WRITE"):
            await storage.check_room()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    await storage.check_room()


def test_what_sqlite_says_is_told_in_our_words(file: Path, tmp_path: Path) -> None:
    def run(file: Path, statement: str, values: tuple[object, ...]) -> None:
        with translated(), closing(sqlite3.connect(file, isolation_level=None, timeout=0)) as connection:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute(statement, values)

    def said(statement: str, *values: object, file: Path = file) -> type[GatewayError]:
        with pytest.raises(GatewayError) as raised:
            run(file, statement, values)
        assert raised.value.__cause__ is not None
        return raised.type

    row = "INSERT INTO data_keys VALUES (?, ?, ?)"
    (tmp_path / "folder").mkdir()
    (tmp_path / "text").write_text("not a database " * 100)
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert said("BEGIN IMMEDIATE") is Contended
        other.execute("ROLLBACK")
    assert issubclass(said(row, "a", None, "m1"), BadData)
    assert issubclass(said("INSERT INTO attempts VALUES ('x', 1, 1, '', '', '')"), BadData)
    assert said("SELECT 1", file=tmp_path / "folder") is Unavailable
    assert said("SELECT * FROM data_keys", file=tmp_path / "text") is Unavailable
    assert said("SELECT * FROM no_such_table") is StorageFailed


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://u:hunter2@h/d", "hunter2", ""])
async def test_a_url_that_is_not_a_database_file_is_misconfigured_and_not_quoted(url: str, vault: Vault) -> None:
    with pytest.raises(Misconfigured) as raised:
        SqliteStorage(url, vault)
    assert "hunter2" not in str(raised.value)


async def test_a_database_in_a_folder_that_is_not_there_is_unavailable(tmp_path: Path, vault: Vault) -> None:
    async with SqliteStorage.open(f"sqlite:///{tmp_path}/none/huiyin.db", vault) as storage:
        with pytest.raises(Unavailable):
            async with storage.writing(Lane.INTAKE):
                pass
    for thread in threading.enumerate():
        if "_connection_worker_thread" in thread.name:
            thread.join(5)  # the driver's thread has one more word for this test's loop, which must still be there


async def test_commits_are_on_disk_before_they_are_reported(storage: Storage) -> None:
    """Everything accepted survives the power: WAL with synchronous = FULL, and references that hold."""
    seen: dict[str, object] = {}

    def look(connection: Any, record: object, proxy: object) -> None:
        cursor = connection.cursor()
        for pragma in ("journal_mode", "synchronous", "foreign_keys", "secure_delete", "query_only"):
            cursor.execute(f"PRAGMA {pragma}")
            seen[pragma] = cursor.fetchone()[0]

    with listening("checkout", look):
        async with storage.writing(Lane.INTAKE):
            pass
        writer = dict(seen)
        async with storage.reading():
            pass
    assert writer == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "secure_delete": 1, "query_only": 0}
    assert seen["query_only"] == 1


async def test_a_dropped_key_is_overwritten_in_the_file(storage: Storage, database: Database) -> None:
    """A deleted row usually stays readable in its page; a data key must not."""
    async with storage.writing(Lane.INTAKE) as tx:
        await tx.blobs.stage("staged", b"bytes", seq=0, at=START)
    [(wrapped,)] = await database.run("SELECT wrapped FROM data_keys WHERE owner_id = 'staged'")
    assert wrapped in await database.written()
    async with storage.writing(Lane.BULK) as tx:
        await tx.blobs.sweep(before=START + timedelta(days=1), limit=1)
    await database.run("PRAGMA wal_checkpoint(TRUNCATE)")
    assert wrapped not in await database.written()
