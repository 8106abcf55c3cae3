"""iFlytek's long form recognition (讯飞 语音转写): a result in JSON in text in JSON in text. Milliseconds, as text."""

from __future__ import annotations

from collections.abc import Iterator

from adapters.hotline.formats.decoding import decoded
from adapters.hotline.transcript import (
    Json,
    NotReady,
    Said,
    Transcript,
    joined,
    milliseconds,
    number,
    objects,
    table,
    word,
)

_FAILED, _DONE = -1, 4
_FINE = ("", "0", "000000")
_IN_PROGRESS = "26605"  # 任务正在处理中
_ONE_VOICE = "0"  # what `rl` says where voices are not told apart


def recognises(document: Json) -> bool:
    content = table(document.get("content"))
    return bool(
        {"code", "descInfo"} <= document.keys()
        or {"orderResult", "orderInfo"} & content.keys()
        or {"lattice", "lattice2"} & document.keys()
    )


def read(document: Json) -> Transcript:
    """Read an answer of getResult, or what stood in its orderResult."""
    content = table(document.get("content"))
    order = table(decoded(content.get("orderInfo")))
    _check(word(document.get("code")), number(order.get("status", _DONE)))
    result = table(decoded(content.get("orderResult"))) or document
    order_id = word(order.get("orderId"))
    return Transcript(said=list(_said(result)), id=f"iflytek:{order_id}" if order_id else "")


def _check(code: str, status: float | None) -> None:
    if code == _IN_PROGRESS:
        raise NotReady(problem="transcript_pending")
    if code not in _FINE or status == _FAILED:
        raise NotReady(problem="transcript_failed")
    if status != _DONE:
        raise NotReady(problem="transcript_pending")


def _said(result: Json) -> Iterator[Said]:
    """Yield the sentences: of `lattice`, from which hesitations are removed, or else as they were spoken."""
    for piece in list(objects(result.get("lattice"))) or list(objects(result.get("lattice2"))):
        sentence = table(table(decoded(piece.get("json_1best"))).get("st"))
        if not sentence:
            continue
        label = word(sentence.get("rl"))
        yield Said(
            text=joined(list(_words(sentence))),
            start_ms=milliseconds(sentence.get("bg")),
            end_ms=milliseconds(sentence.get("ed")),
            label="" if label == _ONE_VOICE else label,
        )


def _words(sentence: Json) -> Iterator[str]:
    for part in objects(sentence.get("rt")):
        for candidates in objects(part.get("ws")):
            best = next(objects(candidates.get("cw")), {})
            written = best.get("w")
            if isinstance(written, str) and best.get("wp") != "g":  # g: the end of a paragraph, no word
                yield written
