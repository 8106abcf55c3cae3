"""Asks Twilio: what became of a message of ours, and what customers sent us in a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Protocol
from urllib.parse import urlencode

from adapters.sms import api, wire
from adapters.sms.api import Client
from adapters.sms.config import Config
from adapters.tools import text_of
from gateway.errors import Temporary, Unavailable
from gateway.model import DeliveryStatus, InboundEvent
from gateway.ports import Found, Handed, Now

_LOOK_BACK = timedelta(minutes=2)  # Twilio's clock is another, and it tells whole seconds
_SETTLED = timedelta(minutes=1)  # until then a request that was cut off may still become a message
_DAY = timedelta(days=1)
_MESSAGES = 200  # of one number that are searched
_PAGE = 500
_AT_ONCE = 5

# Of several copies the one that came furthest counts.
_FURTHER = (DeliveryStatus.UNDELIVERED, DeliveryStatus.ACCEPTED, DeliveryStatus.DELIVERED, DeliveryStatus.READ)


class _Message(Protocol):
    """What is read of the library's message; dates are in UTC, to the second."""

    sid: str | None
    account_sid: str | None
    messaging_service_sid: str | None
    from_: str | None
    to: str | None
    body: str | None
    num_media: str | None
    direction: str | None  # "inbound", or several that begin with "outbound"
    status: str | None
    error_code: int | None
    date_created: datetime | None
    date_sent: datetime | None


class TwilioFinder:
    """A Finder.

    Twilio keeps no name of ours with a message, so one whose answer was lost is known by its recipient and its text,
    taken since the first try. A text says the complaint's number and why it is sent, so two that are equal say the same
    thing: if one of them is there, the customer has been told.
    """

    def __init__(self, client: Client, now: Now) -> None:
        self._client = client
        self._now = now

    async def find(self, messages: Sequence[Handed]) -> Sequence[Found]:
        """See ports.Finder. Raises Temporary, too, while it is too early to say that a message never came."""
        at_once = asyncio.Semaphore(_AT_ONCE)

        async def ask(handed: Handed) -> Found | None:
            async with at_once:
                return await (self._fetch(handed) if handed.provider_id else self._search(handed))

        answers = await asyncio.gather(*(ask(handed) for handed in messages), return_exceptions=True)
        for answer in answers:
            if isinstance(answer, Exception):
                raise Temporary(api.failure(answer).reason)
        return [answer for answer in answers if isinstance(answer, Found)]

    async def _fetch(self, handed: Handed) -> Found | None:
        try:
            message = await self._client.messages(handed.provider_id).fetch_async()
        except Exception as error:
            failed = api.failure(error)
            if failed.reason == api.NOT_FOUND:  # deleted there meanwhile; that must not keep the others waiting
                return None
            raise failed from None
        return _found(handed.message.key, message)

    async def _search(self, handed: Handed) -> Found | None:
        # Not narrowed by DateSent: one that still waits in Twilio's queue has none.
        listed = await self._client.messages.list_async(
            to=handed.message.to.value, limit=_MESSAGES, page_size=_MESSAGES
        )
        same = [message for message in listed if _is(message, handed)]
        if same:
            return _found(handed.message.key, max(same, key=_rank))
        if self._now() - handed.tried_at < _SETTLED:
            raise Temporary("too_early")
        return Found(key=handed.message.key, status=None) if len(listed) < _MESSAGES else None


class TwilioCensus:
    """A Census over the messages that Twilio holds as received for our number or service."""

    def __init__(self, config: Config, client: Client, source: str) -> None:
        self._config = config
        self._client = client
        self._source = source

    async def held(self, since: datetime, until: datetime) -> AsyncIterator[InboundEvent]:
        """See ports.Census. The time is that at which Twilio had the message."""
        options = {"to": self._config.from_number} if self._config.from_number else {}
        try:
            # Twilio narrows by whole days, and by when it called us, which may be later than when it had the message.
            listed = await self._client.messages.stream_async(
                date_sent_after=since - _DAY, date_sent_before=until + _DAY, page_size=_PAGE, **options
            )
            async for message in listed:
                if self._is_ours(message) and since <= _at(message) < until:
                    yield self._event(message)
        except Exception as error:
            raise Unavailable(f"twilio does not list its messages: {api.failure(error).reason}") from None

    def _is_ours(self, message: _Message) -> bool:
        wanted = self._config.messaging_service_sid
        return message.direction == "inbound" and (not wanted or message.messaging_service_sid == wanted)

    def _event(self, message: _Message) -> InboundEvent:
        form = {
            "MessageSid": message.sid or "",
            "AccountSid": message.account_sid or "",
            "From": message.from_ or "",
            "To": message.to or "",
            "Body": message.body or "",
            "NumMedia": message.num_media or "0",
        }
        raw = urlencode(form).encode()
        return wire.said(form, source=self._source, received_at=_at(message), raw=raw, one_way=self._config.one_way)


def _is(message: _Message, handed: Handed) -> bool:
    return (
        message.direction != "inbound"
        and message.body == text_of(handed.message).short
        and _at(message) >= handed.tried_at - _LOOK_BACK
    )


def _at(message: _Message) -> datetime:
    return message.date_created or message.date_sent or wire.EPOCH


def _rank(message: _Message) -> int:
    return _FURTHER.index(wire.status_of(message.status or ""))


def _found(key: str, message: _Message) -> Found:
    word = message.status or ""
    status = wire.status_of(word)
    is_bad = status is DeliveryStatus.UNDELIVERED
    return Found(
        key=key,
        status=status,
        provider_id=message.sid or "",
        reason=wire.reason_of(message.error_code, word) if is_bad else "",
        again=is_bad and wire.comes_again(message.error_code),
    )
