"""Hears WeCom: a button that one of the bank's people pressed. Whatever else comes is answered, and opens nothing."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.wecom_app import wire
from adapters.weixin.callback import MAX_BODY, Callback, Opened
from gateway.model import Receipt
from gateway.ports import HttpReply, HttpRequest, Received


class PressHook:
    """A Webhook. WeCom waits 5 seconds and tells the same up to three times (path/96466): a press is one by its id."""

    methods = ("GET", "POST")
    max_body = MAX_BODY

    def __init__(self, callback: Callback, source: str) -> None:
        self._callback = callback
        self._source = source

    def receive(self, request: HttpRequest) -> Received:
        """See ports.Webhook."""
        if request.method == "GET":
            echo = self._callback.echo(request)
            return Received(events=(), reply=lambda _: echo)
        opened = self._callback.open(request)
        answer = wire.pressed(opened.fields, source=self._source, received_at=request.at)

        def reply(receipts: Sequence[Receipt]) -> HttpReply:
            # A press is not done with: if our answer was lost or late WeCom tells it again, and only that answer can
            # change the card. It is answered like the first, and changes nothing else (gateway/answering.py).
            if not answer:
                self._callback.done(opened)
            return self._reply(opened, receipts)

        return Received(events=(answer,) if answer else (), reply=reply)

    def _reply(self, opened: Opened, receipts: Sequence[Receipt]) -> HttpReply:
        xml = ""
        if receipts:
            xml = wire.button_reply(opened.fields, receipts[0].outcome, opened.at)
        elif wire.is_talk(opened.fields):
            xml = wire.text_reply(opened.fields, wire.NOBODY_READS, opened.at)
        return self._callback.sealed(xml, opened, opened.at) if xml else HttpReply()
