"""Every adapter of the registry keeps the promises of gateway/ports/channels.py; nobody has to ask for it.

The promises of a webhook are in test_channel_webhooks.py, of a feed and a fetcher in test_channel_stores.py. What the
kit is told of each channel is `CONFORMANCE` in tests/adapters/<name>/conformance.py (channels.py explains it). That a
channel reads its provider's dialect rightly is not here but in its own tests.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from adapters.registry import ADAPTERS, Adapter
from gateway.errors import GatewayError, Permanent, Rejected, Temporary, Unknown
from gateway.model import (
    Contact,
    InboundEvent,
    Receipt,
    Text,
    Unreadable,
)
from gateway.ports import Census, Channel, Handed
from gateway.settings import explain
from tests.contract.channels import (
    SILENT,
    SOURCE,
    TAKEN,
    WORDS,
    notice,
)
from tests.contract.hostile import damaged, misplaced
from tests.contract.opened import (
    EVERY,
    FAILURES,
    FED,
    FETCHING,
    HOOKED,
    READERS,
    ROOT,
    SENDERS,
    TOLD,
    ids,
    opened,
    private,
    sending,
    shown,
)
from tests.factories import START, ticket

ROLES = ("webhook", "listener", "feed", "fetcher", "reader", "sender", "finder", "census", "probe")
FACTS = ("comes in", "goes out", "receipts", "told apart by", "finder", "census", "limits", "not possible")


@pytest.mark.parametrize("name", sorted(ADAPTERS))
def test_a_channel_tells_the_kit_what_it_has_to_know(name: str) -> None:
    assert name in TOLD, (
        f'adapters/registry.py names "{name}", but nothing checks it: write tests/adapters/{name}/conformance.py '
        "with CONFORMANCE = Conformance(...), as docs/howto/add-a-channel.md shows"
    )


@EVERY
async def test_every_role_a_channel_plays_is_told_of_and_no_other(name: str) -> None:
    told = TOLD[name]
    async with opened(name) as channel:
        comes_in = any((channel.webhook, channel.listener, channel.feed, channel.reader, channel.census))
        assert (channel.webhook is not None, channel.sender is not None) == (name in HOOKED, name in SENDERS)
        assert (channel.feed is not None, channel.fetcher is not None) == (name in FED, name in FETCHING)
        assert bool(told.file_answers) is (name in FETCHING), "a fetcher needs answers of its provider"
        assert bool(told.samples) is comes_in, "what comes in needs samples"
        assert bool(told.answers) is (name in SENDERS), "what goes out needs answers of its provider"


@EVERY
def test_the_package_exports_exactly_what_every_adapter_exports(name: str) -> None:
    package: Any = ADAPTERS[name]
    assert package.__name__ == f"adapters.{name}"
    assert sorted(package.__all__) == ["Config", "open_channel", "read"]


@EVERY
async def test_a_channel_opens_and_closes_twice_and_leaves_nothing_running(name: str) -> None:
    before = asyncio.all_tasks()
    for _ in range(2):
        async with opened(name) as channel:
            assert (channel.name, channel.source) == (name, SOURCE)
            assert shown(TOLD[name].secrets, channel) == []
    assert asyncio.all_tasks() == before


@EVERY
async def test_a_channel_serves_contacts_exactly_if_it_sends(name: str) -> None:
    async with opened(name) as channel:
        assert (channel.serves is None) is (channel.sender is None)
        assert channel.finder is None or channel.sender is not None


@EVERY
def test_an_unknown_setting_is_an_error(name: str) -> None:
    with pytest.raises(ValidationError, match="no_such_setting"):
        ADAPTERS[name].Config.model_validate({**TOLD[name].config, "no_such_setting": 1})
    config = ADAPTERS[name].Config.model_validate(TOLD[name].config)
    assert [type(section) for section in sections(config) if section.model_config.get("extra") != "forbid"] == []


@EVERY
def test_settings_cannot_be_changed_afterwards(name: str) -> None:
    config = ADAPTERS[name].Config.model_validate(TOLD[name].config)
    assert [type(section) for section in sections(config) if not section.model_config.get("frozen")] == []


@EVERY
def test_no_secret_is_shown_by_settings_or_by_what_is_wrong_with_them(name: str) -> None:
    told, adapter = TOLD[name], ADAPTERS[name]
    config = adapter.Config.model_validate(told.config)
    assert shown(told.secrets, config, config.model_dump_json()) == []
    refused = [error for wrong in misplaced(told.config, told.secrets) if (error := refusal(adapter, wrong))]
    assert [error for error in refused if shown(told.secrets, error, explain(error))] == []


def refusal(adapter: Adapter, config: Mapping[str, Any]) -> ValidationError | None:
    try:
        adapter.Config.model_validate(config)
    except ValidationError as error:
        return error
    return None


def sections(config: BaseModel) -> Iterator[BaseModel]:
    """Yield the settings and every table in them."""
    yield config
    for _, value in config:
        for inner in value.values() if isinstance(value, dict) else [value]:
            if isinstance(inner, BaseModel):
                yield from sections(inner)


@pytest.mark.parametrize(("name", "sample"), [(name, sample) for name in READERS for sample in TOLD[name].samples])
def test_a_sample_is_read_and_is_the_same_message_a_second_time(name: str, sample: str) -> None:
    data = TOLD[name].samples[sample]
    first, second = list(ADAPTERS[name].read(data, sample)), list(ADAPTERS[name].read(data, sample))
    assert first
    assert first == second
    assert all(ids(first))
    assert [event for event in first if isinstance(event, Unreadable)] == []
    assert [event for event in first if event.received_at.utcoffset() is None] == []


@EVERY
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_hostile_bytes_give_events_or_a_refusal_and_always_the_same(name: str, data: st.DataObject) -> None:
    read, hostile = ADAPTERS[name].read, data.draw(damaged(list(TOLD[name].samples.values())))

    def outcome() -> list[InboundEvent] | tuple[type[Rejected], str]:
        try:
            return list(read(hostile, "file"))
        except Rejected as refused:
            return type(refused), str(refused)

    first = outcome()
    assert first == outcome()
    assert isinstance(first, tuple) or all(isinstance(event, get_args(InboundEvent)) for event in first)


@pytest.mark.parametrize("name", READERS)
async def test_a_file_handed_over_holds_the_same_events_a_second_time(name: str) -> None:
    """A file that comes twice opens nothing twice."""
    async with opened(name) as channel:
        if channel.reader is None:
            return
        for sample, data in TOLD[name].samples.items():
            first, second = channel.reader(data, sample), channel.reader(data, sample)
            assert [(one.place, one.event) for one in first] == [(one.place, one.event) for one in second]
            assert {one.event.source for one in first} == {SOURCE}


@pytest.mark.parametrize("name", SENDERS)
async def test_the_same_key_is_the_same_request_to_the_provider(name: str) -> None:
    """Lessons 36, 57: a copy that nobody wanted can be told by whoever gets it."""
    async with sending(name) as (provider, sender, _):
        message = provider.message(TAKEN)
        await sender.send(message)
        await sender.send(message)
        first, *copies = provider.held()  # some providers know a key, and keep one
        assert all(copy == first for copy in copies)
        assert provider.requests() == 2


@pytest.mark.parametrize("name", SENDERS)
async def test_many_messages_at_once_are_each_handed_over_once(name: str) -> None:
    async with sending(name) as (provider, sender, _):
        await asyncio.gather(*(sender.send(provider.message(TAKEN)) for _ in range(20)))
        assert (len(provider.held()), provider.requests()) == (20, 20)


@pytest.mark.parametrize(("name", "answer"), FAILURES)
async def test_each_answer_of_the_provider_has_its_class_and_is_asked_for_once(
    name: str, answer: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with sending(name) as (provider, sender, _):
        message = provider.message(answer)
        with pytest.raises(GatewayError) as failed:
            await sender.send(message)
        assert type(failed.value) is TOLD[name].answers[answer]
        assert provider.requests() == 1
    assert failed.value.__cause__ is None
    assert failed.value.__context__ is None or failed.value.__suppress_context__
    assert shown([*private(message), *TOLD[name].secrets], failed.value, caplog.text) == []


@pytest.mark.parametrize("name", SENDERS)
async def test_after_a_failure_the_next_message_leaves(name: str) -> None:
    answer = next(iter(TOLD[name].answers))
    async with sending(name) as (provider, sender, _):
        with pytest.raises(TOLD[name].answers[answer]):
            await sender.send(provider.message(answer))
        await sender.send(provider.message(TAKEN))


@pytest.mark.parametrize("name", SENDERS)
async def test_a_provider_that_says_nothing_is_given_up_in_time(name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with sending(name, seconds=0.3) as (provider, sender, _):
        message = provider.message(SILENT)
        async with asyncio.timeout(10):
            with pytest.raises((Unknown, Temporary)) as failed:
                await sender.send(message)
        assert provider.requests() <= 1
    assert shown([*private(message), *TOLD[name].secrets], failed.value, caplog.text) == []


@pytest.mark.parametrize("name", SENDERS)
async def test_where_nobody_is_nothing_was_handed_over(name: str) -> None:
    start = TOLD[name].provider
    assert start is not None
    async with start() as provider, opened(name) as channel:
        assert channel.sender is not None
        message = provider.message(TAKEN)
        with pytest.raises(Temporary) as failed:
            await channel.sender.send(message)
        assert provider.requests() == 0
    assert shown([*private(message), *TOLD[name].secrets], failed.value) == []


@pytest.mark.parametrize("name", SENDERS)
async def test_what_a_channel_cannot_carry_is_refused_for_good_and_never_leaves(name: str) -> None:
    async with sending(name) as (provider, sender, _):
        message = provider.message(TAKEN)
        other = ticket() if isinstance(message.content, Text) else WORDS
        with pytest.raises(Permanent):
            await sender.send(replace(message, content=other))
        assert provider.requests() == 0


@pytest.mark.parametrize("name", SENDERS)
async def test_a_message_that_was_handed_over_is_found(name: str) -> None:
    async with sending(name) as (provider, sender, channel):
        if channel.finder is None:
            return
        message = provider.message(TAKEN)
        sent = await sender.send(message)
        for known in (sent.provider_id, ""):  # the hand-over's answer came, or was lost
            (found,) = await channel.finder.find([Handed(message=message, provider_id=known, tried_at=START)])
            assert (found.key, found.status is None) == (message.key, False)


@EVERY
async def test_a_provider_that_is_not_there_is_an_error_without_a_secret(name: str) -> None:
    async with opened(name) as channel:
        for question in questions(channel):
            with pytest.raises(GatewayError) as failed:
                async with asyncio.timeout(10):
                    await question
            assert shown(TOLD[name].secrets, failed.value) == []


def questions(channel: Channel) -> Iterator[Awaitable[object]]:
    """Yield everything that a channel asks its provider for by itself."""

    async def nothing_came(events: Sequence[InboundEvent]) -> Sequence[Receipt]:
        raise AssertionError("nobody is there, and yet something came")

    async def count(census: Census) -> None:
        assert [event async for event in census.held(START - timedelta(days=1), START)] == []

    if channel.probe:
        yield channel.probe()
    if channel.listener:
        yield channel.listener.listen(nothing_came, lambda: None)
    if channel.finder and channel.serves:
        message = notice(Contact(type=channel.serves, value="somebody"))
        yield channel.finder.find([Handed(message=message, provider_id="1", tried_at=START)])
    if channel.census:
        yield count(channel.census)
    yield from questions_about_what_is_kept(channel)


def questions_about_what_is_kept(channel: Channel) -> Iterator[Awaitable[object]]:
    if channel.feed:
        yield channel.feed.read(channel.feed.streams[0], "", "")
    if channel.fetcher:
        yield channel.fetcher.fetch("file-1", limit=1000)


@pytest.mark.parametrize("name", SENDERS)
async def test_a_provider_that_is_there_passes_the_check(name: str) -> None:
    async with sending(name) as (_, _, channel):
        assert channel.probe is not None, "whoever starts the gateway wants to know whether it can send"
        await channel.probe()


def roles_of(channel: Channel) -> str:
    """Return the line that docs/reference/channels.md has to have of an opened channel."""
    plays = ["–" if getattr(channel, role) is None else "yes" for role in ROLES]
    serves = f"`{channel.serves.value}`" if channel.serves else "–"
    return f"| [`{channel.name}`](#{channel.name}) | {' | '.join(plays)} | {serves} |"


@EVERY
async def test_the_reference_says_which_roles_a_channel_plays(name: str) -> None:
    written = (ROOT / "docs/reference/channels.md").read_text(encoding="utf-8").splitlines()
    assert f"| channel | {' | '.join(ROLES)} | serves |" in written
    async with opened(name) as channel:
        assert roles_of(channel) in written, "docs/reference/channels.md has to have this line"


@pytest.mark.parametrize("name", sorted(ADAPTERS))
def test_the_reference_says_what_a_channel_can_and_cannot_do(name: str) -> None:
    written = (ROOT / "docs/reference/channels.md").read_text(encoding="utf-8")
    _, _, section = written.partition(f"\n## `{name}`\n")
    facts = section.partition("\n## ")[0]
    assert [fact for fact in FACTS if f"| {fact} | " not in facts] == []
