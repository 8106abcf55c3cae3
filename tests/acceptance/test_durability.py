"""No answer leaves before its complaint is on the disk: seen in the system calls of the running program."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import aiohttp
import pytest

from tests.acceptance.test_kill import process
from tests.acceptance.world import World, hidden_fields, until

CALLS = "trace=recvfrom,sendto,write,writev,fdatasync,fsync"


@pytest.fixture
def strace() -> str:
    found = shutil.which("strace")
    if found is None:
        message = "strace is not installed (Debian: strace)"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    return found


async def traced(world: World, strace: str, step: str) -> str:
    """Send one form to a gateway under strace; return the calls between the request's arrival and its answer."""
    log = world.folder / "calls.log"
    wrapper = [strace, "-D", "-f", "-y", "-s", "64", "-e", CALLS, "-o", str(log)]
    async with process(world, step=step, wrapper=wrapper) as (_, site), aiohttp.ClientSession() as browser:
        async with browser.get(f"{site}/?lang=zh-Hans") as page:
            fields = hidden_fields(await page.text())
        form = aiohttp.FormData()
        for name, value in {**fields, "name": "李小明", "contact": "li@example.com", "text": "请退年费"}.items():
            form.add_field(name, value, content_type="text/plain")
        async with browser.post(f"{site}/?lang=zh-Hans", data=form, allow_redirects=False) as answer:
            assert answer.status == 303
        return await until(lambda: _between(log))


def _between(log: Path) -> str | None:
    found = re.search(r'"POST /.*?"HTTP/1\.1 303', log.read_text(errors="replace"), re.DOTALL)
    return found[0] if found else None


def synced(calls: str) -> bool:
    """Whether the write-ahead log was brought to the disk, and that had ended."""
    begun = re.search(r"fdatasync\(\d+<[^>]*-wal>(\)\s+= 0| <unfinished)", calls)
    return begun is not None and ("= 0" in begun[1] or "fdatasync resumed>) = 0" in calls[begun.end() :])


async def test_no_answer_leaves_before_the_fdatasync_of_its_commit(world: World, strace: str) -> None:
    assert synced(await traced(world, strace, "never"))


async def test_the_test_above_fails_when_the_database_does_not_sync(world: World, strace: str) -> None:
    assert not synced(await traced(world, strace, "unsynced"))
