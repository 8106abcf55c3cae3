"""How the bank's people are told: by card in WeCom first, else by mail; and what a pressed button does (A102, A028)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from gateway.answering import Answering
from gateway.errors import Permanent, Temporary
from gateway.model import (
    Answer,
    Card,
    Contact,
    ContactType,
    DeliveryState,
    Kind,
    Language,
    Level,
    Nature,
    NoticeState,
    OutboundMessage,
    Outcome,
    Sent,
    State,
    Text,
)
from gateway.ports import Storage
from gateway.retry import MOVE_ON
from gateway.rules.commands import Accept, Grade, Reroute
from gateway.rules.routing import Directory
from gateway.vault import Vault
from tests.bank import Gateway, Taking, people
from tests.factories import START, Clock, message

UNITS = {"cards": "信用卡中心", "it": "科技部"}
MEMBERS = {"cards-h1": "WangFang", "cards-h2": "lina", "cp": "zhao", "exe": "sun"}


def directory(**changes: Mapping[str, Any]) -> Directory:
    """Return the usual directory, where some people have WeCom."""
    staff = people(UNITS, of_each=2)
    for person, userid in MEMBERS.items():
        staff[person]["wecom"] = userid
    for person, values in changes.items():
        staff[person.replace("_", "-")] |= values
    units = {
        unit: {
            "name": name,
            "head": f"{unit}-head",
            "liaison": f"{unit}-liaison",
            "deputy": f"{unit}-h1",
            "handlers": [f"{unit}-h1", f"{unit}-h2"],
        }
        for unit, name in UNITS.items()
    }
    return Directory.from_mapping({"staff": staff, "units": units, "routes": [{"unit": "cards"}]})


class Refusing(Taking):
    """A sender that refuses as long as it has something to refuse with."""

    def __init__(self, error: Exception | None = None) -> None:
        super().__init__()
        self.error = error

    async def send(self, message: OutboundMessage) -> Sent:
        if self.error:
            raise self.error
        return await super().send(message)


class Bank(Gateway):
    def __init__(self, **parts: Any) -> None:
        self.members, self.mail = Refusing(), Refusing()
        senders = {ContactType.WECOM_STAFF: self.members, ContactType.EMAIL: self.mail}
        super().__init__(**parts, directory=directory(), senders=senders)
        self.answering = Answering(storage=self.storage, casework=self.casework, directory=self.directory)

    async def graded(self, level: Level = Level.GENERAL) -> tuple[str, str]:
        number = await self.opens(message(received_at=self.now()))
        grade = Grade(kind=Kind.COMPLAINT, nature=Nature.SERVICE, level=level, reason="看过")
        return number, (await self.does(number, grade, "mgr")).case.handler

    def cards(self, person: str) -> list[OutboundMessage]:
        return [one for one in self.members.got if one.to.value == MEMBERS[person].lower()]

    async def press(self, card: OutboundMessage, by: str, choice: str = "accept") -> Outcome:
        who = Contact(type=ContactType.WECOM_STAFF, value=MEMBERS.get(by, by).lower(), verified=True)
        answer = Answer(
            source="wecom-staff", external_id="press", received_at=START, by=who, key=card.key, choice=choice
        )
        return (await self.answering.take(answer)).outcome

    def mails_to(self, person: str) -> list[OutboundMessage]:
        return [one for one in self.mail.got if one.to.value == self.directory.staff[person].email]


@pytest.fixture
def bank(storage: Storage, vault: Vault, clock: Clock) -> Bank:
    return Bank(storage=storage, vault=vault, now=clock)


async def card_of(bank: Bank, handler: str) -> OutboundMessage:
    await bank.sends()
    [card] = bank.cards(handler)
    return card


async def test_who_has_wecom_is_told_there_and_not_by_mail_and_everybody_else_by_mail(bank: Bank) -> None:
    _, handler = await bank.graded()
    card = await card_of(bank, handler)
    assert isinstance(card.content, Card)
    assert card.content.choices == ("accept",)
    assert "派单" in card.content.text.subject
    assert bank.mails_to(handler) == []
    assert len(bank.mails_to("cards-liaison")) == 1


async def test_only_who_handles_the_case_gets_a_button(bank: Bank) -> None:
    _, handler = await bank.graded()
    await bank.sends()
    others = [one for one in bank.members.got if one.to.value != MEMBERS[handler].lower()]
    assert all(isinstance(one.content, Card) and one.content.choices == () for one in others)


async def test_a_red_alert_is_urgent_and_an_ordinary_ticket_is_not(bank: Bank) -> None:
    """A053, A102."""
    await bank.graded(Level.MAJOR)
    await bank.sends()
    cards = [one.content for one in bank.members.got if isinstance(one.content, Card)]
    urgent = {card.text.subject.split("] ")[1]: card.urgent for card in cards}
    assert urgent["红色预警"] is True
    assert urgent["派单"] is False


async def test_who_cannot_be_reached_in_wecom_is_told_by_mail_at_once(bank: Bank) -> None:
    bank.members.error = Permanent("invalid_user")
    number, handler = await bank.graded()
    await bank.sends()
    [mail] = bank.mails_to(handler)
    assert isinstance(mail.content, Text)
    states = {one.recipient: one.state for one in await bank.notices(number) if one.recipient.startswith("hnd:")}
    assert set(states.values()) == {NoticeState.SENT}


async def test_who_cannot_be_reached_in_wecom_for_half_an_hour_is_told_by_mail(bank: Bank, clock: Clock) -> None:
    bank.members.error = Temporary("unreachable")
    _, handler = await bank.graded()
    for _ in range(MOVE_ON):
        await bank.sends()
        clock.later(hours=1)
    await bank.sends()
    assert len(bank.mails_to(handler)) == 1


async def test_who_is_reached_by_neither_waits_for_a_person(bank: Bank) -> None:
    bank.members.error = bank.mail.error = Permanent("invalid_user")
    number, handler = await bank.graded()
    await bank.sends()
    states = {one.state for one in await bank.notices(number) if one.recipient == f"hnd:{handler}"}
    assert states == {NoticeState.DEAD}


async def test_a_press_accepts_the_case_in_the_name_of_who_pressed(bank: Bank) -> None:
    number, handler = await bank.graded()
    assert await bank.press(await card_of(bank, handler), by=handler) is Outcome.DONE
    file = await bank.file(number)
    assert file.complaint.state is State.ACCEPTED
    assert file.timeline[-1].actor == handler


async def test_a_second_press_is_answered_like_the_first_and_changes_nothing(bank: Bank) -> None:
    number, handler = await bank.graded()
    card = await card_of(bank, handler)
    await bank.press(card, by=handler)
    before = await bank.happened(number)
    assert await bank.press(card, by=handler) is Outcome.DONE
    assert await bank.happened(number) == before


async def test_a_press_by_anybody_else_is_refused(bank: Bank) -> None:
    """The card went to the handler; a member of another unit, and a stranger, may have its task_id."""
    number, handler = await bank.graded()
    card = await card_of(bank, handler)
    assert await bank.press(card, by="exe") is Outcome.REFUSED
    assert await bank.press(card, by="nobody-we-know") is Outcome.REFUSED
    assert await bank.press(card, by=handler, choice="close") is Outcome.REFUSED
    assert (await bank.complaint(number)).state is State.DISPATCHED


async def test_a_press_after_the_case_went_to_a_colleague_is_refused(bank: Bank) -> None:
    number, handler = await bank.graded()
    card = await card_of(bank, handler)
    other = {"cards-h1": "cards-h2", "cards-h2": "cards-h1"}[handler]
    await bank.does(number, Reroute(unit="cards", handler=other, approver="cards-head", reason="由另一位办理"), "mgr")
    assert await bank.press(card, by=handler) is Outcome.REFUSED
    await bank.does(number, Accept(), other)
    assert await bank.press(card, by=handler) is Outcome.REFUSED


async def test_who_has_accepted_a_case_that_then_went_to_a_colleague_is_not_told_that_it_is_theirs(bank: Bank) -> None:
    number, handler = await bank.graded()
    card = await card_of(bank, handler)
    await bank.press(card, by=handler)
    other = {"cards-h1": "cards-h2", "cards-h2": "cards-h1"}[handler]
    await bank.does(number, Reroute(unit="cards", handler=other, approver="cards-head", reason="由另一位办理"), "mgr")
    assert await bank.press(card, by=handler) is Outcome.REFUSED


async def test_a_press_on_a_card_nobody_knows_is_refused(bank: Bank) -> None:
    unknown = OutboundMessage(
        key="01kb0000000000000000000000",
        to=Contact(type=ContactType.WECOM_STAFF, value="wangfang"),
        content=Card(text=Text(language=Language.ZH_HANS, subject="", short="", text="", html="")),
        created_at=START,
    )
    assert await bank.press(unknown, by="cards-h1") is Outcome.REFUSED


def test_a_userid_belongs_to_one_person_whatever_its_case() -> None:
    with pytest.raises(ValueError, match="wecom"):
        directory(cards_liaison={"wecom": "WANGFANG"})


async def test_a_card_comes_back_from_the_database_as_it_went_in(bank: Bank) -> None:
    number, handler = await bank.graded()
    file = await bank.file(number)
    [held] = [one for one in file.deliveries if one.to.value == MEMBERS[handler].lower()]
    assert held.state is DeliveryState.QUEUED
    card = await card_of(bank, handler)
    assert held.content == card.content


async def test_a_card_opens_the_banks_own_desk_where_it_has_one(storage: Storage, vault: Vault, clock: Clock) -> None:
    bank = Bank(storage=storage, vault=vault, now=clock, case_url="https://desk.bank.example/cases/{number}?from=wecom")
    number, handler = await bank.graded()
    card = await card_of(bank, handler)
    assert isinstance(card.content, Card)
    assert card.content.link == f"https://desk.bank.example/cases/{number}?from=wecom"
