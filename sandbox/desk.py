"""The bank's desk of the demonstration: what is next for a case, and one click that does it by the REST API.

It knows no rule: the gateway refuses what is not due, and the desk says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import aiohttp

from gateway.model import Product, State
from gateway.ports import Now
from gateway.telling import BY_TELEPHONE, CARRIES_LONG
from sandbox.example_bank import GRADER, HANDLERS, HEADS, HOTLINE

Json = dict[str, Any]

_WAIT = aiohttp.ClientTimeout(total=20)
_ABOUT: Sequence[tuple[Product, tuple[str, ...]]] = (
    (Product.WEALTH, ("理财", "保本", "基金", "亏", "fund")),
    (Product.CREDIT_CARD, ("信用卡", "年费", "盗刷", "刷卡", "card")),
    (Product.PAYMENT, ("转账", "到账", "缴费", "transfer", "payment")),
)
_STEPS: Mapping[State, Sequence[str]] = {
    State.REGISTERED: ("grade",),
    State.DISPATCHED: ("accept",),
    State.ACCEPTED: ("investigate",),
    State.INVESTIGATING: ("upheld", "rejected"),
    State.CONCLUDED: ("approve",),
    State.APPROVED: ("reply",),
    State.REPLIED: ("call", "hear", "confirm"),
    State.REOPENED: ("investigate",),
}
_ANYTIME = ("read",)
_PROVED = (*BY_TELEPHONE, *CARRIES_LONG)
_UPHELD: Json = {
    "finding": "substantiated",
    "finding_type": "work_error",
    "result": "upheld",
    "findings": "核对了流水、通话和当时的说明，您说的情况属实。",
    "cause": "经办时没有按规定向您说明清楚。",
    "measures": "已为您更正，相关款项退回原账户。",
    "feedback_plan": "按您来的渠道告知",
}
_REJECTED: Json = {
    "finding": "not_substantiated",
    "finding_type": "customer_misunderstanding",
    "result": "rejected_with_basis",
    "findings": "核对了流水、通话和当时的说明，业务是按约定办理的。",
    "cause": "约定写在合同里，办理时您签过字。",
    "measures": "再次向您逐条说明约定的内容。",
    "basis": ["业务合同第十二条"],
    "reason": "合同里写明了这一条，并由您签字确认。",
    "alternative": "我们可以为您更换更合适的产品。",
    "feedback_plan": "按您来的渠道告知",
}


class Refused(Exception):
    """The gateway did not do it; the text says why, in its own words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command of the REST API, and who gives it."""

    staff: str
    name: str
    fields: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Works on cases as several people of the bank, each with a token of their own."""

    site: str  # where the gateway answers, without a slash at the end
    tokens: Mapping[str, str]
    now: Now

    async def take(self, number: str, step: str) -> str:
        """Do one step of `steps_of`, or "read"; return what the customer heard on the telephone, if anything.

        Raises Refused, or aiohttp.ClientError when the gateway is away.
        """
        async with aiohttp.ClientSession(timeout=_WAIT) as client:
            case = await self._get(client, f"complaints/{number}")
            if step not in (*steps_of(case["state"]), *_ANYTIME):
                raise Refused(f"{step} is not the next step of a case that is {case['state']}")
            waiting = await self._waiting_calls(client, number) if step == "call" else ()
            for command in await self._commands(client, case, step, waiting):
                body = {"command": command.name, **command.fields}
                await self._call(client, "POST", f"complaints/{number}/commands", command.staff, body)
        if step == "hear":
            return _explained(case)
        return str(waiting[0]["script"]) if waiting else ""

    async def _commands(
        self, client: aiohttp.ClientSession, case: Json, step: str, waiting: Sequence[Json]
    ) -> Sequence[Command]:
        """Return what a step is made of."""
        if step == "grade":
            said = await self._get(client, f"complaints/{case['number']}/messages")
            return [_grading("".join(str(one["text"]) for one in said))]
        if step == "read":
            words = {"text": "演示：看过客户后来的留言，已转告承办人"}
            return [Command(staff=GRADER, name="note", fields=words)]
        return self._handling(case, step, waiting)

    def _handling(self, case: Json, step: str, waiting: Sequence[Json]) -> Sequence[Command]:
        handler = str(case["handler"])
        if step in ("upheld", "rejected"):
            return self._conclusion(case, _UPHELD if step == "upheld" else _REJECTED)
        if step == "call":
            return [_call(case, waiting)]
        if step == "hear":
            proof = "演示：客户来电，核对了身份，说明了结果"
            return [Command(staff=HOTLINE, name="record_call", fields={"reached": True, "proof": proof})]
        if step == "confirm":
            fields = {"how": "电话", "confirmed_at": self.now().isoformat(), "evidence": "演示：通话录音"}
            return [Command(staff=handler, name="confirm", fields=fields)]
        if step == "approve":
            return [Command(staff=HEADS[case["unit"]], name="approve", fields={})]
        if step == "investigate":
            later = self.now() + timedelta(days=1)
            fields = {"direction": "核对流水、通话和当时的说明", "next_contact_at": later.isoformat()}
            return [Command(staff=_checker(case), name="investigate", fields=fields)]
        return [Command(staff=handler, name=step, fields={})]

    def _conclusion(self, case: Json, said: Json) -> Sequence[Command]:
        handler = str(case["handler"])
        proof = f"e{len(case['evidence']) + 1}"
        today = self.now().date()
        evidence = {"id": proof, "type": "log", "sha256": "0" * 64, "description": "交易流水和办理记录"}
        improvement = {
            "measure": "办理时逐条说明，并请客户复述",
            "owner": handler,
            "due": (today + timedelta(days=14)).isoformat(),
            "verification": "抽查一百笔，都有说明记录",
        }
        return [
            Command(staff=handler, name="add_evidence", fields=evidence),
            Command(staff=handler, name="conclude", fields=said | {"improvement": improvement, "evidence": [proof]}),
        ]

    async def _waiting_calls(self, client: aiohttp.ClientSession, number: str) -> Sequence[Json]:
        calls = await self._get(client, "calls", HOTLINE)
        return [one for one in calls if one["complaint"] == number and one["customer"]]

    async def _get(self, client: aiohttp.ClientSession, path: str, staff: str = GRADER) -> Any:
        return await self._call(client, "GET", path, staff)

    async def _call(
        self, client: aiohttp.ClientSession, method: str, path: str, staff: str, body: Json | None = None
    ) -> Any:
        headers = {"Authorization": f"Bearer {self.tokens[staff]}"}
        async with client.request(method, f"{self.site}/api/v1/{path}", headers=headers, json=body) as answer:
            found = await answer.json(content_type=None)
            if answer.status != 200:
                errors = "; ".join(str(one.get("detail", "")) for one in found.get("errors", ()))
                raise Refused(errors or str(found.get("title", answer.status)))
            return found


def steps_of(state: str) -> Sequence[str]:
    """Return what the desk offers for a case in this state, the usual first; nothing where the customer is next."""
    return _STEPS.get(State(state), ())


def _call(case: Json, waiting: Sequence[Json]) -> Command:
    """Return the call that makes sure who the customer is, and reads out what waits to be read to them."""
    said: Json = {
        "reached": True,
        "proof": "演示：回拨登记号码，核对了身份",
        # What answered is the number that was called; who answered said that the chat or the address is theirs, too.
        "verified": [one["id"] for one in case["contacts"] if one["type"] in _PROVED and not one["verified"]],
    }
    if waiting:
        said["delivery"] = waiting[0]["delivery"]
    return Command(staff=HOTLINE, name="record_call", fields=said)


def _explained(case: Json) -> str:
    """Return what the hotline says of the outcome to who calls because a notice without room for it says so."""
    said = _REJECTED if case["result"] == _REJECTED["result"] else _UPHELD
    return "".join(str(said[name]) for name in ("findings", "reason", "cause", "measures") if name in said)


def _checker(case: Json) -> str:
    """Return who checks: where the customer did not accept the outcome, another handler of the unit than before."""
    if case["state"] != State.REOPENED:
        return str(case["handler"])
    return next((one for one in HANDLERS[case["unit"]] if one not in case["checkers"]), str(case["handler"]))


def _grading(text: str) -> Command:
    """Return the grading a person might give: general, and the product that the words are about."""
    lower = text.lower()
    product = next((one for one, words in _ABOUT if any(word in lower for word in words)), Product.OTHER)
    fields = {
        "kind": "complaint",
        "nature": "service",
        "level": "general",
        "product": product.value,
        "reason": "演示：看过客户的原话",
    }
    return Command(staff=GRADER, name="grade", fields=fields)
