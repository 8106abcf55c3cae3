"""What happens around every request: its id, the security headers, its line in the log, errors as pages or problems."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from aiohttp import web
from aiohttp.typedefs import Handler

from gateway.errors import Unavailable
from gateway.ids import new_id
from gateway.web.keys import REQUEST_ID, SITE
from gateway.web.problems import MALFORMED, is_fault, problem, retry_after
from gateway.web.wording import choose_language

log = logging.getLogger("huiyin.web")

# No script anywhere; styles and pictures from this site only; nobody may frame the form.
HEADERS: Mapping[str, str] = {
    "Server": "huiyin",  # not which libraries in which versions
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    # Not `no-referrer`: with it browsers send "Origin: null", and the form could not tell that it is its own.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
PAGES_FOR = frozenset({400, 403, 404, 405, 413, 415, 500, 503})


@web.middleware
async def around(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give the request an id, answer it whatever happens, and log route, status and time; no address, no query."""
    site = request.app[SITE]
    clock = asyncio.get_running_loop().time
    request_id = request[REQUEST_ID] = new_id(site.now())
    started = clock()
    try:
        response = await handler(request)
    except Exception as error:
        response = _answer(request, error)
    response.headers.update(HEADERS)
    response.headers["X-Request-Id"] = request_id
    if site.settings.web.public_url.startswith("https:"):
        response.headers["Strict-Transport-Security"] = "max-age=31536000"
    resource = request.match_info.route.resource
    fields = {
        "id": request_id,
        "method": request.method if request.method in ("GET", "HEAD", "POST") else "other",
        "route": resource.canonical if resource else "none",
        "status": response.status,
        "ms": round((clock() - started) * 1000, 1),
    }
    log.info("request", extra={"fields": fields})
    return response


def _answer(request: web.Request, error: Exception) -> web.StreamResponse:
    fault = request.app[SITE].fault("web", error) if is_fault(error) else ""
    if request.path.startswith("/api/"):
        return problem(error, instance=fault or request[REQUEST_ID])
    return _page(request, error, fault)


def _page(request: web.Request, error: Exception, fault: str) -> web.Response:
    status, headers = 500, {}
    if isinstance(error, Unavailable):
        status, headers = 503, {"Retry-After": retry_after(error)}
    elif isinstance(error, MALFORMED):
        status = 400
    elif isinstance(error, web.HTTPException) and not fault:
        status = error.status if error.status in PAGES_FOR else 400
        headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
    language = choose_language(request.query.get("lang", ""), request.headers.get("Accept-Language", ""))
    response = request.app[SITE].screens.show("error", language, status=status, code=str(status), fault=fault)
    response.headers.update(headers)
    return response
