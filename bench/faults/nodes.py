"""The nodes: real `huiyin serve` processes, killed by their own id and started again until they are told to end."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path

ROOT = Path(__file__).parents[2]
SERVES = b"Huiyin takes complaints at"
START_AGAIN_SECONDS = 0.5
END_SECONDS = 45.0
COMMAND_SECONDS = 60.0

# How a life of a node ended; the words are the report's.
KILLED_SERVING, KILLED_STARTING = "killed while it served", "killed while it started"
ASKED, DID_NOT_END = "ended when asked to", "did not end when asked to"
GAVE_UP_STARTING, GAVE_UP_SERVING = "gave up at its start, the database being away", "gave up while it served"


class Node:
    """One node. `kept` keeps it running; the log of all its lives is one file."""

    def __init__(self, *, settings: Path, port: int, log: Path) -> None:
        self.port = port
        self.settings = settings
        self.ahead = timedelta()  # by how much the clock of its next life is ahead
        self.runs = asyncio.Event()  # there is a process
        self.serves = asyncio.Event()
        self.ends: Counter[str] = Counter()
        self._log = log
        self._ending = False
        self._awake = asyncio.Event()
        self._awake.set()
        self._killed = False
        self._process: asyncio.subprocess.Process | None = None

    async def kept(self) -> None:
        """Keep the node running until `end`, and end it when cancelled."""
        try:
            while not self._ending:
                await self._awake.wait()
                await self._live()
        finally:
            await self.end()

    def kill(self) -> bool:
        """Kill its process as by kill -9; return False when it has none just now."""
        process = self._process
        if process is None or process.returncode is not None or self._killed:
            return False
        self.ends[KILLED_SERVING if self.serves.is_set() else KILLED_STARTING] += 1
        self._killed = True
        self.runs.clear()
        self.serves.clear()
        process.kill()
        return True

    async def rest(self) -> None:
        """Let its process end in order; no other one follows before `rise`."""
        self._awake.clear()
        self.serves.clear()
        await self._ended()

    def rise(self) -> None:
        self._awake.set()

    async def end(self) -> None:
        """Let it end in order, for good."""
        self._ending = True
        await self._ended()

    async def _live(self) -> None:
        with self._log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *self._command(), cwd=ROOT, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=log
            )
        self._process, self._killed = process, False
        self.runs.set()
        assert process.stdout is not None
        served = False
        while line := await process.stdout.readline():
            if line.startswith(SERVES) and not self._killed:
                served = True
                self.serves.set()
        status = await process.wait()
        self.runs.clear()
        self.serves.clear()
        if self._killed:
            return
        if status == 0 or (
            status == -signal.SIGTERM and not served
        ):  # before it serves it has no time for an orderly end
            self.ends[ASKED] += 1
        else:
            self.ends[GAVE_UP_SERVING if served else GAVE_UP_STARTING] += 1
            await asyncio.sleep(START_AGAIN_SECONDS)

    def _command(self) -> list[str]:
        how = ["-m", "bench.faults.node", f"{self.ahead / timedelta(minutes=1)}"] if self.ahead else ["-m", "gateway"]
        return [sys.executable, *how, "--config", str(self.settings), "serve"]

    async def _ended(self) -> None:
        """Ask its process to end, by SIGTERM, and wait until it has; kill it when it does not."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), END_SECONDS)
            except TimeoutError:
                self.ends[DID_NOT_END] += 1
                process.kill()
                await process.wait()


async def command(settings: Path, name: str) -> None:
    """Run one command of huiyin to its end. Raises RuntimeError with what it said when it fails."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway", "--config", str(settings), name),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        said, _ = await asyncio.wait_for(process.communicate(), COMMAND_SECONDS)
    except BaseException:
        process.kill()
        await process.wait()
        raise
    if process.returncode != 0:
        raise RuntimeError(f"huiyin {name} failed: {said.decode(errors='replace')}")
