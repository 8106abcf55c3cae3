"""What Tencent's answers and silences mean. Who asks, and with which token, is in api.py.

Codes: path/90455, limits path/90454. The text beside a code may change: judged by it is only what has no code
of its own (Refused.names).
"""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from email.message import Message
from email.utils import collapse_rfc2231_value
from typing import Any

import aiohttp

from gateway.errors import DeliveryFailed, Temporary, Unknown

_BUSY = -1
_TOO_OFTEN = frozenset({45009, 45011})  # WeCom's; an official account's own for a minute, whose 45009 is for a day
_BLOCKED = timedelta(seconds=60)  # what one minute's limit costs; an hour's costs an hour
_CROWDED = 45033  # too many calls at once
_CROWD_PASSES = timedelta(seconds=5)
_NOT_OUR_ADDRESS = frozenset({60020, 40164})  # WeCom's and the official accounts': the caller's IP is not on their list
_NOT_UNDERSTOOD = "wrong json format"  # a type was wrong and the field ignored, even where the errcode is 0
_READ_AS_TEXT = frozenset({"application/json", "text/plain", "text/html"})
_LONGEST = 120


class Refused(Exception):
    """The provider answered with an errcode that says something about this one call."""

    def __init__(self, code: int, told: str = "") -> None:
        super().__init__(f"errcode {code}")
        self.code = code
        self._told = told  # never shown: it may quote what was sent

    @property
    def reason(self) -> str:
        """The code as DeliveryFailed.reason has it: "errcode 95001"."""
        return _reason(self.code)

    def names(self, field: str) -> bool:
        """Say whether the provider's words name this field of the request; for where no code is documented."""
        return re.search(rf"\b{re.escape(field)}\b", self._told, re.IGNORECASE | re.ASCII) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer as it came."""

    status: int
    content: bytes = field(repr=False)


def _reason(code: int) -> str:
    return f"errcode {code}"


ABOUT_US = frozenset(_reason(code) for code in (40001, 40013, 40125, *_NOT_OUR_ADDRESS))


def judged(answer: Answer, *, needs_code: bool = False) -> Mapping[str, Any]:
    """Return what an answer holds. HTTP 200 alone is no success (lesson 78).

    Raises Temporary, Unknown or Refused. `needs_code`: one without an errcode, as some that only tell have it, is not
    understood.
    """
    if answer.status >= 500:
        raise Unknown(f"http {answer.status}")
    if answer.status != 200:
        raise Temporary(f"http {answer.status}")
    told = _object(answer.content)
    code = told.get("errcode", None if needs_code else 0)
    if type(code) is not int:  # True is an int to Python
        raise Unknown("bad_reply")
    if code:
        raise _refusal(code, str(told.get("errmsg", "")))
    if _NOT_UNDERSTOOD in str(told.get("errmsg", "")).lower():
        raise Unknown("wrong_json_format")
    return told


def failure(error: aiohttp.ClientError | OSError) -> DeliveryFailed:
    """Say what a request came to that had no answer. An error's own words hold the address: nothing of them is kept."""
    match error:
        case aiohttp.ClientConnectorError():
            return Temporary("tls" if isinstance(error.os_error, ssl.SSLError) else "unreachable")
        case aiohttp.ConnectionTimeoutError():
            return Temporary("unreachable")
        case TimeoutError():
            return Unknown("timeout")
        case aiohttp.InvalidURL():
            return Temporary("unreachable")
    return Unknown("disconnected")


def is_file(response: aiohttp.ClientResponse) -> bool:
    """Say whether an answer is a file: a refusal comes with HTTP 200 as well, as JSON that may be called text."""
    named = "Content-Disposition" in response.headers
    return response.status == 200 and (named or response.content_type not in _READ_AS_TEXT)


def name_of(headers: Mapping[str, str]) -> str:
    """Return a file's name, safe to show and to save: no path, nothing invisible; "" where there is none."""
    told = Message()
    # aiohttp keeps what is no UTF-8 as lone surrogates.
    written = headers.get("Content-Disposition", "").encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    told["Content-Disposition"] = written
    try:
        values = [value for key, value in told.get_params([], "content-disposition") if key.lower() == "filename"]
        # The one that says its character set is the better one (RFC 6266, 4.3); it is a tuple.
        best = max(values, key=lambda value: isinstance(value, tuple), default="")
        name = re.split(r"[/\\]", collapse_rfc2231_value(best))[-1]
    except (ValueError, LookupError, TypeError):  # a character set nobody knows, a parameter in impossible parts
        return ""
    shown = "".join(one for one in " ".join(name.split()) if one.isprintable()).strip(". ")
    stem, dot, extension = shown.rpartition(".")
    if dot and len(extension) <= 10:
        return f"{stem[: _LONGEST - 1 - len(extension)]}.{extension}"
    return shown[:_LONGEST]


def _object(content: bytes) -> Mapping[str, Any]:
    try:
        told = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise Unknown("bad_reply")
    return told


def _refusal(code: int, words: str) -> DeliveryFailed | Refused:
    if code == _BUSY:
        return Unknown(_reason(code))  # nobody says before or after it took the message
    if code in _TOO_OFTEN:
        return Temporary(_reason(code), retry_after=_BLOCKED)
    if code == _CROWDED:
        return Temporary(_reason(code), retry_after=_CROWD_PASSES)
    if code in _NOT_OUR_ADDRESS:
        return Temporary(_reason(code))
    return Refused(code, words)
