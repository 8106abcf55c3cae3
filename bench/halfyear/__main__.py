"""A simulated half year: two thousand complaints through the real core, and a verdict at every step.

    python -m bench.halfyear [--complaints N] [--seed N] [--begins DAY] [--ends DAY] [--postgres] [--publish]

What is done, and what has to hold, is in bench/HALFYEAR.md.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from datetime import date, datetime

import uvloop
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench.halfyear import report
from bench.halfyear.plan import BEGINS, ENDS, ZONE, Plan
from bench.halfyear.run import played
from bench.machine import described

out = Console(highlight=False, soft_wrap=True)


def main() -> int:
    options = _options()
    plan = Plan(complaints=options.complaints, seed=options.seed, begins=options.begins, ends=options.ends)
    out.print(f"seed {plan.seed}; this run again: python -m bench.halfyear --seed {plan.seed} ...", markup=False)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_run(plan, postgres=options.postgres, publish=options.publish))


async def _run(plan: Plan, *, postgres: bool, publish: bool) -> int:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=out, transient=True) as progress:
        days = progress.add_task("days", total=plan.days)

        def shown(midnight: datetime) -> None:
            progress.update(days, advance=1, description=f"{midnight.astimezone(ZONE):%Y-%m-%d}")

        async with played(plan, postgres=postgres, shown=shown) as run:
            said = await report.text(run, described())
    out.print(said, markup=False)
    if publish:
        report.publish(run, said)
    return 1 if run.world.ledger.violations else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.halfyear",
        description="Let half a year pass: complaints come at the rates of weekdays and holidays, by every channel, "
        "and go through the gateway's own intake, casework, timers and deliveries on a real database, the clock driven "
        "from event to event. People are sometimes late, absent, forgetful; customers accept, object, fall silent, "
        "withdraw; providers fail; the machine is away twice; next year's calendar comes late. After every step it is "
        "judged what the step touched, each simulated day everything. Exits with 1 when a point does not hold.",
        epilog="2 000 complaints take about half an hour on one core of a small machine.",
    )
    parser.add_argument("--complaints", type=int, default=2000, metavar="N", help="how many come in (default 2000)")
    parser.add_argument(
        "--seed", type=int, default=int.from_bytes(os.urandom(4)), help="of everything that is random (default: new)"
    )
    parser.add_argument(
        "--begins",
        type=date.fromisoformat,
        default=BEGINS,
        metavar="DAY",
        help="the first day, of 2025 or 2026 (default 2025-09-01)",
    )
    parser.add_argument(
        "--ends",
        type=date.fromisoformat,
        default=ENDS,
        metavar="DAY",
        help="the day after the last (default 2026-03-01)",
    )
    parser.add_argument("--postgres", action="store_true", help="on a PostgreSQL made for the run instead of SQLite")
    parser.add_argument("--publish", action="store_true", help="put the report into bench/HALFYEAR.md, with its chart")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
