"""The storages the contract suite runs on: each test gets an empty database of its own."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.ports import Storage
from gateway.storage.sqlite import SqliteStorage
from gateway.vault import Vault


@pytest.fixture
def database(migrated: Path, tmp_path: Path) -> Path:
    """The file of an empty SQLite database, for tests that look into it."""
    return Path(shutil.copyfile(migrated, tmp_path / "huiyin.db"))


@pytest.fixture(params=["sqlite"])
async def storage(database: Path, vault: Vault) -> AsyncIterator[Storage]:
    async with SqliteStorage.open(f"sqlite:///{database}", vault) as storage:
        yield storage
