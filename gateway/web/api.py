"""The REST API: one complaint in, its number out. Errors become documents in problems.py."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence

import orjson
from aiohttp import web
from pydantic import ValidationError

from gateway.errors import Invalid
from gateway.model import Outcome, Receipt
from gateway.settings import ApiToken
from gateway.web.keys import SITE
from gateway.web.payloads import ComplaintPayload
from gateway.web.problems import Refused

MAX_BODY = 1_000_000
ERRORS_SHOWN = 20

# draft-ietf-httpapi-idempotency-key-header: a structured-field string ("..."); callers also send it bare.
_KEY = re.compile(r'"([\x21\x23-\x5b\x5d-\x7e]{1,200})"|([\x21\x23-\x5b\x5d-\x7e]{1,200})')


async def post_complaint(request: web.Request) -> web.Response:
    """Take one complaint in; answer 201 with its number after the commit, 200 when it was held already."""
    site = request.app[SITE]
    caller = token_of(request, site.settings.web.tokens).name
    key = _idempotency_key(request)
    if request.content_type != "application/json":
        raise Refused("unsupported_media_type", headers={"Accept-Post": "application/json"})
    body = await request.read()
    try:
        payload = ComplaintPayload.model_validate_json(body)
        message = payload.message(source=f"api-{caller}", external_id=key, now=site.now(), raw=body)
    except ValidationError as error:
        raise refusal(error) from None
    except Invalid as error:
        raise Refused("invalid", [{"pointer": f"/{error.field}", "code": error.problem}]) from None
    (receipt,) = await site.accept([message])
    if receipt.differs:
        raise Refused("idempotency_key_reused")
    return _answer(receipt)


def _answer(receipt: Receipt) -> web.Response:
    held = receipt.outcome is Outcome.DUPLICATE
    body = {"number": receipt.number, "promised_at": receipt.promised_at, "outcome": receipt.outcome.value}
    return web.Response(
        body=orjson.dumps(body, option=orjson.OPT_UTC_Z), status=200 if held else 201, content_type="application/json"
    )


def token_of(request: web.Request, tokens: Sequence[ApiToken]) -> ApiToken:
    """Return the caller's token. Every token is compared, in constant time, so that timing tells nothing."""
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    digest = hashlib.sha256(given.strip().encode(errors="replace")).hexdigest()
    known = [token for token in tokens if hmac.compare_digest(token.sha256, digest)]
    if scheme.lower() != "bearer" or not known:
        raise Refused("unauthorized", headers={"WWW-Authenticate": 'Bearer realm="huiyin"'})
    return known[0]


def _idempotency_key(request: web.Request) -> str:
    match = _KEY.fullmatch(request.headers.get("Idempotency-Key", ""))
    if match is None:
        raise Refused("idempotency_key_missing")
    return match[1] or match[2]


def refusal(error: ValidationError) -> Refused:
    """Say where the payload is wrong, without quoting it: a value may be a customer's words."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    if any(item["type"] == "json_invalid" for item in found):
        return Refused("malformed")
    shown = [
        {"pointer": "".join(f"/{part}" for part in item["loc"]), "code": item["type"], "detail": item["msg"]}
        for item in found[:ERRORS_SHOWN]
    ]
    return Refused("invalid", shown)
