"""One open transaction: runs statements to their end, and says the few things that each database says its own way.

New rows go over together, with the next statement or the commit: what a batch adds to ten tables is one trip to the
database. Beginning and rolling back is the engine's file (sqlite.py, postgres.py); what the statements are, the parts'.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Hashable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Protocol, TypeVar

import sqlalchemy
from sqlalchemy import Column, ColumnElement, Executable, Row, Select, Table

from gateway.errors import Conflict, StorageFailed
from gateway.storage import tables
from gateway.storage.refusals import Taken, translated

KEYS_PER_STATEMENT: Final = 10_000  # SQLite takes 32 766 variables
PLACES: Final = {table.name: place for place, table in enumerate(tables.metadata.sorted_tables)}
"""Where each table stands when what is referred to comes first."""

Values = dict[str, Any]
Result = TypeVar("Result")
Statement = TypeVar("Statement", bound=Executable)


async def undisturbed(work: Awaitable[Result]) -> Result:
    """Await the work to its end, also when the caller is cancelled meanwhile; then let the cancellation go on.

    A statement under way cannot be called back. A caller that left it running would hand on a connection of which
    nobody knows whether its transaction is open, rolled back or committed.
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


@dataclass(frozen=True, slots=True)
class NewRows:
    """Rows to add to a table, of whose columns each has all."""

    table: Table
    rows: list[Values]
    again: bool  # those that are there already stay as they are


class Session(Protocol):
    """An open connection, beside the event loop. SQLAlchemy's own AsyncConnection is one."""

    def run_sync(self, work: Callable[[sqlalchemy.Connection], Result], /) -> Awaitable[Result]:
        """Run the work where the connection may wait for the database, all of it in one trip there."""
        ...


class Dialect(Protocol):
    """What the two databases say differently."""

    def upsert(self, table: Table) -> Any:
        """Return an insert of rows that may exist already: it has `on_conflict_do_nothing` and `..._do_update`."""
        ...

    def among(self, column: Column[Any]) -> ColumnElement[bool]:
        """Return the condition that the column holds one of the parameter `keys`, by the column's index."""
        ...

    def write(self, connection: sqlalchemy.Connection, new: Sequence[NewRows]) -> None:
        """Add new rows; what is referred to comes first."""
        ...


@dataclass(frozen=True, slots=True)
class Words:
    """What a statement is built with that is said differently by database, or in a transaction that writes."""

    dialect: Dialect
    writing: bool

    def upsert(self, table: Table) -> Any:
        """See Dialect."""
        return self.dialect.upsert(table)

    def among(self, column: Column[Any]) -> ColumnElement[bool]:
        """Return the condition that the column holds one of the keys that are looked up."""
        return self.dialect.among(column)

    def locked(self, statement: Select[Any]) -> Select[Any]:
        """Keep the rows from other writers until the transaction ends. SQLite, with its one writer, needs no words.

        Select in the order of the ids: PostgreSQL locks the rows as it returns them, and one order for all writers is
        no deadlock. Rows that only refer to a locked one can still be added (NO KEY UPDATE).
        """
        return statement.with_for_update(key_share=True) if self.writing else statement


@cache
def _built(build: Callable[..., Statement], words: Words, *told: Hashable) -> Statement:
    return build(words, *told)


class Connection:
    """What the parts of a transaction run their statements on."""

    def __init__(self, session: Session, *, dialect: Dialect, writing: bool) -> None:
        self._session = session
        self._words = Words(dialect, writing)
        self._new: dict[str, NewRows] = {}
        self._contended: set[str] = set()

    def upsert(self, table: Table) -> Any:
        return self._words.upsert(table)

    def built(self, build: Callable[..., Statement], *told: Hashable) -> Statement:
        """Return the statement that a function of a module builds, once: that takes longer than running it.

        It is kept for all it was ever `told`: few different things.
        """
        statement: Statement = _built(build, self._words, *told)
        return statement

    async def rows(self, statement: Executable, values: Values | None = None) -> Sequence[Row[Any]]:
        """Run one statement and return its rows."""
        return await self._go(lambda connection: connection.execute(statement, values).all())

    async def lookup(
        self, build: Callable[[Words], Select[Any]], keys: Collection[object], **values: object
    ) -> Sequence[Row[Any]]:
        """Return the rows where a column is among these keys, whatever their number; of no keys nothing is asked."""
        ordered = list(keys)
        found: list[Row[Any]] = []
        for start in range(0, len(ordered), KEYS_PER_STATEMENT):
            part = ordered[start : start + KEYS_PER_STATEMENT]
            found += await self.rows(self.built(build), {"keys": part, **values})
        return found

    async def change(self, build: Callable[[Words], Executable], keys: Sequence[object], **values: object) -> None:
        """Run one statement about the rows where a column is among these keys, whatever their number."""
        for start in range(0, len(keys), KEYS_PER_STATEMENT):
            part = keys[start : start + KEYS_PER_STATEMENT]
            await self.run(self.built(build), [{"keys": part, **values}])

    async def run(self, statement: Executable, rows: Sequence[Values] | None = None) -> None:
        """Run one statement, once or (rows) for each row; of no rows nothing is run."""
        if rows is None or rows:
            await self._go(lambda connection: connection.execute(statement, rows).close())

    def insert(self, table: Table, rows: Sequence[Values], *, again: bool = False, contended: bool = False) -> None:
        """Add rows that have all columns of the table, at the latest before the commit; refusals are raised then.

        `again`: those that are there already stay as they are. In a `contended` table a key that is taken means that
        another writer was first: Conflict.
        """
        if not self._words.writing:
            raise StorageFailed("a transaction that reads was given rows to add")
        if rows:
            self._new.setdefault(table.name, NewRows(table, [], again)).rows.extend(rows)
        if contended:
            self._contended.add(table.name)

    async def flush(self) -> None:
        """Add the new rows now."""
        if self._new:
            await self._go(lambda connection: None)

    async def commit(self) -> None:
        """Add the new rows and end the transaction."""
        await self._go(lambda connection: connection.commit())

    async def _go(self, work: Callable[[sqlalchemy.Connection], Result]) -> Result:
        """Do the work in one trip with adding the new rows, which it may read."""
        new = [self._new[name] for name in sorted(self._new, key=PLACES.__getitem__)]
        self._new = {}

        def both(connection: sqlalchemy.Connection) -> Result:
            if new:
                self._words.dialect.write(connection, new)
            return work(connection)

        try:
            with translated():
                return await undisturbed(self._session.run_sync(both))
        except Taken as taken:
            if taken.table in self._contended:
                raise Conflict from taken
            raise
