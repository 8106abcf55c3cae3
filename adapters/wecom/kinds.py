"""Every kind of message that customers send by 微信客服, as a line to read and files to fetch. Pure.

Source: WeCom, path/94699; forms of merged_msg and channels as bots of other companies report them.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.model import Attachment

_LINES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "location": ("位置", ("name", "address", "latitude", "longitude")),
    "link": ("链接", ("title", "desc", "url")),
    "business_card": ("名片", ("userid",)),
    "miniprogram": ("小程序", ("title", "pagepath")),
    "channels": ("视频号", ("nickname", "title")),
    "channels_shop_product": ("视频号商品", ("title", "shop_nickname", "product_id", "sales_price")),
    "channels_shop_order": ("视频号订单", ("product_titles", "price_wording", "state", "order_id", "shop_nickname")),
}
# What WeCom gives a file: nothing but an id. The type is known when it is fetched; voice is AMR because we ask for it.
_FILES: Mapping[str, tuple[str, str, str]] = {
    "image": ("[图片]", "image", "application/octet-stream"),
    "voice": ("[语音]", "voice.amr", "audio/amr"),
    "video": ("[视频]", "video.mp4", "video/mp4"),
    "file": ("[文件]", "file", "application/octet-stream"),
}
# A file over WeCom's limit (2 MB, 10 MB, 20 MB) is replaced by a text that says so; its wording is not documented.
_TOO_LARGE = re.compile(r"(?=.*(?:图片|语音|视频|文件|附件))(?=.*(?:超过|超出|过大|太大|限制)).{4,60}")
_MENU = 10
_MERGED = 100
_DEEPEST = 3
_LEAVES = 20
_LONGEST = 20_000  # characters, of a conversation that was passed on


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    text: str
    attachments: tuple[Attachment, ...] = ()
    problems: frozenset[str] = frozenset()


def shown(kind: str, body: Mapping[str, Any], depth: int = 0) -> Shown:
    """Return what a message says. What is not understood is named among the problems; its JSON is kept beside it."""
    if kind in _FILES:
        return _file(kind, body)
    if kind in _LINES:
        label, names = _LINES[kind]
        return _line(label, [_words(body.get(name)) for name in names])
    special = _SPECIAL.get(kind)
    if special is None:
        return _unknown(kind, body)
    return special(body, depth)


def _text(body: Mapping[str, Any], _depth: int) -> Shown:
    content = body.get("content")
    if not isinstance(content, str) or not content.strip():
        return Shown(text="", problems=frozenset({"no_text"}))
    is_notice = _TOO_LARGE.fullmatch(content.strip()) is not None
    return Shown(text=content, problems=frozenset({"file_too_large"} if is_notice else ()))


def _file(kind: str, body: Mapping[str, Any]) -> Shown:
    line, name, media_type = _FILES[kind]
    ref = body.get("media_id")
    if not isinstance(ref, str) or not ref:
        return Shown(text=line, problems=frozenset({"incomplete"}))
    return Shown(text=line, attachments=(Attachment(name=name, media_type=media_type, size=0, ref=ref),))


def _line(label: str, words: list[str]) -> Shown:
    told = " ".join(word for word in words if word)
    if not told:
        return Shown(text=f"[{label}]", problems=frozenset({"incomplete"}))
    return Shown(text=f"{label}：{told}")


def _note(_body: Mapping[str, Any], _depth: int) -> Shown:
    """WeCom tells of a note that there is one, and nothing of what it says."""
    return Shown(text="[笔记]", problems=frozenset({"not_given"}))


def _menu(body: Mapping[str, Any], _depth: int) -> Shown:
    """A menu that was passed on: what it offered."""
    items = [item for item in _list(body.get("list"))[:_MENU] if isinstance(item, dict)]
    offered = [item.get(str(item.get("type"))) for item in items]
    words = [_words(one.get("content")) for one in offered if isinstance(one, dict)]
    return _line("菜单", [_words(body.get("head_content")), *words, _words(body.get("tail_content"))])


def _merged(body: Mapping[str, Any], depth: int) -> Shown:
    """A conversation that was passed on: who said what, each with its own kind inside."""
    items = _list(body.get("item"))
    if not items or depth >= _DEEPEST:
        return _line("聊天记录", [_words(body.get("title"))])
    told = [(item, _inner(item, depth + 1)) for item in items[:_MERGED] if isinstance(item, dict)]
    lines = [f"{_words(item.get('sender_name'))}：{one.text}" for item, one in told]
    text = "\n".join([f"聊天记录：{_words(body.get('title'))}", *lines])
    is_cut = len(items) > _MERGED or len(text) > _LONGEST
    return Shown(
        text=text[:_LONGEST],
        attachments=tuple(attachment for _, one in told for attachment in one.attachments),
        problems=frozenset({"shortened"} if is_cut else ()).union(*(one.problems for _, one in told)),
    )


def _inner(item: Mapping[str, Any], depth: int) -> Shown:
    """Read one of these, whose content is JSON in a string."""
    try:
        content = json.loads(item.get("msg_content", ""))
    except (TypeError, ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        return Shown(text="", problems=frozenset({"incomplete"}))
    kind = content.get("msgtype")
    body = content.get(kind) if isinstance(kind, str) else None
    return shown(kind if isinstance(kind, str) else "", body if isinstance(body, dict) else content, depth)


def _unknown(kind: str, body: Mapping[str, Any]) -> Shown:
    """Whatever words there are, so that somebody can see what it was about."""
    line = " ".join([f"[{kind or '未知消息'}]", *_leaves(body)])
    return Shown(text=line[:_LONGEST], problems=frozenset({"unknown_kind"}))


_SPECIAL: Mapping[str, Callable[[Mapping[str, Any], int], Shown]] = {
    "text": _text,
    "note": _note,
    "msgmenu": _menu,
    "merged_msg": _merged,
}


def _leaves(value: object) -> Iterator[str]:
    """Yield the first texts in a structure, from outside in: one that is nested deeper than any stack is no trouble."""
    left, found = deque([value]), 0
    while left and found < _LEAVES:
        one = left.popleft()
        if isinstance(one, dict):
            left.extend(one.values())
        elif isinstance(one, list):
            left.extend(one)
        elif isinstance(one, str) and one.strip():
            found += 1
            yield one.strip()


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _words(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value).strip()
