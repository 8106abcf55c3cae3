"""Amazon Transcribe's own form: words and marks in one list, and beside it who spoke when. Seconds, as text."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from adapters.hotline.transcript import (
    Json,
    Said,
    Transcript,
    confidence,
    joined,
    language,
    mean,
    milliseconds,
    objects,
    table,
    text,
    word,
)

PAUSE_MS = 1000  # in one channel, after which another turn begins


@dataclass(slots=True)
class _Turn:
    label: str
    start_ms: int
    end_ms: int
    words: list[str] = field(default_factory=list)
    confidences: list[float | None] = field(default_factory=list)

    def add(self, item: Json) -> None:
        best = next(objects(item.get("alternatives")), {})
        written = text(best.get("content"))
        if item.get("type") != "punctuation":
            self.confidences.append(confidence(best.get("confidence")))
            self.words.append(written)
        elif self.words:
            self.words[-1] += written

    def said(self) -> Said:
        return Said(
            text=joined([one for one in self.words if one]),
            start_ms=self.start_ms,
            end_ms=self.end_ms,
            label=self.label,
            confidence=mean(self.confidences),
        )


def recognises(document: Json) -> bool:
    results = table(document.get("results"))
    return bool({"items", "transcripts", "speaker_labels", "channel_labels"} & results.keys())


def read(document: Json) -> Transcript:
    """Read a result whose speakers were told apart by voice or by channel, or not at all."""
    results = table(document.get("results"))
    items = list(objects(results.get("items")))
    segments = list(objects(table(results.get("speaker_labels")).get("segments")))
    channels = list(objects(table(results.get("channel_labels")).get("channels")))
    if segments:
        turns = _by_voice(items, segments)
    elif channels:
        turns = [turn for one in channels for turn in _by_pause(one)]
    else:
        turns = _by_pause({"items": items})
    said = [turn.said() for turn in turns]
    job = word(document.get("jobName"))
    return Transcript(
        said=said if any(one.text for one in said) else list(_whole(results)),
        id=f"aws:{job}" if job else "",
        language=language(results.get("language_code")),
    )


def _by_voice(items: Sequence[Json], segments: Sequence[Json]) -> list[_Turn]:
    """Put each word into the segment that names its start; a mark follows the word before it."""
    turns = [_turn(segment, word(segment.get("speaker_label"))) for segment in segments]
    where: defaultdict[object, deque[_Turn]] = defaultdict(deque)
    for turn, segment in zip(turns, segments, strict=True):
        for inner in objects(segment.get("items")):
            where[inner.get("start_time")].append(turn)
    current = turns[0]
    for item in items:
        if item.get("type") != "punctuation":
            named = where.get(item.get("start_time"))
            current = named.popleft() if named else _around(turns, item, current)
        current.add(item)
    return turns


def _around(turns: Sequence[_Turn], item: Json, otherwise: _Turn) -> _Turn:
    """Return the segment in whose time a word lies that no segment names: a word is never dropped."""
    at = _moment(item, "start_time")
    return next((turn for turn in turns if turn.start_ms <= at < turn.end_ms), otherwise)


def _by_pause(channel: Json) -> list[_Turn]:
    turns: list[_Turn] = []
    label = word(channel.get("channel_label"))
    for item in objects(channel.get("items")):
        is_word = item.get("type") != "punctuation"
        if not turns or (is_word and _moment(item, "start_time") - turns[-1].end_ms >= PAUSE_MS):
            turns.append(_turn(item, label))
        turns[-1].add(item)
        if is_word:
            turns[-1].end_ms = _moment(item, "end_time")
    return turns


def _turn(timed: Json, label: str) -> _Turn:
    return _Turn(
        label=label,
        start_ms=_moment(timed, "start_time"),
        end_ms=_moment(timed, "end_time"),
    )


def _moment(timed: Json, name: str) -> int:
    return milliseconds(timed.get(name), per=1000) or 0


def _whole(results: Json) -> Iterator[Said]:
    for one in objects(results.get("transcripts")):
        yield Said(text=text(one.get("transcript")), start_ms=0, end_ms=0)
