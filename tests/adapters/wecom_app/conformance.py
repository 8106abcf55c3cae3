"""What the conformance kit has to know of WeCom's app: two credentials, a sealed press, and answers that refuse."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from xml.etree import ElementTree

from wechatpy.enterprise.crypto import WeChatCrypto

from gateway.errors import Permanent, Temporary, Unknown
from gateway.model import Contact, ContactType, OutboundMessage
from gateway.ports import HttpRequest
from sandbox.wecom import App, wecom_simulator
from sandbox.wecom_corp import Break
from tests.adapters.wecom_app.branch import AES_KEY, AGENT, CORP, NEXT_AES_KEY, NEXT_TOKEN, SECRET, TOKEN
from tests.contract.channels import CARD, SILENT, Calls, Conformance, Greeting, Provider, called, notice, samples
from tests.factories import START

SAMPLES = samples(__file__, "*.xml")
SEND = "message/send"
CONFIG: Mapping[str, Any] = {
    "corp_id": CORP,
    "agent_id": AGENT,
    "secret": SECRET,
    "credentials": [{"token": TOKEN, "aes_key": AES_KEY}, {"token": NEXT_TOKEN, "aes_key": NEXT_AES_KEY}],
    "base_url": "http://127.0.0.1:9",
    "per_minute": 1000,  # the kit sends many at once to one member
}
REFUSED = {"too often": 45009, "our rights": 60011, "no such member": 81013, "too long": 45002, "busy": -1}
BROKEN: Mapping[str, Break] = {SILENT: "stall", "answer lost": "drop", "answer garbled": "garble", "broken": "http500"}


def _sealed(token: str, aes_key: str, plain: str) -> dict[str, str]:
    sealed = WeChatCrypto(token, aes_key, CORP).encrypt_message(plain, "263014780", str(int(START.timestamp())))
    return {part.tag: part.text or "" for part in ElementTree.fromstring(sealed)}


def _query(sealed: Mapping[str, str]) -> list[tuple[str, str]]:
    names = {"msg_signature": "MsgSignature", "timestamp": "TimeStamp", "nonce": "Nonce"}
    return [(name, sealed[part]) for name, part in names.items()]


def pressed(token: str, aes_key: str) -> HttpRequest:
    sealed = _sealed(token, aes_key, SAMPLES["press.xml"].decode())
    return called(f"<xml><Encrypt>{sealed['Encrypt']}</Encrypt></xml>".encode(), {}, query=_query(sealed))


def greeted() -> HttpRequest:
    sealed = _sealed(TOKEN, AES_KEY, "1616140317555161061")
    return called(b"", {}, method="GET", query=[*_query(sealed), ("echostr", sealed["Encrypt"])])


@asynccontextmanager
async def provider() -> AsyncIterator[Provider]:
    app = App(agent_id=AGENT, secret=SECRET)
    async with wecom_simulator(corp_id=CORP, apps=[app], staff=["ChenJing"], now=lambda: START) as wecom:

        def config(timeout: float) -> Mapping[str, Any]:
            return {**CONFIG, "base_url": wecom.url, "timeout": timeout}

        def message(answer: str) -> OutboundMessage:
            if answer in BROKEN:
                wecom.faults.break_next(SEND, BROKEN[answer])
            if answer in REFUSED:
                wecom.faults.answer_next(SEND, REFUSED[answer])
            to = "strangers" if answer == "strangers" else "chenjing"
            return notice(Contact(type=ContactType.WECOM_STAFF, value=to, verified=True), CARD)

        def held() -> Sequence[object]:
            return [(one.userid, one.msgtype, one.content) for one in wecom.members.messages]

        yield Provider(config=config, message=message, requests=lambda: wecom.requests[SEND], held=held)


CONFORMANCE = Conformance(
    config=CONFIG,
    secrets=(SECRET, TOKEN, AES_KEY, NEXT_TOKEN, NEXT_AES_KEY),
    samples=SAMPLES,
    calls=Calls(genuine=pressed(TOKEN, AES_KEY), rotated=pressed(NEXT_TOKEN, NEXT_AES_KEY), signature="msg_signature"),
    greeting=Greeting(genuine=greeted(), wanted=b"1616140317555161061", signature="msg_signature"),
    provider=provider,
    answers={
        "too often": Temporary,
        "our rights": Temporary,
        "no such member": Permanent,
        "strangers": Permanent,
        "too long": Permanent,
        "busy": Unknown,
        "broken": Unknown,
        "answer lost": Unknown,
        "answer garbled": Unknown,
    },
)
