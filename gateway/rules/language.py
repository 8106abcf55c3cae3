"""In which language a customer is answered, seen from what they wrote. Nothing is translated here.

There is no table of characters: the national character sets are one. GB 2312 (1980) was made for Simplified and cannot
write Traditional forms, Big5 (1984) the other way round, and what both have counts on neither side.
"""

from __future__ import annotations

import re

from gateway.model import Language

_READ_AT_MOST = 20_000
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af]+")
_KANA_OR_HANGUL = re.compile("[\u1100-\u11ff\u3041-\u309f\u30a1-\u30fa\u3130-\u318f\uac00-\ud7a3\uff66-\uff9d]")
_LETTER = re.compile(r"[^\W\d_]")


def detect(text: str) -> Language:
    """Return the language to answer a text in, by its first 20,000 characters.

    Any Chinese character makes it Chinese, Traditional where characters only Traditional has outnumber those only
    Simplified has; any other letters, Japanese and Korean included, make it English. A text without a letter says
    nothing and is answered in Simplified Chinese.
    """
    head = text[:_READ_AT_MOST]
    han = "".join(_HAN.findall(head))
    if not han:
        return Language.EN if _LETTER.search(head) else Language.ZH_HANS
    # a Chinese shop sign borrows a の; a Japanese sentence is kana for a third or more
    if 4 * len(_KANA_OR_HANGUL.findall(head)) > len(han):
        return Language.EN
    # both sets take two bytes a character, so that the difference in length is the difference in characters
    in_big5, in_gb2312 = len(han.encode("big5", "ignore")), len(han.encode("gb2312", "ignore"))
    return Language.ZH_HANT if in_big5 > in_gb2312 else Language.ZH_HANS


def is_blank(text: str) -> bool:
    """Whether nothing of a text can be seen: spaces of any width, and characters without one."""
    return not any(character.isprintable() and not character.isspace() for character in text)
