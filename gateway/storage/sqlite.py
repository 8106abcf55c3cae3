"""SQLite: its one writer and its readers, and where a transaction begins and ends.

One connection writes, behind a lock with lanes; readers have connections of their own that cannot write. Every block is
one transaction. Statements are in the parts' files, the schema in tables.py.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from operator import itemgetter
from typing import Any, Final, Self

import sqlalchemy
from sqlalchemy import Column, ColumnElement, Table, bindparam
from sqlalchemy.dialects import sqlite

from gateway.errors import DiskFull, Misconfigured
from gateway.ports import Lane, Now
from gateway.storage import keys, schema
from gateway.storage.connection import Connection, NewRows, Values, undisturbed
from gateway.storage.engines import database_url, has_file
from gateway.storage.lanes import LaneLock
from gateway.storage.numbers import SqlNumbers
from gateway.storage.refusals import translated
from gateway.storage.tables import Instant, microseconds
from gateway.storage.threads import Threads
from gateway.storage.transaction import SqlTransaction
from gateway.vault import Vault

READERS: Final = 4
ROOM: Final = 16_000_000
"""Bytes. With less on the disk one batch of messages may not fit any more."""

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

    def among(self, column: Column[Any]) -> ColumnElement[bool]:
        return column.in_(bindparam("keys", expanding=True))

    def write(self, connection: sqlalchemy.Connection, new: Sequence[NewRows]) -> None:
        # With SQLAlchemy's own executemany a batch of 64 complaints takes 1.4 times the processor time.
        cursor = connection.connection.cursor()
        for added in new:
            insert = _insert_of(added.table, added.again)
            cursor.executemany(insert.statement, [insert.plain(row) + insert.moments(row) for row in added.rows])
        cursor.close()


DIALECT: Final = SqliteDialect()


class SqliteStorage:
    """Storage in one SQLite file, for one process."""

    def __init__(self, url: str, vault: Vault) -> None:
        self._url = database_url(url)
        self._vault = vault
        self._writer = Threads(self._url, connections=1, pragmas=WRITER_PRAGMAS)
        self._readers = Threads(self._url, connections=READERS, pragmas=READER_PRAGMAS)
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
            await self._writer.close()
            await self._readers.close()

    @asynccontextmanager
    async def writing(self, lane: Lane) -> AsyncIterator[SqlTransaction]:
        # IMMEDIATE: a transaction that reads first and then writes fails when another process wrote in between.
        async with self._turns.held(lane), self._writer.transaction("BEGIN IMMEDIATE") as session:
            db = Connection(session, dialect=DIALECT, writing=True)
            yield SqlTransaction(db, self._vault, SqlNumbers(db))
            await db.commit()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[SqlTransaction]:
        async with self._readers.transaction("BEGIN") as session:
            db = Connection(session, dialect=DIALECT, writing=False)
            yield SqlTransaction(db, self._vault, SqlNumbers(db))

    async def check(self) -> None:
        if not has_file(self._url):
            raise Misconfigured(f"there is no database {self._url.database}: run huiyin migrate")
        async with self._readers.transaction("BEGIN") as session:
            with translated():
                await undisturbed(schema.check(session))
                await undisturbed(keys.check(session, self._vault))

    async def check_room(self) -> None:
        if shutil.disk_usage(self._url.database or "").free < ROOM:
            raise DiskFull("the disk of the database is full")
        async with self._turns.held(Lane.INTAKE), self._writer.transaction("BEGIN IMMEDIATE") as session:
            db = Connection(session, dialect=DIALECT, writing=True)
            # Only a write finds out that nothing can be written. This word in the file's header is free for us.
            await db.run(sqlalchemy.text("PRAGMA user_version = 0"))
            await db.commit()

    async def skew(self, now: Now) -> timedelta:
        return timedelta()  # a file has no clock of its own


@dataclass(frozen=True, slots=True)
class Insert:
    """How a table's rows are given to the driver: a statement, and what picks its values out of a row."""

    statement: str
    plain: Callable[[Values], tuple[object, ...]]
    moments: Callable[[Values], tuple[object, ...]]


@cache
def _insert_of(table: Table, again: bool) -> Insert:
    moments = [column.name for column in table.columns if isinstance(column.type, Instant)]
    plain = [column.name for column in table.columns if column.name not in moments]
    names = ", ".join(f'"{name}"' for name in (*plain, *moments))
    return Insert(
        f'INSERT INTO "{table.name}" ({names}) VALUES ({", ".join("?" for _ in table.columns)})'
        f"{' ON CONFLICT DO NOTHING' if again else ''}",
        itemgetter(*plain),
        lambda row: tuple([microseconds(row[name]) for name in moments]),
    )
