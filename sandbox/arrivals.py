"""How what the bank sends comes to its customers' phones, by each provider. What customers do is in lines.py."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from sandbox.customers import Customer, Way, whose
from sandbox.example_bank import ADDRESS, DOMAIN
from sandbox.handsets import Entry, Handsets
from sandbox.smtp_sink import Received
from sandbox.twilio import SimulatedMessage, Twilio
from sandbox.wechat import SimulatedNotice
from sandbox.wecom import ChatMessage

_serial = itertools.count(1)


def arrived_mail(handsets: Handsets, mail: Received, at: datetime) -> None:
    """Put a mail on its recipient's phone, unless it stays within the bank."""
    if mail.rcpt.endswith(f"@{DOMAIN}"):
        return
    parsed = _parsed(mail.raw)
    handsets.put(
        Entry(
            id=f"mail-{next(_serial)}",
            customer=whose(mail.rcpt).id,
            way=Way.MAIL,
            mine=False,
            at=at,
            subject=str(parsed["Subject"] or ""),
            sender=str(parsed["From"] or ""),
            text=_part(parsed, "plain"),
            html=_part(parsed, "html"),
            message_id=str(parsed["Message-ID"] or ""),
            reply_to=str(parsed["Reply-To"] or ADDRESS),
        )
    )


def arrived_call(handsets: Handsets, customer: Customer, script: str, at: datetime, *, rang: bool) -> None:
    """Put what the bank's people read out on the telephone on the customer's phone; `rang`: the customer called."""
    handsets.put(
        Entry(
            id=f"call-{next(_serial)}",
            customer=customer.id,
            way=Way.CALL,
            mine=False,
            at=at,
            text=script,
            subject="rang" if rang else "",
        )
    )


async def follow_sms(handsets: Handsets, twilio: Twilio) -> None:
    """Put what the bank sends by SMS on its recipients' phones, and what becomes of it, until cancelled."""
    async with twilio.changed:
        while True:
            for message in twilio.messages:
                _arrived_sms(handsets, message)
            await twilio.changed.wait()


def arrived_chat(handsets: Handsets, chat: Sequence[ChatMessage]) -> None:
    """Bring a chat with 微信客服 up to date on its customer's phone: what both said, and what became of it."""
    for message in chat:
        there = handsets.get(message.msgid)
        entry = Entry(
            id=message.msgid,
            customer=whose(message.external_userid).id,
            way=Way.WECOM,
            mine=message.mine,
            at=message.at,
            text=message.text,
            choices=_choices(message.content),
            below=str(message.content.get("tail_content", "")),
            picture=there.picture if there else b"",
            state="recalled" if message.recalled else "failed" if message.failed else "",
        )
        if entry != there:
            handsets.put(entry)


def arrived_notices(handsets: Handsets, notices: Sequence[SimulatedNotice]) -> None:
    """Put the notices of the 公众号 on their follower's phone."""
    for notice in notices:
        if handsets.get(notice.id) is None:
            entry = Entry(
                id=notice.id,
                customer=whose(notice.openid).id,
                way=Way.WECHAT,
                mine=False,
                at=notice.at,
                subject=notice.title,
                text="\n".join(notice.lines),
            )
            handsets.put(entry)


def _arrived_sms(handsets: Handsets, message: SimulatedMessage) -> None:
    there = handsets.get(message.sid)
    if there is not None:
        if there.state != message.status:
            handsets.put(replace(there, state=message.status))
        return
    handsets.put(
        Entry(
            id=message.sid,
            customer=whose(message.to).id,
            way=Way.SMS,
            mine=False,
            at=message.at,
            sender=message.from_,
            text=message.body,
            state=message.status,
        )
    )


def _choices(content: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    clicks = [one["click"] for one in content.get("list", ()) if one.get("type") == "click"]
    return tuple((str(one.get("id", "")), str(one["content"])) for one in clicks)


def _parsed(raw: bytes) -> EmailMessage:
    parsed = message_from_bytes(raw, policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def _part(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    return str(part.get_content()) if part is not None else ""
