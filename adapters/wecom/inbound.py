"""Hears WeCom's bell: somebody wrote to an account. What they wrote is fetched (feed.py)."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Collection, Sequence

from adapters.weixin.callback import MAX_BODY, Callback, Opened
from gateway.model import Bell, Receipt
from gateway.ports import HttpReply, HttpRequest, Received

_BELL = "kf_msg_or_event"

_log = logging.getLogger(__name__)


class KfHook:
    """A Webhook. It is called for all the app hears; what is no bell of an account of ours is heard and left."""

    methods = ("GET", "POST")
    max_body = MAX_BODY

    def __init__(self, callback: Callback, source: str, streams: Collection[str]) -> None:
        self._callback = callback
        self._source = source
        self._streams = streams

    def receive(self, request: HttpRequest) -> Received:
        """See ports.Webhook. A GET is the console making sure that the address is ours."""
        if request.method == "GET":
            echo = self._callback.echo(request)
            return Received(events=(), reply=lambda _receipts: echo)
        opened = self._callback.open(request)
        bell = self._bell(opened)

        def answer(_receipts: Sequence[Receipt]) -> HttpReply:
            self._callback.done(opened)
            return HttpReply()  # an empty 200: heard, and nothing to say (path/96466)

        return Received(events=(bell,) if bell else (), reply=answer)

    def _bell(self, opened: Opened) -> Bell | None:
        if opened.text("Event") != _BELL:
            return None
        stream = opened.text("OpenKfId")
        if stream not in self._streams:
            _log.warning("%s: a bell of an account that the settings do not name", self._source)
            return None
        return Bell(
            source=self._source,
            # Not account and second: two bells of one second are two (lesson 82). Each has a ticket of its own.
            external_id=f"sha256:{hashlib.sha256(opened.xml).hexdigest()}",
            received_at=opened.at,
            stream=stream,
            ticket=opened.text("Token"),
        )
