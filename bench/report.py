"""The run's result for people: a table, and a chart of the shares. Where they go is said at `write`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import orjson

from bench.intake import P99_TIMES, PEER, PEER_TIMES
from bench.turns import Comparison, Measured

HERE = Path(__file__).parent
RESULTS = HERE / "results"
README, CHART = HERE / "README.md", HERE / "chart.svg"
BEGIN, END = "<!-- the run begins -->", "<!-- the run ends -->"

_HEAD = (
    "| what | a second | CPU, us each | p99, ms | share of the floor | by CPU | to reach |\n"
    "|---|---:|---:|---:|---:|---:|---:|"
)
_ROW, _BAR, _LEFT, _WIDTH, _FULL = 34, 14, 250, 760, 400


def write(done: Sequence[Comparison], machine: Sequence[str], *, publish: bool) -> None:
    """Write table, chart and every single turn into bench/results; with `publish` also into the README."""
    text = "\n".join([*(f"- {line}" for line in machine), "", table(done), ""])
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "table.md").write_text(text, encoding="utf-8")
    (RESULTS / "chart.svg").write_text(chart(done), encoding="utf-8")
    (RESULTS / "turns.json").write_bytes(orjson.dumps(done, option=orjson.OPT_INDENT_2))
    if publish:
        before, _, rest = README.read_text(encoding="utf-8").partition(BEGIN)
        README.write_text(f"{before}{BEGIN}\n{text}{END}{rest.partition(END)[2]}", encoding="utf-8")
        CHART.write_text(chart(done), encoding="utf-8")


def table(done: Sequence[Comparison]) -> str:
    """Return the comparisons as a Markdown table, with what was left out and the load of the machine below."""
    rows = [_row(side, comparison) for comparison in done for side in comparison.sides]
    return "\n".join([_HEAD, *rows, "", *(f"- {note}" for comparison in done for note in _notes(comparison))])


def _row(side: Measured, comparison: Comparison) -> str:
    is_floor = side is comparison.floor
    what = f"**{comparison.name}** ({comparison.unit}): {side.name}" if is_floor else side.name
    p99 = f"{side.p99_ms:.1f}" if side.p99_ms is not None else ""
    shares = "1 | " if is_floor else f"{side.share:.3f} | {side.cpu_share:.3f}"
    target = f"{side.target:.2f}" if side.target else ""
    return f"| {what} | {side.rate:,.0f} | {side.cpu_us:,.0f} | {p99} | {shares} | {target} |"


def _notes(comparison: Comparison) -> Iterator[str]:
    floor = comparison.floor
    peer = next((side for side in comparison.sides if side.name == PEER), None)
    for side in comparison.sides:
        if side.target and side.p99_ms and floor.p99_ms:
            yield f"{side.name}: p99 is {side.p99_ms / floor.p99_ms:.1f} times the floor's (to stay under: {P99_TIMES})"
        if side.target and peer:
            yield f"{side.name}: {side.rate / peer.rate:.0f} times {PEER} (to reach: {PEER_TIMES})"
    for reason in comparison.skipped:
        yield f"left out: {reason}"
    loads = [turn.load for side in comparison.sides for turn in side.turns]
    yield f"{comparison.name}: {len(floor.turns)} turns a side; load average {min(loads):.1f} to {max(loads):.1f}"


def chart(done: Sequence[Comparison]) -> str:
    """Return the shares of the floor as an SVG of bars; a stroke marks what is to be reached."""
    bars = [(comparison, side) for comparison in done for side in comparison.sides if side.target]
    height = 46 + _ROW * len(bars)
    body = "\n".join(_bar(comparison, side, 40 + _ROW * place) for place, (comparison, side) in enumerate(bars))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}" '
        f'font-family="system-ui, sans-serif" font-size="13" role="img" aria-label="Shares of the floor">\n'
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>\n'
        f'<text x="{_LEFT}" y="22" fill="#52525b">share of the floor (1.00); the stroke is the target</text>\n'
        f"{body}\n</svg>\n"
    )


def _bar(comparison: Comparison, side: Measured, y: int) -> str:
    target = side.target or 0.0
    length, mark = _FULL * min(side.share, 1.0), _LEFT + _FULL * target
    return (
        f'<text x="{_LEFT - 10}" y="{y + 12}" text-anchor="end" fill="#18181b">{comparison.name}, '
        f"{side.name.removeprefix('gateway, ')}</text>"
        f'<rect x="{_LEFT}" y="{y}" width="{_FULL}" height="{_BAR}" rx="3" fill="#f4f4f5"/>'
        f'<rect x="{_LEFT}" y="{y}" width="{length:.1f}" height="{_BAR}" rx="3" fill="#0f766e"/>'
        f'<line x1="{mark:.1f}" x2="{mark:.1f}" y1="{y - 4}" y2="{y + _BAR + 4}" stroke="#18181b" stroke-width="2"/>'
        f'<text x="{_LEFT + _FULL + 10}" y="{y + 12}" fill="#18181b">{side.share:.2f} of {target:.2f}</text>'
    )
