"""Hears the telephone system: it calls with one signed transcript, and gets its answer after the commit."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from adapters.hotline import signature, wire
from adapters.hotline.transcript import NotReady
from gateway.errors import Invalid
from gateway.model import Receipt
from gateway.ports import HttpReply, HttpRequest, Received

# Both say: nothing was taken. After the first the call may be pushed again once its transcript is whole; after the
# second this result will never be a complaint.
NOT_YET, NEVER = 409, 422
_STATUS = {
    "transcript_pending": NOT_YET,
    "transcript_incomplete": NOT_YET,
    "transcript_failed": NEVER,
    "transcript_empty": NEVER,
}


class SignedPush:
    """A Webhook for transcripts, alone or in an envelope, signed as Standard Webhooks has it."""

    methods = ("POST",)

    def __init__(self, *, keys: Sequence[bytes], reading: wire.Reading, max_body: int, source: str) -> None:
        self._keys = tuple(keys)
        self._reading = reading
        self._max_body = max_body
        self._source = source

    @property
    def max_body(self) -> int:
        return self._max_body

    def receive(self, request: HttpRequest) -> Received:
        """See ports.Webhook. A result without words is answered with its reason and 409 or 422, and opens nothing."""
        signature.check(request.headers, request.body, self._keys, request.at)
        if request.path:
            raise Invalid
        try:
            event = wire.parse(request.body, source=self._source, received_at=request.at, reading=self._reading)
        except NotReady as error:
            return Received(events=(), reply=_refusal(error.problem))
        return Received(events=(event,), reply=_reply)


def _reply(receipts: Sequence[Receipt]) -> HttpReply:
    receipt = receipts[0]
    differs = {"differs": True} if receipt.differs else {}
    return _json(200, {"number": receipt.number, "outcome": receipt.outcome.value, **differs})


def _refusal(problem: str) -> Callable[[Sequence[Receipt]], HttpReply]:
    return lambda _: _json(_STATUS[problem], {"error": problem})


def _json(status: int, content: object) -> HttpReply:
    return HttpReply(status=status, body=json.dumps(content).encode(), media_type="application/json")
