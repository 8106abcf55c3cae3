"""Readiness answers in time, whatever the storage does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from gateway import readiness, rulebook
from gateway.errors import DiskFull, Unavailable
from gateway.observe import Beats
from gateway.ports import Now, Storage
from gateway.readiness import Readiness
from tests.conftest import ZONE, Core


class OtherStorage:
    """A storage of which only `check`, `check_room` and `skew` are asked."""

    def __init__(
        self,
        error: Exception | None,
        hang: bool = False,
        ahead: timedelta = timedelta(),
        no_room: Exception | None = None,
    ) -> None:
        self.error, self.hang, self.ahead, self.no_room, self.checks = error, hang, ahead, no_room, 0

    async def check(self) -> None:
        self.checks += 1
        if self.hang:
            await asyncio.Event().wait()
        if self.error:
            raise self.error

    async def check_room(self) -> None:
        if self.no_room:
            raise self.no_room

    async def skew(self, now: Now) -> timedelta:
        return self.ahead


@asynccontextmanager
async def over(storage: Storage | OtherStorage, core: Core) -> AsyncIterator[Readiness]:
    calendar = rulebook.load(zone=ZONE, override=None).calendar
    yield Readiness(
        storage=storage,  # type: ignore[arg-type]  # see OtherStorage
        beats=Beats(seconds=asyncio.get_running_loop().time),
        calendar=calendar,
        room_left=lambda: True,
        hints={},
        now=core.clock,
    )
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()


async def test_a_storage_that_answers_is_ready(core: Core) -> None:
    async with over(core.storage, core) as ready:
        assert (await ready.report()).ready


@pytest.mark.parametrize(("seconds", "ok"), [(0, True), (29, True), (-31, False), (31, False)])
async def test_a_database_whose_clock_differs_is_shown_and_the_node_stays_ready(
    core: Core, seconds: int, ok: bool
) -> None:
    async with over(OtherStorage(None, ahead=timedelta(seconds=seconds)), core) as ready:
        report = await ready.report()
    assert (report.ready, report.parts["clock"].ok) == (True, ok)


async def test_a_storage_that_is_away_is_not_ready(core: Core) -> None:
    async with over(OtherStorage(Unavailable()), core) as ready:
        assert not (await ready.report()).ready


async def test_a_storage_that_answers_and_has_no_room_is_not_ready(core: Core) -> None:
    async with over(OtherStorage(None, no_room=DiskFull()), core) as ready:
        assert not (await ready.report()).parts["storage"].ok


async def test_a_storage_that_hangs_is_not_ready_and_is_asked_by_one_check_only(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "STORAGE_SECONDS", 0.05)
    hanging = OtherStorage(None, hang=True)
    async with over(hanging, core) as ready:
        reports = [await ready.report() for _ in range(3)]
    assert [report.ready for report in reports] == [False] * 3
    assert hanging.checks == 1
