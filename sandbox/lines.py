"""How customers reach the bank, over the wire of each provider, and how what the bank sends comes to their phones."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import format_datetime
from http import HTTPStatus
from zoneinfo import ZoneInfo

import aiosmtplib

from gateway.model import Speaker
from gateway.ports import Now
from sandbox.customers import Customer, Way, whose
from sandbox.example_bank import ADDRESS, DOMAIN, HOTLINE
from sandbox.handsets import Entry, Handsets
from sandbox.smtp_sink import Received, Sink
from sandbox.transcripts import FORMATS, Line, envelope, push
from sandbox.twilio import SimulatedMessage, Twilio

ZONE = ZoneInfo("Asia/Shanghai")
SURE_OR_NOT = "twilio"  # a format of FORMATS that says how sure the recogniser is of each turn
_DOUBTFUL = ("现在亏", "lost")  # what the recogniser of the demonstration hears badly
_SENTENCES = re.compile(r"[^。！？.!?]+[。！？.!?]*")
_TURN_MS = 4000
_serial = itertools.count(1)


class NotTaken(Exception):
    """The gateway did not take what a provider handed it; the text says how it answered."""


def arrived_mail(handsets: Handsets, mail: Received, at: datetime) -> None:
    """Put a mail on its recipient's phone, unless it stays within the bank."""
    if mail.rcpt.endswith(f"@{DOMAIN}"):
        return
    parsed = _parsed(mail.raw)
    handsets.put(
        Entry(
            id=f"mail-{next(_serial)}",
            customer=whose(mail.rcpt).id,
            way=Way.MAIL,
            mine=False,
            at=at,
            subject=str(parsed["Subject"] or ""),
            sender=str(parsed["From"] or ""),
            text=_part(parsed, "plain"),
            html=_part(parsed, "html"),
            message_id=str(parsed["Message-ID"] or ""),
            reply_to=str(parsed["Reply-To"] or ADDRESS),
        )
    )


def arrived_call(handsets: Handsets, customer: Customer, script: str, at: datetime) -> None:
    """Put what the bank's people read out on the telephone on the phone they called."""
    entry = Entry(id=f"call-{next(_serial)}", customer=customer.id, way=Way.CALL, mine=False, at=at, text=script)
    handsets.put(entry)


async def follow_sms(handsets: Handsets, twilio: Twilio) -> None:
    """Put what the bank sends by SMS on its recipients' phones, and what becomes of it, until cancelled."""
    async with twilio.changed:
        while True:
            for message in twilio.messages:
                _arrived_sms(handsets, message)
            await twilio.changed.wait()


def _arrived_sms(handsets: Handsets, message: SimulatedMessage) -> None:
    there = handsets.get(message.sid)
    if there is not None:
        if there.state != message.status:
            handsets.put(replace(there, state=message.status))
        return
    handsets.put(
        Entry(
            id=message.sid,
            customer=whose(message.to).id,
            way=Way.SMS,
            mine=False,
            at=message.at,
            sender=message.from_,
            text=message.body,
            state=message.status,
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """What customers do. Everything they send stands on their own phone as well."""

    sink: Sink
    twilio: Twilio
    hotline_url: str
    hotline_secret: str = field(repr=False)
    handsets: Handsets
    now: Now

    async def write(self, customer: Customer, subject: str, text: str, answered: Entry | None = None) -> None:
        """Write an e-mail to the bank; `answered` is the bank's mail it is a reply to."""
        mail = EmailMessage(policy=policy.SMTP)
        mail["From"] = f"{customer.name} <{customer.address}>"
        mail["To"] = answered.reply_to if answered else ADDRESS
        mail["Subject"] = " ".join(f"回复：{answered.subject}".split() if answered else subject.split())
        mail["Date"] = format_datetime(self.now().astimezone(ZONE))
        mail["Message-ID"] = f"<{next(_serial)}@customers.example.com>"
        if answered:
            mail["In-Reply-To"] = answered.message_id
        mail.set_content(text)
        with self._shown(customer, Way.MAIL, text, str(mail["Subject"])):
            await aiosmtplib.send(mail, hostname=self.sink.host, port=self.sink.port, start_tls=False, timeout=10)

    async def text(self, customer: Customer, text: str) -> None:
        """Send an SMS to the bank. Raises NotTaken."""
        with self._shown(customer, Way.SMS, text):
            status = await self.twilio.customer_sends(customer.number, text)
            if status != HTTPStatus.OK:
                raise NotTaken(f"the gateway answered Twilio with {status}")

    async def call(self, customer: Customer, text: str, form: str = SURE_OR_NOT) -> None:
        """Call the hotline and say this; the telephone system pushes what its recogniser wrote down.

        Raises NotTaken.
        """
        with self._shown(customer, Way.CALL, text):
            await self._push(customer, FORMATS[form](dialogue(text)))

    async def transcript(self, customer: Customer, body: bytes, name: str) -> None:
        """Push a transcript as it is. Raises NotTaken."""
        with self._shown(customer, Way.CALL, name, "file"):
            await self._push(customer, body)

    async def _push(self, customer: Customer, transcript: bytes) -> None:
        body = self._enveloped(customer, transcript)
        at = int(self.now().timestamp())
        status, answer = await push(self.hotline_url, self.hotline_secret, body, timestamp=at)
        if status != HTTPStatus.OK:
            raise NotTaken(f"the gateway answered the telephone system with {status} {answer.decode()}")

    def _enveloped(self, customer: Customer, transcript: bytes) -> bytes:
        """Add what a telephone system knows of the call, unless the file says so itself."""
        try:
            text = transcript.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = transcript.decode("gb18030", "replace")
        if _says_who_called(text):
            return transcript
        call_id, began = f"call-{next(_serial)}", self.now().isoformat()
        return envelope(text.encode(), id=call_id, caller=customer.number, agent=HOTLINE, started_at=began)

    @contextmanager
    def _shown(self, customer: Customer, way: Way, text: str, subject: str = "") -> Iterator[None]:
        """Show what the customer sends before its answer can come, and whether it could not be sent."""
        entry = Entry(
            id=f"mine-{next(_serial)}",
            customer=customer.id,
            way=way,
            mine=True,
            at=self.now(),
            text=text,
            subject=subject,
        )
        self.handsets.put(entry)
        try:
            yield
        except Exception:
            self.handsets.put(replace(entry, state="failed"))
            raise


def dialogue(text: str) -> Sequence[Line]:
    """Return a call in which somebody says this, sentence by sentence, to an agent who asks and thanks."""
    said = [one.strip() for one in _SENTENCES.findall(text) if one.strip()]
    turns = [(Speaker.AGENT, "您好，这里是示例银行，请讲。"), *((Speaker.CUSTOMER, one) for one in said)]
    turns.append((Speaker.AGENT, "我为您登记，稍后短信告诉您编号。"))
    return [
        Line(
            speaker=speaker,
            start_ms=place * _TURN_MS,
            end_ms=(place + 1) * _TURN_MS - 500,
            text=words,
            confidence=0.41 if speaker is Speaker.CUSTOMER and any(word in words for word in _DOUBTFUL) else 0.95,
        )
        for place, (speaker, words) in enumerate(turns)
    ]


def _says_who_called(text: str) -> bool:
    try:
        found = json.loads(text)
    except ValueError:
        return False
    return isinstance(found, dict) and "transcript" in found


def _parsed(raw: bytes) -> EmailMessage:
    parsed = message_from_bytes(raw, policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def _part(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    return str(part.get_content()) if part is not None else ""
