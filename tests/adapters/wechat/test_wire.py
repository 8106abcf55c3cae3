"""What callbacks of a 公众号 mean. Whole ones are in samples/."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.wechat import read, wire
from gateway.errors import Invalid
from gateway.model import ConsentChange, DeliveryReceipt, DeliveryStatus, InboundMessage, Unreadable
from tests.adapters.wechat.account import WANG
from tests.factories import START

SAMPLES = sorted(Path(__file__).with_name("samples").glob("*.xml"))
NAMES = ("FromUserName", "MsgType", "Event", "EventKey", "MsgId", "MsgID", "Content", "MediaId", "CreateTime", "Status")
VALUES = st.sampled_from(["text", "event", "subscribe", "TEMPLATESENDJOBFINISH", "subscribe_msg_sent_event", WANG, "1"])


def heard(**fields: Any) -> tuple[Any, ...]:
    told = {"FromUserName": WANG, "CreateTime": "1795400100", "MsgType": "event", **fields}
    return wire.heard(told, source="oa", received_at=START, raw=b"<xml/>")


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


def test_a_message_is_from_its_follower_at_the_time_it_came() -> None:
    """E.2 rule 10: WeChat vouches for the account, not for whose customer it is."""
    (message,) = heard(MsgType="text", Content="年费", MsgId="1")
    assert isinstance(message, InboundMessage)
    assert (message.received_at, message.sent_at, message.from_address) == (START, START, WANG)
    assert [contact.verified for contact in message.contacts] == [False]


def test_two_events_of_one_second_are_two_and_one_told_again_is_one() -> None:
    """Lesson 82: FromUserName and CreateTime alone drop the second of them."""
    left, came, again = heard(Event="unsubscribe"), heard(Event="subscribe"), heard(Event="unsubscribe")
    scanned = heard(Event="subscribe", EventKey="qrscene_12")
    assert len({events[0].external_id for events in (left, came, again, scanned)}) == 3
    assert left == again


def test_the_id_of_an_event_does_not_tell_whose_it_is() -> None:
    (event,) = heard(Event="unsubscribe")
    assert isinstance(event, ConsentChange)
    assert WANG not in event.external_id


def test_a_message_without_an_id_is_known_by_what_it_says() -> None:
    first, second = heard(MsgType="text", Content="年费"), heard(MsgType="text", Content="年费")
    assert first[0].external_id.startswith("sha256:")
    assert first == second


@pytest.mark.parametrize(
    "event", ["CLICK", "VIEW", "SCAN", "LOCATION", "subscribe_msg_popup_event", "", "of_next_year"]
)
def test_what_needs_nobody_opens_nothing(event: str) -> None:
    assert heard(Event=event, EventKey="complain") == ()


@pytest.mark.parametrize(
    ("status", "is_there", "reason"),
    [
        ("success", True, ""),
        (" Success ", True, ""),
        ("failed:user block", False, "user_block"),
        ("failed: user block", False, "user_block"),
        ("failed:system failed", False, "system_failed"),
        ("failed: system failed", False, "system_failed"),
        ("failed:sender block", False, "sender_block"),
        ("failed", False, "failed"),
        ("拒收", False, "failed"),
        ("", False, "failed"),
    ],
)
def test_the_end_of_a_notice_is_read_however_it_is_spelt(status: str, is_there: bool, reason: str) -> None:
    """Channels 1.7: "failed:user block" and "failed: system failed" both occur."""
    (receipt,) = heard(Event="TEMPLATESENDJOBFINISH", MsgID="200163836", Status=status)
    assert isinstance(receipt, DeliveryReceipt)
    assert (receipt.status is DeliveryStatus.DELIVERED, receipt.reason) == (is_there, reason)
    assert receipt.again is (reason == "system_failed")


def test_one_callback_may_tell_the_ends_of_several_subscription_notices() -> None:
    ends = [{"MsgID": "1", "ErrorStatus": "success"}, {"MsgID": "2", "ErrorStatus": "failed:user block"}]
    receipts = heard(Event="subscribe_msg_sent_event", SubscribeMsgSentEvent={"List": ends})
    assert [(one.provider_id, one.reason) for one in receipts] == [("1", ""), ("2", "user_block")]
    assert heard(Event="subscribe_msg_sent_event") == ()


@pytest.mark.parametrize(
    "fields",
    [
        {"FromUserName": ""},
        {"FromUserName": ["a", "b"]},
        {"FromUserName": "投诉"},
        {"MsgType": ""},
        {"Event": "TEMPLATESENDJOBFINISH", "Status": "success"},
        {"Event": "TEMPLATESENDJOBFINISH", "MsgID": "x", "Status": "success"},
    ],
)
def test_what_does_not_say_who_or_what_makes_no_sense(fields: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        heard(**fields)


@pytest.mark.parametrize("data", [b"", b"{}", b"<html/>", b"<xml/>", b"<xml><MsgType>text</MsgType></xml>"])
def test_a_saved_file_that_is_no_callback_is_numbered_all_the_same(data: bytes) -> None:
    """A021."""
    (event,) = read(data, "saved.xml")
    assert isinstance(event, Unreadable)


@given(st.dictionaries(st.sampled_from(NAMES), VALUES | st.text(max_size=5) | st.lists(VALUES, max_size=2)))
def test_whatever_stands_in_the_fields_is_an_event_or_makes_no_sense(fields: dict[str, Any]) -> None:
    with suppress(Invalid):
        wire.heard(fields, source="oa", received_at=START, raw=b"")
