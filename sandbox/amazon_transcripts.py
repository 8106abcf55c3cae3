"""How Amazon writes a dialogue: Transcribe, call analytics, Contact Lens as a file and as a stream."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from gateway.model import Speaker
from sandbox import spoken
from sandbox.spoken import Line, Lines

_ROLES = {Speaker.CUSTOMER: "CUSTOMER", Speaker.AGENT: "AGENT", Speaker.SYSTEM: "SYSTEM"}


def transcribe(lines: Lines) -> bytes:
    segments: list[dict[str, Any]] = []
    timed: list[tuple[int, dict[str, Any]]] = []
    for line in lines:
        label = "spk_1" if line.speaker is Speaker.CUSTOMER else "spk_0"
        span = {
            "start_time": spoken.seconds(line.start_ms),
            "end_time": spoken.seconds(line.end_ms),
            "speaker_label": label,
        }
        items = list(_transcribe_items(line))
        words = [item for _, item in items if item["type"] == "pronunciation"]
        inner = [
            {"start_time": item["start_time"], "end_time": item["end_time"], "speaker_label": label} for item in words
        ]
        segments.append({**span, "items": inner})
        timed += items
    results = {
        "language_code": "zh-CN",
        "transcripts": [{"transcript": "".join(line.text for line in lines)}],
        "speaker_labels": {"speakers": 2, "channel_label": "ch_0", "segments": segments},
        "items": [item for _, item in sorted(timed, key=lambda one: one[0])],
    }
    name = f"call-{spoken.job_of(spoken.as_text(results))}"
    return spoken.encoded({"jobName": name, "accountId": "000000000000", "results": results, "status": "COMPLETED"})


def _transcribe_items(line: Line) -> Iterable[tuple[int, dict[str, Any]]]:
    pieces = spoken.parts(line.text)
    step = (line.end_ms - line.start_ms) / max(1, len(pieces))
    at = line.start_ms
    for number, piece in enumerate(pieces):
        best = {"content": piece.text, "confidence": "0.0" if piece.is_mark else f"{line.confidence or 0.99}"}
        if piece.is_mark:
            yield at, {"type": "punctuation", "alternatives": [best]}
            continue
        at = round(line.start_ms + number * step)
        until = spoken.seconds(round(line.start_ms + (number + 1) * step))
        yield (
            at,
            {"type": "pronunciation", "start_time": spoken.seconds(at), "end_time": until, "alternatives": [best]},
        )


def _analytics_entry(line: Line, number: int, who: Mapping[str, str]) -> dict[str, Any]:
    item = {
        "Type": "pronunciation",
        "Content": line.text,
        "BeginOffsetMillis": line.start_ms,
        "EndOffsetMillis": line.end_ms,
    }
    confident = {} if line.confidence is None else {"Items": [{**item, "Confidence": f"{line.confidence}"}]}
    return {
        "Id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{number}")),
        **who,
        "Content": line.text,
        "BeginOffsetMillis": line.start_ms,
        "EndOffsetMillis": line.end_ms,
        "Sentiment": "NEGATIVE" if line.speaker is Speaker.CUSTOMER else "NEUTRAL",
        "LoudnessScores": [72.1],
        **confident,
    }


def call_analytics(lines: Lines) -> bytes:
    entries = [_analytics_entry(line, at, {"ParticipantRole": _ROLES[line.speaker]}) for at, line in enumerate(lines)]
    return spoken.encoded(
        {
            "JobStatus": "COMPLETED",
            "JobName": f"call-{spoken.job_of(spoken.as_text(entries))}",
            "LanguageCode": "zh-CN",
            "Transcript": entries,
            "Channel": "VOICE",
            "Categories": {"MatchedCategories": [], "MatchedDetails": {}},
            "ConversationCharacteristics": {"TotalConversationDurationMillis": 60000},
        }
    )


def contact_lens(lines: Lines) -> bytes:
    entries = [_analytics_entry(line, at, {"ParticipantId": _ROLES[line.speaker]}) for at, line in enumerate(lines)]
    people = [{"ParticipantId": role, "ParticipantRole": role} for role in ("AGENT", "CUSTOMER")]
    return spoken.encoded(
        {
            "Version": "1.1.0",
            "JobStatus": "COMPLETED",
            "LanguageCode": "zh-CN",
            "CustomerMetadata": {"ContactId": spoken.call_of(lines)},
            "Participants": people,
            "Transcript": entries,
        }
    )


def contact_lens_stream(lines: Lines) -> bytes:
    """The events of one call, a line for each: what was said last comes first, and utterances that are not final."""
    contact = {"Version": "1.0.0", "Channel": "VOICE", "ContactId": spoken.call_of(lines), "LanguageCode": "zh-CN"}
    events: list[dict[str, Any]] = [{**contact, "EventType": "STARTED"}]
    for at, line in reversed(list(enumerate(lines))):
        role = _ROLES[line.speaker]
        entry = _analytics_entry(line, at, {"ParticipantId": role, "ParticipantRole": role})
        partial = {"Id": "u", "TranscriptId": entry["Id"], "ParticipantRole": role, "PartialContent": line.text[:3]}
        events.append({**contact, "EventType": "SEGMENTS", "Segments": [{"Utterance": partial}]})
        events.append({**contact, "EventType": "SEGMENTS", "Segments": [{"Transcript": entry}]})
    events.append({**contact, "EventType": "COMPLETED"})
    return b"\n".join(map(spoken.encoded, events))
