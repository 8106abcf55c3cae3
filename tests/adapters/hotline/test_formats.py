"""Every format gives back the dialogue that was spoken, whoever wrote it down. Whole files are in samples/."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.hotline import wire
from adapters.hotline.transcript import NotReady
from gateway.model import InboundMessage, Speaker, Turn, Unreadable
from sandbox import transcripts
from sandbox.transcripts import Line

RECEIVED_AT = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
READING = wire.Reading(
    customer={**wire.LABELS, **{name: frozenset(labels) for name, labels in transcripts.CUSTOMER.items()}}
)
CONFIDENT = {"aws_transcribe", "aws_call_analytics", "contact_lens", "contact_lens_stream", "twilio", "genesys"}
WITHOUT_VOICES = {"aliyun_mono"}

COMPLAINT = (
    Line(speaker=Speaker.AGENT, text="您好，请讲。", start_ms=0, end_ms=1500, confidence=0.97),
    Line(speaker=Speaker.CUSTOMER, text="说好保本，现在亏了！", start_ms=1400, end_ms=5200, confidence=0.91),
    Line(speaker=Speaker.AGENT, text="您别急。", start_ms=4000, end_ms=4800, confidence=0.95),
    Line(speaker=Speaker.CUSTOMER, text="去年3月在你们柜台买的，20万。", start_ms=5300, end_ms=9100, confidence=0.41),
)


def parse(raw: bytes, reading: wire.Reading = READING) -> InboundMessage | Unreadable:
    return wire.parse(raw, source="line", received_at=RECEIVED_AT, reading=reading)


def parsed(raw: bytes, reading: wire.Reading = READING) -> InboundMessage:
    message = parse(raw, reading)
    assert isinstance(message, InboundMessage), message
    return message


def expected(lines: Sequence[Line], name: str) -> list[tuple[object, ...]]:
    def end(at: int) -> int:
        if name != "text":
            return lines[at].end_ms
        return lines[min(at + 1, len(lines) - 1)].start_ms  # a turn's end is not written there

    return [
        (
            Speaker.UNKNOWN if name in WITHOUT_VOICES else line.speaker,
            line.start_ms,
            end(at),
            line.text,
            line.confidence if name in CONFIDENT else None,
        )
        for at, line in enumerate(lines)
    ]


def heard(turns: Sequence[Turn], digits: int = 6) -> list[tuple[object, ...]]:
    return [
        (t.role, t.start_ms, t.end_ms, t.text, None if t.confidence is None else round(t.confidence, digits))
        for t in turns
    ]


WORDS = st.sampled_from(
    ("说好保本", "现在亏了", "Apple Pay", "300元", "3.5%", "A&B", "<br>", "，", "。", "？", "我要投诉", "95559", "C++")
)
CLEAN = st.lists(WORDS, min_size=1, max_size=6).map("".join)


@st.composite
def dialogues(draw: st.DrawFn) -> list[Line]:
    """Both speak, in any order, over each other as they like; no two begin in the same millisecond."""
    starts = sorted(draw(st.sets(st.integers(0, 3_000_000), min_size=2, max_size=8)))
    lines = []
    for at, start in enumerate(starts):
        anybody = draw(st.sampled_from((Speaker.CUSTOMER, Speaker.AGENT)))
        speaker = (Speaker.AGENT, Speaker.CUSTOMER)[at] if at < 2 else anybody
        text = draw(st.lists(st.sampled_from("说好保本现在亏了元"), min_size=1, max_size=8).map("".join))
        text += draw(st.sampled_from(("", "。", "，对吗？", "300元", "3.5%！")))
        confidence = round(draw(st.floats(0.01, 1)), 3)
        end = start + draw(st.integers(20, 20_000))
        lines.append(Line(speaker=speaker, text=text, start_ms=start, end_ms=end, confidence=confidence))
    return lines


@pytest.mark.parametrize("name", transcripts.FORMATS)
@given(lines=dialogues())
@settings(max_examples=25, deadline=None)
def test_a_dialogue_comes_back_turn_for_turn_from_every_format(name: str, lines: list[Line]) -> None:
    """In order of time, overlaps kept, each turn its speaker's."""
    message = parsed(transcripts.FORMATS[name](lines))
    assert heard(message.turns) == expected(lines, name)
    spoken = [line.text for line in lines if line.speaker is Speaker.CUSTOMER or name in WITHOUT_VOICES]
    assert message.text == "\n".join(spoken)


@pytest.mark.parametrize("name", ["webvtt", "srt", "twilio", "genesys", "aws_call_analytics"])
@given(words=st.lists(CLEAN, min_size=2, max_size=5))
@settings(max_examples=25, deadline=None)
def test_words_come_back_as_they_were_written(name: str, words: list[str]) -> None:
    """Entities, angle brackets, marks: a subtitle escapes them, JSON does not."""
    speakers = (Speaker.AGENT, Speaker.CUSTOMER)
    lines = [
        Line(speaker=speakers[at % 2], text=f"好{text}", start_ms=at * 1000, end_ms=at * 1000 + 500)
        for at, text in enumerate(words)
    ]
    if name == "srt":  # which knows no escapes: what looks like a tag is one
        lines = [line for line in lines if "<" not in line.text]
    if not lines:
        return
    turns = parsed(transcripts.FORMATS[name](lines)).turns
    assert [turn.text for turn in turns] == [line.text for line in lines]


@pytest.mark.parametrize("name", sorted(CONFIDENT))
def test_the_doubtful_turn_is_marked_and_a_person_has_to_listen(name: str) -> None:
    """An elderly customer by telephone: the recogniser is not sure of one turn (lesson 2)."""
    message = parsed(transcripts.FORMATS[name](COMPLAINT))
    assert message.text == "说好保本，现在亏了！\n去年3月在你们柜台买的，20万。"
    assert "low_confidence" in message.problems
    doubtful = [turn.text for turn in message.turns if turn.confidence is not None and turn.confidence < 0.5]
    assert doubtful == ["去年3月在你们柜台买的，20万。"]


@pytest.mark.parametrize("name", transcripts.FORMATS)
def test_two_who_speak_at_once_are_both_kept(name: str) -> None:
    turns = parsed(transcripts.FORMATS[name](COMPLAINT)).turns
    assert [turn.start_ms for turn in turns] == [0, 1400, 4000, 5300]
    if name != "text":  # the only one that does not say when a turn ends
        assert turns[1].end_ms > turns[2].start_ms


@pytest.mark.parametrize("name", transcripts.NOT_READY)
def test_a_result_without_words_is_refused_with_its_reason(name: str) -> None:
    raw, reason = transcripts.NOT_READY[name]
    with pytest.raises(NotReady) as refused:
        parse(raw)
    assert refused.value.problem == reason


@pytest.mark.parametrize("name", transcripts.FORMATS)
def test_a_format_is_known_by_its_content_also_within_text_and_in_an_envelope(name: str) -> None:
    raw = transcripts.FORMATS[name](COMPLAINT)
    plain = parsed(raw)
    if not raw.isascii() and name == "text":
        raw = raw.decode("gb18030").encode()
    in_text = json.dumps(json.dumps(raw.decode("utf-8-sig"))).encode()
    enveloped = json.dumps({"call": {"id": "c-7"}, "transcript": raw.decode("utf-8-sig")}).encode()
    assert parsed(in_text).turns == plain.turns
    assert parsed(enveloped).turns == plain.turns
    assert parsed(enveloped).external_id == "c-7"


@pytest.mark.parametrize("name", ["aliyun", "tencent", "iflytek", "aws_transcribe"])
def test_nobody_is_taken_for_the_customer_before_the_bank_says_who_is(name: str) -> None:
    """No vendor says which channel or voice is whose: a wrong guess would make the agent's words the complaint."""
    message = parsed(transcripts.FORMATS[name](COMPLAINT), wire.Reading())
    assert {turn.role for turn in message.turns} == {Speaker.UNKNOWN}
    assert "speakers_unknown" in message.problems
    assert all(line.text in message.text for line in COMPLAINT)


def test_the_same_result_asked_for_twice_is_one_call() -> None:
    """Each answer of a recogniser has a request id of its own: its bytes differ, its task does not."""
    first, second = transcripts.FORMATS["tencent"](COMPLAINT), transcripts.FORMATS["tencent"](COMPLAINT)
    assert first != second
    assert parsed(first).external_id == parsed(second).external_id
    assert parsed(transcripts.FORMATS["srt"](COMPLAINT)).external_id.startswith("sha256:")
