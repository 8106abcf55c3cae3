"""A call as people write it down: a line for each turn, 客户：... or Agent: ..., with times before it or without."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from adapters.hotline.formats import speakers
from adapters.hotline.transcript import Said, Transcript

_AT = r"[\[(（【]?[ \t]*(?:(\d{1,2})[:：])?(\d{1,3})[:：](\d{2})(?:[.,](\d{1,3}))?[ \t]*[\])）】]?[ \t]*(?=\D|$)"
_TIME = re.compile(_AT)
_NAMED_TIME = re.compile(rf"(?P<who>[^\s：:\[\]][^：:\[\]\n]{{0,28}}?)[ \t]+(?P<at>{_AT})[：:]?[ \t]*(?P<words>.*)")


@dataclass(slots=True)
class _Turn:
    who: str
    at: int | None
    lines: list[str] = field(default_factory=list)


def read(document: str, known: frozenset[str]) -> Transcript:
    """Read a text; without any speaker or time it is one turn of a voice nobody knows.

    A line that names no speaker goes on where the last one stopped. A turn ends when the next one begins; one without a
    time is taken to begin with the one before it, which keeps the order. `known` as in speakers.split.
    """
    turns: list[_Turn] = []
    for line in document.splitlines():
        _take(line.strip(), turns, known)
    return Transcript(said=_said([turn for turn in turns if turn.lines]))


def _take(line: str, turns: list[_Turn], known: frozenset[str]) -> None:
    who, at, words = _parted(line, known)
    if who or at is not None or not turns:
        turns.append(_Turn(who, at))
    if words:
        turns[-1].lines.append(words)


def _parted(line: str, known: frozenset[str]) -> tuple[str, int | None, str]:
    """Return who speaks, when, and what; "" and None for what a line does not say."""
    named = _NAMED_TIME.fullmatch(line)
    if named and speakers.is_speaker(named["who"], known):  # 说话人1 00:12, as meeting recorders write
        return named["who"], _offset(named["at"]), named["words"].strip()
    time = _TIME.match(line)
    rest = line[time.end() :] if time else line
    who, words = speakers.split(rest, known)
    # A bare 10:30 before words is what somebody says, unless a bracket or a speaker shows what it is.
    if time and (who or time[0][:1] in "[(（【"):
        return who, _offset(time[0]), words.strip()
    after = _TIME.match(words)
    if who and after and after[0][:1] in "[(（【":
        return who, _offset(after[0]), words[after.end() :].strip()
    return (who, None, words.strip()) if who else ("", None, line)


def _offset(stamp: str) -> int:
    found = _TIME.match(stamp)
    assert found is not None
    hours, minutes, seconds, fraction = found.groups()
    return ((int(hours or 0) * 60 + int(minutes)) * 60 + int(seconds)) * 1000 + int((fraction or "0").ljust(3, "0"))


def _said(turns: list[_Turn]) -> list[Said]:
    starts: list[int] = []
    for turn in turns:
        starts.append(turn.at if turn.at is not None else starts[-1] if starts else 0)
    ends = [*starts[1:], *starts[-1:]]
    return [
        Said(
            text="\n".join(turn.lines),
            start_ms=start,
            end_ms=max(start, end),
            speaker=speakers.role(turn.who),
            label=turn.who,
        )
        for turn, start, end in zip(turns, starts, ends, strict=True)
    ]
