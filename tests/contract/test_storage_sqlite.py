"""What only SQLite has: one writer with lanes, a thread nobody can cancel, its error codes, its plans, its pragmas."""

from __future__ import annotations

import asyncio
import contextlib
import re
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from gateway.errors import BadData, Contended, GatewayError, Misconfigured, StorageFailed, Unavailable
from gateway.ports import Lane, Storage, Transaction
from gateway.storage import tables
from gateway.storage.connection import translated
from gateway.storage.lanes import LaneLock
from gateway.storage.sqlite import SqliteStorage
from gateway.vault import Vault
from tests.contract import records
from tests.contract.records import Case, case, result, write
from tests.factories import START


@contextlib.contextmanager
def listening(name: str, to: Callable[..., Any]) -> Iterator[None]:
    """Call `to` on every such event of any engine meanwhile."""
    event.listen(Engine, name, to)
    try:
        yield
    finally:
        event.remove(Engine, name, to)


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


async def held(storage: Storage, of: Case) -> bool:
    async with storage.reading() as tx:
        return bool(await tx.complaints.by_id([of.complaint.id]))


async def test_a_block_cancelled_in_its_commit_is_committed_before_the_next_writer(storage: Storage) -> None:
    li = case()

    async def story() -> None:
        task = asyncio.current_task()
        assert task is not None
        async with storage.writing(Lane.INTAKE) as tx:
            await write(tx, li)
            asyncio.get_running_loop().call_soon(task.cancel)  # finds it waiting for the commit

    with pytest.raises(asyncio.CancelledError):
        await asyncio.create_task(story())
    assert await held(storage, li)


async def test_a_block_cancelled_in_a_statement_is_rolled_back_before_the_next_writer(storage: Storage) -> None:
    li = case()

    async def story() -> None:
        task = asyncio.current_task()
        assert task is not None
        async with storage.writing(Lane.INTAKE) as tx:
            asyncio.get_running_loop().call_soon(task.cancel)
            await write(tx, li)

    with pytest.raises(asyncio.CancelledError):
        await asyncio.create_task(story())
    assert not await held(storage, li)


async def test_wherever_a_block_is_cancelled_it_is_written_wholly_or_not_at_all(storage: Storage) -> None:
    async def story(li: Case) -> None:
        async with storage.writing(Lane.INTAKE) as tx:
            await write(tx, li)

    opened: list[object] = []
    with listening("connect", lambda *connection: opened.append(connection)):
        for steps in range(40):
            li = case()
            task = asyncio.create_task(story(li))
            for _ in range(steps):
                await asyncio.sleep(0)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            async with asyncio.timeout(5), storage.writing(Lane.INTAKE) as tx:  # the writer is free again
                complaints = await tx.complaints.by_id([li.complaint.id])
                messages = await tx.messages.of(li.complaint.id)
                assert len(complaints) == len(messages)
                await write(tx, case())
    assert len(opened) == 1  # no connection had to be thrown away


async def test_a_cancelled_reader_gives_its_connection_back(storage: Storage) -> None:
    async def story() -> None:
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().call_soon(task.cancel)
        async with storage.reading() as tx:
            await tx.notices.states()

    for _ in range(20):
        with pytest.raises(asyncio.CancelledError):
            await asyncio.create_task(story())
    async with storage.reading() as tx:
        assert await tx.notices.states() == {}


async def test_a_reader_cannot_write(storage: Storage) -> None:
    with pytest.raises(GatewayError):
        async with storage.reading() as tx:
            await tx.queue.add([records.work()])


async def test_a_block_keeps_other_processes_from_writing_from_its_first_moment_on(
    storage: Storage, database: Path
) -> None:
    async with storage.writing(Lane.INTAKE):
        with (
            closing(sqlite3.connect(database, timeout=0)) as other,
            pytest.raises(sqlite3.OperationalError, match="lock"),
        ):
            other.execute("BEGIN IMMEDIATE")


async def test_two_processes_on_one_file_never_give_the_same_serial(
    storage: Storage, database: Path, vault: Vault
) -> None:
    """Lesson 26; the second storage stands for `huiyin import` beside a running service."""

    async def take(by: Storage) -> int:
        async with by.writing(Lane.INTAKE) as tx:
            return await tx.numbers.take("day", 1)

    async with SqliteStorage.open(f"sqlite:///{database}", vault) as second:
        taken = await asyncio.gather(*(take(by) for by in (storage, second) for _ in range(25)))
    assert sorted(taken) == list(range(1, 51))


async def test_a_full_disk_is_unavailable_and_the_writer_works_on_when_there_is_room(
    storage: Storage, database: Path
) -> None:
    def limit(connection: Any, record: object) -> None:
        connection.cursor().execute("PRAGMA max_page_count = 60")

    with listening("connect", limit):
        async with storage.writing(Lane.INTAKE) as tx:
            await write(tx, case())
        large = case(message_changes={"raw": bytes(1_000_000)})
        with pytest.raises(Unavailable, match="SQLITE_FULL"):
            async with storage.writing(Lane.INTAKE) as tx:
                await write(tx, large)
        assert not await held(storage, large)
        async with storage.writing(Lane.INTAKE) as tx:
            await write(tx, case())


def test_what_sqlite_says_is_told_in_our_words(database: Path, tmp_path: Path) -> None:
    def run(file: Path, statement: str, values: tuple[object, ...]) -> None:
        with translated(), closing(sqlite3.connect(file, isolation_level=None, timeout=0)) as connection:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute(statement, values)

    def said(statement: str, *values: object, file: Path = database) -> type[GatewayError]:
        with pytest.raises(GatewayError) as raised:
            run(file, statement, values)
        assert raised.value.__cause__ is not None
        return raised.type

    row = "INSERT INTO data_keys VALUES (?, ?, ?)"
    (tmp_path / "folder").mkdir()
    (tmp_path / "text").write_text("not a database " * 100)
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert said("BEGIN IMMEDIATE") is Contended
        other.execute("ROLLBACK")
    assert issubclass(said(row, "a", None, "m1"), BadData)
    assert issubclass(said("INSERT INTO attempts VALUES ('x', 1, 1, '', '', '')"), BadData)
    assert said("SELECT 1", file=tmp_path / "folder") is Unavailable
    assert said("SELECT * FROM data_keys", file=tmp_path / "text") is Unavailable
    assert said("SELECT * FROM no_such_table") is StorageFailed


SECRET = "13812345678"


async def repeat_an_external_id(tx: Transaction) -> None:
    await tx.messages.add([records.message(None, external_id=SECRET) for _ in range(2)])


async def settle_what_was_never_delivered(tx: Transaction) -> None:
    li = case()
    unknown = result(li, li.work)
    await tx.notices.settle([replace(unknown, attempt=replace(unknown.attempt, delivery_key=SECRET))])


async def look_up_half_a_character(tx: Transaction) -> None:
    await tx.complaints.by_number([SECRET + "\ud83d"])


async def store_half_a_character(tx: Transaction) -> None:
    await tx.messages.add([records.message(None, external_id=SECRET + "\ud83d")])


@pytest.mark.parametrize(
    "refused",
    [repeat_an_external_id, settle_what_was_never_delivered, look_up_half_a_character, store_half_a_character],
)
async def test_no_error_quotes_a_value(storage: Storage, refused: Callable[[Transaction], Awaitable[None]]) -> None:
    with pytest.raises(BadData) as raised:
        async with storage.writing(Lane.INTAKE) as tx:
            await refused(tx)
    error: BaseException | None = raised.value
    while error is not None:
        assert SECRET not in f"{error} {error!r}"
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


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


async def test_no_hot_statement_reads_a_whole_table(storage: Storage, database: Path) -> None:
    """Lessons 91 and 92: claim and look-ups go by an index, however large the tables are."""
    statements: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        statements.append((statement, parameters[0] if many else parameters))

    li = case()
    with listening("before_cursor_execute", note):
        async with storage.writing(Lane.INTAKE) as tx:
            await write(tx, li)
            await tx.complaints.by_number([li.complaint.number])
            await tx.complaints.advance([records.advanced(li.complaint)])
            await tx.complaints.deadlines(li.complaint.id)
            await tx.messages.held([("mailbox", "1"), ("mailbox", "2")])
            await tx.messages.twins([b"1", b"2"])
            await tx.messages.of(li.complaint.id)
            await tx.contacts.of([li.complaint.id])
            await tx.contacts.indexes([li.complaint.id])
            await tx.timeline.of(li.complaint.id)
            await tx.notices.threads([li.delivery.key])
            await tx.notices.load([li.delivery.key])
            await tx.notices.by_id([li.notice.id])
            await tx.notices.tried([li.notice.id])
            await tx.notices.states()
            [work] = await tx.queue.claim("send:email", now=START, until=START + timedelta(minutes=1), limit=64)
            await tx.queue.oldest()
            await tx.notices.settle([result(li, work)])
            await tx.blobs.sizes(["a"])
            await tx.blobs.sweep(before=START, limit=10)
            await tx.numbers.take("day", 1)
            [_ async for _ in tx.blobs.read("a")]
    with closing(sqlite3.connect(database)) as connection:
        plans = [
            (statement, step)
            for statement, parameters in statements
            if not statement.startswith("BEGIN")
            for *_, step in connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
        ]
    scan = re.compile(rf"SCAN ({'|'.join(tables.metadata.tables)})\b(?! USING (COVERING )?INDEX ix_notices_unsent)")
    assert len(plans) > 30
    assert [(statement, step) for statement, step in plans if scan.search(step)] == []
