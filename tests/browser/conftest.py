"""A real browser in front of the real site. Without one these tests are skipped on a laptop and fail in CI."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright

from tests.conftest import Core
from tests.unit.web.world import Visitor, open_site

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture
def chromium() -> Path:
    if not CHROMIUM.exists():
        missing = f"{CHROMIUM} is not installed"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return CHROMIUM


@pytest.fixture
async def browser(chromium: Path) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS, headless=True)
        yield launched
        await launched.close()


@pytest.fixture
async def visitor(core: Core) -> AsyncIterator[Visitor]:
    async with open_site(core, form_per_hour=6) as opened:
        yield opened


@pytest.fixture
def address(visitor: Visitor) -> str:
    """Where the site listens, without a slash at the end."""
    return f"http://{visitor.host}:{visitor.port}"
