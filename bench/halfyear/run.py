"""One run: a database for it, the world on it, and what came of it."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from bench.halfyear.duties import duties, plan_calls
from bench.halfyear.plan import Plan
from bench.halfyear.world import Duties, World
from gateway.storage import schema
from gateway.storage.opening import open_storage
from gateway.vault import Vault
from tests.databases import Database
from tests.servers import postgres_server


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A world after its last day."""

    world: World
    database: Database
    took: timedelta  # wall time
    used: timedelta  # processor time


@asynccontextmanager
async def played(
    plan: Plan,
    *,
    postgres: bool = False,
    people: Duties = duties,
    shown: Callable[[datetime], None] = lambda day: None,
) -> AsyncIterator[Run]:
    """Play the plan on a new database; yield what came of it while the database is there."""
    with contextlib.ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="huiyin-halfyear-"))
        stack.callback(shutil.rmtree, folder)
        url = stack.enter_context(postgres_server()).url() if postgres else f"sqlite:///{folder}/huiyin.db"
        await schema.migrate(url)
        vault, database = Vault.create(folder / "huiyin.keys"), Database(url, (folder,))
        async with open_storage(url, vault) as storage:
            world = World(plan, storage=storage, rows=database, vault=vault, duties=people)
            plan_calls(world)
            began, used = time.perf_counter(), time.process_time()
            await world.run(shown)
            yield Run(
                world=world,
                database=database,
                took=timedelta(seconds=round(time.perf_counter() - began)),
                used=timedelta(seconds=round(time.process_time() - used)),
            )
