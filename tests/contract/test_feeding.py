"""Feeds on both databases: each page is committed with how far it was read; nothing is lost, nothing comes twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.coordination.local import LocalCoordination
from gateway.errors import Overtaken, Temporary
from gateway.feeding import STILL, TICKET, Bells, Feeding, stream_of
from gateway.model import Bell, ChannelKind, Contact, ContactType, InboundMessage
from gateway.ports import Lane, Mark, Page, Storage
from gateway.vault import Vault
from tests.bank import Gateway
from tests.databases import Database
from tests.factories import START, Clock, message

PAGES, OF_EACH = 10, 3
PATIENCE = 20.0
SOURCE, STREAM = "wecom-service", "kf1"
NAME = stream_of(SOURCE, STREAM)


def said(n: int) -> InboundMessage:
    who = f"{STREAM}/customer-{n}"
    return message(
        f"短信费被扣两次 {n}",
        source=SOURCE,
        channel=ChannelKind.WECOM,
        external_id=f"msg-{n}",
        message_id="",
        from_address=who,
        contacts=(Contact(type=ContactType.WECOM, value=who),),
    )


class Source:
    """Plays a provider that keeps what came: pages by place, and how often and with what it was asked for each."""

    def __init__(self, pages: int = PAGES) -> None:
        self.pages = [tuple(said(page * OF_EACH + n) for n in range(OF_EACH)) for page in range(pages)]
        self.asked: list[tuple[str, str]] = []
        self.dies_after: int | None = None
        self.stands_still = False
        self.busy_for: timedelta | None = None  # what the first one who asks hears

    @property
    def streams(self) -> tuple[str, ...]:
        return (STREAM,)

    async def read(self, stream: str, place: str, ticket: str) -> Page:
        self.asked.append((place, ticket))
        if self.busy_for:
            busy_for, self.busy_for = self.busy_for, None
            raise Temporary("errcode 45009", retry_after=busy_for)
        if self.stands_still:
            return Page(events=(), place=place, more=True)
        number = int(place or 0)
        if number == self.dies_after:
            raise Temporary("unreachable")
        events = self.pages[number] if number < len(self.pages) else ()
        after = min(number + 1, len(self.pages))
        return Page(events=events, place=str(after), more=after < len(self.pages))

    def write(self, *messages: InboundMessage) -> None:
        self.pages.append(tuple(messages))


class Reader:
    """A node that may read the stream."""

    def __init__(self, storage: Storage, vault: Vault, clock: Clock, source: Source, fence: int = 1) -> None:
        self.gateway = Gateway(storage=storage, vault=vault, now=clock)
        self.coordination = LocalCoordination(now=clock)
        self.bells = Bells(storage=storage, coordination=self.coordination)
        self.fence = fence
        self.looked = asyncio.Event()
        self.feeding = Feeding(
            source=SOURCE,
            stream=STREAM,
            feed=source,
            accept=self.gateway.intake.accept,
            storage=storage,
            coordination=self.coordination,
            now=clock,
        )

    async def reads(self, until: Callable[[], bool]) -> None:
        """Read until that holds, and what was read last is committed."""
        task = asyncio.create_task(self.feeding.run(lambda: self._look(until), self.fence))
        try:
            async with asyncio.timeout(PATIENCE):
                await asyncio.wait({task, asyncio.create_task(self.looked.wait())}, return_when="FIRST_COMPLETED")
            if task.done():
                await task
        finally:
            self.looked.set()
            task.cancel()
            await asyncio.wait({task})
            self.looked.clear()

    def _look(self, until: Callable[[], bool]) -> None:
        if until():
            self.looked.set()


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def reader(storage: Storage, vault: Vault, clock: Clock, source: Source) -> Reader:
    return Reader(storage, vault, clock, source)


async def place(storage: Storage) -> str | None:
    async with storage.reading() as tx:
        return (await tx.marks.get([NAME])).get(NAME)


async def taken_in(storage: Storage) -> list[str]:
    async with storage.reading() as tx:
        found = await tx.complaints.waiting(100)
        messages = [await tx.messages.of(one.id) for one in found]
    return sorted(str(one.body["text"]).rpartition(" ")[2].zfill(3) for group in messages for one in group)


EVERYTHING = [f"{n:03}" for n in range(PAGES * OF_EACH)]


async def test_all_pages_are_taken_in_and_the_mark_stands_at_the_end(
    reader: Reader, storage: Storage, source: Source
) -> None:
    await reader.reads(lambda: len(source.asked) >= PAGES)
    assert await taken_in(storage) == EVERYTHING
    assert await place(storage) == str(PAGES)


async def test_a_reader_killed_after_page_3_of_10_goes_on_there_without_loss_or_doubles(
    storage: Storage, vault: Vault, clock: Clock, source: Source
) -> None:
    """Lesson 90: the callback came three times, too."""
    source.dies_after = 3
    with pytest.raises(Temporary):
        await Reader(storage, vault, clock, source).reads(lambda: False)
    assert (await place(storage), len(await taken_in(storage))) == ("3", 3 * OF_EACH)
    source.dies_after = None
    source.asked.clear()
    another = Reader(storage, vault, clock, source, fence=2)
    for n in range(3):
        await another.bells.ring(bell(f"ticket-{n}"))
    await another.reads(lambda: len(source.asked) >= PAGES - 3)
    assert source.asked[0] == ("3", "ticket-2")
    assert await taken_in(storage) == EVERYTHING


async def test_a_page_whose_commit_was_not_heard_of_is_read_again_and_opens_nothing(
    reader: Reader, storage: Storage, source: Source
) -> None:
    """The events are held by their ids, whatever the mark says: as after a restored backup."""
    await reader.gateway.intake.accept(source.pages[0])
    await reader.gateway.intake.accept(source.pages[1][::-1])
    await reader.reads(lambda: len(source.asked) >= PAGES)
    assert await taken_in(storage) == EVERYTHING


async def test_an_empty_page_with_more_behind_it_moves_the_mark(
    reader: Reader, storage: Storage, source: Source
) -> None:
    source.pages[4] = ()
    await reader.reads(lambda: len(source.asked) >= PAGES)
    assert len(await taken_in(storage)) == (PAGES - 1) * OF_EACH
    assert await place(storage) == str(PAGES)


async def test_a_source_that_says_more_and_never_moves_is_not_asked_for_ever(reader: Reader, source: Source) -> None:
    source.stands_still = True
    with pytest.raises(Temporary, match="stands_still"):
        await reader.reads(lambda: False)
    assert len(source.asked) == STILL


async def test_a_node_that_lost_its_lease_moves_nothing_and_takes_in_nothing(
    storage: Storage, vault: Vault, clock: Clock, source: Source
) -> None:
    """The fence of who came later stands in the mark."""
    async with storage.writing(Lane.INTAKE) as tx:
        await tx.marks.advance([Mark(stream=NAME, expected=None, value="1", fence=7)])
    with pytest.raises(Overtaken):
        await Reader(storage, vault, clock, source, fence=6).reads(lambda: False)
    assert await taken_in(storage) == []
    assert await place(storage) == "1"


async def test_a_call_that_was_overtaken_harms_no_other_call_of_its_batch(reader: Reader, storage: Storage) -> None:
    accept = reader.gateway.intake.accept
    stale = Mark(stream=NAME, expected="elsewhere", value="5", fence=1)
    first, second, third = await asyncio.gather(
        accept([said(1)]), accept([said(2)], mark=stale), accept([said(3)]), return_exceptions=True
    )
    assert isinstance(second, Overtaken)
    assert not isinstance(first, BaseException)
    assert not isinstance(third, BaseException)
    assert await taken_in(storage) == ["001", "003"]


async def test_one_message_that_cannot_be_stored_does_not_keep_the_mark_back(
    reader: Reader, storage: Storage, source: Source
) -> None:
    """It is stored as far as it can be: the rest of the page, and the mark, with it (lesson 15)."""
    source.pages[0] = (said(0), replace(said(1), external_id="with a NUL \0"), said(2))
    await reader.reads(lambda: len(source.asked) >= PAGES)
    assert len(await taken_in(storage)) == PAGES * OF_EACH
    assert await place(storage) == str(PAGES)


async def test_a_source_that_says_when_to_ask_again_is_not_asked_sooner_not_even_by_a_bell(
    reader: Reader, source: Source
) -> None:
    """45009: who asks on is shut out for longer (channels.md 1.5)."""
    source.busy_for = timedelta(seconds=0.2)
    began = asyncio.get_running_loop().time()
    task = asyncio.create_task(reader.feeding.run(lambda: None, 1))
    try:
        async with asyncio.timeout(PATIENCE):
            while len(source.asked) < 2:
                await reader.bells.ring(bell(f"ticket-{len(source.asked)}"))
                await asyncio.sleep(0.01)
    finally:
        task.cancel()
        await asyncio.wait({task})
    assert asyncio.get_running_loop().time() - began >= 0.2


def bell(ticket: str) -> Bell:
    return Bell(source=SOURCE, external_id=f"bell:{ticket}", received_at=START, stream=STREAM, ticket=ticket)


async def test_a_bell_wakes_the_reader_and_brings_it_a_ticket(reader: Reader, storage: Storage, source: Source) -> None:
    await reader.reads(lambda: len(source.asked) >= PAGES)
    source.write(said(900))
    await reader.bells.ring(bell("fresh"))
    await reader.reads(lambda: len(source.asked) > PAGES)
    assert source.asked[-1] == (str(PAGES), "fresh")
    assert "900" in await taken_in(storage)


async def test_bells_that_ring_on_several_nodes_at_once_are_all_heard(
    database: Database, vault: Vault, clock: Clock
) -> None:
    """Lesson 84: whoever is answered late rings again."""
    async with AsyncExitStack() as stack:
        nodes = [await stack.enter_async_context(database.open(vault)) for _ in range(6)]
        bells = [Bells(storage=one, coordination=LocalCoordination(now=clock)) for one in nodes]
        for round in range(5):
            rung = [replace(bell(f"{round}.{n}"), stream=f"kf{round}") for n in range(12)]
            await asyncio.gather(*(bells[n % len(bells)].ring(one) for n, one in enumerate(rung)))
            async with nodes[0].reading() as tx:
                name = stream_of(SOURCE, f"kf{round}")
                assert (await tx.tokens.get([name]))[name].value in {one.ticket for one in rung}


async def test_a_ticket_that_is_too_old_is_not_used(reader: Reader, clock: Clock, source: Source) -> None:
    await reader.bells.ring(bell("old"))
    clock.later(seconds=TICKET / timedelta(seconds=1))
    await reader.reads(lambda: len(source.asked) >= PAGES)
    assert {ticket for _, ticket in source.asked} == {""}
