"""A bank's office around the running gateway: invented staff who work by the REST API, and customers who write.

Stories say who does what; the office waits for what comes of it. Staff numbers begin with what their owner is: `h-1` is
a handler, `u-1` the head of the unit 信用卡中心, and so on (ROUTING).
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp

from gateway.record import TIMERS
from gateway.telling import lane_of
from tests.acceptance.world import World, a_world, text_of, until
from tests.factories import Clock

ROUTING = """
approval_over = 50000

[staff]
r-1 = {name = "钱", roles = ["rep"], email = "r-1@bank.example"}
m-1 = {name = "王", roles = ["mgr"], email = "m-1@bank.example"}
h-1 = {name = "陈", roles = ["hnd"], unit = "cards", email = "h-1@bank.example"}
h-2 = {name = "李", roles = ["hnd"], unit = "cards", email = "h-2@bank.example"}
u-1 = {name = "周", roles = ["uh"], unit = "cards", email = "u-1@bank.example"}
h-3 = {name = "吴", roles = ["hnd"], unit = "risk", email = "h-3@bank.example"}
u-2 = {name = "郑", roles = ["uh"], unit = "risk", email = "u-2@bank.example"}
x-1 = {name = "孙", roles = ["exe"], email = "x-1@bank.example", telephone = "010-00000003"}
c-1 = {name = "赵", roles = ["cp"], email = "c-1@bank.example", telephone = "010-00000002"}
l-1 = {name = "冯", roles = ["leg"], email = "l-1@bank.example"}
f-1 = {name = "褚", roles = ["fin"], email = "f-1@bank.example"}
b-1 = {name = "卫", roles = ["cb"], email = "b-1@bank.example"}
g-1 = {name = "蒋", roles = ["rl"], email = "g-1@bank.example"}

[units.cards]
name = "信用卡中心"
head = "u-1"
liaison = "h-1"
deputy = "h-2"
handlers = ["h-1", "h-2"]

[units.risk]
name = "风险管理部"
head = "u-2"
liaison = "u-2"
deputy = "h-3"
handlers = ["h-3"]

[[routes]]
product = "credit_card"
unit = "cards"

[[routes]]
nature = "compliance"
unit = "risk"
"""
DAY = timedelta(days=1)
_key = count(1)

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the API answered."""

    status: int
    tag: str
    body: Any

    @property
    def code(self) -> str:
        return str(self.body["code"])

    @property
    def errors(self) -> Sequence[Mapping[str, str]]:
        found: Sequence[Mapping[str, str]] = self.body.get("errors", ())
        return found

    @property
    def why(self) -> tuple[str, str]:
        """Field and word of the one thing that was wrong."""
        (error,) = self.errors
        return error["pointer"], error["code"]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the bank, known to the API by a token of their own."""

    office: Office
    staff: str

    async def does(self, number: str, command: str, **fields: Any) -> Json:
        """Give a command that has to succeed; return the case after it."""
        answer = await self.tries(number, command, **fields)
        assert answer.status == 200, answer.body
        case: Json = answer.body
        return case

    async def tries(self, number: str, command: str, *, seen: str | None = None, **fields: Any) -> Answer:
        """Give a command; `seen` is the ETag of what this person looked at before."""
        headers = {"If-Match": seen} if seen else {}
        return await self._call("POST", f"complaints/{number}/commands", {"command": command, **fields}, headers)

    async def unmasks(self, number: str, **body: Any) -> Answer:
        """Ask for the case with its customer in full."""
        return await self._call("POST", f"complaints/{number}/unmask", body)

    async def asks(self, path: str) -> Answer:
        return await self._call("GET", path)

    async def sees(self, number: str) -> Json:
        case: Json = (await self.asks(f"complaints/{number}")).body
        return case

    async def _call(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        sent = {"Authorization": f"Bearer token-of-{self.staff}", **(headers or {})}
        async with self.office.client.request(
            method, f"{self.office.world.site}/api/v1/{path}", headers=sent, json=body
        ) as response:
            return Answer(
                status=response.status,
                tag=response.headers.get("ETag", ""),
                body=await response.json(content_type=None),
            )


@dataclass(frozen=True, slots=True)
class Customer:
    """Somebody who complains through the bank's app, which knows their address, and answers by mail."""

    office: Office
    address: str

    async def complains(self, text: str = "年费80元没提前说，请退", **changes: Any) -> str:
        """Hand a complaint in and return its number."""
        contact = {"type": "email", "value": self.address, "verified": True}
        return await self.office.takes_in({"text": text, "name": "李小明", "contacts": [contact], **changes})

    async def hears(self, number: str, *words: str) -> str:
        """Wait for a mail about the complaint that says all these words; return its text."""

        def found() -> str | None:
            texts = [text_of(mail) for mail in self.mails(number)]
            return next((text for text in reversed(texts) if all(word in text for word in words)), None)

        return await until(found)

    async def replies(self, number: str, text: str) -> None:
        """Answer the last mail about the complaint."""
        last = self.mails(number)[-1]
        self.office.world.clock.later(minutes=1)
        await self.office.world.emails(
            self.address, text, to=str(last["Reply-To"]), In_Reply_To=str(last["Message-ID"]), Subject="回复"
        )
        await self.office.world.emptied()

    def mails(self, number: str) -> Sequence[EmailMessage]:
        return [mail for mail in self.office.world.mails_to(self.address) if number in str(mail["Subject"])]


@dataclass(slots=True)
class Office:
    world: World
    client: aiohttp.ClientSession

    def __getattr__(self, name: str) -> Person:
        """`office.u1` is whoever has the staff number u-1."""
        return Person(self, f"{name[0]}-{name[1:]}")

    def customer(self, address: str = "li@example.com") -> Customer:
        return Customer(self, address)

    async def takes_in(self, complaint: Mapping[str, Any]) -> str:
        """Take a complaint in as the bank's app hands it in."""
        headers = {"Authorization": "Bearer token-of-the-app", "Idempotency-Key": f"key-{next(_key)}"}
        async with self.client.post(
            f"{self.world.site}/api/v1/complaints", headers=headers, json=dict(complaint)
        ) as response:
            body = await response.json()
            assert response.status == 201, body
            return str(body["number"])

    def handler(self, case: Json) -> Person:
        return Person(self, case["handler"])

    def colleague(self, case: Json) -> Person:
        """The other handler of 信用卡中心."""
        return Person(self, {"h-1": "h-2", "h-2": "h-1"}[case["handler"]])

    async def passes(self, **span: float) -> None:
        """Let time pass, and have what is due by then looked for."""
        self.world.clock.later(**span)
        await self.wakes()

    async def wakes(self) -> None:
        assert self.world.running is not None
        for lane in (TIMERS, *map(lane_of, self.world.running.served)):
            await self.world.running.coordination.wake(lane)

    # -- the straight way, for stories about what lies behind it

    async def graded(self, number: str, **changes: Any) -> Json:
        """Grade it, by default as a general one of 信用卡中心, where it goes at once."""
        grading = {"kind": "complaint", "nature": "service", "level": "general", "product": "credit_card"}
        return await self.m1.does(number, "grade", **(grading | {"reason": "看过"} | changes))

    async def investigated(self, number: str, **changes: Any) -> Json:
        handler = self.handler(await self.graded(number, **changes))
        await handler.does(number, "accept")
        return await self.checked_by(handler, number)

    async def checked_by(self, handler: Person, number: str) -> Json:
        at = self.world.clock() + DAY
        return await handler.does(
            number, "investigate", direction="核对年费的收取和告知", next_contact_at=at.isoformat()
        )

    async def concluded(self, number: str, *, handler: Person | None = None, **changes: Any) -> Json:
        handler = handler or self.handler(await self.m1.sees(number))
        proof = f"e{next(_key)}"
        await handler.does(number, "add_evidence", id=proof, type="log", sha256="0" * 64, description="收费流水")
        return await handler.does(number, "conclude", **(UPHELD | {"evidence": [proof]} | changes))

    async def approved(self, number: str, **changes: Any) -> Json:
        await self.concluded(number, **changes)
        return await self.u1.does(number, "approve")

    async def replied(self, number: str, **changes: Any) -> Json:
        """Check, conclude, approve and reply; wait until the outcome has left for the customer."""
        await self.investigated(number)
        await self.approved(number, **changes)
        return await self.told(number)

    async def told(self, number: str) -> Json:
        """Send the approved outcome and wait until it has left."""
        handler = self.handler(await self.m1.sees(number))
        await handler.does(number, "reply")

        async def left() -> Json | None:
            case = await self.m1.sees(number)
            legal = case["clocks"].get("legal")
            return case if legal is None or legal["stopped_at"] else None

        return await until(left)

    # -- what is on record

    async def kinds(self, number: str, to: str = "") -> list[str]:
        """Return what was told so far, to everybody or to recipients that begin like this."""
        notices = (await self.m1.asks(f"complaints/{number}/notices")).body
        return [one["kind"] for one in notices if one["recipient"].startswith(to)]

    async def clocks_stopped(self, number: str) -> set[str]:
        clocks = (await self.m1.sees(number))["clocks"]
        return {name for name, clock in clocks.items() if clock["stopped_at"]}

    async def events(self, number: str) -> list[str]:
        return [one["event"] for one in (await self.m1.asks(f"complaints/{number}/timeline")).body]

    async def becomes(self, number: str, state: str) -> Json:
        """Wait until the case is in a state."""

        async def there() -> Json | None:
            case = await self.m1.sees(number)
            return case if case["state"] == state else None

        return await until(there)

    async def until_mails(self, customer: Customer, number: str, words: str, times: int) -> None:
        """Wait until the customer was told something this often."""
        await until(lambda: sum(words in text_of(mail) for mail in customer.mails(number)) >= times)

    async def call(self, number: str, kind: str) -> Json:
        """Wait for a call that somebody of the bank has to make."""

        async def found() -> Json | None:
            waiting = (await self.r1.asks("calls")).body
            return next((one for one in waiting if (one["complaint"], one["kind"]) == (number, kind)), None)

        return await until(found)

    async def mailed(self, staff: str, *words: str) -> str:
        """Wait for a mail to somebody of the bank that says all these words."""

        def found() -> str | None:
            texts = [text_of(mail) for mail in self.world.mails_to(f"{staff}@bank.example")]
            return next((text for text in texts if all(word in text for word in words)), None)

        return await until(found)


IMPROVEMENT = {
    "measure": "短信提前七天提醒年费",
    "owner": "陈",
    "due": "2026-12-04",
    "verification": "抽查一百户都收到",
}
UPHELD: Json = {
    "finding": "substantiated",
    "finding_type": "work_error",
    "result": "upheld",
    "findings": "开卡时没有说明年费",
    "cause": "话术漏了年费一条",
    "measures": "退回年费80元",
    "improvement": IMPROVEMENT,
    "feedback_plan": "邮件告知",
    "basis": ["信用卡业务监督管理办法第三十八条"],
}
REJECTED: Json = {
    "finding": "not_substantiated",
    "finding_type": "customer_misunderstanding",
    "result": "rejected_with_basis",
    "findings": "开卡合同第三页写明了年费",
    "measures": "向您说明免年费的办法",
    "basis": ["信用卡领用合约第十二条"],
    "reason": "年费在合同里写明，您签过字",
    "alternative": "刷满六次免下一年的年费",
}


@asynccontextmanager
async def an_office(
    folder: Path, clock: Clock, *, routing: str = ROUTING, channels: Mapping[str, Json] | None = None
) -> AsyncIterator[Office]:
    """Open the office: the gateway runs while the block lasts. `routing` names the same staff.

    `channels` are added to the mailbox.
    """
    own = folder / "own"
    own.mkdir()
    (own / "routing.toml").write_text(routing, encoding="utf-8")
    changes = {"config": own, "web": {"port": 0, "tokens": tokens()}, "channels": dict(channels or {})}
    async with a_world(folder, clock, **changes) as world, world.gateway(), aiohttp.ClientSession() as client:
        yield Office(world, client)


def tokens() -> list[Json]:
    """Return a token for each member of staff, with their roles and unit, and the app's."""
    staff = tomllib.loads(ROUTING)["staff"]
    people = [
        {"name": name, "staff": name, "roles": one["roles"], "unit": one.get("unit", ""), "sha256": _digest(name)}
        for name, one in staff.items()
    ]
    return [*people, {"name": "app", "sha256": _digest("the-app")}]


def _digest(name: str) -> str:
    return hashlib.sha256(f"token-of-{name}".encode()).hexdigest()
