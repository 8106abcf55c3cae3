"""What 微信客服 tells of a conversation (kf/sync_msg): words, events, failures. Pure; asking for it is in feed.py.

Source: WeCom, path/94670 and path/94699. Kinds are added there over time: what is not known here is kept all the same.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.wecom.kinds import shown
from gateway.model import (
    ChannelKind,
    Contact,
    ContactType,
    DeliveryReceipt,
    DeliveryStatus,
    InboundEvent,
    InboundMessage,
    MachineKind,
    Unreadable,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MENU = "huiyin-"
"""How the ids of our own menu's items begin."""
TEXT_BYTES = 2048
PARTS = 3
"""Of the five messages that a customer may be sent before they write again, one notice takes no more."""

_COLLEAGUE = 5  # origin: somebody of the bank, in the WeCom client
_EARLIEST = 1_600_000_000  # seconds since 1970; 微信客服 is younger: what says it was sent before has no date
_LATEST = 32_503_680_000
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_OWN_MSGID = re.compile(r"([0-9a-hjkmnp-tv-z]{26})(?:-[23])?")
_ENDS = ("\n\n", "\n", "。", "；", "！", "？", ". ", "，", " ")

_EVENTS = {
    "servicer_status_change": "接待人员的接待状态有变更",
    "session_status_change": "会话状态有变更",
    "user_recall_msg": "客户撤回了一条消息",
    "servicer_recall_msg": "接待人员撤回了一条消息",
    "reject_customer_msg_switch_change": "接待人员拒收或恢复接收客户消息",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """A customer came in, and may be welcomed: with this code, once, within 20 seconds (path/95122)."""

    msgid: str
    at: datetime
    code: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clicked:
    """A customer chose an item of our own menu."""

    msgid: str
    at: datetime
    external_userid: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """What a page means: what is kept, in its order, and whom to answer at once."""

    events: tuple[InboundEvent, ...]
    entered: tuple[Entered, ...] = ()
    clicked: tuple[Clicked, ...] = ()


def gathered(items: Iterable[object], *, source: str, stream: str, at: datetime) -> Gathered:
    """Read the items of a page. `stream` is whose page it is, `at` when it was read. Takes whatever JSON there is."""
    events: list[InboundEvent] = []
    entered: list[Entered] = []
    clicked: list[Clicked] = []
    for found in (_Item(item, source, stream, at) for item in items):
        if event := found.event():
            events.append(event)
        if coming := found.entered():
            entered.append(coming)
        if click := found.clicked():
            clicked.append(click)
    return Gathered(events=tuple(events), entered=tuple(entered), clicked=tuple(clicked))


class _Item:
    """One element of msg_list, of which nothing is certain."""

    def __init__(self, item: object, source: str, stream: str, at: datetime) -> None:
        self._fields: Mapping[str, Any] = item if isinstance(item, dict) else {}
        self._raw = json.dumps(item, ensure_ascii=False).encode("utf-8", "backslashreplace")
        self._source = source
        self._id = _text(self._fields.get("msgid")) or f"sha256:{hashlib.sha256(self._raw).hexdigest()}"
        sent_at = _time(self._fields.get("send_time"))
        self._undated = sent_at is None
        self._at = sent_at or at  # the legal clock starts when the platform had it, not when we asked for it (law 18)
        self._kind = _text(self._fields.get("msgtype"))
        body = self._fields.get(self._kind)
        self._body: Mapping[str, Any] = body if isinstance(body, dict) else {}
        whose = self._body if self._kind == "event" else self._fields
        self._open_kfid = _text(whose.get("open_kfid")) or stream
        self._external_userid = _text(whose.get("external_userid"))

    def event(self) -> InboundEvent | None:
        """Return what is kept of it; None for a customer who only came in."""
        if not self._fields:
            return Unreadable(
                source=self._source,
                channel=ChannelKind.WECOM,
                external_id=self._id,
                received_at=self._at,
                raw=self._raw,
                problem="not_an_item",
            )
        if self._kind != "event":
            return self._said()
        match self._body.get("event_type"):
            case "enter_session":
                return None
            case "msg_send_fail":
                return self._failed()
            case other:
                return self._told(_text(other))

    def entered(self) -> Entered | None:
        """Return whom to welcome; None where WeCom gives nothing to welcome them with."""
        code = _text(self._body.get("welcome_code"))
        if self._kind != "event" or self._body.get("event_type") != "enter_session" or not code or self._undated:
            return None
        return Entered(msgid=self._id, at=self._at, code=code)

    def clicked(self) -> Clicked | None:
        """Return who chose from our menu; None for everything else."""
        if self._machine() is not MachineKind.CONVERSATION or not self._contact() or self._undated:
            return None
        return Clicked(msgid=self._id, at=self._at, external_userid=self._external_userid)

    def _machine(self) -> MachineKind | None:
        """Return why words are not the customer's own; None where they are.

        Our own menu's words come with its item's id, which nobody can type.
        """
        if self._fields.get("origin") == _COLLEAGUE:
            return MachineKind.COLLEAGUE
        is_click = self._kind == "text" and _text(self._body.get("menu_id")).startswith(MENU)
        return MachineKind.CONVERSATION if is_click else None

    def _contact(self) -> Contact | None:
        if not _ID.fullmatch(self._open_kfid) or not _ID.fullmatch(self._external_userid):
            return None
        # Not verified (E.2 rule 10): whoever holds the telephone writes, and 微信客服 asks nobody for a name.
        return Contact(type=ContactType.WECOM, value=f"{self._open_kfid}/{self._external_userid}")

    def _said(self) -> InboundMessage:
        """Read what somebody wrote or sent."""
        what, machine, contact = shown(self._kind, self._body), self._machine(), self._contact()
        writer, reader = contact.value if contact else "", self._open_kfid
        if machine is MachineKind.COLLEAGUE:
            writer, reader = _text(self._fields.get("servicer_userid")), writer
        odd = {"no_sender": contact is None, "no_date": self._undated}
        return InboundMessage(
            source=self._source,
            channel=ChannelKind.WECOM,
            external_id=self._id,
            received_at=self._at,
            text=what.text,
            reply_text=what.text,
            from_address=writer,
            to=(reader,),
            contacts=(contact,) if contact and not machine else (),
            attachments=what.attachments,
            machine=machine,
            problems=tuple(sorted({*what.problems, *(word for word, is_so in odd.items() if is_so)})),
            raw=self._raw,
        )

    def _told(self, kind: str) -> InboundMessage:
        """Read what WeCom tells of the conversation itself."""
        contact = self._contact()
        return InboundMessage(
            source=self._source,
            channel=ChannelKind.WECOM,
            external_id=self._id,
            received_at=self._at,
            text=_EVENTS.get(kind, f"[{kind or 'event'}]"),
            from_address=contact.value if contact else "",
            to=(self._open_kfid,),
            machine=MachineKind.CONVERSATION,
            problems=() if kind in _EVENTS else ("unknown_event",),
            raw=self._raw,
        )

    def _failed(self) -> DeliveryReceipt:
        """Read that a message did not arrive. A later try is of no use: its msgid is spent, and so is the window."""
        msgid = _text(self._body.get("fail_msgid"))
        own = _OWN_MSGID.fullmatch(msgid)
        why = self._body.get("fail_type")
        known = isinstance(why, int) and not isinstance(why, bool) and 0 <= why < 1000
        return DeliveryReceipt(
            source=self._source,
            channel=ChannelKind.WECOM,
            external_id=self._id,
            received_at=self._at,
            status=DeliveryStatus.UNDELIVERED,
            key=own[1] if own else "",
            provider_id=msgid,
            reason=f"wecom fail {why}" if known else "wecom fail",
        )


def parts(text: str) -> Sequence[str]:
    """Return a text as messages of at most 2048 bytes, split where a paragraph or sentence ends; none if over three."""
    pieces: list[str] = []
    left = text.strip()
    while left:
        if len(pieces) == PARTS:
            return ()
        piece = _piece(left)
        pieces.append(piece.rstrip())
        left = left[len(piece) :].lstrip()
    return pieces


def _piece(text: str) -> str:
    """Return the beginning that fits, up to the best sign in its second half: no message is a few words."""
    head = text.encode("utf-8", "replace")[:TEXT_BYTES].decode("utf-8", "ignore")
    if len(head) == len(text):
        return text
    for sign in _ENDS:
        at = head.rfind(sign)
        if at >= len(head) // 2:
            return head[: at + len(sign)]
    return head


def part_id(key: str, number: int) -> str:
    """Return the msgid of a part, counted from 1: the key itself, then "-2" and "-3" behind it."""
    return key if number == 1 else f"{key}-{number}"


def reply_id(msgid: str) -> str:
    """Return the msgid of what we say to this message at once: the same however often it is read, at most 32 bytes."""
    return hashlib.sha256(msgid.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def is_recent(happened: datetime, at: datetime, limit: timedelta) -> bool:
    """Say whether something happened less than `limit` ago, whichever of the two clocks runs ahead."""
    return abs(at - happened) < limit


def read(data: bytes, name: str) -> Iterable[InboundEvent]:
    """Read a saved answer of kf/sync_msg, or items out of one. Without a clock what has no date came in 1970."""
    try:
        items = _items(json.loads(data))
        if items is not None:
            return gathered(items, source="file", stream="", at=EPOCH).events
    except (ValueError, RecursionError):
        pass
    unreadable = Unreadable(
        source="file",
        channel=ChannelKind.WECOM,
        external_id=f"sha256:{hashlib.sha256(data).hexdigest()}",
        received_at=EPOCH,
        raw=data,
        problem="not_a_page",
    )
    return [unreadable]


def _items(page: object) -> Sequence[object] | None:
    if isinstance(page, list):
        return page
    if not isinstance(page, dict):
        return None
    if "msg_list" not in page:
        return [page]
    items = page["msg_list"]
    return items if isinstance(items, list) else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _time(value: object) -> datetime | None:
    if not isinstance(value, int) or isinstance(value, bool) or not _EARLIEST <= value <= _LATEST:
        return None
    return datetime.fromtimestamp(value, UTC)
