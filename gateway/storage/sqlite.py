"""SQLite: its one writer and its readers, and where a transaction begins and ends.

One connection writes, behind a lock with lanes; readers have connections of their own that cannot write. Every block is
one transaction. Statements are in the parts' files, the schema in tables.py.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import cache
from typing import Any, Final, Self

from sqlalchemy import Column, ColumnElement, Table
from sqlalchemy.dialects import sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from gateway.errors import Misconfigured
from gateway.ports import Lane, Now
from gateway.storage import keys, schema
from gateway.storage.connection import Connection, undisturbed
from gateway.storage.engines import database_url, has_file, sqlite_engine
from gateway.storage.lanes import LaneLock
from gateway.storage.numbers import SqlNumbers
from gateway.storage.refusals import translated
from gateway.storage.tables import Instant, microseconds
from gateway.storage.transaction import SqlTransaction
from gateway.vault import Vault

READERS: Final = 4

WRITER_PRAGMAS: Final = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # NORMAL could lose the last acknowledged complaints with the power
    "PRAGMA foreign_keys = ON",
    "PRAGMA secure_delete = ON",  # a dropped data key must not stay readable in a free page
)
READER_PRAGMAS: Final = ("PRAGMA query_only = ON",)


class SqliteDialect:
    """SQLite's words, and its driver underneath for the hot write."""

    def upsert(self, table: Table) -> Any:
        return sqlite.insert(table)

    def among(self, keys: Sequence[object], column: Column[Any]) -> ColumnElement[bool]:
        return column.in_(keys)

    async def insert(self, connection: AsyncConnection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        # With SQLAlchemy's own executemany a batch of 64 complaints takes 1.4 times the processor time.
        statement, columns = _insert_of(table)
        values = [tuple([microseconds(row[name]) if moment else row[name] for name, moment in columns]) for row in rows]
        driver = (await connection.get_raw_connection()).driver_connection
        await driver.executemany(statement, values)  # type: ignore[union-attr]  # inside a transaction there is one


DIALECT: Final = SqliteDialect()


class SqliteStorage:
    """Storage in one SQLite file, for one process."""

    def __init__(self, url: str, vault: Vault) -> None:
        self._url = database_url(url)
        self._vault = vault
        self._writer = sqlite_engine(self._url, connections=1, pragmas=WRITER_PRAGMAS)
        self._readers = sqlite_engine(self._url, connections=READERS, pragmas=READER_PRAGMAS)
        self._turns = LaneLock()

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, vault: Vault) -> AsyncIterator[Self]:
        """Open the database of this URL for the block. Raises Misconfigured; the file is first touched by its use."""
        storage = cls(url, vault)
        try:
            yield storage
        finally:
            await storage.close()

    async def close(self) -> None:
        """Let the transaction under way end, then close every connection."""
        async with self._turns.held(Lane.BULK):
            await undisturbed(self._writer.dispose())
            await undisturbed(self._readers.dispose())

    @asynccontextmanager
    async def writing(self, lane: Lane) -> AsyncIterator[SqlTransaction]:
        # IMMEDIATE: a transaction that reads first and then writes fails when another process wrote in between.
        async with self._turns.held(lane), _transaction(self._writer, "BEGIN IMMEDIATE") as connection:
            yield self._parts(connection, writing=True)
            with translated():
                await undisturbed(connection.commit())

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[SqlTransaction]:
        async with _transaction(self._readers, "BEGIN") as connection:
            yield self._parts(connection, writing=False)

    async def check(self) -> None:
        if not has_file(self._url):
            raise Misconfigured(f"there is no database {self._url.database}: run huiyin migrate")
        async with _transaction(self._readers, "BEGIN") as connection:
            with translated():
                await undisturbed(schema.check(connection))
                await undisturbed(keys.check(connection, self._vault))

    async def skew(self, now: Now) -> timedelta:
        return timedelta()  # a file has no clock of its own

    def _parts(self, connection: AsyncConnection, *, writing: bool) -> SqlTransaction:
        db = Connection(connection, dialect=DIALECT, writing=writing)
        return SqlTransaction(db, self._vault, SqlNumbers(db))


@cache
def _insert_of(table: Table) -> tuple[str, Sequence[tuple[str, bool]]]:
    """Return the statement with its columns in order, each with whether it is a moment."""
    columns = [(column.name, isinstance(column.type, Instant)) for column in table.columns]
    return str(table.insert().compile(dialect=sqlite.dialect())), columns


@asynccontextmanager
async def _transaction(engine: AsyncEngine, begin: str) -> AsyncIterator[AsyncConnection]:
    """Yield a connection with a transaction; what the block does not commit is rolled back, also when cancelled."""
    connection = engine.connect()
    try:
        with translated():
            await undisturbed(_begin(connection, begin))
        yield connection
    finally:
        if connection.sync_connection is not None:
            await undisturbed(connection.close())


async def _begin(connection: AsyncConnection, begin: str) -> None:
    await connection.start()
    await connection.exec_driver_sql(begin)
