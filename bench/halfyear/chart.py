"""The run's chart: what came in and what was answered by week, what was open, and how many clocks ended in time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from bench.halfyear.figures import Figures
from bench.halfyear.plan import Plan
from gateway.model import ClockName

WIDTH, LEFT, RIGHT = 760, 60, 20
PLOT = 200  # height of the plot over time
TOP = 40
ROW, BAR = 24, 12
INK, FAINT, ARRIVED, ANSWERED, OPEN = "#18181b", "#e4e4e7", "#0f766e", "#b45309", "#6366f1"


def chart(plan: Plan, figures: Figures) -> str:
    """Return the SVG."""
    bars = _bars(figures)
    under = TOP + PLOT + 70
    height = under + ROW * len(bars) + 20
    body = "\n".join([*_over_time(plan, figures), *_in_time(bars, under)])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
        f'font-family="system-ui, sans-serif" font-size="12" role="img" aria-label="A simulated half year">\n'
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>\n{body}\n</svg>\n'
    )


def _over_time(plan: Plan, figures: Figures) -> Sequence[str]:
    weeks = [plan.begins + timedelta(days=7 * n) for n in range(plan.days // 7)]
    arrived = [_of_week(figures.arrived, week) for week in weeks]
    answered = [_of_week(figures.answered, week) for week in weeks]
    still = [figures.open[min(7 * n + 6, len(figures.open) - 1)][0] for n in range(len(weeks))]
    most = max([*arrived, *answered, *still, 1])
    lines = [
        _legend(0, ARRIVED, "came in, a week"),
        _legend(1, ANSWERED, "answered, a week"),
        _legend(2, OPEN, "open at its end"),
        f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{TOP + PLOT}" y2="{TOP + PLOT}" stroke="{INK}"/>',
        _text(LEFT - 8, TOP + 10, str(most), anchor="end"),
        _text(LEFT - 8, TOP + PLOT, "0", anchor="end"),
    ]
    for n, week in enumerate(weeks):
        if n == 0 or week.month != weeks[n - 1].month:
            lines.append(_text(_x(n, len(weeks)), TOP + PLOT + 18, f"{week:%Y-%m}"))
    for counts, colour in ((arrived, ARRIVED), (answered, ANSWERED), (still, OPEN)):
        points = " ".join(
            f"{_x(n, len(weeks)):.1f},{TOP + PLOT - PLOT * count / most:.1f}" for n, count in enumerate(counts)
        )
        lines.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
    return lines


def _of_week(counts: dict[str, int], week: date) -> int:
    return sum(counts.get((week + timedelta(days=n)).isoformat(), 0) for n in range(7))


def _x(n: int, weeks: int) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * n / max(weeks - 1, 1)


def _bars(figures: Figures) -> Sequence[tuple[str, float, int]]:
    ended = {name: (figures.in_time[name, True], figures.in_time[name, False]) for name in ClockName}
    return [(name.value, good / (good + late), good + late) for name, (good, late) in ended.items() if good + late]


def _in_time(bars: Sequence[tuple[str, float, int]], under: int) -> Sequence[str]:
    full = WIDTH - RIGHT - 250
    lines = [_text(160, under - 12, "clocks that ended in time")]
    for place, (name, share, ended) in enumerate(bars):
        y = under + ROW * place
        lines.append(_text(150, y + 10, name, anchor="end"))
        lines.append(f'<rect x="160" y="{y}" width="{full}" height="{BAR}" rx="3" fill="{FAINT}"/>')
        lines.append(f'<rect x="160" y="{y}" width="{full * share:.1f}" height="{BAR}" rx="3" fill="{ARRIVED}"/>')
        lines.append(_text(170 + full, y + 10, f"{share:.1%} of {ended:,}"))
    return lines


def _legend(place: int, colour: str, words: str) -> str:
    x = LEFT + 190 * place
    return f'<rect x="{x}" y="12" width="14" height="4" fill="{colour}"/>' + _text(x + 20, 18, words)


def _text(x: float, y: float, words: str, *, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y}" text-anchor="{anchor}" fill="{INK}">{words}</text>'
