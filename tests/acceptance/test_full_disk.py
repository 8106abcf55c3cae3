"""A full disk: nothing is acknowledged, /readyz is red on every kind of node, and it goes on when there is room.

The database lies on a small disk of its own where one may be mounted; elsewhere SQLite is told how large it may be.
"""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.intake import FULL_FOR
from gateway.node import Role
from tests.acceptance.test_nodes import node, visiting
from tests.acceptance.world import World, a_world, until
from tests.databases import listening
from tests.factories import Clock

DISK = 40_000_000
ANSWERS = {"name": "李小明", "contact": "li@example.com", "text": "年费没提前说。" * 500}
SORRY = "系统暂时收不进来"


class SmallDisk:
    """A file system in memory."""

    def __init__(self, folder: Path) -> None:
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        with contextlib.suppress(OSError), self._ballast.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))

    def make_room(self) -> None:
        self._ballast.unlink()


class SmallDatabase:
    """An SQLite database that may not become larger while its disk counts as full."""

    def __init__(self) -> None:
        self._pages = 1_000_000

    def limit(self, connection: Any, record: object, proxy: object) -> None:
        connection.cursor().execute(f"PRAGMA max_page_count = {self._pages}")

    def fill(self) -> None:
        self._pages = 1  # below its size, which means its size

    def make_room(self) -> None:
        self._pages = 1_000_000


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk | SmallDatabase]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True, timeout=10)
    except (OSError, subprocess.CalledProcessError):
        database = SmallDatabase()
        with listening("checkout", database.limit):
            yield database
    else:
        try:
            yield SmallDisk(folder)
        finally:
            subprocess.run(["umount", "--lazy", str(folder)], check=True, timeout=10)


@pytest.fixture
async def world(tmp_path: Path, disk: object, clock: Clock) -> AsyncIterator[World]:
    storage = {"url": f"sqlite:///{tmp_path}/disk/huiyin.db", "keys_file": tmp_path / "huiyin.keys"}
    async with a_world(tmp_path, clock, storage=storage) as world:
        yield world


async def is_ready(world: World) -> bool:
    async with aiohttp.ClientSession() as client, client.get(f"{world.site}/readyz") as answer:
        return answer.status == 200


@pytest.mark.parametrize("role", [Role.WEB, Role.ALL])
async def test_a_form_meets_a_full_disk_and_is_taken_when_there_is_room(
    world: World, disk: SmallDisk | SmallDatabase, role: Role
) -> None:
    async with node(world, role) as running:
        with visiting(world, running):
            assert await is_ready(world)
            disk.fill()
            assert SORRY in await world.submits(**ANSWERS)
            assert not await is_ready(world)
            disk.make_room()
            world.clock.later(seconds=FULL_FOR.total_seconds())
            assert await is_ready(world)
            assert "TS-" in await world.submits(**ANSWERS)


async def test_a_mail_that_meets_a_full_disk_stays_where_it_is_until_there_is_room(
    world: World, disk: SmallDisk | SmallDatabase
) -> None:
    async with world.gateway():
        await until(lambda: is_ready(world))
        disk.fill()
        await world.emails("li@example.com", ANSWERS["text"])

        async def refused() -> bool:
            return not await is_ready(world)

        await until(refused)
        assert await world.box.contents() != []
        disk.make_room()
        await world.mail_to("li@example.com")
        await world.emptied()
