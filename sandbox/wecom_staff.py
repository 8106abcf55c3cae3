"""Application messages at the simulated WeCom: what apps send to members, and the buttons members press.

Sources: path/90236 (message/send, its limits and silent drops), path/94945 (update_template_card), path/96469 and
path/90241 (passive replies: MsgType update_button with Button/ReplaceName, or update_template_card with TemplateCard in
the words of the JSON form, each list as repeated elements of its name; seen the same in public clients in Go, Rust and
JavaScript). A userid is the same in any case. A task_id sent twice is 42014 (so say several public clients). Not
documented, and decided here: which error a response_code used twice or too late is (40058), and that a message dropped
as a repetition is answered with the msgid of the first.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sandbox.wecom_callbacks import Answered, Caller
from sandbox.wecom_cards import Button, buttons, card_of, check_card, replaced_by
from sandbox.wecom_corp import ApiError, App, Corp

_A_MINUTE, _AN_HOUR = (timedelta(minutes=1), 30), (timedelta(hours=1), 1000)
_RESPONSE_LASTS = timedelta(hours=72)
_RECEIVERS = 1000
_TEXT_BYTES, _TITLE_BYTES, _DESCRIPTION_BYTES = 2048, 128, 512
_TASK_ID = re.compile(r"[0-9a-zA-Z_@-]{1,128}")
_LONGEST_INTERVAL = 4 * 60 * 60  # seconds


@dataclass(slots=True, kw_only=True)
class StaffMessage:
    """One message of an app on a member's phone."""

    msgid: str
    agent_id: int
    userid: str  # as WeCom has it
    msgtype: str
    content: Mapping[str, Any]  # of text, or the template_card as it now is
    task_id: str
    at: datetime
    buttons: tuple[Button, ...]
    replaced: str = ""  # what stands where the buttons were, "" while they can be pressed
    pressed: str = ""  # the key that was pressed last

    @property
    def text(self) -> str:
        """The words of a text, or all a card shows except its buttons."""
        return str(self.content["content"]) if "content" in self.content else _words(self.content)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressed:
    """What came of a press."""

    status: int  # of the app's hook, 0: nobody answered
    reply: Mapping[str, Any] | None
    response_code: str  # lets the app update this card once within 72 hours
    problem: str = ""  # why the reply changed nothing although there was one


@dataclass(slots=True, kw_only=True)
class _Response:
    msgid: str
    agent_id: int
    until: datetime
    used: bool = False


@dataclass(slots=True)
class Staff:
    """The members' phones."""

    corp: Corp
    caller: Caller
    messages: list[StaffMessage] = field(default_factory=list)
    dropped: list[tuple[str, str]] = field(default_factory=list)  # userid, msgid: over the limit, not shown
    _given: dict[tuple[int, str], list[datetime]] = field(default_factory=dict)  # app, member
    _tasks: set[tuple[int, str]] = field(default_factory=set)
    _responses: dict[str, _Response] = field(default_factory=dict)
    _repeats: dict[tuple[int, str], tuple[str, datetime]] = field(default_factory=dict)

    async def send(self, app: App, body: Mapping[str, Any]) -> dict[str, Any]:
        if body.get("agentid") != app.agent_id:
            raise ApiError(40056)
        receivers, unknown = self._receivers(body)
        invalid = {"invaliduser": "|".join(unknown), "invalidparty": body.get("toparty", "")}
        invalid |= {"invalidtag": body.get("totag", ""), "unlicenseduser": ""}
        if not receivers:
            raise ApiError(81013, **invalid)
        content = self._content(app, body)
        if (first := self._repetition(app, body)) is not None:
            return {**invalid, "msgid": first}
        msgid, task = f"MSG{uuid4().hex}", str(content.get("task_id", ""))
        if task:
            self._tasks.add((app.agent_id, task))
        self._note(app, body, msgid)
        for userid in receivers:
            self._give(app, userid, msgid, str(body["msgtype"]), content)
        response = {"response_code": self._response(app, msgid)} if buttons(content) else {}
        return {**invalid, "msgid": msgid, **response}

    async def update(self, app: App, body: Mapping[str, Any]) -> dict[str, Any]:
        """Change the cards of the members named, once for each response_code."""
        response = self._responses.get(body.get("response_code", ""))
        if body.get("agentid") != app.agent_id:
            raise ApiError(40056)
        if response is None or response.used or response.agent_id != app.agent_id or response.until <= self.corp.now():
            raise ApiError(40058)
        name, card = body.get("button", {}).get("replace_name", ""), body.get("template_card")
        if not name and not card:
            raise ApiError(40058)
        if card:
            check_card(card)
        named = {str(one).lower() for one in body.get("userids", [])}
        response.used = True
        for one in self.messages:
            if one.msgid == response.msgid and (body.get("atall") == 1 or one.userid.lower() in named):
                self._change(one, name, card)
        return {"invaliduser": [one for one in named if one not in self.corp.staff]}

    async def press(self, userid: str, task_id: str, key: str) -> Pressed:
        """Press a button of a member's card. Raises LookupError where there is none to press."""
        card = self._card(userid, task_id)
        if card.replaced or key not in {one.key for one in card.buttons}:
            raise LookupError(f"no button {key} on {task_id}")
        app = self.corp.apps[card.agent_id]
        card.pressed = key
        code = self._response(app, card.msgid)
        event = {
            "ToUserName": self.corp.corp_id,
            "FromUserName": card.userid,
            "CreateTime": int(self.corp.now().timestamp()),
            "MsgType": "event",
            "Event": "template_card_event",
            "EventKey": key,
            "TaskId": task_id,
            "CardType": card.content["card_type"],
            "ResponseCode": code,
            "AgentID": app.agent_id,
        }
        answered = await self.caller.deliver(app, event)
        problem = self._applied(card, answered)
        return Pressed(status=answered.status, reply=answered.reply, response_code=code, problem=problem)

    def _applied(self, card: StaffMessage, answered: Answered) -> str:
        reply = answered.reply
        if reply is None:
            return answered.problem
        parties = (str(reply.get("ToUserName")).lower(), reply.get("FromUserName"))
        if parties != (card.userid.lower(), self.corp.corp_id):
            return "the reply is not from the corporation to who pressed"
        match reply:
            case {"MsgType": "update_button", "Button": {"ReplaceName": str(name)}}:
                self._change(card, name, None)
            case {"MsgType": "update_template_card", "TemplateCard": Mapping() as changed}:
                self._change(card, "", card_of(changed))
            case _:
                return f"no card is updated by {reply.get('MsgType')}"
        return ""

    def _change(self, message: StaffMessage, name: str, card: Mapping[str, Any] | None) -> None:
        if card:
            message.content, message.buttons = card, buttons(card)
        message.replaced = name or (replaced_by(card) if card else "")
        self.corp.on_change(message.userid)

    def _card(self, userid: str, task_id: str) -> StaffMessage:
        for one in self.messages:
            if one.userid.lower() == userid.lower() and one.task_id == task_id:
                return one
        raise LookupError(f"no card {task_id}")

    def _receivers(self, body: Mapping[str, Any]) -> tuple[list[str], list[str]]:
        asked = [one for one in body.get("touser", "").split("|") if one]
        if not asked and not body.get("toparty") and not body.get("totag"):
            raise ApiError(40058)
        if len(asked) > _RECEIVERS:
            raise ApiError(40058)
        if asked == ["@all"]:
            return list(self.corp.staff.values()), []
        lower = dict.fromkeys(one.lower() for one in asked)
        known = [self.corp.staff[one] for one in lower if one in self.corp.staff]
        return known, [one for one in lower if one not in self.corp.staff]

    def _content(self, app: App, body: Mapping[str, Any]) -> Mapping[str, Any]:
        kind, content = body.get("msgtype", ""), body.get(body.get("msgtype", ""), {})
        match kind:
            case "text" | "markdown":
                if not content.get("content"):
                    raise ApiError(44004)
                return {"content": _cut(content["content"], _TEXT_BYTES)}
            case "textcard":
                sizes = {"title": _TITLE_BYTES, "description": _DESCRIPTION_BYTES}
                return {name: _cut(value, sizes.get(name, _TEXT_BYTES)) for name, value in content.items()}
            case "template_card":
                check_card(content)
                self._check_task(app, content.get("task_id", ""))
                return dict(content)
        raise ApiError(40008)

    def _check_task(self, app: App, task: str) -> None:
        if task and (_TASK_ID.fullmatch(task) is None or (app.agent_id, task) in self._tasks):
            raise ApiError(42014)

    def _repetition(self, app: App, body: Mapping[str, Any]) -> str | None:
        interval = min(body.get("duplicate_check_interval", 1800), _LONGEST_INTERVAL)
        first = self._repeats.get((app.agent_id, json.dumps(body, sort_keys=True)))
        if body.get("enable_duplicate_check") != 1 or first is None:
            return None
        msgid, at = first
        return msgid if self.corp.now() - at < timedelta(seconds=interval) else None

    def _note(self, app: App, body: Mapping[str, Any], msgid: str) -> None:
        self._repeats[app.agent_id, json.dumps(body, sort_keys=True)] = (msgid, self.corp.now())

    def _give(self, app: App, userid: str, msgid: str, kind: str, content: Mapping[str, Any]) -> None:
        at, given = self.corp.now(), self._given.setdefault((app.agent_id, userid), [])
        for lasts, most in (_A_MINUTE, _AN_HOUR):
            if sum(1 for then in given if at - then < lasts) >= most:
                self.dropped.append((userid, msgid))
                return
        given.append(at)
        task = str(content.get("task_id", ""))
        self.messages.append(
            StaffMessage(
                msgid=msgid,
                agent_id=app.agent_id,
                userid=userid,
                msgtype=kind,
                content=content,
                task_id=task,
                at=at,
                buttons=buttons(content),
            )
        )
        self.corp.on_change(userid)

    def _response(self, app: App, msgid: str) -> str:
        code = f"RC{uuid4().hex}"
        until = self.corp.now() + _RESPONSE_LASTS
        self._responses[code] = _Response(msgid=msgid, agent_id=app.agent_id, until=until)
        return code


def _cut(text: str, most: int) -> str:
    """Return as much of a text as WeCom shows: it cuts by bytes and says nothing (path/90236)."""
    return text.encode()[:most].decode(errors="ignore")


def _words(content: object) -> str:
    match content:
        case str():
            return content
        case Mapping():
            shown = (_words(value) for name, value in content.items() if name not in _NOT_SHOWN)
            return "\n".join(one for one in shown if one)
        case list():
            return "\n".join(one for one in map(_words, content) if one)
    return ""


_NOT_SHOWN = frozenset(
    {"card_type", "task_id", "url", "type", "icon_url", "button_list", "card_action", "style", "userid", "media_id"}
)
