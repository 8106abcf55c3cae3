"""What Twilio's forms mean: consent, reports, error codes, lengths. Whole messages are in samples/."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path
from urllib.parse import urlencode

import pytest

from adapters.sms import read, wire
from gateway.errors import Invalid
from gateway.model import ConsentChange, DeliveryReceipt, DeliveryStatus, InboundMessage, Unreadable
from tests.adapters.sms.line import KEY, NUMBER, WANG
from tests.factories import START

SID = "SM" + "a" * 32
SAMPLES = sorted(Path(__file__).with_name("samples").glob("*.form"))
LONE = "\ud83d"  # half an emoji, as a broken telephone cuts it


def said(body: str, **fields: str) -> InboundMessage | ConsentChange:
    form = {"MessageSid": SID, "From": WANG, "To": NUMBER, "Body": body, "NumMedia": "0", **fields}
    return wire.said(form, source="sms", received_at=START, raw=b"", one_way=("+86",))


def reported(status: str, **fields: str) -> DeliveryReceipt:
    form = {"MessageSid": SID, "MessageStatus": status, **fields}
    return wire.reported(form, source="sms", received_at=START, key=KEY)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_is_read_as_expected(sample: Path) -> None:
    """Line 1 of a sample's .txt is the kind of event; the others are fields that it must have."""
    (event,) = read(sample.read_bytes().strip(), sample.name)
    kind, *fields = sample.with_suffix(".txt").read_text(encoding="utf-8").splitlines()
    assert type(event).__name__ == kind
    got = asdict(event)
    got["contacts"] = [contact["value"] for contact in got.get("contacts", ())]
    for line in fields:
        name, _, expected = line.partition(" = ")
        assert repr(got[name]) == expected, name


@pytest.mark.parametrize(
    "word",
    [
        "STOP",
        "stop",
        "Stop.",
        " 退订 ",
        "退訂",
        "拒收",
        "TD",
        "td",
        "R",
        "ｔｄ",
        "退订！",
        "“退订”",
        "退订短信",
        "TD\u200b",
        "UNSUBSCRIBE",
        "Quit",
    ],
)
def test_a_keyword_that_is_the_whole_message_ends_consent(word: str) -> None:
    event = said(word)
    assert isinstance(event, ConsentChange)
    assert (event.wanted, event.contact.value, event.external_id) == (False, WANG, SID)


@pytest.mark.parametrize("word", ["START", "unstop", "恢复接收"])
def test_a_keyword_gives_consent_back(word: str) -> None:
    event = said(word)
    assert isinstance(event, ConsentChange)
    assert event.wanted


@pytest.mark.parametrize(
    "text",
    ["我要退订理财短信，你们不给办", "STOP charging me", "TD卡被盗刷", "N23", "不", "YES", "是", "HELP", "", "停"],
)
def test_a_complaint_with_a_keyword_in_it_stays_a_complaint(text: str) -> None:
    assert isinstance(said(text), InboundMessage)


def test_twilios_own_verdict_on_a_keyword_counts() -> None:
    """Advanced Opt-Out knows the bank's own keywords and languages."""
    stopped, started, helped = (said("PARE", OptOutType=verdict) for verdict in ("STOP", "START", "HELP"))
    assert isinstance(stopped, ConsentChange)
    assert not stopped.wanted
    assert isinstance(started, ConsentChange)
    assert started.wanted
    assert isinstance(helped, InboundMessage)


def test_a_long_text_is_never_reduced_to_a_consent() -> None:
    assert isinstance(
        said("STOP 你们扣了我三次钱，请马上退回来，另外不要再给我发广告", OptOutType="STOP"), InboundMessage
    )


def test_a_verdict_on_something_unprintable_is_kept_as_a_message() -> None:
    assert isinstance(said("ST\x00P", OptOutType="STOP"), InboundMessage)


def test_a_keyword_of_nobody_is_kept_as_a_message() -> None:
    assert isinstance(said("STOP", From="ANOTHERBANK"), InboundMessage)


@pytest.mark.parametrize("sender", ["4008888888", "95588", "13812345678", "whatsapp:+85261234567", "+1", "+", ""])
def test_a_sender_that_is_no_number_of_a_telephone_leaves_no_contact(sender: str) -> None:
    event = said("投诉", From=sender)
    assert isinstance(event, InboundMessage)
    assert (event.contacts, event.problems, event.from_address) == ((), ("no_sender",), sender)


def test_the_sender_of_an_sms_is_not_verified() -> None:
    """E.2 rule 10: a sender's number can be forged, and has had other owners."""
    event = said("年费80元没提前说，请退")
    assert isinstance(event, InboundMessage)
    assert [(contact.value, contact.verified) for contact in event.contacts] == [(WANG, False)]


def test_a_message_from_where_none_can_come_is_marked() -> None:
    """Mainland China has no two-way SMS (channels 2.1): a sender there is forged, or a setting is out of date."""
    event = said("投诉", From="+8613812345678")
    assert isinstance(event, InboundMessage)
    assert event.problems == ("one_way_country",)


@pytest.mark.parametrize("sid", ["", "SM1", "CA" + "a" * 32, "SM" + "A" * 32, SID + "\n"])
def test_a_message_without_an_id_makes_no_sense(sid: str) -> None:
    with pytest.raises(Invalid):
        said("投诉", MessageSid=sid)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("accepted", DeliveryStatus.ACCEPTED),
        ("queued", DeliveryStatus.ACCEPTED),
        ("sending", DeliveryStatus.ACCEPTED),
        ("sent", DeliveryStatus.ACCEPTED),
        ("a_word_of_next_year", DeliveryStatus.ACCEPTED),
        ("delivered", DeliveryStatus.DELIVERED),
        ("read", DeliveryStatus.READ),
        ("undelivered", DeliveryStatus.UNDELIVERED),
        ("failed", DeliveryStatus.UNDELIVERED),
        ("canceled", DeliveryStatus.UNDELIVERED),
        ("partially_delivered", DeliveryStatus.UNDELIVERED),
    ],
)
def test_each_status_has_its_meaning(word: str, status: DeliveryStatus) -> None:
    report = reported(word)
    assert (report.status, report.key, report.provider_id) == (status, KEY, SID)


def test_each_report_of_a_message_is_one_of_its_own_and_the_same_when_repeated() -> None:
    """Lesson 61: dropping by MessageSid alone lost every report after the first."""
    assert len({reported(word).external_id for word in ("sent", "delivered", "sent")}) == 2


@pytest.mark.parametrize(
    ("code", "reason", "again"),
    [
        ("30001", "twilio 30001", True),
        ("30002", "twilio 30002", False),
        ("30003", "twilio 30003", True),
        ("30004", "twilio 30004", False),
        ("30005", "twilio 30005", False),
        ("30006", "twilio 30006", False),
        ("30007", "twilio 30007", False),
        ("30008", "twilio 30008", True),
        ("21610", "opted_out", False),
        ("", "undelivered", False),
        ("not a code", "undelivered", False),
    ],
)
def test_each_error_code_of_a_report_has_a_row(code: str, reason: str, again: bool) -> None:
    """Lesson 64; channels 2.3."""
    report = reported("undelivered", ErrorCode=code)
    assert (report.reason, report.again) == (reason, again)


def test_an_error_code_beside_a_good_status_is_no_reason() -> None:
    report = reported("delivered", ErrorCode="30003")
    assert (report.reason, report.again) == ("", False)


@pytest.mark.parametrize("word", ["", "DELIVERED", "sent\x00", "sent ", "送达", "x" * 41])
def test_a_report_without_a_status_makes_no_sense(word: str) -> None:
    with pytest.raises(Invalid):
        reported(word)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("字" * 70, 1),
        ("字" * 71, 2),
        ("字" * 134, 2),
        ("字" * 135, 3),
        ("a" * 69 + "字", 1),
        ("a" * 70 + "字", 2),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
        (LONE, 1),
    ],
)
def test_segments_are_counted_as_they_are_billed(text: str, count: int) -> None:
    """Channels 2.3: one 汉字 or emoji makes all of it UCS-2."""
    assert wire.segments(text) == count


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xfe", b"=&=", "短信".encode(), b"a=b", urlencode({"x": 1}).encode() * 300]
)
def test_a_file_that_is_no_webhook_waits_for_a_person(data: bytes) -> None:
    (event,) = read(data, "x.form")
    assert isinstance(event, Unreadable)
    assert re.fullmatch("sha256:[0-9a-f]{64}", event.external_id)
