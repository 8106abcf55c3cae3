"""What the contract suites run on: both databases. A file about one of them only says so by its own `database`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.ports import Storage
from gateway.storage import schema
from gateway.vault import Vault
from tests.databases import Database, postgres_database, sqlite_database
from tests.servers import PostgresServer


@pytest.fixture(params=["on_sqlite", "on_postgres"])
def database(request: pytest.FixtureRequest) -> Database:
    """An empty database of the present schema."""
    database: Database = request.getfixturevalue(request.param)
    return database


@pytest.fixture
async def storage(database: Database, vault: Vault) -> AsyncIterator[Storage]:
    async with database.open(vault) as storage:
        yield storage


@pytest.fixture
def new_on_sqlite(tmp_path: Path) -> Database:
    return sqlite_database(tmp_path / "new", None)


@pytest.fixture
async def new_on_postgres(postgres: PostgresServer) -> AsyncIterator[Database]:
    async with postgres_database(postgres) as database:
        yield database


@pytest.fixture(params=["new_on_sqlite", "new_on_postgres"])
def new(request: pytest.FixtureRequest) -> Database:
    """A database that was never migrated."""
    database: Database = request.getfixturevalue(request.param)
    return database


@pytest.fixture
async def own(new: Database) -> Database:
    """An empty database of the present schema that no other test uses: for what changes more than rows."""
    await schema.migrate(new.url)
    return new
