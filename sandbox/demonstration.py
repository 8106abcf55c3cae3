"""The demonstration: two customers, three messages, two complaints, told by real SMTP and read by real IMAP.

Everything a customer does here goes over the wire: mail to the sandbox's SMTP server, a form sent by HTTP as a browser
would without JavaScript. Names and addresses are invented.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import format_datetime
from zoneinfo import ZoneInfo

import aiohttp
import aiosmtplib

from gateway.app import Service
from gateway.model import Complaint, Outcome
from gateway.ports import Now
from gateway.rules.masks import mask_name
from sandbox.smtp_sink import Received, Sink

BANK_ADDRESS = "complaints@bank.example.com"
ZONE = ZoneInfo("Asia/Shanghai")
PATIENCE_SECONDS = 60.0


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
    started: float = field(default_factory=time.perf_counter)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What the story plays on."""

    service: Service
    sink: Sink
    now: Now
    show: Callable[[Row], None]  # a row was added or changed


async def play(stage: Stage) -> list[Row]:
    """Play the three messages one after the other; return their rows. Raises TimeoutError when one is not answered."""
    wang = ("王芳", "wang.fang@example.com")
    mailed = Row(channel="电子邮件", customer=mask_name(wang[0]))
    stage.show(mailed)
    await _write(stage, wang, "转账没到账", "昨晚转账2,000元显示成功，对方一直没收到。")
    first = await _acknowledged(stage, mailed, wang[1])

    formed = Row(channel="网页表单", customer=mask_name("李小明"))
    stage.show(formed)
    await _fill_in_the_form(stage, "李小明", "li.xiaoming@example.com", "年费80元没提前说，请退")
    await _acknowledged(stage, formed, "li.xiaoming@example.com")

    again = Row(channel="电子邮件", customer=mask_name(wang[0]))
    stage.show(again)
    reply_to = str(message_from_bytes(first.raw, policy=policy.default)["Message-ID"])
    await _write(
        stage, wang, f"回复：[{mailed.number}] 已受理", "补充一点：收款人是我妹妹，工作日白天都能联系到我。", reply_to
    )
    await _joined(stage, again, mailed.number)
    return [mailed, formed, again]


async def _write(stage: Stage, who: tuple[str, str], subject: str, text: str, in_reply_to: str = "") -> None:
    name, address = who
    mail = EmailMessage(policy=policy.SMTP)
    mail["From"] = f"{name} <{address}>"
    mail["To"] = BANK_ADDRESS
    mail["Subject"] = subject
    mail["Date"] = format_datetime(stage.now().astimezone(ZONE))
    mail["Message-ID"] = f"<{time.time_ns()}@example.com>"
    if in_reply_to:
        mail["In-Reply-To"] = in_reply_to
    mail.set_content(text)
    await aiosmtplib.send(mail, hostname=stage.sink.host, port=stage.sink.port, start_tls=False, timeout=10)


async def _fill_in_the_form(stage: Stage, name: str, contact: str, text: str) -> None:
    url = f"http://127.0.0.1:{stage.service.port}/?lang=zh-Hans"
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as browser:
        async with browser.get(url) as page:
            hidden = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', await page.text()))
        form = aiohttp.FormData()
        for key, value in {**hidden, "name": name, "contact": contact, "text": text}.items():
            form.add_field(key, value, content_type="text/plain")
        async with browser.post(url, data=form) as answer:
            answer.raise_for_status()


async def _acknowledged(stage: Stage, row: Row, address: str) -> Received:
    """Wait until the customer has the acknowledgement; fill the row from what was really sent and stored."""
    mail = await _until(lambda: next((mail for mail in stage.sink.received if mail.rcpt == address), None))
    parsed = message_from_bytes(mail.raw, policy=policy.default)
    found = re.search(r"\[([^\]]+)\]", str(parsed["Subject"]))
    assert found is not None, "the acknowledgement's subject carries no number"
    row.took = f"{time.perf_counter() - row.started:.2f} 秒"
    row.number = found[1]
    _dates(row, await _complaint(stage, row.number))
    row.told, row.state = "邮件", "受理告知已发"
    stage.show(row)
    return mail


async def _joined(stage: Stage, row: Row, number: str) -> None:
    """Wait until the second mail is in the first one's complaint."""

    async def held() -> Complaint | None:
        complaint = await _complaint(stage, number)
        async with stage.service.storage.reading() as tx:
            messages = await tx.messages.of(complaint.id)
        return complaint if any(message.outcome is Outcome.JOINED for message in messages) else None

    deadline = time.perf_counter() + PATIENCE_SECONDS
    while (complaint := await held()) is None:
        if time.perf_counter() > deadline:
            raise TimeoutError("the second mail did not join its complaint")
        await asyncio.sleep(0.05)
    row.took = f"{time.perf_counter() - row.started:.2f} 秒"
    row.number, row.told, row.state = number, "—", "补充已收到"
    _dates(row, complaint)
    stage.show(row)


async def _complaint(stage: Stage, number: str) -> Complaint:
    async with stage.service.storage.reading() as tx:
        return (await tx.complaints.by_number([number]))[number]


async def _until(look: Callable[[], Received | None]) -> Received:
    deadline = time.perf_counter() + PATIENCE_SECONDS
    while (found := look()) is None:
        if time.perf_counter() > deadline:
            raise TimeoutError("no acknowledgement came")
        await asyncio.sleep(0.02)
    return found


def _dates(row: Row, complaint: Complaint) -> None:
    row.promised = f"{complaint.promised_at.astimezone(ZONE):%m-%d}"
    row.legal = f"{complaint.legal_at.astimezone(ZONE):%m-%d}" if complaint.legal_at else "—"
