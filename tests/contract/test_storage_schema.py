"""The way from one schema to the next: migrations equal tables.py, and a program never runs on another's schema."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from gateway.errors import Misconfigured, StorageFailed
from gateway.ports import Storage
from gateway.storage import schema, tables
from gateway.storage.sqlite import SqliteStorage
from gateway.vault import Vault
from tests.databases import Database


@pytest.fixture
def database(own: Database) -> Database:
    return own


async def test_the_migrations_make_exactly_the_tables_of_the_code(database: Database) -> None:
    def differences(connection: Connection) -> object:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        return compare_metadata(context, tables.metadata)

    async with database.connection() as connection:
        assert await connection.run_sync(differences) == []


async def test_a_database_of_this_schema_is_fit_for_use(storage: Storage) -> None:
    await storage.check()


async def test_migrating_again_changes_nothing(database: Database) -> None:
    assert await schema.current(database.url) == schema.head() == await schema.migrate(database.url)


async def test_a_new_database_gets_its_schema_by_migrate_only(new: Database) -> None:
    assert await schema.current(new.url) is None
    assert await schema.migrate(new.url) == schema.head()
    assert await schema.current(new.url) == schema.head()


async def test_several_nodes_may_migrate_at_once(new: Database) -> None:
    assert await asyncio.gather(*(schema.migrate(new.url) for _ in range(3))) == [schema.head()] * 3


@pytest.mark.parametrize("statement", ["DROP TABLE alembic_version", "DELETE FROM alembic_version"])
async def test_a_database_without_a_schema_asks_for_huiyin_migrate(
    storage: Storage, database: Database, statement: str
) -> None:
    await database.run(statement)
    with pytest.raises(Misconfigured, match="huiyin migrate"):
        await storage.check()


async def test_a_missing_file_asks_for_huiyin_migrate_and_is_not_made(tmp_path: Path, vault: Vault) -> None:
    url = f"sqlite:///{tmp_path}/none.db"
    assert await schema.current(url) is None
    async with SqliteStorage.open(url, vault) as storage:
        with pytest.raises(Misconfigured, match="huiyin migrate"):
            await storage.check()
    assert not (tmp_path / "none.db").exists()


async def test_a_newer_schema_is_neither_used_nor_migrated(storage: Storage, database: Database) -> None:
    await database.run("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(Misconfigured, match="newer"):
        await storage.check()
    with pytest.raises(Misconfigured, match="newer"):
        await schema.migrate(database.url)


async def test_a_migration_that_fails_leaves_nothing_behind(new: Database) -> None:
    """DDL is part of the transaction: a half-made schema would need a person."""
    await new.run("CREATE TABLE timeline (unexpected TEXT)")
    with pytest.raises(StorageFailed) as raised:
        await schema.migrate(new.url)
    assert "timeline" in str(raised.value.__cause__)
    async with new.connection() as connection:
        names = await connection.run_sync(lambda sync: sqlalchemy.inspect(sync).get_table_names())
    assert names == ["timeline"]
