"""Bytes of a mail to text. What Chinese senders declare is often not what they send."""

from __future__ import annotations

import codecs
import re
from functools import lru_cache

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16: its mark begins with that one's
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_GB = ("gb18030",)
_BIG5 = ("big5hkscs", "cp950")
# Clients declare the small old set and send characters of the large one; GB 18030 contains them all.
_MEANT = {
    **dict.fromkeys(("gb2312", "gb_2312-80", "gb-2312", "gbk", "x-gbk", "cp936", "936", "windows-936"), _GB),
    "hz-gb-2312": ("hz",),
    **dict.fromkeys(("big5", "big5-hkscs", "x-x-big5", "cp950", "big5-eten"), _BIG5),
    "utf8mb4": ("utf-8",),
    **dict.fromkeys(("iso-8859-1", "latin-1", "latin1"), ("cp1252",)),
    # ASCII declares nothing: 8-bit bytes under it are something else, which the guesses find out.
    **dict.fromkeys(("us-ascii", "ascii", "ansi_x3.4-1968"), ()),
}
_GUESSES = ("utf-8", "gb18030", "big5hkscs")
# Two ideographs in UTF-8. Text of another charset that is valid UTF-8 and holds these as well does not occur.
_UTF8_HAN = re.compile(rb"[\xe3-\xe9][\x80-\xbf]{2}.*?[\xe3-\xe9][\x80-\xbf]{2}", re.DOTALL)
# Under a Western label, a run of four such bytes is two Chinese characters, not an accent.
_RUN = re.compile(rb"[\x80-\xff]{4,}")
_ACCENT = re.compile(rb"[\x80-\xff]")


def decode(raw: bytes, declared: str = "") -> tuple[str, bool]:
    """Return the text of `raw` and whether it was read without a loss.

    Order: byte order mark, the declared charset (as it is meant, not as it is called), UTF-8, GB 18030, Big5-HKSCS; in
    the end UTF-8 with replacement marks. Bytes that prove a declaration wrong override it.
    """
    if raw.isascii() and b"\x1b" not in raw and b"~{" not in raw:
        return raw.decode("ascii"), True
    for encoding in (*_marked(raw), *_declared(raw, declared), *_GUESSES):
        try:
            return raw.decode(encoding).removeprefix("\ufeff"), True
        except (UnicodeError, ValueError):
            continue
    return raw.decode("utf-8", "replace"), False


def _marked(raw: bytes) -> tuple[str, ...]:
    return tuple(encoding for mark, encoding in _BOMS if raw.startswith(mark))


def _declared(raw: bytes, declared: str) -> tuple[str, ...]:
    encodings = _codecs(declared)
    if _UTF8_HAN.search(raw):
        return ("utf-8", *encodings)
    if encodings == ("cp1252",) and sum(map(len, _RUN.findall(raw))) * 2 > len(_ACCENT.findall(raw)):
        return (*_GB, *encodings)
    return encodings


@lru_cache(maxsize=256)
def _codecs(declared: str) -> tuple[str, ...]:
    """Return Python's names of what is meant by a declared charset; empty where it is unknown or no charset."""
    name = declared.strip(" \t\r\n\"'").lower()[:40]
    if name in _MEANT:
        return _MEANT[name]
    try:
        codec = codecs.lookup(name)
    except (LookupError, ValueError):
        return ()
    # Python's codec registry also holds compressions ("zip") and name encodings ("idna", "punycode").
    is_charset = codec._is_text_encoding and codec.name not in {"idna", "punycode", "unicode_escape", "undefined"}
    return (codec.name,) if is_charset and codec.name != "ascii" else ()
