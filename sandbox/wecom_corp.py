"""A corporation at a simulated WeCom: its apps, accounts and members, its access tokens, and what is to go wrong.

What it does with them is in the other wecom_*.py; how to start it is in wecom.py.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import uuid4

from gateway.ports import Now

TOKEN_LASTS = timedelta(seconds=7200)  # path/91039
Callbacks = Literal["at_once", "on_demand", "never"]
# cut, http500: nothing kept, the connection ends or a 500    drop: kept, then the connection ends unanswered
# stall: kept, never answered    garble: kept, 200 with HTML    empty: kept, 200 with nothing
Break = Literal["cut", "http500", "drop", "stall", "garble", "empty"]

_SAID = {
    -1: "system busy",
    40001: "invalid credential",
    40007: "invalid media_id",
    40008: "invalid message type",
    40013: "invalid corpid",
    40014: "invalid access_token",
    40033: "invalid request char",
    40056: "invalid agentid",
    40058: "invalid request parameter",
    40096: "invalid external userid",
    41001: "access_token missing",
    42001: "access_token expired",
    42014: "invalid task_id",
    44004: "empty content",
    45002: "content size out of limit",
    45009: "api freq out of limit",
    45033: "api concurrent out of limit",
    47001: "data format error",
    48002: "api forbidden",
    60020: "not allow to access from your ip",
    81013: "user & party & tag all invalid",
    95000: "invalid open_kfid",
    95001: "send msg count limit",
    95002: "send msg time limit",
    95004: "open_kfid not exist",
    95007: "invalid msg token",
    95013: "conversation end",
    95014: "user is not in the reception list",
    95016: "service state change not allowed",
    95018: "send msg session status invalid",
}


class ApiError(Exception):
    """The API does not do it; `about` are its words where they are not the code's own, `fields` what is beside them."""

    def __init__(self, code: int, about: str = "", **fields: object) -> None:
        super().__init__(code)
        self.code = code
        self.about = about
        self.fields = fields


def said(code: int, about: str = "") -> str:
    """Return the errmsg of a code, with the tail the real one has: nobody may copy this text anywhere."""
    if code == 0:
        return "ok"
    text = about or _SAID.get(code, "error")
    return (
        f"{text}, hint: [1645025097593810238423219], from ip: 203.0.113.205, "
        f"more info at https://open.work.weixin.qq.com/devtool/query?e={code}"
    )


@dataclass(slots=True, kw_only=True)
class App:
    """A self-built app with its secret and its callback. All of it may be changed while the simulator runs."""

    agent_id: int
    secret: str = field(repr=False)
    token: str = field(default="", repr=False)
    aes_key: str = field(default="", repr=False)  # 43 characters
    hook_url: str = ""  # "": it is never called
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KfAccount:
    """A customer service account (客服账号)."""

    open_kfid: str
    name: str
    app: int  # the agent id of the app that calls the API for it and hears kf_msg_or_event


@dataclass(slots=True)
class Faults:
    """What is to go wrong, beside what the rules of the platform refuse by themselves."""

    empty_pages: int = 0  # so many answers of sync_msg say has_more with nothing in them
    page_limit: int | None = None  # never more messages than that in a page of sync_msg
    repeated: int = 0  # the next page of sync_msg begins so many messages before its cursor, once
    hold_syncs: asyncio.Event | None = None  # calls of sync_msg stay under way until it is set
    untrusted_ip: bool = False  # the caller's address is not in the list of trusted ones
    _answers: dict[str, deque[int]] = field(default_factory=lambda: defaultdict(deque))
    _breaks: dict[str, deque[Break | None]] = field(default_factory=lambda: defaultdict(deque))

    def answer_next(self, path: str, *codes: int) -> None:
        """Let the next calls of a path ("kf/send_msg") be refused with these errcodes, one each; nothing is done."""
        self._answers[path].extend(codes)

    def break_next(self, path: str, *kinds: Break | None) -> None:
        """Let the next calls of a path break on the wire, one each; None leaves one whole."""
        self._breaks[path].extend(kinds)

    def take_answer(self, path: str) -> int | None:
        return self._answers[path].popleft() if self._answers[path] else None

    def take_break(self, path: str) -> Break | None:
        return self._breaks[path].popleft() if self._breaks[path] else None


@dataclass(slots=True)
class _Token:
    app: App
    until: datetime


class Tokens:
    """Access tokens: one per app and secret, the same for all who ask while it lasts (path/91039)."""

    def __init__(self) -> None:
        self._tokens: dict[str, _Token] = {}

    def issue(self, app: App, at: datetime) -> tuple[str, int]:
        """Return a token and its seconds."""
        for value, held in self._tokens.items():
            if held.app is app and held.until > at:
                return value, int((held.until - at).total_seconds())
        value = f"{uuid4().hex}{uuid4().hex}"
        self._tokens[value] = _Token(app, at + TOKEN_LASTS)
        return value, int(TOKEN_LASTS.total_seconds())

    def app_of(self, value: str, at: datetime) -> App:
        """Return whose token it is. Raises ApiError 41001, 40014 or 42001."""
        if not value:
            raise ApiError(41001)
        held = self._tokens.get(value)
        if held is None:
            raise ApiError(40014)
        if held.until <= at:
            raise ApiError(42001)
        return held.app

    def expire(self, at: datetime) -> None:
        for held in self._tokens.values():
            held.until = min(held.until, at)

    def forget(self) -> None:
        self._tokens.clear()


@dataclass(slots=True, kw_only=True)
class Corp:
    """What all parts of the simulator know. What may be changed while it runs has no underscore."""

    corp_id: str
    apps: dict[int, App]
    accounts: dict[str, KfAccount]
    staff: dict[str, str]  # userid in lower case -> as it was given: WeCom does not tell them apart
    now: Now
    callbacks: Callbacks = "at_once"
    patience: float = 5.0  # seconds until a callback without an answer is tried again (path/96466)
    on_change: Callable[[str], None] = lambda who: None  # the customer or member whose chat or cards changed
    rejects_escapes: bool = True  # \uXXXX in a body is 40033 (path/90455)
    duplicate_msgid_code: int = 40058  # which error it is that the documents promise is not known
    nicknames: dict[str, str] = field(default_factory=dict)  # of customers
    faults: Faults = field(default_factory=Faults)
    requests: Counter[str] = field(default_factory=Counter)  # API calls by path, also those refused
    tokens: Tokens = field(default_factory=Tokens)
    url: str = ""
    _tasks: set[asyncio.Task[object]] = field(default_factory=set)
    _closing: asyncio.Event = field(default_factory=asyncio.Event)

    def account(self, open_kfid: object, app: App) -> KfAccount:
        """Return an account that the app may use. Raises ApiError."""
        if not any(one.app == app.agent_id for one in self.accounts.values()):
            raise ApiError(48002)
        if not isinstance(open_kfid, str) or not open_kfid:
            raise ApiError(95000)
        found = self.accounts.get(open_kfid)
        if found is None or found.app != app.agent_id:
            raise ApiError(95004)
        return found

    def soon(self, work: Coroutine[Any, Any, object]) -> None:
        """Do something beside what caused it."""
        task: asyncio.Task[object] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settled(self) -> None:
        """Wait until everything that was to happen at once has."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    async def close(self) -> None:
        self._closing.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def until_closed(self) -> None:
        await self._closing.wait()
