"""The load over HTTP: wrk (Debian's package), pinned to its own core, over connections that stay open."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import orjson

from bench.machine import LOAD_CORE, pin, processor_seconds
from bench.turns import Skipped, Turn, load_average

CONNECTIONS = 64
SCRIPT = Path(__file__).with_name("wrk.lua")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What is posted, and to whom. `pid` is the process whose processor time counts."""

    url: str
    pid: int
    body: Path
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


async def post(target: Target, seconds: float) -> Turn:
    """Post for so long over CONNECTIONS connections. Raises Skipped when wrk is missing or an answer was an error."""
    if (wrk := shutil.which("wrk")) is None:
        raise Skipped("no wrk on PATH (Debian: apt-get install wrk)")
    load, before = load_average(), processor_seconds(target.pid)
    process = await asyncio.create_subprocess_exec(
        wrk,
        *("--threads", "1", "--connections", str(CONNECTIONS), "--duration", f"{seconds:.0f}s", "--timeout", "30s"),
        *("--script", str(SCRIPT), target.url),
        env={
            "BENCH_RUN": os.urandom(6).hex(),
            "BENCH_BODY": str(target.body),
            "BENCH_TYPE": target.content_type,
            "BENCH_HEADERS": "\n".join(f"{name}: {value}" for name, value in target.headers.items()),
        },
        stdout=asyncio.subprocess.PIPE,
        preexec_fn=partial(pin, LOAD_CORE),
    )
    output, _ = await asyncio.wait_for(process.communicate(), seconds + 60)
    used = processor_seconds(target.pid) - before
    said = orjson.loads(output.strip().rpartition(b"\n")[2])
    if not said["requests"] or said["refused"] or said["lost"]:
        raise Skipped(f"{said['refused']} requests refused, {said['lost']} lost, of {said['requests']}")
    return Turn(
        rate=said["requests"] / said["us"] * 1e6,
        cpu_us=used / said["requests"] * 1e6,
        p99_ms=said["p99_us"] / 1000,
        load=load,
    )
