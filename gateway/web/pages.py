"""The complaint form and the page that answers it. Works without JavaScript; what was typed is never lost.

The questions and their checks come from the web_form adapter; texts and layout are templates/pages/.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import orjson
from aiohttp import web
from yarl import URL

from gateway.errors import Unavailable
from gateway.ids import new_id
from gateway.model import Language, Receipt
from gateway.web.form import Problem
from gateway.web.keys import SITE, Site
from gateway.web.problems import retry_after
from gateway.web.proxies import client_of
from gateway.web.uploads import FileProblem, StagedFile, Upload
from gateway.web.wording import choose_language, size

ANSWER_FOR = timedelta(hours=24)
"""How long the answer page can be opened again."""
HOUR = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Why a form that may be in order was not taken, above the form with everything still in it."""

    status: int
    key: str
    values: Mapping[str, object] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


async def show_form(request: web.Request) -> web.Response:
    """Show the empty form."""
    site = request.app[SITE]
    response = _form(site, language_of(request), Upload(), fresh=True)
    response.headers["Vary"] = "Accept-Language"
    return response


async def take_form(request: web.Request) -> web.Response:
    """Take the form in and lead to its answer; or show it again, with everything typed and uploaded, and why."""
    site, language, upload = request.app[SITE], language_of(request), Upload()
    try:
        notice = await _why_not(request, site)
        await site.uploads.read(request, upload, take_files=notice is None)
        if notice is None:
            return await _submit(site, language, upload)
    except Unavailable as error:
        notice = Notice(status=503, key="unavailable", headers={"Retry-After": retry_after(error)})
    except web.HTTPRequestEntityTooLarge:
        notice = Notice(status=413, key="too_large")
    except TimeoutError:
        notice = Notice(status=408, key="too_slow")
    except (web.HTTPException, ConnectionError):  # a browser that went away is no fault of ours
        raise
    except Exception as error:
        notice = Notice(status=500, key="fault", values={"id": site.fault("web", error)})
    return _form(site, language, upload, notice=notice)


async def show_answer(request: web.Request) -> web.Response:
    """Show number, date and telephone. The address names no person, and works for a day."""
    site = request.app[SITE]
    answer = site.tokens.read("answer", request.match_info["token"])
    if answer is None or site.now() > datetime.fromisoformat(answer["until"]):
        raise web.HTTPNotFound()
    language = choose_language(request.query.get("lang", ""), answer["language"])
    promised = answer["promised_at"]
    response = site.screens.show(
        "answer",
        language,
        number=answer["number"],
        told=answer["told"],
        date=site.screens.date(datetime.fromisoformat(promised), language) if promised else "",
    )
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def language_of(request: web.Request) -> Language:
    return choose_language(request.query.get("lang", ""), request.headers.get("Accept-Language", ""))


async def _submit(site: Site, language: Language, upload: Upload) -> web.Response:
    if switched := upload.one("switch"):
        return _form(site, choose_language(switched, ""), upload)
    problems = site.web_form.check(upload.answers)
    if problems or upload.problems:
        return _form(site, language, upload, problems=problems)
    message = site.web_form.to_message(
        upload.answers,
        files=[file.attachment for file in upload.files],
        language=language,
        external_id=_external_id(site, upload),
        at=site.now(),
    )
    if gone := await site.uploads.missing(upload.files):
        # Sent before, and the page was gone back to? Then its files belong to that complaint already.
        known = await site.receipt_of(message)
        if known is None:
            return _without(site, language, upload, gone)
        receipt = known
    else:
        (receipt,) = await site.accept([message])
    return _to_answer(site, receipt, language, told=site.web_form.told_by(upload.answers, site.senders))


def _to_answer(site: Site, receipt: Receipt, language: Language, *, told: str) -> web.Response:
    """Lead to the answer by an address that can be opened again: a reload sends nothing twice (RFC 9110 15.4.4)."""
    if receipt.number is None:
        raise RuntimeError("a submitted form got no number")
    answer = {
        "number": receipt.number,
        "promised_at": receipt.promised_at,
        "language": language,
        "told": told,
        "until": site.now() + ANSWER_FOR,
    }
    token = site.tokens.make("answer", answer)
    return web.Response(status=303, headers={"Location": f"/received/{token}", "Cache-Control": "no-store"})


def _external_id(site: Site, upload: Upload) -> str:
    """Name the submission by its page's nonce and its content: pressing twice is one, changed words are another.

    Keyed, because a bare digest could be tried out against guesses of what was redacted from the content.
    """
    answers = {item.name: upload.answers.get(item.name, ()) for item in site.web_form.fields}
    content = [_nonce(site, upload), answers, [[file.name, file.digest] for file in upload.files]]
    return site.tokens.name("submission", orjson.dumps(content).decode())


def _without(site: Site, language: Language, upload: Upload, gone: Sequence[StagedFile]) -> web.Response:
    upload.files = [file for file in upload.files if file not in gone]
    upload.problems.extend(FileProblem(name=file.name, problem="gone") for file in gone)
    return _form(site, language, upload)


def _form(
    site: Site,
    language: Language,
    upload: Upload,
    *,
    problems: Sequence[Problem] = (),
    notice: Notice | None = None,
    fresh: bool = False,
) -> web.Response:
    nonce = _nonce(site, upload)
    errors = list(_errors(site, language, problems, upload))
    response = site.screens.show(
        "form",
        language,
        status=notice.status if notice else 422 if errors else 200,
        fresh=fresh,
        nonce=nonce,
        fields={item.name: item for item in site.web_form.fields},
        honeypot=site.web_form.HONEYPOT,
        answers=upload.answers,
        said={*(name for name, given in upload.answers.items() if any(given)), *(name for name, _ in errors)},
        files=[(file, site.uploads.keep(file, nonce)) for file in upload.files],
        most_files=site.settings.web.attachments,
        file_bytes=site.settings.web.attachment_bytes,
        errors=errors,
        notice=notice,
    )
    # Not no-store: going back to this page must give the same nonce and the typed text, not an error or a new form.
    response.headers["Cache-Control"] = "private, no-cache"
    if notice is not None:
        response.headers.update(notice.headers)
    return response


def _nonce(site: Site, upload: Upload) -> str:
    """Return the nonce the page came with, or make one."""
    if not upload.one("nonce"):
        upload.answers["nonce"] = (new_id(site.now()),)
    return upload.one("nonce")


def _errors(site: Site, language: Language, problems: Sequence[Problem], upload: Upload) -> Iterator[tuple[str, str]]:
    """Yield (field, what to do about it in the page's language)."""
    limits = {item.name: item.limit for item in site.web_form.fields}
    for problem in problems:
        count = len(upload.one(problem.field).strip())
        limit = limits.get(problem.field, 0)
        yield problem.field, site.screens.problem(language, problem.field, problem.problem, limit=limit, count=count)
    most, largest = site.settings.web.attachments, size(site.settings.web.attachment_bytes)
    for bad in upload.problems:
        values = {"name": bad.name, "count": most, "size": largest}
        yield "files", site.screens.problem(language, "files", bad.problem, **values)


async def _why_not(request: web.Request, site: Site) -> Notice | None:
    if _from_elsewhere(request, site.settings.web.public_url):
        return Notice(status=403, key="elsewhere")
    # The key of a rate may lie in Redis: it does not show the address.
    key = site.tokens.name("rate", _client(request))
    if await site.coordination.spend(f"form:{key}", limit=site.settings.web.form_per_hour, seconds=HOUR):
        return None
    seconds = HOUR - int(site.now().timestamp()) % HOUR
    return Notice(
        status=429, key="too_often", values={"minutes": math.ceil(seconds / 60)}, headers={"Retry-After": str(seconds)}
    )


def _from_elsewhere(request: web.Request, public_url: str) -> bool:
    """Was the form posted by another site? An anonymous form has nothing to forge, so it is only shown once more."""
    if fetched := request.headers.get("Sec-Fetch-Site"):
        return fetched not in ("same-origin", "none")
    origin = request.headers.get("Origin", "")
    return bool(origin) and _authority(origin) not in (request.host, _authority(public_url))


def _authority(url: str) -> str:
    try:
        parsed = URL(url)
        return parsed.host_port_subcomponent or ""
    except ValueError:
        return ""


def _client(request: web.Request) -> str:
    forwarded = request.headers.getall("X-Forwarded-For", [])
    return client_of(request.remote or "", forwarded, request.app[SITE].settings.web.trusted_proxies)
