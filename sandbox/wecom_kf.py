"""The API of 微信客服 at the simulated WeCom: pull what came, answer customers, hand conversations over.

Sources: path/94670 (sync_msg), path/96427 (send_msg), path/95122 (send_msg_on_event), path/94669 and path/94698
(service_state), silenceper/wechat work/kf/customer.go (customer/batchget). Not documented, and decided here: which
error it is to send a msgid twice (Corp.duplicate_msgid_code, with words that name the msgid), to use a code twice or
too late and to come with a cursor nobody gave (40058), that pulling without a token is counted by app, and that
send_msg takes a conversation which has ended like one that people have (95018).
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sandbox.wecom_chats import IN_A_WINDOW, Chats, Session, State
from sandbox.wecom_corp import ApiError, App, Corp
from sandbox.wecom_media import Files

_HORIZON = timedelta(days=3)
_WITHOUT_TICKET, _BLOCKED_FOR = 10, timedelta(minutes=1)
_AT_ONCE = 5
_PAGE = 1000
_MSGID = re.compile(r"[0-9a-zA-Z_-]{1,32}")
_TEXT_BYTES, _HEAD_BYTES, _CLICK_ID_CHARS, _CLICK_BYTES, _MENU_ITEMS = 2048, 1024, 64, 128, 10
_CUSTOMERS = 100
_ACCOUNTS = 100
_BY_API = {State.NEW: {1, 2, 3}, State.BOT: {2, 3}, State.POOL: {3}, State.HUMAN: {3, 4}, State.ENDED: set[int]()}

Answer = dict[str, Any]


@dataclass(slots=True)
class Kf:
    """What an app may call for its accounts. Every method takes the app and the body, and raises ApiError."""

    corp: Corp
    chats: Chats
    files: Files
    _sent: set[tuple[str, str]] = field(default_factory=set)  # account and msgid of all that was sent by the API
    _places: dict[str, tuple[str, int]] = field(default_factory=dict)  # cursor -> account, how many came before it
    _unticketed: dict[int, deque[datetime]] = field(default_factory=dict)
    _blocked: dict[int, datetime] = field(default_factory=dict)
    _syncing: int = 0

    async def sync_msg(self, app: App, body: Mapping[str, Any]) -> Answer:
        if self._syncing >= _AT_ONCE:
            raise ApiError(45033)
        self._syncing += 1
        try:
            if self.corp.faults.hold_syncs is not None:
                await self.corp.faults.hold_syncs.wait()
            return self._page(app, body)
        finally:
            self._syncing -= 1

    def _page(self, app: App, body: Mapping[str, Any]) -> Answer:
        account = self.corp.account(body.get("open_kfid"), app).open_kfid
        if body.get("token"):
            self.chats.check_ticket(body["token"], account)
        else:
            self._count_unticketed(app)
        limit = body.get("limit", _PAGE)
        if not 0 < limit <= _PAGE:
            raise ApiError(40058)
        place = self._place(body.get("cursor", ""), account)
        faults, kept = self.corp.faults, self.chats.kept.get(account, [])
        if faults.empty_pages > 0:
            faults.empty_pages -= 1
            return {"next_cursor": self._cursor(account, place), "has_more": 1, "msg_list": []}
        first, faults.repeated = max(0, place - faults.repeated), 0
        end = min(len(kept), first + min(limit, faults.page_limit or limit))
        oldest = self.corp.now() - _HORIZON
        shown = [one.shown for one in kept[first:end] if one.at >= oldest]
        return {
            "next_cursor": self._cursor(account, end),
            "has_more": int(end < len(kept)),
            "msg_list": shown,
        }

    def _count_unticketed(self, app: App) -> None:
        at = self.corp.now()
        if at < self._blocked.get(app.agent_id, at):
            raise ApiError(45009)
        lately = self._unticketed.setdefault(app.agent_id, deque())
        while lately and at - lately[0] >= _BLOCKED_FOR:
            lately.popleft()
        if len(lately) >= _WITHOUT_TICKET:
            self._blocked[app.agent_id] = at + _BLOCKED_FOR
            lately.clear()
            raise ApiError(45009)
        lately.append(at)

    def _place(self, cursor: str, account: str) -> int:
        if not cursor:
            oldest = self.corp.now() - _HORIZON
            return sum(1 for one in self.chats.kept.get(account, []) if one.at < oldest)
        for_account, place = self._places.get(cursor, ("", 0))
        if for_account != account:
            raise ApiError(40058)
        return place

    def _cursor(self, account: str, place: int) -> str:
        cursor = f"4gw7{uuid4().hex}"
        self._places[cursor] = (account, place)
        return cursor

    async def send_msg(self, app: App, body: Mapping[str, Any]) -> Answer:
        account = self.corp.account(body.get("open_kfid"), app).open_kfid
        customer = body.get("touser", "")
        session = self.chats.sessions.get((account, customer))
        if session is None:
            raise ApiError(40096)
        msgid = self._free_msgid(account, body)
        self._check_window(session)
        if self.chats.state(account, customer) not in (State.NEW, State.BOT):
            raise ApiError(95018)
        if session.sent >= IN_A_WINDOW:
            raise ApiError(95001)
        self._check_content(body)
        session.sent += 1
        return self._give(account, customer, msgid, body)

    async def send_msg_on_event(self, app: App, body: Mapping[str, Any]) -> Answer:
        code = self.chats.codes.get(body.get("code", ""))
        if code is None or code.used or code.until <= self.corp.now():
            raise ApiError(40058)
        self.corp.account(code.open_kfid, app)
        msgid = self._free_msgid(code.open_kfid, body)
        if body.get("msgtype") not in code.msgtypes:
            raise ApiError(40008)
        self._check_content(body)
        code.used = True
        self.chats.sessions[code.open_kfid, code.external_userid].welcomed_at = self.corp.now()
        return self._give(code.open_kfid, code.external_userid, msgid, body)

    async def state(self, app: App, body: Mapping[str, Any]) -> Answer:
        account, customer, session = self._session(app, body)
        state = self.chats.state(account, customer)
        servicer = {"servicer_userid": session.servicer} if state is State.HUMAN else {}
        return {"service_state": int(state), **servicer}

    async def move(self, app: App, body: Mapping[str, Any]) -> Answer:
        """Change a state; the API's own changes ring no bell."""
        account, customer, session = self._session(app, body)
        before, after = self.chats.state(account, customer), body.get("service_state", -1)
        if before is State.ENDED:
            raise ApiError(95013)
        if after not in _BY_API[before]:
            raise ApiError(95016)
        servicer = body.get("servicer_userid", "")
        if after == State.HUMAN and servicer.lower() not in self.corp.staff:
            raise ApiError(95014)
        session.state, session.servicer = State(after), servicer if after == State.HUMAN else ""
        return {"msg_code": self.chats.reply_code(account, customer, session.state)} if after != State.BOT else {}

    async def accounts(self, app: App, body: Mapping[str, Any]) -> Answer:
        """List the accounts of the corporation, and which of them the app may manage."""
        offset, limit = body.get("offset", 0), body.get("limit", _ACCOUNTS)
        if offset < 0 or not 0 < limit <= _ACCOUNTS:
            raise ApiError(40058)
        return {
            "account_list": [
                {
                    "open_kfid": one.open_kfid,
                    "name": one.name,
                    "avatar": "",
                    "manage_privilege": one.app == app.agent_id,
                }
                for one in list(self.corp.accounts.values())[offset : offset + limit]
            ]
        }

    async def customers(self, app: App, body: Mapping[str, Any]) -> Answer:
        asked = body.get("external_userid_list", [])
        if not 0 < len(asked) <= _CUSTOMERS:
            raise ApiError(40058)
        scenes = {customer: session.scene for (_, customer), session in self.chats.sessions.items()}
        found = []
        for one in (one for one in asked if one in scenes):
            shown: Answer = {"external_userid": one, "nickname": self.corp.nicknames.get(one, one)}
            shown |= {"avatar": "", "gender": 0}
            if body.get("need_enter_session_context") == 1:
                shown["enter_session_context"] = dict(zip(("scene", "scene_param"), scenes[one], strict=True))
            found.append(shown)
        return {"customer_list": found, "invalid_external_userid": [one for one in asked if one not in scenes]}

    def _session(self, app: App, body: Mapping[str, Any]) -> tuple[str, str, Session]:
        account, customer = self.corp.account(body.get("open_kfid"), app).open_kfid, body.get("external_userid", "")
        session = self.chats.sessions.get((account, customer))
        if session is None:
            raise ApiError(40096)
        return account, customer, session

    def _free_msgid(self, account: str, body: Mapping[str, Any]) -> str:
        msgid = body.get("msgid") or f"api_{uuid4().hex[:24]}"
        if _MSGID.fullmatch(msgid) is None:
            raise ApiError(40058, "invalid request parameter: msgid")
        if (account, msgid) in self._sent:
            raise ApiError(self.corp.duplicate_msgid_code, "invalid msgid")
        return str(msgid)

    def _check_window(self, session: Session) -> None:
        if not session.open_at(self.corp.now()):
            raise ApiError(95002)

    def _give(self, account: str, customer: str, msgid: str, body: Mapping[str, Any]) -> Answer:
        self._sent.add((account, msgid))
        self.chats.reach(customer, account, msgid, body["msgtype"], body[body["msgtype"]])
        return {"msgid": msgid}

    def _check_content(self, body: Mapping[str, Any]) -> None:
        checks: dict[str, Callable[[Mapping[str, Any]], None]] = {
            "text": _check_text,
            "msgmenu": _check_menu,
            "link": _check_link,
            "location": _check_any,
            "miniprogram": _check_any,
            "ca_link": _check_any,
            **dict.fromkeys(("image", "voice", "video", "file"), self._check_file),
        }
        kind = body.get("msgtype", "")
        if kind not in checks:
            raise ApiError(40008)
        checks[kind](body.get(kind, {}))

    def _check_file(self, content: Mapping[str, Any]) -> None:
        self.files.get(content.get("media_id"))


def _check_any(content: Mapping[str, Any]) -> None:
    if not content:
        raise ApiError(40058)


def _check_link(content: Mapping[str, Any]) -> None:
    if not content.get("title") or not content.get("url"):
        raise ApiError(40058)


def _check_text(content: Mapping[str, Any]) -> None:
    _check_bytes(content.get("content", ""), _TEXT_BYTES)


def _check_bytes(text: str, most: int) -> None:
    if not text:
        raise ApiError(44004)
    if len(text.encode()) > most:
        raise ApiError(45002)


def _check_menu(content: Mapping[str, Any]) -> None:
    head, items = content.get("head_content", ""), content.get("list", [])
    if not head and not items:
        raise ApiError(44004)
    if len(head.encode()) > _HEAD_BYTES or len(items) > _MENU_ITEMS:
        raise ApiError(45002)
    for item in items:
        inner = item.get(item.get("type"))
        if item.get("type") not in ("click", "view", "miniprogram", "text") or not isinstance(inner, dict):
            raise ApiError(40058)
        if item["type"] == "click":
            if len(inner.get("id", "")) > _CLICK_ID_CHARS:
                raise ApiError(40058)
            _check_bytes(inner.get("content", ""), _CLICK_BYTES)
