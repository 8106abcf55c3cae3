"""Whatever is sent to the webhook gives Forbidden, Invalid or events, and never another error."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.sms import read, wire
from adapters.sms.inbound import TwilioHook
from gateway.errors import Forbidden, Invalid
from gateway.ports import HttpRequest
from tests.adapters.sms.line import HOOK, KEY, TOKEN, config
from tests.factories import START

SECRETS = wire.Secrets(tokens=(TOKEN,), shared_keys={"bank-1": "sh4red"})
SAMPLES = [path.read_bytes().strip() for path in sorted(Path(__file__).with_name("samples").glob("*.form"))]

values = st.text(max_size=30) | st.sampled_from(["key=bank-1,algorithm=HMAC_SHA256", "algorithm=", "=,=", "\udcff"])
headers = st.dictionaries(
    st.sampled_from([wire.SIGNATURE, wire.SIGNATURE_SETTINGS, "content-type", "x-forwarded-host"]), values
)
paths = st.sampled_from(["", f"status/{KEY}", "status/", "../etc"]) | st.text(max_size=40)
queries = st.text(max_size=40) | st.sampled_from(["\udcff", "a=%zz", "bodySHA256=0"])  # as aiohttp decodes a bad byte
mutated = st.builds(
    lambda body, at, junk: body[:at] + junk + body[at + len(junk) :],
    st.sampled_from(SAMPLES),
    st.integers(0, 400),
    st.binary(max_size=12) | st.sampled_from([b"&Body=", b"%00", b"%ff%fe", b"&From=", b"&NumMedia=-1", b"%ed%a0%bd"]),
)
bodies = st.binary(max_size=300) | mutated


def answered(hook: TwilioHook, path: str, query: str, told: dict[str, str], body: bytes) -> str:
    url = f"{HOOK}/{path}?{query}"
    request = HttpRequest(method="POST", path=path, url=url, query=(), headers=told, body=body, at=START)
    try:
        received = hook.receive(request)
    except Forbidden:
        return "forbidden"
    except Invalid:
        return "invalid"
    assert len(received.events) == 1
    return "taken"


@settings(max_examples=300, deadline=None)
@given(paths, queries, headers, bodies)
def test_nobody_without_the_secret_gets_past_the_signature(
    path: str, query: str, told: dict[str, str], body: bytes
) -> None:
    assert answered(TwilioHook(config(), SECRETS, "sms"), path, query, told, body) == "forbidden"


@settings(max_examples=300, deadline=None)
@given(paths, queries, headers, bodies)
def test_whoever_gets_past_it_gets_an_answer_all_the_same(
    path: str, query: str, told: dict[str, str], body: bytes
) -> None:
    hook = TwilioHook(config(signature="observe"), SECRETS, "sms")
    assert answered(hook, path, query, told, body) in {"forbidden", "invalid", "taken"}


@settings(max_examples=300, deadline=None)
@given(bodies, st.text(max_size=10))
def test_a_saved_request_of_any_kind_can_be_read(body: bytes, name: str) -> None:
    assert len(list(read(body, name))) == 1
