"""Intake: what becomes of each kind of message, alone and inside one batch (architecture section 5)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from gateway import audit
from gateway.errors import DiskFull
from gateway.intake import FULL_FOR
from gateway.model import (
    Attachment,
    ChannelKind,
    ClockName,
    Contact,
    ContactType,
    EventKind,
    Kind,
    Language,
    MachineKind,
    NoticeState,
    Outcome,
    Particulars,
)
from gateway.ports import Lane
from gateway.rules.lifecycle import fold
from tests.conftest import Core
from tests.databases import listening
from tests.factories import email_contact, message, unreadable


async def complaint_of(core: Core, number: str | None):
    assert number is not None
    async with core.storage.reading() as tx:
        return (await tx.complaints.by_number([number]))[number]


async def messages_of(core: Core, number: str | None):
    complaint = await complaint_of(core, number)
    async with core.storage.reading() as tx:
        return await tx.messages.of(complaint.id)


async def waiting_deliveries(core: Core):
    """Claim everything that is due in any lane and return the deliveries."""
    async with core.storage.writing(Lane.RESULTS) as tx:
        claimed = []
        for lane in await tx.queue.oldest():
            until = core.clock() + timedelta(minutes=1)
            claimed += await tx.queue.claim(lane, now=core.clock(), until=until, limit=1000)
        return list((await tx.notices.load([work.subject for work in claimed])).values())


# -- one message ------------------------------------------------------------------------------------------------------


async def test_a_message_becomes_a_complaint_with_a_number_and_a_promised_date(core: Core) -> None:
    [receipt] = await core.intake.accept([message()])
    assert receipt.outcome is Outcome.OPENED
    assert receipt.number == "TS-261123-000001-" + receipt.number[-1]
    complaint = await complaint_of(core, receipt.number)
    assert complaint.promised_at == receipt.promised_at
    # 3 working days after Monday 2026-11-23: the end of Thursday in Shanghai (A020)
    assert receipt.promised_at.isoformat().startswith("2026-11-26T15:59:59")
    assert complaint.legal_at.isoformat().startswith("2026-12-08T15:59:59")
    assert complaint.needs_review


async def test_the_customer_is_told_by_the_contact_the_message_came_from(core: Core) -> None:
    [receipt] = await core.intake.accept([message()])
    [delivery] = await waiting_deliveries(core)
    assert delivery.to == email_contact()
    assert receipt.number in delivery.content.subject
    assert receipt.number in delivery.content.text


async def test_an_unverified_contact_reads_nothing_the_sender_wrote(core: Core) -> None:
    """E.2 rule 10: number, date and phone only."""
    await core.intake.accept([message("我叫王小明，卡被盗刷", from_name="王小明")])
    [delivery] = await waiting_deliveries(core)
    for text in (delivery.content.subject, delivery.content.short, delivery.content.text, delivery.content.html):
        assert "王小明" not in text
        assert "盗刷" not in text


async def test_the_preferred_contact_is_told_first(core: Core) -> None:
    """A095."""
    contacts = (email_contact("a@example.com"), email_contact("b@example.com", preferred=True))
    await core.intake.accept([message(contacts=contacts)])
    assert [delivery.to.value for delivery in await waiting_deliveries(core)] == ["b@example.com"]


async def test_a_contact_no_sender_reaches_waits_as_no_channel(core: Core) -> None:
    wechat = Contact(type=ContactType.WECHAT, value="o6_bmjrPTlm6_2sgVt7hMZOPfL2M")
    await core.intake.accept([message(contacts=(wechat,))])
    async with core.storage.reading() as tx:
        assert await tx.notices.states() == {NoticeState.NO_CHANNEL: 1}


async def test_a_telephone_no_sender_reaches_is_called_by_a_person(core: Core) -> None:
    """law 21: the call is a task with a script; no lane has work of it."""
    mobile = Contact(type=ContactType.MOBILE, value="+8613800000001")
    (receipt,) = await core.intake.accept([message(contacts=(mobile,))])
    async with core.storage.reading() as tx:
        assert await tx.notices.states() == {NoticeState.TO_CALL: 1}
        [call] = await tx.notices.calls(10)
        assert list(await tx.queue.oldest()) == ["timers"]
    assert (call.to.value, str(receipt.number) in call.content.text) == (mobile.value, True)


async def test_a_contact_that_can_be_reached_goes_before_one_that_cannot(core: Core) -> None:
    mobile = Contact(type=ContactType.MOBILE, value="+8613800000001")
    await core.intake.accept([message(contacts=(mobile, email_contact()))])
    assert [delivery.to for delivery in await waiting_deliveries(core)] == [email_contact()]


async def test_a_message_without_any_contact_is_numbered_and_shown_as_no_contact(core: Core) -> None:
    [receipt] = await core.intake.accept([message(contacts=())])
    assert receipt.number
    async with core.storage.reading() as tx:
        assert await tx.notices.states() == {NoticeState.NO_CONTACT: 1}


async def test_the_complaint_keeps_the_time_it_arrived_not_the_time_it_was_read(core: Core) -> None:
    """lesson 20: after an outage the legal clock still starts on the day of receipt."""
    [receipt] = await core.intake.accept([message(received_at=core.clock() - timedelta(days=5))])
    complaint = await complaint_of(core, receipt.number)
    assert complaint.received_at == core.clock() - timedelta(days=5)
    assert complaint.legal_at.isoformat().startswith("2026-12-03")


async def test_a_source_whose_clock_runs_ahead_cannot_move_a_date_back(core: Core) -> None:
    [receipt] = await core.intake.accept([message(received_at=core.clock() + timedelta(days=2))])
    assert (await complaint_of(core, receipt.number)).received_at == core.clock()


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("年费没提前说", Language.ZH_HANS),
        ("年費沒有提前說明，請退還", Language.ZH_HANT),
        ("My card was charged twice", Language.EN),
    ],
)
async def test_the_answer_is_in_the_language_of_the_message(core: Core, text: str, language: Language) -> None:
    [receipt] = await core.intake.accept([message(text)])
    assert (await complaint_of(core, receipt.number)).language is language
    [delivery] = await waiting_deliveries(core)
    assert delivery.content.language is language


async def test_an_inquiry_is_promised_24_hours_and_a_suggestion_has_no_statutory_date(core: Core) -> None:
    """A018, law 2."""
    [inquiry, suggestion] = await core.intake.accept([message(kind=Kind.INQUIRY), message(kind=Kind.SUGGESTION)])
    assert inquiry.promised_at == core.clock() + timedelta(hours=24)
    assert (await complaint_of(core, suggestion.number)).legal_at is None


async def test_everything_a_message_said_is_kept(core: Core) -> None:
    sent = message(
        "经过很长", subject="投诉", particulars=Particulars(branch="朝阳支行", demand=("refund",)), raw=b"raw bytes"
    )
    [receipt] = await core.intake.accept([sent])
    [held] = await messages_of(core, receipt.number)
    assert (held.body["text"], held.body["subject"], held.raw) == ("经过很长", "投诉", b"raw bytes")
    assert held.body["particulars"]["branch"] == "朝阳支行"


# -- the door ---------------------------------------------------------------------------------------------------------


async def test_secrets_are_removed_before_anything_is_stored_and_the_raw_original_is_not_kept(core: Core) -> None:
    """domain D.3."""
    text = "我的密码是 739164，验证码：482913，快帮我查"
    [receipt] = await core.intake.accept([message(text, subject="密码739164")])
    [held] = await messages_of(core, receipt.number)
    assert "739164" not in str(held.body)
    assert "482913" not in str(held.body)
    assert held.raw is None
    assert held.raw_digest
    assert held.redactions == {"password": 2, "one_time_code": 1}


async def test_an_unreadable_input_still_gets_a_number_and_keeps_its_bytes(core: Core) -> None:
    """A021."""
    [receipt] = await core.intake.accept([unreadable(b"\x00\xff")])
    assert receipt.outcome is Outcome.QUARANTINED
    [held] = await messages_of(core, receipt.number)
    assert (held.raw, held.restricted, held.problems) == (b"\x00\xff", True, ("not_mime",))


@pytest.mark.parametrize("machine", list(MachineKind))
async def test_machine_mail_is_recorded_without_a_number_and_never_answered(core: Core, machine: MachineKind) -> None:
    [receipt] = await core.intake.accept([message("我在休假", machine=machine)])
    assert (receipt.outcome, receipt.number) == (Outcome.MACHINE, None)
    assert await waiting_deliveries(core) == []


async def test_an_event_that_breaks_the_preparation_is_numbered_as_a_stub(core: Core) -> None:
    """A021."""
    broken = message(from_name=None)  # what no adapter should hand on
    [good, stub] = await core.intake.accept([message(), broken])
    assert (good.outcome, stub.outcome) == (Outcome.OPENED, Outcome.QUARANTINED)
    [held] = await messages_of(core, stub.number)
    assert held.problems == ("not_prepared",)


async def test_a_poisonous_message_between_two_good_ones_stops_neither(core: Core) -> None:
    """A021, lesson 15, 18: what the database cannot store becomes a numbered stub with its raw bytes."""
    poison = message("毒", to=("\ud800",))
    receipts = await asyncio.gather(*(core.intake.accept([one]) for one in (message(), poison, message())))
    assert [receipt.outcome for [receipt] in receipts] == [Outcome.OPENED, Outcome.QUARANTINED, Outcome.OPENED]
    assert len({receipt.number for [receipt] in receipts}) == 3
    [held] = await messages_of(core, receipts[1][0].number)
    assert held.raw == "毒".encode()


async def test_a_poisonous_message_inside_one_call_leaves_its_neighbours_whole(core: Core) -> None:
    poison = message(to=("\ud800",))
    receipts = await core.intake.accept([message(), poison, message()])
    assert [receipt.outcome for receipt in receipts] == [Outcome.OPENED, Outcome.QUARANTINED, Outcome.OPENED]


async def test_a_secret_does_not_come_back_with_the_stub_of_a_message_that_cannot_be_stored(core: Core) -> None:
    """D.3."""
    poison = message("我的密码是 739164", to=("\ud800",), raw="我的密码是 739164".encode())
    [receipt] = await core.intake.accept([poison])
    [held] = await messages_of(core, receipt.number)
    assert receipt.outcome is Outcome.QUARANTINED
    assert held.raw is not None
    assert b"739164" not in held.raw


async def test_attachments_the_database_refuses_take_neither_words_nor_contacts_with_them(core: Core) -> None:
    lost = Attachment(name="回单.pdf", media_type="application/pdf", size=3, blob_id="0" * 26)
    [receipt] = await core.intake.accept([message("年费没提前说", attachments=(lost,))])
    assert receipt.outcome is Outcome.OPENED
    [held] = await messages_of(core, receipt.number)
    assert (held.body["text"], held.problems) == ("年费没提前说", ("attachments_refused",))
    assert [delivery.to for delivery in await waiting_deliveries(core)] == [email_contact()]


async def test_text_with_characters_no_database_takes_is_kept_without_them(core: Core) -> None:
    [receipt] = await core.intake.accept([message("前\ud800后\0。", raw=None)])
    assert receipt.outcome is Outcome.OPENED
    [held] = await messages_of(core, receipt.number)
    assert held.body["text"] == "前?后。"


async def test_one_contact_written_in_two_ways_is_one_contact(core: Core) -> None:
    contacts = (email_contact(), email_contact(verified=True), email_contact(preferred=True))
    [receipt] = await core.intake.accept([message(contacts=contacts)])
    assert receipt.outcome is Outcome.OPENED
    assert [delivery.to.preferred for delivery in await waiting_deliveries(core)] == [True]


async def test_a_receipt_time_without_a_zone_is_taken_for_now(core: Core) -> None:
    [receipt] = await core.intake.accept([message(received_at=core.clock().replace(tzinfo=None))])
    assert (await complaint_of(core, receipt.number)).received_at == core.clock()


async def test_what_a_caller_puts_into_its_id_cannot_be_read_back(core: Core) -> None:
    [receipt] = await core.intake.accept([message(external_id="13812345678-zhangsan")])
    [held] = await messages_of(core, receipt.number)
    assert "zhangsan" not in held.external_id


async def test_ids_that_differ_only_far_behind_are_two_messages(core: Core) -> None:
    [one, two] = await core.intake.accept([unreadable(b"1", external_id="x" * 300 + n) for n in "ab"])
    assert one.number != two.number


async def test_a_long_text_is_prepared_beside_the_event_loop(core: Core) -> None:
    [receipt] = await core.intake.accept([message("长" * 30_000)])
    assert receipt.outcome is Outcome.OPENED


# -- copies -----------------------------------------------------------------------------------------------------------


async def test_a_second_copy_of_the_same_email_opens_nothing(core: Core) -> None:
    """lesson 4."""
    sent = message()
    [first] = await core.intake.accept([sent])
    [second] = await core.intake.accept([sent])
    assert (second.outcome, second.number, second.promised_at) == (Outcome.DUPLICATE, first.number, first.promised_at)
    assert not second.differs
    assert len(await messages_of(core, first.number)) == 1
    assert len(await waiting_deliveries(core)) == 1


async def test_copies_inside_one_batch_open_one_complaint(core: Core) -> None:
    sent = message()
    receipts = await core.intake.accept([sent, sent, sent])
    assert [receipt.outcome for receipt in receipts] == [Outcome.OPENED, Outcome.DUPLICATE, Outcome.DUPLICATE]
    assert len({receipt.number for receipt in receipts}) == 1


async def test_one_mail_in_two_of_our_boxes_is_one_complaint_with_two_records_and_one_answer(core: Core) -> None:
    """lesson 5."""
    first, second = message(source="box-a", message_id="<same@x>"), message(source="box-b", message_id="<same@x>")
    [one] = await core.intake.accept([first])
    core.clock.later(seconds=1)
    [two] = await core.intake.accept([second])
    assert (two.outcome, two.number) == (Outcome.DUPLICATE, one.number)
    assert [held.source for held in await messages_of(core, one.number)] == ["box-a", "box-b"]
    assert len(await waiting_deliveries(core)) == 1


async def test_the_same_message_id_with_other_words_is_another_message(core: Core) -> None:
    """channels 4.2: a Message-ID is a hint, not a key."""
    [one, two] = await core.intake.accept([message("第一", message_id="<x@x>"), message("第二", message_id="<x@x>")])
    assert one.number != two.number


async def test_two_mails_without_any_id_are_never_taken_for_one_another(core: Core) -> None:
    """lessons 10 and 12."""
    [one, two] = await core.intake.accept([message("一样", message_id=""), message("一样", message_id="")])
    assert one.number != two.number


async def test_the_same_external_id_with_other_content_says_so(core: Core) -> None:
    [first] = await core.intake.accept([message("一", external_id="key")])
    [second] = await core.intake.accept([message("二", external_id="key")])
    assert (second.outcome, second.number, second.differs) == (Outcome.DUPLICATE, first.number, True)


async def test_the_same_external_id_of_two_sources_is_two_messages(core: Core) -> None:
    [one, two] = await core.intake.accept([message(source="a", external_id="1"), message(source="b", external_id="1")])
    assert one.number != two.number


# -- follow-ups -------------------------------------------------------------------------------------------------------


async def test_the_customer_quoting_the_number_adds_to_the_same_complaint(core: Core) -> None:
    [first] = await core.intake.accept([message()])
    [second] = await core.intake.accept([message(f"补充：{first.number} 还没退")])
    assert (second.outcome, second.number) == (Outcome.JOINED, first.number)
    assert second.promised_at == first.promised_at
    assert len(await messages_of(core, first.number)) == 2
    assert len(await waiting_deliveries(core)) == 1  # no second acknowledgement


async def test_a_reply_to_our_acknowledgement_joins_without_quoting_anything(core: Core) -> None:
    """lesson 42."""
    [first] = await core.intake.accept([message()])
    [delivery] = await waiting_deliveries(core)
    [second] = await core.intake.accept([message("再补充一点", thread_keys=(delivery.key,))])
    assert (second.outcome, second.number) == (Outcome.JOINED, first.number)


async def test_a_stranger_quoting_the_number_gets_a_complaint_of_their_own_and_learns_nothing(core: Core) -> None:
    """lesson 38."""
    [first] = await core.intake.accept([message()])
    stranger = message(
        f"请问 {first.number} 怎么样了", from_address="eve@example.com", contacts=(email_contact("eve@example.com"),)
    )
    [second] = await core.intake.accept([stranger])
    assert second.outcome is Outcome.PENDING_LINK
    assert second.number not in (None, first.number)
    assert len(await messages_of(core, first.number)) == 1
    to_eve = next(d for d in await waiting_deliveries(core) if d.to.value == "eve@example.com")
    assert first.number not in to_eve.content.text
    own = await complaint_of(core, second.number)
    async with core.storage.reading() as tx:
        kinds = [entry.event.kind for entry in await tx.timeline.of(own.id)]
    assert kinds == [EventKind.OPENED, EventKind.LINK_SUGGESTED]


@pytest.mark.parametrize(("verified", "outcome"), [(False, Outcome.PENDING_LINK), (True, Outcome.JOINED)])
async def test_a_typed_address_proves_nothing_where_the_typist_sees_the_answer(
    core: Core, verified: bool, outcome: Outcome
) -> None:
    """lessons 38, 80: otherwise guessed numbers would tell who has complained."""
    [first] = await core.intake.accept([message()])
    typed = message(
        f"{first.number} 补充",
        channel=ChannelKind.WEB_FORM,
        contacts=(email_contact(verified=verified),),
        message_id="",
    )
    [second] = await core.intake.accept([typed])
    assert second.outcome is outcome
    assert (second.number == first.number) is verified


async def test_a_follow_up_that_also_names_a_strangers_number_suggests_the_link(core: Core) -> None:
    stranger = message(from_address="eve@example.com", contacts=(email_contact("eve@example.com"),))
    [own, other] = await core.intake.accept([message(), stranger])
    [receipt] = await core.intake.accept([message(f"{own.number} 和 {other.number} 是同一件事")])
    assert (receipt.outcome, receipt.number) == (Outcome.JOINED, own.number)
    complaint = await complaint_of(core, own.number)
    async with core.storage.reading() as tx:
        kinds = [entry.event.kind for entry in await tx.timeline.of(complaint.id)]
    assert kinds == [EventKind.OPENED, EventKind.SUPPLEMENTED, EventKind.LINK_SUGGESTED]


async def test_two_follow_ups_of_one_complaint_in_one_batch_both_join(core: Core) -> None:
    [first] = await core.intake.accept([message()])
    receipts = await core.intake.accept([message(f"{first.number} 补充{n}") for n in range(2)])
    assert [receipt.outcome for receipt in receipts] == [Outcome.JOINED, Outcome.JOINED]
    assert (await complaint_of(core, first.number)).version == 3


async def test_a_number_with_a_wrong_check_character_joins_nothing(core: Core) -> None:
    [first] = await core.intake.accept([message()])
    wrong = first.number[:-1] + ("A" if first.number[-1] != "A" else "B")
    [second] = await core.intake.accept([message(f"{wrong} 呢")])
    assert second.outcome is Outcome.OPENED


# -- what is written --------------------------------------------------------------------------------------------------


async def test_the_timeline_is_chained_from_the_first_entry_and_the_complaint_is_its_fold(core: Core) -> None:
    """A150."""
    [first] = await core.intake.accept([message()])
    await core.intake.accept([message(f"{first.number} 补充")])
    complaint = await complaint_of(core, first.number)
    async with core.storage.reading() as tx:
        entries = await tx.timeline.of(complaint.id)
    assert audit.broken_at(core.vault.audit_key, entries) is None
    folded = fold(complaint.id, [entry.event for entry in entries])
    assert folded is not None
    assert (folded.number, folded.name, folded.version) == (complaint.number, complaint.name, complaint.version)
    assert complaint.head == entries[-1].mac


async def test_every_date_is_stored_with_the_rule_that_set_it(core: Core) -> None:
    """A.13 engine rule 5."""
    [receipt] = await core.intake.accept([message()])
    complaint = await complaint_of(core, receipt.number)
    assert complaint.clocks[ClockName.PROMISED].due_at == receipt.promised_at
    assert complaint.clocks[ClockName.LEGAL].profile == "cn.nfra-2020-3"
    assert all(one.profile_version and one.clause and one.calendar_version for one in complaint.clocks.values())


async def test_sixty_four_callers_at_once_get_sixty_four_numbers(core: Core) -> None:
    """A028, lesson 26."""
    receipts = await asyncio.gather(*(core.intake.accept([message()]) for _ in range(64)))
    assert len({receipt.number for [receipt] in receipts}) == 64


async def test_two_nodes_on_one_database_never_give_the_same_number(make_core: Callable[..., Core]) -> None:
    """A028."""
    one, two = make_core(), make_core()
    receipts = await asyncio.gather(*((one, two)[n % 2].intake.accept([message()]) for n in range(40)))
    assert len({receipt.number for [receipt] in receipts}) == 40


async def test_numbers_begin_anew_each_day_of_the_bank(core: Core) -> None:
    [first] = await core.intake.accept([message()])
    core.clock.later(hours=14)  # past midnight in Shanghai, still the same day in UTC
    [second] = await core.intake.accept([message()])
    assert first.number.startswith("TS-261123-000001-")
    assert second.number.startswith("TS-261124-000001-")


async def test_nothing_accepted_means_nothing_written(core: Core) -> None:
    assert list(await core.intake.accept([])) == []


async def test_a_form_message_is_told_the_same_way(core: Core) -> None:
    sent = message(source="web-form", channel=ChannelKind.WEB_FORM, message_id="", language=Language.EN)
    await core.intake.accept([sent])
    [delivery] = await waiting_deliveries(core)
    assert delivery.content.language is Language.EN


async def test_after_a_write_that_met_a_full_disk_no_other_is_asked_for_until_one_may_try(core: Core) -> None:
    """A full disk acknowledges nothing, and /readyz says so (architecture 4)."""
    pages = [1]  # below its size, which means its size

    def limit(connection: Any, record: object, proxy: object) -> None:
        connection.cursor().execute(f"PRAGMA max_page_count = {pages[0]}")

    long = "年费没提前说。" * 1000
    with listening("checkout", limit):
        with pytest.raises(DiskFull):
            await core.intake.accept([message(long)])
        assert not core.intake.room_left()
        core.clock.later(seconds=FULL_FOR.total_seconds())
        assert core.intake.room_left()
        with pytest.raises(DiskFull):
            await core.intake.accept([message(long)])
        core.clock.later(hours=-1)
        assert core.intake.room_left()
        with pytest.raises(DiskFull):
            await core.intake.accept([message(long)])
        pages[0] = 1_000_000
        [receipt] = await core.intake.accept([message(long)])
    assert receipt.outcome is Outcome.OPENED
    assert core.intake.room_left()
