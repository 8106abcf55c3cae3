"""`make hostile`: ten thousand hostile requests to each webhook of a gateway of its own, on loopback.

    python -m bench.hostile [--requests N] [--seed N]

What has to hold: no answer of 5xx, nothing that fits no rule (/metrics: huiyin_faults), and from the two thousandth
request to the last the process grows by less than 5 %. Exit status 1 when one of them does not.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from rich.console import Console
from rich.progress import track
from yarl import URL

from bench.hostile import weixin
from bench.hostile.requests import ACCOUNT, PUBLIC, SECRET, TOKEN, Hostile
from bench.hostile.sources import MAKERS, stream
from bench.machine import described

AT_ONCE = 8
FROM = 2_000
WINDOW = 2_000
GROWTH = 0.05
START_SECONDS = 60.0
LIMIT = aiohttp.ClientTimeout(total=30)

out = Console(highlight=False, soft_wrap=True)


@dataclass(slots=True, kw_only=True)
class Heard:
    """What one source answered, and the memory its process held when."""

    statuses: Counter[int] = field(default_factory=Counter)
    memory: dict[int, int] = field(default_factory=dict)  # after so many requests: resident kB

    def highest(self, before: int) -> int:
        """Return the most that was resident in the WINDOW of requests before this one.

        At one moment it would say how long ago the garbage collector last came by: that is 3 % up or down.
        """
        return max(kilobytes for sent, kilobytes in self.memory.items() if before - WINDOW < sent <= before)


def main() -> int:
    """Run it; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.hostile", description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=10_000, help="to each webhook (default 10000)")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the requests; the present by default")
    options = parser.parse_args()
    out.print(f"seed {options.seed}; {described()}")
    began = time.perf_counter()
    heard, faults = asyncio.run(_run(options.requests, options.seed))
    out.print(f"took {time.perf_counter() - began:.0f} s", markup=False)
    return 0 if _judged(heard, faults) else 1


def _judged(heard: dict[str, Heard], faults: float) -> bool:
    held = faults == 0
    out.print(f"unexpected errors: {faults:.0f}")
    for source, one in heard.items():
        first, last = one.highest(FROM), one.highest(max(one.memory))
        growth, broken = last / first - 1, sum(n for status, n in one.statuses.items() if status >= 500)
        answers = ", ".join(f"{status}: {count:,}" for status, count in sorted(one.statuses.items()))
        out.print(f"{source}: {answers}; resident {first / 1024:.1f} MB -> {last / 1024:.1f} MB ({growth:+.1%})")
        held = held and not broken and growth < GROWTH
    out.print("Every point holds." if held else "Not every point holds.")
    return held


async def _run(requests: int, seed: int) -> tuple[dict[str, Heard], float]:
    heard = {}
    faults = 0.0
    for source in MAKERS:
        # A process for each, so that the growth is that of one webhook.
        with tempfile.TemporaryDirectory(prefix="huiyin-hostile-") as folder:
            async with _gateway(Path(folder)) as (url, pid), aiohttp.ClientSession(timeout=LIMIT) as session:
                heard[source] = await _attack(session, f"{url}/hooks/{source}", pid, stream(source, requests, seed))
                faults += await _faults(session, url)
    return heard, faults


async def _attack(
    session: aiohttp.ClientSession, url: str, pid: int, requests: Sequence[Callable[[], Hostile]]
) -> Heard:
    heard = Heard()
    groups = [requests[start : start + AT_ONCE] for start in range(0, len(requests), AT_ONCE)]
    sent = 0
    for group in track(groups, description=url.rpartition("/")[2], console=out):
        heard.statuses.update(await asyncio.gather(*(_send(session, url, make()) for make in group)))
        sent += len(group)
        heard.memory[sent] = _resident(pid)
    return heard


async def _send(session: aiohttp.ClientSession, url: str, request: Hostile) -> int:
    target = URL(url + request.path, encoded=True)
    try:
        async with session.request(
            request.method, target, data=request.body or None, headers=request.headers
        ) as answer:
            await answer.read()
            return answer.status
    except aiohttp.ClientOSError:
        return 413  # cut off while it still sent a body nobody reads
    except ValueError:
        return 400  # not even this client makes a request of it


async def _faults(session: aiohttp.ClientSession, url: str) -> float:
    async with session.get(f"{url}/metrics") as answer:
        counted = re.findall(r'^huiyin_faults_total\{where="([^"]+)"\} ([0-9.]+)$', await answer.text(), re.MULTILINE)
    # The provider cannot be reached here, which its own loops say.
    return sum(float(times) for where, times in counted if not where.startswith(("census:", "feed:", "look:", "send:")))


def _resident(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


@asynccontextmanager
async def _gateway(folder: Path) -> AsyncIterator[tuple[str, int]]:
    """Run the program itself, as an operator would, with all channels that have a webhook."""
    settings = folder / "gateway.toml"
    settings.write_text(_SETTINGS.format(folder=folder) + weixin.SETTINGS, encoding="utf-8")
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway", "--config", str(settings), "serve"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert child.stdout is not None
    try:
        line = (await asyncio.wait_for(child.stdout.readline(), START_SECONDS)).decode()
        found = re.search(r"http://[\d.:]+", line)
        if found is None:
            raise SystemExit(f"the gateway did not start: {line}")
        yield found[0], child.pid
    finally:
        with suppress(ProcessLookupError):
            child.terminate()
        await child.wait()


# Nothing of it is sent anywhere: the provider's address is a port nobody listens on.
_SETTINGS = f"""
[bank]
names = {{{{ "zh-Hans" = "示例银行", "zh-Hant" = "示例銀行", "en" = "ExampleBank" }}}}
telephone = "010-00000001"

[storage]
url = "sqlite:///{{folder}}/huiyin.db"
keys_file = "{{folder}}/huiyin.keys"

[web]
port = 0
public_url = "{PUBLIC}"

[channels.hk-number]
adapter = "sms"
account_sid = "{ACCOUNT}"
auth_tokens = ["{TOKEN}"]
from_number = "+15005550006"
base_url = "http://127.0.0.1:9"

[channels.hotline]
adapter = "hotline"

[channels.hotline.push]
secrets = ["{SECRET}"]
"""


if __name__ == "__main__":
    sys.exit(main())
