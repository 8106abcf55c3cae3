"""The machine a run is made on: its cores, its clocks, and what it takes to make a commit last."""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import sqlite3
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import asyncpg

from gateway.storage.engines import database_url, sqlite_engine
from gateway.storage.sqlite import WRITER_PRAGMAS

SERVER_CORE, LOAD_CORE = 0, 1
SYNCHRONOUS = ("OFF", "NORMAL", "FULL", "EXTRA")  # https://sqlite.org/pragma.html#pragma_synchronous
POSTGRES_SETTINGS = ("server_version", "fsync", "synchronous_commit", "full_page_writes", "wal_sync_method")


def pin(core: int) -> None:
    """Stay on one core, with all that is started from here, where the system can do that and has it."""
    with contextlib.suppress(AttributeError, OSError):
        os.sched_setaffinity(0, {core})


def processor_seconds(pid: int) -> float:
    """Return the processor time a process has used, in user and kernel; 0 where the system does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def described() -> str:
    """Name the machine: processor, system, and the versions that matter."""
    return (
        f"{_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    )


def fdatasync_ms(folder: Path, times: int = 200) -> Sequence[float]:
    """Return the median and the 99th percentile of appending 4 kB and waiting for the disk."""
    took: list[float] = []
    with (folder / "fdatasync").open("wb", buffering=0) as file:
        for _ in range(times):
            file.write(bytes(4096))
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            took.append(1000 * (time.perf_counter() - began))
    return statistics.median(took), statistics.quantiles(took, n=100)[98]


async def sqlite_settings(folder: Path) -> str:
    """Say what a connection of the gateway's one writer answers when it is asked."""
    engine = sqlite_engine(database_url(f"sqlite:///{folder}/asked.db"), connections=1, pragmas=WRITER_PRAGMAS)
    async with engine.connect() as connection:
        journal = (await connection.exec_driver_sql("PRAGMA journal_mode")).scalar_one()
        synchronous = (await connection.exec_driver_sql("PRAGMA synchronous")).scalar_one()
    await engine.dispose()
    return f"PRAGMA journal_mode = {journal}, PRAGMA synchronous = {synchronous} ({SYNCHRONOUS[synchronous]})"


async def postgres_settings(url: str) -> str:
    """Say what a new session of this server answers."""
    connection = await asyncpg.connect(url, timeout=10)
    try:
        answers = [f"{name} = {await connection.fetchval(f'SHOW {name}')}" for name in POSTGRES_SETTINGS]
    finally:
        await asyncio.wait_for(connection.close(), 10)
    return ", ".join(answers)


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
