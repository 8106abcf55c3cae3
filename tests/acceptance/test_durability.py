"""No answer leaves before its complaint is on the disk: seen in the system calls of the program and of its database."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Sequence
from itertools import dropwhile
from pathlib import Path

import aiohttp
import pytest

from gateway.errors import Misconfigured
from gateway.storage import schema
from gateway.storage.postgres import PostgresStorage
from gateway.vault import Vault
from tests.acceptance.test_kill import process
from tests.acceptance.world import World, hidden_fields, until
from tests.conftest import installed
from tests.databases import administer, create
from tests.servers import PostgresServer, postgres_server

CALLS = "trace=recvfrom,sendto,write,writev,fdatasync,fsync"
COMMIT, COMMITTED = r'"Q\0\0\0\fCOMMIT;', r'"C\0\0\0\vCOMMIT'  # messages of the protocol, as strace writes them
INSERT = r"INSERT INTO \"complaints\""


@pytest.fixture
def strace() -> Sequence[str]:
    """The start of a command line that has a program's calls written down: a file's name and the program follow."""
    program = installed(shutil.which("strace"), "strace is not installed (Debian: strace)")
    return (program, "-D", "-f", "-yy", "-s", "128", "-e", CALLS, "-o")


@pytest.fixture
async def postgres_traced(world: World, strace: Sequence[str]) -> AsyncIterator[Path]:
    """Let the world's gateway use a PostgreSQL of its own; yield the file with that server's calls."""
    with postgres_server() as server:
        await _prepare(server, world)
        calls = server.data / "calls.log"
        await asyncio.to_thread(server.stop)
        await asyncio.to_thread(server.start, wrapper=[*strace, str(calls)])
        yield calls


async def _prepare(server: PostgresServer, world: World) -> None:
    # Else the server's own writer, which follows an unsynced commit soon, could be taken for the commit.
    await administer(server, "ALTER SYSTEM SET wal_writer_delay = '10s'")
    database = await create(server)
    await schema.migrate(database.url)
    keys = world.folder / "huiyin.keys"
    Vault.create(keys)
    world.changes["storage"] = {"url": database.url, "keys_file": keys}


async def calls_of_a_form(world: World, strace: Sequence[str], step: str) -> Sequence[str]:
    """Send one form to a gateway under strace; return its calls between the request's arrival and its answer."""
    log = world.folder / "calls.log"
    async with process(world, step=step, wrapper=[*strace, str(log)]) as (_, site), aiohttp.ClientSession() as browser:
        async with browser.get(f"{site}/?lang=zh-Hans") as page:
            fields = hidden_fields(await page.text())
        form = aiohttp.FormData()
        for name, value in {**fields, "name": "李小明", "contact": "li@example.com", "text": "请退年费"}.items():
            form.add_field(name, value, content_type="text/plain")
        async with browser.post(f"{site}/?lang=zh-Hans", data=form, allow_redirects=False) as answer:
            assert answer.status == 303
        return await until(lambda: between(calls_in(log), '"POST /', '"HTTP/1.1 303'))


def calls_in(log: Path) -> Sequence[str]:
    """Return whole calls in order: a sending stands where it began, any other call where it had ended."""
    calls: list[str] = []
    begun: dict[str, int] = {}
    for line in log.read_text(errors="replace").splitlines():
        process = line.split(maxsplit=1)[0]
        if resumed := re.search(r"<\.\.\. \w+ resumed>(.*)", line):
            place = begun.pop(process)
            whole, calls[place] = calls[place] + resumed[1], ""
            if " sendto(" in whole:
                calls[place] = whole
            else:
                calls.append(whole)
        elif line.endswith("<unfinished ...>"):
            begun[process] = len(calls)
            calls.append(line.removesuffix("<unfinished ...>"))
        else:
            calls.append(line)
    return [call for call in calls if call]


def between(calls: Sequence[str], first: str, last: str) -> Sequence[str]:
    """Return the calls from the one with `first` in it to the next with `last`; nothing without either."""
    begun = list(dropwhile(lambda call: first not in call, calls))
    ends = [place for place, call in enumerate(begun) if last in call]
    return begun[: ends[0] + 1] if ends else []


def synced(calls: Sequence[str], file: str) -> bool:
    """Whether a file of which this is in the name was brought to the disk."""
    return any(re.search(rf"fdatasync\(\d+<[^>]*{file}[^>]*>\)\s+= 0", call) for call in calls)


def commit(calls: Sequence[str]) -> Sequence[str]:
    """Return a session's calls from the COMMIT of the complaint to the word that it is done, seen from either side."""
    return between(between(calls, INSERT, COMMITTED), COMMIT, COMMITTED)


def backend_of(calls: Sequence[str], port: str) -> Sequence[str]:
    """Return the calls of the server's process that speaks with this port."""
    processes = {call.split()[0] for call in calls if f"->127.0.0.1:{port}]" in call}
    return [call for call in calls if call.split()[0] in processes]


@pytest.mark.parametrize(("step", "waited"), [("never", True), ("unsynced", False)])
async def test_no_answer_leaves_before_the_fdatasync_of_its_commit(
    world: World, strace: Sequence[str], step: str, waited: bool
) -> None:
    """The second case is the counter-test: with synchronous = OFF it is not so."""
    assert synced(await calls_of_a_form(world, strace, step), "-wal") is waited


@pytest.mark.parametrize(("step", "waited"), [("never", True), ("unsynced", False)])
async def test_no_answer_leaves_before_postgresql_synced_and_reported_its_commit(
    world: World, strace: Sequence[str], postgres_traced: Path, step: str, waited: bool
) -> None:
    """The second case is the counter-test: with synchronous_commit = off it is not so."""
    calls = await calls_of_a_form(world, strace, step)
    [port] = {re.search(r"127\.0\.0\.1:(\d+)->", call)[1] for call in calls if INSERT in call}
    assert commit([call for call in calls if f"127.0.0.1:{port}->" in call])
    commit_there = await until(lambda: commit(backend_of(calls_in(postgres_traced), port)))
    assert synced(commit_there, "pg_wal/") is waited


async def test_a_server_that_never_syncs_is_refused(vault: Vault) -> None:
    with postgres_server(fsync="off") as server:
        async with PostgresStorage.open(server.url(), vault) as storage:
            with pytest.raises(Misconfigured, match="fsync"):
                await storage.check()
