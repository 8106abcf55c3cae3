"""Taking mail out of a real mailbox: what leaves the INBOX, when, and where to."""

from __future__ import annotations

import asyncio
import contextlib
import imaplib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.email import Config, open_channel
from gateway.errors import Misconfigured, Unavailable
from gateway.model import InboundEvent, InboundMessage, Outcome, Receipt, Unreadable
from gateway.ports import Channel
from sandbox.mailbox import Mailbox, mailbox
from sandbox.smtp_sink import Local, smtp_sink
from tests.shared import tools

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
SECRET = 's3cret "value\\'


def mail(subject: str, body: str = "x") -> bytes:
    return f"From: customer@example.com\r\nSubject: {subject}\r\nMessage-ID: <1@x>\r\n\r\n{body}\r\n".encode()


@dataclass
class Intake:
    """Stands where the gateway's intake stands: takes everything, remembers it, answers by `outcome`."""

    outcome: Callable[[InboundEvent], Outcome] = lambda event: Outcome.OPENED
    calls: list[list[InboundEvent]] = field(default_factory=list)
    down: bool = False

    async def __call__(self, events: Sequence[InboundEvent]) -> Sequence[Receipt]:
        if self.down:
            raise Unavailable
        self.calls.append(list(events))
        return [Receipt(outcome=self.outcome(event), number="TS-1") for event in events]

    @property
    def events(self) -> list[InboundEvent]:
        return [event for call in self.calls for event in call]

    @property
    def subjects(self) -> list[str]:
        return [event.subject for event in self.events if isinstance(event, InboundMessage)]


@asynccontextmanager
async def channel(box: Mailbox, **imap: Any) -> AsyncIterator[Channel]:
    config = Config.model_validate(
        {
            "address": "complaints@bank.example",
            "imap": {
                "host": box.host,
                "port": box.port,
                "tls": "none",
                "user": "intake@bank.example",
                "password": SECRET,
                "timeout": 20,
                **imap,
            },
        }
    )
    async with open_channel(config, tools(now=lambda: NOW), "box") as opened:
        yield opened


@asynccontextmanager
async def listening(opened: Channel, intake: Intake) -> AsyncIterator[Callable[[Callable[[], bool]], Any]]:
    """Run the listener; yield a function that waits until a condition holds after one of its looks."""
    looked = asyncio.Condition()
    announcements: set[asyncio.Task[None]] = set()

    async def announce() -> None:
        async with looked:
            looked.notify_all()

    def alive() -> None:
        announcements.add(asyncio.ensure_future(announce()))

    async def until(condition: Callable[[], bool]) -> None:
        async with looked:
            await asyncio.wait_for(looked.wait_for(lambda: condition() or listener.done()), 30)
        assert not listener.done()

    assert opened.listener is not None
    listener = asyncio.ensure_future(opened.listener.listen(intake, alive))
    try:
        yield until
    finally:
        listener.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await listener
        await asyncio.gather(*announcements)


@pytest.fixture
async def box() -> AsyncIterator[Mailbox]:
    async with mailbox("intake@bank.example", SECRET) as running:
        yield running


async def test_mail_is_taken_in_and_then_filed(box: Mailbox) -> None:
    await box.append(mail("one"), NOW - timedelta(hours=3))
    intake = Intake()
    async with channel(box) as opened, listening(opened, intake) as until:
        await until(lambda: intake.subjects == ["one"])
    (event,) = intake.events
    assert event.received_at == NOW - timedelta(hours=3)  # when the bank's server had it (law 18)
    assert event.raw == mail("one")
    assert event.source == "box"
    assert await box.contents() == []
    assert await box.contents("Processed") == [mail("one")]


async def test_a_server_clock_that_runs_ahead_cannot_start_the_legal_clock_late(box: Mailbox) -> None:
    await box.append(mail("one"), NOW + timedelta(days=1))
    intake = Intake()
    async with channel(box) as opened, listening(opened, intake) as until:
        await until(lambda: len(intake.events) == 1)
    assert intake.events[0].received_at == NOW


async def test_mail_that_arrives_while_listening_is_taken_in_at_once(box: Mailbox) -> None:
    """Customer to SMTP server to mailbox to gateway, with an IDLE of minutes in between."""
    intake = Intake()
    local = Local(address="complaints@bank.example", mailbox=box, now=lambda: NOW)
    async with smtp_sink(deliver_to=local) as sink, channel(box) as opened, listening(opened, intake) as until:
        await until(lambda: True)
        await asyncio.to_thread(write_by_smtp, sink.port, "complaints+01kbn3v5q8x2m4r6t8w0y2z4a6@bank.example")
        await until(lambda: intake.subjects == ["by smtp"])
        await box.append(mail("another"), NOW)
        await until(lambda: intake.subjects == ["by smtp", "another"])
    event = intake.events[0]
    assert isinstance(event, InboundMessage)
    assert event.thread_keys == ("01kbn3v5q8x2m4r6t8w0y2z4a6",)


def write_by_smtp(port: int, to: str) -> None:
    import smtplib

    with smtplib.SMTP("127.0.0.1", port, local_hostname="localhost") as client:
        client.sendmail("customer@example.com", [to], mail("by smtp"))


async def test_mail_that_somebody_opened_is_taken_in_all_the_same(box: Mailbox) -> None:
    """Lesson 3 (z#3603): the seen flag says nothing about what is committed; people open mail too."""
    await asyncio.to_thread(append_seen, box, mail("read by a person"))
    intake = Intake()
    async with channel(box) as opened, listening(opened, intake) as until:
        await until(lambda: intake.subjects == ["read by a person"])


def append_seen(box: Mailbox, raw: bytes) -> None:
    with imaplib.IMAP4(box.host, box.port) as client:
        client.login("intake@bank.example", SECRET)
        client.append("INBOX", r"(\Seen)", "", raw)


async def test_nothing_is_moved_when_the_gateway_cannot_take_it(box: Mailbox) -> None:
    """Lessons 3, 22 (z#3603, os#2998): acknowledge only what is committed."""
    await box.append(mail("one"), NOW)
    intake = Intake(down=True)
    async with channel(box) as opened:
        assert opened.listener is not None
        with pytest.raises(Unavailable):
            await opened.listener.listen(intake, lambda: None)
        assert await box.contents() == [mail("one")]
        intake.down = False
        async with listening(opened, intake) as until:
            await until(lambda: intake.subjects == ["one"])
    assert await box.contents("Processed") == [mail("one")]


async def test_a_poisonous_mail_stops_no_other(box: Mailbox) -> None:
    """Lesson 15 (fs#4159, django-helpdesk#1096)."""
    poison = bytes(range(256)) * 40
    for raw in (mail("before"), poison, mail("after")):
        await box.append(raw, NOW)
    intake = Intake(lambda event: Outcome.QUARANTINED if isinstance(event, Unreadable) else Outcome.OPENED)
    async with channel(box) as opened, listening(opened, intake) as until:
        await until(lambda: len(intake.events) == 3)
    assert intake.subjects == ["before", "after"]
    assert intake.events[1].raw == poison
    assert await box.contents("Processed") == [mail("before"), mail("after")]
    assert await box.contents("Quarantine") == [poison]
    assert await box.contents() == []


async def test_what_the_gateway_quarantines_is_filed_apart(box: Mailbox) -> None:
    await box.append(mail("one"), NOW)
    intake = Intake(lambda event: Outcome.QUARANTINED)
    async with channel(box) as opened, listening(opened, intake) as until:
        await until(lambda: len(intake.events) == 1)
    assert await box.contents("Quarantine") == [mail("one")]


async def test_copies_have_one_name(box: Mailbox) -> None:
    """Lessons 4, 11 (z#1662, fs#691): the gateway tells a copy by its external id, made of its bytes."""
    for _ in range(3):
        await box.append(mail("same"), NOW)
    intake = Intake()
    async with channel(box) as opened, listening(opened, intake) as until:
        await until(lambda: len(intake.events) == 3)
    assert len({event.external_id for event in intake.events}) == 1


async def test_a_mail_that_is_too_large_is_taken_in_by_its_beginning(box: Mailbox) -> None:
    large = mail("large", "y" * 400_000)
    for raw in (large, mail("small")):
        await box.append(raw, NOW)
    intake = Intake(lambda event: Outcome.DUPLICATE)  # even then: nobody has read the rest of it
    async with channel(box, max_bytes=10_000) as opened, listening(opened, intake) as until:
        await until(lambda: len(intake.events) == 2)
    event = intake.events[0]
    assert isinstance(event, Unreadable)
    assert event.problem == "too_large"
    assert event.raw == large[:262_144]
    assert await box.contents("Quarantine") == [large]
    assert await box.contents("Processed") == [mail("small")]


async def test_a_full_mailbox_is_emptied_in_order_and_in_small_bites(box: Mailbox) -> None:
    """Lesson 8 (fs#4624, #5462): no page boundary loses a mail."""
    expected = [f"mail {n}" for n in range(120)]
    for subject in expected:
        await box.append(mail(subject), NOW)
    intake = Intake()
    async with channel(box) as opened, listening(opened, intake) as until:
        await until(lambda: len(intake.events) == 120)
    assert intake.subjects == expected
    assert [len(call) for call in intake.calls] == [50, 50, 20]
    assert len(await box.contents("Processed")) == 120


async def test_a_wrong_password_says_what_to_change_and_not_what_it_was(box: Mailbox) -> None:
    async with channel(box, password="wrong-" + SECRET) as opened:
        assert opened.probe is not None
        assert opened.listener is not None
        for attempt in (opened.probe(), opened.listener.listen(Intake(), lambda: None)):
            with pytest.raises(Misconfigured, match="check user and password") as caught:
                await attempt
            assert SECRET not in repr(caught.value)


async def test_a_probe_logs_in_and_makes_the_folders(box: Mailbox) -> None:
    async with channel(box, processed="Done", quarantine="Odd mail") as opened:
        assert opened.probe is not None
        await opened.probe()
        await opened.probe()
    async with channel(box, mailbox="Odd mail") as opened:
        assert opened.probe is not None
        await opened.probe()


async def test_a_missing_mailbox_is_named(box: Mailbox) -> None:
    async with channel(box, mailbox="Complaints") as opened:
        assert opened.probe is not None
        with pytest.raises(Misconfigured, match='"Complaints"'):
            await opened.probe()


async def test_nobody_there_is_unavailable(box: Mailbox, unused_tcp_port: int) -> None:
    async with channel(box, port=unused_tcp_port) as opened:
        assert opened.probe is not None
        with pytest.raises(Unavailable):
            await opened.probe()
