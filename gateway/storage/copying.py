"""Copying a whole database into an empty one, of either kind: backup, restore and move are made of this.

Values go over as they are stored; nothing is opened or sealed. Whether the copy's timelines hold is for
gateway/verification.py to say, before the copy is committed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import URL, BigInteger, Column, MetaData, Table, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.errors import BadData, Misconfigured, StorageFailed
from gateway.ports import Transaction
from gateway.storage import keys, postgres, schema, sqlite, tables
from gateway.storage.connection import Connection, undisturbed
from gateway.storage.engines import Limits, database_url, has_file, is_postgres, postgres_engine, sqlite_engine
from gateway.storage.numbers import SqlNumbers
from gateway.storage.refusals import translated
from gateway.storage.transaction import SqlTransaction
from gateway.vault import Vault

ROWS: Final = 64  # at once: a chunk of a file has up to 256 kB
SENDING: Final = "send:"  # what the lanes of deliveries begin with; alarms wait in another one

# Idle without a limit: the source waits while the copy is verified.
LIMITS: Final = Limits(
    statement=timedelta(hours=1), answer=timedelta(hours=1), lock=timedelta(seconds=30), idle=timedelta()
)
# A rollback journal: in WAL every page of the one large transaction would be written twice, and a file beside it stay.
FILLING: Final = ("PRAGMA journal_mode = DELETE", "PRAGMA synchronous = FULL", "PRAGMA foreign_keys = ON")

Report = Callable[[str, int, int | None], None]
"""Hears of each step: what is done, how many of it are, and of how many where that is known."""


def _as_stored(table: Table) -> Table:
    """Return the table with its moments as the whole numbers they are stored as: a copy needs no datetimes."""
    columns = [
        Column(column.name, BigInteger if isinstance(column.type, tables.Instant) else column.type)
        for column in table.columns
    ]
    return Table(table.name, MetaData(), *columns)


TABLES: Final = tuple(_as_stored(table) for table in tables.metadata.sorted_tables)  # what is referred to comes first
EVERY_TABLE: Final = ", ".join(table.name for table in TABLES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """What a copy holds: rows by table, and the moment of the newest timeline entry."""

    rows: Mapping[str, int]
    newest: datetime | None
    deliveries: int  # that are yet to be made


class Source:
    """A database that is copied; nothing in it changes meanwhile."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def count(self, table: Table) -> int:
        return await _count(self._connection, table)

    async def batches(self, table: Table) -> AsyncIterator[Sequence[Mapping[str, Any]]]:
        """Yield all rows of the table, a few at a time."""
        with translated():
            result = await undisturbed(self._connection.stream(select(table), execution_options={"yield_per": ROWS}))
        rows = result.mappings()
        while True:
            with translated():
                batch: Sequence[Any] = await undisturbed(rows.fetchmany(ROWS))
            if not batch:
                return
            yield batch

    async def retire(self, to: str) -> None:
        """Close this database for good, when its block ends well: its truth is now at the other URL."""
        there = database_url(to)
        shown = URL.create(there.drivername, host=there.host, port=there.port, database=there.database)
        with translated():
            await undisturbed(schema.retire(self._connection, shown.render_as_string()))


class Target:
    """An empty database that is filled in one transaction."""

    def __init__(self, connection: AsyncConnection, url: URL, vault: Vault) -> None:
        dialect = postgres.DIALECT if is_postgres(url) else sqlite.DIALECT
        self._connection = connection
        self._db = Connection(connection, dialect=dialect, writing=True)
        self._vault = vault

    async def fill(self, source: Source, report: Report) -> Copied:
        """Copy every row. Raises StorageFailed naming the table, Misconfigured for another database's keys file."""
        rows = {table.name: await self._copy(source, table, report) for table in TABLES}
        with translated():
            await undisturbed(keys.check(self._connection, self._vault))
        # Nobody holds in the copy what was held in the source; the fences go on, so that a late holder is known as one.
        await self._db.run(tables.leases.update().values(until=tables.EPOCH))
        await self._db.run(tables.queue.update().values(leased_until=None))
        [[newest]] = await self._db.rows(select(func.max(tables.timeline.c.at)))
        sending = tables.queue.c.lane.startswith(SENDING)
        [[deliveries]] = await self._db.rows(select(func.count()).select_from(tables.queue).where(sending))
        return Copied(rows=rows, newest=newest, deliveries=deliveries)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Yield the parts of storage in the one transaction, with no data keys met yet."""
        yield SqlTransaction(self._db, self._vault, SqlNumbers(self._db))

    async def refuse_rows(self) -> None:
        """Raise Misconfigured when there is anything in the database."""
        for table in TABLES:
            if await self._db.rows(select(table).limit(1)):
                raise Misconfigured(f"the database to fill is not empty: there are rows in {table.name}")

    async def _copy(self, source: Source, table: Table, report: Report) -> int:
        expected, done = await source.count(table), 0
        report(table.name, done, expected)
        async for batch in source.batches(table):
            try:
                self._db.insert(table, [{str(name): row[name] for name in row} for row in batch])
                await self._db.flush()
            except BadData as error:
                raise StorageFailed(f"{table.name} cannot be copied: {error}") from None
            done += len(batch)
            report(table.name, done, expected)
        held = await _count(self._connection, table)
        if not expected == done == held:
            raise StorageFailed(f"{table.name}: {expected} rows there, {done} copied, {held} held")
        return held


@asynccontextmanager
async def snapshot(url: str) -> AsyncIterator[Source]:
    """Yield one moment of a database, whose writers go on. Raises Misconfigured for another schema than this code's."""
    async with _transaction(database_url(url), alone=False, pragmas=sqlite.READER_PRAGMAS) as connection:
        yield Source(connection)


@asynccontextmanager
async def frozen(url: str) -> AsyncIterator[Source]:
    """Yield a database that nobody else writes to until the block ends; then commit what the block did to it.

    Raises Misconfigured for another schema than this code's, Contended when a writer does not let go of it.
    """
    async with _transaction(database_url(url), alone=True, pragmas=sqlite.WRITER_PRAGMAS) as connection:
        yield Source(connection)
        with translated():
            await undisturbed(connection.commit())


@asynccontextmanager
async def filling(url: str, vault: Vault) -> AsyncIterator[Target]:
    """Yield an empty database to fill, made where there is none; commit when the block ends well.

    A block that fails leaves it empty. Raises Misconfigured when it is not empty, or its schema is not this code's.
    """
    parsed = database_url(url)
    if await schema.current(url) is None:  # one that has a schema is left as it is: it may be somebody's
        await schema.migrate(url)
    async with _transaction(parsed, alone=True, pragmas=FILLING) as connection:
        target = Target(connection, parsed, vault)
        await target.refuse_rows()
        yield target
        with translated():
            await undisturbed(connection.commit())


@asynccontextmanager
async def _transaction(url: URL, *, alone: bool, pragmas: Sequence[str]) -> AsyncIterator[AsyncConnection]:
    """Yield a transaction over a database of this code's schema; what the block does not commit is rolled back."""
    if is_postgres(url):
        isolation = "READ COMMITTED" if alone else "REPEATABLE READ"
        settings = {"default_transaction_read_only": "off" if alone else "on"}
        engine = postgres_engine(url, connections=1, limits=LIMITS, isolation=isolation, settings=settings)
    elif has_file(url):
        engine = sqlite_engine(url, connections=1, pragmas=pragmas)
    else:
        raise Misconfigured(f"there is no database {url.database}")
    connection = engine.connect()
    try:
        with translated():
            await undisturbed(_begin(connection, alone=alone, on_postgres=is_postgres(url)))
        yield connection
    finally:
        if connection.sync_connection is not None:
            await undisturbed(connection.close())
        await undisturbed(engine.dispose())


async def _begin(connection: AsyncConnection, *, alone: bool, on_postgres: bool) -> None:
    await connection.start()
    if not on_postgres:
        await connection.exec_driver_sql("BEGIN IMMEDIATE" if alone else "BEGIN")
    await schema.check(connection)
    if on_postgres and alone:
        # Readers are kept out as well: a lesser lock would have to grow to rename a table, and could die of it then.
        await connection.exec_driver_sql(f"LOCK TABLE {EVERY_TABLE} IN ACCESS EXCLUSIVE MODE")


async def _count(connection: AsyncConnection, table: Table) -> int:
    with translated():
        counted = await undisturbed(connection.execute(select(func.count()).select_from(table)))
    return int(counted.scalar_one())
