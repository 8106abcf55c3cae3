"""Errors of the API as RFC 9457 documents. The one table from code to HTTP; pages show theirs in pages.py."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence

import orjson
from aiohttp import web
from aiohttp.http_exceptions import BadHttpMessage

from gateway.errors import GatewayError, Unavailable

TABLE: Mapping[str, tuple[int, str]] = {
    "rejected": (400, "The request cannot be done."),
    "malformed": (400, "The request cannot be read."),
    "idempotency_key_missing": (400, "The Idempotency-Key header is missing or not usable."),
    "unauthorized": (401, "A valid bearer token is needed."),
    "forbidden": (403, "The caller may not do this."),
    "not_found": (404, "There is no such thing."),
    "method_not_allowed": (405, "The method is not allowed here."),
    "changed": (412, "Somebody else changed it meanwhile; the errors say what happened since."),
    "conflict": (409, "It was changed, or used for something else, meanwhile."),
    "too_large": (413, "The request is too large."),
    "unsupported_media_type": (415, "The body must be application/json."),
    "invalid": (422, "The request is not valid."),
    "idempotency_key_reused": (422, "This Idempotency-Key was used with other content."),
    "internal": (500, "Something went wrong; the id finds it in the log."),
    "unavailable": (503, "Nothing was accepted; try again later."),
}
"""code -> status and title. A code that is not here (a fault, a wrong configuration) is shown as internal."""

_BY_STATUS = {400: "malformed", 403: "forbidden", 404: "not_found", 405: "method_not_allowed", 413: "too_large"}


MALFORMED = BadHttpMessage | web.RequestPayloadError | zlib.error
"""What a body that breaks the protocol raises: the client's fault."""


class Refused(Exception):
    """The API does not take the request: a row of TABLE, and what is wrong where (`pointer`: RFC 6901)."""

    def __init__(
        self, code: str, errors: Sequence[Mapping[str, str]] = (), *, headers: Mapping[str, str] | None = None
    ):
        super().__init__(code)
        self.code = code
        self.errors = errors
        self.headers = headers or {}


def problem(error: Exception, *, instance: str) -> web.Response:
    """Return the document for an error. Only words of ours go out, never what the request or a library said."""
    if isinstance(error, Refused):
        return _document(error.code, instance, errors=error.errors, headers=error.headers)
    if isinstance(error, MALFORMED):
        return _document("malformed", instance)
    if isinstance(error, web.HTTPException):
        allow = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
        return _document(_BY_STATUS.get(error.status, "internal"), instance, headers=allow)
    if isinstance(error, Unavailable):
        return _document(error.code, instance, headers={"Retry-After": retry_after(error)})
    return _document(error.code if isinstance(error, GatewayError) else "internal", instance)


def retry_after(error: Unavailable) -> str:
    """Return the header's value in whole seconds, at least one (RFC 9110 10.2.3)."""
    return str(max(1, math.ceil(error.retry_after.total_seconds())))


def is_fault(error: Exception) -> bool:
    """Is it a fault of ours, to be logged with an id?"""
    if isinstance(error, web.HTTPException):
        return error.status >= 500
    if isinstance(error, GatewayError):
        return error.code not in TABLE
    return not isinstance(error, Refused | ConnectionError | MALFORMED)


def _document(
    code: str, instance: str, *, errors: Sequence[Mapping[str, str]] = (), headers: Mapping[str, str] | None = None
) -> web.Response:
    code = code if code in TABLE else "internal"
    status, title = TABLE[code]
    body: dict[str, object] = {
        "type": f"urn:huiyin:problem:{code}",
        "title": title,
        "status": status,
        "code": code,
        "instance": f"urn:huiyin:request:{instance}",
    }
    if errors:
        body["errors"] = list(errors)
    return web.Response(
        body=orjson.dumps(body), status=status, headers={"Content-Type": "application/problem+json", **(headers or {})}
    )
