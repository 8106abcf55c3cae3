"""Hears Twilio: customers' messages at the source's own address, what became of ours below status/."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence

from adapters.sms import wire
from adapters.sms.config import Config
from gateway.errors import Forbidden, Invalid
from gateway.model import InboundEvent, Receipt
from gateway.ports import HttpReply, HttpRequest, Received

STATUS = "status"  # + "/" + our key of the message

_log = logging.getLogger(__name__)
_STATUS_PATH = re.compile(STATUS + "/([0-9a-hjkmnp-tv-z]{26})")
_NOTHING_TO_SAY = HttpReply(body=b"<Response/>", media_type="text/xml")


class TwilioHook:
    """A Webhook. A request that comes again needs no care here: a message is one by its MessageSid, forever."""

    methods = ("POST",)
    max_body = 100_000  # a text is at most 20 kB; what an account's add-ons tell beside it has no stated limit

    def __init__(self, config: Config, secrets: wire.Secrets, source: str) -> None:
        self._config = config
        self._secrets = secrets
        self._source = source

    def receive(self, request: HttpRequest) -> Received:
        """See ports.Webhook."""
        form = wire.form_of(request.body)
        if form is None:
            raise Forbidden
        genuine = self._config.signature == "off" or wire.is_genuine(request.url, form, request.headers, self._secrets)
        if not genuine and self._config.signature == "enforce":
            raise Forbidden
        fields = dict(form)
        if fields.get("AccountSid") != self._config.account_sid:
            raise Forbidden
        if not genuine:
            _log.warning("%s: took in a request whose signature does not match", self._source)
        return Received(events=(self._event(request, fields, genuine=genuine),), reply=_answer)

    def _event(self, request: HttpRequest, fields: dict[str, str], *, genuine: bool) -> InboundEvent:
        if not request.path:
            return wire.said(
                fields,
                source=self._source,
                received_at=request.at,
                raw=request.body,
                one_way=self._config.one_way,
                problems=() if genuine else ("bad_signature",),
            )
        path = _STATUS_PATH.fullmatch(request.path)
        if path is None:
            raise Invalid
        return wire.reported(fields, source=self._source, received_at=request.at, key=path[1])


def _answer(receipts: Sequence[Receipt]) -> HttpReply:
    """Send no text back: the acknowledgement is a notice like every other, with proof of its delivery."""
    return _NOTHING_TO_SAY
