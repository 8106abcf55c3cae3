"""Small signed values that travel through the customer's browser, so that any node can serve the next request."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable, Mapping
from typing import Any

import orjson

Sign = Callable[[bytes], bytes]
"""A keyed MAC, the same on every node; each use puts its purpose in front of what is signed."""

MAC_BYTES = 16


class Tokens:
    """Makes and reads values of the form `payload.mac`, safe in a URL. A token is proof of origin, not a secret."""

    def __init__(self, sign: Sign) -> None:
        self._sign = sign

    def make(self, purpose: str, payload: Mapping[str, Any]) -> str:
        body = orjson.dumps(payload)
        return f"{_text(body)}.{_text(self._mac(purpose, body))}"

    def read(self, purpose: str, token: str) -> dict[str, Any] | None:
        """Return the payload of a token made for this purpose; None for anything else."""
        body, _, mac = token.partition(".")
        try:
            payload = _bytes(body)
            genuine = hmac.compare_digest(self._mac(purpose, payload), _bytes(mac))
        except (binascii.Error, ValueError):
            return None
        if not genuine:
            return None
        read: dict[str, Any] = orjson.loads(payload)
        return read

    def name(self, purpose: str, value: str) -> str:
        """Return a name for the value that does not reveal it, for example a key of a rate."""
        return self._mac(purpose, value.encode()).hex()

    def _mac(self, purpose: str, body: bytes) -> bytes:
        return self._sign(purpose.encode() + b"\0" + body)[:MAC_BYTES]


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _bytes(value: str) -> bytes:
    return base64.b64decode(value + "=" * (-len(value) % 4), altchars=b"-_", validate=True)
