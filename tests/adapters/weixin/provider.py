"""Tencent's side of a callback, written again from path/96238: seals, signs and calls, also wrongly if told to."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from adapters.weixin.callback import Credential
from gateway.ports import HttpRequest
from tests.factories import START

CORP = "wx5823bf96d3bd56c7"
TODAY = Credential(token="t0ken0fToday", aes_key="A1b2C3d4E5f6G7h8I9j0" * 2 + "xyA")
TOMORROW = Credential(token="t0ken0fTomorrow", aes_key="Z9y8X7w6V5u4T3s2R1q0" * 2 + "abE")
NONCE = "1372623149"
SAID = (
    "<xml><ToUserName><![CDATA[wx5823bf96d3bd56c7]]></ToUserName><FromUserName><![CDATA[li]]></FromUserName>"
    "<MsgType>text</MsgType><Content><![CDATA[年费80元没提前说，请退]]></Content><MsgId>4561255354251345929</MsgId></xml>"
).encode()


def packed(message: bytes, receive_id: bytes = CORP.encode(), length: int | None = None) -> bytes:
    """Return salt, length, message and receive id; `length` where it is not that of the message."""
    return b"0123456789abcdef" + (len(message) if length is None else length).to_bytes(4, "big") + message + receive_id


def padded(content: bytes) -> bytes:
    fill = 32 - len(content) % 32
    return content + bytes([fill]) * fill


def encrypted(plain: bytes, credential: Credential = TODAY) -> bytes:
    """Encrypt whole blocks as they are."""
    key = base64.b64decode(credential.aes_key + "=")
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    return encryptor.update(plain) + encryptor.finalize()


def sealed(message: bytes = SAID, credential: Credential = TODAY, receive_id: bytes = CORP.encode()) -> str:
    return base64.b64encode(encrypted(padded(packed(message, receive_id)), credential)).decode()


def signed(token: str, *parts: str) -> str:
    return hashlib.sha1("".join(sorted([token, *parts])).encode()).hexdigest()


def envelope(ciphertext: str) -> bytes:
    return f"<xml><ToUserName>{CORP}</ToUserName><Encrypt><![CDATA[{ciphertext}]]></Encrypt></xml>".encode()


def request(
    query: Sequence[tuple[str, str]] | Mapping[str, str], body: bytes = b"", at: datetime = START
) -> HttpRequest:
    pairs = tuple(query.items()) if isinstance(query, Mapping) else tuple(query)
    return HttpRequest(
        method="POST" if body else "GET", path="", url="https://x", query=pairs, headers={}, body=body, at=at
    )


def query_for(
    ciphertext: str, credential: Credential = TODAY, *, at: datetime = START, timestamp: str = "", nonce: str = NONCE
) -> dict[str, str]:
    """Return the query of a call with this ciphertext."""
    timestamp = timestamp or str(int(at.timestamp()))
    signature = signed(credential.token, timestamp, nonce, ciphertext)
    return {"msg_signature": signature, "timestamp": timestamp, "nonce": nonce}


def call(ciphertext: str | None = None, credential: Credential = TODAY, **moment: str) -> HttpRequest:
    """Return a call at START, sealed and signed as Tencent does it."""
    ciphertext = sealed(credential=credential) if ciphertext is None else ciphertext
    return request(query_for(ciphertext, credential, **moment), envelope(ciphertext))
