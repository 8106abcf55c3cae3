"""One open transaction: runs statements to their end and says in our words what the database answered.

Beginning and ending a transaction is the engine's file (sqlite.py); what the statements are, the parts' files.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, Protocol, TypeVar

import sqlalchemy.exc
from sqlalchemy import Executable, Row, Select, Table
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.errors import BadData, Contended, StorageFailed, Unavailable

KEYS_PER_STATEMENT: Final = 5_000  # SQLite takes 32 766 variables, PostgreSQL 32 767; a pair of keys takes two

BUSY: Final = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
REFUSED: Final = {sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_RANGE}
AWAY: Final = {
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
}
TAKEN: Final = {sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY}

Key = TypeVar("Key")
Result = TypeVar("Result")


class Taken(BadData):
    """A key that must be unique is taken."""


async def undisturbed(work: Awaitable[Result]) -> Result:
    """Await the work to its end, also when the caller is cancelled meanwhile; then let the cancellation go on.

    A statement runs in the driver's thread and cannot be called back. A caller that left it running would hand on a
    connection of which nobody knows whether its transaction is open, rolled back or committed.
    """
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        if not task.cancelled():
            task.exception()  # marks it as seen: the cancellation is what the caller hears
        raise cancelled
    return task.result()


@contextmanager
def translated() -> Iterator[None]:
    """Turn what the driver raises into StorageFailed or Unavailable. Texts never carry values; the cause is kept."""
    try:
        yield
    except sqlalchemy.exc.TimeoutError as error:
        raise Unavailable("no database connection is free") from error
    except sqlalchemy.exc.DBAPIError as error:
        raise _said(error.orig) from error
    except sqlite3.Error as error:
        raise _said(error) from error
    except sqlalchemy.exc.StatementError as error:
        raise BadData from error
    except (OverflowError, UnicodeError):
        # A number too large, or half a surrogate pair (lesson 18). No cause: a UnicodeError holds the text itself.
        raise BadData from None


def _said(error: object) -> StorageFailed | Unavailable:
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return StorageFailed()
    primary = code & 0xFF  # https://sqlite.org/rescode.html: the low byte is the primary code
    if primary in BUSY:
        return Contended()
    if primary in AWAY:
        return Unavailable(f"the database cannot be used ({getattr(error, 'sqlite_errorname', code)})")
    if code in TAKEN:
        return Taken()
    return BadData() if primary in REFUSED else StorageFailed()


class Dialect(Protocol):
    """What the two databases say differently."""

    def upsert(self, table: Table) -> Any:
        """Return an insert of rows that may exist already: it has `on_conflict_do_nothing` and `..._do_update`."""
        ...

    async def insert(self, connection: AsyncConnection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add many rows of the same columns by the driver underneath, in one call."""
        ...


class Connection:
    """What the parts of a transaction run their statements on."""

    def __init__(self, connection: AsyncConnection, *, dialect: Dialect, writing: bool) -> None:
        self._connection = connection
        self._dialect = dialect
        self._writing = writing

    def upsert(self, table: Table) -> Any:
        return self._dialect.upsert(table)

    async def rows(self, statement: Executable) -> Sequence[Row[Any]]:
        """Run one statement and return its rows."""
        with translated():
            return (await undisturbed(self._connection.execute(statement))).all()

    async def lookup(
        self, keys: Collection[Key], statement: Callable[[Sequence[Key]], Select[Any]]
    ) -> Sequence[Row[Any]]:
        """Return the rows of a statement that has the keys in an IN list, whatever their number."""
        ordered = list(keys)
        found: list[Row[Any]] = []
        for start in range(0, len(ordered), KEYS_PER_STATEMENT):
            found += await self.rows(statement(ordered[start : start + KEYS_PER_STATEMENT]))
        return found

    async def run(self, statement: Executable, rows: Sequence[Mapping[str, Any]] | None = None) -> None:
        """Run one statement, once or (rows) for each row; of no rows nothing is run."""
        if rows is None or rows:
            with translated():
                await undisturbed(self._connection.execute(statement, rows))

    async def insert(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add rows that have all columns of the table. The hot write: see the dialect."""
        if rows:
            with translated():
                await undisturbed(self._dialect.insert(self._connection, table, rows))

    def locked(self, statement: Select[Any]) -> Select[Any]:
        """Keep the rows from other writers until the transaction ends. SQLite, with its one writer, needs no words."""
        return statement.with_for_update() if self._writing else statement
