"""A folder with settings and a database, in which the command line is run, and what it said."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gateway.__main__ import clock
from gateway.app import assembled
from gateway.model import InboundMessage
from gateway.settings import load
from tests.acceptance.office import ROUTING

SETTINGS = """
config = "own"
bank.telephone = "010-00000001"
bank.names = {zh-Hans = "示例银行", zh-Hant = "示例銀行", en = "ExampleBank"}
"""
GRADE = ["--kind", "complaint", "--nature", "service", "--level", "general", "--product", "credit_card"]


def taken_in(folder: Path, monkeypatch: pytest.MonkeyPatch, *messages: InboundMessage) -> list[str]:
    """Go into the folder, take these messages in there and return their numbers."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "120")
    (folder / "gateway.toml").write_text(SETTINGS, encoding="utf-8")
    (folder / "own").mkdir()
    (folder / "own" / "routing.toml").write_text(ROUTING, encoding="utf-8")

    async def take_in() -> list[str]:
        async with assembled(load(folder / "gateway.toml", {}), [], now=clock) as (node, _):
            return [str(receipt.number) for receipt in await node.intake.accept(messages)]

    return asyncio.run(take_in())


def said(capsys: pytest.CaptureFixture[str]) -> str:
    captured = capsys.readouterr()
    return captured.out + captured.err
