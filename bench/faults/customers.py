"""The customers: each has one complaint and an address of their own, and tells it by the REST API or by mail.

Whoever tells it to the API tries again, under the same key, until a 2xx is seen. Some send what they have to say twice.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from base64 import encodebytes
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import aiohttp
import orjson

from bench import samples
from bench.faults.inbox import Inbox
from bench.faults.plan import Plan

DOMAIN = "customers.example.com"
BANK = "complaints@bank.example.com"
TOKEN = "fault-run-token"
TOKEN_SHA256 = hashlib.sha256(TOKEN.encode()).hexdigest()

BY_MAIL = 0.25
AGAIN = 0.06
WORKERS = 24
ANSWER_SECONDS = 20.0
PAUSE_SECONDS = (0.1, 0.8)


class Again(StrEnum):
    """How some customers send the same thing a second time."""

    NO = "no"
    LATER = "later"  # when the first was answered; as a mail, the same bytes
    AT_ONCE = "at_once"  # beside the first; as a mail, the same mail by another route


@dataclass(slots=True, kw_only=True)
class Customer:
    """One customer and what became of it. `told`: the numbers the API answered with."""

    name: str  # the local part of the address, and of the idempotency key
    by_mail: bool
    again: Again
    settled: bool = False
    told: set[str] = field(default_factory=set)
    refused: set[int] = field(default_factory=set)  # statuses that no retry can mend

    @property
    def records(self) -> int:
        """How many messages the database is to hold of this customer."""
        return 2 if self.by_mail and self.again is Again.AT_ONCE else 1


class Customers:
    """All of them, in the order they come. `run` sends until cancelled what `release` let go."""

    def __init__(self, plan: Plan, *, sites: Sequence[str], inbox: Inbox) -> None:
        self._dice = plan.dice("customers")
        self.all = [_drawn(self._dice, place) for place in range(plan.messages)]
        self.answers: Counter[str] = Counter()
        self._sites = sites
        self._inbox = inbox
        self._released = 0
        self._settled = 0
        self._waiting: asyncio.Queue[Customer] = asyncio.Queue()
        self._moved = asyncio.Event()

    @property
    def settled(self) -> int:
        return self._settled

    @property
    def behind(self) -> int:
        """How many were let go and are not settled."""
        return self._released - self._settled

    async def caught_up(self, most: float) -> None:
        """Wait until no more than so many are behind."""
        while self.behind > most:
            self._moved.clear()
            await self._moved.wait()

    async def release(self, upto: int) -> None:
        """Let the customers up to this one come: mails into the mailbox, the others to the API."""
        come = self.all[self._released : upto]
        self._released += len(come)
        for customer in come:
            if not customer.by_mail:
                self._waiting.put_nowait(customer)
        writers = [customer for customer in come if customer.by_mail]
        await self._inbox.put([raw for customer in writers for raw in _mails(customer)])
        for customer in writers:
            self._settle(customer)

    async def run(self) -> None:
        timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as session, asyncio.TaskGroup() as group:
            for _ in range(WORKERS):
                group.create_task(self._work(session))

    async def _work(self, session: aiohttp.ClientSession) -> None:
        while True:
            customer = await self._waiting.get()
            times = 1 if customer.again is Again.NO else 2
            if customer.again is Again.AT_ONCE:
                await asyncio.gather(*(self._tell(session, customer) for _ in range(times)))
            else:
                for _ in range(times):
                    await self._tell(session, customer)
            self._settle(customer)

    def _settle(self, customer: Customer) -> None:
        customer.settled = True
        self._settled += 1
        self._moved.set()

    async def _tell(self, session: aiohttp.ClientSession, customer: Customer) -> None:
        """Send to one node or the other until one has answered for good."""
        body = orjson.dumps(_complaint(customer))
        headers = {
            "Authorization": f"Bearer {TOKEN}",
            "Idempotency-Key": customer.name,
            "Content-Type": "application/json",
        }
        while True:
            site = self._dice.choice(self._sites)
            try:
                async with session.post(f"{site}/api/v1/complaints", data=body, headers=headers) as answer:
                    status, said = answer.status, await answer.read()
            except (aiohttp.ClientError, OSError, TimeoutError):
                self.answers["no answer"] += 1
            else:
                self.answers[f"answered {status}"] += 1
                if status in (200, 201):
                    customer.told.add(orjson.loads(said)["number"])
                    return
                if status < 500:
                    customer.refused.add(status)
                    return
            await asyncio.sleep(self._dice.uniform(*PAUSE_SECONDS))


def _drawn(dice: random.Random, place: int) -> Customer:
    by_mail = dice.random() < BY_MAIL
    again = dice.choice((Again.LATER, Again.AT_ONCE)) if dice.random() < AGAIN else Again.NO
    return Customer(name=f"{'mail' if by_mail else 'api'}{place:06}", by_mail=by_mail, again=again)


def _complaint(customer: Customer) -> Mapping[str, object]:
    contact = {"type": "email", "value": f"{customer.name}@{DOMAIN}", "verified": True}
    return samples.COMPLAINT | {"contacts": [contact]}


def _mails(customer: Customer) -> Sequence[bytes]:
    text = encodebytes(f"{samples.TEXT}\r\n{customer.name}".encode()).replace(b"\n", b"\r\n")
    mail = (
        f"From: <{customer.name}@{DOMAIN}>\r\nTo: <{BANK}>\r\nSubject: complaint of {customer.name}\r\n"
        f"Message-ID: <{customer.name}@{DOMAIN}>\r\nMIME-Version: 1.0\r\n"
        'Content-Type: text/plain; charset="utf-8"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
    ).encode() + text
    if customer.again is Again.NO:
        return [mail]
    if customer.again is Again.LATER:
        return [mail, mail]
    return [mail, f"Received: from another route of {customer.name}\r\n".encode() + mail]
