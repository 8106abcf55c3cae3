"""What customers and the service accounts (微信客服) of a simulated WeCom wrote to each other, and their sessions.

What is kept here for sync_msg is what the real one gives: the customers' words, those of colleagues in the program, and
events; never what came by the API (path/94670). The API itself is in wecom_kf.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any
from uuid import uuid4

from sandbox.wecom_callbacks import Caller
from sandbox.wecom_corp import ApiError, Corp

CUSTOMER, SYSTEM, COLLEAGUE = 3, 4, 5  # origin (path/94670)
WINDOW = timedelta(hours=48)
IN_A_WINDOW = 5
TICKET_LASTS = timedelta(minutes=10)
_WELCOME_LASTS = timedelta(seconds=20)


class State(IntEnum):
    """Who has a conversation (path/94669)."""

    NEW = 0
    BOT = 1
    POOL = 2
    HUMAN = 3
    ENDED = 4  # or not begun


@dataclass(slots=True, kw_only=True)
class ChatMessage:
    """One message on a customer's phone."""

    msgid: str
    open_kfid: str
    external_userid: str
    mine: bool  # the customer's own
    msgtype: str
    content: Mapping[str, Any]  # as in sync_msg or send_msg
    at: datetime
    recalled: bool = False
    failed: bool = False  # WeChat did not show it

    @property
    def text(self) -> str:
        """The words of a text or of a menu's head, "" for anything else."""
        return str(self.content.get("content", self.content.get("head_content", "")))


@dataclass(slots=True, kw_only=True)
class Session:
    """One customer at one account."""

    state: State = State.ENDED
    servicer: str = ""
    wrote_at: datetime | None = None
    sent: int = 0  # by the API since then
    last_sent_at: datetime | None = None
    welcomed_at: datetime | None = None
    refusing: int | None = None  # the fail_type of all that is sent from now on
    scene: tuple[str, str] = ("", "")

    def open_at(self, at: datetime) -> bool:
        return self.wrote_at is not None and at - self.wrote_at < WINDOW


@dataclass(slots=True, kw_only=True)
class Code:
    """What lets the bank say one thing on an event (path/95122)."""

    open_kfid: str
    external_userid: str
    until: datetime
    msgtypes: tuple[str, ...]
    used: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One entry that sync_msg gives."""

    at: datetime
    shown: Mapping[str, Any]


@dataclass(slots=True)
class Chats:
    """All conversations of a corporation with its customers."""

    corp: Corp
    caller: Caller
    kept: dict[str, list[Kept]] = field(default_factory=dict)  # by account, oldest first
    messages: list[ChatMessage] = field(default_factory=list)
    sessions: dict[tuple[str, str], Session] = field(default_factory=dict)  # account, customer
    codes: dict[str, Code] = field(default_factory=dict)
    tickets: dict[str, tuple[str, datetime]] = field(default_factory=dict)  # the Token of a bell -> account, until

    def write(self, customer: str, account: str, msgtype: str, content: Mapping[str, Any]) -> str:
        """Take a customer's message and ring; return its msgid."""
        at, msgid = self.corp.now(), _id()
        session = self.sessions.setdefault((account, customer), Session())
        if self.state(account, customer) is State.ENDED:
            session.state, session.servicer = State.NEW, ""
        session.wrote_at, session.sent = at, 0
        self._show(msgid, customer, account, mine=True, msgtype=msgtype, content=content)
        shown = {"open_kfid": account, "external_userid": customer, "origin": CUSTOMER, "servicer_userid": ""}
        self._keep(account, msgid, {**shown, "msgtype": msgtype, msgtype: content})
        return msgid

    def say(self, userid: str, customer: str, account: str, text: str) -> str:
        """Let a colleague write in the program, which makes the conversation theirs (path/94698)."""
        if self.state(account, customer) is not State.HUMAN:
            self.move(customer, account, State.HUMAN, userid)
        msgid, content = _id(), {"content": text}
        self._show(msgid, customer, account, mine=False, msgtype="text", content=content)
        shown = {"open_kfid": account, "external_userid": customer, "origin": COLLEAGUE, "servicer_userid": userid}
        self._keep(account, msgid, {**shown, "msgtype": "text", "text": content})
        return msgid

    def enter(self, customer: str, account: str, scene: str, scene_param: str) -> str:
        """Let a customer open the conversation; return the welcome_code, "" where there is none."""
        at = self.corp.now()
        session = self.sessions.setdefault((account, customer), Session())
        session.scene = (scene, scene_param)
        lately = (session.welcomed_at, session.last_sent_at)
        code = ""
        if not any(then is not None and at - then < WINDOW for then in lately):
            code = self.code(account, customer, _WELCOME_LASTS, ("text", "msgmenu"))
        event = {"event_type": "enter_session", "scene": scene, "scene_param": scene_param}
        self.event(account, customer, event | ({"welcome_code": code} if code else {}))
        return code

    def recall(self, customer: str, account: str, msgid: str) -> None:
        """Let a customer take a message back; it stays where it was for sync_msg."""
        self.message(msgid).recalled = True
        self.event(account, customer, {"event_type": "user_recall_msg", "recall_msgid": msgid})
        self.corp.on_change(customer)

    def fail(self, msgid: str, fail_type: int) -> None:
        """Take a message of the bank's off the customer's phone and say so by an event: the only receipt there is."""
        message = self.message(msgid)
        message.failed = True
        event = {"event_type": "msg_send_fail", "fail_msgid": msgid, "fail_type": fail_type}
        self.event(message.open_kfid, message.external_userid, event)
        self.corp.on_change(message.external_userid)

    def reach(self, customer: str, account: str, msgid: str, msgtype: str, content: Mapping[str, Any]) -> None:
        """Bring a message of the bank's to the customer's phone, or not, where they refuse."""
        session = self.sessions.setdefault((account, customer), Session())
        session.last_sent_at = self.corp.now()
        self._show(msgid, customer, account, mine=False, msgtype=msgtype, content=content)
        if session.refusing is not None:
            self.corp.soon(self._fail_later(msgid, session.refusing))

    async def _fail_later(self, msgid: str, fail_type: int) -> None:
        self.fail(msgid, fail_type)

    def move(self, customer: str, account: str, state: State, servicer: str) -> None:
        """Put a conversation into a state as the people at the program do, who are told of by an event (path/94670)."""
        session = self.sessions.setdefault((account, customer), Session())
        before, session.state = self.state(account, customer), state
        old, session.servicer = session.servicer, servicer if state is State.HUMAN else ""
        change = _change(before, state)
        if change is None:
            return
        event = {"event_type": "session_status_change", "change_type": change}
        event |= {"old_servicer_userid": old, "new_servicer_userid": session.servicer}
        if change in (1, 3):
            event["msg_code"] = self.reply_code(account, customer, state)
        self.event(account, customer, event)

    def state(self, account: str, customer: str) -> State:
        """Return the state of a conversation; 48 hours after the customer's last words it has ended (path/94698)."""
        session = self.sessions.get((account, customer), Session())
        return session.state if session.open_at(self.corp.now()) or session.state is State.HUMAN else State.ENDED

    def reply_code(self, account: str, customer: str, state: State) -> str:
        if state is State.ENDED:
            return self.code(account, customer, _WELCOME_LASTS, ("text", "msgmenu"))
        return self.code(account, customer, WINDOW, ("text",))

    def code(self, account: str, customer: str, lasts: timedelta, msgtypes: tuple[str, ...]) -> str:
        code = f"CODE{uuid4().hex}"
        until = self.corp.now() + lasts
        self.codes[code] = Code(open_kfid=account, external_userid=customer, until=until, msgtypes=msgtypes)
        return code

    def event(self, account: str, customer: str, event: Mapping[str, Any]) -> None:
        """Keep an event for sync_msg, whose account and customer are inside it and not beside it, and ring."""
        inner = {**event, "open_kfid": account, "external_userid": customer}
        self._keep(account, _id(), {"origin": SYSTEM, "msgtype": "event", "event": inner})

    def message(self, msgid: str) -> ChatMessage:
        """Return a message by its id. Raises LookupError."""
        for one in self.messages:
            if one.msgid == msgid:
                return one
        raise LookupError(msgid)

    def check_ticket(self, ticket: str, account: str) -> None:
        """Raise ApiError unless a bell of this account brought it within the last ten minutes."""
        for_account, until = self.tickets.get(ticket, ("", self.corp.now()))
        if for_account != account or until <= self.corp.now():
            raise ApiError(95007)

    def _show(self, msgid: str, customer: str, account: str, *, mine: bool, msgtype: str, content: Any) -> None:
        self.messages.append(
            ChatMessage(
                msgid=msgid,
                open_kfid=account,
                external_userid=customer,
                mine=mine,
                msgtype=msgtype,
                content=content,
                at=self.corp.now(),
            )
        )
        self.corp.on_change(customer)

    def _keep(self, account: str, msgid: str, shown: Mapping[str, Any]) -> None:
        at = self.corp.now()
        entry = {"msgid": msgid, "send_time": int(at.timestamp()), **shown}
        self.kept.setdefault(account, []).append(Kept(at=at, shown=entry))
        ticket = f"ENC{uuid4().hex}"
        self.tickets[ticket] = (account, at + TICKET_LASTS)
        self.caller.tell(
            self.corp.apps[self.corp.accounts[account].app],
            {
                "ToUserName": self.corp.corp_id,
                "CreateTime": int(at.timestamp()),
                "MsgType": "event",
                "Event": "kf_msg_or_event",
                "Token": ticket,
                "OpenKfId": account,
            },
        )


def _change(before: State, after: State) -> int | None:
    """Return the change_type of what people do: 1 from the pool, 2 handed on, 3 ended, 4 taken up again."""
    known = {
        (State.NEW, State.HUMAN): 1,
        (State.BOT, State.HUMAN): 1,
        (State.POOL, State.HUMAN): 1,
        (State.HUMAN, State.HUMAN): 2,
        (State.HUMAN, State.ENDED): 3,
        (State.ENDED, State.HUMAN): 4,
    }
    return known.get((before, after))


def _id() -> str:
    return uuid4().hex
