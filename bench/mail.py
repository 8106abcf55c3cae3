"""Mail: raw bytes to a committed complaint, against the standard library's parser alone on the same mails."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from email import policy
from email.parser import BytesParser
from functools import partial
from pathlib import Path

from adapters.email import wire
from adapters.email.inbound import BATCH_MAILS
from bench import samples
from bench.servers import clock, settings
from bench.turns import Comparison, Side, Turn, compare, load_average
from gateway.__main__ import collect_seldom, form_for
from gateway.app import service
from gateway.model import InboundEvent, Outcome
from gateway.ports import Accept

NAME, FLOOR = "mail", "BytesParser(policy.default)"
TARGET = 0.70
OWN = ("tousu@bank.example",)


async def measure(*, rounds: int, mails: int) -> Comparison:
    """Measure parse and commit on SQLite, in this process and on its core."""
    with tempfile.TemporaryDirectory(prefix="huiyin-bench-") as folder:
        given = settings(Path(folder), f"sqlite:///{folder}/huiyin.db")
        async with service(given, [], form_for=form_for, now=clock) as running:
            collect_seldom()
            sides = [
                Side(name=FLOOR, run=partial(_timed, _parse_only, mails)),
                Side(
                    name="gateway, SQLite", run=partial(_timed, partial(_take_in, running.accept), mails), target=TARGET
                ),
            ]
            return await compare(NAME, sides, unit="mails", rounds=rounds)


async def _timed(work: Callable[[Sequence[bytes]], Awaitable[None]], count: int) -> Turn:
    mails = samples.mails(count, os.urandom(6).hex())
    load, used, began = load_average(), time.process_time(), time.perf_counter()
    await work(mails)
    seconds = time.perf_counter() - began
    return Turn(rate=count / seconds, cpu_us=(time.process_time() - used) / count * 1e6, load=load)


async def _parse_only(mails: Sequence[bytes]) -> None:
    parser = BytesParser(policy=policy.default)
    for raw in mails:
        parser.parsebytes(raw)


async def _take_in(accept: Accept, mails: Sequence[bytes]) -> None:
    """Parse beside the loop and hand over in batches, as the mailbox's listener does."""
    for start in range(0, len(mails), BATCH_MAILS):
        events = await asyncio.to_thread(_events, mails[start : start + BATCH_MAILS], clock())
        receipts = await accept(events)
        if any(receipt.outcome is not Outcome.OPENED for receipt in receipts):
            raise RuntimeError("a mail of the bench opened no complaint")


def _events(mails: Sequence[bytes], now: datetime) -> Sequence[InboundEvent]:
    return [wire.parse(raw, source="mailbox", received_at=now, own_addresses=OWN) for raw in mails]
