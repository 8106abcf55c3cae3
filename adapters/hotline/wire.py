"""A transcript of a call, in whatever format and wrapping it comes, to an inbound event. Pure and bounded.

Which formats there are is in formats/; who calls and where files lie is not known here.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from adapters.hotline import call as calls
from adapters.hotline.formats import aws, dialogue, subtitles
from adapters.hotline.formats.decoding import characters, decoded, parsed
from adapters.hotline.formats.recognition import OF_JSON
from adapters.hotline.transcript import PIECES, Call, Json, NotReady, Said, TooLong, Transcript, mean, table
from gateway.model import (
    ChannelKind,
    Contact,
    ContactType,
    InboundEvent,
    InboundMessage,
    Particulars,
    Speaker,
    Turn,
    Unreadable,
)
from gateway.rules.addresses import is_landline, normal_phone

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ANY_TIME = datetime.max.replace(tzinfo=UTC)  # no call begins after it
TEXT = "text"  # the name under which subtitles and dialogues have their labels
# Twilio takes channel 1 for the agent and 2 for the customer unless told otherwise (Voice Intelligence, best
# practices). No other vendor says which channel or voice is whose.
LABELS: Mapping[str, frozenset[str]] = {"twilio": frozenset({"2"})}
TURNS = 20_000  # beyond it is no call

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_SCHEME = re.compile(r"(?:tel|sips?):([^@;]+).*", re.IGNORECASE | re.DOTALL)


class Unrecognised(Exception):
    """No reader knows this document: the stable word says how."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How an operator wants transcripts to be read."""

    customer: Mapping[str, frozenset[str]] = field(default_factory=lambda: LABELS)  # format -> the customer's labels
    country: str = "CN"  # ISO 3166, of a caller's number without one
    own_numbers: frozenset[str] = frozenset()  # of the bank, in E.164 form: no customer is reached there
    least_mean: float = 0.80  # confidence of the customer's turns, below which a person has to listen
    least_turn: float = 0.50


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    transcript: Transcript
    format: str
    call: Call


def parse(
    raw: bytes, *, source: str, received_at: datetime, reading: Reading, sidecar: bytes = b""
) -> InboundMessage | Unreadable:
    """Read one transcript, alone or in an envelope; `sidecar` is what else is told about its call, as JSON.

    `received_at` is when the transcript came. The complaint itself was received when the call began (law 18), where
    that is told and not in the future. Raises NotReady for a result that is pending, failed, incomplete or empty:
    nobody has said anything yet.
    """

    def unreadable(problem: str) -> Unreadable:
        return Unreadable(
            source=source,
            channel=ChannelKind.HOTLINE,
            # Never the call's id: the mended transcript of this call has to be taken in after it.
            external_id=external_id(raw),
            received_at=received_at,
            raw=raw,
            problem=problem,
        )

    document, lossless = characters(raw)
    try:
        found = _in_text(document, reading)
        told = calls.together(_told(sidecar), found.call)
        turns = _turns(found, reading)
        message = _message(raw, found, told, turns, reading, source, received_at)
    except NotReady:
        raise
    except Unrecognised as error:
        return unreadable(str(error))
    except TooLong:
        return unreadable("too_many_turns")
    except Exception:
        # The last resort: a fault of ours on one odd document must not stop the others.
        return unreadable("parser_failed")
    return message if lossless else replace(message, problems=tuple(sorted({*message.problems, "charset_unreadable"})))


def read(data: bytes, name: str) -> Iterable[InboundEvent]:
    """Read a file that holds one transcript. Without a clock it counts as received when the call began, or in 1970.

    Raises NotReady as `parse` does.
    """
    event = parse(data, source="file", received_at=_ANY_TIME, reading=Reading())
    return [replace(event, received_at=EPOCH) if event.received_at == _ANY_TIME else event]


def external_id(raw: bytes) -> str:
    """Name a transcript by its bytes, where nobody says which call it is of."""
    return f"sha256:{hashlib.sha256(raw).hexdigest()}"


def _in_text(document: str, reading: Reading) -> _Found:
    """Find the format of a text. Raises Unrecognised with a stable word, and NotReady."""
    stripped = document.strip("\ufeff \t\r\n")
    if not stripped:
        raise NotReady(problem="transcript_empty")
    if stripped.count("\n") > PIECES:
        raise TooLong
    known = reading.customer.get(TEXT, frozenset())
    if subtitles.recognises(stripped):
        transcript, notes = subtitles.read(stripped, known)
        return _Found(transcript=transcript, format=TEXT, call=calls.noted(notes))
    value = _json_of(stripped, known)
    if value is not None:
        return _in_json(value, reading)
    if stripped.startswith("<") or _CONTROL.search(stripped) or stripped.count("\ufffd") * 10 > len(stripped):
        raise Unrecognised("unknown_format")
    return _Found(transcript=dialogue.read(stripped, known), format=TEXT, call=Call())


def _json_of(document: str, known: frozenset[str]) -> Any:
    """Return what a text holds as JSON; None for one that is none, and does not try to be."""
    if not document.startswith(("{", "[", '"')):
        return None
    try:
        return decoded(parsed(document))
    except ValueError:
        if document.startswith('"') or _is_dialogue(document, known):
            return None
        raise Unrecognised("broken_json") from None


def _is_dialogue(document: str, known: frozenset[str]) -> bool:
    """Say whether a text that begins like JSON is none: [00:12] 客户：..."""
    said = () if document.startswith("{") else dialogue.read(document, known).said
    return any(one.speaker or one.start_ms for one in said)


def _in_json(document: Any, reading: Reading) -> _Found:
    if isinstance(document, str):
        return _in_text(document, reading)
    if isinstance(document, list) and len(document) == 1:
        document = document[0]
    if isinstance(document, list):
        return _stream(document)
    document = table(document)
    for one in OF_JSON:
        if one.recognises(document):
            return _Found(transcript=one.read(document), format=one.name, call=Call())
    if "transcript" in document:
        return _enveloped(document, reading)
    raise Unrecognised("unknown_format")


def _stream(events: Sequence[object]) -> _Found:
    found = [table(event) for event in events]
    if not found or not all(aws.STREAM in event for event in found):
        raise Unrecognised("unknown_format")
    return _Found(transcript=aws.read_stream(found), format="aws", call=Call())


def _enveloped(document: Json, reading: Reading) -> _Found:
    """Read `{"call": {...}, "transcript": ...}`. An envelope inside another is none."""
    inner = decoded(document["transcript"])
    if inner is None:
        raise NotReady(problem="transcript_empty")
    if "transcript" in table(inner):
        raise Unrecognised("unknown_format")
    found = _in_json(inner, reading)
    return replace(found, call=calls.together(calls.read(table(document.get("call"))), found.call))


def _told(sidecar: bytes) -> Call:
    if not sidecar.strip():
        return Call()
    try:
        said = decoded(parsed(characters(sidecar)[0]))
    except ValueError:
        said = None
    return calls.read(said) if isinstance(said, dict) else Call(problems=("bad_call_details",))


def _turns(found: _Found, reading: Reading) -> tuple[Turn, ...]:
    """Return all that was said, in order of time, overlaps kept. Raises NotReady when nothing was."""
    said = [one for one in found.transcript.said if one.text.strip()]
    if not said:
        raise NotReady(problem="transcript_empty")
    if len(said) > TURNS:
        raise TooLong
    customer = reading.customer.get(found.format, frozenset())
    turns: list[Turn] = []
    for one in said:
        turns.append(_turn(one, _role(one, customer), turns[-1].start_ms if turns else 0))
    return tuple(sorted(turns, key=lambda turn: turn.start_ms))


def _turn(one: Said, role: Speaker, before_ms: int) -> Turn:
    """Return the turn; one without a time begins with the one before it, so that it stays behind it."""
    start = before_ms if one.start_ms is None else one.start_ms
    return Turn(
        role=role,
        start_ms=start,
        end_ms=max(start, one.end_ms or start),
        text=one.text.strip(),
        confidence=None if one.confidence is None else round(one.confidence, 4),
        emotion=one.emotion,
    )


def _role(said: Said, customer: frozenset[str]) -> Speaker:
    if said.label and said.label in customer:
        return Speaker.CUSTOMER
    if said.speaker is not None:
        return said.speaker
    return Speaker.AGENT if said.label and customer else Speaker.UNKNOWN


def _message(
    raw: bytes,
    found: _Found,
    call: Call,
    turns: Sequence[Turn],
    reading: Reading,
    source: str,
    received_at: datetime,
) -> InboundMessage:
    spoken = _of_customer(turns)
    contact = _contact(call.caller, reading)
    started_at = call.started_at if call.started_at and call.started_at <= received_at else None
    checks = {
        "low_confidence": _is_doubtful(spoken, reading),
        "speakers_unknown": not any(turn.role is Speaker.CUSTOMER for turn in turns),
        "no_caller": contact is None,
        "bad_call_details": bool(call.problems) or started_at != call.started_at,
    }
    return InboundMessage(
        source=source,
        channel=ChannelKind.HOTLINE,
        external_id=call.id or found.transcript.id or external_id(raw),
        received_at=started_at or received_at,
        text="\n".join(turn.text for turn in spoken),
        from_address=contact.value if contact else "",
        contacts=(contact,) if contact else (),
        language=found.transcript.language,
        particulars=Particulars(receptionist=call.agent),
        sent_at=started_at,
        turns=tuple(turns),
        recording=call.recording,
        problems=tuple(sorted(word for word, is_so in checks.items() if is_so)),
        raw=raw,
    )


def _of_customer(turns: Sequence[Turn]) -> Sequence[Turn]:
    """Return the customer's turns; where none is known to be, those of nobody known; where only others speak, all."""
    for role in (Speaker.CUSTOMER, Speaker.UNKNOWN):
        if found := [turn for turn in turns if turn.role is role]:
            return found
    return turns


def _is_doubtful(spoken: Sequence[Turn], reading: Reading) -> bool:
    known = [turn.confidence for turn in spoken if turn.confidence is not None]
    average = mean(known)
    return average is not None and (average < reading.least_mean or min(known) < reading.least_turn)


def _contact(caller: str, reading: Reading) -> Contact | None:
    """Return the caller's number as a contact; None where it was withheld, is the bank's, or cannot be called back."""
    found = _SCHEME.fullmatch(caller)
    number = normal_phone(found[1] if found else caller, reading.country)
    if number is None or number in reading.own_numbers:
        return None
    return Contact(type=ContactType.LANDLINE if is_landline(number) else ContactType.MOBILE, value=number)
