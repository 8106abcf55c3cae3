"""Which channels the kit tests, and how it opens them: by themselves, to their webhook, to their simulated provider."""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from adapters.registry import ADAPTERS
from gateway.model import Card, InboundEvent, OutboundMessage, Template, Text
from gateway.ports import Channel, HttpRequest, Sender, Webhook
from tests.contract.channels import PUBLIC_URL, SOURCE, Conformance, Provider
from tests.shared import tools

ROOT = Path(__file__).resolve().parents[2]


def module_of(name: str) -> str:
    return f"tests.adapters.{name}.conformance"


def told_of(name: str) -> Conformance | None:
    """Return what is told of a channel; None where nothing is."""
    if not (ROOT / (module_of(name).replace(".", "/") + ".py")).exists():
        return None
    told: Conformance = importlib.import_module(module_of(name)).CONFORMANCE
    return told


TOLD = {name: told for name in sorted(ADAPTERS) if (told := told_of(name))}
READERS = [name for name, told in TOLD.items() if told.samples]
HOOKED = [name for name, told in TOLD.items() if told.calls]
SENDERS = [name for name, told in TOLD.items() if told.provider]
GREETED = [name for name, told in TOLD.items() if told.greeting]
FED = [name for name, told in TOLD.items() if told.archive]
FETCHING = [name for name, told in TOLD.items() if told.files]
FAILED_FILES = [(name, answer) for name in FETCHING for answer in TOLD[name].file_answers]
FAILURES = [(name, answer) for name in SENDERS for answer in TOLD[name].answers]
EVERY = pytest.mark.parametrize("name", TOLD)


@asynccontextmanager
async def opened(name: str, config: Mapping[str, Any] | None = None) -> AsyncIterator[Channel]:
    adapter = ADAPTERS[name]
    valid = adapter.Config.model_validate(TOLD[name].config if config is None else config)
    async with adapter.open_channel(valid, tools(public_url=PUBLIC_URL), SOURCE) as channel:
        yield channel


@asynccontextmanager
async def hooked(name: str) -> AsyncIterator[Webhook]:
    async with opened(name) as channel:
        assert channel.webhook is not None
        yield channel.webhook


@asynccontextmanager
async def sending(name: str, seconds: float = 20) -> AsyncIterator[tuple[Provider, Sender, Channel]]:
    """Open the channel to its simulated provider."""
    start = TOLD[name].provider
    assert start is not None
    async with start() as provider, opened(name, provider.config(seconds)) as channel:
        assert channel.sender is not None
        yield provider, channel.sender, channel


def genuine(name: str) -> HttpRequest:
    calls = TOLD[name].calls
    assert calls is not None
    return calls.genuine


def ids(events: Sequence[InboundEvent]) -> list[str]:
    return [event.external_id for event in events]


def private(message: OutboundMessage) -> list[str]:
    """Return what of a message nobody may find in a log: whom it goes to, and what it says."""
    match message.content:
        case Text() as words:
            return [message.to.value, words.subject, words.short, words.text, words.html]
        case Card(text=words, link=link):
            return [message.to.value, words.subject, words.short, words.text, words.html, link]
        case Template(number=number):
            return [message.to.value, number]
        case other:
            return [other.number, other.handler, other.link]


def shown(words: Sequence[str], *places: object) -> list[str]:
    """Return which of the words are shown in any of the places, as text or as a representation."""
    written = "\n".join(f"{place}\n{place!r}" for place in places)
    return [word for word in words if word in written]
