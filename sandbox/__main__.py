"""`make run`: the gateway with a mailbox and an SMTP server of its own, a short story, then it keeps serving."""

from __future__ import annotations

import argparse
import asyncio
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.live import Live
from rich.table import Table

from gateway.__main__ import form_for, open_channels
from gateway.app import Service, service
from gateway.errors import GatewayError
from gateway.model import Outcome
from gateway.observe import configure_logging
from gateway.ports import Now
from gateway.settings import DEMONSTRATION_BANK, Settings
from sandbox.demonstration import BANK_ADDRESS, Row, Stage, play
from sandbox.mailbox import mailbox
from sandbox.outbox import outbox
from sandbox.smtp_sink import Local, Received, Sink, smtp_sink

BANNER = "演示环境：不连外网，不会真的发送短信或微信"
STARTS_AT = datetime(2026, 11, 23, 10, 15, tzinfo=ZoneInfo("Asia/Shanghai"))
COLUMNS = ("渠道", "客户", "编号", "答复最迟", "法定最迟", "告知方式", "状态", "用时")
PORT, OUTBOX_PORT = 8080, 8025

console = Console(highlight=False)
if not console.is_terminal:
    console.width = 110  # a log has no width: do not cut the numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Set:
    """The running demonstration."""

    service: Service
    sink: Sink
    outbox_port: int


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

            await play(Stage(service=scene.service, sink=scene.sink, now=now, show=show))
        complete = _sum_up(rows, scene)
        if not once:
            _invite(scene)
            await stop.wait()
    return 0 if complete else 1


@asynccontextmanager
async def build(*, port: int, now: Now) -> AsyncIterator[Set]:
    """Start mailbox, SMTP server, gateway and the page of received mail."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="huiyin-")))
        box = await stack.enter_async_context(mailbox("complaints", "sandbox"))
        sink = await stack.enter_async_context(smtp_sink(deliver_to=Local(address=BANK_ADDRESS, mailbox=box, now=now)))
        settings = settings_for(folder, port=_free(port), imap_port=box.port, smtp_port=sink.port)
        running = await stack.enter_async_context(
            service(settings, open_channels(settings, now), form_for=form_for, now=now)
        )
        outbox_port = await stack.enter_async_context(outbox(lambda: to_customers(sink), port=_free(OUTBOX_PORT)))
        yield Set(service=running, sink=sink, outbox_port=outbox_port)


def settings_for(folder: Path, *, port: int, imap_port: int, smtp_port: int) -> Settings:
    """Return the settings of a gateway whose mailbox and SMTP server are the sandbox's."""
    return Settings.model_validate(
        {
            "bank": DEMONSTRATION_BANK,
            "demonstration": True,
            "storage": {"url": f"sqlite:///{folder}/huiyin.db", "keys_file": folder / "huiyin.keys"},
            "web": {"port": port, "public_url": f"http://127.0.0.1:{port}"},
            "channels": {
                "complaints-mailbox": {
                    "adapter": "email",
                    "address": BANK_ADDRESS,
                    "from_names": DEMONSTRATION_BANK["names"],
                    "imap": {
                        "host": "127.0.0.1",
                        "port": imap_port,
                        "tls": "none",
                        "user": "complaints",
                        "password": "sandbox",
                    },
                    "smtp": {"host": "127.0.0.1", "port": smtp_port, "tls": "none"},
                }
            },
        }
    )


def to_customers(sink: Sink) -> Sequence[Received]:
    """Return what was sent to customers; customers write to the bank through the same server."""
    return [mail for mail in sink.received if not mail.rcpt.endswith(BANK_ADDRESS.partition("@")[2])]


def _sum_up(rows: Sequence[Row], scene: Set) -> bool:
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
    told = to_customers(scene.sink)
    lost = len(rows) - opened - joined
    doubled = len(told) - len({mail.rcpt for mail in told})
    numbers = len({row.number for row in rows})
    console.print(
        f"\n[bold]收到{len(rows)}条｜投诉{opened}件｜编号{numbers}个｜受理告知{len(told)}条｜丢失{lost}｜重复{doubled}[/]"
    )
    return lost == 0 and doubled == 0


def _invite(scene: Set) -> None:
    site = f"http://127.0.0.1:{scene.service.port}"
    console.print(f"\n  我要投诉（表单）   {site}/")
    console.print(f"  客户收到的邮件     http://127.0.0.1:{scene.outbox_port}/")
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


def _free(port: int) -> int:
    """Return the port if nobody listens on it, else 0: any free one."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return 0
    return port


if __name__ == "__main__":
    sys.exit(main())
