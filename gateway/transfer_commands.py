"""The commands backup, restore, move and verify: what they understand, and what they tell the operator.

What they do is in transfer.py. Settings, clock and screen are the command line's, which hands them in.
"""

from __future__ import annotations

import argparse
from argparse import ArgumentParser, Namespace
from collections.abc import Awaitable, Callable
from pathlib import Path

from gateway.node import number_patterns
from gateway.settings import Settings
from gateway.terminal import Add, Terminal
from gateway.transfer import SKIP, Carried, Transfer, verify_served

Command = Callable[[Namespace, Settings, Terminal], Awaitable[int]]


def add_to(add: Add, terminal: Terminal) -> None:
    """Add the four commands to the command line."""

    def runner(command: Command) -> Callable[[Namespace], int]:
        return lambda options: terminal.run(command(options, terminal.settings(options), terminal))

    parser = add(
        "backup",
        runner(_backup),
        "Copy the database into a new file, while it is served.",
        "The file is an SQLite database, whichever kind is copied: one moment of it, verified before the file gets its "
        "name. The keys file is not in it.",
    )
    parser.add_argument("--to", type=Path, required=True, metavar="FILE", help="a file that does not exist yet")
    parser.add_argument("--beside-keys", action="store_true", help="permit a file in the folder of the keys file")
    _may_accept_broken(parser)
    parser = add(
        "restore",
        runner(_restore),
        "Copy a backup into the empty database that the settings name.",
        "Put the keys file back first. Numbers that were given after the backup are not in it, and customers may know "
        "them: as many of today's as --skip-numbers says are left out.",
    )
    parser.add_argument("--from", dest="backup", type=Path, required=True, metavar="FILE", help="what backup made")
    parser.add_argument(
        "--skip-numbers",
        type=_count,
        default=SKIP,
        metavar="N",
        help=f"more than were given on this day since the backup (default {SKIP})",
    )
    _may_accept_broken(parser)
    parser = add(
        "move",
        runner(_move),
        "Copy the database into another, empty one, and close it for good.",
        "From SQLite to PostgreSQL or back, with the same keys file. Nobody can write meanwhile: callers hear 503 and "
        "mailboxes wait. Afterwards the old database refuses to be served, and says where it went.",
    )
    parser.add_argument("--to", required=True, metavar="URL", help="such as postgresql://huiyin@db.bank.example/huiyin")
    _may_accept_broken(parser)
    add(
        "verify",
        runner(_verify),
        "Check the chain of every complaint's timeline, while the database is served.",
        "Exits with 1 and names complaints whose timeline was changed, cut or can no longer be read.",
    )


async def _backup(options: Namespace, settings: Settings, terminal: Terminal) -> int:
    with terminal.progress() as report:
        transfer = Transfer(settings, accept_broken=options.accept_broken, report=report)
        carried = await transfer.back_up(options.to, beside_keys=options.beside_keys)
    terminal.say(f"Backed up to {options.to}: {_summary(carried)}.")
    terminal.warn(f"It cannot be read without the keys file: keep a copy of {settings.storage.keys_file} elsewhere.")
    return 0


async def _restore(options: Namespace, settings: Settings, terminal: Terminal) -> int:
    skip = options.skip_numbers
    with terminal.progress() as report:
        transfer = Transfer(settings, accept_broken=options.accept_broken, report=report)
        carried = await transfer.restore(
            options.backup, patterns=number_patterns(settings), now=terminal.now(), skip=skip
        )
    terminal.say(f"Restored: {_summary(carried)}.")
    if carried.copied.newest is not None:
        terminal.say(f"Its newest entry is of {carried.copied.newest:%Y-%m-%d %H:%M:%S} UTC. What came later is lost:")
    terminal.say("- of mails taken in later, the originals lie in Processed: move them back to the INBOX;")
    terminal.say(f"- of the {carried.waiting} deliveries that wait, those made later are made a second time;")
    terminal.say(f"- of today's numbers, the next {skip} are left out: customers may know those given later.")
    return 0


async def _move(options: Namespace, settings: Settings, terminal: Terminal) -> int:
    with terminal.progress() as report:
        carried = await Transfer(settings, accept_broken=options.accept_broken, report=report).move(options.to)
    terminal.say(f"Moved: {_summary(carried)}.")
    terminal.say("Name the new database in storage.url and start the gateway again. The old one refuses to be served.")
    return 0


async def _verify(options: Namespace, settings: Settings, terminal: Terminal) -> int:
    with terminal.progress() as report:
        verified = await verify_served(settings, report)
    (terminal.warn if verified.broken else terminal.say)(f"{verified}.")
    return 1 if verified.broken else 0


def _summary(carried: Carried) -> str:
    return f"{carried.total} rows; {carried.verified}"


def _may_accept_broken(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--accept-broken", action="store_true", help="also when timelines do not verify: they are copied as they are"
    )


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError("expected a whole number, 0 or more")
    return int(text)
