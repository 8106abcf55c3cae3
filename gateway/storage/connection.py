"""One open transaction: runs statements to their end, and says the few things that each database says its own way.

Beginning and ending a transaction is the engine's file (sqlite.py, postgres.py); what the statements are, the parts'.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any, Final, Protocol, TypeVar

from sqlalchemy import Column, ColumnElement, Executable, Row, Select, Table
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.storage.refusals import translated

KEYS_PER_STATEMENT: Final = 10_000  # SQLite takes 32 766 variables

Among = Callable[[Column[Any]], ColumnElement[bool]]
"""Says of a column that it holds one of the keys that are looked up."""
Result = TypeVar("Result")


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


class Dialect(Protocol):
    """What the two databases say differently."""

    def upsert(self, table: Table) -> Any:
        """Return an insert of rows that may exist already: it has `on_conflict_do_nothing` and `..._do_update`."""
        ...

    def among(self, keys: Sequence[object], column: Column[Any]) -> ColumnElement[bool]:
        """Return the condition that the column holds one of the keys, by the column's index."""
        ...

    async def insert(self, connection: AsyncConnection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add many rows of the same columns in one call, faster than SQLAlchemy does it row by row."""
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

    async def lookup(self, keys: Collection[object], statement: Callable[[Among], Select[Any]]) -> Sequence[Row[Any]]:
        """Return the rows where a column is among these keys, whatever their number."""
        ordered = list(keys)
        found: list[Row[Any]] = []
        for start in range(0, len(ordered), KEYS_PER_STATEMENT):
            part = ordered[start : start + KEYS_PER_STATEMENT]
            found += await self.rows(statement(partial(self._dialect.among, part)))
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
        """Keep the rows from other writers until the transaction ends. SQLite, with its one writer, needs no words.

        Select in the order of the ids: PostgreSQL locks the rows as it returns them, and one order for all writers is
        no deadlock. Rows that only refer to a locked one can still be added (NO KEY UPDATE).
        """
        return statement.with_for_update(key_share=True) if self._writing else statement
