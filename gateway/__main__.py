"""The command line, and the only importer of adapters: it opens the configured channels and hands them to app.py.

This file owns the clock, the environment and the terminal; nothing below it touches them.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

import uvloop
from pydantic import BaseModel, ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from adapters.counter.workbook import template
from adapters.registry import ADAPTERS, Adapter
from adapters.tools import Tools
from adapters.web_form.wire import WebForm, fields
from gateway import app, case_commands, filing_commands, import_commands, normalise, rotation, transfer_commands
from gateway.coordination.redis import probe
from gateway.errors import GatewayError, Invalid, Misconfigured
from gateway.model import ContactType
from gateway.node import Role
from gateway.observe import configure_logging
from gateway.ports import Channel, Now, Shared
from gateway.settings import RedisSettings, Settings, explain, load
from gateway.sharing import Unshared
from gateway.storage import schema
from gateway.storage.copying import Report
from gateway.terminal import Terminal

SETTINGS_FILE = "gateway.toml"
PROBE_SECONDS = 30.0
LARGEST_FILE = 100_000_000
KEYS = "Rotate the master key that wraps every data key, while the database is served."

T = TypeVar("T")

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def clock() -> datetime:
    return datetime.now(UTC)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status: 0 done, 1 not done (said on standard error), 2 wrong usage."""
    options = _parser().parse_args(arguments)
    others = os.umask(0o077)  # a database and a log hold customers' data: no file of ours is for anybody else to read
    try:
        return int(options.run(options))
    except GatewayError as error:
        err.print(f"huiyin: {error}", markup=False)
        return 1
    except BrokenPipeError:  # the reader of our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        os.umask(others)


def open_channels(settings: Settings, now: Now) -> Sequence[app.OpenChannel]:
    """Return the configured channels, ready to be entered. Raises Misconfigured naming source and key."""
    channels: list[app.OpenChannel] = []
    public_url = settings.web.public_url.rstrip("/")
    for source, table in settings.channels.items():
        options = dict(table)
        name = options.pop("adapter", None)
        adapter = ADAPTERS.get(str(name))
        if adapter is None:
            known = ", ".join(sorted(ADAPTERS))
            raise Misconfigured(f"channels.{source}: adapter must be one of {known}")
        try:
            config = adapter.Config.model_validate(options)
        except ValidationError as error:
            raise Misconfigured(f"channels.{source}: {explain(error)}") from None
        channels.append(partial(_open_channel, adapter, config, source, now, public_url))
    return channels


def _open_channel(
    adapter: Adapter, config: BaseModel, source: str, now: Now, public_url: str, shared: Shared
) -> AbstractAsyncContextManager[Channel]:
    return adapter.open_channel(config, Tools(now=now, shared=shared, public_url=public_url), source)


def form_for(served: Collection[ContactType]) -> WebForm:
    """Return the complaint form that offers only ways of telling the customer that are enabled."""
    return WebForm(source="web-form", fields=fields(served))


def collect_seldom() -> None:
    """Keep the garbage collector from walking what stays, and let it look at the rest less often than by default.

    A batch makes some ten thousand objects that go with it. A threshold of 700 has them walked again and again, and now
    and then all that the libraries hold: a tenth of a complaint's processor time, in pauses of up to 0.2 s.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


def _serve(options: argparse.Namespace) -> int:
    configure_logging(now=clock)
    settings = _settings(options)
    return _run(_serve_until_stopped(settings, Role(options.role)))


async def _serve_until_stopped(settings: Settings, role: Role) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    channels = open_channels(settings, clock)
    async with app.service(settings, channels, form_for=form_for, now=clock, role=role) as running:
        collect_seldom()
        if settings.demonstration:
            err.print("演示环境 (no settings file): an invented bank; write gateway.toml to name yours.")
        missing = ", ".join(sorted({ContactType.EMAIL, ContactType.MOBILE} - running.served))
        if missing:
            err.print(f"No channel sends to: {missing}. Who can be telephoned is called by a person; others wait.")
        site = f"http://{settings.web.host}:{running.port}"
        if role is Role.WORKER:
            out.print(f"Huiyin reads mailboxes and sends notices; {site}/readyz says how it is (stop with Ctrl+C)")
        else:
            out.print(f"Huiyin takes complaints at {site}/ (stop with Ctrl+C)")
        await stop.wait()
        err.print("Stopping: finishing what was taken in.")
    return 0


def _migrate(options: argparse.Namespace) -> int:
    settings = _settings(options)

    async def migrate() -> int:
        before = await schema.current(settings.storage.location())
        if before is None:
            await app.set_up(settings)  # a new database is made with its keys
        else:
            await schema.migrate(settings.storage.location())
        after = await schema.current(settings.storage.location())
        out.print(f"The database is at version {after}" + (" already." if before == after else f" (was {before})."))
        return 0

    return _run(migrate())


def _check(options: argparse.Namespace) -> int:
    settings = _settings(options)
    found = _settings_file(options)
    out.print(f"settings: {found}: ok" if found else "settings: no file, the demonstration's: ok", markup=False)

    async def check() -> int:
        failed = 0
        attempts = {"rules, templates, keys, database": _try_node, "redis": _try_redis, "channels": _try_channels}
        for name, attempt in attempts.items():
            try:
                for word in await attempt(settings):
                    out.print(f"{word}: ok", markup=False)
            except (GatewayError, TimeoutError) as error:
                failed = 1
                out.print(f"{name}: {str(error) or 'did not answer in time'}", markup=False)
        out.print("Ready to serve." if not failed else "Mend what is said above, then run huiyin check again.")
        return failed

    return _run(check())


async def _try_node(settings: Settings) -> Sequence[str]:
    quiet = settings.model_copy(
        update={"channels": {}, "redis": RedisSettings(), "web": settings.web.model_copy(update={"port": 0})}
    )
    async with app.service(quiet, [], form_for=form_for, now=clock) as running:
        await running.storage.check_room()
        return ("rules", "templates", "keys", "database")


async def _try_redis(settings: Settings) -> Sequence[str]:
    url = settings.redis.location()
    if not url:
        return ()
    await probe(url, prefix=settings.redis.prefix)
    return ("redis",)


async def _try_channels(settings: Settings) -> Sequence[str]:
    words: list[str] = []
    wrong: list[str] = []
    async with AsyncExitStack() as stack:
        opened: list[Channel] = []
        for opening in open_channels(settings, clock):
            channel = await stack.enter_async_context(opening(Unshared()))
            opened.append(channel)
            try:
                if channel.probe is not None:
                    await asyncio.wait_for(channel.probe(), PROBE_SECONDS)
            except (GatewayError, TimeoutError) as error:
                wrong.append(f"{channel.source}: {str(error) or 'did not answer in time'}")
            else:
                words.append(f"channel {channel.source}")
        try:
            app.senders_of(opened)
        except Misconfigured as error:
            wrong.append(str(error))
    if wrong:
        raise Misconfigured("; ".join(wrong))
    return words


def _rotate_keys(options: argparse.Namespace) -> int:
    settings, today = _settings(options).storage, clock().date()
    if options.prepare:
        name = _run(rotation.prepare(settings, today))
        out.print(f"{settings.keys_file} has the master key {name}, which is not in use yet.", markup=False)
        out.print("Copy the file to every machine, then run huiyin keys rotate.")
        return 0
    with _shown() as report:
        rotated = _run(rotation.rotate(settings, today, report=report, pause=asyncio.sleep))
    out.print(f"The master key {rotated.master_id} is active; {rotated.moved} data keys were wrapped anew.")
    if rotated.damaged:
        err.print(f"{rotated.damaged} data keys were damaged before and stay as they are: no key opens them.")
    if not rotated.complete:
        err.print(f"{rotated.left} are under an older one: a node has an old keys file. Mend it, then run this again.")
    return 0 if rotated.complete and not rotated.damaged else 1


def _retire_keys(options: argparse.Namespace) -> int:
    gone = _run(rotation.retire(_settings(options).storage))
    if not gone:
        out.print("There is no master key but the active one.")
        return 0
    out.print(f"Removed from the keys file: {', '.join(gone)}.", markup=False)
    out.print("Older backups of the database open with a keys file that still has them: keep a copy from before.")
    return 0


def _show_keys(options: argparse.Namespace) -> int:
    for master in _run(rotation.show(_settings(options).storage)):
        state = "active" if master.active else "pending" if master.pending else "old"
        out.print(f"{master.id}  {state}  wraps {master.wraps}", markup=False)
    return 0


@contextmanager
def _shown() -> Iterator[Report]:
    """Show a terminal how far a long command is; a log sees nothing of it."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task("", total=None)
        yield lambda step, done, total: progress.update(task, description=step, completed=done, total=total)


def _normalise(options: argparse.Namespace) -> int:
    adapter = ADAPTERS[options.channel]
    for path in _files(options.files):
        data = _content_of(path)
        if data is None:
            print(normalise.unread(str(path), options.channel))
            continue
        try:
            for event in adapter.read(data, path.name):
                print(normalise.line(str(path), event))
        except Invalid as error:
            print(normalise.unread(str(path), options.channel, error.problem))
    return 0


def _content_of(path: Path) -> bytes | None:
    """Return the content of a file; None when it cannot be read or is too large to be one message."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except OSError:
        return None
    return data if len(data) <= LARGEST_FILE else None


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(inner for inner in path.rglob("*") if inner.is_file())
        else:
            yield path


def _settings(options: argparse.Namespace) -> Settings:
    return load(_settings_file(options), os.environ)


def _settings_file(options: argparse.Namespace) -> Path | None:
    if options.config is None and Path(SETTINGS_FILE).exists():
        return Path(SETTINGS_FILE)
    path: Path | None = options.config
    return path


def _run(work: Awaitable[T]) -> T:
    async def run() -> T:
        return await work

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(run())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="huiyin",
        description="Take complaints in from every channel, number them, and tell each customer. "
        "件件有落实，事事有回复。",
        epilog=f"Settings are read from --config, else from {SETTINGS_FILE} in the working directory; "
        "HUIYIN_WEB__PORT=8081 overrides [web] port. Without any it serves as a demonstration.",
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="the settings file (TOML)")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, run: Callable[[argparse.Namespace], int], words: str, more: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=words, description=f"{words} {more}")
        command.set_defaults(run=run)
        return command

    command = add(
        "serve",
        _serve,
        "Take complaints in and send notices until stopped.",
        "SIGTERM or Ctrl+C ends it cleanly: what was taken in is committed first. Without settings it serves the form "
        "for an invented bank, on SQLite in the working directory. Logs are JSON lines on standard error; /readyz says "
        "whether it is ready, /metrics how it does.",
    )
    command.add_argument(
        "--role",
        choices=[role.value for role in Role],
        default=Role.ALL.value,
        help="of several nodes on one database: web takes complaints in by form and API, worker reads mailboxes and "
        "sends notices, all (the default) does both; any number of each",
    )
    add(
        "migrate",
        _migrate,
        "Bring the database to this version.",
        "Run it after an upgrade, before serve, which refuses a database of another version. It is safe to repeat. "
        "Copy the database and, apart from it, the keys file first.",
    )
    add(
        "check",
        _check,
        "Try settings, rules, templates, keys, database, Redis and every channel.",
        "Says what to mend, one line each, never a secret; exits with 1 when something must be mended. Channels are "
        "asked to let us in; nothing is read or sent.",
    )
    terminal = Terminal(
        say=partial(out.print, markup=False),
        warn=partial(err.print, markup=False),
        show=partial(out.print, soft_wrap=False),
        progress=_shown,
        settings=_settings,
        channels=lambda settings: open_channels(settings, clock),
        run=_run,
        now=clock,
    )
    transfer_commands.add_to(add, terminal)
    filing_commands.add_to(case_commands.add_to(commands, terminal), terminal)
    import_commands.add_to(
        add,
        terminal,
        read=lambda name: ADAPTERS[name].read,
        contents=lambda paths: ((path, _content_of(path)) for path in _files(paths)),
        template=template,
    )
    _add_keys(commands.add_parser("keys", help=KEYS, description=KEYS))
    command = add(
        "normalise",
        _normalise,
        "Print what a channel makes of files: one JSON object a line and file.",
        "Needs no settings, no database and no network. Bad input never ends it: its line says why in `problems`.",
    )
    command.add_argument("channel", choices=sorted(ADAPTERS), metavar="CHANNEL", help=", ".join(sorted(ADAPTERS)))
    command.add_argument("files", nargs="+", type=Path, metavar="FILE", help="files, or folders read in name order")
    return parser


def _add_keys(command: argparse.ArgumentParser) -> None:
    steps = command.add_subparsers(required=True, metavar="STEP")

    def add(name: str, run: Callable[[argparse.Namespace], int], words: str, more: str) -> argparse.ArgumentParser:
        step = steps.add_parser(name, help=words, description=f"{words} {more}")
        step.set_defaults(run=run)
        return step

    add("show", _show_keys, "Show each master key's id, and how many data keys it wraps.", "No key is shown.")
    step = add(
        "rotate",
        _rotate_keys,
        "Make a new master key and let it wrap every data key.",
        "Interrupted, it goes on where it was when it is run again. Where nodes have copies of the keys file, run it "
        "with --prepare first and copy the file to each of them.",
    )
    step.add_argument("--prepare", action="store_true", help="only put the new key into the file, not yet into use")
    add(
        "retire",
        _retire_keys,
        "Remove the master keys that wrap nothing any more.",
        "Refuses while one of them wraps something. Copy the keys file first: older backups of the database open with "
        "a keys file that still has these keys, and with no other.",
    )


if __name__ == "__main__":
    sys.exit(main())
