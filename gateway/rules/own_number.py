"""The telephone number that somebody names in a chat as their own, to be told by. Pure.

Only what cannot be meant otherwise is taken: a number that belongs to another, such as that of whoever cheated them,
must never be told anything.
"""

from __future__ import annotations

import re
import unicodedata

from gateway.rules.addresses import is_landline, normal_phone

_LOOKED_AT = 2000  # characters
_NUMBER = r"(\+?[0-9](?:[ -]?[0-9]){7,14})(?![0-9])"
_AROUND = (
    r"(?:好的?|您好|你好|我|的|本人|手机|手機|电话|電話|号码?|號碼?|联系|聯繫|聯絡|方式|请|請|打|是|为|為|[:,。.、!~\s]"
    r"|\b(?:ok|yes|hello|hi|my|mobile|phone|cell|number|tel|is|it's|please|call|text|me|at|on)\b)"
)
_THANKS = r"(?:谢谢|謝謝|您|哦|[,。.!~\s]|\b(?:thanks|thank|you|please)\b)"
_ALONE = re.compile(rf"{_AROUND}{{0,12}}{_NUMBER}{_THANKS}{{0,6}}")
_BEGINS = r"(?:^|(?<=[,。;.!?:、\s]))"
_NAMED = re.compile(
    rf"{_BEGINS}(?:(?:请|請)?(?:我|本人)的?(?:联系|聯繫|聯絡)?(?:手机|手機|电话|電話|号码|號碼|方式)"
    rf"|(?:联系|聯繫|聯絡)(?:手机|手機|电话|電話|方式)"
    rf"|my (?:mobile|phone|cell|tel|number)|call me (?:at|on))"
    rf"(?:号码?|號碼?| number| phone)?\s*(?:是|为|為|:|is|)\s*{_NUMBER}"
)


def named_in(text: str) -> str | None:
    """Return the one mobile number that the writer calls theirs, in E.164 form; None where none is, or several are."""
    words = _plain(text)
    alone = _ALONE.fullmatch(words)
    found = [alone[1]] if alone else [match[1] for match in _NAMED.finditer(words)]
    numbers = {number for one in found if (number := normal_phone(one)) and not is_landline(number)}
    return numbers.pop() if len(numbers) == 1 else None


def is_all_of(text: str) -> bool:
    """Say whether the text names such a number and says nothing else."""
    return _ALONE.fullmatch(_plain(text)) is not None and named_in(text) is not None


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text[:_LOOKED_AT]).casefold().strip()
