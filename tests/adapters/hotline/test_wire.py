"""What is made of a transcript, whole or broken: the call's details, doubt, hostile bytes. Not which format it has."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.hotline import read, wire
from adapters.hotline.transcript import NotReady
from gateway.model import ChannelKind, ContactType, InboundMessage, Speaker, Unreadable
from sandbox import transcripts
from sandbox.transcripts import Line

RECEIVED_AT = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
SAMPLES = [
    path.read_bytes()
    for path in sorted(Path(__file__).with_name("samples").iterdir())
    if not path.name.endswith(".expected.json")
]
REASONS = {"transcript_pending", "transcript_failed", "transcript_incomplete", "transcript_empty"}
CALL = {
    "id": "20261120-000419",
    "caller": "13800138000",
    "agent": "60123",
    "started_at": "2026-11-20T23:58:00+08:00",
    "recording": "rec://2026/11/20/000419.wav",
}


def parse(raw: bytes, *, sidecar: bytes = b"", reading: wire.Reading | None = None) -> InboundMessage | Unreadable:
    return wire.parse(raw, source="line", received_at=RECEIVED_AT, reading=reading or wire.Reading(), sidecar=sidecar)


def parsed(raw: bytes, *, sidecar: bytes = b"", reading: wire.Reading | None = None) -> InboundMessage:
    message = parse(raw, sidecar=sidecar, reading=reading)
    assert isinstance(message, InboundMessage), message
    return message


def told(**call: object) -> InboundMessage:
    return parsed(json.dumps({"call": call, "transcript": "客户：卡丢了"}).encode())


def spoken(*confidences: float | None) -> bytes:
    """A call in which an agent nobody doubts speaks, and then a customer with these confidences."""
    lines = [Line(speaker=Speaker.AGENT, text="您好", start_ms=0, end_ms=9, confidence=0.1)]
    for at, confidence in enumerate(confidences, start=1):
        lines.append(
            Line(speaker=Speaker.CUSTOMER, text="亏了", start_ms=at * 10, end_ms=at * 10 + 9, confidence=confidence)
        )
    return transcripts.FORMATS["twilio"](lines)


def outcome(raw: bytes) -> None:
    """Parse bytes; fail on anything but an event that keeps them, or a refusal with its reason."""
    refused = ""
    try:
        event = parse(raw)
    except NotReady as error:
        refused = error.problem
    if refused:
        assert refused in REASONS
        return
    assert event.raw == raw
    assert event.channel is ChannelKind.HOTLINE
    assert event.external_id
    if isinstance(event, Unreadable):
        assert event.problem in {"broken_json", "unknown_format", "too_many_turns"}  # and never "parser_failed"
        return
    assert event.text
    assert [turn.start_ms for turn in event.turns] == sorted(turn.start_ms for turn in event.turns)
    assert all(turn.text and 0 <= turn.start_ms <= turn.end_ms for turn in event.turns)


@given(st.binary(max_size=2000))
@settings(deadline=None)
def test_any_bytes_become_an_event_or_are_refused(raw: bytes) -> None:
    outcome(raw)


@st.composite
def mutated_samples(draw: st.DrawFn) -> bytes:
    raw = bytearray(draw(st.sampled_from(SAMPLES)))
    pieces = (b"\r\n", b"-->", b'"', b"{", b"}", b"[", b"null", b"-1", b"1e999", b"NaN", b"\\ud800", b"\x00", b"<v ")
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(raw)))
        until = min(len(raw), at + draw(st.integers(0, 40)))
        raw[at:until] = draw(st.binary(max_size=20) | st.sampled_from(pieces))
    return bytes(raw)


@given(mutated_samples())
@settings(max_examples=300, deadline=None)
def test_no_damage_to_a_real_transcript_makes_the_reader_fail(raw: bytes) -> None:
    """Lessons 15, 45: one poisonous file must not stop the others."""
    outcome(raw)


NAMES = """
call transcript Result Sentences StatusText Response Data Status ResultDetail content orderResult orderInfo lattice
json_1best st results items speaker_labels channel_labels channels segments alternatives Transcript Participants
ContactId EventType Segments JobStatus sentences meta transcripts conversationId phrases startTimeMs
"""
KEYS = st.sampled_from(NAMES.split())
SHAPES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("COMPLETED"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=25,
)


@given(st.dictionaries(KEYS, SHAPES, min_size=1, max_size=6))
@settings(max_examples=300, deadline=None)
def test_the_right_names_with_the_wrong_values_do_not_make_it_fail(document: dict[str, object]) -> None:
    outcome(json.dumps(document).encode())


@pytest.mark.parametrize(
    "raw",
    [b"[" * 100_000, b'{"transcript":' * 50_000, json.dumps("[" * 5000).encode(), b'{"Result": ' + b"9" * 5000 + b"}"],
    ids=["lists", "envelopes", "in text", "a long number"],
)
def test_a_document_that_is_too_deep_is_kept_for_a_person(raw: bytes) -> None:
    assert isinstance(parse(raw), Unreadable)


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b'{"call": {"id": "1"', "broken_json"),
        (b'{"some": "json"}', "unknown_format"),
        (b"<?xml version='1.0'?><call/>", "unknown_format"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "unknown_format"),
        (b'{"call": {"id": "1"}, "transcript": {"some": "json"}}', "unknown_format"),
    ],
)
def test_what_nobody_can_read_is_kept_with_its_bytes(raw: bytes, problem: str) -> None:
    """A021. Under the name of its bytes, so that the call's mended transcript is not taken for a copy of it."""
    event = parse(raw)
    assert isinstance(event, Unreadable)
    assert (event.problem, event.raw) == (problem, raw)
    assert event.external_id.startswith("sha256:")


def test_the_call_is_described_by_its_envelope() -> None:
    message = told(**CALL)
    assert message.external_id == "20261120-000419"
    assert [(one.type, one.value) for one in message.contacts] == [(ContactType.MOBILE, "+8613800138000")]
    assert message.from_address == "+8613800138000"
    assert message.particulars.receptionist == "60123"
    assert message.recording == "rec://2026/11/20/000419.wav"
    assert message.problems == ()


def test_the_complaint_was_received_when_the_customer_called() -> None:
    """Law 18: the clock starts on the day of the call, not on that of its transcript."""
    message = told(**CALL)
    assert message.received_at == message.sent_at == datetime(2026, 11, 20, 15, 58, tzinfo=UTC)


@pytest.mark.parametrize(
    "started_at", ["2026-11-23T16:00:01+08:00", "2026-11-20 23:58", "1970-01-01T00:00:00Z", "yesterday", 1795392000]
)
def test_a_time_that_cannot_be_when_the_customer_called_is_left_out(started_at: object) -> None:
    """In the future, without a zone, of a clock that was never set: the day a law's clock starts on is not guessed."""
    message = told(**{**CALL, "started_at": started_at})
    assert message.received_at == RECEIVED_AT
    assert message.sent_at is None
    assert message.problems == ("bad_call_details",)


@pytest.mark.parametrize("caller", ["010-8888 8888", "sip:+861088888888@pbx.bank.example", "00861088888888"])
def test_a_number_of_the_bank_is_no_contact_of_the_customer(caller: str) -> None:
    """Of a call that went out or was put through some systems name it: the bank would promise the date to itself."""
    raw = json.dumps({"call": {"caller": caller}, "transcript": "客户：卡丢了"}).encode()
    message = parsed(raw, reading=wire.Reading(own_numbers=frozenset({"+861088888888"})))
    assert (message.contacts, message.from_address, message.problems) == ((), "", ("no_caller",))


@pytest.mark.parametrize("caller", ["anonymous", "", "95588", "60123", "sip:agent7@pbx.example"])
def test_a_caller_who_cannot_be_called_back_is_no_contact(caller: str) -> None:
    message = told(**{**CALL, "caller": caller})
    assert message.contacts == ()
    assert message.problems == ("no_caller",)


def test_an_odd_field_of_a_call_is_left_out_and_the_words_are_kept() -> None:
    message = told(id={"nested": 1}, caller=["138"], agent="60123\x00\ud800", recording="r")
    assert message.external_id.startswith("sha256:")
    assert message.particulars.receptionist == "60123"
    assert message.text == "卡丢了"
    assert message.problems == ("bad_call_details", "no_caller")


def test_a_sidecar_says_more_than_the_file() -> None:
    raw = b"WEBVTT\n\nNOTE id: from-note\nNOTE\nagent: 7\n\n00:01.000 --> 00:02.000\n<v Customer>Lost card\n"
    message = parsed(raw, sidecar=json.dumps({"id": "from-sidecar", "caller": CALL["caller"]}).encode())
    assert (message.external_id, message.particulars.receptionist) == ("from-sidecar", "7")
    assert parsed(raw).external_id == "from-note"


def test_a_broken_sidecar_costs_only_what_it_would_have_said() -> None:
    message = parsed("客户：卡丢了".encode(), sidecar=b'{"id": ')
    assert message.text == "卡丢了"
    assert "bad_call_details" in message.problems


@pytest.mark.parametrize(
    ("confidences", "is_doubtful"),
    [
        ((0.80, 0.80), False),
        ((0.95, 0.64), True),
        ((0.99, 0.99, 0.99, 0.99, 0.49), True),
        ((0.99, 0.99, 0.99, 0.50), False),
        ((None, None), False),
        ((None, 0.79), True),
    ],
)
def test_a_call_the_recogniser_doubts_is_marked(confidences: tuple[float | None, ...], is_doubtful: bool) -> None:
    """Only the customer's turns count: the agent's stand at 0.1 here."""
    assert ("low_confidence" in parsed(spoken(*confidences)).problems) is is_doubtful


def test_what_counts_as_doubt_is_the_banks_to_say() -> None:
    reading = wire.Reading(least_mean=0.3, least_turn=0.1)
    assert "low_confidence" not in parsed(spoken(0.4, 0.2), reading=reading).problems


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_a_file_from_a_desktop_is_read_whatever_it_was_saved_as(encoding: str, newline: str) -> None:
    raw = newline.join(["坐席：您好", "客户：㐂朱镕基的卡"]).encode(encoding)
    assert [turn.text for turn in parsed(raw).turns] == ["您好", "㐂朱镕基的卡"]


def test_a_byte_that_is_wrong_costs_one_character() -> None:
    message = parsed("客户：我的卡在自动取款机里丢了，没有人管。".encode() + b"\xff")
    assert message.text == "我的卡在自动取款机里丢了，没有人管。\ufffd"
    assert "charset_unreadable" in message.problems


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("客户", Speaker.CUSTOMER),
        ("客户 王先生", Speaker.CUSTOMER),
        ("客戶（王）", Speaker.CUSTOMER),
        ("Customer 2", Speaker.CUSTOMER),
        ("客户经理", Speaker.AGENT),
        ("客服代表李", Speaker.AGENT),
        ("坐席1001", Speaker.AGENT),
        ("AGENT", Speaker.AGENT),
        ("Customer service", Speaker.AGENT),
        ("客服李", Speaker.AGENT),
        ("坐席小王", Speaker.AGENT),
        ("客户张先生", Speaker.CUSTOMER),
        ("系统", Speaker.SYSTEM),
        ("说话人3", Speaker.UNKNOWN),
    ],
)
def test_a_speaker_is_known_by_what_he_is_called(name: str, role: Speaker) -> None:
    assert [(turn.role, turn.text) for turn in parsed(f"{name}：余额不对".encode()).turns] == [(role, "余额不对")]


@pytest.mark.parametrize(
    "words", ["注意", "系统显示", "用户名", "客户端", "客服电话", "用户体验很差", "1", "Caller ID", "https", "10:30"]
)
def test_words_before_a_colon_are_not_a_speaker(words: str) -> None:
    """The customer's words go on: nobody else is given them."""
    assert parsed(f"客户：喂\n{words}：余额不对".encode()).text == f"喂\n{words}：余额不对"


def test_a_subtitle_keeps_words_behind_a_blank_line_too_many() -> None:
    first, second, third = "00:01,000 --> 00:02,000", "00:03,000 --> 00:04,000", "00:05,000 --> 00:06,000"
    raw = f"1\n{first}\n客户：一\n\n二\n2\n{second}\n\n三\n\n四\n{third}\n五\n"
    assert [turn.text for turn in parsed(raw.encode()).turns] == ["一\n二", "三\n四", "五"]


def test_only_the_customers_words_are_the_complaint() -> None:
    """Domain: in a transcript count only the customer's turns; the whole stays readable as a dialogue."""
    message = parsed("客服：您要投诉吗？\n客户：不，我想问利率。".encode())
    assert message.text == "不，我想问利率。"
    assert len(message.turns) == 2


def test_a_transcript_with_too_many_turns_is_kept_for_a_person() -> None:
    event = parse("\n".join(["客户：喂"] * (wire.TURNS + 1)).encode())
    assert isinstance(event, Unreadable)
    assert event.problem == "too_many_turns"


def test_a_saved_file_is_read_without_settings() -> None:
    [event] = read(json.dumps({"call": CALL, "transcript": "客户：卡丢了"}).encode(), "any.name")
    assert isinstance(event, InboundMessage)
    assert event.received_at == event.sent_at == datetime(2026, 11, 20, 15, 58, tzinfo=UTC)


def test_words_in_quotes_are_not_taken_for_json() -> None:
    assert parsed('"保本"是他们说的'.encode()).text == '"保本"是他们说的'
