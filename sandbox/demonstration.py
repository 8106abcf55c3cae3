"""The demonstration: four customers, five messages, four complaints, by mail, form, hotline and SMS.

Everything a customer does here goes over the wire: mail to the sandbox's SMTP server, a form sent by HTTP as a browser
would without JavaScript, a transcript pushed as a telephone system pushes it, an SMS by way of Twilio's simulator.
Names, addresses and numbers are invented.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import aiohttp

from gateway.app import Service
from gateway.model import Complaint, Outcome
from gateway.ports import StoredMessage
from gateway.rules.masks import mask_name
from sandbox.customers import CHAN, LI, WANG, ZHAO, Customer, Way
from sandbox.handsets import Entry, Handsets
from sandbox.lines import Lines

ZONE = ZoneInfo("Asia/Shanghai")
PATIENCE_SECONDS = 60.0
SECURITY_NOTE = "安全提示"
TOLD_BY = {Way.MAIL: "邮件", Way.SMS: "短信"}

SPEAKERS = {"customer": "客户", "agent": "客服"}
LEAST_SURE = 0.50  # of a turn, as the hotline's settings have it by default

T = TypeVar("T")
_NUMBER = re.compile(r"TS-\d{6}-\d{6}-\w")


@dataclass(slots=True, kw_only=True)
class Row:
    """One message of the demonstration as the table shows it."""

    channel: str
    customer: str
    number: str = "…"
    promised: str = ""
    legal: str = ""
    told: str = ""
    state: str = "处理中"
    took: str = ""
    kept: str = ""  # what is worth seeing of what the gateway stored
    started: float = field(default_factory=time.perf_counter)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What the story plays on."""

    service: Service
    handsets: Handsets
    lines: Lines
    show: Callable[[Row], None]  # a row was added or changed


async def play(stage: Stage) -> None:
    """Play the five messages one after the other. Raises TimeoutError when one is not answered."""
    mailed = _begin(stage, "电子邮件", WANG)
    await stage.lines.write(WANG, "转账没到账", WANG.samples[Way.MAIL])
    first = await _acknowledged(stage, mailed, WANG)

    formed = _begin(stage, "网页表单", LI)
    await _fill_in_the_form(stage, LI, LI.samples[Way.MAIL])
    await _acknowledged(stage, formed, LI)

    called = _begin(stage, "客服热线", ZHAO)
    await stage.lines.call(ZHAO, ZHAO.samples[Way.CALL])
    await _acknowledged(stage, called, ZHAO)
    await _doubtful(stage, called)

    texted = _begin(stage, "短信", CHAN)
    await stage.lines.text(CHAN, CHAN.samples[Way.SMS])
    await _acknowledged(stage, texted, CHAN)
    await _warned(stage, texted, CHAN)

    again = _begin(stage, "电子邮件", WANG)
    await stage.lines.write(WANG, "", "补充一点：收款人是我妹妹，工作日白天都能联系到我。", first)
    await _joined(stage, again, mailed.number)


def acknowledgements(handsets: Handsets, customers: Sequence[Customer]) -> Sequence[tuple[str, str]]:
    """Return customer and number of every acknowledgement that stands on their phones."""
    return [
        (customer.id, number)
        for customer in customers
        for entry in handsets.of(customer.id)
        if not entry.mine and (number := _number(entry))
    ]


def _begin(stage: Stage, channel: str, customer: Customer) -> Row:
    row = Row(channel=channel, customer=mask_name(customer.name))
    stage.show(row)
    return row


async def _fill_in_the_form(stage: Stage, customer: Customer, text: str) -> None:
    url = f"http://127.0.0.1:{stage.service.port}/?lang=zh-Hans"
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as browser:
        async with browser.get(url) as page:
            hidden = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', await page.text()))
        form = aiohttp.FormData()
        said = {"name": customer.name, "contact": customer.address, "text": text}
        for key, value in {**hidden, **said}.items():
            form.add_field(key, value, content_type="text/plain")
        async with browser.post(url, data=form) as answer:
            answer.raise_for_status()


async def _acknowledged(stage: Stage, row: Row, customer: Customer) -> Entry:
    """Wait until the customer has the acknowledgement; fill the row from what was really sent and stored."""

    async def told() -> Entry | None:
        return next((one for one in stage.handsets.of(customer.id) if not one.mine and _number(one)), None)

    entry = await _until(told, "no acknowledgement came")
    row.took = f"{time.perf_counter() - row.started:.2f} 秒"
    row.number = _number(entry)
    _dates(row, await _complaint(stage, row.number))
    row.told, row.state = TOLD_BY[entry.way], "受理告知已发"
    stage.show(row)
    return entry


async def _doubtful(stage: Stage, row: Row) -> None:
    """Show which words of the call the recogniser was not sure of: a person has to listen to them."""
    (message, *_) = await _messages(stage, row.number)
    turns = message.body.get("turns")
    assert isinstance(turns, list)
    row.kept = "\n".join(_turn(turn) for turn in turns)
    if "low_confidence" in message.problems:
        row.state = "需人工核对"
    stage.show(row)


async def _warned(stage: Stage, row: Row, customer: Customer) -> None:
    """Wait until the customer was told not to send secrets (N23); show what is left of theirs."""

    async def warned() -> bool:
        return any(SECURITY_NOTE in one.text for one in stage.handsets.of(customer.id) if not one.mine)

    await _until(warned, "no security note came")
    (message, *_) = await _messages(stage, row.number)
    row.kept = str(message.body["text"])
    row.told, row.state = "短信两条", "验证码已删除，已提示"
    stage.show(row)


async def _joined(stage: Stage, row: Row, number: str) -> None:
    """Wait until the second mail is in the first one's complaint."""

    async def joined() -> bool:
        return any(message.outcome is Outcome.JOINED for message in await _messages(stage, number))

    await _until(joined, "the second mail did not join its complaint")
    row.took = f"{time.perf_counter() - row.started:.2f} 秒"
    row.number, row.told, row.state = number, "—", "补充已收到"
    _dates(row, await _complaint(stage, number))
    stage.show(row)


async def _messages(stage: Stage, number: str) -> Sequence[StoredMessage]:
    complaint = await _complaint(stage, number)
    async with stage.service.storage.reading() as tx:
        return await tx.messages.of(complaint.id)


async def _complaint(stage: Stage, number: str) -> Complaint:
    async with stage.service.storage.reading() as tx:
        return (await tx.complaints.by_number([number]))[number]


async def _until(look: Callable[[], Awaitable[T | None]], otherwise: str) -> T:
    deadline = time.perf_counter() + PATIENCE_SECONDS
    while not (found := await look()):
        if time.perf_counter() > deadline:
            raise TimeoutError(otherwise)
        await asyncio.sleep(0.02)
    return found


def _number(entry: Entry) -> str:
    """Return the number an acknowledgement tells; "" where it is none."""
    text = f"{entry.subject}\n{entry.text}"
    found = None if SECURITY_NOTE in text else _NUMBER.search(text)
    return found[0] if found else ""


def _turn(turn: Mapping[str, Any]) -> str:
    sure = turn["confidence"]
    doubt = f"  ← 只有{sure:.0%}的把握，需人工核对" if sure is not None and sure < LEAST_SURE else ""
    return f"  {SPEAKERS.get(turn['role'], turn['role'])}：{turn['text']}{doubt}"


def _dates(row: Row, complaint: Complaint) -> None:
    row.promised = f"{complaint.promised_at.astimezone(ZONE):%m-%d}"
    row.legal = f"{complaint.legal_at.astimezone(ZONE):%m-%d}" if complaint.legal_at else "—"
