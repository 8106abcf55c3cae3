"""Customers who left nothing but a chat: asked for a number, told while it is open, shown when it is not (S0-9(1))."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway.errors import DeliveryFailed, Temporary, Unknown
from gateway.model import (
    ChannelKind,
    ClockName,
    Contact,
    ContactType,
    EventKind,
    EvidenceType,
    InboundMessage,
    Kind,
    Level,
    Nature,
    NoticeKind,
    NoticeState,
    OutboundMessage,
    Outcome,
    Sent,
    State,
    Text,
)
from gateway.ports import Storage, Window
from gateway.rules.commands import (
    Accept,
    AddEvidence,
    Approve,
    AskCustomer,
    Grade,
    Investigate,
    Merge,
    RecordCall,
    Reply,
    ReportProgress,
)
from gateway.vault import Vault
from tests.bank import CONCLUSION, ZONE, Gateway, Taking
from tests.factories import Clock, message

WINDOW = Window(lasts=timedelta(hours=48), messages=5)
ASKED = "请回复您的手机号码"
MOBILE = "+8613800138000"


def said(text: str = "我们12个人短信费都被扣两次", who: str = "zhang", **changes: Any) -> InboundMessage:
    value = f"kf1/{who}"
    values: dict[str, Any] = {
        "source": "wecom",
        "channel": ChannelKind.WECOM,
        "message_id": "",
        "from_name": "",
        "from_address": value,
        "contacts": (Contact(type=ContactType.WECOM, value=value),),
    }
    return message(text, **(values | changes))


class Chat(Taking):
    """A sender that fails as it was told to, then takes everything."""

    def __init__(self) -> None:
        super().__init__()
        self.fails: list[DeliveryFailed] = []

    async def send(self, message: OutboundMessage) -> Sent:
        if self.fails:
            raise self.fails.pop(0)
        return await super().send(message)


class Bank(Gateway):
    """A gateway that texts and writes in the chat; what left by each way."""

    def __init__(self, *, texts: bool = True, **parts: Any) -> None:
        self.chat, self.texts, self.mail = Chat(), Taking(), Taking()
        senders = {ContactType.WECOM: self.chat, ContactType.EMAIL: self.mail}
        super().__init__(
            **parts,
            senders=senders | ({ContactType.MOBILE: self.texts} if texts else {}),
            windows={ContactType.WECOM: WINDOW},
        )

    def chatted(self) -> list[str]:
        return [one.content.short for one in self.chat.got if isinstance(one.content, Text)]

    def texted(self) -> list[str]:
        return [one.content.short for one in self.texts.got if isinstance(one.content, Text)]

    async def hears(self, text: str, clock: Clock, **changes: Any) -> Outcome:
        [receipt] = await self.intake.accept([said(text, received_at=clock(), **changes)])
        return receipt.outcome

    async def ends(self, number: str) -> timedelta | None:
        """Return how long the customer can still be told, None where that has no end."""
        complaint = await self.complaint(number)
        clock = complaint.clocks.get(ClockName.REACH)
        return clock.due_at - self.now() if clock and clock.runs else None


@pytest.fixture
def bank(storage: Storage, vault: Vault, clock: Clock) -> Bank:
    return Bank(storage=storage, vault=vault, now=clock)


async def test_who_left_nothing_but_a_chat_is_asked_for_a_number(bank: Bank) -> None:
    number = await bank.opens(said())
    await bank.sends()
    [short] = bank.chatted()
    assert number in short
    assert ASKED in short


async def test_who_named_a_number_at_once_is_not_asked_for_it(bank: Bank) -> None:
    number = await bank.opens(said("短信费被扣两次，我的手机号是138 0013 8000"))
    await bank.sends()
    assert ASKED not in bank.chatted()[0]
    contacts = (await bank.file(number)).contacts
    assert [(one.contact.type.value, one.contact.value, one.contact.verified) for one in contacts] == [
        ("wecom", "kf1/zhang", False),
        ("mobile", MOBILE, False),
    ]
    assert await bank.ends(number) is None


async def test_who_wrote_a_mail_is_not_asked_for_a_number(bank: Bank) -> None:
    await bank.opens(message())
    await bank.sends()
    assert [ASKED in one.content.short for one in bank.mail.got if isinstance(one.content, Text)] == [False]


async def test_a_number_that_comes_back_is_kept_unverified_and_nobody_has_to_read_it(bank: Bank, clock: Clock) -> None:
    number = await bank.opens(said())
    assert await bank.hears("13800138000", clock) is Outcome.JOINED
    file = await bank.file(number)
    assert [(one.contact.value, one.contact.verified) for one in file.contacts][1:] == [(MOBILE, False)]
    [supplement] = [one.event for one in file.timeline if one.event.kind is EventKind.SUPPLEMENTED]
    assert supplement.public["left"] == ["mobile"]
    assert MOBILE not in str(supplement)
    assert ClockName.READ not in file.complaint.clocks
    assert await bank.ends(number) is None
    await bank.sends()
    assert sum("已记下您留的手机号码" in one for one in bank.chatted()) == 1
    assert await bank.told(number) == [("n01", "customer"), ("n39", "customer")]


async def test_a_number_left_twice_is_one_contact(bank: Bank, clock: Clock) -> None:
    number = await bank.opens(said())
    await bank.intake.accept([said("13800138000"), said("我的手机号是13800138000")])
    await bank.hears("13800138000", clock)
    assert len((await bank.file(number)).contacts) == 2


async def test_whose_number_another_customer_names_learns_nothing_of_theirs_and_joins_nothing(
    bank: Bank, clock: Clock
) -> None:
    """E.2 rule 10: what somebody typed does not say who they are."""
    mobile = Contact(type=ContactType.MOBILE, value=MOBILE)
    victims = await bank.opens(message(contacts=(mobile,), from_address="", channel=ChannelKind.SMS, message_id=""))
    outcome = await bank.hears(f"编号{victims}，我的手机号是13800138000", clock, who="mallory")
    assert outcome is Outcome.PENDING_LINK
    assert EventKind.SUPPLEMENTED not in await bank.happened(victims)


async def test_a_text_from_a_number_that_was_typed_in_a_chat_does_not_join_that_case_unasked(
    bank: Bank, clock: Clock
) -> None:
    number = await bank.opens(said("短信费被扣两次，我的手机号是13800138000"))
    mobile = Contact(type=ContactType.MOBILE, value=MOBILE)
    text = message("怎么回事", channel=ChannelKind.SMS, message_id="", from_address=MOBILE, contacts=(mobile,))
    [receipt] = await bank.intake.accept([text])
    assert receipt.outcome is Outcome.PENDING_LINK
    assert receipt.number != number


async def test_what_is_told_later_than_48_hours_after_their_last_words_goes_by_text(bank: Bank, clock: Clock) -> None:
    """Lesson 87: known before sending; no loop."""
    number = await bank.opens(said("短信费被扣两次，我的手机号是13800138000"))
    await bank.sends()
    clock.later(hours=48)
    await bank.sounds()
    handler = await dispatched(bank, number)
    await progress(bank, number, handler)
    await bank.sends()
    assert len(bank.chatted()) == 1
    assert number in bank.texted()[-1]


async def test_of_more_than_five_messages_the_sixth_goes_by_text_until_they_write_again(
    bank: Bank, clock: Clock
) -> None:
    """Lesson 87."""
    number = await bank.opens(said("短信费被扣两次，我的手机号是13800138000"))
    await bank.sends()
    handler = await dispatched(bank, number)
    for n in range(6):
        clock.later(minutes=5)
        await progress(bank, number, handler, done=f"第{n}步")
        await bank.sends()
    assert (len(bank.chatted()), len(bank.texted())) == (5, 2)
    await bank.hears("谢谢，知道了", clock)
    clock.later(minutes=5)
    await progress(bank, number, handler, done="又一步")
    await bank.sends()
    assert (len(bank.chatted()), len(bank.texted())) == (6, 2)


async def test_a_message_that_may_have_arrived_is_one_of_the_five_once(bank: Bank, clock: Clock) -> None:
    """Lesson 87: repeated under its key it is no sixth."""
    number = await bank.opens(said("短信费被扣两次，我的手机号是13800138000"))
    handler = await dispatched(bank, number)
    for n in range(3):
        await progress(bank, number, handler, done=f"第{n}步")
    await bank.sends()
    await progress(bank, number, handler, done="第五条")
    for failure in (Unknown("timeout"), Temporary("busy")):
        bank.chat.fails = [failure]
        await bank.sends()
        clock.later(minutes=1)
    await bank.sends()
    assert (len(bank.chatted()), len(bank.texted())) == (5, 0)


async def test_messages_that_are_due_together_keep_to_the_five_as_well(bank: Bank, clock: Clock) -> None:
    number = await bank.opens(said("短信费被扣两次，我的手机号是13800138000"))
    handler = await dispatched(bank, number)
    for n in range(6):
        await progress(bank, number, handler, done=f"第{n}步")
    await bank.sends()
    assert (len(bank.chatted()), len(bank.texted())) == (5, 2)


async def test_after_40_hours_they_are_asked_once_more_and_after_48_the_bank_is_told(bank: Bank, clock: Clock) -> None:
    number = await bank.opens(said())
    await bank.sends()
    clock.later(hours=39, minutes=59)
    await bank.sounds()
    assert ("n38", "customer") not in await bank.told(number)
    clock.later(minutes=1)
    await bank.sounds()
    clock.later(hours=6)  # where it is night it is sent in the morning, if that is not too late
    await bank.sends()
    assert "请回复您的手机号码" in bank.chatted()[-1]
    assert [kind for kind, to in await bank.told(number) if to == "customer"] == ["n01", "n38"]
    clock.later(hours=2)
    await bank.sounds()
    [told] = [one for one in await bank.notices(number) if one.facts.details.get("why") == "cannot_be_told"]
    assert told.recipient.startswith("mgr:")
    assert (await bank.complaint(number)).cannot_be_told(clock())


async def test_their_next_words_begin_the_time_anew(bank: Bank, clock: Clock) -> None:
    number = await bank.opens(said())
    clock.later(hours=30)
    await bank.hears("还有别的材料", clock)
    assert await bank.ends(number) == timedelta(hours=48)


async def test_words_that_come_after_later_ones_shorten_no_time(bank: Bank, clock: Clock) -> None:
    """A page that is read again, or a callback that was repeated for hours, brings them in any order."""
    number = await bank.opens(said())
    clock.later(hours=20)
    await bank.hears("还有别的材料", clock)
    await bank.intake.accept([said("先前说的", received_at=clock() - timedelta(hours=10))])
    assert await bank.ends(number) == timedelta(hours=48)


async def test_words_that_came_late_to_us_count_from_when_they_were_said(bank: Bank, clock: Clock) -> None:
    said_at = clock()
    clock.later(hours=20)
    number = await bank.opens(said(received_at=said_at))
    assert await bank.ends(number) == timedelta(hours=28)


async def test_a_case_that_has_ended_waits_for_no_number(bank: Bank, clock: Clock) -> None:
    first = await bank.opens(said())
    clock.later(hours=80)
    second = await bank.opens(said("另一件事", received_at=clock()))
    assert await bank.ends(second) == timedelta(hours=48)
    await bank.does(second, Merge(into=first), "mgr")
    assert await bank.ends(second) is None


async def test_a_notice_that_has_to_be_read_and_reaches_nobody_is_for_a_person(bank: Bank, clock: Clock) -> None:
    number = await bank.opens(said())
    await bank.sends()
    clock.later(hours=50)
    await bank.sounds()
    await dispatched(bank, number)

    handler = (await bank.complaint(number)).case.handler

    await bank.does(number, Investigate(direction="查流水", next_contact_at=clock() + timedelta(hours=2)), handler)
    await bank.does(number, AskCustomer(items=("扣费截图",), way="微信", bank_has_none=True), handler)
    await bank.sends()
    assert len(bank.chatted()) == 1
    assert EventKind.UNDELIVERED in await bank.happened(number)
    states = {one.kind.value: one.state for one in await bank.notices(number) if one.recipient == "customer"}
    assert states["n05"] is NoticeState.DEAD


async def test_who_was_told_the_outcome_on_the_telephone_reads_it_in_the_chat_and_is_not_texted_to_call(
    bank: Bank, clock: Clock
) -> None:
    number = await bank.opens(said("短信费被扣两次，我的手机号是13800138000"))
    handler = await dispatched(bank, number)
    ahead = clock() + timedelta(hours=2)
    await bank.does(number, Investigate(direction="查流水", next_contact_at=ahead), handler)
    evidence = AddEvidence(id="e1", type=EvidenceType.LOG, sha256="0" * 64, description="流水")
    await bank.does(number, evidence, handler)
    await bank.does(number, CONCLUSION, handler)
    await bank.does(number, Approve(), "cards-head")
    await bank.does(number, Reply(), handler)
    await bank.sends()
    texts, chats = len(bank.texted()), len(bank.chatted())
    file = await bank.file(number)
    [call] = [one.key for one in file.deliveries if one.call and one.kind is NoticeKind.OUTCOME_UPHELD]
    both = tuple(one.id for one in file.contacts)
    told = RecordCall(reached=True, proof="核对了身份", verified=both, delivery=call, outcome_read=True)
    await bank.does(number, told, "rep")
    await bank.sends()
    assert (len(bank.texted()), len(bank.chatted())) == (texts, chats + 1)


async def test_a_bank_whose_chat_has_no_end_asks_nobody(storage: Storage, vault: Vault, clock: Clock) -> None:
    open_end = Gateway(storage=storage, vault=vault, now=clock, senders={ContactType.WECOM: (chat := Taking())})
    await open_end.opens(said())
    await open_end.sends()
    assert [ASKED in one.content.short for one in chat.got if isinstance(one.content, Text)] == [False]


async def dispatched(bank: Bank, number: str) -> str:

    grade = Grade(kind=Kind.COMPLAINT, nature=Nature.SERVICE, level=Level.GENERAL, reason="看过")
    handler = (await bank.does(number, grade, "mgr")).case.handler
    await bank.does(number, Accept(), handler)
    return handler


async def progress(bank: Bank, number: str, handler: str, done: str = "查了流水") -> None:
    await bank.does(number, ReportProgress(done=done, waiting="", next=""), handler)


async def test_a_bare_number_that_answers_what_was_asked_is_not_taken_as_the_writers_own(
    bank: Bank, clock: Clock
) -> None:
    """E.2 rule 10: asked from which number the swindler called, a customer answers with just that."""
    number = await bank.opens(said())
    handler = await dispatched(bank, number)
    await asked(bank, number, handler, "对方的来电号码")
    await bank.hears("13800138000", clock)
    file = await bank.file(number)
    assert [one.contact.type for one in file.contacts] == [ContactType.WECOM]
    await asked(bank, number, handler, "对方的来电号码")
    await bank.hears("我的手机号是13800138000", clock)
    assert [one.contact.value for one in (await bank.file(number)).contacts][1:] == [MOBILE]


async def test_who_has_been_answered_is_not_told_that_the_bank_is_still_at_work(bank: Bank, clock: Clock) -> None:
    number = await bank.replied(**chat())
    await bank.sends()
    clock.later(hours=41)
    await bank.sounds()
    assert "n38" not in [kind for kind, _ in await bank.told(number)]


async def test_whose_date_has_passed_is_not_promised_it_again(bank: Bank, clock: Clock) -> None:
    number = await bank.opens(said())
    await bank.sends()
    promised = (await bank.complaint(number)).promised_at
    clock.later(seconds=(promised - clock()).total_seconds() - 3600)
    await bank.hears(f"{number}怎么还没有结果", clock)
    clock.later(hours=46)
    await bank.sounds()
    await bank.sends()
    assert "已经超过" in bank.chatted()[-1]


async def test_what_would_wait_for_the_morning_until_the_chat_is_closed_goes_in_the_night(
    bank: Bank, clock: Clock
) -> None:
    """E.2 rule 8: a notice that the quiet hours would make too late is sent earlier."""
    number = await bank.opens(said())
    handler = await dispatched(bank, number)
    await bank.sends()
    in_the_night = local(clock, 23) + timedelta(days=2)
    clock.later(seconds=(in_the_night - timedelta(hours=40) - clock()).total_seconds())
    await bank.hears("请尽快", clock)
    clock.later(hours=40)
    await progress(bank, number, handler)
    await bank.sends()
    assert EventKind.UNDELIVERED not in await bank.happened(number)
    assert "查了流水" not in bank.chatted()[-1]
    assert len(bank.chatted()) == 2


def local(clock: Clock, hour: int) -> datetime:
    return clock().astimezone(ZoneInfo(ZONE)).replace(hour=hour, minute=0, second=0, microsecond=0)


def chat() -> dict[str, Any]:
    one = said()
    names = ("source", "channel", "message_id", "from_name", "from_address", "contacts")
    return {name: getattr(one, name) for name in names}


async def asked(bank: Bank, number: str, handler: str, what: str) -> None:
    if (await bank.complaint(number)).state is State.ACCEPTED:
        ahead = bank.now() + timedelta(hours=2)
        await bank.does(number, Investigate(direction="查流水", next_contact_at=ahead), handler)
    await bank.does(number, AskCustomer(items=(what,), way="微信", bank_has_none=True), handler)
