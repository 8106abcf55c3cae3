"""The header fields of one MIME entity by our own rules: raw 8-bit bytes, encoded words, parameters, addresses.

The standard library's header classes lose characters of mail from Chinese clients, so it is only asked for the raw
values (compat32 keeps them byte for byte). Everything here is bounded and never raises on content.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from email.message import Message
from urllib.parse import unquote_to_bytes

from adapters.email import charset

VALUE_LIMIT = 16_384  # bytes of one field that are looked at; the longest honest ones are References and To
FIELD_LIMIT = 500

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_FOLD = re.compile(rb"[\r\n\0]+")
_ENCODED_WORD = re.compile(rb"=\?([!-><@-~]{1,60})\?([BbQq])\?([^?\r\n]*)\?=")
_QUOTED_STRING = re.compile(rb'"[^"]*"')
_ANGLED = re.compile(rb"<([^<>]*@[^<>]*)>")
_BARE = re.compile(rb"[^\s<>,;:\"()\[\]]+@[^\s<>,;:\"()\[\]]+")
_HEX = re.compile(rb"=([0-9A-Fa-f]{2})")
_PARAMETER = re.compile(rb';\s*([!#$%&+.^_`|~0-9A-Za-z*-]+)\s*=\s*("(?:[^"\\]|\\.)*+"|[^;]*)', re.DOTALL)
_CONTINUED = re.compile(r"(.+?)(?:\*(\d{1,2}))?(\*)?")


class Headers:
    """Fields by lower-case name, in order; `first` and `every` return the bytes of a value, unfolded."""

    __slots__ = ("_values",)

    def __init__(self, message: Message) -> None:
        self._values: dict[str, list[bytes]] = {}
        for name, value in list(message.raw_items())[:FIELD_LIMIT]:
            raw = str(value)[:VALUE_LIMIT].encode("ascii", "surrogateescape")
            self._values.setdefault(name.lower(), []).append(_FOLD.sub(b"", raw).strip())

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def every(self, *names: str) -> Sequence[bytes]:
        return [value for name in names for value in self._values.get(name, ())]

    def first(self, name: str) -> bytes:
        return self._values.get(name, [b""])[0]

    def word(self, name: str) -> str:
        """Return the value up to the first parameter, in lower case: for fields that hold a keyword."""
        return self.first(name).split(b";", 1)[0].strip().decode("ascii", "replace").lower()


def text(value: bytes) -> str:
    """Decode a field that people read: encoded words and raw 8-bit bytes, in one line without control characters."""
    return one_line("".join(charset.decode(raw, declared)[0] for raw, declared in _pieces(value)))


def one_line(value: str) -> str:
    return _CONTROL.sub(" ", value).strip()


def _pieces(value: bytes) -> Iterator[tuple[bytes, str]]:
    """Split into (bytes, declared charset). Neighbouring words of one charset are joined before they are decoded.

    Clients cut a long subject at a byte count, in the middle of a character (RFC 2047 section 5(3) forbids it).
    """
    joined, declared, end = b"", "", 0
    for match in _ENCODED_WORD.finditer(value):
        between = value[end : match.start()]
        label = match[1].split(b"*")[0].decode("ascii", "replace").lower()
        if joined and (label != declared or between.strip()):
            yield joined, declared
            joined = b""
        if between.strip() or not end:
            yield between, ""
        joined, declared, end = joined + _unarmoured(match[2], match[3]), label, match.end()
    if joined:
        yield joined, declared
    yield value[end:], ""


def _unarmoured(kind: bytes, data: bytes) -> bytes:
    if kind in b"Qq":
        return _HEX.sub(lambda m: bytes.fromhex(m[1].decode()), data.replace(b"_", b" "))
    try:
        return base64.b64decode(data.rstrip(b"=") + b"=" * (-len(data.rstrip(b"=")) % 4))
    except binascii.Error:
        return b""


def parameters(value: bytes) -> dict[str, str]:
    """Return the parameters of a Content-Type or Content-Disposition, decoded.

    Reads what RFC 2231 says (charset, percent bytes, continuations) and what clients do instead: encoded words inside
    quotes, raw 8-bit bytes.
    """
    found: dict[str, list[tuple[int, bool, bytes]]] = {}
    for raw_name, raw_value in _PARAMETER.findall(value)[:50]:
        match = _CONTINUED.fullmatch(raw_name.decode("ascii").lower())
        if match:
            piece = raw_value.strip()
            if piece[:1] == b'"':
                piece = re.sub(rb"\\(.)", rb"\1", piece[1:-1], flags=re.DOTALL)
            found.setdefault(match[1], []).append((int(match[2] or 0), match[3] is not None, piece))
    return {name: _joined(sorted(pieces, key=lambda p: p[0])) for name, pieces in found.items()}


def _joined(pieces: list[tuple[int, bool, bytes]]) -> str:
    if not any(extended for _, extended, _ in pieces):
        return text(b"".join(piece for _, _, piece in pieces))
    declared = ""
    if pieces[0][1] and pieces[0][2].count(b"'") >= 2:
        label, _, rest = pieces[0][2].split(b"'", 2)
        declared, pieces[0] = label.decode("ascii", "replace"), (0, True, rest)
    raw = b"".join(unquote_to_bytes(piece) if extended else piece for _, extended, piece in pieces)
    return one_line(charset.decode(raw, declared)[0])


def addresses(value: bytes) -> list[str]:
    """Return the addr-specs of an address field, as written, without names, at most 50."""
    bare = _QUOTED_STRING.sub(b"", value)  # a name may look like somebody else's address
    found = _ANGLED.findall(bare)
    found += _BARE.findall(_ANGLED.sub(b"", bare))
    return [charset.decode(address)[0].strip() for address in found[:50]]


def author(value: bytes) -> tuple[str, str]:
    """Return (name, addr-spec) of the first author of a From field; "" for what is not there."""
    if not addresses(value):
        value = text(value).encode()  # some senders put the whole field into one encoded word
    angled = _ANGLED.search(_QUOTED_STRING.sub(lambda match: b"x" * len(match[0]), value))
    if angled is None:
        bare = addresses(value)
        return ("", bare[0]) if bare else (text(value), "")
    name = value[: angled.start()].strip().strip(b'"').replace(b'\\"', b'"')
    return text(name).strip("\"' "), charset.decode(angled[1])[0].strip()
