"""`make run`: the gateway among simulated providers, a short story, the customers' phone; then it keeps serving."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.live import Live
from rich.table import Table

from gateway.errors import GatewayError
from gateway.model import Outcome
from gateway.observe import configure_logging
from gateway.ports import Now
from sandbox.customers import CUSTOMERS
from sandbox.demonstration import Row, Stage, acknowledgements, play
from sandbox.playground import Playground, build

BANNER = "演示环境：不连外网，不会真的发送短信或微信"
STARTS_AT = datetime(2026, 11, 23, 10, 15, tzinfo=ZoneInfo("Asia/Shanghai"))
COLUMNS = ("渠道", "客户", "编号", "答复最迟", "法定最迟", "告知方式", "状态", "用时")
PORT = 8080

console = Console(highlight=False)
if not console.is_terminal:
    console.width = 110  # a log has no width: do not cut the numbers


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demonstration until stopped; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=f"{BANNER}. Loopback only; Ctrl+C ends it.")
    parser.add_argument(
        "--port", type=int, default=PORT, help=f"port of the web site (default {PORT}, else a free one)"
    )
    parser.add_argument("--once", action="store_true", help="end after the story instead of going on serving")
    options = parser.parse_args(arguments)
    moved = STARTS_AT - datetime.now(UTC)

    def now() -> datetime:
        """Return the demonstration's time: STARTS_AT when the program began, and running."""
        return (datetime.now(UTC) + moved).astimezone(UTC)

    configure_logging(now=now, level="WARNING")
    try:
        return asyncio.run(demonstrate(port=options.port, once=options.once, now=now))
    except (GatewayError, TimeoutError) as error:
        console.print(f"演示没有完成：{error}", markup=False)
        return 1


async def demonstrate(*, port: int, once: bool, now: Now) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    console.print(f"\n[bold]{BANNER}[/]\n示例银行，演示时间 {STARTS_AT:%Y-%m-%d %H:%M} 起\n")
    async with AsyncExitStack() as stack:
        scene = await stack.enter_async_context(build(port=port, now=now))
        rows: list[Row] = []
        with Live(_table(rows), console=console, auto_refresh=False) as live:

            def show(row: Row) -> None:
                if row not in rows:
                    rows.append(row)
                live.update(_table(rows), refresh=True)

            stage = Stage(
                service=scene.service,
                handsets=scene.handsets,
                lines=scene.lines,
                agents=scene.agents,
                desk=scene.desk,
                show=show,
            )
            await play(stage)
        complete = _sum_up(rows, scene)
        if not once:
            _invite(scene)
            await stop.wait()
    return 0 if complete else 1


def _sum_up(rows: Sequence[Row], scene: Playground) -> bool:
    """Print the account of the story, counted at both ends; return whether nothing was lost or doubled."""
    counted = {
        outcome: sum(
            sample.value
            for metric in scene.service.metrics.received.collect()
            for sample in metric.samples
            if sample.name.endswith("_total") and sample.labels["outcome"] == outcome.value
        )
        for outcome in Outcome
    }
    opened, joined = int(counted[Outcome.OPENED]), int(counted[Outcome.JOINED])
    told = acknowledgements(scene.handsets, list(CUSTOMERS.values()))
    received = sum(row.counts for row in rows)
    lost = received - opened - joined
    doubled = len(told) - len(set(told))
    numbers = len({row.number for row in rows})
    for row in rows:
        if row.kept:
            console.print(f"\n{row.channel} {row.number} 网关保存的内容：\n{row.kept}", markup=False)
    console.print(
        f"\n[bold]收到{received}条｜投诉{opened}件｜编号{numbers}个｜受理告知{len(told)}条｜丢失{lost}｜重复{doubled}[/]"
    )
    return lost == 0 and doubled == 0


def _invite(scene: Playground) -> None:
    site = f"http://127.0.0.1:{scene.service.port}"
    console.print(f"\n  [bold]客户的手机         http://127.0.0.1:{scene.phone_port}/[/]")
    console.print(f"  我要投诉（表单）   {site}/")
    console.print(f"  是否就绪           {site}/readyz")
    console.print(f"  运行指标           {site}/metrics")
    console.print("\n还在运行；按 Ctrl+C 结束。\n")


def _table(rows: Sequence[Row]) -> Table:
    table = Table(*COLUMNS, header_style="bold", expand=False)
    number = table.columns[COLUMNS.index("编号")]  # on a narrow terminal the others give way
    number.no_wrap, number.min_width = True, len("TS-261123-000001-G")
    for row in rows:
        table.add_row(row.channel, row.customer, row.number, row.promised, row.legal, row.told, row.state, row.took)
    return table


if __name__ == "__main__":
    sys.exit(main())
