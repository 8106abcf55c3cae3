"""The one queue and its claim, the fence against late workers, and serials (ports/storage.py)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

from gateway.model import AttemptOutcome, DeliveryState, NoticeState, Work
from gateway.ports import Lane, Storage
from tests.contract import records
from tests.contract.records import Case, case, result, write
from tests.databases import Database
from tests.factories import START

LEASE = timedelta(minutes=2)
LANE = "send:email"


async def claim(
    storage: Storage, *, at: timedelta = timedelta(), limit: int = 10, lane: str = LANE, since: datetime | None = None
) -> list[Work]:
    now = START + at
    async with storage.writing(Lane.RESULTS) as tx:
        return list(await tx.queue.claim(lane, now=now, until=now + LEASE, limit=limit, since=since))


async def registered(storage: Storage) -> Case:
    li = case()
    async with storage.writing(Lane.INTAKE) as tx:
        await write(tx, li)
    return li


async def states(storage: Storage, of: Case) -> tuple[DeliveryState, NoticeState]:
    async with storage.reading() as tx:
        deliveries = await tx.notices.load([of.delivery.key])
        notices = await tx.notices.by_id([of.notice.id])
    return deliveries[of.delivery.key].state, notices[of.notice.id].state


async def test_what_is_due_is_claimed_oldest_first_up_to_the_limit(storage: Storage) -> None:
    rows = [records.work(due_at=START - timedelta(seconds=age)) for age in (1, 3, 2)]
    future = records.work(due_at=START + timedelta(seconds=1))
    elsewhere = records.work(lane="send:mobile")
    async with storage.writing(Lane.INTAKE) as tx:
        await tx.queue.add([*rows, future, elsewhere], now=START)
    first = await claim(storage, limit=2)
    assert first == [replace(rows[1], attempt=1), replace(rows[2], attempt=1)]
    assert await claim(storage) == [replace(rows[0], attempt=1)]
    assert await claim(storage) == []


async def test_a_claim_may_begin_later_than_the_lane(storage: Storage) -> None:
    earlier, later = (records.work(due_at=START - timedelta(seconds=age)) for age in (2, 1))
    async with storage.writing(Lane.INTAKE) as tx:
        await tx.queue.add([earlier, later], now=START)
    assert [work.id for work in await claim(storage, since=later.due_at)] == [later.id]
    assert [work.id for work in await claim(storage)] == [earlier.id]


async def test_work_that_a_wrong_clock_put_off_is_recalled_and_other_work_is_left(storage: Storage) -> None:
    """Lesson 18, "clock jump": nothing waits until the clock is there again; what was meant for the morning does."""
    hour = timedelta(hours=1)
    new, for_the_morning = (records.work(due_at=START + due) for due in (hour, 9 * hour))
    elsewhere = records.work(lane="send:mobile", due_at=START + hour)
    async with storage.writing(Lane.INTAKE) as tx:
        await tx.queue.add([for_the_morning], now=START)
        await tx.queue.add([new, elsewhere], now=START + hour)
        await tx.queue.recall(LANE, now=START, latest=START + LEASE)
    assert [work.id for work in await claim(storage)] == [new.id]
    assert [work.id for work in await claim(storage, at=9 * hour, since=START + hour)] == [for_the_morning.id]
    assert await claim(storage, lane="send:mobile") == []


async def test_a_retry_that_a_wrong_clock_put_off_is_recalled_and_one_that_was_asked_for_is_left(
    storage: Storage,
) -> None:
    """Lesson 18, "clock jump": what a provider asked to wait is waited, whatever looks through the lane meanwhile."""
    hour, paused = timedelta(hours=1), []
    for present in (timedelta(), hour):
        li = await registered(storage)
        [work] = await claim(storage, at=present)
        pause = result(li, work, state=DeliveryState.QUEUED, notice_state=NoticeState.SENDING, due_at=START + 2 * hour)
        paused.append(replace(pause, attempt=replace(pause.attempt, at=START + present)))
        async with storage.writing(Lane.RESULTS) as tx:
            await tx.notices.settle([paused[-1]])
    async with storage.writing(Lane.RESULTS) as tx:
        await tx.queue.recall(LANE, now=START, latest=START + LEASE)
    asked, put_off = (one.work.id for one in paused if one.work)
    assert [work.id for work in await claim(storage)] == [put_off]
    assert [work.id for work in await claim(storage, at=2 * hour, since=START + hour)] == [asked]


async def test_what_another_node_has_just_claimed_is_not_recalled(
    storage: Storage,
) -> None:
    """Lesson 71: found by the fault run as a second mail for which there was no reason."""
    moment = timedelta(milliseconds=10)
    work = records.work(due_at=START + moment)
    async with storage.writing(Lane.INTAKE) as tx:
        await tx.queue.add([work], now=START + moment)
    assert [one.id for one in await claim(storage, at=moment)] == [work.id]
    async with storage.writing(Lane.RESULTS) as tx:
        await tx.queue.recall(LANE, now=START, latest=START + timedelta(minutes=1))
    assert await claim(storage, at=2 * moment) == []


async def test_a_lease_of_a_clock_that_was_set_back_since_is_none(storage: Storage) -> None:
    await registered(storage)
    assert len(await claim(storage, at=9 * LEASE)) == 1
    assert await claim(storage) == []
    assert len(await claim(storage, at=timedelta(days=7))) == 1
    assert len(await claim(storage)) == 1


async def test_released_work_is_due_as_if_it_had_never_been_claimed(storage: Storage) -> None:
    await registered(storage)
    first = await claim(storage)
    async with storage.writing(Lane.RESULTS) as tx:
        await tx.queue.release(first)
    assert await claim(storage) == first


async def test_a_late_release_leaves_the_work_with_who_has_it_now(storage: Storage) -> None:
    await registered(storage)
    late = await claim(storage)
    [now] = await claim(storage, at=LEASE)
    async with storage.writing(Lane.RESULTS) as tx:
        await tx.queue.release(late)
    assert await claim(storage, at=LEASE) == []
    [again] = await claim(storage, at=2 * LEASE)
    assert again.attempt == now.attempt + 1


async def test_work_of_a_worker_that_died_comes_back_when_its_lease_ends(storage: Storage) -> None:
    """Lesson 71: nothing is stranded between claim and hand-over, and a poison row does not come back at once."""
    await registered(storage)
    [first] = await claim(storage)
    assert await claim(storage, at=LEASE - timedelta(microseconds=1)) == []
    [again] = await claim(storage, at=LEASE)
    assert (again.id, again.attempt) == (first.id, 2)


async def test_work_that_was_added_is_due_without_anybody_being_told(storage: Storage) -> None:
    """Lesson 70: a crash between the insert and the wake-up strands nothing; a row is enough."""
    li = await registered(storage)
    assert [work.subject for work in await claim(storage)] == [li.delivery.key]


async def test_concurrent_claims_never_share_a_row(storage: Storage) -> None:
    async with storage.writing(Lane.INTAKE) as tx:
        await tx.queue.add([records.work() for _ in range(40)], now=START)
    batches = await asyncio.gather(*(claim(storage, limit=5) for _ in range(10)))
    ids = [work.id for batch in batches for work in batch]
    assert len(ids) == len(set(ids)) == 40


async def test_a_sent_delivery_is_done_and_its_attempt_is_kept(storage: Storage) -> None:
    li = await registered(storage)
    [work] = await claim(storage)
    async with storage.writing(Lane.RESULTS) as tx:
        await tx.notices.settle([result(li, work)])
    assert await states(storage, li) == (DeliveryState.SENT, NoticeState.SENT)
    assert await claim(storage, at=10 * LEASE) == []


async def test_a_postponed_delivery_is_due_again_at_its_time(storage: Storage) -> None:
    li = await registered(storage)
    [work] = await claim(storage)
    due = START + timedelta(minutes=1)  # before the lease would have ended
    later = result(li, work, state=DeliveryState.QUEUED, notice_state=NoticeState.SENDING, due_at=due)
    async with storage.writing(Lane.RESULTS) as tx:
        await tx.notices.settle([later])
    assert await claim(storage, at=timedelta(seconds=59)) == []
    assert await claim(storage, at=timedelta(seconds=60)) == [replace(work, due_at=due, attempt=2)]


async def test_a_late_worker_neither_finishes_nor_postpones_nor_fails_what_another_took_over(storage: Storage) -> None:
    """Lesson 63: the claim is fenced by its attempt."""
    li = await registered(storage)
    [late] = await claim(storage)
    [current] = await claim(storage, at=LEASE)
    failed = result(li, late, state=DeliveryState.FAILED, notice_state=NoticeState.DEAD)
    failed = replace(failed, attempt=replace(failed.attempt, outcome=AttemptOutcome.PERMANENT))
    async with storage.writing(Lane.RESULTS) as tx:
        await tx.notices.settle([failed])
    assert await states(storage, li) == (DeliveryState.QUEUED, NoticeState.SENDING)
    async with storage.writing(Lane.RESULTS) as tx:
        await tx.notices.settle([result(li, current)])
    assert await states(storage, li) == (DeliveryState.SENT, NoticeState.SENT)
    assert await claim(storage, at=10 * LEASE) == []


async def test_what_a_late_worker_did_send_counts_as_sent_and_stays_sent(storage: Storage) -> None:
    li = await registered(storage)
    [late] = await claim(storage)
    [current] = await claim(storage, at=LEASE)
    async with storage.writing(Lane.RESULTS) as tx:
        await tx.notices.settle([result(li, late)])
        await tx.notices.settle([result(li, current, state=DeliveryState.FAILED, notice_state=NoticeState.DEAD)])
    assert await states(storage, li) == (DeliveryState.SENT, NoticeState.SENT)


async def test_results_may_be_settled_again_after_a_commit_of_unknown_outcome(storage: Storage) -> None:
    li = await registered(storage)
    [work] = await claim(storage)
    for _ in range(2):
        async with storage.writing(Lane.RESULTS) as tx:
            await tx.notices.settle([result(li, work)])
    assert await states(storage, li) == (DeliveryState.SENT, NoticeState.SENT)


async def test_an_attempt_is_recorded_whatever_the_provider_answered(storage: Storage, database: Database) -> None:
    """A095; otherwise the delivery would be made again and again (lesson 18)."""
    li = await registered(storage)
    [work] = await claim(storage)
    sent = result(li, work)
    sent = replace(sent, attempt=replace(sent.attempt, reason="250 \ud83d\0", provider_id="\0queued"))
    async with storage.writing(Lane.RESULTS) as tx:
        await tx.notices.settle([sent])
    assert await states(storage, li) == (DeliveryState.SENT, NoticeState.SENT)
    assert await database.run("SELECT reason, provider_id FROM attempts") == [("250 ?", "queued")]


async def test_the_oldest_work_of_each_lane_is_known(storage: Storage) -> None:
    older, old = START - timedelta(days=1), START - timedelta(hours=1)
    rows = [records.work(lane=lane, due_at=at) for lane in ("a", "b", "c") for at in (old, older)]
    async with storage.writing(Lane.INTAKE) as tx:
        assert await tx.queue.oldest() == {}
        await tx.queue.add([*rows, records.work(lane="d", due_at=START)], now=START)
        assert await tx.queue.oldest() == {"a": older, "b": older, "c": older, "d": START}


async def test_concurrent_takes_never_give_the_same_serial_twice(storage: Storage) -> None:
    """Lesson 26."""

    async def take(scope: str, count: int) -> list[tuple[str, int]]:
        async with storage.writing(Lane.INTAKE) as tx:
            first = await tx.numbers.take(scope, count)
        return [(scope, serial) for serial in range(first, first + count)]

    taken = await asyncio.gather(*(take(f"day-{n % 2}", 1 + n % 3) for n in range(60)))
    given = [serial for batch in taken for serial in batch]
    assert len(given) == len(set(given)) == 120
    assert {serial for scope, serial in given if scope == "day-0"} == set(range(1, 61))


async def test_serials_of_a_block_that_fails_are_given_again_and_never_twice(storage: Storage) -> None:
    try:
        async with storage.writing(Lane.INTAKE) as tx:
            assert await tx.numbers.take("day", 5) == 1
            raise RuntimeError
    except RuntimeError:
        pass
    async with storage.writing(Lane.INTAKE) as tx:
        assert await tx.numbers.take("day", 2) == 1
        assert await tx.numbers.take("day", 1) == 3
