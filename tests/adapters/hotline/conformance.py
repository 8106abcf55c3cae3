"""What the conformance kit has to know of the hotline: two secrets, a signed push, a transcript in every format."""

from __future__ import annotations

import json
from base64 import b64encode

from adapters.hotline.signature import SIGNATURE
from gateway.ports import HttpRequest
from sandbox import transcripts
from tests.contract.channels import Calls, Conformance, called, samples
from tests.factories import START

SECRETS = tuple("whsec_" + b64encode(letter * 32).decode() for letter in (b"o", b"n"))
BODY = json.dumps({"call": {"id": "c-1"}, "transcript": "客户：说好保本，现在亏了"}, ensure_ascii=False).encode()


def signed(secret: str) -> HttpRequest:
    timestamp = int(START.timestamp())
    return called(BODY, transcripts.signed(secret, BODY, message_id="msg_1", timestamp=timestamp))


CONFORMANCE = Conformance(
    config={"push": {"secrets": list(SECRETS)}, "folder": {"path": "no/such/folder"}},
    secrets=SECRETS,
    samples={name: data for name, data in samples(__file__, "*").items() if not name.endswith(".expected.json")},
    calls=Calls(genuine=signed(SECRETS[0]), rotated=signed(SECRETS[1]), signature=SIGNATURE),
)
