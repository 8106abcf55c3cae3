"""What people and systems call the speakers of a call in text, and the prefix that names one: 客户：, [Agent]: ..."""

from __future__ import annotations

import re

from gateway.model import Speaker

_WORDS = {
    Speaker.CUSTOMER: (
        "客户 客戶 顾客 顧客 用户 用戶 来电人 來電人 来电者 投诉人 投訴人 主叫 customer client caller user c"
    ),
    Speaker.AGENT: (
        "客服 坐席 座席 客服代表 客服人员 客服专员 客户经理 客户代表 客户服务 话务员 話務員 接线员 工号 "
        "agent operator representative rep service a"
    ),
    Speaker.SYSTEM: "系统 系統 语音 语音导航 自助语音 ivr system bot",
}
_ROLES = {name: speaker for speaker, names in _WORDS.items() for name in names.split()}
_WORD = "|".join(sorted(_ROLES, key=len, reverse=True))  # the longest first: 客服代表王 is no 代表王 of the 客服
# Behind the role may stand who it is: 客服 张, 坐席1001, 客户（张先生）, 客户王女士. Not so 客户端, 用户名, 系统显示.
_NAMED = re.compile(
    rf"(?P<role>{_WORD})(?:[ \t]*[（(#_·-][ \t]*\w{{1,20}}[ \t]*[）)]?|[ \t]+\w{{1,20}}|\d{{1,12}}号?"
    r"|[\u4e00-\u9fff]{1,2}(?:先生|女士|小姐|经理)|小[\u4e00-\u9fff])"
)
_SURNAMED = re.compile("(?:客服|坐席|座席|客服代表)[\u4e00-\u9fff]")
_NO_NAMES = re.compile("(?:customer|client|caller|user|agent|system).(?:id|name|no|number|account|error|message)")
_UNNAMED = re.compile(r"(?:说话人|說話人|发言人|發言人|speaker|spk|ch|channel)[ _-]?\w{1,3}|s\d{1,2}")

_PREFIX = re.compile(r"[\[【<]?(?P<who>[^\s：:\[\]【】<>][^：:\[\]【】<>\n]{0,29}?)[\]】>]?[ \t]*[：:](?!//)[ \t]*")


def role(name: str) -> Speaker | None:
    """Return the role a name says by itself: 客户, 坐席 1001, Agent. None for 张三 and Speaker 1."""
    name = name.strip().lower()
    if name in _ROLES:
        return _ROLES[name]
    if _SURNAMED.fullmatch(name) or name in ("customer service", "customer care"):
        return Speaker.AGENT
    found = None if _NO_NAMES.fullmatch(name) else _NAMED.fullmatch(name)
    return _ROLES[found["role"]] if found else None


def is_speaker(name: str, known: frozenset[str]) -> bool:
    """Say whether a name stands for a speaker: by its role, as a voice (Speaker 1, 说话人2), or as one in `known`.

    `known` are the labels an operator has said are the customer's.
    """
    return name in known or role(name) is not None or _UNNAMED.fullmatch(name.strip().lower()) is not None


def split(line: str, known: frozenset[str]) -> tuple[str, str]:
    """Split a line into who speaks and what; "" where it names no speaker."""
    found = _PREFIX.match(line)
    if found is None:
        return "", line
    who = found["who"].strip()
    return (who, line[found.end() :]) if is_speaker(who, known) else ("", line)
