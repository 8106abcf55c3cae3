"""The customer's phone: a page on loopback where anyone plays a customer, and sees what the bank's side did.

It reaches the bank only as customers do (lines.py), works at its desk only by the REST API (desk.py) and presses the
buttons of its people's WeCom as they do (agents.py); the cases are read from the storage. No part of the gateway.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import aiosmtplib
from aiohttp import web

from sandbox.agents import Agents
from sandbox.arrivals import arrived_call
from sandbox.customers import CUSTOMERS, Customer, Way
from sandbox.desk import Desk, Refused
from sandbox.handsets import Entry, Handsets
from sandbox.lines import SURE_OR_NOT, Lines, NotTaken
from sandbox.overview import Overview
from sandbox.transcripts import FORMATS

MAX_TRANSCRIPT = 5_000_000
MAX_PICTURE = 2_000_000  # of 微信客服
_STATIC = Path(__file__).parent / "static"
_SCRIPTS = ("phone.js", "agents.js", "page.js", "words.js")
_FILES = {"/": "phone.html", "/phone.css": "phone.css", **{f"/{name}": name for name in _SCRIPTS}}
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
_PICTURES = {"image/jpeg": b"\xff\xd8\xff", "image/png": b"\x89PNG\r\n\x1a\n"}  # and how such a file begins
_NUMBER = re.compile(r"[A-Z0-9-]{1,40}")
_OWN_NAMES = ("127.0.0.1", "localhost")
_LOOK_SECONDS = 1.0
_DIGITS = 12  # of an event's number at most
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "frame-src 'self'; base-uri 'none'; form-action 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_MAIL_HEADERS = {
    **_HEADERS,
    # A mail is somebody else's HTML: nothing in it runs, loads or leads anywhere.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What the page plays on."""

    handsets: Handsets
    lines: Lines
    agents: Agents
    desk: Desk
    overview: Overview


@asynccontextmanager
async def phone(scene: Scene, *, port: int) -> AsyncIterator[int]:
    """Serve the page on loopback; yield its port. `port` 0 takes a free one."""
    pages = _Pages(scene)
    app = web.Application(client_max_size=MAX_TRANSCRIPT + 10_000, middlewares=[_own_pages_only])
    for path in _FILES:
        app.router.add_get(path, pages.file)
    app.router.add_get("/cast", pages.cast)
    app.router.add_get("/events", pages.events)
    app.router.add_get("/mail/{id}", pages.mail)
    app.router.add_get("/picture/{id}", pages.picture)
    app.router.add_post("/sms", pages.sms)
    app.router.add_post("/wecom", pages.chat)
    app.router.add_post("/wecom/enter", pages.enter)
    app.router.add_post("/wecom/choose", pages.choose)
    app.router.add_post("/wecom/picture", pages.show)
    app.router.add_post("/wechat", pages.post)
    app.router.add_post("/mail", pages.write)
    app.router.add_post("/call", pages.call)
    app.router.add_post("/transcript", pages.transcript)
    app.router.add_post("/desk", pages.step)
    app.router.add_post("/press", pages.press)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


@web.middleware
async def _own_pages_only(request: web.Request, handler: Any) -> web.StreamResponse:
    """Refuse what another site's page sends here: a browser names the site it comes from, and the name it looked up."""
    origin = request.headers.get("Origin")
    if origin not in (None, f"http://{request.host}") or request.url.host not in _OWN_NAMES:
        raise web.HTTPForbidden
    answer: web.StreamResponse = await handler(request)
    return answer


class _Pages:
    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    async def file(self, request: web.Request) -> web.Response:
        path = _STATIC / _FILES[request.path]
        text = path.read_text(encoding="utf-8")
        return web.Response(text=text, content_type=_TYPES[path.suffix], headers=_HEADERS)

    async def cast(self, request: web.Request) -> web.Response:
        """Answer with who can be played, and where the complaint form is."""
        customers = [
            {
                "id": one.id,
                "name": one.name,
                "english": one.english,
                "reach": " · ".join(filter(None, (one.number, one.address))),
                "number": one.number,
                "ways": one.ways,
                "samples": one.samples,
                "in_english": one.in_english,
            }
            for one in CUSTOMERS.values()
        ]
        formats = sorted(FORMATS, key=lambda one: one != SURE_OR_NOT)
        body = {"customers": customers, "formats": formats, "form": f"{self._scene.desk.site}/"}
        return web.json_response(body, headers=_HEADERS)

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Stream what comes to the phones and what the bank does (server-sent events), until the page goes."""
        stream = web.StreamResponse(headers={**_HEADERS, "Content-Type": "text/event-stream"})
        await stream.prepare(request)
        last = request.headers.get("Last-Event-ID", "")
        serial, shown = int(last[:_DIGITS]) if last.isdecimal() else 0, dict[str, str]()
        if serial > self._scene.handsets.serial:  # of a demonstration that has ended
            serial = 0
        try:
            while True:
                for number, entry in self._scene.handsets.since(serial):
                    serial = number
                    await stream.write(_event("entry", _entry(entry), number))
                sides = {"cases": await self._scene.overview.cases(), "members": self._scene.agents.members()}
                for name, side in sides.items():
                    told = json.dumps(side, ensure_ascii=False)
                    if told != shown.get(name):
                        shown[name] = told
                        await stream.write(f"event: {name}\ndata: {told}\n\n".encode())
                await self._scene.handsets.changed(_LOOK_SECONDS)
        except ConnectionError:
            return stream

    async def mail(self, request: web.Request) -> web.Response:
        """Answer with a mail's HTML part, for a frame that nothing gets out of."""
        entry = self._scene.handsets.get(request.match_info["id"])
        if entry is None or not entry.html:
            raise web.HTTPNotFound
        return web.Response(text=entry.html, content_type="text/html", headers=_MAIL_HEADERS)

    async def picture(self, request: web.Request) -> web.Response:
        """Answer with a picture that a customer sent."""
        entry = self._scene.handsets.get(request.match_info["id"])
        if entry is None or not entry.picture:
            raise web.HTTPNotFound
        kind = next(kind for kind, begins in _PICTURES.items() if entry.picture.startswith(begins))
        return web.Response(body=entry.picture, content_type=kind, headers=_HEADERS)

    async def enter(self, request: web.Request) -> web.Response:
        said = await _said(request)
        return await _done(self._scene.lines.enter(_customer(said, Way.WECOM)))

    async def chat(self, request: web.Request) -> web.Response:
        said = await _said(request)
        return await _done(self._scene.lines.chat(_customer(said, Way.WECOM), _words(said, "text")))

    async def choose(self, request: web.Request) -> web.Response:
        said = await _said(request)
        entry = self._scene.handsets.get(_words(said, "entry"))
        choice = str(said.get("choice", ""))
        if entry is None or choice not in [key for key, _ in entry.choices]:
            raise web.HTTPBadRequest
        return await _done(self._scene.lines.choose(_customer(said, Way.WECOM), entry, choice))

    async def show(self, request: web.Request) -> web.Response:
        """Send a picture in the chat. Its type makes a browser ask first when it is another site's."""
        begins = _PICTURES.get(request.content_type)
        if begins is None:
            raise _problem(web.HTTPUnsupportedMediaType, "no_picture")
        customer, picture = _customer(request.query, Way.WECOM), await request.read()
        if len(picture) > MAX_PICTURE:
            raise _problem(web.HTTPBadRequest, "large_picture")
        if not picture.startswith(begins):
            raise _problem(web.HTTPBadRequest, "no_picture")
        return await _done(self._scene.lines.show(customer, picture, request.content_type))

    async def post(self, request: web.Request) -> web.Response:
        said = await _said(request)
        return await _done(self._scene.lines.post(_customer(said, Way.WECHAT), _words(said, "text")))

    async def press(self, request: web.Request) -> web.Response:
        said = await _said(request)
        return await _done(self._press(*(_words(said, name) for name in ("userid", "task", "key"))))

    async def sms(self, request: web.Request) -> web.Response:
        said = await _said(request)
        return await _done(self._scene.lines.text(_customer(said, Way.SMS), _words(said, "text")))

    async def write(self, request: web.Request) -> web.Response:
        said = await _said(request)
        before = self._scene.handsets.get(str(said.get("reply_to", "")))
        mail = self._scene.lines.write(
            _customer(said, Way.MAIL), str(said.get("subject", ""))[:200], _words(said, "text"), before
        )
        return await _done(mail)

    async def call(self, request: web.Request) -> web.Response:
        said = await _said(request)
        name = str(said.get("format", ""))
        if name not in FORMATS:
            raise web.HTTPBadRequest
        return await _done(self._scene.lines.call(_customer(said, Way.CALL), _words(said, "text"), name))

    async def transcript(self, request: web.Request) -> web.Response:
        """Push a file as the telephone system would. Its type makes a browser ask first when it is another site's."""
        if request.content_type != "application/octet-stream":
            raise web.HTTPUnsupportedMediaType
        customer = _customer(request.query, Way.CALL)
        return await _done(self._scene.lines.transcript(customer, await request.read(), request.query.get("name", "")))

    async def step(self, request: web.Request) -> web.Response:
        said = await _said(request)
        number = _words(said, "number")
        if not _NUMBER.fullmatch(number):  # it becomes a part of a path
            raise web.HTTPBadRequest
        return await _done(self._step(number, _words(said, "step")))

    async def _press(self, userid: str, task: str, key: str) -> Mapping[str, str]:
        await self._scene.agents.press(userid, task, key)
        cards = (card for one in self._scene.agents.members() if one["userid"] == userid for card in one["cards"])
        return {"came": next((str(card["replaced"]) for card in cards if card["task"] == task), "")}

    async def _step(self, number: str, step: str) -> None:
        scene = self._scene
        if script := await scene.desk.take(number, step):
            customer, at = await scene.overview.owner(number), scene.desk.now()
            arrived_call(scene.handsets, customer, script, at, rang=step == "hear")
        scene.handsets.wake()


async def _done(work: Any) -> web.Response:
    """Do it; answer with what came of it or 204, or with why it was not done."""
    try:
        came = await work
    except (Refused, NotTaken) as error:
        return web.json_response({"problem": str(error)}, status=409)
    except (aiohttp.ClientError, aiosmtplib.SMTPException, OSError, TimeoutError) as error:
        return web.json_response({"problem": type(error).__name__}, status=502)
    return web.Response(status=204) if came is None else web.json_response(came, headers=_HEADERS)


def _problem(error: type[web.HTTPException], name: str) -> web.HTTPException:
    """Return the error with its name among `problems` of words.js, which has it in the page's language."""
    return error(text=json.dumps({"problem": name}), content_type="application/json")


async def _said(request: web.Request) -> Mapping[str, Any]:
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType
    try:
        said: Any = await request.json()
    except ValueError:
        raise web.HTTPBadRequest from None
    if not isinstance(said, dict):
        raise web.HTTPBadRequest
    return said


def _customer(said: Mapping[str, Any], way: Way) -> Customer:
    customer = CUSTOMERS.get(str(said.get("customer", "")))
    if customer is None or way not in customer.ways:
        raise web.HTTPBadRequest
    return customer


def _words(said: Mapping[str, Any], name: str) -> str:
    words = str(said.get(name, "")).strip()
    if not words or len(words) > 5000:
        raise _problem(web.HTTPBadRequest, "long" if words else "empty")
    return words


def _event(name: str, body: Mapping[str, Any], number: int) -> bytes:
    return f"id: {number}\nevent: {name}\ndata: {json.dumps(body, ensure_ascii=False)}\n\n".encode()


def _entry(entry: Entry) -> Mapping[str, Any]:
    return {
        "id": entry.id,
        "customer": entry.customer,
        "way": entry.way,
        "mine": entry.mine,
        "at": entry.at.isoformat(),
        "text": entry.text,
        "subject": entry.subject,
        "sender": entry.sender,
        "html": bool(entry.html),
        "choices": entry.choices,
        "below": entry.below,
        "picture": bool(entry.picture),
        "state": entry.state,
    }
