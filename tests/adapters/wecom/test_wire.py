"""What WeCom's items mean. One of every kind is in samples/, with what it must be read as beside it."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.wecom import read, wire
from gateway.model import ContactType, DeliveryReceipt, InboundEvent, InboundMessage, MachineKind, Unreadable
from tests.adapters.wecom.house import KEY, KF, WANG
from tests.factories import START

SAMPLES = sorted(Path(__file__).with_name("samples").glob("*.json"))
PAGE = Path(__file__).with_name("samples") / "pages" / "page.json"
# Source: path/94670 and path/94699.
DOCUMENTED: tuple[str, ...] = (
    "text",
    "image",
    "voice",
    "video",
    "file",
    "location",
    "link",
    "business_card",
    "miniprogram",
    "msgmenu",
)
DOCUMENTED += ("merged_msg", "channels", "channels_shop_product", "channels_shop_order", "note", "event")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def item(kind: str = "text", body: Any = None, **fields: Any) -> dict[str, Any]:
    """Return what a customer sent."""
    known = {"msgid": "m-1", "open_kfid": KF, "external_userid": WANG, "send_time": 1795400101, "origin": 3}
    return {**known, "msgtype": kind, kind: {"content": "年费请退"} if body is None else body, **fields}


def gathered(*items: object) -> wire.Gathered:
    return wire.gathered(items, source="wecom", stream=KF, at=START)


def said(one: object) -> InboundMessage:
    [event] = gathered(one).events
    assert isinstance(event, InboundMessage)
    return event


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_is_read_as_expected(sample: Path) -> None:
    """Line 1 of a sample's .txt is the kind of event; the others are fields that it must have."""
    (event,) = read(sample.read_bytes(), sample.name)
    kind, *fields = sample.with_suffix(".txt").read_text(encoding="utf-8").splitlines()
    assert type(event).__name__ == kind
    got = asdict(event)
    got["contacts"] = [contact["value"] for contact in got.get("contacts", ())]
    got["attachments"] = [(one["name"], one["media_type"], one["ref"]) for one in got.get("attachments", ())]
    for line in fields:
        name, _, expected = line.partition(" = ")
        assert repr(got[name]) == expected, name


@pytest.mark.parametrize("kind", DOCUMENTED)
def test_every_kind_that_wecom_documents_has_a_sample_and_is_understood(kind: str) -> None:
    [first, *_] = [path for path in SAMPLES if json.loads(path.read_bytes())["msgtype"] == kind]
    assert "unknown_kind" not in first.with_suffix(".txt").read_text(encoding="utf-8")


def test_words_are_the_customers_and_nobody_has_made_sure_who_that_is() -> None:
    """E.2 rule 10."""
    told = said(item())
    [contact] = told.contacts
    assert (contact.type, contact.value, contact.verified) == (ContactType.WECOM, f"{KF}/{WANG}", False)
    assert told.from_address == contact.value
    assert told.external_id == "m-1"
    assert json.loads(told.raw or b"") == item()


def test_it_was_received_when_wecom_had_it_and_not_when_we_asked() -> None:
    """Law 18: the clock starts with the customer's words, however long the gateway was down."""
    assert said(item()).received_at == datetime.fromtimestamp(1795400101, UTC)


@pytest.mark.parametrize("sent", [None, "1795400101", 0, -1, 12, True, 10**30, 1.5])
def test_what_has_no_date_came_when_it_was_read(sent: object) -> None:
    told = said(item(send_time=sent))
    assert told.received_at == START
    assert "no_date" in told.problems


@pytest.mark.parametrize("who", ["", None, 7, "wm/1", "wm 1", "w" * 65])
def test_whoever_cannot_be_named_is_nobodys_contact(who: object) -> None:
    told = said(item(external_userid=who))
    assert (told.contacts, told.from_address) == ((), "")
    assert told.problems == ("no_sender",)


def test_a_page_is_read_in_its_order_and_tells_whom_to_greet() -> None:
    page = json.loads(PAGE.read_bytes())
    found = wire.gathered(page["msg_list"], source="wecom", stream=KF, at=START)
    assert [getattr(event, "text", "") for event in found.events] == [
        "我要投诉",
        "我的信用卡被扣了两次年费，请退。[发怒]",
        "[图片]",
    ]
    assert [one.code for one in found.entered] == ["aaaaaa"]
    assert [one.msgid for one in found.clicked] == [page["msg_list"][1]["msgid"]]


def test_a_click_on_our_menu_opens_nothing_and_what_is_typed_does() -> None:
    clicked = said(item(body={"content": "我要投诉", "menu_id": "huiyin-1"}))
    assert (clicked.machine, clicked.contacts) == (MachineKind.CONVERSATION, ())
    assert said(item(body={"content": "我要投诉"})).machine is None
    assert said(item(body={"content": "我要投诉", "menu_id": "1"})).machine is None


def test_a_welcome_that_wecom_gives_no_code_for_is_none() -> None:
    event = {"event_type": "enter_session", "open_kfid": KF, "external_userid": WANG}
    assert gathered(item("event", event)) == wire.Gathered(events=())


def test_whoever_came_in_or_chose_nobody_knows_when_is_not_greeted() -> None:
    """A code is good for 20 seconds: without a date it would seem to be of this moment for ever."""
    event = {"event_type": "enter_session", "open_kfid": KF, "external_userid": WANG, "welcome_code": "aaaaaa"}
    click = {"content": "我要投诉", "menu_id": "huiyin-1"}
    found = gathered(item("event", event, send_time=None), item(body=click, send_time=None))
    assert (found.entered, found.clicked) == ((), ())


def test_repeats_and_another_order_change_no_event() -> None:
    """Lesson 85."""
    items = [json.loads(sample.read_bytes()) for sample in SAMPLES]
    once = {event.external_id: event for event in gathered(*items).events}
    again = gathered(*reversed(items), *items).events
    assert len(once) == len(items)
    assert all(event == once[event.external_id] for event in again)


@pytest.mark.parametrize(
    ("msgid", "key"),
    [(KEY, KEY), (f"{KEY}-2", KEY), (f"{KEY}-3", KEY), (f"{KEY}-x", ""), (KEY[:-1], ""), ("", ""), (None, "")],
)
def test_what_failed_is_known_by_our_key_whichever_part_it_was(msgid: object, key: str) -> None:
    event = {"event_type": "msg_send_fail", "fail_msgid": msgid, "fail_type": 6}
    [receipt] = gathered(item("event", event)).events
    assert isinstance(receipt, DeliveryReceipt)
    assert (receipt.key, receipt.reason, receipt.again) == (key, "wecom fail 6", False)


@pytest.mark.parametrize(("why", "reason"), [(13, "wecom fail 13"), ("李四", "wecom fail"), (-1, "wecom fail")])
def test_a_reason_is_a_code_or_nothing(why: object, reason: str) -> None:
    """What stands in evidence and metrics is a stable word, whatever is written there."""
    event = {"event_type": "msg_send_fail", "fail_msgid": KEY, "fail_type": why}
    [receipt] = gathered(item("event", event)).events
    assert isinstance(receipt, DeliveryReceipt)
    assert receipt.reason == reason


@pytest.mark.parametrize(
    "notice", ["[文件过大，无法接收]", "客户发送的图片超过2MB，无法展示", "[视频] 文件大小超出限制"]
)
def test_a_text_in_place_of_a_file_is_marked(notice: str) -> None:
    assert said(item(body={"content": notice})).problems == ("file_too_large",)


def test_a_conversation_in_a_conversation_ends_somewhere() -> None:
    content: dict[str, Any] = {"msgtype": "text", "text": {"content": "最里面"}}
    for _ in range(9):
        content = {
            "msgtype": "merged_msg",
            "merged_msg": {"title": "记录", "item": [{"sender_name": "王", "msg_content": json.dumps(content)}]},
        }
    told = said(item("merged_msg", content["merged_msg"]))
    assert told.text.count("聊天记录") == 4
    many = [{"sender_name": "王", "msg_content": "{}"}] * 500
    assert "shortened" in said(item("merged_msg", {"title": "记录", "item": many})).problems


def test_half_an_emoji_is_kept() -> None:
    """A broken telephone cuts one: what is kept has to be bytes."""
    told = said(item(body={"content": "\ud83d"}))
    assert json.loads(told.raw or b"")["text"]["content"] == "\ud83d"


@settings(deadline=None)
@given(VALUES)
def test_any_json_gives_an_event_or_nothing_and_the_same_again(value: object) -> None:
    """A021: nothing is refused, and a repeat is known by its id."""
    found = gathered(value)
    assert found.events == gathered(value).events
    assert all(isinstance(event, get_args(InboundEvent)) and event.external_id for event in found.events)
    assert len(found.events) == 1


@settings(deadline=None)
@given(
    st.sampled_from(SAMPLES),
    st.sampled_from(["msgid", "msgtype", "open_kfid", "external_userid", "send_time", "origin", "body", "inside"]),
    VALUES,
)
def test_an_item_with_anything_in_any_place_is_never_lost(sample: Path, place: str, value: Any) -> None:
    whole = json.loads(sample.read_bytes())
    body = whole[whole["msgtype"]]
    if place == "inside" and body:
        body[next(iter(body))] = value
    else:
        whole[whole["msgtype"] if place == "body" else place] = value
    found = gathered(whole)
    assert len(found.events) == 1 or value == "enter_session"


@given(st.binary(max_size=40).filter(lambda data: not data.isdigit()))
def test_bytes_that_are_no_page_are_kept_as_they_are(data: bytes) -> None:
    [event] = read(data, "file")
    assert isinstance(event, Unreadable)
    assert event.raw == data


def test_a_file_nested_too_deeply_is_kept_as_it_is() -> None:
    data = b"[" * 100_000
    [event] = read(data, "file")
    assert isinstance(event, Unreadable)
    assert event.raw == data


@settings(deadline=None)
@given(st.text(st.sampled_from("投诉年费。！\n ,.ab🙂"), max_size=4000))
def test_a_text_is_cut_into_parts_that_fit_and_say_the_same(text: str) -> None:
    """Channels 1.3: 2048 bytes, not characters."""
    pieces = wire.parts(text)
    assert all(0 < len(piece.encode()) <= wire.TEXT_BYTES for piece in pieces)
    assert len(pieces) <= wire.PARTS
    if pieces:
        assert "".join("".join(pieces).split()) == "".join(text.split())


def test_a_text_is_cut_where_something_ends() -> None:
    first, second = wire.parts("甲" * 500 + "。\n\n" + "乙" * 300)
    assert (first, second) == ("甲" * 500 + "。", "乙" * 300)
    assert wire.parts("丙" * 682) == ["丙" * 682]


def test_half_a_character_costs_nobody_their_notice() -> None:
    assert [len(piece) for piece in wire.parts("丙\ud83d" * 600)] == [1024, 176]
    assert len(wire.parts("丙" * (682 * 3))) == 3
    assert wire.parts("丙" * (682 * 3 + 1)) == ()
    assert wire.parts(" \n") == []


def test_what_we_say_at_once_has_one_name_however_often_it_is_read() -> None:
    assert wire.reply_id("m-1") == wire.reply_id("m-1") != wire.reply_id("m-2")
    assert len(wire.reply_id("m-1")) <= 32
    assert [wire.part_id(KEY, number) for number in (1, 2, 3)] == [KEY, f"{KEY}-2", f"{KEY}-3"]


def test_two_clocks_may_differ() -> None:
    soon = timedelta(seconds=20)
    assert wire.is_recent(START, START + timedelta(seconds=19), soon)
    assert wire.is_recent(START + timedelta(seconds=2), START, soon)
    assert not wire.is_recent(START, START + soon, soon)
