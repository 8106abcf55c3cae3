"""The demonstration: six customers, eight messages, six complaints, by mail, form, hotline, SMS and WeChat.

Everything a customer does here goes over the wire: mail to the sandbox's SMTP server, a form sent by HTTP as a browser
would without JavaScript, a transcript pushed as a telephone system pushes it, SMS and WeChat by way of simulators. So
does the press of a button by which one of the bank's people accepts a case. Names, addresses and numbers are invented.
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
from gateway.model import Complaint, Outcome, State
from gateway.ports import StoredMessage
from gateway.rules.masks import mask_name
from sandbox.agents import Agents, number_of
from sandbox.customers import CHAN, LI, SUN, WANG, ZHAO, ZHOU, Customer, Way
from sandbox.desk import Desk
from sandbox.example_bank import MEMBERS, NAMES
from sandbox.handsets import Entry, Handsets
from sandbox.lines import Lines
from sandbox.wecom import StaffMessage

ZONE = ZoneInfo("Asia/Shanghai")
PATIENCE_SECONDS = 60.0
SECURITY_NOTE = "安全提示"
PHONE_ASKED = "手机号"
TOLD_BY = {Way.MAIL: "邮件", Way.SMS: "短信", Way.WECOM: "微信", Way.WECHAT: "模板消息"}

SPEAKERS = {"customer": "客户", "agent": "客服"}
LEAST_SURE = 0.50  # of a turn, as the hotline's settings have it by default

T = TypeVar("T")
_NUMBER = re.compile(r"TS-\d{6}-\d{6}-\w")


@dataclass(slots=True, kw_only=True)
class Row:
    """One message of the demonstration as the table shows it."""

    channel: str
    customer: str
    counts: bool = True  # as received from a customer
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
    agents: Agents
    desk: Desk
    show: Callable[[Row], None]  # a row was added or changed


async def play(stage: Stage) -> None:
    """Play the messages one after the other. Raises TimeoutError when one is not answered."""
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
    again.state = "补充已收到"
    stage.show(again)

    posted = _begin(stage, "公众号", ZHOU)
    await stage.lines.post(ZHOU, ZHOU.samples[Way.WECHAT])
    await _acknowledged(stage, posted, ZHOU)

    await _chat(stage)


async def _chat(stage: Stage) -> None:
    """Complain in WeChat, leave the number that is asked for, and have the case accepted on a card in WeCom."""
    chatted = _begin(stage, "微信客服", SUN)
    await stage.lines.enter(SUN)
    await _greeted(stage, SUN)
    await stage.lines.chat(SUN, SUN.samples[Way.WECOM])
    asked = await _acknowledged(stage, chatted, SUN)
    if PHONE_ASKED not in asked.text:
        raise TimeoutError("nobody asked for a telephone number")
    chatted.state = "已受理，请客户留手机号"
    stage.show(chatted)

    left = _begin(stage, "微信客服", SUN)
    await stage.lines.chat(SUN, SUN.number.removeprefix("+86"))
    await _joined(stage, left, chatted.number)
    left.state = "手机号已留"
    stage.show(left)

    await stage.desk.take(chatted.number, "grade")
    handler = (await _complaint(stage, chatted.number)).case.handler
    carded = Row(channel="企业微信", customer=f"承办 {NAMES[handler]}", counts=False, number=chatted.number)
    stage.show(carded)
    await _pressed(stage, carded, next(userid for userid, staff in MEMBERS.items() if staff == handler))
    chatted.state = carded.state
    stage.show(chatted)


async def _greeted(stage: Stage, customer: Customer) -> None:
    """Wait for the welcome with its menu."""

    async def greeted() -> bool:
        return any(one.choices for one in stage.handsets.of(customer.id))

    await _until(greeted, "nobody was greeted")


async def _pressed(stage: Stage, row: Row, userid: str) -> None:
    """Wait for the card, press its button, and wait until the card says that it is done."""

    async def come() -> StaffMessage | None:
        return next((one for one in cards(userid) if number_of(one) == row.number and one.buttons), None)

    cards = stage.agents.wecom.cards
    card = await _until(come, "no card came")
    row.told, row.state = "工单卡片", "待接单"
    _dates(row, await _complaint(stage, row.number))
    stage.show(row)
    pressed = time.perf_counter()
    await stage.agents.press(userid, card.task_id, card.buttons[0].key)
    if (await _complaint(stage, row.number)).state is not State.ACCEPTED:
        raise TimeoutError("the press accepted nothing")
    row.took, row.state = f"{time.perf_counter() - pressed:.2f} 秒", card.replaced
    stage.show(row)


def acknowledgements(handsets: Handsets, customers: Sequence[Customer]) -> Sequence[tuple[str, str]]:
    """Return customer and number of every acknowledgement that stands on their phones."""
    return [
        (customer.id, number)
        for customer in customers
        for entry in handsets.of(customer.id)
        if not entry.mine and "已受理" in f"{entry.subject}{entry.text}" and (number := _number(entry))
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
    """Wait until the customer's second message is in the first one's complaint."""

    async def joined() -> bool:
        return any(message.outcome is Outcome.JOINED for message in await _messages(stage, number))

    await _until(joined, "a second message did not join its complaint")
    row.took = f"{time.perf_counter() - row.started:.2f} 秒"
    row.number, row.told = number, "—"
    _dates(row, await _complaint(stage, number))


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
