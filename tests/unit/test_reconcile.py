"""Reconciliation: what the source says it gave us is compared, and what had not come is taken in (A021)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from gateway.errors import Unavailable
from gateway.model import ChannelKind, ConsentChange, Contact, ContactType, InboundEvent, InboundMessage
from gateway.reconcile import FIRST, OVERLAP, SETTLED, Reconciliation
from tests.conftest import Core
from tests.factories import START, message


class Source:
    """Plays a provider's list of what it gave us."""

    def __init__(self) -> None:
        self.sent: list[InboundMessage | ConsentChange] = []
        self.asked: list[tuple[datetime, datetime]] = []
        self.away = False

    async def held(self, since: datetime, until: datetime) -> AsyncIterator[InboundEvent]:
        self.asked.append((since, until))
        for one in self.sent:
            if since <= one.received_at < until:
                yield one
        if self.away:
            raise Unavailable


def texts(count: int) -> list[InboundMessage]:
    return [message(f"第{n}件事", source="hk", channel=ChannelKind.APP, message_id="") for n in range(count)]


def worker(core: Core, source: Source) -> Reconciliation:
    return Reconciliation(
        source="hk",
        census=source,
        accept=core.intake.accept,
        storage=core.storage,
        now=core.clock,
        metrics=core.metrics,
    )


def counted(core: Core) -> tuple[float | None, float | None]:
    value = core.metrics.registry.get_sample_value
    return value("huiyin_reconciled_total", {"source": "hk"}), value("huiyin_missed_total", {"source": "hk"})


async def waiting(core: Core) -> int:
    async with core.storage.reading() as tx:
        return len(await tx.complaints.waiting(1000))


async def test_a_message_whose_call_was_lost_is_taken_in_late(core: Core) -> None:
    source = Source()
    source.sent = texts(60)  # more than is compared at once
    await core.intake.accept(source.sent[:59])
    core.clock.later(minutes=10)
    await worker(core, source).run_once()
    assert await waiting(core) == 60
    assert counted(core) == (60, 1)


async def test_what_is_held_is_not_opened_again(core: Core) -> None:
    source = Source()
    source.sent = texts(3)
    await core.intake.accept(source.sent)
    core.clock.later(minutes=10)
    await worker(core, source).run_once()
    await worker(core, source).run_once()
    assert await waiting(core) == 3
    assert counted(core) == (6, 0)


async def test_the_next_look_begins_a_little_before_where_the_last_one_ended(core: Core) -> None:
    source = Source()
    await worker(core, source).run_once()
    core.clock.later(hours=3)
    await worker(core, source).run_once()
    first, second = source.asked
    assert first == (START - SETTLED - FIRST - OVERLAP, START - SETTLED)
    assert second == (START - SETTLED - OVERLAP, START - SETTLED + timedelta(hours=3))


async def test_a_look_that_broke_off_is_made_again(core: Core) -> None:
    source = Source()
    source.sent, source.away = texts(60), True
    core.clock.later(minutes=10)
    with pytest.raises(Unavailable):
        await worker(core, source).run_once()
    source.away = False
    await worker(core, source).run_once()
    assert source.asked[0] == source.asked[1]
    assert await waiting(core) == 60


async def test_hours_that_passed_under_a_clock_that_ran_ahead_are_compared(core: Core) -> None:
    source = Source()
    core.clock.later(days=365)
    await worker(core, source).run_once()
    core.clock.later(days=-365, hours=5)
    source.sent = [replace(texts(1)[0], received_at=core.clock() - timedelta(hours=3))]
    await worker(core, source).run_once()
    assert await waiting(core) == 1


async def test_a_consent_that_names_no_number_at_all_does_not_stop_the_comparison(core: Core) -> None:
    nobody = Contact(type=ContactType.MOBILE, value="\ud800")
    odd = ConsentChange(
        source="hk", channel=ChannelKind.SMS, external_id="x", received_at=START, contact=nobody, wanted=False
    )
    source = Source()
    source.sent = [odd, *texts(3)]
    core.clock.later(minutes=30)
    await worker(core, source).run_once()
    assert await waiting(core) == 3
