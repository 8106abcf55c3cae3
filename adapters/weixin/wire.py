"""How Tencent writes a callback: its signature, its XML, and what is in the ciphertext. Pure; callback.py decides."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any
from xml.parsers import expat

from gateway.errors import Forbidden, Invalid

_BLOCK = 32  # bytes: padded to twice the block of AES (path/96238)
_SALT = 16
_LENGTH = 4
_DEEPEST = 20
# XML 1.0 forbids these even as references, and a customer's words may hold them: without this one of them would cost
# the whole message.
_UNWRITABLE = [*(code for code in range(32) if chr(code) not in "\t\n\r"), 0xFFFE, 0xFFFF]
_WRITABLE = dict.fromkeys(_UNWRITABLE, " ")


def signature(token: str, *signed: str) -> str:
    """Return the signature over the timestamp, the nonce and, where a request has one, the ciphertext."""
    return hashlib.sha1("".join(sorted((token, *signed))).encode()).hexdigest()


def message_of(padded: bytes, receive_id: str) -> bytes:
    """Return the message in a decrypted text: salt, length, message, receive id, padding (path/96238).

    Raises Forbidden when it is for somebody else, Invalid when it is not made like that.
    """
    fill = padded[-1] if padded else 0
    if len(padded) % _BLOCK or not 1 <= fill <= _BLOCK or padded[-fill:] != bytes([fill]) * fill:
        raise Invalid
    content = padded[_SALT:-fill]
    length = int.from_bytes(content[:_LENGTH], "big")
    message, addressee = content[_LENGTH : _LENGTH + length], content[_LENGTH + length :]
    if len(content) < _LENGTH or len(message) < length:
        raise Invalid
    if not hmac.compare_digest(addressee, receive_id.encode()):
        raise Forbidden
    return message


def fields_of(xml: bytes) -> Mapping[str, Any]:
    """Return what stands in <xml>: strings, mappings where elements are nested, lists where one repeats.

    It is read as UTF-8 whatever it declares, half a character, as where words were cut off, as U+FFFD. Raises Invalid
    for anything else: another root, a document type, 20 levels.
    """
    tree = _Tree()
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = tree.doctype  # no entities without it, so nothing to expand and nothing to fetch
    parser.StartElementHandler = tree.start
    parser.EndElementHandler = tree.end
    parser.CharacterDataHandler = tree.text
    try:
        parser.Parse(xml.decode("utf-8", "replace").translate(_WRITABLE), True)
    except expat.ExpatError:
        raise Invalid from None
    return tree.root()


class _Element:
    __slots__ = ("children", "name", "words")

    def __init__(self, name: str) -> None:
        self.name = name
        self.words: list[str] = []
        self.children: dict[str, Any] = {}

    def add(self, name: str, value: object) -> None:
        """Keep a child; from its second time on, a name has a list."""
        if name not in self.children:
            self.children[name] = value
        elif isinstance(self.children[name], list):
            self.children[name].append(value)
        else:
            self.children[name] = [self.children[name], value]

    @property
    def value(self) -> object:
        return self.children or "".join(self.words)


class _Tree:
    """What the parser has seen."""

    def __init__(self) -> None:
        self._open = [_Element("")]  # the document itself, then whatever is not closed yet

    def doctype(self, *_declared: object) -> None:
        raise Invalid

    def start(self, name: str, _attributes: object) -> None:
        if len(self._open) > _DEEPEST:
            raise Invalid
        self._open.append(_Element(name))

    def end(self, _name: str) -> None:
        closed = self._open.pop()
        self._open[-1].add(closed.name, closed.value)

    def text(self, words: str) -> None:
        self._open[-1].words.append(words)

    def root(self) -> Mapping[str, Any]:
        fields = self._open[0].children.get("xml")
        if not isinstance(fields, dict):
            raise Invalid
        return fields
