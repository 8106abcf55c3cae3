"""`make faults`: the gateway among faults, and a verdict by counting.

    python -m bench.faults [--database sqlite] [--messages N] [--kills N] [--seed N] [--minutes M] [--publish]

What is done, and what has to hold, is in bench/README.md.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import uvloop
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench.faults import report
from bench.faults.plan import Kind, Plan
from bench.faults.run import run
from bench.faults.stage import Outcome, Standing, Watch
from bench.machine import described

out = Console(highlight=False, soft_wrap=True)


def main() -> int:
    options = _options()
    plan = Plan(
        database=Kind(options.database),
        seed=options.seed,
        messages=options.messages,
        kills=options.kills,
        gap=timedelta(seconds=options.gap),
        limit=timedelta(minutes=options.minutes),
        outage=timedelta(minutes=options.outage),
    )
    out.print(f"seed {plan.seed}; this run again: python -m bench.faults --seed {plan.seed} ...", markup=False)
    if options.logs is not None:
        options.logs.mkdir(parents=True, exist_ok=True)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            outcome = runner.run(_run(plan, options.logs))
        except (KeyboardInterrupt, asyncio.CancelledError):
            out.print("Ended before its end; everything that was started is ended.")
            return 130
    said = report.text(outcome, described())
    out.print(said, markup=False)
    if options.publish:
        report.publish(said)
    return 0 if outcome.verdict.holds and outcome.in_time else 1


async def _run(plan: Plan, logs: Path | None) -> Outcome:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    with _shown(plan) as watch:
        return await run(plan, logs=logs, watch=watch)


@contextlib.contextmanager
def _shown(plan: Plan) -> Iterator[Watch]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=out, transient=True) as progress:
        kills = progress.add_task("kills", total=plan.kills)
        accepted = progress.add_task("messages accepted", total=plan.messages)
        told = progress.add_task("customers told", total=plan.messages)
        phase = progress.add_task("starting", total=None)

        def watch(standing: Standing) -> None:
            progress.update(kills, completed=standing.kills)
            progress.update(accepted, completed=standing.accepted)
            progress.update(told, completed=standing.told)
            progress.update(phase, description=standing.phase)

        yield watch


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.faults",
        description="Run the gateway among faults on loopback: nodes killed with -9 at random moments, PostgreSQL and "
        "Redis restarted, connections cut, an SMTP server that fails. Then count: is every message one complaint, "
        "every number unique, every customer told. Exits with 1 when a point does not hold.",
        epilog="PostgreSQL and Redis come from the test dependencies, the mailbox is Dovecot 2.3 where it is on PATH. "
        "The full run takes half an hour or more, its last minutes waiting for what was cut short to be due.",
    )
    parser.add_argument(
        "--database",
        choices=[kind.value for kind in Kind],
        default=Kind.POSTGRES.value,
        help="postgres: two nodes and Redis (the default); sqlite: one node",
    )
    parser.add_argument("--messages", type=int, default=20_000, help="a quarter of them by mail (default 20000)")
    parser.add_argument("--kills", type=int, default=200, help="ends of a node by SIGKILL (default 200)")
    parser.add_argument(
        "--seed",
        type=int,
        default=int.from_bytes(os.urandom(4)),
        help="of everything that is random (default: a new one)",
    )
    parser.add_argument("--minutes", type=float, default=60.0, help="the longest it may take (default 60)")
    parser.add_argument(
        "--gap", type=float, default=4.0, help="seconds between a node's serving and its end, at most (default 4)"
    )
    parser.add_argument(
        "--outage",
        type=float,
        default=0.0,
        metavar="MINUTES",
        help="let the clocks of the nodes move on by so much while all of them are down, so that leases and pauses "
        "take no time (default 0: they are waited for)",
    )
    parser.add_argument("--logs", type=Path, metavar="FOLDER", help="leave the nodes' logs here")
    parser.add_argument("--publish", action="store_true", help="put the report into bench/README.md")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
