"""PostgreSQL: its pools, and where a transaction begins and ends. Any number of nodes may share one database.

Writers run READ COMMITTED and lock the rows they decide on; readers see one moment and cannot write. Statements are in
the parts' files, the schema in tables.py.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import cache
from itertools import count
from typing import Any, Final, Self

import orjson
import sqlalchemy
from sqlalchemy import ARRAY, Column, ColumnElement, LargeBinary, Table, any_, bindparam, func, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from gateway.errors import BadData, Misconfigured, Unavailable
from gateway.ports import Lane, Now
from gateway.storage import keys, schema
from gateway.storage.connection import Connection, NewRows, Values, undisturbed
from gateway.storage.engines import Limits, database_url, postgres_engine
from gateway.storage.numbers import Reserve, ReservedNumbers, SqlNumbers
from gateway.storage.refusals import translated
from gateway.storage.tables import microseconds
from gateway.storage.transaction import SqlTransaction
from gateway.vault import Vault

WRITERS: Final = 6
READERS: Final = 4


class PostgresDialect:
    """PostgreSQL's words. Keys and rows travel as arrays: one statement text, prepared once, however many there are."""

    def upsert(self, table: Table) -> Any:
        return postgresql.insert(table)

    def among(self, column: Column[Any]) -> ColumnElement[bool]:
        return column == any_(bindparam("keys", type_=ARRAY(column.type)))

    def write(self, connection: sqlalchemy.Connection, new: Sequence[NewRows]) -> None:
        # Against an array a column and a statement a table this takes 0.4 of our processor time for a batch of 64
        # complaints, and 1.1 of the server's; the driver's executemany 0.8 and 1.4.
        documents: list[Any] = []
        for added in new:
            documents.append(_document(added.rows))
            documents += [[row[name] for row in added.rows] for name in _binary(added.table)]
        connection.exec_driver_sql(_insert_into(tuple((added.table, added.again) for added in new)), tuple(documents))


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
                await db.flush()
            except Unavailable:
                # The serials become a gap: until the server has noticed that we are gone, it keeps their numbers taken.
                raise
            except BaseException:
                numbers.give_back()
                raise
            await db.commit()

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
                if await undisturbed(connection.scalar(select(func.current_setting("fsync")))) == "off":
                    raise Misconfigured("the database server runs with fsync = off: a power cut would lose complaints")
                await undisturbed(schema.check(connection))
                await undisturbed(keys.check(connection, self._vault))

    async def check_room(self) -> None:
        # A full disk is met by what needs room on it: no small write can tell.
        async with _connected(self._counter) as connection:
            with translated():
                if await undisturbed(connection.scalar(select(func.current_setting("transaction_read_only")))) == "on":
                    raise Unavailable("the database only reads")

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
def _insert_into(tables: Sequence[tuple[Table, bool]]) -> str:
    """Return one statement for the new rows of all these tables: of each, a JSON document and its bytes as arrays.

    References are checked at the end of a statement, so within one their order means nothing.
    """
    place = count(1)
    inserts = [_insert_of(table, place) + (" ON CONFLICT DO NOTHING" if again else "") for table, again in tables]
    *first, last = inserts
    named = ", ".join(f"t{n} AS ({insert})" for n, insert in enumerate(first))
    return f"WITH {named} {last}" if first else last


def _insert_of(table: Table, place: Iterator[int]) -> str:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped
    binary = _binary(table)
    plain = [column for column in table.columns if column.name not in binary]
    types = ", ".join(f'"{column.name}" {column.type.compile(dialect)}' for column in plain)
    source = f"json_to_recordset(${next(place)}::json) AS ({types})"
    if binary:
        arrays = ", ".join(f"${next(place)}::bytea[]" for _ in binary)
        source = f"ROWS FROM ({source}, unnest({arrays}))"
    names = ", ".join(f'"{name}"' for name in (*(column.name for column in plain), *binary))
    return f'INSERT INTO "{table.name}" ({names}) SELECT * FROM {source}'


@cache
def _binary(table: Table) -> Sequence[str]:
    return [column.name for column in table.columns if isinstance(column.type, LargeBinary)]


def _document(rows: Sequence[Values]) -> str:
    try:
        return orjson.dumps(rows, default=_number_or_nothing, option=orjson.OPT_PASSTHROUGH_DATETIME).decode()
    except TypeError as error:  # half a surrogate pair, a moment without a zone, a number of more than 64 bits
        raise BadData from error


def _number_or_nothing(value: object) -> int | None:
    """Return a moment as it is stored, and nothing for bytes, which travel beside the document."""
    return microseconds(value) if isinstance(value, datetime) else None


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
