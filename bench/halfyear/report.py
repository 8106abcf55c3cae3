"""The run's result for people: tables as Markdown, and a chart. Where they are published is said at `publish`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from bench.halfyear.chart import chart
from bench.halfyear.run import Run
from gateway.model import ClockName, Complaint, Level, State
from gateway.rules.alarms import CHAINS, Alarm

HERE = Path(__file__).parents[1]
PAGE, CHART = HERE / "HALFYEAR.md", HERE / "halfyear.svg"
BEGIN, END = "<!-- the run begins -->", "<!-- the run ends -->"
SHOWN = 20
BY_CHANNEL = "SELECT kind, CASE WHEN call THEN 'a call' ELSE type END, count(*) FROM deliveries GROUP BY 1, 2"
BY_STATE = "SELECT state, count(*) FROM notices GROUP BY 1"


async def text(run: Run, machine: str) -> str:
    """Return the whole report: what was done, what had to hold, and what came of it."""
    world, ledger = run.world, run.world.ledger
    lines = [
        f"- {machine}",
        f"- {world.plan.complaints:,} matters from {world.plan.begins} to {world.plan.ends - timedelta(days=1)}, "
        f"seed {world.plan.seed}, on {'SQLite' if run.database.is_sqlite else 'PostgreSQL'}: "
        f"{len(world.lives):,} complaints, {ledger.figures.events.total():,} timeline entries",
        f"- wall time {run.took}, processor time {run.used}",
        "",
        f"**{'Every point holds.' if not ledger.violations else 'Not every point holds.'}**",
        "",
        *_points(run),
        "",
        *_cases(list(ledger.complaints()), ledger.longest()),
        "",
        *_clocks(run),
        "",
        *await _notices(run),
        "",
        *_did(run),
        "",
    ]
    return "\n".join(lines)


def publish(run: Run, report: str) -> None:
    """Put the report into bench/HALFYEAR.md, between its markers, and the chart beside it."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{report}{END}{rest.partition(END)[2]}", encoding="utf-8")
    CHART.write_text(chart(run.world.plan, run.world.ledger.figures), encoding="utf-8")


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|---|{'---:|' * (len(head) - 1)}"
    for first, *others in rows:
        yield f"| {first} | {' | '.join(_cell(one) for one in others)} |"


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _points(run: Run) -> Iterator[str]:
    ledger = run.world.ledger
    broken = Counter(violation.rule for violation in ledger.violations)
    rules = sorted(ledger.looked.keys() | broken.keys())
    yield from _table(("has to hold", "of", "broken"), ((rule, ledger.looked[rule], broken[rule]) for rule in rules))
    for one in ledger.violations[:SHOWN]:
        yield f"\nBroken: {one.rule}: {one.number} at {one.at:%Y-%m-%d %H:%M}Z: {one.words}"


def _cases(complaints: Sequence[Complaint], longest: Mapping[State, int]) -> Iterator[str]:
    results = Counter((c.case.result.value if c.case.result else "none yet", c.level) for c in complaints)
    states = Counter((c.state, c.level) for c in complaints)
    levels = tuple(Level)
    head = (*(level.value for level in levels), "all")
    named = sorted({result for result, _ in results})
    yield from _table(
        ("result", *head), ((one, *_by_level([results[one, level] for level in levels])) for one in named)
    )
    yield ""
    found = [state for state in State if any(states[state, level] for level in levels)]
    yield from _table(
        ("state on the last day", *head, "the longest, days"),
        ((one.value, *_by_level([states[one, level] for level in levels]), longest[one]) for one in found),
    )


def _by_level(counts: Sequence[int]) -> Sequence[int]:
    return (*counts, sum(counts))


def _clocks(run: Run) -> Iterator[str]:
    figures = run.world.ledger.figures
    yield from _table(
        ("clock", "ended", "in time", "alarms, in the order of its chain"),
        (
            (name.value, sum(ended), f"{ended[0] / sum(ended):.1%}" if sum(ended) else "", _alarms(run, name))
            for name in ClockName
            if sum(ended := (figures.in_time[name, True], figures.in_time[name, False]))
        ),
    )


def _alarms(run: Run, name: ClockName) -> str:
    alarms = run.world.ledger.figures.alarms
    return ", ".join(f"{_when(alarm)} {alarms[name, place]:,}" for place, alarm in enumerate(CHAINS[name]))


def _when(alarm: Alarm) -> str:
    if alarm.hour is not None:
        return f"{alarm.hour:%H:%M}:"
    if alarm.days_before is not None:
        return f"T-{alarm.days_before}d:"
    if alarm.workdays_before is not None:
        return f"T-{alarm.workdays_before}wd:"
    return f"{alarm.share or 0:.0%}:"


async def _notices(run: Run) -> Iterator[str]:
    found = await run.database.run(BY_CHANNEL)
    ways = sorted({str(way) for _, way, _ in found})
    counts = {(str(kind), str(way)): int(count) for kind, way, count in found}
    kinds = sorted({kind for kind, _ in counts})
    states = ", ".join(f"{count:,} {state}" for state, count in sorted(await run.database.run(BY_STATE)))
    rows = [(kind, *[counts.get((kind, way), 0) for way in ways]) for kind in kinds]
    return iter([*_table(("notice, deliveries by way", *ways), rows), "", f"Notices on the last day: {states}."])


def _did(run: Run) -> Iterator[str]:
    world = run.world
    yield from _table(
        ("what was done", "times"),
        [
            *sorted(world.steps.items(), key=lambda item: -item[1]),
            *((f"refused: {what}", times) for what, times in sorted(world.refused.items())),
            *((f"provider: {what}", times) for what, times in sorted(world.provider.did.items())),
        ],
    )
