"""The 公众号 platform as a real HTTP server, with an account's followers: as awkward as the real one when told to be.

It speaks the API under /cgi-bin (access tokens, templates, subscription notices, media) and calls the gateway's webhook
as the account's settings say. What followers do, and what goes wrong, is told by methods of `WeChat`.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from sandbox.wechat_account import Fault, SimulatedMedia, SimulatedNotice, WeChat
from sandbox.wechat_templates import NoticeTemplate

__all__ = ["Fault", "NoticeTemplate", "SimulatedNotice", "WeChat", "wechat_simulator"]


@asynccontextmanager
async def wechat_simulator(
    *,
    app_id: str,
    secret: str,
    token: str,
    aes_key: str,
    hook_url: str = "",
    templates: Sequence[NoticeTemplate] = (),
    host: str = "127.0.0.1",
    port: int = 0,
    **options: Any,
) -> AsyncIterator[WeChat]:
    """Run one account while the block lasts. `port` 0 takes a free one; `options` are fields of `WeChat`."""
    known = {one.id: one for one in templates}
    wechat = WeChat(
        app_id=app_id, secret=secret, token=token, aes_key=aes_key, hook_url=hook_url, templates=known, **options
    )
    runner = web.AppRunner(_app(wechat), shutdown_timeout=1, access_log=None)  # tokens stand in addresses
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        wechat.url = f"http://{host}:{runner.addresses[0][1]}"
        yield wechat
    finally:
        await wechat.close()
        await runner.cleanup()


def _app(wechat: WeChat) -> web.Application:
    tokens, notices, media = _Tokens(wechat), _Notices(wechat), _Media(wechat)
    app = web.Application()
    app.add_routes(
        [
            web.get("/cgi-bin/token", tokens.plain),
            web.post("/cgi-bin/stable_token", tokens.stable),
            web.get("/cgi-bin/template/get_all_private_template", notices.listed),
            web.post("/cgi-bin/message/template/send", notices.template),
            web.post("/cgi-bin/message/subscribe/bizsend", notices.subscription),
            web.get("/cgi-bin/media/get", media.get),
        ]
    )
    return app


class _Tokens:
    """Gives out access tokens."""

    def __init__(self, wechat: WeChat) -> None:
        self._wechat = wechat

    async def plain(self, request: web.Request) -> web.Response:
        if refused := self._refused(request.query):
            return _error(refused)
        return _token(*self._wechat.tokens.plain())

    async def stable(self, request: web.Request) -> web.Response:
        told = await _body(request)
        if told is None:
            return _error(47001)
        if refused := self._refused(told):
            return _error(refused)
        return _token(*self._wechat.tokens.stable(anew=told.get("force_refresh") is True))

    def _refused(self, told: Mapping[str, Any]) -> int:
        problems = {
            40002: told.get("grant_type") != "client_credential",
            40013: told.get("appid") != self._wechat.app_id,
            40125: told.get("secret") != self._wechat.secret,
        }
        return next((code for code, is_so in problems.items() if is_so), 0)


class _Notices:
    """Sends notices by approved wordings."""

    def __init__(self, wechat: WeChat) -> None:
        self._wechat = wechat

    async def listed(self, request: web.Request) -> web.Response:
        if refused := self._wechat.tokens.problem(request.query.get("access_token", "")):
            return _error(refused)
        shown = [
            {"template_id": one.id, "title": one.title, "content": one.content, "example": ""}
            for one in self._wechat.templates.values()
            if one.kind == "template"
        ]
        return _json({"template_list": shown})

    async def template(self, request: web.Request) -> web.Response:
        """/cgi-bin/message/template/send."""
        return await self._send(request, "template")

    async def subscription(self, request: web.Request) -> web.Response:
        """/cgi-bin/message/subscribe/bizsend: one consent is one message."""
        return await self._send(request, "subscribe")

    async def _send(self, request: web.Request, kind: str) -> web.Response:
        if refused := self._wechat.tokens.problem(request.query.get("access_token", "")):
            return _error(refused)
        raw, told = await request.read(), await _body(request)
        self._wechat.requests.append(told or {})
        fault = self._wechat.next_fault()
        if fault is not None and (failed := _before(request, fault)) is not None:
            return failed
        if told is None or b"\\u" in raw:
            return _error(47001 if told is None else 40033)
        data = {name: str(one.get("value", "")) for name, one in told.get("data", {}).items()}
        code, problem = self._problem(str(told.get("touser")), str(told.get("template_id")), kind, data)
        if code:
            return _error(code, problem)
        return await self._take(request, told, data, fault)

    def _problem(self, openid: str, template_id: str, kind: str, data: Mapping[str, str]) -> tuple[int, str]:
        wechat = self._wechat
        template = wechat.templates.get(template_id)
        if openid not in wechat.known:
            return 40003, ""
        if template is None or template.kind != kind:
            return 40037, ""
        if kind == "template" and openid not in wechat.followers:
            return 43004, ""
        if openid in wechat.refusing or (kind == "subscribe" and not wechat.granted[openid, template_id]):
            return 43101, ""
        wrong = template.problem(data)
        return (47003, wrong) if wrong else (0, "")

    async def _take(
        self, request: web.Request, told: Mapping[str, Any], data: Mapping[str, str], fault: Fault | None
    ) -> web.Response:
        template = self._wechat.templates[told["template_id"]]
        notice = self._wechat.take(template, told["touser"], data, str(told.get("client_msg_id", "")))
        if fault is not None and fault.kind == "early":
            await self._wechat.report()
        else:
            self._wechat.report_soon()
        match fault.kind if fault else "":
            case "drop":
                return _cut(request)
            case "stall":
                await self._wechat.until_closed()
            case "garble":
                return web.Response(text="<html>Bad gateway</html>", content_type="text/html")
            case "empty":
                return web.Response()
        return _json({"errcode": 0, "errmsg": "ok", "msgid": int(notice.id)})


class _Media:
    """Gives files that followers sent, for three days."""

    def __init__(self, wechat: WeChat) -> None:
        self._wechat = wechat

    async def get(self, request: web.Request) -> web.Response:
        if refused := self._wechat.tokens.problem(request.query.get("access_token", "")):
            return _error(refused)
        self._wechat.files_asked += 1
        fault = self._wechat.next_file_fault()
        if fault is not None:
            if fault.kind == "stall":
                await self._wechat.until_closed()
            return _before(request, fault) or web.Response()
        media = self._wechat.media.get(request.query.get("media_id", ""))
        if media is None or self._wechat.now() >= media.until:
            return _error(40007)
        if media.media_type.startswith("video/") and self._wechat.video_links:
            return _json({"video_url": f"{self._wechat.url}/videos/{media.name}"})
        return _file(media)


def _before(request: web.Request, fault: Fault) -> web.Response | None:
    """Return how a request fails of which nothing is kept; None where something is."""
    match fault.kind:
        case "refuse":
            return _error(fault.code)
        case "cut":
            return _cut(request)
        case "broken":
            return web.Response(status=502, text="<html>Bad gateway</html>", content_type="text/html")
    return None


async def _body(request: web.Request) -> Mapping[str, Any] | None:
    try:
        told = json.loads(await request.read())
    except ValueError:
        return None
    return told if isinstance(told, dict) else None


def _token(token: str, seconds: int) -> web.Response:
    return _json({"access_token": token, "expires_in": seconds})


def _error(code: int, problem: str = "") -> web.Response:
    # As the real one does, with a request id and whom it was for: nobody may copy this text anywhere.
    return _json({"errcode": code, "errmsg": f"{problem or 'refused'} rid: 6543-oLi4Ming-0001"})


def _json(answer: Mapping[str, Any]) -> web.Response:
    return web.Response(text=json.dumps(answer, ensure_ascii=False), content_type="application/json")


def _file(media: SimulatedMedia) -> web.Response:
    headers = {"Content-disposition": f'attachment; filename="{media.name}"'}
    return web.Response(body=media.content, content_type=media.media_type, headers=headers)


def _cut(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
