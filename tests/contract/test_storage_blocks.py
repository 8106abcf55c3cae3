"""A block is one transaction: wherever it is cancelled, whatever is refused, and with whom it shares the database."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from asyncio.subprocess import PIPE
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.errors import BadData, GatewayError
from gateway.ports import Lane, Storage, Transaction
from gateway.vault import Vault
from tests.contract import number_drawer, records
from tests.contract.records import Case, case, is_held, result, write
from tests.databases import Database, listening
from tests.factories import START


async def test_a_block_cancelled_in_its_commit_is_committed_before_the_next_writer(storage: Storage) -> None:
    li = case()

    async def story() -> None:
        task = asyncio.current_task()
        assert task is not None
        async with storage.writing(Lane.INTAKE) as tx:
            await write(tx, li)
            await tx.queue.oldest()  # nothing is left to be added
            asyncio.get_running_loop().call_soon(task.cancel)  # finds it waiting for the commit

    with pytest.raises(asyncio.CancelledError):
        await asyncio.create_task(story())
    assert await is_held(storage, li)


async def test_a_block_sees_what_it_added_itself(storage: Storage) -> None:
    li = case()
    async with storage.writing(Lane.INTAKE) as tx:
        await write(tx, li)
        assert list(await tx.complaints.by_id([li.complaint.id])) == [li.complaint.id]


async def test_a_block_cancelled_in_a_statement_is_rolled_back_before_the_next_writer(storage: Storage) -> None:
    li = case()

    async def story() -> None:
        task = asyncio.current_task()
        assert task is not None
        async with storage.writing(Lane.INTAKE) as tx:
            await write(tx, li)
            asyncio.get_running_loop().call_soon(task.cancel)
            await tx.queue.oldest()

    with pytest.raises(asyncio.CancelledError):
        await asyncio.create_task(story())
    assert not await is_held(storage, li)


async def test_wherever_a_block_is_cancelled_it_is_written_wholly_or_not_at_all(storage: Storage) -> None:
    async def story(li: Case) -> None:
        async with storage.writing(Lane.INTAKE) as tx:
            await write(tx, li)

    opened: list[object] = []
    with listening("connect", lambda *connection: opened.append(connection)):
        for steps in range(40):
            li = case()
            task = asyncio.create_task(story(li))
            for _ in range(steps):
                await asyncio.sleep(0)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            async with asyncio.timeout(5), storage.writing(Lane.INTAKE) as tx:  # the writer is free again
                complaints = await tx.complaints.by_id([li.complaint.id])
                messages = await tx.messages.of(li.complaint.id)
                assert len(complaints) == len(messages)
                await write(tx, case())
    assert len(opened) == 1  # no connection had to be thrown away


async def test_a_cancelled_reader_gives_its_connection_back(storage: Storage) -> None:
    async def story() -> None:
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().call_soon(task.cancel)
        async with storage.reading() as tx:
            await tx.notices.states()

    for _ in range(20):
        with pytest.raises(asyncio.CancelledError):
            await asyncio.create_task(story())
    async with storage.reading() as tx:
        assert await tx.notices.states() == {}


async def test_a_reader_cannot_write(storage: Storage) -> None:
    with pytest.raises(GatewayError):
        async with storage.reading() as tx:
            await tx.queue.add([records.work()], now=START)


async def test_four_processes_of_sixteen_writers_never_give_the_same_number(
    database: Database, vault: Vault, tmp_path: Path
) -> None:
    """A028, lesson 26, with blocks that fail between them."""
    command = [sys.executable, "-m", number_drawer.__name__, database.url, str(tmp_path / "huiyin.keys")]
    processes = [await asyncio.create_subprocess_exec(*command, stdout=PIPE) for _ in range(4)]
    printed = [(await process.communicate())[0].decode().split() for process in processes]
    given = [number for numbers in printed for number in numbers]
    assert [process.returncode for process in processes] == [0] * 4
    assert len(given) > 4 * 16 * 8
    assert len(set(given)) == len(given)
    assert sorted(given) == sorted(number for (number,) in await database.run("SELECT number FROM complaints"))


SECRET = "13912344321"


async def repeat_an_external_id(tx: Transaction) -> None:
    await tx.messages.add([records.message(None, external_id=SECRET) for _ in range(2)])


async def settle_what_was_never_delivered(tx: Transaction) -> None:
    li = case()
    unknown = result(li, li.work)
    await tx.notices.settle([replace(unknown, attempt=replace(unknown.attempt, delivery_key=SECRET))])


async def look_up_half_a_character(tx: Transaction) -> None:
    await tx.complaints.by_number([SECRET + "\ud83d"])


async def store_a_nul(tx: Transaction) -> None:
    await tx.messages.add([records.message(None, external_id=SECRET + "\0")])


async def store_half_a_character(tx: Transaction) -> None:
    await tx.messages.add([records.message(None, external_id=SECRET + "\ud83d")])


@pytest.mark.parametrize(
    "refused",
    [
        repeat_an_external_id,
        settle_what_was_never_delivered,
        look_up_half_a_character,
        store_half_a_character,
        store_a_nul,
    ],
)
async def test_no_error_quotes_a_value(storage: Storage, refused: Callable[[Transaction], Awaitable[None]]) -> None:
    with pytest.raises(BadData) as raised:
        async with storage.writing(Lane.INTAKE) as tx:
            await refused(tx)
    error: BaseException | None = raised.value
    while error is not None:
        assert SECRET not in f"{error} {error!r}"
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


async def test_nul_characters_in_sealed_text_are_kept(storage: Storage) -> None:
    li = case(complaint_changes={"name": "李\0四"})
    async with storage.writing(Lane.INTAKE) as tx:
        await write(tx, li)
        held = await tx.complaints.by_id([li.complaint.id])
    assert held[li.complaint.id].name == "李\0四"


async def test_the_clock_of_the_database_is_compared_with_ours(storage: Storage, database: Database) -> None:
    present = datetime.now(UTC)
    skew = await storage.skew(lambda: present - timedelta(hours=1))
    ahead = timedelta() if database.is_sqlite else timedelta(hours=1)  # a file has no clock of its own
    assert abs(skew - ahead) < timedelta(minutes=1)
