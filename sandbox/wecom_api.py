"""The front of the simulated WeCom's API: tokens, JSON as strictly as the real one reads it, and answers that break.

Sources: path/91039 (gettoken), path/90455 (error codes; a body of the wrong types is taken as far as it can be and
answered with a warning; no \\uXXXX), path/96484 (media). What each call does is in wecom_kf.py and wecom_staff.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import BodyPartReader, web

from sandbox.wecom_corp import ApiError, App, Break, Corp, said
from sandbox.wecom_kf import Kf
from sandbox.wecom_media import Files
from sandbox.wecom_staff import Staff

_ESCAPE = re.compile(r"(?<!\\)(?:\\\\)*\\u[0-9a-fA-F]{4}")
_MOST_BYTES = 32 * 1024 * 1024

_FILE = {"media_id": str}
_SAYS = {
    "msgid": str,
    "msgtype": str,
    "text": {"content": str, "menu_id": str},
    "msgmenu": {"head_content": str, "list": [{"type": str}], "tail_content": str},
    "image": _FILE,
    "voice": _FILE,
    "video": _FILE,
    "file": _FILE,
    "link": {"title": str, "desc": str, "url": str, "thumb_media_id": str},
}
_CARD = {
    "card_type": str,
    "task_id": str,
    "source": {"icon_url": str, "desc": str, "desc_color": int},
    "main_title": {"title": str, "desc": str},
    "sub_title_text": str,
    "horizontal_content_list": [{"type": int, "keyname": str, "value": str, "url": str}],
    "card_action": {"type": int, "url": str},
    "button_list": [{"type": int, "text": str, "style": int, "key": str, "url": str}],
    "replace_text": str,
}
_WHOSE = {"open_kfid": str, "external_userid": str}
_BODIES: Mapping[str, Mapping[str, Any]] = {
    "kf/sync_msg": {"cursor": str, "token": str, "limit": int, "voice_format": int, "open_kfid": str},
    "kf/send_msg": {"touser": str, "open_kfid": str, **_SAYS},
    "kf/send_msg_on_event": {"code": str, **_SAYS},
    "kf/service_state/get": _WHOSE,
    "kf/service_state/trans": {**_WHOSE, "service_state": int, "servicer_userid": str},
    "kf/account/list": {"offset": int, "limit": int},
    "kf/customer/batchget": {"external_userid_list": [str], "need_enter_session_context": int},
    "message/send": {
        "touser": str,
        "toparty": str,
        "totag": str,
        "msgtype": str,
        "agentid": int,
        "text": {"content": str},
        "markdown": {"content": str},
        "textcard": {"title": str, "description": str, "url": str, "btntxt": str},
        "template_card": _CARD,
        "safe": int,
        "enable_id_trans": int,
        "enable_duplicate_check": int,
        "duplicate_check_interval": int,
    },
    "message/update_template_card": {
        "userids": [str],
        "atall": int,
        "agentid": int,
        "response_code": str,
        "button": {"replace_name": str},
        "template_card": _CARD,
    },
}

Call = Callable[[App, Mapping[str, Any]], Awaitable[dict[str, Any]]]


class Api:
    """All that an app may call."""

    def __init__(self, corp: Corp, kf: Kf, staff: Staff, files: Files) -> None:
        self._corp = corp
        self._files = files
        self._calls: dict[str, Call] = {
            "kf/sync_msg": kf.sync_msg,
            "kf/send_msg": kf.send_msg,
            "kf/send_msg_on_event": kf.send_msg_on_event,
            "kf/service_state/get": kf.state,
            "kf/service_state/trans": kf.move,
            "kf/account/list": kf.accounts,
            "kf/customer/batchget": kf.customers,
            "message/send": staff.send,
            "message/update_template_card": staff.update,
        }

    def application(self) -> web.Application:
        app = web.Application(client_max_size=_MOST_BYTES)
        app.add_routes(
            [
                web.get("/cgi-bin/gettoken", self._answered("gettoken", self._token)),
                web.get("/cgi-bin/agent/get", self._answered("agent/get", self._agent)),
                web.get("/cgi-bin/media/get", self._answered("media/get", self._download)),
                web.post("/cgi-bin/media/upload", self._answered("media/upload", self._upload)),
                *(web.post(f"/cgi-bin/{path}", self._answered(path, self._call(path))) for path in self._calls),
            ]
        )
        return app

    def _answered(
        self, path: str, answer: Callable[[web.Request], Awaitable[web.Response]]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        """Return the route of a path: what is told to go wrong with it does, the rest is answered."""

        async def route(request: web.Request) -> web.Response:
            self._corp.requests[path] += 1
            broken = self._corp.faults.take_break(path)
            if broken == "cut":
                return _cut(request)
            if broken == "http500":
                return web.Response(status=500, text="<html>Internal Server Error</html>")
            try:
                if (code := self._corp.faults.take_answer(path)) is not None:
                    raise ApiError(code)
                whole = await answer(request)
            except ApiError as refused:
                whole = _shown(refused.code, refused.fields, about=refused.about)
            return await self._broken(request, broken, whole)

        return route

    async def _broken(self, request: web.Request, broken: Break | None, whole: web.Response) -> web.Response:
        match broken:
            case "drop":
                return _cut(request)
            case "stall":
                await self._corp.until_closed()
            case "garble":
                return web.Response(text="<html>Bad gateway</html>", content_type="text/html")
            case "empty":
                return web.Response()
        return whole

    async def _token(self, request: web.Request) -> web.Response:
        if request.query.get("corpid") != self._corp.corp_id:
            raise ApiError(40013)
        secret = request.query.get("corpsecret", "")
        app = next((one for one in self._corp.apps.values() if secret and one.secret == secret), None)
        if app is None:
            raise ApiError(40001)
        self._check_address()
        value, seconds = self._corp.tokens.issue(app, self._corp.now())
        return _shown(0, {"access_token": value, "expires_in": seconds})

    def _call(self, path: str) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def answer(request: web.Request) -> web.Response:
            app = self._app(request)
            body, right = self._body(path, await request.read())
            answered = await self._calls[path](app, body)
            return _shown(0, answered, warning=not right)

        return answer

    def _app(self, request: web.Request) -> App:
        app = self._corp.tokens.app_of(request.query.get("access_token", ""), self._corp.now())
        self._check_address()
        return app

    def _check_address(self) -> None:
        if self._corp.faults.untrusted_ip:
            raise ApiError(60020)

    def _body(self, path: str, raw: bytes) -> tuple[Mapping[str, Any], bool]:
        try:
            text = raw.decode()
            body = json.loads(text)
        except ValueError as error:
            raise ApiError(47001) from error
        if self._corp.rejects_escapes and _ESCAPE.search(text):
            raise ApiError(40033)
        fitted, right = _fitted(body, _BODIES[path])
        return (fitted, right) if isinstance(fitted, dict) else ({}, False)

    async def _agent(self, request: web.Request) -> web.Response:
        app = self._app(request)
        if request.query.get("agentid") != str(app.agent_id):
            raise ApiError(301002)
        return _shown(0, {"agentid": app.agent_id, "name": app.name, "close": 0})

    async def _download(self, request: web.Request) -> web.Response:
        self._app(request)
        file = self._files.get(request.query.get("media_id"))
        name = file.name.encode("ascii", "replace").decode()
        headers = {"Content-Disposition": f'attachment; filename="{name}"'} if name else {}
        return web.Response(body=file.content, content_type=file.media_type, headers=headers)

    async def _upload(self, request: web.Request) -> web.Response:
        self._app(request)
        part = await (await request.multipart()).next()
        if not isinstance(part, BodyPartReader) or part.name != "media" or not part.filename:
            raise ApiError(40058)
        kind = request.query.get("type", "")
        media_type = part.headers.get("Content-Type", "application/octet-stream")
        media_id = self._files.upload(kind, bytes(await part.read()), media_type, part.filename)
        created_at = str(int(self._corp.now().timestamp()))
        return _shown(0, {"type": kind, "media_id": media_id, "created_at": created_at})


def _fitted(value: object, kind: Any) -> tuple[object, bool]:
    """Return what WeCom makes of a value: what has the wrong type is not there. And whether all had the right one."""
    if isinstance(kind, Mapping):
        if not isinstance(value, dict):
            return None, False
        inner = {name: _fitted(one, kind.get(name, object)) for name, one in value.items()}
        return {name: one for name, (one, _) in inner.items() if one is not None}, all(
            right for _, right in inner.values()
        )
    if isinstance(kind, list):
        if not isinstance(value, list):
            return None, False
        fitted = [_fitted(one, kind[0]) for one in value]
        return [one for one, _ in fitted if one is not None], all(right for _, right in fitted)
    right = isinstance(value, kind) and not (kind is int and isinstance(value, bool))
    return (value, True) if right else (None, False)


def _shown(code: int, fields: Mapping[str, object], *, about: str = "", warning: bool = False) -> web.Response:
    text = said(code, about) + (". Warning: wrong json format. " if warning else "")
    body = {"errcode": code, "errmsg": text, **fields}
    return web.json_response(body, dumps=lambda value: json.dumps(value, ensure_ascii=False))


def _cut(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
