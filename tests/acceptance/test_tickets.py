"""A unit works in a system of its own: what is dispatched to it arrives there, signed, once, whatever goes wrong."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from tests import schemas
from tests.acceptance.office import ROUTING, Office, an_office
from tests.acceptance.world import text_of, until
from tests.factories import Clock
from tests.servers import redis_server
from tests.ticket_receiver import Got, Receiver, receiving, secret_of

OLD, NEW = secret_of("o"), secret_of("n")
STREAM = "bank:tickets:cards"
WAYS = """[units.cards]
webhook = "cards-system"
stream = "cards"
email = "cards@bank.example"
"""
WITH_SYSTEM = ROUTING.replace("[units.cards]\n", WAYS)


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    file = tmp_path / "cards-system"
    put(file, OLD)
    return file


def put(file: Path, *secrets: str) -> None:
    file.write_text("\n".join(secrets))


@pytest.fixture
async def system(clock: Clock) -> AsyncIterator[Receiver]:
    async with receiving(OLD, clock) as receiver:
        yield receiver


@pytest.fixture
async def office(
    tmp_path: Path, clock: Clock, system: Receiver, secrets: Path, old_redis: str
) -> AsyncIterator[Office]:
    with redis_server(old_redis) as redis:
        channels = {
            "unit-systems": {
                "adapter": "webhook",
                "endpoints": {"cards-system": {"url": system.url, "secrets_file": str(secrets)}},
            },
            "unit-streams": {"adapter": "stream", "url": redis.url, "streams": {"cards": {"key": STREAM}}},
        }
        async with an_office(tmp_path, clock, routing=WITH_SYSTEM, channels=channels) as office:
            yield office


async def arrived(system: Receiver, times: int) -> list[Got]:
    await until(lambda: len(system.got) >= times)
    return system.got


async def failed(office: Office, times: int) -> None:
    """Wait until so many attempts at tickets are on record as failed, with when to try again."""
    assert office.world.running is not None
    registry = office.world.running.metrics.registry
    labels = {"lane": "send:webhook", "outcome": "temporary"}
    await until(lambda: (registry.get_sample_value("huiyin_delivery_attempts_total", labels) or 0) >= times)


async def to_unit(office: Office, number: str, way: str) -> Mapping[str, Any]:
    """Return the one notice that the unit gets this way."""
    notices = (await office.m1.asks(f"complaints/{number}/notices")).body
    [found] = [one for one in notices if one["recipient"] == f"unit:cards:{way}"]
    return dict(found)


async def test_a_dispatch_reaches_the_units_system_although_it_fails_twice(office: Office, system: Receiver) -> None:
    """A028, lessons 67 and 68: 500, 500, 200 are one ticket under one delivery id, and the people are told as ever."""
    system.plan = [(500, {}), (500, {})]
    number = await office.customer().complains()
    case = await office.graded(number)
    for tries in (1, 2):
        await failed(office, tries)
        await office.passes(seconds=60)
    got = await arrived(system, 3)
    assert (len({one.id for one in got}), len({str(one.ticket) for one in got})) == (1, 1)
    ticket = got[0].ticket
    assert schemas.faults(schemas.ticket(), ticket) == []
    assert (ticket["number"], ticket["notice"], ticket["handler"]) == (number, "n24", case["handler"])
    assert (ticket["state"], ticket["due_at"]) == ("dispatched", case["clocks"]["accept"]["due_at"])
    assert "li@example.com" not in str(ticket)
    assert "年费" not in str(ticket)

    async def sent() -> Mapping[str, Any] | None:
        notice = await to_unit(office, number, "webhook")
        return notice if notice["state"] == "sent" else None

    [delivery] = (await until(sent))["deliveries"]
    assert (delivery["key"], delivery["to"], delivery["ticket"]) == (got[0].id, "cards-system", ticket)
    assert ticket["id"] == (await to_unit(office, number, "webhook"))["id"]
    await office.mailed(case["handler"], number)


async def test_the_secret_is_changed_while_tickets_leave(office: Office, system: Receiver, secrets: Path) -> None:
    """Both sides change when they like: nothing is refused, nothing restarted."""
    await office.graded(await office.customer().complains())
    await arrived(system, 1)
    put(secrets, NEW, OLD)
    await office.graded(await office.customer("wang@example.com").complains("又被扣了年费"))
    assert (await arrived(system, 2))[1].signatures == 2
    system.secret = NEW
    put(secrets, NEW)
    await office.graded(await office.customer("zhao@example.com").complains("年费还没有退"))
    assert (await arrived(system, 3))[2].signatures == 1
    assert system.unsigned == 0


async def test_stream_and_mailbox_of_the_unit_hear_the_same(office: Office) -> None:
    number = await office.customer().complains()
    await office.graded(number)
    [delivery] = (await to_unit(office, number, "stream"))["deliveries"]
    url = office.world.settings.channels["unit-streams"]["url"]
    async with Redis.from_url(url, protocol=2) as redis:

        async def entries() -> list[tuple[bytes, dict[bytes, bytes]]]:
            return list(await redis.xrange(STREAM))

        [(_, fields)] = await until(entries)
    assert fields[b"key"].decode() == delivery["key"]
    assert json.loads(fields[b"ticket"]) == delivery["ticket"]
    mail = text_of(await office.world.mail_to("cards@bank.example"))
    assert number in mail
    assert "年费" not in mail


async def test_the_case_file_shows_the_ticket_that_left(office: Office, system: Receiver) -> None:
    number = await office.customer().complains()
    await office.graded(number)
    [got] = await arrived(system, 1)
    assert schemas.faults(schemas.complaint(), await office.m1.sees(number)) == []
    [shown] = (await to_unit(office, number, "webhook"))["deliveries"]
    assert (shown["subject"], shown["ticket"]) == ("", got.ticket)
