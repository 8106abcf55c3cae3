"""How a simulated 公众号 calls its owner: the XML, its encryption and its signatures."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from uuid import uuid4

from wechatpy.crypto import PrpCrypto

Mode = Literal["plain", "compatible", "safe"]
Fields = Mapping[str, object]  # of str, int, mappings of the same, and lists of them, which repeat their tag


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealer:
    """What an account's callbacks are signed and encrypted with."""

    app_id: str
    token: str = field(repr=False)
    aes_key: str = field(repr=False)

    def verification(self, echo: str, timestamp: int) -> dict[str, str]:
        """Return the query of the call that makes sure whose the address is."""
        nonce = _nonce()
        return {**self._signed(timestamp, nonce), "echostr": echo}

    def callback(self, fields: Fields, mode: Mode, timestamp: int) -> tuple[dict[str, str], bytes]:
        """Return query and body of a call; each is sealed anew, as the real ones are."""
        nonce, xml = _nonce(), written(fields)
        query = {**self._signed(timestamp, nonce), "openid": str(fields["FromUserName"])}
        if mode == "plain":
            return query, xml.encode()
        sealed = PrpCrypto(base64.b64decode(f"{self.aes_key}=")).encrypt(xml, self.app_id).decode()
        query |= {"encrypt_type": "aes", "msg_signature": self._signature(str(timestamp), nonce, sealed)}
        beside = fields if mode == "compatible" else {"ToUserName": fields["ToUserName"]}
        return query, written({**beside, "Encrypt": sealed}).encode()

    def _signed(self, timestamp: int, nonce: str) -> dict[str, str]:
        return {
            "signature": self._signature(str(timestamp), nonce),
            "timestamp": str(timestamp),
            "nonce": nonce,
        }

    def _signature(self, *signed: str) -> str:
        return hashlib.sha1("".join(sorted((self.token, *signed))).encode(), usedforsecurity=False).hexdigest()


def written(fields: Fields) -> str:
    """Return the XML of a callback."""
    return f"<xml>{''.join(_element(name, value) for name, value in fields.items())}</xml>"


def _element(name: str, value: object) -> str:
    if isinstance(value, list):
        return "".join(_element(name, one) for one in value)
    if isinstance(value, Mapping):
        inner = "".join(_element(key, one) for key, one in value.items())
    elif isinstance(value, int):
        inner = str(value)
    else:
        inner = f"<![CDATA[{str(value).replace(']]>', ']]]]><![CDATA[>')}]]>"
    return f"<{name}>{inner}</{name}>"


def _nonce() -> str:
    return str(uuid4().int % 10**10)
