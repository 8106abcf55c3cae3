"""Hands notices to customers' WeChat by 微信客服 (kf/send_msg, path/94677). What fails later comes with the feed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.tools import text_of
from adapters.wecom import wire
from adapters.weixin.api import Api, Refused
from gateway.errors import DeliveryFailed, Permanent, Temporary
from gateway.model import Contact, OutboundMessage, Sent

_WRONG_STATE = 95018
_BOT = 1  # service_state: looked after by a program

# What is wrong with this customer, this account or this text. One table of codes serves all of WeCom's API, and most
# of it is about the app that asks (path/90313): so a code that is not here, also one that is added later, concludes
# nothing about the contact. It is tried again, and stands in the evidence until somebody has put it right.
_ABOUT_THEM = frozenset(
    {
        40003,  # no such user
        40096,  # no such customer
        40201,  # held to be spam
        45002,  # too long
        95000,  # no such account of 微信客服
        95001,  # five messages since they wrote last
        95002,  # 48 hours since then
        95004,  # the account was deleted, or is another company's
        95013,  # the conversation is over
    }
)


class KfSender:
    """A Sender. The msgid is our key, so a message that WeCom has already is not shown a second time."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def send(self, message: OutboundMessage) -> Sent:
        """Hand over one notice; see ports.Sender. A long text leaves as up to three messages."""
        words = text_of(message)
        text = words.text if message.to.verified else words.short
        texts = wire.parts(text)
        if not texts:
            raise Permanent("too_long" if text.strip() else "no_text")
        provider_id = ""
        for number, part in enumerate(texts, 1):
            body = _body(message.to, wire.part_id(message.key, number), part)
            provider_id = await self._hand_over(body) or provider_id
        return Sent(provider_id=provider_id)

    async def _hand_over(self, body: Mapping[str, Any]) -> str:
        """Send one message; return WeCom's name for it, "" where it had it already."""
        try:
            return await self._send(body)
        except Refused as refused:
            if refused.code != _WRONG_STATE:
                raise _failure(refused) from None
        # The conversation waits for a person, is with one or has ended (lesson 88). A person keeps theirs: WeCom does
        # not let a program take it from them (95016).
        await self._take_over(body)
        try:
            return await self._send(body)
        except Refused as refused:
            raise _failure(refused) from None

    async def _send(self, body: Mapping[str, Any]) -> str:
        try:
            reply = await self._api.call("/cgi-bin/kf/send_msg", body)
        except Refused as refused:
            if refused.code in _ABOUT_THEM or not refused.names("msgid"):
                raise
            # That a msgid is taken is an error, and which is not documented (path/94677). Ours is well formed by how it
            # is made: there is nothing else to say about it.
            return ""
        msgid = reply.get("msgid")
        return msgid if isinstance(msgid, str) else ""

    async def _take_over(self, body: Mapping[str, Any]) -> None:
        """Let the program have the conversation. Raises Temporary where it cannot: the message was refused before."""
        whose = {"open_kfid": body["open_kfid"], "external_userid": body["touser"], "service_state": _BOT}
        try:
            await self._api.call("/cgi-bin/kf/service_state/trans", whose)
        except (Refused, DeliveryFailed):
            raise Temporary(f"errcode {_WRONG_STATE}") from None


def _failure(refused: Refused) -> DeliveryFailed:
    return (Permanent if refused.code in _ABOUT_THEM else Temporary)(refused.reason)


def _body(to: Contact, msgid: str, text: str) -> Mapping[str, Any]:
    open_kfid, _, external_userid = to.value.partition("/")
    if not open_kfid or not external_userid:
        raise Permanent("bad_address")
    return {
        "touser": external_userid,
        "open_kfid": open_kfid,
        "msgid": msgid,
        "msgtype": "text",
        "text": {"content": text},
    }
