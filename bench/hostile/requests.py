"""What a stranger, a broken proxy and a compromised provider send: forged, cut, swollen, and genuine nonsense.

Most are signed rightly, because what is not ends at the signature and tells little about what lies behind it.
"""

from __future__ import annotations

import json
import random
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import quote_from_bytes, urlencode

from twilio.request_validator import RequestValidator

from gateway.model import Speaker
from sandbox import transcripts
from sandbox.spoken import Line

ACCOUNT, TOKEN = f"AC{'0' * 32}", "bench-twilio-token"
SECRET = "whsec_YmVuY2gtc2VjcmV0LW9mLTI0LWJ5dGVzIQ=="
PUBLIC = "https://complaints.bank.example"

LINES = (
    Line(speaker=Speaker.AGENT, text="您好，请讲", start_ms=0, end_ms=900, confidence=0.97),
    Line(speaker=Speaker.CUSTOMER, text="说好保本，现在亏了", start_ms=1000, end_ms=3200, confidence=0.62),
)
PIECES = (
    "",
    "\0",
    "\ud7ff\u2028",
    "投" * 50,
    "😀" * 40,
    "A" * 5000,
    "%00",
    "<xml>",
    "{{7*7}}",
    "' OR 1=1 --",
    "\r\nX: 1",
)


@dataclass(frozen=True, slots=True)
class Hostile:
    """One request: its path below the source's address with its query, and what is sent there."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    method: str = "POST"


Maker = Callable[[random.Random], Hostile]


def forged(chance: random.Random) -> Hostile:
    """Anything at all, unsigned."""
    return Hostile("", {}, chance.randbytes(chance.randrange(2000)))


def swollen(chance: random.Random) -> Hostile:
    return Hostile("", {}, b"a" * chance.choice((300_000, 5_000_000)))


def odd_headers(chance: random.Random) -> Hostile:
    value = chance.choice(("", "=" * 4000, "v1,", "v1,AAAA " * 300, "é" * 10, "key=,algorithm=HMAC_SHA256"))
    names = ("X-Twilio-Signature", "webhook-signature", "webhook-timestamp", "X-Twilio-Webhooks-Signature-Settings")
    return Hostile("", dict.fromkeys(names, value.encode("latin-1").decode("latin-1")), b"a=1")


# -- Twilio -----------------------------------------------------------------------------------------------------------


def _form(chance: random.Random) -> dict[str, str]:
    return {
        "MessageSid": f"SM{uuid.UUID(int=chance.getrandbits(128)).hex}",
        "AccountSid": ACCOUNT,
        "From": f"+8525{chance.randrange(10_000_000):07}",
        "To": "+15005550006",
        "Body": "年费80元没提前说，请退",
        "NumMedia": "0",
    }


def _texted(form: Mapping[str, str], path: str = "") -> Hostile:
    url = f"{PUBLIC}/hooks/hk-number{path}"
    signature = RequestValidator(TOKEN).compute_signature(url, form)
    body = urlencode(form, errors="replace").encode()
    return Hostile(path, {"X-Twilio-Signature": signature, **FORM}, body)


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def text_of_nonsense(chance: random.Random) -> Hostile:
    form = _form(chance)
    for name in chance.sample(sorted(form), chance.randrange(1, 4)):
        form[name] = chance.choice(PIECES)
    return _texted(form)


def text_with_strange_fields(chance: random.Random) -> Hostile:
    extra = {f"New{n}{chance.choice(PIECES[:4])}": chance.choice(PIECES) for n in range(chance.randrange(700))}
    return _texted({**extra, **_form(chance)})


def report_of_nothing(chance: random.Random) -> Hostile:
    form = _form(chance) | {"MessageStatus": chance.choice(("delivered", "undelivered", "new_word", *PIECES))}
    key = chance.choice(("0" * 26, "..%2f..%2fetc", "x", "7" * 200, "%00"))
    return _texted(form | {"ErrorCode": chance.choice(("30003", "-1", "9" * 30, "x"))}, f"/status/{key}")


def tampered_text(chance: random.Random) -> Hostile:
    return damaged(_texted(_form(chance)), chance)


# -- the hotline ------------------------------------------------------------------------------------------------------


def _is_utf_8(written: bytes) -> bool:
    try:
        return bool(written.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return False


ENVELOPED = sorted(name for name, write in transcripts.FORMATS.items() if _is_utf_8(write(LINES)))
"""The formats that can stand in JSON with what is known of the call."""


def _pushed(body: bytes, chance: random.Random, *, late: int = 0) -> Hostile:
    message_id = f"msg_{uuid.UUID(int=chance.getrandbits(128)).hex}"
    headers = transcripts.signed(SECRET, body, message_id=message_id, timestamp=int(time.time()) - late)
    return Hostile("", headers, body)


def _transcript(chance: random.Random) -> bytes:
    written = transcripts.FORMATS[chance.choice(ENVELOPED)](LINES)
    return transcripts.envelope(written, id=f"call-{chance.getrandbits(64)}", caller="+85251234567")


def transcript_with_flipped_bytes(chance: random.Random) -> Hostile:
    body = bytearray(_transcript(chance))
    for _ in range(chance.randrange(1, 20)):
        body[chance.randrange(len(body))] = chance.randrange(256)
    return _pushed(bytes(body), chance)


def transcript_with_other_values(chance: random.Random) -> Hostile:
    """Keys and shape as they should be, values of other kinds."""

    def twisted(value: object) -> object:
        if chance.random() < 0.1:
            return chance.choice((None, True, -1, 1e308, 10**40, "", [], {}, [[]], "9" * 400, {"a": 1}, *PIECES))
        if isinstance(value, dict):
            return {key: twisted(inner) for key, inner in value.items()}
        return [twisted(inner) for inner in value] if isinstance(value, list) else value

    return _pushed(json.dumps(twisted(json.loads(_transcript(chance)))).encode(), chance)


def deep_transcript(chance: random.Random) -> Hostile:
    depth = chance.choice((100, 5_000, 100_000))
    opened, closed = chance.choice(((b"[", b"]"), (b'{"transcript":', b"}")))
    return _pushed(opened * depth + b"1" + closed * depth, chance)


def cut_transcript(chance: random.Random) -> Hostile:
    body = _transcript(chance)
    return _pushed(body[: chance.randrange(len(body))], chance)


def stale_transcript(chance: random.Random) -> Hostile:
    return _pushed(_transcript(chance), chance, late=chance.choice((-100_000, 100_000, 10**12)))


def tampered_transcript(chance: random.Random) -> Hostile:
    return damaged(_pushed(_transcript(chance), chance), chance)


def call_that_ended_without_words(chance: random.Random) -> Hostile:
    body, _ = chance.choice(list(transcripts.NOT_READY.values()))
    return _pushed(transcripts.envelope(body, id=quote_from_bytes(chance.randbytes(4))), chance)


def damaged(request: Hostile, chance: random.Random) -> Hostile:
    """Signed rightly, then changed on the way: one byte other, one more or one less."""
    at, body = chance.randrange(len(request.body)), request.body
    changed = chance.choice((bytes([body[at] ^ 1]), body[at : at + 1] * 2, b""))
    return replace(request, body=body[:at] + changed + body[at + 1 :])
