"""The way from one schema to the next: migrations equal tables.py, and a program never runs on another's schema."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from gateway.errors import Misconfigured, StorageFailed
from gateway.ports import Storage
from gateway.storage import schema, tables
from gateway.storage.sqlite import SqliteStorage
from gateway.vault import Vault


def run(database: Path, statement: str) -> None:
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute(statement)


def test_the_migrations_make_exactly_the_tables_of_the_code(database: Path) -> None:
    engine = create_engine(f"sqlite:///{database}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, tables.metadata) == []
    engine.dispose()


async def test_a_database_of_this_schema_is_fit_for_use(storage: Storage) -> None:
    await storage.check()


async def test_migrating_again_changes_nothing(database: Path) -> None:
    url = f"sqlite:///{database}"
    assert await schema.current(url) == schema.head() == await schema.migrate(url)


async def test_a_database_that_does_not_exist_is_made_by_migrate_only(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new.db"
    assert await schema.current(url) is None
    assert "new.db" not in os.listdir(tmp_path)
    assert await schema.migrate(url) == schema.head()
    assert await schema.current(url) == schema.head()


@pytest.mark.parametrize("statement", ["DROP TABLE alembic_version", "DELETE FROM alembic_version"])
async def test_a_database_without_a_schema_asks_for_huiyin_migrate(
    storage: Storage, database: Path, statement: str
) -> None:
    run(database, statement)
    with pytest.raises(Misconfigured, match="huiyin migrate"):
        await storage.check()


async def test_a_missing_database_asks_for_huiyin_migrate_and_is_not_made(tmp_path: Path, vault: Vault) -> None:
    async with SqliteStorage.open(f"sqlite:///{tmp_path}/none.db", vault) as storage:
        with pytest.raises(Misconfigured, match="huiyin migrate"):
            await storage.check()
    assert "none.db" not in os.listdir(tmp_path)


async def test_a_newer_schema_is_neither_used_nor_migrated(storage: Storage, database: Path) -> None:
    run(database, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(Misconfigured, match="newer"):
        await storage.check()
    with pytest.raises(Misconfigured, match="newer"):
        await schema.migrate(f"sqlite:///{database}")


async def test_a_migration_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    """DDL is part of the transaction: a half-made schema would need a person."""
    database = tmp_path / "half.db"
    run(database, "CREATE TABLE timeline (unexpected TEXT)")
    with pytest.raises(StorageFailed) as raised:
        await schema.migrate(f"sqlite:///{database}")
    assert "timeline" in str(raised.value.__cause__)
    with closing(sqlite3.connect(database)) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master")]
    assert names == ["timeline"]
