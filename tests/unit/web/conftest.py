"""The site over the real core, with its visitor."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.conftest import Core
from tests.unit.web.world import Visitor, open_site


@pytest.fixture
async def visitor(core: Core) -> AsyncIterator[Visitor]:
    async with open_site(core) as opened:
        yield opened
