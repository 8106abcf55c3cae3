"""The templates of a simulated 公众号: what may stand in their fields, and what they look like when filled.

Deliberately another hand than adapters/wechat/wire.py: neither may take a rule from the other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

_FIELD = re.compile(r"\{\{([a-z_]+)(\d+)\.DATA\}\}")
_DAY = r"\d{4}年\d{1,2}月\d{1,2}日"
_TIME = r"\d{1,2}:\d{2}(:\d{2})?"
_MOMENT = rf"({_DAY} )?{_TIME}"


def _fits(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern)
    return lambda value: compiled.fullmatch(value) is not None


# 订阅消息参数值内容限制说明 (developers.weixin.qq.com): of these kinds a template's fields may be.
RULES: Mapping[str, Callable[[str], bool]] = {
    "thing": _fits(r"[^\r\n]{1,20}"),
    "character_string": _fits(r"[!-~ ]{1,32}"),
    "phrase": _fits(r"[一-鿿]{1,5}"),
    "name": _fits(r"[一-鿿]{1,10}|[!-~ ]{1,20}"),
    "time": _fits(rf"{_MOMENT}(~{_MOMENT})?"),
    "date": _fits(rf"{_DAY}( {_TIME})?"),
    "phone_number": _fits(r"[0-9+() -]{1,17}"),
    "number": _fits(r"(?=.{1,32}$)-?\d+(\.\d+)?"),
    "letter": _fits(r"[A-Za-z]{1,32}"),
    "symbol": _fits(r"[^\w\s]{1,5}"),
    "amount": _fits(r"[¥$￥]?\d{1,10}(\.\d+)?元?"),
    "car_number": _fits(r"[一-鿿A-Za-z0-9]{1,8}"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeTemplate:
    """A wording that WeChat has approved. `content` has lines such as "受理编号:{{character_string1.DATA}}"."""

    id: str
    title: str
    content: str
    kind: Literal["template", "subscribe"] = "template"

    def problem(self, data: Mapping[str, str]) -> str:
        """Return what WeChat says is wrong with these values, "" where nothing is."""
        for kind, serial in _FIELD.findall(self.content):
            name = f"{kind}{serial}"
            if not data.get(name):
                return f"argument invalid! data.{name}.value is empty"
            if not RULES[kind](data[name]):
                return f"argument invalid! data.{name}.value invalid"
        return ""

    def lines(self, data: Mapping[str, str]) -> tuple[str, ...]:
        """Return what the customer reads below the title."""
        filled = _FIELD.sub(lambda found: data.get(found[1] + found[2], ""), self.content)
        return tuple(filled.splitlines())
