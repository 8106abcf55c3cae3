"""Delivery of an outcome: the law's clock stops when it was handed over, and not before (law 18, 21; C7)."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from sqlite3 import connect

import pytest

from gateway.errors import Permanent, Temporary
from gateway.model import (
    ClockName,
    Contact,
    ContactType,
    EventKind,
    NoticeKind,
    NoticeState,
    OutboundMessage,
    Sent,
    State,
)
from gateway.rules import commands
from gateway.storage.sqlite import SqliteStorage
from gateway.vault import Vault
from tests.bank import Gateway
from tests.factories import Clock


class Failing:
    """A sender that is away until told otherwise."""

    def __init__(self) -> None:
        self.away = False
        self.took = 0

    async def send(self, message: OutboundMessage) -> Sent:
        if self.away:
            raise Temporary("connect")
        self.took += 1
        return Sent()


class Refusing:
    """A sender that nobody can be reached by."""

    async def send(self, message: OutboundMessage) -> Sent:
        raise Permanent("no such number")


@pytest.fixture
def sender() -> Failing:
    return Failing()


MOBILE = Contact(type=ContactType.MOBILE, value="13800000000", verified=True, preferred=True)
MAIL = Contact(type=ContactType.EMAIL, value="li@example.com", verified=True)


@pytest.fixture
def texting(storage: SqliteStorage, vault: Vault, clock: Clock, sender: Failing) -> Gateway:
    """A bank that can send text messages, whose mail server is the one that may be away."""
    senders = {ContactType.MOBILE: Failing(), ContactType.EMAIL: sender}
    return Gateway(storage=storage, vault=vault, now=clock, senders=senders)


async def outcome(bank: Gateway, number: str) -> NoticeState:
    [notice] = [one for one in await bank.notices(number) if one.kind is NoticeKind.OUTCOME_UPHELD]
    return notice.state


@pytest.fixture
def bank(storage: SqliteStorage, vault: Vault, clock: Clock, sender: Failing) -> Gateway:
    return Gateway(storage=storage, vault=vault, now=clock, senders={ContactType.EMAIL: sender})


async def test_the_laws_clock_runs_until_a_provider_has_the_outcome(
    bank: Gateway, clock: Clock, sender: Failing
) -> None:
    number = await bank.replied()
    sender.away = True
    await bank.sends()
    complaint = await bank.complaint(number)
    assert (complaint.state, complaint.clocks[ClockName.LEGAL].stopped_at) == (State.REPLIED, None)
    sender.away = False
    clock.later(minutes=1)
    await bank.sends()
    complaint = await bank.complaint(number)
    assert complaint.clocks[ClockName.LEGAL].stopped_at == clock()
    assert complaint.clocks[ClockName.CONFIRM].started_at == clock()  # T27: the time to answer begins now
    assert (await bank.happened(number)).count(EventKind.OUTCOME_SENT) == 1


async def test_an_outcome_that_leaves_after_the_case_has_ended_is_recorded_and_stops_nothing(
    bank: Gateway, clock: Clock, sender: Failing
) -> None:
    number = await bank.replied()
    sender.away = True
    await bank.sends()
    await bank.does(number, commands.Withdraw(request="不用了"), "rep")
    sender.away = False
    clock.later(minutes=1)
    await bank.sends()
    assert (await bank.happened(number))[-2:] == [EventKind.WITHDRAWN, EventKind.OUTCOME_SENT]
    assert [name for name, one in (await bank.complaint(number)).clocks.items() if one.runs] == [ClockName.EXECUTION]
    assert {notice.state.value for notice in await bank.notices(number)} <= {"sent", "no_contact"}


async def test_a_case_that_cannot_be_opened_keeps_nothing_from_being_recorded(
    bank: Gateway, storage: SqliteStorage, clock: Clock, sender: Failing
) -> None:
    """Its legal date stays open, and its alarms go on."""
    await bank.sends()
    broken, whole = await bank.replied(), await bank.replied()
    with closing(connect(str(storage._url.database))) as database, database:
        database.execute("update complaints set sealed = x'00' where number = ?", [broken])
    await bank.sends()
    took = sender.took
    assert EventKind.OUTCOME_SENT in await bank.happened(whole)
    clock.later(seconds=timedelta(hours=1).total_seconds())
    await bank.sends()
    assert sender.took == took


async def test_a_text_message_that_points_to_a_mail_does_not_stop_the_laws_clock_before_the_mail(
    texting: Gateway, clock: Clock, sender: Failing
) -> None:
    """law 19: the short form says that it is decided, not what."""
    sender.away = True
    number = await texting.replied(contacts=(MOBILE, MAIL))
    await texting.sends()
    assert (await texting.complaint(number)).clocks[ClockName.LEGAL].stopped_at is None
    sender.away = False
    clock.later(minutes=1)
    await texting.sends()
    assert (await texting.complaint(number)).clocks[ClockName.LEGAL].stopped_at == clock()


async def test_a_text_message_leaves_the_call_that_reads_the_outcome_to_be_made(texting: Gateway, clock: Clock) -> None:
    number = await texting.replied(contacts=(MOBILE,))
    await texting.sends()
    assert (await texting.complaint(number)).clocks[ClockName.LEGAL].stopped_at is None
    assert await outcome(texting, number) is NoticeState.TO_CALL
    [call] = [one for one in (await texting.file(number)).deliveries if one.call and one.kind.value == "n11"]
    reached = commands.RecordCall(reached=True, proof="录音17", delivery=call.key)
    assert (await texting.does(number, reached, "rep")).clocks[ClockName.LEGAL].stopped_at == clock()
    assert await outcome(texting, number) is NoticeState.SENT


async def test_a_text_message_that_fails_for_good_is_no_silence_while_the_mail_is_on_its_way(
    storage: SqliteStorage, vault: Vault, clock: Clock, sender: Failing
) -> None:
    """S0-9(1): only what reached the customer by no way is a person's to see to."""
    senders = {ContactType.MOBILE: Refusing(), ContactType.EMAIL: sender}
    bank = Gateway(storage=storage, vault=vault, now=clock, senders=senders)
    sender.away = True
    number = await bank.replied(contacts=(MOBILE, MAIL))
    await bank.sends()
    assert EventKind.UNDELIVERED not in await bank.happened(number)
    sender.away = False
    clock.later(minutes=1)
    await bank.sends()
    assert await outcome(bank, number) is NoticeState.SENT


async def test_who_left_no_way_to_be_told_is_somebodys_to_find(bank: Gateway) -> None:
    """S0-9(1), law 21: and what is found counts, without a call that the gateway could have listed."""
    number = await bank.replied(contacts=())
    assert (await bank.happened(number))[-2:] == [EventKind.REPLIED, EventKind.UNDELIVERED]
    assert ("n26", "mgr:mgr") in (await bank.told(number))[-2:]
    read = commands.RecordCall(reached=True, proof="在网点当面告知", outcome_read=True)
    assert (await bank.does(number, read, "rep")).clocks[ClockName.LEGAL].stopped_at == bank.now()
