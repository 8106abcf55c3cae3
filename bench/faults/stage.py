"""The stage of a fault run: all that takes part, how the rounds are played on it, and how it comes to rest.

Starting what takes part is in run.py; what is read off afterwards in evidence.py and verdict.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from bench.faults import evidence
from bench.faults.customers import Customers
from bench.faults.inbox import Inbox
from bench.faults.links import Link
from bench.faults.nodes import GAVE_UP_SERVING, KILLED_SERVING, KILLED_STARTING, Node
from bench.faults.plan import Fault, Plan, Round
from bench.faults.sink import Sink
from bench.faults.verdict import Evidence, Verdict, judge
from gateway.rules.numbering import Pattern, Patterns
from gateway.settings import NumberSettings
from gateway.storage.connection import undisturbed
from tests.servers import PostgresServer, RedisServer

SERVING_SECONDS = 40.0  # how long a round waits for its targets before it kills them as they are
BEHIND_ROUNDS = 3  # a round begins when the customers are no more than so many rounds behind
LOOK_SECONDS = 1.0
STUCK_SECONDS = 4.0  # with clocks that may be moved on: how long the last queues may take by themselves
NIGHT = timedelta(hours=1)
"""By how much they are moved on then: longer than any pause between two attempts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How far a run is, for who watches it."""

    phase: str
    kills: int
    accepted: int
    told: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run did and what came of it."""

    plan: Plan
    verdict: Verdict
    evidence: Evidence
    in_time: bool
    took: timedelta
    ran: Sequence[str]  # the servers, with their versions
    did: Mapping[str, int]  # faults, ends of nodes, answers of the API; how often each


Watch = Callable[[Standing], None]


def ignore(standing: Standing) -> None:
    """Watch nothing."""


@dataclass(slots=True, kw_only=True)
class Stage:
    """All that takes part."""

    plan: Plan
    url: str  # of the database, past the link that is cut
    keys_file: Path
    postgres: PostgresServer | None
    redis: RedisServer | None
    links: Mapping[Fault, Link]
    sink: Sink
    inbox: Inbox
    nodes: Sequence[Node]
    customers: Customers
    ran: Sequence[str]
    faults: Counter[Fault]
    phase: str = "starting"
    in_time: bool = False  # whether all was done within the plan's limit
    took: timedelta = timedelta()

    async def play(self, watch: Watch) -> None:
        """Run to the end, or to the plan's limit. The nodes have ended when it returns."""
        async with asyncio.TaskGroup() as group:
            background = [group.create_task(work) for work in (self.customers.run(), self._shown(watch))]
            background += [group.create_task(node.kept()) for node in self.nodes]
            try:
                async with asyncio.timeout(self.plan.limit.total_seconds()):
                    await self._rounds()
                    await self._settle()
                self.in_time = True
            except TimeoutError:
                pass  # what is not done by now the verdict will name
            finally:
                self.phase = "counting"
                await asyncio.gather(*(node.end() for node in self.nodes))
                for task in background:
                    task.cancel()

    @property
    def kills(self) -> int:
        return sum(node.ends[KILLED_SERVING] + node.ends[KILLED_STARTING] for node in self.nodes)

    def _did(self) -> Mapping[str, int]:
        did: Counter[str] = Counter()
        for node in self.nodes:
            did.update(node.ends)
        did.update({fault.value: times for fault, times in self.faults.items()})
        did.update({f"SMTP: {trouble.value}": times for trouble, times in self.sink.troubles.items()})
        did.update({f"API: {answer}": times for answer, times in self.customers.answers.items()})
        return did

    async def outcome(self) -> Outcome:
        """Count what there is now."""
        found = await self._evidence()
        return Outcome(
            plan=self.plan,
            verdict=judge(found, Patterns(current=Pattern.parse(NumberSettings().pattern))),
            evidence=found,
            in_time=self.in_time,
            took=self.took,
            ran=self.ran,
            did=self._did(),
        )

    async def _evidence(self) -> Evidence:
        return await evidence.gather(
            self.url,
            self.keys_file,
            customers=self.customers.all,
            accepted=self.sink.accepted,
            inbox=await self.inbox.count("INBOX"),
            quarantine=await self.inbox.count("Quarantine"),
            gave_up=sum(node.ends[GAVE_UP_SERVING] for node in self.nodes),
        )

    async def _rounds(self) -> None:
        self.phase = "faults"
        restarting = asyncio.Lock()
        faults: list[asyncio.Task[None]] = []
        try:
            for planned in self.plan.rounds():
                if self.kills >= self.plan.kills:
                    break
                for done in (fault for fault in faults if fault.done()):
                    done.result()  # a server that did not start again ends the run here
                await self._begun(planned)
                faults += [asyncio.create_task(self._fault(one, delay, restarting)) for one, delay in planned.faults]
                await asyncio.sleep(planned.delay)
                self._kill(planned.targets[: self.plan.kills - self.kills])
        finally:
            # Not to be cancelled: a server that is being started must be there to be stopped.
            await undisturbed(asyncio.gather(*faults))

    async def _begun(self, planned: Round) -> None:
        """Wait for the targets, and let the next customers come."""
        share = self.plan.messages / self.plan.kills
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SERVING_SECONDS):
                for target in planned.targets:
                    await (self.nodes[target].serves if planned.waits else self.nodes[target].runs).wait()
                await self.customers.caught_up(BEHIND_ROUNDS * share)
        await self.customers.release(round(share * (self.kills + len(planned.targets))))

    def _kill(self, targets: Sequence[int]) -> None:
        killed = [self.nodes[target].kill() for target in targets]
        if killed.count(True) == len(self.nodes):
            self._move_on(self.plan.outage)

    def _move_on(self, by: timedelta) -> None:
        """Let the next lives of all nodes have a later clock.

        None of them may run: to a node whose clock is ahead, what another one is just doing has run out of its lease.
        """
        for node in self.nodes:
            node.ahead += by

    async def _fault(self, fault: Fault, delay: float, restarting: asyncio.Lock) -> None:
        await asyncio.sleep(delay)
        if (way := self.links.get(fault)) is not None:
            way.cut()
        else:
            async with restarting:
                await asyncio.to_thread(self._restart, fault)
        self.faults[fault] += 1

    def _restart(self, fault: Fault) -> None:
        if fault is Fault.REDIS_CRASHED and self.redis is not None:
            self.redis.kill()
            self.redis.start()
        elif self.postgres is not None:
            if fault is Fault.POSTGRES_CRASHED:
                self.postgres.kill()
            else:
                self.postgres.stop()
            self.postgres.start()

    async def _settle(self) -> None:
        """End every fault, and wait until all that was sent is accepted and all that is due is done."""
        self.phase = "settling"
        self.sink.calm = True
        await self.customers.release(self.plan.messages)
        while not await self._settled(STUCK_SECONDS if self.plan.outage else math.inf):
            await asyncio.gather(*(node.rest() for node in self.nodes))
            self._move_on(NIGHT)
            for node in self.nodes:
                node.rise()

    async def _settled(self, seconds: float) -> bool:
        """Wait until it is; return False when it is not after so many seconds of every node serving."""
        for node in self.nodes:
            await node.serves.wait()
        end = time.monotonic() + seconds
        while self.customers.behind or await self._left():
            if time.monotonic() > end:
                return False
            await asyncio.sleep(LOOK_SECONDS)
        return True

    async def _left(self) -> bool:
        return bool(await self.inbox.count("INBOX") or await evidence.queued(self.url))

    async def _shown(self, watch: Watch) -> None:
        while True:
            watch(
                Standing(
                    phase=self.phase,
                    kills=self.kills,
                    accepted=self.customers.settled,
                    told=len(self.sink.told),
                )
            )
            await asyncio.sleep(LOOK_SECONDS)
