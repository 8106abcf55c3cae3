"""From storage.url to the storage it names: with copying.py the only file that knows both databases."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from gateway.storage.engines import database_url, is_postgres
from gateway.storage.postgres import PostgresStorage
from gateway.storage.sqlite import SqliteStorage
from gateway.vault import Vault


def open_storage(url: str, vault: Vault) -> AbstractAsyncContextManager[PostgresStorage | SqliteStorage]:
    """Open the storage for the block. Raises Misconfigured for a URL of neither; connects at its first use."""
    if is_postgres(database_url(url)):
        return PostgresStorage.open(url, vault)
    return SqliteStorage.open(url, vault)
