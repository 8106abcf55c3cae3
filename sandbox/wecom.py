"""WeCom (企业微信) as a real HTTP server, with customers' phones (微信客服) and members' phones (application messages).

It speaks the API under /cgi-bin and calls the apps' hooks, encrypted and signed by wechatpy. By itself it is as strict
as the real one is documented to be; what is to go wrong beyond that is told by `faults` and the other fields of `Corp`.
Time is given in: nothing here expires by itself.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from gateway.ports import Now
from sandbox.wecom_api import Api
from sandbox.wecom_callbacks import Call, Caller
from sandbox.wecom_cards import Button
from sandbox.wecom_chats import ChatMessage, Chats, Session, State
from sandbox.wecom_corp import App, Corp, Faults, KfAccount
from sandbox.wecom_kf import Kf
from sandbox.wecom_media import FROM_CUSTOMERS, Files
from sandbox.wecom_staff import Pressed, Staff, StaffMessage

__all__ = [
    "App",
    "Button",
    "Call",
    "ChatMessage",
    "Faults",
    "KfAccount",
    "Pressed",
    "StaffMessage",
    "State",
    "WeCom",
    "wecom_simulator",
]


def _by_the_clock() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True, kw_only=True)
class WeCom(Corp):
    """One corporation, with all that its customers, members and administrator do."""

    caller: Caller = field(init=False)
    files: Files = field(init=False)
    chats: Chats = field(init=False)
    members: Staff = field(init=False)

    def __post_init__(self) -> None:
        self.caller = Caller(self)
        self.files = Files(self)
        self.chats = Chats(self, self.caller)
        self.members = Staff(self, self.caller)

    @property
    def calls(self) -> list[Call]:
        """Every try of a callback so far."""
        return self.caller.calls

    @property
    def dropped(self) -> list[tuple[str, str]]:
        """Members and msgids of what WeCom swallowed over its limits, with errcode 0."""
        return self.members.dropped

    async def verify(self, agent_id: int) -> bool:
        """Play the admin who saves an app's callback; tell whether WeCom takes it."""
        return await self.caller.verify(self.apps[agent_id])

    async def ring(self, *, reverse: bool = False, copies: int = 1, resealed: bool = False) -> list[int]:
        """Make the callbacks that wait ("on_demand"), in any order and number; return the last HTTP status of each.

        Copies are the same bytes; `resealed`: the same event, encrypted and signed anew.
        """
        return await self.caller.ring(reverse=reverse, copies=copies, resealed=resealed)

    def expire_tokens(self) -> None:
        """Invalidate all access tokens early: the next calls get 42001."""
        self.tokens.expire(self.now())

    def forget_tokens(self) -> None:
        """Invalidate all access tokens early: the next calls get 40014."""
        self.tokens.forget()

    async def says(self, external_userid: str, open_kfid: str, text: str, *, menu_id: str = "") -> str:
        """Let a customer write; return the msgid that sync_msg will show."""
        menu = {"menu_id": menu_id} if menu_id else {}
        return self.chats.write(external_userid, open_kfid, "text", {"content": text, **menu})

    async def sends(self, external_userid: str, open_kfid: str, msgtype: str, content: Mapping[str, Any]) -> str:
        """Let a customer send anything else, `content` as in sync_msg; return its msgid."""
        return self.chats.write(external_userid, open_kfid, msgtype, content)

    async def sends_file(
        self,
        external_userid: str,
        open_kfid: str,
        content: bytes,
        *,
        msgtype: str = "file",
        media_type: str = "application/octet-stream",
        name: str = "",
    ) -> str:
        """Let a customer send a file, image, voice or video; return its msgid. A big one arrives as a text."""
        if len(content) > FROM_CUSTOMERS[msgtype]:
            return await self.says(external_userid, open_kfid, "[文件过大，无法接收]")
        media_id = self.files.put(content, media_type, name)
        return self.chats.write(external_userid, open_kfid, msgtype, {"media_id": media_id})

    async def chose(self, external_userid: str, open_kfid: str, msgid: str, menu_id: str) -> str:
        """Let a customer tap an item of a menu; return the msgid of what that says. Raises LookupError."""
        for item in self.chats.message(msgid).content.get("list", []):
            if item["type"] == "click" and item["click"].get("id") == menu_id:
                return await self.says(external_userid, open_kfid, item["click"]["content"], menu_id=menu_id)
        raise LookupError(f"no item {menu_id} in {msgid}")

    async def enters(self, external_userid: str, open_kfid: str, *, scene: str = "", scene_param: str = "") -> str:
        """Let a customer open the conversation; return the welcome_code, "" where WeChat gives none."""
        return self.chats.enter(external_userid, open_kfid, scene, scene_param)

    async def recalls(self, external_userid: str, open_kfid: str, msgid: str) -> None:
        """Let a customer take a message back."""
        self.chats.recall(external_userid, open_kfid, msgid)

    async def colleague_says(self, userid: str, external_userid: str, open_kfid: str, text: str) -> str:
        """Let somebody of the bank write to a customer in the WeCom program; return the msgid.

        From then on the conversation is theirs: send_msg is refused (95018) until they have ended it and the customer
        has written again.
        """
        return self.chats.say(userid, external_userid, open_kfid, text)

    async def refuses(self, external_userid: str, open_kfid: str, *, fail_type: int | None = 10) -> None:
        """Let all that is sent to a customer from now on fail with an event (None: no more)."""
        self.chats.sessions.setdefault((open_kfid, external_userid), Session()).refusing = fail_type

    async def fails(self, msgid: str, *, fail_type: int = 0) -> None:
        """Let a message that was taken turn out not to have been delivered. Raises LookupError."""
        self.chats.fail(msgid, fail_type)

    async def session(self, external_userid: str, open_kfid: str, state: int, servicer: str = "") -> None:
        """Put a conversation into a state, as people at the WeCom program do."""
        self.chats.move(external_userid, open_kfid, State(state), servicer)

    def chat(self, external_userid: str, open_kfid: str = "") -> list[ChatMessage]:
        """Return what a customer's phone shows, oldest first."""
        return [
            one
            for one in self.chats.messages
            if one.external_userid == external_userid and open_kfid in ("", one.open_kfid)
        ]

    def cards(self, userid: str) -> list[StaffMessage]:
        """Return what a member's phone shows, oldest first."""
        return [one for one in self.members.messages if one.userid.lower() == userid.lower()]

    async def press(self, userid: str, task_id: str, key: str) -> Pressed:
        """Let a member press a button, and change the card by the hook's answer. Raises LookupError."""
        return await self.members.press(userid, task_id, key)

    async def writes(self, userid: str, agent_id: int, text: str) -> int:
        """Let a member write to an app; return the hook's HTTP status."""
        fields = {"MsgType": "text", "Content": text, "MsgId": int(self.now().timestamp() * 1000)}
        return await self.event(agent_id, {"FromUserName": userid, **fields})

    async def event(self, agent_id: int, fields: Mapping[str, Any]) -> int:
        """Send anything to an app's hook: the fields of the <xml>; return the HTTP status."""
        known = {"ToUserName": self.corp_id, "CreateTime": int(self.now().timestamp()), "AgentID": agent_id}
        return (await self.caller.deliver(self.apps[agent_id], {**known, **fields})).status


@asynccontextmanager
async def wecom_simulator(
    *,
    corp_id: str,
    apps: Sequence[App],
    accounts: Sequence[KfAccount] = (),
    staff: Sequence[str] = (),
    now: Now = _by_the_clock,
    host: str = "127.0.0.1",
    port: int = 0,
    **options: Any,
) -> AsyncIterator[WeCom]:
    """Run one corporation while the block lasts. `port` 0 takes a free one; `options` are fields of `Corp`."""
    wecom = WeCom(
        corp_id=corp_id,
        apps={one.agent_id: one for one in apps},
        accounts={one.open_kfid: one for one in accounts},
        staff={one.lower(): one for one in staff},
        now=now,
        **options,
    )
    kf = Kf(wecom, wecom.chats, wecom.files)
    application = Api(wecom, kf, wecom.members, wecom.files).application()
    # No log of its own: secrets and tokens are in the addresses.
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        wecom.url = f"http://{host}:{runner.addresses[0][1]}"
        yield wecom
    finally:
        await wecom.close()
        await runner.cleanup()
