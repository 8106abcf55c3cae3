"""Amazon: Transcribe, its call analytics, and Connect Contact Lens, as a file or as the events of a stream.

Transcribe's times are seconds as text, all others are milliseconds.
"""

from __future__ import annotations

from adapters.hotline.formats import transcribe
from adapters.hotline.formats.decoding import decoded
from adapters.hotline.transcript import (
    Json,
    NotReady,
    Said,
    Transcript,
    confidence,
    language,
    mean,
    milliseconds,
    objects,
    table,
    text,
    word,
)
from gateway.model import Speaker

STREAM = "EventType"  # of Contact Lens: its events arrive in any order, and only COMPLETED ends a call

_ROLES = {"CUSTOMER": Speaker.CUSTOMER, "AGENT": Speaker.AGENT, "SYSTEM": Speaker.SYSTEM}
_PENDING = ("QUEUED", "IN_PROGRESS")
_JOBS = {"TranscriptionJob": "TranscriptionJobStatus", "CallAnalyticsJob": "CallAnalyticsJobStatus"}


def recognises(document: Json) -> bool:
    return bool(
        transcribe.recognises(document)
        or isinstance(document.get("Transcript"), list)
        or (STREAM in document and "ContactId" in document)
        or document.keys() & _JOBS.keys()
        or "JobStatus" in document
    )


def read(document: Json) -> Transcript:
    """Read one document. One event of a stream counts as a stream of one."""
    if STREAM in document:
        return read_stream([document])
    _check(_status(document))
    if transcribe.recognises(document):
        return transcribe.read(document)
    roles = {
        word(one.get("ParticipantId")): word(one.get("ParticipantRole"))
        for one in objects(document.get("Participants"))
    }
    contact = word(table(document.get("CustomerMetadata")).get("ContactId"))
    job = word(document.get("JobName"))
    return Transcript(
        said=[_said(one, roles) for one in objects(document.get("Transcript"))],
        id=contact or (f"aws:{job}" if job else ""),
        language=language(document.get("LanguageCode")),
    )


def read_stream(events: list[Json]) -> Transcript:
    """Read the events of one call. Of an utterance only its final transcript counts, and that once."""
    kinds = {word(event.get(STREAM)) for event in events}
    if "FAILED" in kinds:
        raise NotReady(problem="transcript_failed")
    if "COMPLETED" not in kinds:
        raise NotReady(problem="transcript_pending")
    finals = [
        table(decoded(segment.get("Transcript"))) for event in events for segment in objects(event.get("Segments"))
    ]
    once = {word(one.get("Id")) or str(at): one for at, one in enumerate(finals) if one}
    calls = {word(event.get("ContactId")) for event in events} - {""}
    return Transcript(
        said=[_said(one, {}) for one in once.values()],
        id=calls.pop() if len(calls) == 1 else "",
        language=next((found for event in events if (found := language(event.get("LanguageCode")))), None),
    )


def _status(document: Json) -> str:
    for job, status in _JOBS.items():
        if job in document:
            return word(table(document[job]).get(status))
    return word(document.get("JobStatus") or document.get("status"))


def _check(status: str) -> None:
    if status in _PENDING:
        raise NotReady(problem="transcript_pending")
    if status == "FAILED":
        raise NotReady(problem="transcript_failed")


def _is_word(item: Json) -> bool:
    return item.get("Type") != "punctuation"  # a mark is not heard: its confidence is 0


def _said(one: Json, roles: dict[str, str]) -> Said:
    who = word(one.get("ParticipantId"))
    role = word(one.get("ParticipantRole")) or roles.get(who) or who
    return Said(
        text=text(one.get("Content")),
        start_ms=milliseconds(one.get("BeginOffsetMillis")),
        end_ms=milliseconds(one.get("EndOffsetMillis")),
        speaker=_ROLES.get(role.upper()),
        label=who,
        confidence=mean([confidence(item.get("Confidence")) for item in objects(one.get("Items")) if _is_word(item)]),
        emotion=word(one.get("Sentiment")).lower(),
    )
