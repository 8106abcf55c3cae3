"""Tencent Cloud's recognition of recordings (录音文件识别). Milliseconds; the short form has minutes:seconds."""

from __future__ import annotations

import re
from collections.abc import Iterator

from adapters.hotline.formats.decoding import decoded
from adapters.hotline.transcript import (
    Json,
    NotReady,
    Said,
    Transcript,
    milliseconds,
    number,
    objects,
    table,
    text,
    word,
)

_WAITS, _RUNS, _DONE = 0, 1, 2
# "[0:0.020,0:2.380,1]  您好": from, to and, where voices are told apart, which one.
_LINE = re.compile(
    r"\[(\d{1,6}):(\d{1,6}(?:\.\d{1,9})?),(\d{1,6}):(\d{1,6}(?:\.\d{1,9})?)(?:,(\d{1,6}))?\][ \t]*([^\n\[]*)"
)


def recognises(document: Json) -> bool:
    data = _data(document)
    return "ResultDetail" in data or ("Status" in data and "StatusStr" in data) or _error(document)


def read(document: Json) -> Transcript:
    """Read one result: its details, or where there are none the lines of its short form."""
    data = _data(document)
    _check(document, data)
    details = list(objects(decoded(data.get("ResultDetail"))))
    task = word(data.get("TaskId"))
    return Transcript(
        said=[_said(one) for one in details] or list(_lines(text(data.get("Result")))),
        id=f"tencent:{task}" if task else "",
    )


def _data(document: Json) -> Json:
    response = table(decoded(document.get("Response"))) or document
    return table(decoded(response.get("Data"))) or response


def _error(document: Json) -> bool:
    return "Error" in table(document.get("Response"))


def _check(document: Json, data: Json) -> None:
    status = number(data.get("Status", _DONE))
    if status in (_WAITS, _RUNS):
        raise NotReady(problem="transcript_pending")
    if status != _DONE or _error(document):
        raise NotReady(problem="transcript_failed")


def _said(one: Json) -> Said:
    emotion = one.get("EmotionType")
    first = emotion[0] if isinstance(emotion, list) and emotion else emotion
    return Said(
        text=text(one.get("FinalSentence")),
        start_ms=milliseconds(one.get("StartMs")),
        end_ms=milliseconds(one.get("EndMs")),
        label=word(one.get("SpeakerId")),
        emotion=word(first),
    )


def _lines(result: str) -> Iterator[Said]:
    for found in _LINE.finditer(result):
        from_minutes, from_seconds, to_minutes, to_seconds, label, words = found.groups()
        yield Said(
            text=words.strip(),
            start_ms=milliseconds(int(from_minutes) * 60 + float(from_seconds), per=1000),
            end_ms=milliseconds(int(to_minutes) * 60 + float(to_seconds), per=1000),
            label=label or "",
        )
