"""The providers of mail and short messages: mostly they take it, at times not now, not ever, or nobody knows."""

from __future__ import annotations

from collections import Counter
from hashlib import blake2b

from adapters.tools import text_of
from bench.halfyear.plan import MAIL_AWAY, Plan
from gateway.errors import Permanent, Temporary, Unknown
from gateway.model import OutboundMessage, Sent
from gateway.ports import Now

NOBODY_THERE, NOT_NOW, NOBODY_KNOWS = 0.008, 0.035, 0.008
STAFF = "@bank.example"


class Provider:
    """What becomes of a message depends on seed, recipient, words and attempt: on nothing that differs by run."""

    def __init__(self, plan: Plan, now: Now) -> None:
        self._plan = plan
        self._now = now
        self._tries: Counter[str] = Counter()
        self.did: Counter[str] = Counter()

    async def send(self, message: OutboundMessage) -> Sent:
        self._tries[message.key] += 1
        begin, end = MAIL_AWAY
        if begin <= self._now() < end:
            self.did["away"] += 1
            raise Temporary("connect")
        if self._chance(message.to.value) < NOBODY_THERE and not message.to.value.endswith(STAFF):
            self.did["refused"] += 1
            raise Permanent("550 5.1.1")
        chance = self._chance(message.to.value, text_of(message).short, str(self._tries[message.key]))
        if chance < NOT_NOW:
            self.did["not now"] += 1
            raise Temporary("451 4.7.1")
        if chance < NOT_NOW + NOBODY_KNOWS:
            self.did["unknown"] += 1
            raise Unknown("disconnected")
        self.did["taken"] += 1
        return Sent(provider_id="250")

    def _chance(self, *words: str) -> float:
        digest = blake2b("/".join([str(self._plan.seed), *words]).encode(), digest_size=4).digest()
        return int.from_bytes(digest) / 2**32
