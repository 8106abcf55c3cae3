"""Reads what customers wrote, page by page (kf/sync_msg, path/94670)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Any

from adapters.wecom import wire
from adapters.wecom.config import Account
from adapters.wecom.greeting import Greeter
from adapters.weixin.api import Api, Refused
from gateway.errors import Temporary, Unknown
from gateway.ports import Now, Page

PAGE = 100
"""Messages at most: a page is one commit. WeCom would give 1000."""
_AT_ONCE = 5  # more calls at a time and WeCom says 45033
_AMR = 0
_CURSOR = re.compile(r"[ -~]{1,1000}")  # of 64 bytes at most (path/94670); what cannot be stored would be read for ever
_STALE_TICKET = frozenset({95007})
_BAD_CURSOR = frozenset({40035, 40058})  # "not a valid parameter": of what we send, only the cursor came from elsewhere


class KfFeed:
    """A Feed, one stream for each account."""

    def __init__(self, accounts: Sequence[Account], api: Api, greeter: Greeter, source: str, now: Now) -> None:
        self._streams = tuple(account.open_kfid for account in accounts)
        self._api = api
        self._greeter = greeter
        self._source = source
        self._now = now
        self._turns = asyncio.Semaphore(_AT_ONCE)

    @property
    def streams(self) -> Sequence[str]:
        """The accounts' ids; see ports.Feed."""
        return self._streams

    async def read(self, stream: str, place: str, ticket: str) -> Page:
        """Return a page, and greet whom it shows coming in; see ports.Feed.

        A place that WeCom does not know any more is read from the beginning of what it keeps, three days: what is
        repeated then is known by its msgid (lessons 85, 90).
        """
        reply = await self._page(stream, place, ticket)
        items, following = reply.get("msg_list"), reply.get("next_cursor")
        if items is None:  # some of WeCom's answers write an empty list so
            items = []
        if not isinstance(items, list):
            raise Temporary("bad_reply")
        found = wire.gathered(items, source=self._source, stream=stream, at=self._now())
        await self._greeter.greet(stream, found)
        # More may follow on an empty page, and a short page is not the last (path/94670): only has_more says so.
        return Page(
            events=found.events,
            place=following if isinstance(following, str) and _CURSOR.fullmatch(following) else place,
            more=reply.get("has_more") == 1,
        )

    async def _page(self, stream: str, place: str, ticket: str) -> Mapping[str, Any]:
        """Ask for a page; without the ticket or from the beginning where WeCom does not take the one or the other."""
        asked = {"cursor": place, "limit": PAGE, "voice_format": _AMR, "open_kfid": stream}
        try:
            async with self._turns:
                return await self._api.call("/cgi-bin/kf/sync_msg", {**asked, "token": ticket} if ticket else asked)
        except Refused as error:
            refused = error
        except Unknown as failed:  # asking changes nothing, so whatever went wrong may be asked again
            raise Temporary(failed.reason) from None
        if refused.code in _STALE_TICKET and ticket:
            return await self._page(stream, place, "")
        if refused.code in _BAD_CURSOR and place:
            return await self._page(stream, "", ticket)
        raise Temporary(refused.reason)
