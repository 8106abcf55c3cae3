"""One 公众号 at a simulated WeChat: its followers, what they do, what they see, and the callbacks that tell of it.

Its API, and how to start it, is in wechat.py.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, Literal
from uuid import uuid4

import aiohttp

from sandbox.wechat_callbacks import Fields, Mode, Sealer
from sandbox.wechat_templates import NoticeTemplate
from sandbox.wechat_tokens import AccessTokens

_ATTEMPTS = 3
_MEDIA_LIVE = timedelta(days=3)
_REPEATED_FOR = timedelta(minutes=10)  # in which a client_msg_id is not sent a second time
_FILES = {"image": ("image/jpeg", "jpg"), "voice": ("audio/amr", "amr"), "video": ("video/mpeg4", "mp4")}

Callbacks = Literal["at_once", "on_demand", "never"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What goes wrong with the next request that sends a notice, or asks for a file."""

    # refuse: this errcode, nothing kept                  cut: the connection ends, nothing kept
    # broken: HTTP 502, nothing kept                      garble: kept, answered with a page
    # drop: kept, then the connection ends unanswered     stall: kept, never answered
    # empty: kept, answered with nothing                  early: the receipt comes before the answer
    kind: Literal["refuse", "cut", "broken", "drop", "stall", "garble", "empty", "early"]
    code: int = -1


@dataclass(slots=True, kw_only=True)
class SimulatedNotice:
    """A notice as it lies on a follower's phone: a card with a title and lines."""

    id: str  # MsgID
    openid: str
    template_id: str
    title: str
    lines: tuple[str, ...]
    at: datetime
    client_id: str = ""
    status: str = ""  # "" until WeChat has told its end: "success", "failed:user block", "failed: system failed"
    kind: Literal["template", "subscribe"] = "template"


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedMedia:
    """A file that a follower sent."""

    content: bytes = field(repr=False)
    media_type: str
    name: str
    until: datetime


def _serials() -> Iterator[int]:
    return itertools.count(23456789012345678)


@dataclass(slots=True, kw_only=True)
class WeChat:
    """One 公众号. What may be changed while it runs has no underscore."""

    app_id: str
    secret: str = field(repr=False)
    token: str = field(repr=False)
    aes_key: str = field(repr=False)
    hook_url: str = ""  # where callbacks go
    original_id: str = "gh_0123456789ab"
    mode: Mode = "safe"
    templates: dict[str, NoticeTemplate] = field(default_factory=dict)
    callbacks: Callbacks = "at_once"  # when the receipts of notices are told
    receipt_copies: int = 1
    tamper: Callable[[bytes], bytes] = lambda body: body  # what somebody on the way makes of a callback
    patience: float = 5  # seconds an answer to a callback is waited for
    video_links: bool = False  # answer media/get of a video with the address of the file, as the documented one does
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    on_change: Callable[[str], None] | None = None  # called with the openid on whose phone something changed
    url: str = ""
    followers: set[str] = field(default_factory=set)
    known: set[str] = field(default_factory=set)  # who ever followed
    refusing: set[str] = field(default_factory=set)  # followers who have switched the account's notices off
    granted: Counter[tuple[str, str]] = field(default_factory=Counter)  # (openid, template) -> messages allowed
    fates: dict[str, str] = field(default_factory=dict)  # openid -> the status its notices end with
    sent: list[SimulatedNotice] = field(default_factory=list)
    media: dict[str, SimulatedMedia] = field(default_factory=dict)
    requests: list[Mapping[str, Any]] = field(default_factory=list)  # to send a notice, also those that failed
    files_asked: int = 0  # how often a file was asked for
    heard: list[tuple[int, bytes]] = field(default_factory=list)  # status and body of every answer to a callback
    tokens: AccessTokens = field(init=False)
    _told: list[Fields] = field(default_factory=list)
    _waiting: list[SimulatedNotice] = field(default_factory=list)
    _faults: deque[Fault] = field(default_factory=deque)
    _file_faults: deque[Fault] = field(default_factory=deque)
    _serial: Iterator[int] = field(default_factory=_serials)
    _tasks: set[asyncio.Task[object]] = field(default_factory=set)
    _closing: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.tokens = AccessTokens(self.now)

    async def follows(self, openid: str) -> int:
        """Let somebody follow the account.

        This, and whatever else a follower does, returns the status of the owner's last answer, 0 where there was none.
        """
        self.followers.add(openid)
        self.known.add(openid)
        return await self._event(openid, "subscribe", EventKey="")

    async def unfollows(self, openid: str) -> int:
        """Let somebody leave. Nothing reaches them any more."""
        self.followers.discard(openid)
        return await self._event(openid, "unsubscribe", EventKey="")

    async def clicks(self, openid: str, key: str) -> int:
        """Let somebody tap an entry of the account's menu."""
        return await self._event(openid, "CLICK", EventKey=key)

    async def allows(self, openid: str, template_id: str, *, accepts: bool = True) -> int:
        """Let somebody be asked whether one notice may come by this template: one consent is one message."""
        self.known.add(openid)
        self.granted[openid, template_id] += accepts
        answer = {"TemplateId": template_id, "SubscribeStatusString": "accept" if accepts else "reject"}
        popup = {"List": [{**answer, "PopupScene": 2}]}
        return await self._event(openid, "subscribe_msg_popup_event", SubscribeMsgPopupEvent=popup)

    async def says(self, openid: str, text: str, *, copies: int = 1) -> int:
        """Let somebody write. `copies` deliveries of the same message, as after answers that were lost."""
        return await self.sends(openid, "text", copies=copies, Content=text)

    async def shows(self, openid: str, content: bytes, kind: str = "image") -> int:
        """Let somebody send a file: an "image", a "voice" or a "video"."""
        media_id, (media_type, extension) = uuid4().hex, _FILES[kind]
        self.media[media_id] = SimulatedMedia(
            content=content,
            media_type=media_type,
            name=f"{media_id}.{extension}",
            until=self.now() + _MEDIA_LIVE,
        )
        beside: dict[str, dict[str, Any]] = {
            "image": {"PicUrl": f"https://mmbiz.qpic.cn/{media_id}/0"},
            "voice": {"Format": "amr"},
            "video": {"ThumbMediaId": f"thumb-{media_id}"},
        }
        return await self.sends(openid, kind, MediaId=media_id, **beside[kind])

    async def sends(self, openid: str, kind: str, *, copies: int = 1, **fields: object) -> int:
        """Let somebody send a message of any kind: "location", "link", or one of next year."""
        message = {**self._envelope(openid, kind), **fields, "MsgId": next(self._serial)}
        return await self._tell(message, copies)

    def notices(self, openid: str) -> Sequence[SimulatedNotice]:
        """Return the notices on somebody's phone, oldest first. What failed never came there."""
        return [one for one in self.sent if one.openid == openid and not one.status.startswith("failed")]

    async def verifies(self) -> bool:
        """Call the owner's address as its settings page does; say whether the answer is right."""
        query = self._sealer().verification("7161331615160312", int(self.now().timestamp()))
        return await self._call("GET", query, b"") == (HTTPStatus.OK, query["echostr"].encode())

    def fail_next(self, *faults: Fault) -> None:
        """Let the next requests that send a notice go wrong, one fault each."""
        self._faults.extend(faults)

    def fail_next_file(self, *faults: Fault) -> None:
        """Let the next requests for a file go wrong, one fault each: "refuse", "cut", "broken" or "stall"."""
        self._file_faults.extend(faults)

    async def again(self, place: int = -1) -> int:
        """Tell a callback once more, sealed anew, however long ago it was."""
        return await self._tell(self._told[place], 1, anew=False)

    async def report(self, *, reverse: bool = False) -> list[int]:
        """Tell the ends of notices that wait for it, `receipt_copies` times each."""
        waiting, self._waiting = self._waiting, []
        if reverse:
            waiting.reverse()
        return [await self._report(one) for one in waiting]

    async def settled(self) -> None:
        """Wait until everything that was to happen at once has."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    def take(self, template: NoticeTemplate, openid: str, data: Mapping[str, str], client_id: str) -> SimulatedNotice:
        """Keep a notice. One that names a client id of the last minutes is the first one with it."""
        for one in self.sent:
            if client_id and (one.openid, one.client_id) == (openid, client_id) and self._is_recent(one):
                return one
        notice = SimulatedNotice(
            id=str(next(self._serial)),
            openid=openid,
            template_id=template.id,
            title=template.title,
            lines=template.lines(data),
            at=self.now(),
            client_id=client_id,
            kind=template.kind,
        )
        self.granted[openid, template.id] -= template.kind == "subscribe"
        self.sent.append(notice)
        self._waiting.append(notice)
        self._show(openid)
        return notice

    def report_soon(self) -> None:
        """Tell the ends beside the request that caused them, unless they are to wait."""
        if self.callbacks == "at_once":
            task: asyncio.Task[object] = asyncio.create_task(self.report())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def next_fault(self) -> Fault | None:
        return self._faults.popleft() if self._faults else None

    def next_file_fault(self) -> Fault | None:
        return self._file_faults.popleft() if self._file_faults else None

    async def close(self) -> None:
        self._closing.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def until_closed(self) -> None:
        await self._closing.wait()

    def _is_recent(self, notice: SimulatedNotice) -> bool:
        return self.now() - notice.at < _REPEATED_FOR

    def _show(self, openid: str) -> None:
        if self.on_change is not None:
            self.on_change(openid)

    async def _report(self, notice: SimulatedNotice) -> int:
        notice.status = self.fates.get(notice.openid, "success")
        self._show(notice.openid)
        if self.callbacks == "never":
            return 0
        if notice.kind == "template":
            event = {**self._envelope(notice.openid, "event"), "Event": "TEMPLATESENDJOBFINISH"}
            return await self._tell({**event, "MsgID": int(notice.id), "Status": notice.status}, self.receipt_copies)
        is_there = notice.status == "success"
        told = {
            "TemplateId": notice.template_id,
            "MsgID": notice.id,
            "ErrorCode": 0 if is_there else 43101,
            "ErrorStatus": notice.status,
        }
        event = {**self._envelope(notice.openid, "event"), "Event": "subscribe_msg_sent_event"}
        return await self._tell({**event, "SubscribeMsgSentEvent": {"List": [told]}}, self.receipt_copies)

    async def _event(self, openid: str, event: str, **fields: object) -> int:
        return await self._tell({**self._envelope(openid, "event"), "Event": event, **fields}, 1)

    def _envelope(self, openid: str, kind: str) -> dict[str, object]:
        created = int(self.now().timestamp())
        return {"ToUserName": self.original_id, "FromUserName": openid, "CreateTime": created, "MsgType": kind}

    async def _tell(self, fields: Fields, copies: int, *, anew: bool = True) -> int:
        if anew:
            self._told.append(fields)
        status = 0
        for _ in range(copies):
            status = await self._try(fields)
        return status

    async def _try(self, fields: Fields) -> int:
        """Call up to three times, until the answer is 200 within `patience`."""
        status = 0
        for _ in range(_ATTEMPTS if self.hook_url else 0):
            query, body = self._sealer().callback(fields, self.mode, int(self.now().timestamp()))
            status, answer = await self._call("POST", query, self.tamper(body))
            self.heard.append((status, answer))
            if status == HTTPStatus.OK:
                break
        return status

    def _sealer(self) -> Sealer:
        return Sealer(app_id=self.app_id, token=self.token, aes_key=self.aes_key)

    async def _call(self, method: str, query: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        limit = aiohttp.ClientTimeout(total=self.patience)
        headers = {"Content-Type": "text/xml"}
        try:
            async with (
                aiohttp.ClientSession(timeout=limit) as session,
                session.request(method, self.hook_url, params=query, data=body, headers=headers) as response,
            ):
                return response.status, await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError):
            return 0, b""
