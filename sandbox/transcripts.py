"""A telephone system for trying out: writes a dialogue in every transcript format there is, and pushes it, signed.

The shapes are those of the vendors; the awkward results they also have are in `NOT_READY`.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

import aiohttp

from gateway.model import Speaker
from sandbox import amazon_transcripts, spoken
from sandbox.spoken import Line, Lines

__all__ = ["CUSTOMER", "FORMATS", "NOT_READY", "Line", "Lines", "envelope", "push", "signed"]

CUSTOMER: Mapping[str, tuple[str, ...]] = {
    "aliyun": ("1",),
    "aws": ("spk_1",),
    "iflytek": ("2",),
    "tencent": ("1",),
}
"""Which label is the customer's in what is written here: the `customer` table of a hotline's settings."""

PUSH_SECONDS = 20.0
_NAMES = {Speaker.CUSTOMER: "客户", Speaker.AGENT: "客服", Speaker.SYSTEM: "系统"}
_TRANSCRIPT_SID = "GT" + "0" * 32


def _clock(ms: int, point: str) -> str:
    seconds, rest = divmod(ms, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{point}{rest:03}"


def _webvtt(lines: Lines) -> bytes:
    cues = ["WEBVTT", "NOTE written by the sandbox"]
    for line in lines:
        voice = f"<v {_NAMES[line.speaker]}>" if line.speaker in _NAMES else ""
        words = escape(line.text, quote=False)
        cues.append(f"{_clock(line.start_ms, '.')} --> {_clock(line.end_ms, '.')}\n{voice}{words}")
    return "\n\n".join([*cues, ""]).encode()


def _srt(lines: Lines) -> bytes:
    """SRT as desktop programs save it: with a mark in front and CRLF."""
    cues = [
        f"{number}\n{_clock(line.start_ms, ',')} --> {_clock(line.end_ms, ',')}\n{_prefixed(line)}\n"
        for number, line in enumerate(lines, start=1)
    ]
    return "\n".join(cues).replace("\n", "\r\n").encode("utf-8-sig")


def _dialogue(lines: Lines) -> bytes:
    """Lines of text in GB 18030, as older Chinese systems export them."""
    return "\r\n".join(f"[{_clock(line.start_ms, '.')}] {_prefixed(line)}" for line in lines).encode("gb18030")


def _prefixed(line: Line) -> str:
    return f"{_NAMES[line.speaker]}：{line.text}" if line.speaker in _NAMES else line.text


def _aliyun(lines: Lines, *, label: Callable[[Line], Mapping[str, Any]] | None = None) -> bytes:
    """Two channels, one after the other: only their times say how the turns interleave."""
    write = label or (lambda line: {"ChannelId": 1 if line.speaker is Speaker.CUSTOMER else 0})
    sentences: list[dict[str, Any]] = [
        {
            "BeginTime": line.start_ms,
            "EndTime": line.end_ms,
            "SilenceDuration": 0,
            "SpeechRate": 210,
            "EmotionValue": 6.5,
            "Text": line.text,
            **write(line),
        }
        for line in lines
    ]
    return _aliyun_result(sorted(sentences, key=lambda one: (one["ChannelId"], one["BeginTime"])))


def _aliyun_result(sentences: Sequence[Mapping[str, Any]], status: str = "SUCCESS", code: int = 21050000) -> bytes:
    return spoken.encoded(
        {
            "TaskId": hashlib.md5(spoken.encoded(sentences), usedforsecurity=False).hexdigest(),
            "RequestId": str(uuid.uuid4()),
            "StatusCode": code,
            "StatusText": status,
            "BizDuration": max((one["EndTime"] for one in sentences), default=0),
            "SolveTime": 1795392000000,
            "Result": {"Sentences": sentences} if sentences else {},
        }
    )


def _aliyun_voices(lines: Lines) -> bytes:
    """One channel, voices told apart."""
    return _aliyun(
        lines, label=lambda line: {"ChannelId": 0, "SpeakerId": "1" if line.speaker is Speaker.CUSTOMER else "2"}
    )


def _aliyun_mono(lines: Lines) -> bytes:
    """One channel, voices not told apart."""
    return _aliyun(lines, label=lambda line: {"ChannelId": 0})


def _double_encoded(lines: Lines) -> bytes:
    """A result that somebody put into JSON as text."""
    return spoken.encoded(_aliyun(lines).decode())


def _tencent(lines: Lines) -> bytes:
    details: list[dict[str, Any]] = [
        {
            "FinalSentence": line.text,
            "SliceSentence": " ".join(spoken.pieces(line.text)),
            "WrittenText": line.text,
            "StartMs": line.start_ms,
            "EndMs": line.end_ms,
            "WordsNum": len(spoken.pieces(line.text)),
            "SpeechSpeed": 4.6,
            "SpeakerId": int(line.speaker is Speaker.CUSTOMER),
            "EmotionalEnergy": 5.0,
            "SilenceTime": 0,
            "EmotionType": None,
            "Words": [],
        }
        for line in lines
    ]
    return _tencent_result(lines, details)


def _tencent_short(lines: Lines) -> bytes:
    """The short form alone, as it comes without ResTextFormat."""
    return _tencent_result(lines, None)


def _tencent_result(lines: Lines, details: object, status: int = 2, word: str = "success") -> bytes:
    def stamp(ms: int) -> str:
        return f"{ms // 60_000}:{ms % 60_000 / 1000:.3f}"

    short = "\n".join(
        f"[{stamp(line.start_ms)},{stamp(line.end_ms)},{int(line.speaker is Speaker.CUSTOMER)}]  {line.text}"
        for line in lines
    )
    data = {
        "TaskId": spoken.job_of(short),
        "Status": status,
        "StatusStr": word,
        "AudioDuration": max((line.end_ms for line in lines), default=0) / 1000,
        "Result": short,
        "ResultDetail": details,
        "ErrorMsg": "",
    }
    return spoken.encoded({"Response": {"RequestId": str(uuid.uuid4()), "Data": data}})


def _iflytek(lines: Lines) -> bytes:
    """JSON in text in JSON in text, words and marks apart."""
    lattice = [{"json_1best": spoken.as_text({"st": _iflytek_sentence(line)})} for line in lines]
    plain = [
        {
            "lid": str(at),
            "begin": str(line.start_ms),
            "end": str(line.end_ms),
            "json_1best": {"st": _iflytek_sentence(line)},
        }
        for at, line in enumerate(lines)
    ]
    return _iflytek_result(spoken.as_text({"lattice": lattice, "lattice2": plain}), status=4)


def _iflytek_sentence(line: Line) -> dict[str, Any]:
    words = [
        {"cw": [{"w": piece.text, "wp": "p" if piece.is_mark else "n"}, {"w": "？", "wp": "n"}]}
        for piece in spoken.parts(line.text)
    ]
    return {
        "sc": "0.00",
        "pa": "0",
        "rt": [{"ws": [*words, {"cw": [{"w": "", "wp": "g"}]}], "nc": "1.0", "nb": "1"}],
        "bg": str(line.start_ms),
        "ed": str(line.end_ms),
        "rl": "2" if line.speaker is Speaker.CUSTOMER else "1",
    }


def _iflytek_result(result: str, *, status: int, fail_type: int = 0) -> bytes:
    order = {
        "orderId": f"DKHJQ2026{spoken.job_of(result):010}",
        "failType": fail_type,
        "status": status,
        "originalDuration": 60000,
        "realDuration": 60000,
    }
    content = {"orderInfo": order, "orderResult": result, "taskEstimateTime": 0}
    return spoken.encoded({"code": "000000", "descInfo": "success", "content": content})


def _twilio(lines: Lines) -> bytes:
    sentences: list[dict[str, Any]] = [
        {
            "media_channel": 2 if line.speaker is Speaker.CUSTOMER else 1,
            "sentence_index": at,
            "start_time": spoken.seconds(line.start_ms),
            "end_time": spoken.seconds(line.end_ms),
            "transcript": line.text,
            "sid": f"GX{at:032}",
            "confidence": None if line.confidence is None else f"{line.confidence}",
            "words": [],
        }
        for at, line in enumerate(lines)
    ]
    return _twilio_page(sentences)


def _twilio_page(sentences: Sequence[Mapping[str, Any]], next_page: str | None = None) -> bytes:
    sid = "GT" + hashlib.md5(spoken.encoded(sentences), usedforsecurity=False).hexdigest()
    url = f"https://intelligence.twilio.com/v2/Transcripts/{sid}/Sentences?PageSize=5000&Page=0"
    meta = {"page": 0, "page_size": 5000, "key": "sentences", "url": url, "next_page_url": next_page}
    return spoken.encoded({"meta": meta, "sentences": sentences})


def _genesys(lines: Lines) -> bytes:
    """Times are milliseconds of the epoch here: the conversation's beginning has to be taken off."""
    began = 1_795_392_000_000
    purposes = {Speaker.CUSTOMER: "external", Speaker.AGENT: "internal", Speaker.SYSTEM: "ivr"}
    phrases = [
        {
            "text": line.text.lower(),
            "decoratedText": line.text,
            "phraseIndex": at,
            "startTimeMs": began + line.start_ms,
            "duration": {"milliseconds": line.end_ms - line.start_ms},
            "participantPurpose": purposes[line.speaker],
            **({} if line.confidence is None else {"confidence": line.confidence}),
        }
        for at, line in enumerate(lines)
    ]
    moods = [{"phraseIndex": at, "sentiment": -1} for at, line in enumerate(lines) if line.speaker is Speaker.CUSTOMER]
    transcript = {"transcriptId": "t-1", "language": "zh-cn", "phrases": phrases, "analytics": {"sentiment": moods}}
    return spoken.encoded(
        {
            "conversationId": spoken.call_of(lines),
            "mediaType": "call",
            "conversationStartTime": began,
            "transcripts": [transcript],
            "participants": [],
        }
    )


FORMATS: Mapping[str, Callable[[Lines], bytes]] = {
    "webvtt": _webvtt,
    "srt": _srt,
    "text": _dialogue,
    "aliyun": _aliyun,
    "aliyun_voices": _aliyun_voices,
    "aliyun_mono": _aliyun_mono,
    "double_encoded": _double_encoded,
    "tencent": _tencent,
    "tencent_short": _tencent_short,
    "iflytek": _iflytek,
    "aws_transcribe": amazon_transcripts.transcribe,
    "aws_call_analytics": amazon_transcripts.call_analytics,
    "contact_lens": amazon_transcripts.contact_lens,
    "contact_lens_stream": amazon_transcripts.contact_lens_stream,
    "twilio": _twilio,
    "genesys": _genesys,
}
"""A dialogue of CUSTOMER and AGENT, both of whom speak, in each format. Only some carry confidence."""

_SID = {"sid": _TRANSCRIPT_SID, "service_sid": "GA" + "0" * 32}
NOT_READY: Mapping[str, tuple[bytes, str]] = {
    "aliyun_queueing": (_aliyun_result((), "QUEUEING", 21050002), "transcript_pending"),
    "aliyun_running": (_aliyun_result((), "RUNNING", 21050001), "transcript_pending"),
    "aliyun_no_speech": (_aliyun_result((), "SUCCESS_WITH_NO_VALID_FRAGMENT", 21050003), "transcript_empty"),
    "aliyun_refused": (_aliyun_result((), "FILE_DOWNLOAD_FAILED", 41050002), "transcript_failed"),
    "aliyun_empty": (_aliyun_result(()), "transcript_empty"),
    "tencent_waiting": (_tencent_result((), None, 0, "waiting"), "transcript_pending"),
    "tencent_doing": (_tencent_result((), None, 1, "doing"), "transcript_pending"),
    "tencent_failed": (_tencent_result((), None, 3, "failed"), "transcript_failed"),
    "tencent_empty": (_tencent_result((), []), "transcript_empty"),
    "iflytek_processing": (_iflytek_result("", status=3), "transcript_pending"),
    "iflytek_busy": (spoken.encoded({"code": "26605", "descInfo": "任务正在处理中"}), "transcript_pending"),
    "iflytek_refused": (spoken.encoded({"code": "26602", "descInfo": "任务ID不存在"}), "transcript_failed"),
    "iflytek_failed": (_iflytek_result("", status=-1, fail_type=5), "transcript_failed"),
    "iflytek_empty": (_iflytek_result(spoken.as_text({"lattice": [], "lattice2": []}), status=4), "transcript_empty"),
    "aws_in_progress": (spoken.encoded({"JobStatus": "IN_PROGRESS", "JobName": "call-1"}), "transcript_pending"),
    "aws_failed": (spoken.encoded({"JobStatus": "FAILED", "JobName": "call-1"}), "transcript_failed"),
    "aws_job": (
        spoken.encoded(
            {"TranscriptionJob": {"TranscriptionJobName": "call-1", "TranscriptionJobStatus": "IN_PROGRESS"}}
        ),
        "transcript_pending",
    ),
    "aws_empty": (
        spoken.encoded({"results": {"transcripts": [{"transcript": ""}], "items": []}, "status": "COMPLETED"}),
        "transcript_empty",
    ),
    "contact_lens_started": (
        spoken.encoded({"ContactId": "c-1", "EventType": "STARTED", "LanguageCode": "zh-CN"}),
        "transcript_pending",
    ),
    "twilio_in_progress": (spoken.encoded({**_SID, "status": "in-progress"}), "transcript_pending"),
    "twilio_failed": (spoken.encoded({**_SID, "status": "failed"}), "transcript_failed"),
    "twilio_first_page": (
        _twilio_page([], next_page="https://intelligence.twilio.com/v2/Transcripts?Page=1"),
        "transcript_incomplete",
    ),
    "twilio_empty": (_twilio_page([]), "transcript_empty"),
    "genesys_empty": (
        spoken.encoded({"conversationId": "c-1", "mediaType": "call", "transcripts": []}),
        "transcript_empty",
    ),
    "webvtt_empty": (b"WEBVTT\n\nNOTE nobody spoke\n", "transcript_empty"),
    "nothing": (b" \r\n", "transcript_empty"),
}
"""Results without words, each with the reason for which it opens no complaint."""


def envelope(transcript: bytes, **call: str) -> bytes:
    """Return a transcript with what is known of its call: id, caller, agent, started_at, recording."""
    inner: object
    try:
        inner = text = transcript.decode("utf-8-sig")
    except UnicodeDecodeError:
        inner = text = transcript.decode("gb18030")
    with contextlib.suppress(ValueError):
        inner = json.loads(text)
    return spoken.encoded({"call": call, "transcript": inner})


def signed(secret: str, body: bytes, *, message_id: str, timestamp: int) -> dict[str, str]:
    """Return the headers of Standard Webhooks (https://www.standardwebhooks.com) for a body. `timestamp` is of Unix."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


async def push(url: str, secret: str, body: bytes, *, timestamp: int | None = None) -> tuple[int, bytes]:
    """Push a body as a telephone system would; return the status and the body of the answer.

    `timestamp` is what its clock says, of Unix; None: the real time.
    """
    at = int(time.time()) if timestamp is None else timestamp
    headers = signed(secret, body, message_id=f"msg_{uuid.uuid4().hex}", timestamp=at)
    limit = aiohttp.ClientTimeout(total=PUSH_SECONDS)
    async with (
        aiohttp.ClientSession(timeout=limit) as session,
        session.post(url, data=body, headers={"Content-Type": "application/json", **headers}) as answer,
    ):
        return answer.status, await answer.read()
