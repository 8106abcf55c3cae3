"""`make bench`: what the gateway does on this machine, each figure as a share of a floor measured in the same run.

    python -m bench [--only intake mail notices] [--rounds N] [--seconds S] [--postgres URL] [--publish]

What is measured, and how, is in bench/README.md.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path

import uvloop
from rich.console import Console

from bench import intake, mail, notices, report
from bench.machine import LOAD_CORE, SERVER_CORE, described, fdatasync_ms, pin, postgres_settings, sqlite_settings
from bench.turns import Comparison, Skipped
from tests.servers import postgres_server

BENCHES = ("intake", "mail", "notices")
out = Console(highlight=False, soft_wrap=True)


def main() -> int:
    options = _options()
    with contextlib.ExitStack() as stack:
        postgres = options.postgres
        if postgres is None and "intake" in options.only and not options.no_postgres:
            postgres = stack.enter_context(_own_postgres())
        pin(SERVER_CORE)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_run(options, postgres))


async def _run(options: argparse.Namespace, postgres: str | None) -> int:
    machine = await _machine(postgres)
    out.print(*machine, sep="\n", markup=False)
    benches: dict[str, Callable[[], Awaitable[Comparison]]] = {
        "intake": lambda: intake.measure(
            rounds=options.rounds, seconds=options.seconds, postgres=postgres, peer=not options.no_peer
        ),
        "mail": lambda: mail.measure(rounds=options.rounds, mails=round(200 * options.seconds)),
        "notices": lambda: notices.measure(rounds=options.rounds, notices=round(384 * options.seconds)),
    }
    done: list[Comparison] = []
    for name in options.only:
        try:
            done.append(await benches[name]())
        except Skipped as reason:
            out.print(f"{name} skipped: {reason}", markup=False)
            continue
        out.print(report.table([done[-1]]), markup=False)
    report.write(done, machine, publish=options.publish)
    return 0


async def _machine(postgres: str | None) -> Sequence[str]:
    with tempfile.TemporaryDirectory(prefix="huiyin-bench-") as folder:
        median, slow = fdatasync_ms(Path(folder))
        lines = [
            described(),
            f"SQLite: {await sqlite_settings(Path(folder))}",
            f"fdatasync of 4 kB: {median:.2f} ms (median), {slow:.2f} ms (p99)",
        ]
    if postgres is not None:
        lines.insert(2, f"PostgreSQL: {await postgres_settings(postgres)}")
    return lines


@contextlib.contextmanager
def _own_postgres() -> Iterator[str | None]:
    """Yield the address of a durable PostgreSQL on the load's core, made as the tests make theirs; None without one."""
    pin(LOAD_CORE)
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(postgres_server())
        except RuntimeError as error:
            out.print(f"PostgreSQL is left out: {error}", markup=False)
            yield None
        else:
            yield server.url()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure the gateway against its floors.")
    parser.add_argument("--only", nargs="+", choices=BENCHES, default=BENCHES, help="measure these (default all)")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each side (default 5)")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of a turn of the floor, about (default 5)")
    parser.add_argument("--postgres", help="URL of a PostgreSQL to use instead of one made for the run")
    parser.add_argument("--no-postgres", action="store_true", help="leave PostgreSQL out")
    parser.add_argument("--no-peer", action="store_true", help="leave django-helpdesk out, which has to be installed")
    parser.add_argument("--publish", action="store_true", help="put the table into bench/README.md, with its chart")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
