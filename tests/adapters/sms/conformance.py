"""What the conformance kit has to know of SMS: two tokens, a signed form, and a Twilio that refuses and breaks off."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

from adapters.sms import wire
from gateway.errors import Permanent, Temporary, Unknown
from gateway.model import Contact, ContactType, OutboundMessage
from gateway.ports import HttpRequest
from sandbox.twilio import Fault, twilio_simulator
from tests.contract.channels import SILENT, Calls, Conformance, Provider, called, notice, samples
from tests.factories import START

TOKENS = ("t0ken-value", "n3xt-token")
SHARED_KEY = "sh4red-key"
ACCOUNT = "AC" + "1" * 32
WANG = "+85261234567"
CONFIG: Mapping[str, Any] = {
    "account_sid": ACCOUNT,
    "auth_tokens": list(TOKENS),
    "shared_keys": {"bank-1": SHARED_KEY},
    "from_number": "+15005550006",
    "base_url": "http://127.0.0.1:9",
}
FORM = {"MessageSid": "SM" + "a" * 32, "AccountSid": ACCOUNT, "From": WANG, "Body": "我的卡被扣了两次年费，请退"}
FAULTS = {
    SILENT: Fault(kind="stall"),
    "not our token": Fault(kind="refuse", status=401, code=20003),
    "too many": Fault(kind="refuse", status=429, code=20429, retry_after=2),
    "no such number": Fault(kind="refuse", status=400, code=21211),
    "opted out": Fault(kind="refuse", status=400, code=21610),
    "broken": Fault(kind="refuse", status=500, code=20500),
    "answer lost": Fault(kind="drop"),
    "answer garbled": Fault(kind="garble"),
}


def signed(token: str) -> HttpRequest:
    request = called(urlencode(FORM).encode(), {"content-type": "application/x-www-form-urlencoded"})
    proof = wire.signature(request.url, wire.form_of(request.body) or (), token)
    return called(request.body, {**request.headers, wire.SIGNATURE: proof})


@asynccontextmanager
async def provider() -> AsyncIterator[Provider]:
    async with twilio_simulator(account_sid=ACCOUNT, auth_token=TOKENS[0], now=lambda: START) as twilio:

        def config(timeout: float) -> Mapping[str, Any]:
            return {**CONFIG, "base_url": twilio.url, "timeout": timeout}

        def message(answer: str) -> OutboundMessage:
            if answer in FAULTS:
                twilio.fail_next(FAULTS[answer])
            return notice(Contact(type=ContactType.MOBILE, value=WANG))

        def held() -> Sequence[object]:
            return [(one.to, one.from_, one.body, one.callback) for one in twilio.messages]

        twilio.callbacks = "never"
        yield Provider(config=config, message=message, requests=lambda: twilio.requests, held=held)


CONFORMANCE = Conformance(
    config=CONFIG,
    secrets=(*TOKENS, SHARED_KEY),
    samples=samples(__file__, "*.form"),
    calls=Calls(genuine=signed(TOKENS[0]), rotated=signed(TOKENS[1]), signature=wire.SIGNATURE),
    provider=provider,
    answers={
        "not our token": Temporary,
        "too many": Temporary,
        "no such number": Permanent,
        "opted out": Permanent,
        "broken": Unknown,
        "answer lost": Unknown,
        "answer garbled": Unknown,
    },
)
