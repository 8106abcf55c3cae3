"""Background loops: they go on after errors, wake at once, and stop cleanly (models 7.5, lesson 2)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from gateway.coordination.local import LocalCoordination
from gateway.loop import Loops
from gateway.observe import Beats, Metrics

START = datetime(2026, 11, 23, 2, 15, tzinfo=UTC)


def loops(coordination: LocalCoordination) -> Loops:
    return Loops(coordination=coordination, now=lambda: START, metrics=Metrics())


def local() -> LocalCoordination:
    return LocalCoordination(now=lambda: START)


async def test_a_step_that_found_work_is_repeated_at_once_and_an_idle_one_waits_for_its_wake() -> None:
    coordination = local()
    left, idle, rounds = [3, 2, 1, 0, 0], asyncio.Event(), []

    async def step() -> int:
        rounds.append(left[0])
        found = left.pop(0)
        if not found:
            idle.set()
        return found

    async with loops(coordination) as running:
        running.start(running.repeat("work", step, lambda: None, poll=3600))
        await idle.wait()
        idle.clear()
        assert rounds == [3, 2, 1, 0]
        await coordination.wake("work")
        await idle.wait()
    assert rounds == [3, 2, 1, 0, 0]


async def test_a_failing_step_is_repeated_and_does_not_count_as_alive() -> None:
    coordination, done, alive = local(), asyncio.Event(), []
    failures = [ValueError("a customer's words")]

    async def step() -> int:
        if failures:
            raise failures.pop()
        done.set()
        return 0

    async with loops(coordination) as running:
        running.start(running.repeat("work", step, lambda: alive.append(1)))
        await asyncio.wait_for(done.wait(), 10)
    assert alive == [1]


async def test_stopping_lets_the_present_step_finish() -> None:
    coordination, started, finish, finished = local(), asyncio.Event(), asyncio.Event(), []

    async def step() -> int:
        started.set()
        await finish.wait()
        finished.append(True)
        return 1

    async with loops(coordination) as running:
        running.start(running.repeat("work", step, lambda: None))
        await started.wait()
        asyncio.get_running_loop().call_soon(finish.set)
    assert finished == [True]


async def test_a_listener_whose_connection_breaks_is_started_again() -> None:
    coordination, second = local(), asyncio.Event()
    starts: list[int] = []

    async def listen(alive: Callable[[], None]) -> None:
        starts.append(1)
        alive()
        if len(starts) == 1:
            raise ConnectionError
        second.set()
        await asyncio.Event().wait()

    async with loops(coordination) as running:
        running.start(running.keep("listen", listen, lambda: None))
        await asyncio.wait_for(second.wait(), 10)
    assert len(starts) == 2


async def test_stopping_ends_a_listener_that_would_wait_for_ever() -> None:
    coordination, started = local(), asyncio.Event()

    async def listen(alive: Callable[[], None]) -> None:
        started.set()
        await asyncio.Event().wait()

    async with loops(coordination) as running:
        running.start(running.keep("listen", listen, lambda: None))
        await started.wait()


def test_a_loop_that_stopped_succeeding_shows_its_age_and_is_not_well() -> None:
    seconds = [1000.0]
    beats = Beats(seconds=lambda: seconds[0])
    alive = beats.expect("listen:box", within=60)
    seconds[0] += 61
    assert beats.ages() == {"listen:box": (61.0, False)}
    alive()
    assert beats.ages() == {"listen:box": (0.0, True)}


async def test_a_wake_before_the_wait_counts() -> None:
    coordination = local()
    await coordination.wake("work")
    await asyncio.wait_for(coordination.wait("work", 3600), 5)


async def test_a_rate_is_spent_a_window_at_a_time() -> None:
    present = [START]
    coordination = LocalCoordination(now=lambda: present[0])
    assert [await coordination.spend("k", limit=2, seconds=60) for _ in range(3)] == [True, True, False]
    assert await coordination.spend("other", limit=2, seconds=60)
    present[0] += timedelta(seconds=60)
    assert await coordination.spend("k", limit=2, seconds=60)


async def test_a_cancelled_task_of_a_library_does_not_end_a_loop() -> None:
    """lesson 2."""
    coordination, done = local(), asyncio.Event()
    cancelled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    cancelled.cancel()
    rounds: list[int] = []

    async def step() -> int:
        rounds.append(1)
        if len(rounds) == 1:
            await cancelled
        done.set()
        return 0

    async with loops(coordination) as running:
        running.start(running.repeat("work", step, lambda: None))
        await asyncio.wait_for(done.wait(), 10)


async def test_a_coordination_that_fails_to_wait_does_not_end_a_loop() -> None:
    again = asyncio.Event()
    rounds: list[int] = []

    class Away(LocalCoordination):
        async def wait(self, topic: str, seconds: float) -> None:
            raise ConnectionError

    async def step() -> int:
        rounds.append(1)
        if len(rounds) == 2:
            again.set()
        return 0

    async with loops(Away(now=lambda: START)) as running:
        running.start(running.repeat("work", step, lambda: None))
        await asyncio.wait_for(again.wait(), 10)


async def test_a_server_that_drops_us_after_each_look_is_left_longer_and_longer_in_peace() -> None:
    third = asyncio.Event()
    starts: list[float] = []

    async def listen(alive: Callable[[], None]) -> None:
        starts.append(asyncio.get_running_loop().time())
        alive()
        if len(starts) == 3:
            third.set()
        raise ConnectionError

    async with loops(local()) as running:
        running.start(running.keep("listen", listen, lambda: None))
        await asyncio.wait_for(third.wait(), 20)
    assert starts[2] - starts[1] > 1.3 * (starts[1] - starts[0])
