"""The databases that tests run on, each an empty one for one test, and a way to look into them past the storage."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy import Engine, event, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from gateway.ports import Storage
from gateway.storage import tables
from gateway.storage.opening import open_storage
from gateway.vault import Vault
from tests.servers import PostgresServer

_serial = count(1)


@dataclass(frozen=True, slots=True)
class Database:
    """One test's own database. `folders`: where everything it ever wrote lies."""

    url: str
    folders: tuple[Path, ...]

    @property
    def name(self) -> str:
        return self.url.rpartition("/")[2]

    @property
    def is_sqlite(self) -> bool:
        return self.url.startswith("sqlite")

    def open(self, vault: Vault) -> AbstractAsyncContextManager[Storage]:
        """Open a storage over it: several of them are several processes."""
        return open_storage(self.url, vault)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection]:
        """Yield a connection past the storage, which commits every statement."""
        engine = create_async_engine(self.url.replace("://", "+aiosqlite://" if self.is_sqlite else "+asyncpg://", 1))
        try:
            async with engine.connect() as connection:
                yield await connection.execution_options(isolation_level="AUTOCOMMIT")
        finally:
            await engine.dispose()

    async def run(self, statement: str, **values: object) -> list[tuple[Any, ...]]:
        """Run a statement past the storage and return its rows."""
        async with self.connection() as connection:
            result = await connection.execute(text(statement), values)
            return [tuple(row) for row in result] if result.returns_rows else []

    async def written(self) -> bytes:
        """Return every byte of its files, logs included."""
        if not self.is_sqlite:
            await self.run("CHECKPOINT")
        files = (path for folder in self.folders for path in sorted(folder.glob("*")) if path.is_file())
        return b"".join(path.read_bytes() for path in files)


def sqlite_database(folder: Path, migrated: Path | None) -> Database:
    """Return a database file in a folder of its own: a copy of the migrated one, or one yet to be made."""
    folder.mkdir()
    if migrated is not None:
        shutil.copyfile(migrated, folder / "huiyin.db")
    return Database(f"sqlite:///{folder / 'huiyin.db'}", (folder,))


@asynccontextmanager
async def postgres_database(server: PostgresServer) -> AsyncIterator[Database]:
    """Yield a new database without a schema, and drop it with whoever is still connected."""
    database = await create(server)
    try:
        yield database
    finally:
        await administer(server, f"DROP DATABASE {database.name} WITH (FORCE)")


async def create(server: PostgresServer) -> Database:
    name = f"test_{next(_serial)}"
    await administer(server, f"CREATE DATABASE {name} STRATEGY file_copy")
    number = await administer(server, f"SELECT oid FROM pg_database WHERE datname = '{name}'")
    return Database(server.url(name), (server.data / "base" / str(number), server.data / "pg_wal"))


async def empty(server: PostgresServer, database: Database) -> None:
    """Delete every row: ten times as fast as another database."""
    rows = "; ".join(f"DELETE FROM {table.name}" for table in reversed(tables.metadata.sorted_tables))
    await administer(server, rows, database.name)


async def administer(server: PostgresServer, statement: str, database: str = "postgres") -> Any:
    """Run a statement; return its first value, or how many rows it was about."""
    connection = await asyncpg.connect(server.url(database))
    try:
        return await (connection.fetchval if statement.startswith("SELECT") else connection.execute)(statement)
    finally:
        await connection.close()


@contextmanager
def listening(name: str, to: Callable[..., Any]) -> Iterator[None]:
    """Call `to` on every such event of any engine meanwhile."""
    event.listen(Engine, name, to)
    try:
        yield
    finally:
        event.remove(Engine, name, to)
