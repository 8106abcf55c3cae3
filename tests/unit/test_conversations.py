"""Follow-ups by chat: a text carries no number and no thread, so what goes on with a conversation joins it."""

from __future__ import annotations

from typing import Any

from gateway.model import ChannelKind, Contact, ContactType, EventKind, InboundMessage, Outcome
from tests.conftest import Core
from tests.factories import message

LI = Contact(type=ContactType.MOBILE, value="+85251234567")
WANG = Contact(type=ContactType.MOBILE, value="+85257654321")


def text(words: str, sender: Contact = LI, **changes: Any) -> InboundMessage:
    values = {"source": "hk-number", "channel": ChannelKind.SMS, "message_id": "", "contacts": (sender,)}
    return message(words, **(values | {"from_address": sender.value} | changes))


async def test_the_second_text_of_a_story_joins_the_first(core: Core) -> None:
    [first] = await core.intake.accept([text("信用卡年费不对")])
    core.clock.later(minutes=2)
    [second] = await core.intake.accept([text("多扣了80元", received_at=core.clock())])
    assert (second.outcome, second.number) == (Outcome.JOINED, first.number)


async def test_two_texts_in_one_batch_are_one_complaint_as_they_would_be_one_by_one(core: Core) -> None:
    first, second, other = await core.intake.accept([text("年费不对"), text("多扣了80元"), text("卡被吞了", WANG)])
    assert [one.outcome for one in (first, second, other)] == [Outcome.OPENED, Outcome.JOINED, Outcome.OPENED]
    assert second.number == first.number != other.number


async def test_a_text_of_another_number_joins_nothing(core: Core) -> None:
    await core.intake.accept([text("信用卡年费不对")])
    [second] = await core.intake.accept([text("多扣了80元", WANG)])
    assert second.outcome is Outcome.OPENED


async def test_words_long_after_the_last_notice_are_another_matter(core: Core) -> None:
    """A new complaint must not disappear in an old one: it gets a number of its own."""
    [first] = await core.intake.accept([text("信用卡年费不对")])
    core.clock.later(hours=73)
    [second] = await core.intake.accept([text("ATM吞了我的卡", received_at=core.clock())])
    assert second.outcome is Outcome.OPENED
    assert second.number != first.number


async def test_a_plain_answer_is_about_the_open_complaint_whenever_it_comes(core: Core) -> None:
    [first] = await core.intake.accept([text("信用卡年费不对")])
    core.clock.later(days=6)
    [second] = await core.intake.accept([text("接受", received_at=core.clock())])
    assert (second.outcome, second.number) == (Outcome.JOINED, first.number)


async def test_a_mail_without_number_or_thread_joins_nothing(core: Core) -> None:
    await core.intake.accept([message()])
    [second] = await core.intake.accept([message("卡被吞了")])
    assert second.outcome is Outcome.OPENED


async def test_a_call_opens_a_complaint_of_its_own(core: Core) -> None:
    """Who calls may call about anything; the agent who hears it decides."""
    await core.intake.accept([text("信用卡年费不对")])
    [second] = await core.intake.accept([text("我要投诉", channel=ChannelKind.HOTLINE)])
    assert second.outcome is Outcome.OPENED


async def test_who_texts_about_a_form_with_their_number_in_it_gets_a_number_of_their_own(core: Core) -> None:
    """docs/adr/0009: anybody can type somebody else's number into a form; a person decides about the link."""
    [form] = await core.intake.accept([message("骚扰", channel=ChannelKind.WEB_FORM, message_id="", contacts=(LI,))])
    core.clock.later(hours=1)
    [own] = await core.intake.accept([text("我的卡被盗刷5000元", received_at=core.clock())])
    assert own.outcome is Outcome.PENDING_LINK
    assert own.number != form.number


async def test_an_answer_joins_the_senders_own_complaint_and_not_a_strangers_form(core: Core) -> None:
    [own] = await core.intake.accept([text("年费不对")])
    core.clock.later(hours=1)
    await core.intake.accept([message("骚扰", channel=ChannelKind.WEB_FORM, message_id="", contacts=(LI,))])
    core.clock.later(hours=1)
    [answer] = await core.intake.accept([text("不认可", received_at=core.clock())])
    assert (answer.outcome, answer.number) == (Outcome.JOINED, own.number)
    async with core.storage.reading() as tx:
        held = (await tx.complaints.by_number([str(own.number)]))[str(own.number)]
        kinds = [entry.event.kind for entry in await tx.timeline.of(held.id)]
    assert EventKind.LINK_SUGGESTED not in kinds


async def test_who_names_a_number_without_writing_by_it_is_not_told_of_its_complaint(core: Core) -> None:
    """lessons 38, 80."""
    [own] = await core.intake.accept([text("我的账户被盗刷")])
    [probe] = await core.intake.accept([text("接受", from_address="")])
    assert probe.number != own.number
