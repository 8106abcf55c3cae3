"""What the conformance kit has to know of a 公众号: two credentials, a sealed text, and a WeChat that refuses."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree

from wechatpy.crypto import WeChatCrypto

from adapters.weixin.wire import signature
from gateway.errors import Permanent, Temporary, Unknown
from gateway.model import Contact, ContactType, OutboundMessage
from gateway.ports import HttpRequest
from sandbox.wechat import Fault, WeChat, wechat_simulator
from sandbox.wechat_account import SimulatedMedia
from tests.adapters.wechat.account import (
    ACCEPTED,
    AES_KEY,
    APP_ID,
    CONSENTED,
    NEXT_AES_KEY,
    NEXT_TOKEN,
    SECRET,
    TOKEN,
    WANG,
    settings,
)
from tests.contract.channels import (
    SILENT,
    TEMPLATE,
    Calls,
    Conformance,
    Files,
    Greeting,
    Provider,
    called,
    notice,
    samples,
)
from tests.factories import START

SAMPLES = samples(__file__, "*.xml")
ECHO = "7161331615160312"
NONCE = "263014780"
AT = str(int(START.timestamp()))
FAULTS: Mapping[str, Fault] = {
    SILENT: Fault(kind="stall"),
    "too often": Fault(kind="refuse", code=45009),
    "no such template": Fault(kind="refuse", code=40037),
    "no such follower": Fault(kind="refuse", code=40003),
    "does not follow": Fault(kind="refuse", code=43004),
    "no consent left": Fault(kind="refuse", code=43101),
    "content blocked": Fault(kind="refuse", code=40249),
    "busy": Fault(kind="refuse", code=-1),
    "broken": Fault(kind="broken"),
    "answer lost": Fault(kind="drop"),
    "answer garbled": Fault(kind="garble"),
}
FILE_FAULTS: Mapping[str, Fault] = {
    SILENT: Fault(kind="stall"),
    "gone": Fault(kind="refuse", code=40007),
    "too often": Fault(kind="refuse", code=45009),
    "broken": Fault(kind="broken"),
}


def sealed(token: str, aes_key: str) -> HttpRequest:
    envelope = WeChatCrypto(token, aes_key, APP_ID).encrypt_message(SAMPLES["text.xml"].decode(), NONCE, AT)
    told = {part.tag: part.text or "" for part in ElementTree.fromstring(envelope)}
    query = [("msg_signature", told["MsgSignature"]), ("timestamp", AT), ("nonce", NONCE)]
    return called(f"<xml><Encrypt>{told['Encrypt']}</Encrypt></xml>".encode(), {}, query=query)


def greeted() -> HttpRequest:
    query = [("signature", signature(TOKEN, AT, NONCE)), ("timestamp", AT), ("nonce", NONCE), ("echostr", ECHO)]
    return called(b"", {}, method="GET", query=query)


@asynccontextmanager
async def simulator() -> AsyncIterator[WeChat]:
    async with wechat_simulator(
        app_id=APP_ID,
        secret=SECRET,
        token=TOKEN,
        aes_key=AES_KEY,
        templates=(ACCEPTED, CONSENTED),
        callbacks="never",
        now=lambda: START,
        known={WANG},
        followers={WANG},
    ) as wechat:
        yield wechat


@asynccontextmanager
async def provider() -> AsyncIterator[Provider]:
    async with simulator() as wechat:

        def config(timeout: float) -> Mapping[str, Any]:
            return settings(wechat.url, timeout=timeout)

        def message(answer: str) -> OutboundMessage:
            if answer in FAULTS:
                wechat.fail_next(FAULTS[answer])
            return notice(Contact(type=ContactType.WECHAT, value=WANG), TEMPLATE)

        def held() -> Sequence[object]:
            return wechat.requests  # of two with one client_msg_id WeChat keeps the first

        yield Provider(config=config, message=message, requests=lambda: len(wechat.requests), held=held)


@asynccontextmanager
async def files() -> AsyncIterator[Files]:
    async with simulator() as wechat:
        content = b"\xff\xd8a picture"

        def config(timeout: float) -> Mapping[str, Any]:
            return settings(wechat.url, timeout=timeout)

        def ref(answer: str) -> str:
            if answer in FILE_FAULTS:
                wechat.fail_next_file(FILE_FAULTS[answer])
            wechat.media["media-id-1"] = SimulatedMedia(
                content=content, media_type="image/jpeg", name="a.jpg", until=START + timedelta(days=3)
            )
            return "media-id-1"

        yield Files(config=config, ref=ref, requests=lambda: wechat.files_asked, content=content)


CONFORMANCE = Conformance(
    config=settings(),
    secrets=(SECRET, TOKEN, AES_KEY, NEXT_TOKEN, NEXT_AES_KEY),
    samples=SAMPLES,
    calls=Calls(genuine=sealed(TOKEN, AES_KEY), rotated=sealed(NEXT_TOKEN, NEXT_AES_KEY), signature="msg_signature"),
    greeting=Greeting(genuine=greeted(), wanted=ECHO.encode(), signature="signature"),
    provider=provider,
    answers={
        "too often": Temporary,
        "no such template": Temporary,
        "no such follower": Permanent,
        "does not follow": Permanent,
        "no consent left": Permanent,
        "content blocked": Permanent,
        "busy": Unknown,
        "broken": Unknown,
        "answer lost": Unknown,
        "answer garbled": Unknown,
    },
    files=files,
    file_answers={"gone": Permanent, "too often": Temporary, "broken": Temporary},
)
