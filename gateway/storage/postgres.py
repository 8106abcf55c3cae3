"""PostgreSQL: its pools, and where a transaction begins and ends. Any number of nodes may share one database.

Writers run READ COMMITTED and lock the rows they decide on; readers see one moment and cannot write. Statements are in
the parts' files, the schema in tables.py.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import cache
from typing import Any, Final, Self

from sqlalchemy import ARRAY, Column, ColumnElement, Table, any_, func, literal, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from gateway.errors import Unavailable
from gateway.ports import Lane, Now
from gateway.storage import keys, schema
from gateway.storage.connection import Connection, undisturbed
from gateway.storage.engines import Limits, database_url, postgres_engine
from gateway.storage.numbers import Reserve, ReservedNumbers, SqlNumbers
from gateway.storage.refusals import translated
from gateway.storage.tables import Instant, microseconds
from gateway.storage.transaction import SqlTransaction
from gateway.vault import Vault

WRITERS: Final = 6
READERS: Final = 4


class PostgresDialect:
    """PostgreSQL's words. Keys and rows travel as arrays: one statement text, prepared once, however many there are."""

    def upsert(self, table: Table) -> Any:
        return postgresql.insert(table)

    def among(self, keys: Sequence[object], column: Column[Any]) -> ColumnElement[bool]:
        return column == any_(literal(keys, ARRAY(column.type)))

    async def insert(self, connection: AsyncConnection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        # For 64 rows of a timeline SQLAlchemy's own insert takes 1.8 times the processor time, the driver's executemany
        # 1.25 times as long, COPY 1.4 times the processor time.
        statement, columns = _insert_of(table)
        arrays = [[microseconds(row[name]) if moment else row[name] for row in rows] for name, moment in columns]
        await connection.exec_driver_sql(statement, tuple(arrays))


DIALECT: Final = PostgresDialect()


class PostgresStorage:
    """Storage in a PostgreSQL database, for any number of processes."""

    def __init__(self, url: str, vault: Vault, limits: Limits) -> None:
        parsed = database_url(url)
        self._vault = vault
        self._writers = postgres_engine(
            parsed, connections=WRITERS, limits=limits, isolation="READ COMMITTED", settings={}
        )
        self._readers = postgres_engine(
            parsed,
            connections=READERS,
            limits=limits,
            isolation="REPEATABLE READ",
            settings={"default_transaction_read_only": "on"},
        )
        # A connection of its own: a batch that waited for one of the writers' could wait for itself. The counter need
        # not reach the disk before the complaint that uses it: the log is written in order, so its commit carries both.
        self._counter = postgres_engine(
            parsed, connections=1, limits=limits, isolation="AUTOCOMMIT", settings={"synchronous_commit": "off"}
        )
        self._reserve = Reserve(self._draw)

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, vault: Vault, limits: Limits | None = None) -> AsyncIterator[Self]:
        """Open the database of this URL for the block. Raises Misconfigured; it is first connected to by its use."""
        storage = cls(url, vault, limits or Limits())
        try:
            yield storage
        finally:
            await storage.close()

    async def close(self) -> None:
        """Close every connection that is not in use; the others close at the end of their transaction."""
        for engine in (self._writers, self._readers, self._counter):
            await undisturbed(engine.dispose())

    @asynccontextmanager
    async def writing(self, lane: Lane) -> AsyncIterator[SqlTransaction]:
        # No lanes: there is no single writer to wait for.
        numbers = ReservedNumbers(self._reserve)
        async with _connected(self._writers) as connection:
            db = Connection(connection, dialect=DIALECT, writing=True)
            try:
                yield SqlTransaction(db, self._vault, numbers)
            except Unavailable:
                # The serials become a gap: until the server has noticed that we are gone, it keeps their numbers taken.
                raise
            except BaseException:
                numbers.give_back()
                raise
            with translated():
                await undisturbed(connection.commit())

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[SqlTransaction]:
        async with _connected(self._readers) as connection:
            db = Connection(connection, dialect=DIALECT, writing=False)
            yield SqlTransaction(db, self._vault, SqlNumbers(db))

    async def check(self) -> None:
        async with _connected(self._readers) as connection:
            with translated():
                if await undisturbed(connection.scalar(select(func.pg_is_in_recovery()))):
                    raise Unavailable("the database is a standby: it only reads")
                await undisturbed(schema.check(connection))
                await undisturbed(keys.check(connection, self._vault))

    async def skew(self, now: Now) -> timedelta:
        async with _connected(self._counter) as connection:
            asked = now()
            with translated():
                there: Any = await undisturbed(connection.scalar(select(func.clock_timestamp())))
            answered = now()
        ahead: timedelta = there - (asked + (answered - asked) / 2)
        return ahead

    async def _draw(self, scope: str, count: int) -> int:
        async with _connected(self._counter) as connection:
            return await SqlNumbers(Connection(connection, dialect=DIALECT, writing=True)).take(scope, count)


@cache
def _insert_of(table: Table) -> tuple[str, Sequence[tuple[str, bool]]]:
    """Return the statement with its columns in order, each with whether it is a moment."""
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped
    columns = [(column.name, isinstance(column.type, Instant)) for column in table.columns]
    arrays = [f"${n}::{column.type.compile(dialect)}[]" for n, column in enumerate(table.columns, start=1)]
    names = ", ".join(f'"{name}"' for name, _ in columns)
    return f'INSERT INTO "{table.name}" ({names}) SELECT * FROM unnest({", ".join(arrays)})', columns


@asynccontextmanager
async def _connected(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Yield a connection, whose first statement begins a transaction; what is not committed is rolled back."""
    connection = engine.connect()
    try:
        with translated():
            await undisturbed(connection.start())
        yield connection
    except Unavailable:
        if connection.sync_connection is not None:
            await undisturbed(connection.invalidate())  # nobody knows what state the session is in
        raise
    finally:
        if connection.sync_connection is not None:
            with translated():
                await undisturbed(connection.close())
