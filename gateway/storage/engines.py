"""From a database's URL to an engine: drivers, pools, time limits and what every new connection is told first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import asyncpg
from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from gateway.errors import Misconfigured

BUSY_SECONDS: Final = 5  # how long another process (huiyin migrate, a backup) may hold an SQLite database


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long PostgreSQL may take before it counts as away, or another writer as in the way."""

    connect: timedelta = timedelta(seconds=5)
    free: timedelta = timedelta(seconds=5)  # until a connection of the pool is free
    lock: timedelta = timedelta(seconds=5)
    statement: timedelta = timedelta(seconds=15)
    answer: timedelta = timedelta(seconds=20)  # ours, for a server that is not heard of any more
    idle: timedelta = timedelta(seconds=60)  # a node that hangs in a transaction loses its locks after this


def database_url(url: str) -> URL:
    """Return the parsed URL. Raises Misconfigured, without quoting it: it may hold a password."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise Misconfigured("storage.url is not a database URL such as sqlite:///huiyin.db") from None
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise Misconfigured(f"storage.url: there is no storage for {parsed.get_backend_name()}")
    if not is_postgres(parsed) and parsed.database in (None, "", ":memory:"):
        # Its tasks would share one connection, and so each other's transactions.
        raise Misconfigured("storage.url needs a file: a database in memory has no isolation")
    return parsed


def is_postgres(url: URL) -> bool:
    return url.get_backend_name() == "postgresql"


def has_file(url: URL) -> bool:
    """Say whether an SQLite database was ever made."""
    return Path(url.database or "").exists()


def sqlite_engine(url: URL, *, connections: int, pragmas: Sequence[str]) -> AsyncEngine:
    """Return an engine that leaves BEGIN to its user and gives each new connection these pragmas."""
    engine = create_async_engine(url.set(drivername="sqlite+aiosqlite"), **_sqlite_options(connections))
    _tell(engine.sync_engine, pragmas)
    return engine


def sqlite_engine_for_threads(url: URL, *, connections: int, pragmas: Sequence[str]) -> Engine:
    """Return the same without a thread of its own: its user says where each statement runs."""
    engine = create_engine(url.set(drivername="sqlite+pysqlite"), **_sqlite_options(connections))
    _tell(engine, pragmas)
    return engine


def _sqlite_options(connections: int) -> dict[str, Any]:
    return {
        "hide_parameters": True,  # an error's text is logged
        "pool_size": connections,
        "max_overflow": 0,
        "pool_timeout": BUSY_SECONDS,
        "connect_args": {
            "timeout": BUSY_SECONDS,
            "isolation_level": None,  # the driver begins nothing by itself
            "check_same_thread": False,  # one thread after the other
        },
    }


def _tell(engine: Engine, pragmas: Sequence[str]) -> None:
    @event.listens_for(engine, "connect")
    def tell(connection: Any, record: object) -> None:
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(pragma)
        cursor.close()


def postgres_engine(
    url: URL, *, connections: int, limits: Limits, isolation: str, settings: Mapping[str, str]
) -> AsyncEngine:
    """Return an engine whose sessions have these settings beside the limits.

    The driver reads the URL by libpq's rules: sslmode, sslrootcert, passfile and several hosts are understood.
    """
    dsn = url.set(drivername="postgresql").render_as_string(hide_password=False)
    told = {
        "application_name": "huiyin",
        "synchronous_commit": "on",  # whatever the database's default: acknowledged is on disk
        "jit": "off",  # costs more than it gains on statements of milliseconds (lesson 92)
        "lock_timeout": _milliseconds(limits.lock),
        "statement_timeout": _milliseconds(limits.statement),
        "idle_in_transaction_session_timeout": _milliseconds(limits.idle),
        **settings,
    }

    async def connect() -> Any:
        return await asyncpg.connect(
            dsn,
            timeout=limits.connect.total_seconds(),
            command_timeout=limits.answer.total_seconds(),
            server_settings=told,
        )

    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=connect,
        hide_parameters=True,
        isolation_level=isolation,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=limits.free.total_seconds(),
    )

    @event.listens_for(engine.sync_engine, "checkout")
    def look(connection: Any, record: object, proxy: object) -> None:
        # After a restart of the database every connection of the pool is dead. The driver has heard of it: unlike a
        # ping this costs nothing.
        if connection.driver_connection.is_closed():
            raise DisconnectionError

    return engine


def _milliseconds(limit: timedelta) -> str:
    return str(limit // timedelta(milliseconds=1))
