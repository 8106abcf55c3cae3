"""Opens what Tencent sends to a callback address: who signed it, for whom, when. What it says is the channel's.

WeCom (path/96238, path/96466) and the official accounts' safe mode are the same but for the first call to an address.
"""

from __future__ import annotations

import base64
import hmac
import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from wechatpy.crypto import WeChatCrypto
from wechatpy.crypto.base import WeChatCipher

from adapters.weixin import wire
from gateway.errors import Forbidden, Invalid, Misconfigured
from gateway.ports import HttpReply, HttpRequest

MAX_BODY = 100_000
"""Bytes: what a webhook of these channels reads at most (Webhook.max_body). A message is a few thousand."""

_AES_KEY = re.compile(r"[A-Za-z0-9+/]{43}")
_SIGNATURE = re.compile(r"[0-9a-f]{40}")
_TIMESTAMP = re.compile(r"[1-9][0-9]{0,11}")
_NONCE = re.compile(r"[!-~]{1,128}")
_SEALED = re.compile(r"[A-Za-z0-9+/]{1,100000}={0,2}")
_ECHO = re.compile(r"[A-Za-z0-9+/=_.-]{1,200}")

Made = TypeVar("Made")


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What the console shows for a callback address: Token, and EncodingAESKey of 43 characters.

    Raises Misconfigured when one of them cannot be that.
    """

    token: str = field(repr=False)
    aes_key: str = field(repr=False)

    def __post_init__(self) -> None:
        if not self.token or not _AES_KEY.fullmatch(self.aes_key):
            raise Misconfigured("a callback needs its Token and its EncodingAESKey of 43 letters and digits")


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A genuine request, decrypted."""

    fields: Mapping[str, Any] = field(repr=False)  # of <xml>: strings, nested mappings, lists where a tag repeats
    xml: bytes = field(repr=False)  # the plaintext, for InboundMessage.raw
    signature: str = field(repr=False)
    at: datetime  # when it came
    credential: Credential

    def text(self, name: str) -> str:
        """Return the text of a field, "" where there is none or where it is more than a text."""
        value = self.fields.get(name)
        return value if isinstance(value, str) else ""


class Callback:
    """One callback address. Remembers what was answered well, for as long as it could come again."""

    def __init__(
        self,
        credentials: Sequence[Credential],
        *,
        receive_id: str,
        sealed_echo: bool,
        max_age: timedelta = timedelta(minutes=5),
    ) -> None:
        """Take the credentials of today and of a rotation under way.

        `receive_id` is the corp id or the app id. `sealed_echo`: the first call is encrypted as all others are (WeCom).
        """
        self._credentials = tuple(credentials)
        self._receive_id = receive_id
        self._sealed_echo = sealed_echo
        self._max_age = max_age
        self._answered: dict[str, datetime] = {}  # by signature, the oldest first

    def echo(self, request: HttpRequest) -> HttpReply:
        """Return what proves to the console that the address is ours (GET). Raises Forbidden or Invalid."""
        call = _Call(request, "msg_signature" if self._sealed_echo else "signature", self._max_age)
        if self._sealed_echo:
            sealed = call.matching(_SEALED, "echostr")
            echo = self._first(call, sealed, lambda one: self._message(one, sealed).decode("ascii", "replace"))
        else:
            echo = self._first(call, None, lambda _: call.parameter("echostr"))
        # Whoever has seen a message on its way could ask for it here as if it were an echo, to have it decrypted.
        if not _ECHO.fullmatch(echo):
            raise Invalid
        return HttpReply(body=echo.encode("ascii"))

    def open(self, request: HttpRequest) -> Opened:
        """Return what a call says (POST).

        Raises Forbidden when it is not genuine, not of now, not for us, or was answered well before (`done`); Invalid
        when it is genuine and makes no sense.
        """
        call = _Call(request, "msg_signature", self._max_age)
        if call.signature in self._answered:
            raise Forbidden
        sealed = _sealed_in(request.body)

        def opened(credential: Credential) -> Opened:
            xml = self._message(credential, sealed)
            return Opened(
                fields=wire.fields_of(xml), xml=xml, signature=call.signature, at=request.at, credential=credential
            )

        return self._first(call, sealed, opened)

    def done(self, opened: Opened) -> None:
        """Refuse this call from now on. To be called when it is committed: what failed must be able to come again.

        The signature alone names a call: timestamp and nonce can change places or share their digits otherwise, and it
        stays the same. Nodes do not tell each other, and need not: the events of a call have their ids.
        """
        self._answered[opened.signature] = opened.at
        # Its timestamp may be ahead of us by max_age, and it is of now for as long after that.
        while self._answered and opened.at - self._answered[oldest := next(iter(self._answered))] > 2 * self._max_age:
            del self._answered[oldest]

    def sealed(self, xml: str, opened: Opened, at: datetime) -> HttpReply:
        """Return a passive reply, encrypted and signed with what the call was signed with."""
        crypto = WeChatCrypto(opened.credential.token, opened.credential.aes_key, self._receive_id)
        sealed: str = crypto.encrypt_message(xml, secrets.token_hex(8), str(int(at.timestamp())))
        return HttpReply(body=sealed.encode(), media_type="application/xml")

    def _first(self, call: _Call, sealed: str | None, make: Callable[[Credential], Made]) -> Made:
        """Return what the first credential makes of it that signed it and can.

        Two may have signed it: a rotation that changes the key alone leaves the token as it was.
        """
        refusal: Forbidden | Invalid = Forbidden()
        for credential in self._signed_by(call, sealed):
            try:
                return make(credential)
            except (Forbidden, Invalid) as error:
                refusal = error
        raise refusal from None

    def _signed_by(self, call: _Call, sealed: str | None) -> Iterator[Credential]:
        signed = (call.timestamp, call.nonce) if sealed is None else (call.timestamp, call.nonce, sealed)
        for credential in self._credentials:
            if hmac.compare_digest(wire.signature(credential.token, *signed), call.signature):
                yield credential

    def _message(self, credential: Credential, sealed: str) -> bytes:
        cipher = WeChatCipher(base64.b64decode(credential.aes_key + "="))
        try:
            padded = cipher.decrypt(base64.b64decode(sealed))
        except ValueError:  # no whole groups of base64, or no whole blocks
            raise Invalid from None
        return wire.message_of(padded, self._receive_id)


class _Call:
    """The parameters of a request, each there once and well formed. Raises Forbidden where not, or not of now."""

    def __init__(self, request: HttpRequest, signed_as: str, max_age: timedelta) -> None:
        if request.path:
            raise Invalid
        self._query = request.query
        self.signature = self.matching(_SIGNATURE, signed_as)
        self.timestamp = self.matching(_TIMESTAMP, "timestamp")
        self.nonce = self.matching(_NONCE, "nonce")
        if abs(int(self.timestamp) - request.at.timestamp()) > max_age.total_seconds():
            raise Forbidden

    def parameter(self, name: str) -> str:
        values = [value for key, value in self._query if key == name]
        if len(values) != 1:
            raise Forbidden
        return values[0]

    def matching(self, form: re.Pattern[str], name: str) -> str:
        value = self.parameter(name)
        if not form.fullmatch(value):
            raise Forbidden
        return value


def _sealed_in(body: bytes) -> str:
    """Return the ciphertext of an envelope. What else stands in it is not signed, and so is not read.

    Official accounts in compatibility mode put the whole message beside it, in the clear.
    """
    if len(body) > MAX_BODY:
        raise Forbidden
    try:
        sealed = wire.fields_of(body).get("Encrypt")
    except Invalid:
        raise Forbidden from None  # nothing in it could prove that it is genuine
    if not isinstance(sealed, str) or not _SEALED.fullmatch(sealed):
        raise Forbidden
    return sealed
