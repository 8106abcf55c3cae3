"""A card in WeCom's words, what its answer means, and a press of a button. Pure; sending is in outbound.py.

Cards and their sizes: path/90236; what members send us: path/96468; passive replies: path/90241.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import escape

from adapters.weixin.wire import fields_of
from gateway.errors import DeliveryFailed, Invalid, Permanent, Temporary
from gateway.model import Answer, Card, Contact, ContactType, InboundEvent, Language, Outcome, Sent

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# Characters that WeCom shows of a card; beyond them it cuts without a word.
_TITLE = 36
_SUBTITLE = 160
_TEXT = 2048  # bytes of a text message
_CUT = "…"
_REPEATS = 4 * 60 * 60  # seconds, the longest for which WeCom will know a message again

_USERID = re.compile(r"[a-z0-9][a-z0-9_.@-]{0,63}")
_KEY = re.compile(r"[0-9a-hjkmnp-tv-z]{26}")  # of a delivery
_CHOICE = re.compile(r"[a-z_]{1,40}")

_LABELS: Mapping[str, Mapping[Language, str]] = {
    "accept": {Language.ZH_HANS: "接单", Language.ZH_HANT: "接單", Language.EN: "Accept"},
}
_CASE = {Language.ZH_HANS: "详情", Language.ZH_HANT: "詳情", Language.EN: "Case"}
_OPEN = {Language.ZH_HANS: "打开", Language.ZH_HANT: "打開", Language.EN: "Open"}

# A press does not say in which language its card was; the bank's people are told in Chinese.
_DONE = {"accept": "已接单"}
_DONE_OTHERWISE = "已办理"
_REFUSED = "已失效或不由您办理"
NOBODY_READS = "这里只发通知，写在这里的话没有人看到。请点开通知，在投诉系统里办理。"

_NOT_A_MEMBER = frozenset({40003, 40031, 60111, 81013})
# The app, its rights or its range: every message would meet it until it is put right.
_ABOUT_US = frozenset({40056, 41011, 48002, 50002, 50003, 60011, 301002})
_THERE_ALREADY = 42014  # a task_id comes once in an app, so the first try has arrived


def body(card: Card, *, key: str, userid: str, agent_id: int) -> Mapping[str, Any]:
    """Return the request that hands a card to one member.

    The key is part of every message: as task_id, which WeCom takes once, and in the last line of a plain text. So WeCom
    knows a repeat from another notice with the same words. Raises Permanent where this can be nobody's userid: `@all`
    would be everybody's.
    """
    if not _USERID.fullmatch(userid):
        raise Permanent("invalid_user")
    if card.choices:
        content = {"msgtype": "template_card", "template_card": _pressable(card, key)}
    elif card.link:
        content = {"msgtype": "template_card", "template_card": _card("text_notice", card, key)}
    else:
        content = {"msgtype": "text", "text": {"content": _text(card, key)}}
    again = {"enable_duplicate_check": 1, "duplicate_check_interval": _REPEATS}
    return {"touser": userid, "agentid": agent_id, **content, **again}


def _pressable(card: Card, key: str) -> Mapping[str, Any]:
    labels = [(choice, _LABELS.get(choice, {}).get(card.text.language, choice)) for choice in card.choices]
    buttons = [{"text": label, "style": 1, "key": choice} for choice, label in labels]
    return {**_card("button_interaction", card, key), "button_list": buttons}


def _card(kind: str, card: Card, key: str) -> dict[str, Any]:
    content: dict[str, Any] = {
        "card_type": kind,
        "main_title": {"title": _cut(card.text.subject, _TITLE)},
        "sub_title_text": _cut(card.text.short, _SUBTITLE),
        "task_id": key,
    }
    if card.link:
        # A row of its own beside the card as a whole: it stays when the buttons are gone.
        row = {"type": 1, "keyname": _CASE[card.text.language], "value": _OPEN[card.text.language], "url": card.link}
        content |= {"card_action": {"type": 1, "url": card.link}, "horizontal_content_list": [row]}
    return content


def _text(card: Card, key: str) -> str:
    # WeCom makes links of <a>, and a notice may quote somebody.
    words = f"{card.text.subject}\n{card.text.short}".replace("<", "＜")
    mark = f"\n#{key[-6:]}"
    room, written = _TEXT - len(mark), words.encode("utf-8", "replace")
    if len(written) > room:
        words = written[: room - len(_CUT.encode())].decode(errors="ignore") + _CUT
    return words + mark


def _cut(words: str, most: int) -> str:
    return words if len(words) <= most else words[: most - len(_CUT)] + _CUT


def sent(answer: Mapping[str, Any], userid: str) -> Sent | DeliveryFailed:
    """Say what a hand-over came to that was not refused: the errcode is 0 also where the only member gets nothing."""
    if userid in _names(answer.get("invaliduser")):
        return Permanent("invalid_user")
    if userid in _names(answer.get("unlicenseduser")):
        return Permanent("unlicensed_user")
    return Sent(provider_id=str(answer.get("msgid") or ""))


def _names(listed: object) -> frozenset[str]:
    return frozenset(str(listed or "").lower().split("|"))


def refused(code: int) -> Sent | DeliveryFailed:
    """Say what an errcode of a hand-over means (path/90455)."""
    if code == _THERE_ALREADY:
        return Sent()
    if code in _NOT_A_MEMBER:
        return Permanent("invalid_user")
    return Temporary(f"errcode {code}") if code in _ABOUT_US else Permanent(f"errcode {code}")


def pressed(fields: Mapping[str, Any], *, source: str, received_at: datetime) -> Answer | None:
    """Read a press of a button on a card of ours; None for anything else. Raises Invalid when it does not say whose.

    What it is told apart by is the code that WeCom makes for each press; without one, all that it says. Two presses in
    one second are two, and one that is told three times is one (lesson 82).
    """
    if (_field(fields, "MsgType"), _field(fields, "Event")) != ("event", "template_card_event"):
        return None
    key, choice, userid = (_field(fields, name) for name in ("TaskId", "EventKey", "FromUserName"))
    if not _KEY.fullmatch(key) or not _CHOICE.fullmatch(choice):
        return None
    if not _USERID.fullmatch(userid.lower()):
        raise Invalid
    code = _field(fields, "ResponseCode")
    told = [code] if code else [key, choice, userid, _field(fields, "CreateTime")]
    return Answer(
        source=source,
        external_id=hashlib.sha256("\0".join(told).encode()).hexdigest(),
        received_at=received_at,
        by=Contact(type=ContactType.WECOM_STAFF, value=userid.lower(), verified=True),
        key=key,
        choice=choice,
    )


def is_talk(fields: Mapping[str, Any]) -> bool:
    """Say whether a member wrote or sent something, which nobody would read."""
    return _field(fields, "MsgType") not in ("", "event")


def button_reply(fields: Mapping[str, Any], outcome: Outcome, at: datetime) -> str:
    """Return what puts a word in the place of the buttons, for who pressed; "" where they are to stay."""
    match outcome:
        case Outcome.DONE:
            words = _DONE.get(_field(fields, "EventKey"), _DONE_OTHERWISE)
        case Outcome.REFUSED:
            words = _REFUSED
        case _:
            return ""
    return _reply(fields, at, f"<MsgType>update_button</MsgType><Button><ReplaceName>{words}</ReplaceName></Button>")


def text_reply(fields: Mapping[str, Any], words: str, at: datetime) -> str:
    """Return what answers a member with a text."""
    return _reply(fields, at, f"<MsgType>text</MsgType><Content>{escape(words)}</Content>")


def _reply(fields: Mapping[str, Any], at: datetime, content: str) -> str:
    to, by = escape(_field(fields, "FromUserName")), escape(_field(fields, "ToUserName"))
    names = f"<ToUserName>{to}</ToUserName><FromUserName>{by}</FromUserName>"
    return f"<xml>{names}<CreateTime>{int(at.timestamp())}</CreateTime>{content}</xml>"


def read(data: bytes, name: str) -> Iterable[InboundEvent]:
    """Read a callback as it is when decrypted. Without a clock it came in 1970. Raises Invalid for what is none."""
    answer = pressed(fields_of(data), source="file", received_at=_EPOCH)
    return [answer] if answer else []


def _field(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""
