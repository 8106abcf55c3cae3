"""How the simulated WeCom calls an app's hook: encrypted, signed, tried three times, and its passive reply opened.

By wechatpy and not by adapters/weixin, so that two implementations meet. Sources: path/96466 (5 s, 3 tries, only 200
counts), path/96238 (signature and encryption).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import aiohttp
import xmltodict
from wechatpy.enterprise.crypto import WeChatCrypto

from sandbox.wecom_corp import App, Corp

_TRIES = 3
_ECHO_SECONDS = 1.0  # the admin's "save" fails after that (path/96466)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One try of a callback, as it went."""

    agent_id: int
    event: str  # the Event or MsgType of what was sent
    attempt: int  # 1 to 3
    status: int  # HTTP; 0: nobody answered in time


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """How a callback ended."""

    status: int
    reply: Mapping[str, Any] | None = field(default=None, repr=False)  # the <xml> of the passive reply, decrypted
    problem: str = ""  # why the reply could not be read


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waiting:
    app: App
    plain: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sealed:
    query: Mapping[str, str]
    body: str


class Caller:
    """Calls the hooks of one corporation's apps."""

    def __init__(self, corp: Corp) -> None:
        self._corp = corp
        self._waiting: list[_Waiting] = []
        self.calls: list[Call] = []

    def tell(self, app: App, plain: Mapping[str, Any]) -> None:
        """Call beside what caused it, or keep the call until it is asked for."""
        if self._corp.callbacks == "at_once":
            self._corp.soon(self.deliver(app, plain))
        elif self._corp.callbacks == "on_demand":
            self._waiting.append(_Waiting(app=app, plain=plain))

    async def ring(self, *, reverse: bool, copies: int, resealed: bool) -> list[int]:
        """Make the calls that wait; `copies` are the same bytes, or the same event encrypted and signed anew."""
        waiting, self._waiting = self._waiting, []
        statuses = []
        for one in reversed(waiting) if reverse else waiting:
            sealed = self._sealed(one.app, one.plain)
            for copy in range(copies):
                sent = self._sealed(one.app, one.plain) if resealed and copy else sealed
                statuses.append((await self._tried(one.app, one.plain, sent)).status)
        return statuses

    async def deliver(self, app: App, plain: Mapping[str, Any]) -> Answered:
        """Call now, up to three times with the same bytes."""
        return await self._tried(app, plain, self._sealed(app, plain))

    async def verify(self, app: App) -> bool:
        """Play the admin who presses "save": tell whether the hook gave the echo back, byte by byte, within 1 s."""
        echo = str(int.from_bytes(os.urandom(8)))
        timestamp, nonce = self._moment()
        envelope = xmltodict.parse(_crypto(app, self._corp).encrypt_message(echo, nonce, timestamp))["xml"]
        query = {"msg_signature": envelope["MsgSignature"], "timestamp": timestamp, "nonce": nonce}
        query["echostr"] = envelope["Encrypt"]
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_ECHO_SECONDS)) as session,
                session.get(app.hook_url, params=query, allow_redirects=False) as response,
            ):
                return response.status == HTTPStatus.OK and await response.read() == echo.encode()
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False

    async def _tried(self, app: App, plain: Mapping[str, Any], sealed: _Sealed) -> Answered:
        answered = Answered(status=0)
        if not app.hook_url:
            return answered
        event = str(plain.get("Event", plain["MsgType"]))
        for attempt in range(1, _TRIES + 1):
            status, body = await self._posted(app.hook_url, sealed)
            self.calls.append(Call(agent_id=app.agent_id, event=event, attempt=attempt, status=status))
            answered = Answered(status=status)
            if status == HTTPStatus.OK:
                return self._opened(app, body) if body else answered
        return answered

    async def _posted(self, url: str, sealed: _Sealed) -> tuple[int, bytes]:
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=self._corp.patience)) as session,
                session.post(
                    url,
                    params=sealed.query,
                    data=sealed.body.encode(),
                    headers={"Content-Type": "text/xml"},
                    allow_redirects=False,
                ) as response,
            ):
                return response.status, await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError):
            return 0, b""

    def _sealed(self, app: App, plain: Mapping[str, Any]) -> _Sealed:
        timestamp, nonce = self._moment()
        text = _xml(plain)
        envelope = xmltodict.parse(_crypto(app, self._corp).encrypt_message(text, nonce, timestamp))["xml"]
        body = {"ToUserName": self._corp.corp_id, "Encrypt": envelope["Encrypt"], "AgentID": str(app.agent_id)}
        query = {"msg_signature": envelope["MsgSignature"], "timestamp": timestamp, "nonce": nonce}
        return _Sealed(query=query, body=_xml(body))

    def _moment(self) -> tuple[str, str]:
        return str(int(self._corp.now().timestamp())), str(int.from_bytes(os.urandom(4)))

    def _opened(self, app: App, body: bytes) -> Answered:
        try:
            envelope = xmltodict.parse(body)["xml"]
            plain = _crypto(app, self._corp).decrypt_message(
                body.decode(), envelope["MsgSignature"], envelope["TimeStamp"], envelope["Nonce"]
            )
            return Answered(status=HTTPStatus.OK, reply=xmltodict.parse(plain)["xml"])
        except Exception as problem:  # wechatpy raises many kinds for one thing: a reply that WeCom would not take
            return Answered(status=HTTPStatus.OK, problem=repr(problem))


def _crypto(app: App, corp: Corp) -> WeChatCrypto:
    return WeChatCrypto(app.token, app.aes_key, corp.corp_id)


def _xml(fields: Mapping[str, Any]) -> str:
    return f"<xml>{''.join(_element(name, value) for name, value in fields.items())}</xml>"


def _element(name: str, value: object) -> str:
    match value:
        case list():
            return "".join(_element(name, one) for one in value)
        case Mapping():
            inner = "".join(_element(key, one) for key, one in value.items())
        case str():
            inner = f"<![CDATA[{value.replace(']]>', ']]]]><![CDATA[>')}]]>"
        case _:
            inner = str(value)
    return f"<{name}>{inner}</{name}>"
