"""The ways in and the record they leave: what the rule books ask of them, over the real intake and real storage."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from adapters.email.wire import parse
from adapters.web_form.wire import WebForm, fields
from gateway.model import ChannelKind, Complaint, Contact, ContactType, InboundMessage, Kind, Language, Outcome
from gateway.ports import Lane
from gateway.rules.numbering import Pattern
from gateway.web.payloads import ComplaintPayload
from tests.conftest import Core
from tests.factories import START, message

TEXT = "手机银行缴费扣了两次"
ADDRESS = "li@example.com"
OWN = (Contact(type=ContactType.EMAIL, value=ADDRESS, verified=True),)
SHANGHAI = ZoneInfo("Asia/Shanghai")


def by_mail() -> InboundMessage:
    head = f"From: Li <{ADDRESS}>\r\nTo: bank@bank.example\r\nMessage-ID: <1@example.com>\r\n"
    raw = f"{head}Content-Type: text/plain; charset=utf-8\r\n\r\n{TEXT}\r\n".encode()
    read = parse(raw, source="mailbox", received_at=START)
    assert isinstance(read, InboundMessage)
    return replace(read, text=read.text.strip())


def by_form() -> InboundMessage:
    form = WebForm(source="web-form", fields=fields([ContactType.EMAIL]))
    values = {"text": (TEXT,), "name": ("Li",), "contact": (ADDRESS,)}
    assert form.check(values) == ()
    return form.to_message(values, files=(), language=Language.ZH_HANS, external_id="f1", at=START)


def by_api(channel: str) -> Callable[[], InboundMessage]:
    """Return the message of a bank's own system that hands the case in under its channel."""
    contact = {"type": "email", "value": ADDRESS}
    payload = ComplaintPayload.model_validate({"text": TEXT, "name": "Li", "contacts": [contact], "channel": channel})
    return lambda: payload.message(source="api", external_id=f"a-{channel}", now=START, raw=b"{}")


WAYS_IN = {
    "email": by_mail,
    "web_form": by_form,
    **{name: by_api(name) for name in ("hotline", "app", "netbank", "opinion_book")},
}


async def the_complaint(core: Core, number: str | None) -> Complaint:
    async with core.storage.reading() as tx:
        return (await tx.complaints.by_number([number or ""]))[number or ""]


async def told(core: Core) -> list[Any]:
    """Return the deliveries that are due now."""
    async with core.storage.writing(Lane.RESULTS) as tx:
        claimed = await tx.queue.claim("send:email", now=core.clock(), until=core.clock() + timedelta(hours=1), limit=9)
        return list((await tx.notices.load([work.subject for work in claimed])).values())


async def test_one_case_by_any_way_leaves_the_same_record_a_number_and_an_acknowledgement(core: Core) -> None:
    """A001: hotline, app, online bank and opinion book come by the API of the bank's own systems."""
    records = []
    for channel, way in WAYS_IN.items():
        [receipt] = await core.intake.accept([way()])
        found = await the_complaint(core, receipt.number)
        assert (receipt.outcome, found.channel) == (Outcome.OPENED, channel)
        apart = {"id": "", "number": "", "head": b"", "channel": ChannelKind.EMAIL, "source": ""}
        records.append(replace(found, **apart))
    assert all(record == records[0] for record in records)
    assert [ADDRESS] * len(WAYS_IN) == [delivery.to.value for delivery in await told(core)]


@pytest.mark.parametrize("kind", Kind)
async def test_who_what_when_and_how_to_reply_are_registered_of_every_kind(core: Core, kind: Kind) -> None:
    """A014, A015: an inquiry is as complete as a complaint."""
    [receipt] = await core.intake.accept([message(TEXT, kind=kind, from_name="李四")])
    complaint = await the_complaint(core, receipt.number)
    async with core.storage.reading() as tx:
        [held] = await tx.messages.of(complaint.id)
        contacts = (await tx.contacts.of([complaint.id]))[complaint.id]
    assert (complaint.kind, complaint.name, held.body["text"]) == (kind, "李四", TEXT)
    assert complaint.received_at == held.received_at == START
    assert [stored.contact.value for stored in contacts] == [ADDRESS]


async def test_at_three_in_the_night_of_a_holiday_a_case_is_taken_and_acknowledged_at_once(core: Core) -> None:
    """A002: 2026-10-01, 03:00 in Shanghai; that urgent timers run then is in test_clauses_limits.py."""
    core.clock.at = datetime(2026, 10, 1, 3, tzinfo=SHANGHAI).astimezone(UTC)
    [receipt] = await core.intake.accept([message(received_at=core.clock())])
    [delivery] = await told(core)
    assert receipt.number in delivery.content.text


@pytest.mark.parametrize("channel", ChannelKind)
async def test_a_number_finds_its_case_from_every_channel(core: Core, channel: ChannelKind) -> None:
    """A029: quoted by the customer it belongs to, whatever way they come."""
    [first] = await core.intake.accept([message(contacts=OWN)])
    [again] = await core.intake.accept([message(f"{first.number} 补充一点", channel=channel, contacts=OWN)])
    assert (again.outcome, again.number) == (Outcome.JOINED, first.number)


async def test_ten_thousand_numbers_drawn_at_the_same_moment_are_ten_thousand(core: Core) -> None:
    """A028: none twice and none left out, by five hundred writers at once."""
    start = asyncio.Event()

    async def draw() -> range:
        await start.wait()
        async with core.storage.writing(Lane.INTAKE) as tx:
            first = await tx.numbers.take("TS-261123", 20)
        return range(first, first + 20)

    writers = [asyncio.create_task(draw()) for _ in range(500)]
    start.set()
    serials = sorted(serial for drawn in await asyncio.gather(*writers) for serial in drawn)
    assert serials == list(range(1, 10_001))
    pattern, day = Pattern.parse("TS-{yymmdd}-{serial:6}-{check}"), START.date()
    numbers = [number for serial in serials if (number := pattern.number(day, serial))]
    assert len(numbers) == len(set(numbers)) > 9_000  # a serial without a usable check character is no number
