"""Bytes to text, and JSON as recognisers write it: as text within JSON, and several documents line by line."""

from __future__ import annotations

import codecs
import json
from typing import Any

_DEPTH = 4
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16: its mark begins with that one's
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def characters(raw: bytes) -> tuple[str, bool]:
    """Return the text of `raw` and whether it was read without a loss: by its mark, as UTF-8, or as GB 18030."""
    marked = [encoding for mark, encoding in _BOMS if raw.startswith(mark)]
    for encoding in (*marked, "utf-8", "gb18030"):
        try:
            return raw.decode(encoding).removeprefix("\ufeff"), True
        except UnicodeError:
            continue
    return raw.decode("utf-8", "replace"), False


def decoded(value: object) -> Any:
    """Return a value with JSON in text decoded as long as it is JSON of a list or an object; else as it stands."""
    for _ in range(_DEPTH):
        if not isinstance(value, str) or not value.lstrip("\ufeff \t\r\n").startswith(("{", "[", '"')):
            break
        try:
            value = parsed(value)
        except ValueError:
            break
    return value


def parsed(value: str) -> Any:
    """Return the JSON of a text, or a list of those on its lines. Raises ValueError, also for what is too deep."""
    value = value.strip("\ufeff \t\r\n\0")
    try:
        return json.loads(value)
    except RecursionError:
        raise ValueError("too deep") from None
    except json.JSONDecodeError as error:
        if error.msg != "Extra data":
            raise
        return [_one(line) for line in value.splitlines() if line.strip()]


def _one(line: str) -> Any:
    try:
        return json.loads(line)
    except RecursionError:
        raise ValueError("too deep") from None
