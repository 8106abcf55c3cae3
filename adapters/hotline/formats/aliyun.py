"""Alibaba Cloud's recognition of recordings (录音文件识别). Times are milliseconds; channels overlap."""

from __future__ import annotations

from adapters.hotline.formats.decoding import decoded
from adapters.hotline.transcript import Json, NotReady, Said, Transcript, milliseconds, objects, table, text, word

_PENDING = ("QUEUEING", "RUNNING")
_EMPTY = "SUCCESS_WITH_NO_VALID_FRAGMENT"


def recognises(document: Json) -> bool:
    return "StatusText" in document or "Sentences" in document or "Sentences" in table(document.get("Result"))


def read(document: Json) -> Transcript:
    """Read one result. The label is the channel where there are two, else the voice told apart in one."""
    _check(word(document.get("StatusText")) or "SUCCESS")
    result = table(decoded(document.get("Result"))) or document
    sentences = list(objects(result.get("Sentences")))
    channels = {word(one.get("ChannelId")) for one in sentences}
    label = "ChannelId" if len(channels) > 1 else "SpeakerId"
    task = word(document.get("TaskId"))
    return Transcript(
        said=[
            Said(
                text=text(one.get("Text")),
                start_ms=milliseconds(one.get("BeginTime")),
                end_ms=milliseconds(one.get("EndTime")),
                label=word(one.get(label)),
                emotion=_emotion(one.get("EmotionValue")),
            )
            for one in sentences
        ],
        id=f"aliyun:{task}" if task else "",
    )


def _check(status: str) -> None:
    if status in _PENDING:
        raise NotReady(problem="transcript_pending")
    if status == _EMPTY:
        raise NotReady(problem="transcript_empty")
    if status != "SUCCESS":
        raise NotReady(problem="transcript_failed")


def _emotion(value: object) -> str:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value)[:20] if is_number else word(value)
