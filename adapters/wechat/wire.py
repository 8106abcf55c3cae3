"""What a 公众号 says by callback: followers' words, who follows, what became of notices. Pure.

Whether a call is genuine, and its decryption, is in adapters/weixin/.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.weixin.wire import fields_of
from gateway.errors import Invalid
from gateway.model import (
    Attachment,
    ChannelKind,
    ConsentChange,
    Contact,
    ContactType,
    DeliveryReceipt,
    DeliveryStatus,
    InboundEvent,
    InboundMessage,
    Unreadable,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Fields = Mapping[str, Any]
"""Of <xml>: strings, mappings where elements are nested, lists where one repeats."""

_OPENID = re.compile(r"[A-Za-z0-9_-]{1,128}")
_NUMBER = re.compile(r"[0-9]{1,20}")
_SECONDS = re.compile(r"[0-9]{1,10}")
_FILES = {
    "image": ("image.jpg", "image/jpeg"),
    "voice": ("voice.amr", "audio/amr"),
    "video": ("video.mp4", "video/mp4"),
    "shortvideo": ("video.mp4", "video/mp4"),
}
_WORDS = {
    "text": ("Content",),
    "image": (),
    "voice": ("Recognition",),  # what WeChat has heard, in accounts that have it switched on
    "video": (),
    "shortvideo": (),
    "location": ("Label",),
    "link": ("Title", "Description", "Url"),
}
_SYSTEM_FAILED = "system_failed"


def heard(fields: Fields, *, source: str, received_at: datetime, raw: bytes) -> tuple[InboundEvent, ...]:
    """Say what a callback means: nothing, for what needs nobody's attention, such as a tap on the menu.

    Raises Invalid when it does not say who and what.
    """
    openid, kind = _text(fields, "FromUserName"), _text(fields, "MsgType")
    if not _OPENID.fullmatch(openid) or not kind:
        raise Invalid
    if kind != "event":
        return (_said(fields, kind, openid, source=source, received_at=received_at, raw=raw),)
    match _text(fields, "Event").lower():
        case "subscribe" | "unsubscribe" as event:
            return (_consent(fields, event, openid, source=source, received_at=received_at),)
        case "templatesendjobfinish":
            ends = [(_text(fields, "MsgID"), _text(fields, "Status"))]
        case "subscribe_msg_sent_event":
            ends = [(_text(one, "MsgID"), _text(one, "ErrorStatus")) for one in _listed(fields)]
        case _:
            return ()
    return tuple(_receipt(msg_id, status, source=source, received_at=received_at) for msg_id, status in ends)


def _said(fields: Fields, kind: str, openid: str, *, source: str, received_at: datetime, raw: bytes) -> InboundMessage:
    text = "\n".join(_words(fields, kind))
    msg_id, media_id = _text(fields, "MsgId"), _text(fields, "MediaId")
    name, media_type = _FILES.get(kind, ("file", "application/octet-stream"))
    files = (Attachment(name=name, media_type=media_type, size=0, ref=media_id),) if media_id else ()
    odd = {"unknown_kind": kind not in _WORDS, "no_text": not text.strip() and not files}
    return InboundMessage(
        source=source,
        channel=ChannelKind.WECHAT,
        external_id=msg_id if _NUMBER.fullmatch(msg_id) else f"sha256:{hashlib.sha256(raw).hexdigest()}",
        received_at=received_at,
        text=text,
        reply_text=text,
        from_address=openid,
        contacts=(_contact(openid),),
        attachments=files,
        sent_at=_created_at(fields),
        problems=tuple(word for word, is_so in odd.items() if is_so),
        raw=raw,
    )


def _words(fields: Fields, kind: str) -> Iterator[str]:
    for name in _WORDS.get(kind, ()):
        if words := _text(fields, name):
            yield words
    if kind == "location":
        yield f"{_text(fields, 'Location_X')}, {_text(fields, 'Location_Y')}"  # latitude, longitude


def _contact(openid: str) -> Contact:
    """Return how somebody is reached. Not verified: WeChat vouches for the account, not for whose customer it is."""
    return Contact(type=ContactType.WECHAT, value=openid)


def _consent(fields: Fields, event: str, openid: str, *, source: str, received_at: datetime) -> ConsentChange:
    # FromUserName and CreateTime alone are not enough: two events of one second are two (lesson 82). Nobody who reads
    # the database needs to know who is behind an id.
    told = "\n".join((openid, _text(fields, "CreateTime"), event, _text(fields, "EventKey")))
    return ConsentChange(
        source=source,
        channel=ChannelKind.WECHAT,
        external_id=f"event:{hashlib.sha256(told.encode()).hexdigest()}",
        received_at=received_at,
        contact=_contact(openid),
        wanted=event == "subscribe",
        text=event,
    )


def _receipt(msg_id: str, status: str, *, source: str, received_at: datetime) -> DeliveryReceipt:
    if not _NUMBER.fullmatch(msg_id):
        raise Invalid
    is_there, reason = ended(status)
    return DeliveryReceipt(
        source=source,
        channel=ChannelKind.WECHAT,
        external_id=f"{msg_id}:{reason or 'success'}",
        received_at=received_at,
        status=DeliveryStatus.DELIVERED if is_there else DeliveryStatus.UNDELIVERED,
        provider_id=msg_id,
        reason=reason,
        again=reason == _SYSTEM_FAILED,
    )


def ended(status: str) -> tuple[bool, str]:
    """Return whether a notice arrived, and why not, in a stable word.

    WeChat writes "failed:user block" and "failed: system failed", with and without a space.
    """
    word = status.strip().casefold()
    if word == "success":
        return True, ""
    why = "_".join(re.findall("[a-z]+", word.removeprefix("failed")))[:40]
    return False, why or "failed"


def _created_at(fields: Fields) -> datetime | None:
    seconds = _text(fields, "CreateTime")
    return EPOCH + timedelta(seconds=int(seconds)) if _SECONDS.fullmatch(seconds) else None


def _listed(fields: Fields) -> Iterator[Fields]:
    """Yield the entries of a list, which is none of XML's where it has but one."""
    inner = fields.get("SubscribeMsgSentEvent")
    entries = inner.get("List") if isinstance(inner, Mapping) else None
    for one in entries if isinstance(entries, list) else [entries]:
        if isinstance(one, Mapping):
            yield one


def _text(fields: Fields, name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""


def read(data: bytes, name: str) -> Iterable[InboundEvent]:
    """Read a saved callback, decrypted. Without a clock it came in 1970."""
    try:
        return heard(fields_of(data), source="file", received_at=EPOCH, raw=data)
    except Invalid:
        unreadable = Unreadable(
            source="file",
            channel=ChannelKind.WECHAT,
            external_id=f"sha256:{hashlib.sha256(data).hexdigest()}",
            received_at=EPOCH,
            raw=data,
            problem="not_a_callback",
        )
        return [unreadable]
