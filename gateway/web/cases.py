"""The REST API of a case: read it, its messages, timeline and notices, and give it one command at a time.

Who the caller is comes from its token. What may happen is in rules/, how it is carried out in casework.py, what is
shown in case_views.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import orjson
from aiohttp import web
from pydantic import ValidationError

from gateway.casework import Casefile, Casework, Changed, command_of, look_at
from gateway.errors import Conflict, Forbidden, Invalid, NotFound
from gateway.model import Actor, Complaint
from gateway.web import api, case_views
from gateway.web.keys import SITE
from gateway.web.problems import Refused

_JSON = orjson.OPT_UTC_Z | orjson.OPT_SORT_KEYS
_TAG = 10  # digits of a version at most


async def show(request: web.Request) -> web.Response:
    """Answer with the case as it stands; its ETag is its version."""
    return await _reading(request, case_views.file_view)


async def messages(request: web.Request) -> web.Response:
    """Answer with what the customer wrote."""
    return await _reading(
        request, lambda file, actor: [case_views.message_view(one, file.complaint, actor) for one in file.messages]
    )


async def timeline(request: web.Request) -> web.Response:
    """Answer with everything that happened to the case, in order."""
    return await _reading(
        request, lambda file, actor: [case_views.entry_view(one, file.complaint, actor) for one in file.timeline]
    )


async def notices(request: web.Request) -> web.Response:
    """Answer with what was told to whom, and what came of it."""
    return await _reading(
        request, lambda file, actor: [case_views.notice_view(one, file.deliveries) for one in file.notices]
    )


async def queue(request: web.Request) -> web.Response:
    """Answer with the complaints that wait for 客户意见管理岗, the gravest first."""
    actor = _caller(request)
    try:
        waiting = await _casework(request).queue(actor)
    except Forbidden as error:
        raise _forbidden(error) from None
    return _answer([case_views.brief_view(one) for one in waiting])


async def calls(request: web.Request) -> web.Response:
    """Answer with the calls that wait for a person, oldest first."""
    actor = _caller(request)
    try:
        waiting = await _casework(request).calls(actor)
    except Forbidden as error:
        raise _forbidden(error) from None
    return _answer([case_views.call_view(one) for one in waiting])


async def command(request: web.Request) -> web.Response:
    """Carry out {"command": name, ...}; answer with the case after it. If-Match guards against somebody faster."""
    actor, casework = _caller(request), _casework(request)
    values = await _values(request)
    with _refusals():
        after = await casework.do(request.match_info["number"], command_of(values), actor, expected=_expected(request))
    return _answer(case_views.complaint_view(after, actor), after)


async def unmask(request: web.Request) -> web.Response:
    """Take {"reason": ...}; answer with the case and its customer in full, after who asked and why was committed."""
    actor, casework = _caller(request), _casework(request)
    values = await _values(request)
    with _refusals():
        file = await casework.unmask(request.match_info["number"], look_at(values), actor)
    return _answer(case_views.plain_view(file, actor), file.complaint)


@contextmanager
def _refusals() -> Iterator[None]:
    """Turn what a command was refused for into the document that says so."""
    try:
        yield
    except ValidationError as error:
        raise api.refusal(error) from None
    except Changed as error:
        since = [{"code": kind.value} for kind in error.since]
        raise Refused("changed", since, headers={"ETag": _etag(error.version)}) from None
    except Invalid as error:
        pointer = f"/{error.field}" if error.field else ""
        raise Refused("invalid", [{"pointer": pointer, "code": error.problem, "detail": str(error)}]) from None
    except Forbidden as error:
        raise _forbidden(error) from None
    except (Conflict, NotFound) as error:
        raise Refused(error.code, [{"detail": str(error)}]) from None


async def _reading(request: web.Request, view: Callable[[Casefile, Actor], object]) -> web.Response:
    actor = _caller(request)
    file = await _casework(request).show(request.match_info["number"], actor)
    return _answer(view(file, actor), file.complaint)


async def _values(request: web.Request) -> dict[str, Any]:
    """Return the fields of the body; none where it is no object, so that each missing one is named."""
    if request.content_type != "application/json":
        raise Refused("unsupported_media_type", headers={"Accept-Post": "application/json"})
    try:
        values: Any = orjson.loads(await request.read())
    except orjson.JSONDecodeError:
        raise Refused("malformed") from None
    return values if isinstance(values, dict) else {}


def _caller(request: web.Request) -> Actor:
    token = api.token_of(request, request.app[SITE].settings.web.tokens)
    if not token.roles:
        raise Refused("forbidden", [{"detail": "this token hands complaints in, no more"}])
    return Actor(id=token.staff or token.name, roles=frozenset(token.roles), unit=token.unit)


def _casework(request: web.Request) -> Casework:
    return request.app[SITE].casework


def _forbidden(error: Forbidden) -> Refused:
    return Refused("forbidden", [{"detail": str(error)}])


def _expected(request: web.Request) -> int | None:
    """Return the version of If-Match; one that is not ours matches nothing (RFC 9110 13.1.1)."""
    tag = request.headers.get("If-Match", "").strip()
    if tag in ("", "*"):
        return None
    number = tag.removeprefix('"').removesuffix('"')
    return int(number) if number.isascii() and number.isdecimal() and len(number) < _TAG else 0


def _etag(version: int) -> str:
    return f'"{version}"'


def _answer(body: object, complaint: Complaint | None = None) -> web.Response:
    headers = {"ETag": _etag(complaint.version)} if complaint else {}
    return web.Response(
        body=orjson.dumps(body, option=_JSON),
        content_type="application/json",
        headers={"Cache-Control": "no-store", **headers},
    )
