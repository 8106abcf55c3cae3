"""Hears WeChat at the source's own address, and fetches the files that its followers sent."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.wechat import wire
from adapters.weixin.api import Api, Refused
from adapters.weixin.callback import MAX_BODY, Callback
from gateway.errors import Permanent, Temporary
from gateway.model import Receipt
from gateway.ports import HttpReply, HttpRequest, Media, Received

_GONE = 40007
"""No such file any more. What else is refused is about the account, and WeChat has the file until then."""


class WeChatHook:
    """A Webhook. A message is one by its MsgId however often, and however late, it comes (lesson 85)."""

    methods = ("GET", "POST")
    max_body = MAX_BODY

    def __init__(self, callback: Callback, source: str) -> None:
        self._callback = callback
        self._source = source

    def receive(self, request: HttpRequest) -> Received:
        """See ports.Webhook."""
        if request.method == "GET":
            echo = self._callback.echo(request)
            return Received(events=(), reply=lambda receipts: echo)
        opened = self._callback.open(request)
        events = wire.heard(opened.fields, source=self._source, received_at=request.at, raw=opened.xml)

        def answer(receipts: Sequence[Receipt]) -> HttpReply:
            self._callback.done(opened)
            return HttpReply()  # no passive reply: the acknowledgement is a notice like every other

        return Received(events=events, reply=answer)


class WeChatMedia:
    """A Fetcher. WeChat keeps a file for three days."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def fetch(self, ref: str, *, limit: int) -> Media:
        """Return the file; see ports.Fetcher."""
        try:
            return await self._api.download("/cgi-bin/media/get", {"media_id": ref}, limit=limit)
        except Refused as refused:
            raise (Permanent if refused.code == _GONE else Temporary)(refused.reason) from None
