"""The package as the rest of the program sees it: three names, and the roles a configuration gives."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from adapters import email
from adapters.registry import ADAPTERS
from gateway.model import ContactType
from tests.shared import tools

TOOLS = tools(now=lambda: datetime(2026, 11, 23, tzinfo=UTC))
IMAP = {"imap": {"host": "imap.bank.example", "user": "complaints", "password": "secret"}}
SMTP = {"smtp": {"host": "smtp.bank.example"}}


def test_the_package_exports_what_every_adapter_exports() -> None:
    assert sorted(email.__all__) == ["Config", "open_channel", "read"]
    assert ADAPTERS["email"] is email


@pytest.mark.parametrize(
    ("tables", "listens", "sends"), [({**IMAP, **SMTP}, True, True), (IMAP, True, False), (SMTP, False, True)]
)
async def test_a_role_that_is_not_configured_is_none(tables: dict[str, Any], listens: bool, sends: bool) -> None:
    """Nothing is connected yet: these hosts do not exist."""
    config = email.Config.model_validate({"address": "complaints@bank.example", **tables})
    async with email.open_channel(config, TOOLS, "complaints-mailbox") as channel:
        assert (channel.name, channel.source) == ("email", "complaints-mailbox")
        assert (channel.listener is not None) is listens
        assert (channel.sender is not None) is sends
        assert channel.serves == (ContactType.EMAIL if sends else None)
        assert channel.probe is not None
