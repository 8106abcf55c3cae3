"""Twilio Intelligence: the sentences of a transcript. Seconds, as text. The label is the recording's channel."""

from __future__ import annotations

import re

from adapters.hotline.transcript import (
    Json,
    NotReady,
    Said,
    Transcript,
    confidence,
    language,
    milliseconds,
    objects,
    table,
    text,
    word,
)

_PENDING = ("new", "queued", "in-progress")
_FAILED = ("failed", "canceled", "error")
_TRANSCRIPT = re.compile(r"/Transcripts/(GT[0-9a-f]{32})")
_SID = re.compile(r"GT[0-9a-f]{32}")


def recognises(document: Json) -> bool:
    return _sentences(document) or _is_resource(document)


def read(document: Json) -> Transcript:
    """Read a list of sentences. A transcript resource has only a status; one page of several is not the whole call."""
    if not _sentences(document):
        raise NotReady(problem=_reason(word(document.get("status"))))
    meta = table(document.get("meta"))
    if meta.get("next_page_url"):
        raise NotReady(problem="transcript_incomplete")
    named = _TRANSCRIPT.search(f"{meta.get('url', '')}")
    return Transcript(
        said=[
            Said(
                text=text(one.get("transcript")),
                start_ms=milliseconds(one.get("start_time"), per=1000),
                end_ms=milliseconds(one.get("end_time"), per=1000),
                label=word(one.get("media_channel")),
                confidence=confidence(one.get("confidence")),
            )
            for one in objects(document.get("sentences"))
        ],
        id=f"twilio:{named[1]}" if named else "",
        language=language(document.get("language_code")),
    )


def _sentences(document: Json) -> bool:
    return isinstance(document.get("sentences"), list)


def _is_resource(document: Json) -> bool:
    return "status" in document and bool(_SID.fullmatch(word(document.get("sid"))))


def _reason(status: str) -> str:
    if status in _PENDING:
        return "transcript_pending"
    return "transcript_failed" if status in _FAILED else "transcript_empty"
