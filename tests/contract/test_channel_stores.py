"""Every feed and every fetcher of the registry: what a provider keeps for us is read as often as is asked."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gateway.errors import DeliveryFailed, Permanent, Temporary
from gateway.ports import Feed, Fetcher, Page
from tests.contract.channels import SILENT, SOURCE, TAKEN, Archive, Files
from tests.contract.opened import FAILED_FILES, FED, FETCHING, TOLD, ids, opened, shown

PAGES = 100


@asynccontextmanager
async def feeding(name: str) -> AsyncIterator[tuple[Archive, Feed]]:
    start = TOLD[name].archive
    assert start is not None
    async with start() as archive, opened(name, archive.config(20)) as channel:
        assert channel.feed is not None
        yield archive, channel.feed


@asynccontextmanager
async def fetching(name: str, seconds: float = 20) -> AsyncIterator[tuple[Files, Fetcher]]:
    start = TOLD[name].files
    assert start is not None
    async with start() as files, opened(name, files.config(seconds)) as channel:
        assert channel.fetcher is not None
        yield files, channel.fetcher


async def read_all(archive: Archive, feed: Feed) -> list[tuple[str, Page]]:
    """Return the pages from the first to the last, each with the place that it was asked for by."""
    pages: list[tuple[str, Page]] = []
    place = ""
    while len(pages) < PAGES:
        page = await feed.read(archive.stream, place, archive.ticket)
        pages.append((place, page))
        if not page.more:
            return pages
        assert page.place != place, "it stands still although there is more"
        place = page.place
    raise AssertionError("it has no end")


@pytest.mark.parametrize("name", FED)
async def test_everything_that_is_held_is_read_once_from_first_to_last(name: str) -> None:
    async with feeding(name) as (archive, feed):
        assert archive.stream in feed.streams
        pages = await read_all(archive, feed)
    events = [event for _, page in pages for event in page.events]
    assert len(pages) > 1, "one page shows nothing of how the next is found"
    assert len(events) == archive.held == len(set(ids(events)))
    assert all(ids(events))
    assert {event.source for event in events} == {SOURCE}


@pytest.mark.parametrize("name", FED)
async def test_the_same_place_gives_the_same_events_again(name: str) -> None:
    """Lesson 90: a node dies after any page; the next one goes on from what was committed, and nothing is lost."""
    async with feeding(name) as (archive, feed):
        pages = await read_all(archive, feed)
        for place, page in reversed(pages):
            assert (await feed.read(archive.stream, place, archive.ticket)).events == page.events
        last = pages[-1][1]
        assert (await feed.read(archive.stream, last.place, archive.ticket)).events == ()


@pytest.mark.parametrize("name", FED)
async def test_a_source_that_is_not_there_is_asked_again_later(name: str) -> None:
    async with opened(name) as channel:
        assert channel.feed is not None
        for stream in channel.feed.streams:
            with pytest.raises(Temporary):
                await channel.feed.read(stream, "", "")


@pytest.mark.parametrize("name", FETCHING)
async def test_a_file_is_fetched_as_it_is_and_as_often_as_is_asked(name: str) -> None:
    async with fetching(name) as (files, fetcher):
        ref = files.ref(TAKEN)
        for _ in range(2):
            assert (await fetcher.fetch(ref, limit=len(files.content))).content == files.content


@pytest.mark.parametrize("name", FETCHING)
async def test_a_file_over_the_limit_is_never_fetched(name: str) -> None:
    async with fetching(name) as (files, fetcher):
        with pytest.raises(Permanent):
            await fetcher.fetch(files.ref(TAKEN), limit=len(files.content) - 1)


@pytest.mark.parametrize(("name", "answer"), FAILED_FILES)
async def test_a_file_that_is_not_given_is_asked_for_once(
    name: str, answer: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with fetching(name) as (files, fetcher):
        ref = files.ref(answer)
        with pytest.raises(DeliveryFailed) as failed:
            await fetcher.fetch(ref, limit=len(files.content))
        assert type(failed.value) is TOLD[name].file_answers[answer]
        assert type(failed.value) in (Temporary, Permanent), "nothing was handed over, so nothing is unknown"
        assert files.requests() == 1
    assert failed.value.__cause__ is None
    assert failed.value.__context__ is None or failed.value.__suppress_context__
    assert shown([ref, *TOLD[name].secrets], failed.value, caplog.text) == []


@pytest.mark.parametrize("name", FETCHING)
async def test_a_provider_that_says_nothing_of_a_file_is_given_up_in_time(name: str) -> None:
    async with fetching(name, seconds=0.3) as (files, fetcher), asyncio.timeout(10):
        with pytest.raises(Temporary):
            await fetcher.fetch(files.ref(SILENT), limit=len(files.content))
