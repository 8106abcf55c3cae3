"""The schema's version: which one a database has, which one this code needs, and the way from one to the other.

What the tables are is in tables.py; the steps are in migrations/versions/.
"""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Final

import sqlalchemy
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from gateway.errors import Misconfigured
from gateway.storage.connection import Session
from gateway.storage.engines import Limits, database_url, has_file, is_postgres, postgres_engine, sqlite_engine
from gateway.storage.refusals import translated

# Foreign keys stay off while tables change: SQLite changes one by copying and dropping it, and with them on the drop
# would delete what refers to it.
MIGRATING: Final = ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", "PRAGMA foreign_keys = OFF")
# A step over a large table takes what it takes; what waits for a lock meanwhile makes all other writers wait behind it.
MIGRATING_LIMITS: Final = Limits(statement=timedelta(hours=1), answer=timedelta(hours=1), lock=timedelta(seconds=30))
MOVED: Final = "moved"  # in place of a revision: the truth is in another database
ADVISORY_LOCK: Final = int.from_bytes(b"huiyin")  # names `huiyin migrate` among the users of the database


async def migrate(url: str) -> str:
    """Bring the database to this code's schema, wholly or not at all, and return its revision. Makes a missing file.

    Raises Misconfigured when the schema is newer than this code or the database was moved; Contended or Unavailable as
    a write does.
    """
    parsed = database_url(url)
    if is_postgres(parsed):
        engine, alone = _postgres(parsed, limits=MIGRATING_LIMITS), f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})"
    else:
        engine, alone = sqlite_engine(parsed, connections=1, pragmas=MIGRATING), "BEGIN IMMEDIATE"
    try:
        with translated():
            async with engine.connect() as connection:
                await connection.exec_driver_sql(alone)  # a second `huiyin migrate` waits here
                await _refuse(connection, await revision(connection))
                await connection.run_sync(_upgrade)
                await connection.commit()
    finally:
        await engine.dispose()
    return head()


async def current(url: str) -> str | None:
    """Return the database's revision, None when it has no schema."""
    parsed = database_url(url)
    if is_postgres(parsed):
        engine = _postgres(parsed, limits=Limits())
    elif has_file(parsed):
        engine = sqlite_engine(parsed, connections=1, pragmas=("PRAGMA query_only = ON",))
    else:
        return None
    try:
        with translated():
            async with engine.connect() as connection:
                return await revision(connection)
    finally:
        await engine.dispose()


@cache
def head() -> str:
    """Return the revision this code needs."""
    found = _scripts().get_current_head()
    if found is None:
        raise Misconfigured("the installation is incomplete: there are no migrations")
    return found


async def revision(connection: Session) -> str | None:
    """Return the revision of an open connection's database, None when it has no schema."""
    return await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())


async def check(connection: Session) -> None:
    """Raise Misconfigured unless the database has exactly this code's schema."""
    found = await revision(connection)
    if found == head():
        return
    await _refuse(connection, found)
    state = f"has schema {found}" if found else "has no schema"
    raise Misconfigured(f"the database {state}, this version needs {head()}: run huiyin migrate")


async def retire(connection: AsyncConnection, to: str) -> None:
    """Close a database whose truth went to another one, inside the caller's transaction.

    No version serves or migrates it any more. A gateway that still runs on it can neither take in nor send: it would
    give the same numbers and send the same notices again.
    """
    for table in ("messages", "queue"):
        await connection.exec_driver_sql(f"ALTER TABLE {table} RENAME TO {MOVED}_{table}")
    await connection.exec_driver_sql(f"CREATE TABLE {MOVED} (url TEXT NOT NULL)")
    await connection.execute(sqlalchemy.text(f"INSERT INTO {MOVED} VALUES (:url)"), {"url": to})
    await connection.execute(sqlalchemy.text("UPDATE alembic_version SET version_num = :moved"), {"moved": MOVED})


async def _refuse(connection: Session, found: str | None) -> None:
    """Raise Misconfigured for a revision that this code can do nothing with."""
    if found == MOVED:
        where = await connection.run_sync(lambda sync: sync.scalar(sqlalchemy.text(f"SELECT url FROM {MOVED}")))
        raise Misconfigured(f"this database was moved to {where}: name that one in storage.url, never this one again")
    if found is not None and found not in {script.revision for script in _scripts().walk_revisions()}:
        raise Misconfigured(
            f"the database's schema {found} is newer than this version's {head()}: "
            "run the newer version (huiyin migrate does not go back)"
        )


def _postgres(url: URL, *, limits: Limits) -> AsyncEngine:
    return postgres_engine(url, connections=1, limits=limits, isolation="READ COMMITTED", settings={})


def _upgrade(connection: sqlalchemy.Connection) -> None:
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


@cache
def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _config() -> Config:
    # No alembic.ini: the steps lie beside this file, also in an installed wheel. % is the ini format's escape.
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return config
