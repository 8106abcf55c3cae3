"""Genesys Cloud: the transcripts of a conversation. A phrase starts at milliseconds, of the call or of the epoch."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from adapters.hotline.transcript import (
    LONGEST_MS,
    Json,
    Said,
    Transcript,
    confidence,
    language,
    milliseconds,
    number,
    objects,
    table,
    text,
    word,
)
from gateway.model import Speaker

_PURPOSES = {
    "external": Speaker.CUSTOMER,
    "customer": Speaker.CUSTOMER,
    "internal": Speaker.AGENT,
    "agent": Speaker.AGENT,
    "user": Speaker.AGENT,
    "ivr": Speaker.SYSTEM,
    "acd": Speaker.SYSTEM,
    "bot": Speaker.SYSTEM,
}


def recognises(document: Json) -> bool:
    return isinstance(document.get("transcripts"), list) and ("conversationId" in document or "mediaType" in document)


def read(document: Json) -> Transcript:
    """Read all transcripts of a conversation as one call."""
    parts = list(objects(document.get("transcripts")))
    began = _began(document, parts)
    tags = [part.get("language") for part in parts]
    return Transcript(
        said=[said for part in parts for said in _said(part, began)],
        id=word(document.get("conversationId")),
        language=language(tags[0]) if tags else None,
    )


def _began(document: Json, parts: list[Json]) -> float:
    """Return when the conversation began, in milliseconds of the epoch: as it says, or its first phrase."""
    stated = _epoch(document.get("conversationStartTime"))
    starts = [_epoch(phrase.get("startTimeMs")) for part in parts for phrase in objects(part.get("phrases"))]
    return stated or min((start for start in starts if start > LONGEST_MS), default=0.0)


def _epoch(value: object) -> float:
    if isinstance(value, str) and "T" in value:
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return 0.0
        return moment.timestamp() * 1000 if moment.tzinfo else 0.0
    return number(value) or 0.0


def _said(part: Json, began: float) -> Iterator[Said]:
    moods = {
        number(one.get("phraseIndex")): one.get("sentiment")
        for one in objects(table(part.get("analytics")).get("sentiment"))
    }
    for index, phrase in enumerate(objects(part.get("phrases"))):
        start = _epoch(phrase.get("startTimeMs"))
        start_ms = milliseconds(start - began if start > LONGEST_MS else start)
        mood = moods.get(number(phrase.get("phraseIndex", index)))
        yield Said(
            text=text(phrase.get("decoratedText")) or text(phrase.get("text")),
            start_ms=start_ms,
            end_ms=None if start_ms is None else start_ms + _duration(phrase),
            speaker=_PURPOSES.get(word(phrase.get("participantPurpose")).lower()),
            confidence=confidence(phrase.get("confidence")),
            emotion="" if number(mood) is None else f"{number(mood):g}",
        )


def _duration(phrase: Json) -> int:
    said = phrase.get("duration")
    return milliseconds(said.get("milliseconds") if isinstance(said, dict) else said or phrase.get("durationMs")) or 0
