"""WebVTT and SRT in one reader, because real files are neither cleanly. It drops no words, whatever is wrong with them.

The libraries there are do: webvtt-py 0.6.0 refuses a file without its first line, drops cues with a comma in their time
and text after a blank line, and makes one voice of two; srt 3.5.3 takes the minutes of a time without hours for hours.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from adapters.hotline.formats import speakers
from adapters.hotline.transcript import Said, Transcript, language

_STAMP = r"(?:(\d{1,3}):)?(\d{1,2}):(\d{1,2})(?:[.,](\d{1,3}))?"
_TIMING = re.compile(rf"[ \t]*{_STAMP}[ \t]*-{{1,2}}>[ \t]*{_STAMP}(?:[ \t]+[a-z]+:\S+)*[ \t]*", re.IGNORECASE)
_VOICE = re.compile(r"<v(?:\.[^\s<>]{0,200})?[ \t]+([^<>\n]{1,200})>", re.IGNORECASE)
_TAG = re.compile(r"</?(?:[vcibu]|ruby|rt|lang|font)(?:[.\s][^<>\n]{0,200})?>|<[\d:.]{5,15}>", re.IGNORECASE)
_ASIDE = re.compile(r"(NOTE|STYLE|REGION)(?:[ \t:].*)?$")
_LANGUAGE = re.compile(r"Language:[ \t]*([\w-]{2,20})[ \t]*$", re.IGNORECASE)


@dataclass(slots=True)
class _Cue:
    start_ms: int
    end_ms: int
    lines: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Reading:
    cues: list[_Cue] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    aside: str = ""  # NOTE, STYLE or REGION while inside one
    index: int = 0  # the number of the last cue, where they are numbered
    is_vtt: bool = False  # only there is a name of a cue more than its number


def recognises(document: str) -> bool:
    return document.startswith("WEBVTT") or any(_TIMING.fullmatch(line) for line in document.splitlines())


def read(document: str, known: frozenset[str]) -> tuple[Transcript, tuple[str, ...]]:
    """Read a file; return its turns and the lines of its notes. `known` as in speakers.split."""
    lines = document.splitlines()
    header = _header(lines)
    reading = _Reading(is_vtt=bool(header))
    for at in range(len(header), len(lines)):
        _take(lines, at, reading)
    tags = [found[1] for line in header if (found := _LANGUAGE.match(line))]
    said = [one for cue in reading.cues for one in _voices(cue, known)]
    return Transcript(said=said, language=language(tags[0]) if tags else None), tuple(reading.notes)


def _header(lines: list[str]) -> list[str]:
    """Return the lines before the first blank one or the first cue of a file that begins with WEBVTT."""
    if not lines or not lines[0].startswith("WEBVTT"):
        return []
    ends = (at for at, line in enumerate(lines) if not line.strip() or _TIMING.fullmatch(line))
    return lines[: next(ends, len(lines))]


def _take(lines: list[str], at: int, reading: _Reading) -> None:
    line = lines[at]
    if timing := _TIMING.fullmatch(line):
        reading.cues.append(_Cue(_offset(timing.groups()[:4]), _offset(timing.groups()[4:])))
        reading.aside = ""
    elif not line.strip():
        reading.aside = ""
    elif not _is_identifier(lines, at, reading):
        _take_words(line, reading, begins=at == 0 or not lines[at - 1].strip())


def _take_words(line: str, reading: _Reading, *, begins: bool) -> None:
    aside = _ASIDE.match(line) if begins else None
    if aside:
        reading.aside = aside[1]
        line = line[len(aside[1]) :]
    if reading.aside:
        if reading.aside == "NOTE":
            reading.notes.append(line.strip(": \t"))
    else:
        if not reading.cues:
            reading.cues.append(_Cue(0, 0))
        reading.cues[-1].lines.append(line.strip())


def _is_identifier(lines: list[str], at: int, reading: _Reading) -> bool:
    """Say whether a line names the cue below it: it follows a blank one, or is the number that is due."""
    if at + 1 >= len(lines) or not _TIMING.fullmatch(lines[at + 1]):
        return False
    word = lines[at].strip()
    is_number = word.isascii() and word.isdigit() and len(word) < 10
    is_due = is_number and int(word) == reading.index + 1
    follows_blank = at == 0 or not lines[at - 1].strip()
    if is_number and (is_due or follows_blank):
        reading.index = int(word)
    # Behind a cue without words such a line is its words: a blank line too many, not a name.
    is_missed = bool(reading.cues) and not reading.cues[-1].lines
    return is_due or (follows_blank and not is_missed and (is_number or reading.is_vtt))


def _offset(parts: tuple[str | None, ...]) -> int:
    hours, minutes, seconds, fraction = parts
    whole = (int(hours or 0) * 60 + int(minutes or 0)) * 60 + int(seconds or 0)
    return whole * 1000 + int((fraction or "0").ljust(3, "0"))


def _voices(cue: _Cue, known: frozenset[str]) -> Iterator[Said]:
    """Yield what each voice of a cue says; a prefix speaks where there is no voice tag."""
    first, *rest = _VOICE.split("\n".join(cue.lines))
    yield from _prefixed(cue, _plain(first), known)
    for name, words in zip(rest[::2], rest[1::2], strict=True):
        who = html.unescape(name).strip()
        yield _one(cue, who, _plain(words))


def _prefixed(cue: _Cue, words: str, known: frozenset[str]) -> Iterator[Said]:
    who, pieces = "", list[str]()
    for line in words.splitlines():
        named, spoken = speakers.split(line, known)
        if named:
            yield _one(cue, who, "\n".join(pieces))
            who, pieces = named, []
        pieces.append(spoken)
    yield _one(cue, who, "\n".join(pieces))


def _plain(words: str) -> str:
    return html.unescape(_TAG.sub("", words)).strip()


def _one(cue: _Cue, who: str, words: str) -> Said:
    return Said(
        text=words.strip(),
        start_ms=cue.start_ms,
        end_ms=max(cue.start_ms, cue.end_ms),
        speaker=speakers.role(who),
        label=who,
    )
