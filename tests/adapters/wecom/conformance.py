"""What the conformance kit has to know of 微信客服: two pairs of keys, a bell, a WeCom that refuses and breaks off."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import count
from typing import Any
from xml.etree import ElementTree

from wechatpy.enterprise.crypto import WeChatCrypto

from gateway.errors import Permanent, Temporary, Unknown
from gateway.model import Contact, ContactType, OutboundMessage
from gateway.ports import HttpRequest
from sandbox.wecom_corp import Break
from tests.adapters.wecom.house import (
    AES_KEY,
    CORP,
    KF,
    NEXT_AES_KEY,
    NEXT_TOKEN,
    SECRET,
    TOKEN,
    WANG,
    table,
    wecom_of,
)
from tests.contract.channels import (
    SILENT,
    Archive,
    Calls,
    Conformance,
    Files,
    Greeting,
    Provider,
    called,
    notice,
    samples,
)
from tests.factories import START, Clock

CONFIG = table()
BELL = (
    f"<xml><ToUserName>{CORP}</ToUserName><CreateTime>1795400100</CreateTime><MsgType>event</MsgType>"
    f"<Event>kf_msg_or_event</Event><Token>ENC-of-the-bell</Token><OpenKfId>{KF}</OpenKfId></xml>"
)
CODES = {
    "not our address": 60020,
    "too often": 45009,
    "app not allowed": 48002,
    "never heard of": 99999,
    "five already": 95001,
    "48 hours over": 95002,
    "no such customer": 40096,
    "busy": -1,
}
BREAKS: Mapping[str, Break] = {
    SILENT: "stall",
    "broken": "http500",
    "answer lost": "drop",
    "answer garbled": "garble",
    "empty": "empty",
}
WRITTEN = 25
FILE = b"\xff\xd8 a picture of a statement"


def sealed(plain: str, token: str, aes_key: str) -> Mapping[str, str]:
    """Return the envelope of a callback, made by another implementation than ours."""
    made = WeChatCrypto(token, aes_key, CORP).encrypt_message(plain, "1372623149", str(int(START.timestamp())))
    return {part.tag: part.text or "" for part in ElementTree.fromstring(made)}


def query(envelope: Mapping[str, str]) -> list[tuple[str, str]]:
    return [
        ("msg_signature", envelope["MsgSignature"]),
        ("timestamp", envelope["TimeStamp"]),
        ("nonce", envelope["Nonce"]),
    ]


def rung(token: str, aes_key: str) -> HttpRequest:
    envelope = sealed(BELL, token, aes_key)
    return called(f"<xml><Encrypt>{envelope['Encrypt']}</Encrypt></xml>".encode(), {}, query=query(envelope))


def greeted() -> Greeting:
    envelope = sealed("1616140317555161061", TOKEN, AES_KEY)
    asked = called(b"", {}, method="GET", query=[*query(envelope), ("echostr", envelope["Encrypt"])])
    return Greeting(genuine=asked, wanted=b"1616140317555161061", signature="msg_signature")


@asynccontextmanager
async def provider() -> AsyncIterator[Provider]:
    customers = count(1)
    async with wecom_of(Clock()) as wecom:

        def config(timeout: float) -> Mapping[str, Any]:
            return {**CONFIG, "base_url": wecom.url, "timeout": timeout}

        def message(answer: str) -> OutboundMessage:
            if answer in BREAKS:
                wecom.faults.break_next("kf/send_msg", BREAKS[answer])
            elif answer in CODES:
                wecom.faults.answer_next("kf/send_msg", CODES[answer])
            customer = f"{WANG}{next(customers)}"  # each has a window of five messages
            wecom.chats.write(customer, KF, "text", {"content": "年费请退"})
            return notice(Contact(type=ContactType.WECOM, value=f"{KF}/{customer}"))

        def held() -> Sequence[object]:
            return [(one.external_userid, one.msgid, one.text) for one in wecom.chats.messages if not one.mine]

        yield Provider(config=config, message=message, requests=lambda: wecom.requests["kf/send_msg"], held=held)


@asynccontextmanager
async def archive() -> AsyncIterator[Archive]:
    async with wecom_of(Clock()) as wecom:
        wecom.faults.page_limit = 10
        for number in range(WRITTEN):
            wecom.chats.write(WANG, KF, "text", {"content": f"第{number}句"})
        ticket = next(reversed(wecom.chats.tickets))
        yield Archive(config=lambda seconds: table(wecom.url, timeout=seconds), stream=KF, held=WRITTEN, ticket=ticket)


@asynccontextmanager
async def files() -> AsyncIterator[Files]:
    async with wecom_of(Clock()) as wecom:

        def ref(answer: str) -> str:
            if answer == "gone":
                wecom.faults.answer_next("media/get", 40007)
            elif answer == "too often":
                wecom.faults.answer_next("media/get", 45009)
            elif answer in BREAKS:
                wecom.faults.break_next("media/get", BREAKS[answer])
            return wecom.files.put(FILE, "image/jpeg", "对账单.jpg")

        yield Files(
            config=lambda seconds: table(wecom.url, timeout=seconds),
            ref=ref,
            requests=lambda: wecom.requests["media/get"],
            content=FILE,
        )


CONFORMANCE = Conformance(
    config=CONFIG,
    secrets=(SECRET, TOKEN, AES_KEY, NEXT_TOKEN, NEXT_AES_KEY),
    samples={**samples(__file__, "*.json"), **samples(__file__, "pages/*.json")},
    calls=Calls(
        genuine=rung(TOKEN, AES_KEY),
        rotated=rung(NEXT_TOKEN, NEXT_AES_KEY),
        signature="msg_signature",
    ),
    greeting=greeted(),
    provider=provider,
    answers={
        "too often": Temporary,
        "not our address": Temporary,
        "app not allowed": Temporary,
        "never heard of": Temporary,
        "five already": Permanent,
        "48 hours over": Permanent,
        "no such customer": Permanent,
        "busy": Unknown,
        "broken": Unknown,
        "answer lost": Unknown,
        "answer garbled": Unknown,
        "empty": Unknown,
    },
    archive=archive,
    files=files,
    file_answers={
        "gone": Permanent,
        "too often": Temporary,
        "broken": Temporary,
        "answer garbled": Temporary,
    },
)
