"""The commands `case register` and `case export`: what is printed or handed out of the files.

What stands in a register is in register.py, in a dossier in dossier.py, who sees which case in rules/.
"""

from __future__ import annotations

import argparse
from argparse import Namespace
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo

from rich.table import Table
from rich.text import Text

from gateway import dossier, register
from gateway.app import assembled
from gateway.case_commands import OPERATOR, actor_of, case_file
from gateway.errors import Invalid
from gateway.node import Node
from gateway.settings import Settings
from gateway.terminal import Terminal

BOM = "\ufeff"  # without it a spreadsheet takes UTF-8 for its own code page


def add_to(steps: Any, terminal: Terminal) -> None:
    """Add the two steps to the command `case`."""
    words = "Print the register of complaints (客户投诉登记表), or write it as CSV."
    step = steps.add_parser("register", help=words, description=f"{words} Customers are masked.")
    step.add_argument("--from", dest="first", type=_day, required=True, metavar="DAY", help="such as 2026-11-01")
    step.add_argument(
        "--to", dest="last", type=_day, required=True, metavar="DAY", help="the last day, itself included"
    )
    step.add_argument("--csv", type=Path, metavar="FILE", help="a file that does not exist yet, with every column")
    step.add_argument("--as", dest="staff", metavar="STAFF", help="what this person may see; default: as an auditor")
    step.set_defaults(run=partial(_run, _register, terminal))
    words = "Write everything held about a case into two files, as JSON and for reading."
    more = "Files are named by number, day and type. Attachments are named with their SHA-256. The customer is masked."
    step = steps.add_parser("export", help=words, description=f"{words} {more}")
    step.add_argument("number", metavar="NUMBER")
    step.add_argument("--to", type=Path, required=True, metavar="DIR", help="a folder that exists")
    step.add_argument("--as", dest="staff", metavar="STAFF", help="what this person may see; default: as an auditor")
    words = "with the customer's name and contacts in full; who and why goes on record. Needs --as"
    step.add_argument("--unmask", metavar="REASON", help=words)
    step.set_defaults(run=partial(_run, _export, terminal))


def _run(step: Any, terminal: Terminal, options: Namespace) -> int:
    return terminal.run(step(options, terminal.settings(options), terminal))


async def _register(options: Namespace, settings: Settings, terminal: Terminal) -> int:
    if options.last < options.first:
        raise Invalid("--to: it is before --from")
    zone = ZoneInfo(settings.bank.zone)
    async with assembled(settings, terminal.channels(settings), now=terminal.now) as (node, _):
        pages = _pages(node, options, zone)
        if options.csv is None:
            await _print(pages, terminal)
        else:
            count = await _write(pages, options.csv)
            terminal.say(f"Wrote {count} complaints to {options.csv}.")
    return 0


async def _export(options: Namespace, settings: Settings, terminal: Terminal) -> int:
    zone = ZoneInfo(settings.bank.zone)
    async with assembled(settings, terminal.channels(settings), now=terminal.now) as (node, _):
        actor = actor_of(node.book.directory, options.staff) if options.staff else OPERATOR
        file = await case_file(node, options.number, actor, options.unmask)
        holds, at = node.casework.holds(file), node.now()
    whole = dossier.contents(file, actor, plain=options.unmask is not None, at=at, holds=holds)
    day = at.astimezone(zone).date()
    parts = {"json": dossier.as_json(whole), "txt": dossier.as_text(whole, zone).encode()}
    for suffix, content in parts.items():
        path = options.to / dossier.file_name(file.complaint.number, day, suffix)
        with _new_file(path, "--to") as written:
            written.write(content)
        terminal.say(f"Wrote {path}.")
    if not holds:
        terminal.warn("Its timeline does not verify: see huiyin verify.")
    return 0 if holds else 1


async def _pages(node: Node, options: Namespace, zone: ZoneInfo) -> AsyncIterator[list[dict[str, str]]]:
    actor = actor_of(node.book.directory, options.staff) if options.staff else OPERATOR
    since = datetime.combine(options.first, time(), zone)
    until = datetime.combine(options.last + timedelta(days=1), time(), zone)
    async for page in node.casework.register(since, until, actor):
        yield [dict(register.line(one, zone)) for one in page]


async def _print(pages: AsyncIterator[list[dict[str, str]]], terminal: Terminal) -> None:
    async for page in pages:
        table = Table(*register.ON_SCREEN, box=None, pad_edge=False)
        for one in page:
            table.add_row(*(Text(one[name]) for name in register.ON_SCREEN))
        terminal.show(table)


async def _write(pages: AsyncIterator[list[dict[str, str]]], path: Path) -> int:
    """Write the pages as they come; return how many lines."""
    count = 0
    with _new_file(path, "--csv") as file:
        file.write((BOM + register.csv_text([register.COLUMNS])).encode())
        async for page in pages:
            file.write(register.csv_text([[one[name] for name in register.COLUMNS] for one in page]).encode())
            count += len(page)
    return count


@contextmanager
def _new_file(path: Path, option: str) -> Iterator[BinaryIO]:
    """Open a file that does not exist yet. Raises Invalid where it cannot be made or written."""
    try:
        file = path.open("xb")
    except FileExistsError:
        raise Invalid(f"{option}: {path} is there already") from None
    except OSError as error:
        raise Invalid(f"{option}: {path} cannot be written: {error.strerror}") from None
    try:
        with file:
            yield file
    except BaseException as error:
        path.unlink(missing_ok=True)  # half of it would look like all of it
        if isinstance(error, OSError):
            raise Invalid(f"{option}: {path} cannot be written: {error.strerror}") from None
        raise


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
        if not 2000 <= day.year < 3000:
            raise ValueError
    except ValueError:
        raise argparse.ArgumentTypeError("expected a day such as 2026-11-01") from None
    return day
