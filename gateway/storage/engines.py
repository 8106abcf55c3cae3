"""From a database's URL to an engine: drivers, pools and what every new connection is told first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from gateway.errors import Misconfigured

BUSY_SECONDS: Final = 5  # how long another process (huiyin migrate, a backup) may hold an SQLite database


def database_url(url: str) -> URL:
    """Return the parsed URL. Raises Misconfigured, without quoting it: it may hold a password."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise Misconfigured("storage.url is not a database URL such as sqlite:///huiyin.db") from None
    if parsed.get_backend_name() != "sqlite":
        raise Misconfigured(f"storage.url: there is no storage for {parsed.get_backend_name()}")
    if parsed.database in (None, "", ":memory:"):
        # Its tasks would share one connection, and so each other's transactions.
        raise Misconfigured("storage.url needs a file: a database in memory has no isolation")
    return parsed


def has_file(url: URL) -> bool:
    """Say whether an SQLite database was ever made."""
    return Path(url.database or "").exists()


def sqlite_engine(url: URL, *, connections: int, pragmas: Sequence[str]) -> AsyncEngine:
    """Return an engine that leaves BEGIN to its user and gives each new connection these pragmas."""
    engine = create_async_engine(
        url.set(drivername="sqlite+aiosqlite"),
        hide_parameters=True,  # an error's text is logged
        pool_size=connections,
        max_overflow=0,
        pool_timeout=BUSY_SECONDS,
        connect_args={"timeout": BUSY_SECONDS, "isolation_level": None},  # None: the driver begins nothing by itself
    )

    @event.listens_for(engine.sync_engine, "connect")
    def tell(connection: Any, record: object) -> None:
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(pragma)
        cursor.close()

    return engine
