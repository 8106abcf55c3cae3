"""One account at a simulated Twilio: what it holds, what its customers do, and the webhooks it calls.

Its API, and how to start it, is in twilio.py.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal
from uuid import uuid4

import aiohttp
from twilio.request_validator import RequestValidator

_BLOCKING = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "OPTOUT", "REVOKE"})
_UNBLOCKING = frozenset({"START", "UNSTOP", "YES"})
_PATIENCE = aiohttp.ClientTimeout(total=15, sock_connect=5)  # of a webhook call (Twilio, webhooks-connection-overrides)
_EXTRA = {"ApiVersion": "2010-04-01", "NumSegments": "1", "FromCountry": "", "X-NewSinceYesterday": "ignore me"}

Callbacks = Literal["at_once", "on_demand", "never"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What goes wrong with the next request that creates a message."""

    # refuse: this status and code, nothing kept          cut: the connection ends, nothing kept
    # drop: kept, then the connection ends unanswered     stall: kept, never answered
    # garble: kept, answered with no JSON                 early: the callbacks come before the answer
    kind: Literal["refuse", "cut", "drop", "stall", "garble", "early"]
    status: int = 500
    code: int = 20500
    retry_after: int | None = None


@dataclass(slots=True, kw_only=True)
class SimulatedMessage:
    """One SMS as Twilio holds it."""

    sid: str
    to: str
    from_: str
    body: str
    status: str
    at: datetime
    direction: str = "outbound-api"
    error_code: int | None = None
    sent_at: datetime | None = None
    service: str = ""
    callback: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Report:
    message: SimulatedMessage
    status: str
    error_code: int | None


@dataclass(slots=True, kw_only=True)
class Twilio:
    """One account with one number. What may be changed while it runs has no underscore."""

    account_sid: str
    auth_token: str = field(repr=False)
    hook_url: str = ""  # where customers' messages go, as Twilio is told: the public address, which is what it signs
    number: str = "+15005550006"
    route: tuple[str, str] = ("", "")  # public prefix -> where it really is, as a proxy of the bank's would
    callbacks: Callbacks = "at_once"
    shared_key: tuple[str, str] | None = None  # name and secret: sign with it (SHA-256) instead of the auth token
    sign_port: bool = False  # sign :443 although the address has no port
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    url: str = ""
    messages: list[SimulatedMessage] = field(default_factory=list)  # to customers
    inbound: list[SimulatedMessage] = field(default_factory=list)
    requests: int = 0  # to create a message, also those that failed
    opted_out: set[str] = field(default_factory=set)
    fates: dict[str, tuple[str, int | None]] = field(default_factory=dict)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _faults: deque[Fault] = field(default_factory=deque)
    _reports: list[_Report] = field(default_factory=list)
    _tasks: set[asyncio.Task[object]] = field(default_factory=set)
    _closing: asyncio.Event = field(default_factory=asyncio.Event)

    def fail_next(self, *faults: Fault) -> None:
        """Let the next requests that create a message go wrong, one fault each."""
        self._faults.extend(faults)

    async def customer_sends(
        self, from_number: str, body: str, *, copies: int = 1, media: Sequence[str] = (), opt_out_type: str = ""
    ) -> int:
        """Let a customer write; return the gateway's last HTTP status, 0 where nobody answered.

        `copies` calls with the same message, as Twilio does after a timeout. Twilio blocks and unblocks the number on
        the English keywords before it calls anybody.
        """
        message = SimulatedMessage(
            sid=_sid(),
            to=self.number,
            from_=from_number,
            body=body,
            status="received",
            at=self.now(),
            direction="inbound",
        )
        message.sent_at = message.at
        self.inbound.append(message)
        self._note_keyword(from_number, body.strip().upper())
        form = {**_EXTRA, **self._names(message), "SmsStatus": "received", "Body": body, "NumMedia": str(len(media))}
        form |= {f"MediaUrl{i}": url for i, url in enumerate(media)}
        if opt_out_type:
            form["OptOutType"] = opt_out_type
        token = uuid4().hex
        status = 0
        for _ in range(copies):
            status = await self._call(self.hook_url, form, token)
        return status

    async def report(self, *, reverse: bool = False, copies: int = 1) -> list[int]:
        """Make the callbacks that wait, in any order and number; return the HTTP statuses."""
        reports, self._reports = self._reports, []
        for one in reports:
            await self._advance(one)
        ordered = reversed(reports) if reverse else reports
        return [await self._call_back(one) for one in ordered for _ in range(copies)]

    async def settled(self) -> None:
        """Wait until everything that was to happen at once has."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    def _note_keyword(self, number: str, word: str) -> None:
        if word in _BLOCKING:
            self.opted_out.add(number)
        elif word in _UNBLOCKING:
            self.opted_out.discard(number)

    def _names(self, message: SimulatedMessage) -> dict[str, str]:
        service = {"MessagingServiceSid": message.service} if message.service else {}
        return service | {
            "MessageSid": message.sid,
            "SmsSid": message.sid,
            "AccountSid": self.account_sid,
            "From": message.from_,
            "To": message.to,
        }

    async def _advance(self, report: _Report) -> None:
        report.message.status = report.status
        report.message.error_code = report.error_code
        report.message.sent_at = report.message.sent_at or self.now()
        async with self.changed:
            self.changed.notify_all()

    async def _call_back(self, report: _Report) -> int:
        if self.callbacks == "never" or not report.message.callback:
            return 0
        form = {"ApiVersion": "2010-04-01", "MessageStatus": report.status, "SmsStatus": report.status}
        form |= self._names(report.message)
        if report.error_code:
            form["ErrorCode"] = str(report.error_code)
        # One token for each event: the same where it is repeated.
        return await self._call(report.message.callback, form, f"{report.message.sid}-{report.status}")

    async def _call(self, url: str, form: Mapping[str, str], token: str) -> int:
        if not url:
            return 0
        public, real = self.route
        address = real + url.removeprefix(public) if public and url.startswith(public) else url
        headers = {"I-Twilio-Idempotency-Token": token, **self._signed(url, form)}
        try:
            async with (
                aiohttp.ClientSession(timeout=_PATIENCE) as session,
                session.post(address, data=form, headers=headers) as response,
            ):
                return response.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            return 0

    def _signed(self, url: str, form: Mapping[str, str]) -> dict[str, str]:
        if self.sign_port:
            scheme, _, rest = url.partition("://")
            host, slash, path = rest.partition("/")
            url = f"{scheme}://{host}:443{slash}{path}"
        secret, settings, algorithm = self.auth_token, {}, "HMAC_SHA1"
        if self.shared_key is not None:
            name, secret = self.shared_key
            algorithm = "HMAC_SHA256"
            settings = {"X-Twilio-Webhooks-Signature-Settings": f"key={name},algorithm={algorithm}"}
        return {"X-Twilio-Signature": RequestValidator(secret).compute_signature(url, form, algorithm), **settings}

    async def take(self, form: Mapping[str, str]) -> SimulatedMessage:
        """Keep a message and see it on its way."""
        to = form["To"]
        message = SimulatedMessage(
            sid=_sid(),
            to=to,
            from_=form.get("From", self.number),
            body=form["Body"],
            status="queued",
            at=self.now(),
            service=form.get("MessagingServiceSid", ""),
            callback=form.get("StatusCallback", ""),
        )
        self.messages.append(message)
        status, code = self.fates.get(to, ("delivered", None))
        self._reports.append(_Report(message=message, status="sent", error_code=None))
        self._reports.append(_Report(message=message, status=status, error_code=code))
        async with self.changed:
            self.changed.notify_all()
        return message

    def report_soon(self) -> None:
        """Make the callbacks beside the request that caused them, unless they are to wait."""
        if self.callbacks != "on_demand":
            task: asyncio.Task[object] = asyncio.create_task(self.report())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def next_fault(self) -> Fault | None:
        return self._faults.popleft() if self._faults else None

    async def close(self) -> None:
        self._closing.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def until_closed(self) -> None:
        await self._closing.wait()


def _sid() -> str:
    return f"SM{uuid4().hex}"
