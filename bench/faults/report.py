"""The run's result for people, as Markdown. Where it is published is said at `publish`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bench.faults.customers import Again
from bench.faults.stage import Outcome
from bench.faults.verdict import Point

README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- the fault run begins -->", "<!-- the fault run ends -->"
IDS_SHOWN = 20


def text(outcome: Outcome, machine: str) -> str:
    """Return the whole report: what was done, what came of it, and each point of the verdict."""
    held = outcome.verdict.holds and outcome.in_time
    lines = [
        f"- {machine}",
        *(f"- {line}" for line in outcome.ran),
        f"- {_messages(outcome)}",
        f"- {_circumstances(outcome)}",
        "",
        f"**{'Every point holds.' if held else 'Not every point holds.'}**",
        "",
        "| has to hold | of | broken |",
        "|---|---:|---:|",
        *(f"| {point.says} | {point.looked_at:,} | {len(point.broken):,} |" for point in outcome.verdict.points),
        *_broken(outcome),
        "",
        "| what happened | times |",
        "|---|---:|",
        *(f"| {what} | {times:,} |" for what, times in {**outcome.did, **outcome.verdict.counts}.items()),
        "",
    ]
    return "\n".join(lines)


def publish(report: str) -> None:
    """Put the report into bench/README.md, between its markers."""
    before, _, rest = README.read_text(encoding="utf-8").partition(BEGIN)
    README.write_text(f"{before}{BEGIN}\n{report}{END}{rest.partition(END)[2]}", encoding="utf-8")


def _messages(outcome: Outcome) -> str:
    customers = outcome.evidence.customers
    by_mail = sum(customer.by_mail for customer in customers)
    twice = sum(customer.again is not Again.NO for customer in customers)
    return (
        f"{len(customers):,} messages, {len(customers) - by_mail:,} by the REST API and {by_mail:,} by mail, "
        f"{twice:,} of them sent twice on purpose"
    )


def _circumstances(outcome: Outcome) -> str:
    plan = outcome.plan
    said = f"{plan.nodes} node{'s' * (plan.nodes > 1)}, {plan.database}, seed {plan.seed}, took {outcome.took}"
    if plan.outage:
        said += f", clocks {plan.outage} later after each outage"
    return said if outcome.in_time else f"{said}; not done within {plan.limit}"


def _broken(outcome: Outcome) -> Iterator[str]:
    for point in outcome.verdict.points:
        if point.broken:
            yield ""
            yield f"Broken: {point.says}: {_shown(point)}"


def _shown(point: Point) -> str:
    more = len(point.broken) - IDS_SHOWN
    return ", ".join(point.broken[:IDS_SHOWN]) + (f" and {more} more" if more > 0 else "")
