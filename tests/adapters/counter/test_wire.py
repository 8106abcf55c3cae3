"""What each row of a sheet means, and what is said of one that means nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.counter.columns import COLUMNS
from adapters.counter.wire import parse, read
from gateway.errors import InvalidFile
from gateway.model import (
    ChannelKind,
    Contact,
    ContactType,
    Demand,
    InboundMessage,
    Kind,
    Particulars,
    PreferredChannel,
    Product,
    Represents,
)
from gateway.ports import Filed
from tests.adapters.counter.paper import HEADERS, LETTER, Line, as_csv, as_workbook, message, moment

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = moment("2026-11-23T10:15:00+08:00")
VISIT: Line = {**LETTER, "收到方式": "网点柜面", "网点": "0101", "接待人工号": "A00001"}
REFERRED: Line = {**LETTER, "收到方式": "监管转办", "转办单位": "某监管局"}


def parsed(data: bytes) -> Sequence[Filed]:
    return parse(data, source="branches", zone=SHANGHAI, now=NOW)


def only(line: Line) -> InboundMessage:
    [filed] = parsed(as_csv(line))
    return message(filed)


def wrong(*lines: Line) -> list[tuple[int, str, str]]:
    """Return everything that is called wrong: nothing where the sheet can be taken in."""
    try:
        parsed(as_csv(*lines))
    except InvalidFile as error:
        return [(flaw.row, flaw.column, flaw.problem) for flaw in error.flaws]
    return []


def test_a_visit_to_a_counter_becomes_a_message_with_branch_receptionist_and_time() -> None:
    """A027, S0-6(1): and everything else the sheet has a column for."""
    line = VISIT | {
        "收到时间": datetime.fromisoformat("2026-11-20T09:30"),
        "原始编号": "0012",
        "客户姓名": "张三",
        "联系电话": 13812345678,
        "邮箱": "Zhang@Example.com",
        "通讯地址": "某市某路1号",
        "偏好沟通方式": "短信",
        "身份": "本人",
        "业务类别": "信用卡",
        "发生时间": "上周五",
        "诉求": "退款、道歉；退款",
        "涉及金额": "80元",
    }
    [filed] = parsed(as_workbook(line))
    assert filed.place == "row 3"
    found = message(filed)
    assert (found.source, found.channel, found.kind) == ("branches", ChannelKind.BRANCH_COUNTER, Kind.COMPLAINT)
    assert found.received_at == moment("2026-11-20T09:30:00+08:00")
    assert (found.text, found.from_name) == ("年费80元没提前说，请退", "张三")
    assert found.contacts == (
        Contact(type=ContactType.MOBILE, value="+8613812345678", preferred=True),
        Contact(type=ContactType.EMAIL, value="zhang@example.com"),
        Contact(type=ContactType.ADDRESS, value="某市某路1号"),
    )
    assert found.particulars == Particulars(
        occurred_note="上周五",
        product=Product.CREDIT_CARD,
        branch="0101",
        receptionist="A00001",
        amount_note="80元",
        demand=(Demand.REFUND, Demand.APOLOGY),
        represents=Represents.SELF,
        preferred_channel=PreferredChannel.SMS,
    )


@pytest.mark.parametrize(
    ("word", "channel"),
    [
        ("网点意见簿", ChannelKind.OPINION_BOOK),
        ("信函", ChannelKind.LETTER),
        ("letter", ChannelKind.LETTER),
        ("离线导入", ChannelKind.OFFLINE_IMPORT),
    ],
)
def test_each_way_of_receipt_is_a_channel_of_its_own(word: str, channel: ChannelKind) -> None:
    """A001, A025: by the Chinese word or the stable one; no contact is needed to be registered (A021)."""
    assert only(LETTER | {"收到方式": word}).channel is channel


def test_a_referral_keeps_the_regulators_name_reference_and_date_for_who_reads_it() -> None:
    """A132, S1-5-10."""
    found = only(REFERRED | {"转办文号": "消保〔2026〕12号", "转办期限": "2026年12月1日"})
    assert found.channel is ChannelKind.REGULATOR
    assert found.subject == "某监管局 消保〔2026〕12号"
    assert found.text == (
        "年费80元没提前说，请退\n\n转办单位：某监管局\n转办文号：消保〔2026〕12号\n转办期限：2026-12-01"
    )
    assert found.reply_text == "年费80元没提前说，请退"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-11-20 09:30", "2026-11-20T09:30:00+08:00"),
        ("2026/11/20 9:30:15", "2026-11-20T09:30:15+08:00"),
        ("2026年11月20日 9时30分", "2026-11-20T09:30:00+08:00"),
        ("２０２６－１１－２０　０９：３０", "2026-11-20T09:30:00+08:00"),
        ("2026-11-20T09:30:00Z", "2026-11-20T09:30:00+00:00"),
        ("2026-11-20 09:30 -0500", "2026-11-20T09:30:00-05:00"),
        ("2026-11-20", "2026-11-20T00:00:00+08:00"),
        ("2009-01-05 08:00", "2009-01-05T08:00:00+08:00"),
    ],
)
def test_a_time_of_receipt_is_the_banks_unless_it_says_otherwise(written: str, meant: str) -> None:
    """A025, law 18: however long ago it was."""
    assert only(LETTER | {"收到时间": written}).received_at == moment(meant)


def test_the_same_moment_in_another_zone_of_the_settings_is_another_time() -> None:
    [filed] = parse(as_csv(LETTER), source="s", zone=ZoneInfo("Europe/London"), now=NOW)
    assert message(filed).received_at == moment("2026-11-20T09:30:00+00:00")


@pytest.mark.parametrize(
    "written",
    ["昨天", "2026-13-01", "2026-02-30 10:00", "26-11-20", "1900-01-01", "46349.4", "2026-11-20 25:00", "20:15",
     "2026-11-20 10:00+99:99", "9999-12-31"],
)  # fmt: skip
def test_what_is_no_time_is_a_mistake_and_never_a_guess(written: str) -> None:
    assert wrong(LETTER | {"收到时间": written}) == [(2, "收到时间", "not_a_time")]


def test_a_time_in_the_future_is_a_mistake_where_the_present_is_known() -> None:
    """A025: a receipt that is still to come would move every limit."""
    late = LETTER | {"收到时间": "2026-11-23 10:16"}
    assert wrong(late) == [(2, "收到时间", "in_the_future")]
    assert only(LETTER | {"收到时间": "2026-11-23 10:15"}).received_at == NOW
    assert len(list(read(as_csv(late), "late.csv"))) == 1


def test_everything_that_is_wrong_is_said_at_once_by_row_and_column() -> None:
    lines = [
        LETTER,
        {},
        {"收到方式": "传真", "收到时间": "昨天", "联系电话": "12", "邮箱": "x"},
        VISIT | {"网点": "", "接待人工号": " ", "转办文号": "1号"},
        REFERRED | {"转办单位": "", "转办期限": "soon"},
        LETTER | {"偏好沟通方式": "电话", "联系电话": "", "诉求": "退款、道谢"},
        LETTER | {"偏好沟通方式": "短信", "联系电话": "010-66668888", "客户姓名": "三" * 101},
        LETTER | {"偏好沟通方式": "电子邮件"},
        LETTER | {"偏好沟通方式": "信函"},
    ]
    assert wrong(*lines) == [
        (4, "收到方式", "not_a_choice"),
        (4, "收到时间", "not_a_time"),
        (4, "投诉内容", "required"),
        (4, "联系电话", "not_a_phone"),
        (4, "邮箱", "not_an_email"),
        (5, "网点", "required_at_counter"),
        (5, "接待人工号", "required_at_counter"),
        (5, "转办文号", "only_of_referral"),
        (6, "转办单位", "required_of_referral"),
        (6, "转办期限", "not_a_day"),
        (7, "偏好沟通方式", "needs_phone"),
        (7, "诉求", "not_a_choice"),
        (8, "客户姓名", "too_long"),
        (8, "偏好沟通方式", "needs_mobile"),
        (9, "偏好沟通方式", "needs_email"),
        (10, "偏好沟通方式", "needs_address"),
    ]


def test_what_is_said_of_a_mistake_is_in_two_languages_and_quotes_nobody() -> None:
    with pytest.raises(InvalidFile) as caught:
        parsed(as_csv({"收到方式": "张三", "收到时间": "13812345678", "联系电话": "zhang@example.com"}))
    said = repr(caught.value) + "".join(repr(flaw) for flaw in caught.value.flaws)
    assert "不是电话号码 / is no telephone number" in said
    assert not [value for value in ("张三", "13812345678", "zhang@") if value in said]


def test_two_rows_that_say_the_same_are_not_made_one() -> None:
    """A021: two customers may write the same; their own serials tell them apart."""
    assert wrong(LETTER, LETTER) == [(3, "原始编号", "duplicate_row")]
    assert wrong(LETTER | {"原始编号": "7"}, LETTER | {"原始编号": "7", "投诉内容": "排队"}) == [
        (3, "原始编号", "duplicate_row")
    ]
    assert len(parsed(as_csv(LETTER | {"原始编号": "7"}, LETTER | {"原始编号": "8"}))) == 2


def test_a_row_keeps_its_name_wherever_it_stands_and_in_whichever_kind_of_file() -> None:
    """Lesson 11: what has no id of a provider is named by what it says."""
    numbered, plain = LETTER | {"原始编号": "7"}, LETTER | {"客户姓名": "张三"}
    before = [message(one).external_id for one in parsed(as_csv(numbered, plain))]
    other = LETTER | {"原始编号": "6"}
    after = [message(one).external_id for one in parsed(as_workbook(other, {}, plain, numbered))]
    assert after[1:] == before[::-1]
    assert len({*before, *after}) == 3


def test_a_serial_names_a_row_in_its_branch_and_year_only() -> None:
    lines = [
        LETTER | {"原始编号": "7", "网点": "0101"},
        LETTER | {"原始编号": "7", "网点": "0102"},
        LETTER | {"原始编号": "7", "网点": "0101", "收到时间": "2025-11-20 09:30"},
    ]
    assert len({message(one).external_id for one in parsed(as_csv(*lines))}) == 3


@pytest.mark.parametrize("channel", ["网点意见簿", "离线导入"])
def test_a_serial_of_a_book_needs_the_branch_whose_book_it_is(channel: str) -> None:
    """A021: page 12 of two branches' books would be one complaint, and the second customer would not be answered."""
    page = LETTER | {"收到方式": channel, "原始编号": "12"}
    assert wrong(page) == [(2, "网点", "required_with_serial")]
    assert only(page | {"网点": "0101"}).external_id != only(page | {"网点": "0102"}).external_id


def test_a_correction_under_the_same_serial_has_the_same_name() -> None:
    serial = LETTER | {"原始编号": "7"}
    assert only(serial).external_id == only(serial | {"投诉内容": "年费100元"}).external_id


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        (["姓名", "电话"], [("", "not_the_template")]),
        (["收到方式", "投诉内容"], [("收到时间", "missing_column")]),
        (["收到方式", "收到时间", "投诉内容", "收到方式"], [("收到方式", "column_twice")]),
        (["收到方式", "收到时间", "投诉内容", "张三"], [("D", "unknown_column")]),
    ],
)
def test_headers_that_are_not_the_templates_are_named(headers: list[str], said: list[tuple[str, str]]) -> None:
    """A header that is none may be a customer's name where the headers were deleted: its place is named instead."""
    with pytest.raises(InvalidFile) as caught:
        parsed(as_csv(LETTER, headers=headers))
    assert [(flaw.column, flaw.problem) for flaw in caught.value.flaws] == said


def test_columns_may_change_places_and_those_not_needed_be_left_out() -> None:
    [filed] = parsed(as_csv(LETTER, headers=["投诉内容", "收到时间", "收到方式"]))
    assert message(filed).text == "年费80元没提前说，请退"


def test_something_beside_the_columns_is_not_lost_silently() -> None:
    data = as_csv(LETTER, headers=["投诉内容", "收到时间", "收到方式"]).rstrip() + "，还有,一句".encode()
    with pytest.raises(InvalidFile) as caught:
        parsed(data)
    assert {flaw.problem for flaw in caught.value.flaws} == {"no_header", "not_a_choice"}


def test_of_very_many_mistakes_the_first_thousand_are_listed() -> None:
    said = wrong(*[{"客户姓名": "张三"}] * 500)
    assert (len(said), said[-1]) == (1001, (0, "", "more"))


def test_a_suggestion_is_not_a_complaint() -> None:
    """A005."""
    assert only(LETTER | {"类型": "建议"}).kind is Kind.SUGGESTION


@settings(deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(HEADERS), st.text(max_size=30)), max_size=4))
def test_whatever_stands_in_the_cells_every_row_is_taken_or_named(lines: list[Line]) -> None:
    assert {column for _, column, _ in wrong(*lines)} <= {"", *HEADERS}


CHOSEN = {one.header: st.sampled_from(["", *one.choices]) for one in COLUMNS.values() if one.choices}


@settings(deadline=None)
@given(st.fixed_dictionaries(CHOSEN))
def test_words_of_the_lists_are_never_called_wrong(line: Line) -> None:
    assert "not_a_choice" not in {problem for _, _, problem in wrong(line | {"客户姓名": "张三"})}
