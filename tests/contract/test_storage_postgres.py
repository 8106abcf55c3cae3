"""What only PostgreSQL has: writers side by side, connections that are lost, its error codes, its settings."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from gateway.errors import (
    BadData,
    Conflict,
    Contended,
    DiskFull,
    GatewayError,
    Misconfigured,
    StorageFailed,
    Unavailable,
)
from gateway.model import Attachment
from gateway.ports import Lane, Storage
from gateway.storage.engines import Limits, database_url, postgres_engine
from gateway.storage.postgres import WRITERS, PostgresStorage
from gateway.storage.refusals import Taken, translated
from gateway.vault import Vault
from tests.contract import records
from tests.contract.records import advanced, case, is_held, write
from tests.databases import Database, administer, listening
from tests.factories import START
from tests.servers import PostgresServer

OTHERS = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
IMPATIENT = Limits(
    free=timedelta(seconds=0.2),
    lock=timedelta(seconds=0.2),
    statement=timedelta(seconds=0.3),
    answer=timedelta(seconds=0.6),
)


@pytest.fixture
def database(on_postgres: Database) -> Database:
    return on_postgres


@pytest.fixture
async def impatient(database: Database, vault: Vault) -> AsyncIterator[Storage]:
    async with PostgresStorage.open(database.url, vault, IMPATIENT) as storage:
        yield storage


async def cut_connections(server: PostgresServer, database: Database) -> None:
    """End every session of the database and return when they are gone."""
    await administer(server, f"SELECT bool_and(pg_terminate_backend(pid, 5000)) {OTHERS}", database.name)


async def test_two_writers_work_side_by_side(storage: Storage) -> None:
    li, zhang = case(), case()
    async with storage.writing(Lane.INTAKE) as first:
        await write(first, li)
        async with asyncio.timeout(5), storage.writing(Lane.INTAKE) as second:
            await write(second, zhang)
        assert await is_held(storage, zhang)
    assert await is_held(storage, li)


async def test_the_second_writer_of_a_complaint_waits_for_the_first_and_decides_on_what_it_left(
    storage: Storage, postgres: PostgresServer
) -> None:
    li = case()
    async with storage.writing(Lane.INTAKE) as tx:
        await write(tx, li)

    async def second() -> int:
        async with storage.writing(Lane.INTAKE) as tx:
            return (await tx.complaints.by_id([li.complaint.id]))[li.complaint.id].version

    async with storage.writing(Lane.INTAKE) as first:
        held = (await first.complaints.by_id([li.complaint.id]))[li.complaint.id]
        task = asyncio.create_task(second())
        while not task.done() and not await administer(postgres, "SELECT count(*) FROM pg_locks WHERE NOT granted"):
            pass
        await first.complaints.advance([advanced(held)])
    assert await task == held.version + 1


async def test_work_that_another_worker_is_claiming_is_passed_over(storage: Storage) -> None:
    works = [records.work(due_at=START + timedelta(seconds=n)) for n in range(4)]
    later = START + timedelta(minutes=1)
    async with storage.writing(Lane.INTAKE) as tx:
        await tx.queue.add(works, now=START)
    async with storage.writing(Lane.RESULTS) as first:
        mine = await first.queue.claim("send:email", now=later, until=later, limit=2)
        async with asyncio.timeout(5), storage.writing(Lane.RESULTS) as second:
            yours = await second.queue.claim("send:email", now=later, until=later, limit=2)
    assert [work.id for work in (*mine, *yours)] == [work.id for work in works]


async def test_a_file_that_a_message_is_taking_is_not_swept(storage: Storage) -> None:
    async with storage.writing(Lane.INTAKE) as tx:
        await tx.blobs.stage("a", b"bytes", seq=0, at=START)
    slip = Attachment(name="回单.png", media_type="image/png", size=5, blob_id="a")
    async with storage.writing(Lane.INTAKE) as intake:
        await intake.messages.add([records.message(None, attachments=(slip,))])
        async with asyncio.timeout(5), storage.writing(Lane.BULK) as upkeep:
            assert await upkeep.blobs.sweep(before=START + timedelta(days=1), limit=10) == 0
    async with storage.reading() as tx:
        assert [chunk async for chunk in tx.blobs.read("a")] == [b"bytes"]


async def test_numbers_are_drawn_beside_the_batch_and_hold_up_nobody(storage: Storage) -> None:
    async with storage.writing(Lane.INTAKE) as first:
        assert await first.numbers.take("day", 3) == 1
        async with asyncio.timeout(5), storage.writing(Lane.INTAKE) as second:
            assert await second.numbers.take("day", 2) == 4


async def test_serials_of_a_block_that_failed_are_taken_first_and_only_once(storage: Storage) -> None:
    async def fail(count: int) -> None:
        async with storage.writing(Lane.INTAKE) as tx:
            await tx.numbers.take("day", count)
            raise RuntimeError("a fault of ours")

    with pytest.raises(RuntimeError):
        await fail(3)
    async with storage.writing(Lane.INTAKE) as first, storage.writing(Lane.INTAKE) as second:
        taken = [await tx.numbers.take("day", 1) for tx in (first, second, first, second)]
        assert await first.numbers.take("another day", 1) == 1
    assert sorted(taken) == [1, 2, 3, 4]


async def test_serials_of_a_block_that_is_refused_at_its_end_are_taken_again(storage: Storage) -> None:
    """New rows go over with the commit, but one that was refused was never committed (lesson 26)."""
    li = case()

    async def refused() -> None:
        async with storage.writing(Lane.INTAKE) as tx:
            assert await tx.numbers.take("day", 2) == 1
            await write(tx, case(complaint_changes={"number": li.complaint.number}))

    async with storage.writing(Lane.INTAKE) as tx:
        await write(tx, li)
    with pytest.raises(Taken):
        await refused()
    async with storage.writing(Lane.INTAKE) as tx:
        assert await tx.numbers.take("day", 2) == 1


async def test_all_that_a_batch_adds_is_one_statement(storage: Storage) -> None:
    """However many complaints and tables: a trip to the server takes as long as adding several of them."""
    statements: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        statements.append(statement)

    li, zhang = case(), case()
    with listening("before_cursor_execute", note):
        async with storage.writing(Lane.INTAKE) as tx:
            await write(tx, li, zhang)
    assert [statement.count("INSERT INTO") > 5 for statement in statements] == [True]
    assert await is_held(storage, li)
    assert await is_held(storage, zhang)


async def test_serials_of_a_block_whose_connection_was_lost_become_a_gap(
    storage: Storage, postgres: PostgresServer, database: Database
) -> None:
    """The server may not have noticed the loss, and then keeps the complaint's number taken (lesson 26)."""

    async def story() -> None:
        async with storage.writing(Lane.INTAKE) as tx:
            await tx.numbers.take("day", 3)
            await cut_connections(postgres, database)
            await tx.queue.oldest()

    with pytest.raises(Unavailable):
        await story()
    async with storage.writing(Lane.INTAKE) as tx:
        assert await tx.numbers.take("day", 1) == 4


async def test_a_block_whose_connection_is_cut_is_unavailable_and_the_next_one_works(
    storage: Storage, postgres: PostgresServer, database: Database
) -> None:
    li, zhang = case(), case()

    async def story() -> None:
        async with storage.writing(Lane.INTAKE) as tx:
            await write(tx, li)
            await cut_connections(postgres, database)
            await write(tx, zhang)

    with pytest.raises(Unavailable):
        await story()
    assert not await is_held(storage, li)
    async with storage.writing(Lane.INTAKE) as tx:
        await write(tx, li)
    assert await is_held(storage, li)


async def test_a_commit_that_is_cut_off_is_unavailable(
    storage: Storage, postgres: PostgresServer, database: Database
) -> None:
    li = case()

    async def story() -> None:
        async with storage.writing(Lane.INTAKE) as tx:
            await write(tx, li)
            await cut_connections(postgres, database)

    with pytest.raises(Unavailable):
        await story()
    assert not await is_held(storage, li)


async def test_connections_that_died_while_nobody_used_them_are_not_noticed(
    storage: Storage, postgres: PostgresServer, database: Database
) -> None:
    async with storage.writing(Lane.INTAKE) as tx:
        await write(tx, case())
    await cut_connections(postgres, database)
    li = case()
    async with storage.writing(Lane.INTAKE) as tx:
        await write(tx, li)
    assert await is_held(storage, li)


@pytest.mark.parametrize("end", [PostgresServer.stop, PostgresServer.kill])
async def test_what_was_committed_is_there_after_a_restart_and_a_gateway_goes_on_by_itself(
    storage: Storage, postgres: PostgresServer, end: Callable[[PostgresServer], None]
) -> None:
    li, zhang = case(), case()
    async with storage.writing(Lane.INTAKE) as tx:
        await write(tx, li)
    await asyncio.to_thread(end, postgres)
    try:
        with pytest.raises(Unavailable):
            await storage.check()
        with pytest.raises(Unavailable):
            async with storage.writing(Lane.INTAKE) as tx:
                await write(tx, zhang)
    finally:
        await asyncio.to_thread(postgres.start)
    await storage.check()
    async with storage.writing(Lane.INTAKE) as tx:
        await write(tx, zhang)
    assert await is_held(storage, li)
    assert await is_held(storage, zhang)


async def test_a_database_that_is_not_heard_of_any_more_is_unavailable(
    impatient: Storage, postgres: PostgresServer, database: Database
) -> None:
    """A cable that is cut ends no connection: only a time limit of our own tells."""
    silent: list[int] = []

    async def story() -> None:
        async with impatient.writing(Lane.INTAKE) as tx:
            await tx.queue.oldest()
            silent.append(await administer(postgres, f"SELECT pid {OTHERS}", database.name))
            os.kill(silent[0], signal.SIGSTOP)
            await tx.queue.oldest()

    try:
        with pytest.raises(Unavailable):
            await story()
    finally:
        os.kill(silent[0], signal.SIGCONT)
    async with impatient.writing(Lane.INTAKE) as tx:
        assert await tx.queue.oldest() == {}


async def test_more_writers_than_connections_wait_their_time_and_are_told_so(impatient: Storage) -> None:
    waiting = asyncio.Barrier(WRITERS + 1)

    async def hold() -> None:
        async with impatient.writing(Lane.INTAKE) as tx:
            await tx.queue.oldest()
            await waiting.wait()
            await waiting.wait()

    tasks = [asyncio.create_task(hold()) for _ in range(WRITERS)]
    await waiting.wait()
    with pytest.raises(Unavailable, match="free"):
        async with impatient.writing(Lane.INTAKE):
            pass
    await waiting.wait()
    await asyncio.gather(*tasks)


async def test_a_lock_that_does_not_come_is_contended(impatient: Storage) -> None:
    li = case()
    async with impatient.writing(Lane.INTAKE) as tx:
        await write(tx, li)
    async with impatient.writing(Lane.INTAKE) as first:
        await first.complaints.by_id([li.complaint.id])
        with pytest.raises(Contended):
            async with impatient.writing(Lane.INTAKE) as second:
                await second.complaints.by_id([li.complaint.id])


async def test_of_two_writers_that_wait_for_each_other_one_is_contended_and_one_goes_on(storage: Storage) -> None:
    li, zhang = case(), case()
    async with storage.writing(Lane.INTAKE) as tx:
        await write(tx, li, zhang)
    both = asyncio.Barrier(2)

    async def lock(*order: str) -> None:
        async with storage.writing(Lane.INTAKE) as tx:
            await tx.complaints.by_id(order[:1])
            await both.wait()
            await tx.complaints.by_id(order[1:])

    ids = (li.complaint.id, zhang.complaint.id)
    results = await asyncio.gather(lock(*ids), lock(*reversed(ids)), return_exceptions=True)
    assert {type(result) for result in results} == {type(None), Contended}


async def test_a_timeline_that_two_writers_continue_at_once_is_a_conflict_for_the_second(storage: Storage) -> None:
    li = case()
    async with storage.writing(Lane.INTAKE) as tx:
        await write(tx, li)
    asked = asyncio.Event()

    async def second() -> None:
        async with storage.writing(Lane.INTAKE) as tx:
            asked.set()
            await tx.timeline.append([records.entry(li.complaint.id, 2)])

    async with storage.writing(Lane.INTAKE) as first:
        await first.timeline.append([records.entry(li.complaint.id, 2)])
        task = asyncio.create_task(second())
        await asked.wait()
    with pytest.raises(Conflict):
        await task


@asynccontextmanager
async def session(database: Database, limits: Limits) -> AsyncIterator[Callable[[str], Any]]:
    """Yield what runs one statement in a session set up as the storage's are."""
    engine = postgres_engine(
        database_url(database.url), connections=1, limits=limits, isolation="AUTOCOMMIT", settings={}
    )

    async def run(statement: str) -> Any:
        with translated():
            async with engine.connect() as connection:
                return (await connection.exec_driver_sql(statement)).scalar()

    try:
        yield run
    finally:
        await engine.dispose()


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("08006", Unavailable),  # connection_failure
        ("22021", BadData),  # character_not_in_repertoire: what a NUL is
        ("23502", BadData),
        ("23503", BadData),
        ("23505", Taken),
        ("25006", Unavailable),  # read_only_sql_transaction: we reached a standby
        ("28P01", Unavailable),  # invalid_password: it was changed while we ran
        ("40001", Contended),  # serialization_failure
        ("40P01", Contended),  # deadlock_detected
        ("42P01", StorageFailed),  # undefined_table: a fault of ours
        ("53100", DiskFull),
        ("53200", Unavailable),
        ("53300", Unavailable),  # too_many_connections
        ("54000", BadData),  # a value too large for its index
        ("55P03", Contended),  # lock_not_available
        ("57014", Unavailable),  # query_canceled: by the time limit
        ("57P01", Unavailable),  # admin_shutdown
        ("57P03", Unavailable),  # cannot_connect_now
        ("58030", Unavailable),  # io_error
        ("XX001", Unavailable),  # data_corrupted
    ],
)
async def test_what_postgresql_says_is_told_in_our_words(
    database: Database, state: str, told: type[GatewayError]
) -> None:
    async with session(database, Limits()) as run:
        with pytest.raises(GatewayError) as raised:
            await run(f"DO $$ BEGIN RAISE EXCEPTION 'the value 李四' USING ERRCODE = '{state}'; END $$")
    assert raised.type is told
    assert "李四" not in str(raised.value)


@pytest.mark.parametrize("error", [asyncpg.InterfaceError, asyncpg.InternalClientError])
def test_a_connection_the_driver_gave_up_is_told_as_away(error: type[Exception]) -> None:
    """Seen in the fault run, where connections are cut between two statements."""
    with pytest.raises(Unavailable), translated():
        raise error("not connected")


async def test_a_statement_that_takes_too_long_is_unavailable(database: Database) -> None:
    async with session(database, IMPATIENT) as run:
        with pytest.raises(Unavailable):
            await run("SELECT pg_sleep(30)")
        assert await run("SELECT 1") == 1


async def test_commits_are_on_disk_before_they_are_reported_whatever_the_database_is_set_to(
    storage: Storage, database: Database
) -> None:
    """Everything accepted survives the power. The counter's commit may follow: the next complaint's takes it along."""
    await database.run(f"ALTER DATABASE {database.name} SET synchronous_commit = off")
    seen: list[dict[str, str]] = []

    def look(connection: Any, record: object, proxy: object) -> None:
        cursor = connection.cursor()
        names = ("synchronous_commit", "transaction_isolation", "transaction_read_only", "statement_timeout")
        values = []
        for name in names:
            cursor.execute(f"SHOW {name}")
            values.append(cursor.fetchone()[0])
        seen.append(dict(zip(names, values, strict=True)))

    try:
        with listening("checkout", look):
            async with storage.writing(Lane.INTAKE) as tx:
                await tx.numbers.take("day", 1)
            async with storage.reading():
                pass
    finally:
        await database.run(f"ALTER DATABASE {database.name} RESET synchronous_commit")
    writer, counter, reader = seen
    assert writer == {
        "synchronous_commit": "on",
        "transaction_isolation": "read committed",
        "transaction_read_only": "off",
        "statement_timeout": "15s",
    }
    assert counter["synchronous_commit"] == "off"
    assert (reader["transaction_isolation"], reader["transaction_read_only"]) == ("repeatable read", "on")


async def test_a_database_that_only_reads_has_no_room(
    storage: Storage, postgres: PostgresServer, database: Database
) -> None:
    await administer(postgres, f"ALTER DATABASE {database.name} SET default_transaction_read_only = on")
    try:
        with pytest.raises(Unavailable):
            await storage.check_room()
    finally:
        await administer(postgres, f"ALTER DATABASE {database.name} RESET default_transaction_read_only")
    await cut_connections(postgres, database)
    await storage.check_room()


@pytest.mark.parametrize("rest", ["no_such_database", "?sslmode=require"])
async def test_a_database_that_does_not_let_us_in_is_unavailable(
    postgres: PostgresServer, vault: Vault, rest: str
) -> None:
    async with PostgresStorage.open(postgres.url(rest), vault) as storage:
        with pytest.raises(Unavailable):
            await storage.check()


async def test_an_address_that_the_driver_does_not_understand_is_misconfigured_and_not_quoted(vault: Vault) -> None:
    async with PostgresStorage.open("postgresql://u:hunter2@127.0.0.1/d?sslmode=hunter2", vault) as storage:
        with pytest.raises(Misconfigured) as raised:
            await storage.check()
    assert "hunter2" not in str(raised.value)
