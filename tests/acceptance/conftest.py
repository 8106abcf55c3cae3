"""A world for each story."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.acceptance.office import Office, an_office
from tests.acceptance.world import World, a_world
from tests.factories import Clock


@pytest.fixture
async def world(tmp_path: Path, clock: Clock) -> AsyncIterator[World]:
    async with a_world(tmp_path, clock) as world:
        yield world


@pytest.fixture
async def office(tmp_path: Path, clock: Clock) -> AsyncIterator[Office]:
    async with an_office(tmp_path, clock) as office:
        yield office
