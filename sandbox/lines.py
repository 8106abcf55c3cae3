"""How customers reach the bank, over the wire of each provider. What comes back to them is in arrivals.py."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime
from http import HTTPStatus
from zoneinfo import ZoneInfo

import aiosmtplib

from gateway.model import Speaker
from gateway.ports import Now
from sandbox.customers import Customer, Way
from sandbox.example_bank import ADDRESS, HOTLINE, KF_ACCOUNT
from sandbox.handsets import Entry, Handsets
from sandbox.smtp_sink import Sink
from sandbox.transcripts import FORMATS, Line, envelope, push
from sandbox.twilio import Twilio
from sandbox.wechat import WeChat
from sandbox.wecom import WeCom

ZONE = ZoneInfo("Asia/Shanghai")
SURE_OR_NOT = "twilio"  # a format of FORMATS that says how sure the recogniser is of each turn
_DOUBTFUL = ("现在亏", "lost")  # what the recogniser of the demonstration hears badly
_SENTENCES = re.compile(r"[^。！？.!?]+[。！？.!?]*")
_TURN_MS = 4000
_serial = itertools.count(1)


class NotTaken(Exception):
    """The gateway did not take what a provider handed it; the text says how it answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """What customers do. Everything they send stands on their own phone as well."""

    sink: Sink
    twilio: Twilio
    wecom: WeCom
    wechat: WeChat
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

    async def enter(self, customer: Customer) -> None:
        """Open the chat with 微信客服, as far as it has never been opened: WeChat tells the bank, which may greet."""
        if not self.wecom.chat(customer.external_userid, KF_ACCOUNT):
            await self.wecom.enters(customer.external_userid, KF_ACCOUNT)

    async def chat(self, customer: Customer, text: str) -> None:
        """Write in the chat with 微信客服."""
        await self.wecom.says(customer.external_userid, KF_ACCOUNT, text)

    async def choose(self, customer: Customer, entry: Entry, choice: str) -> None:
        """Tap a line of a menu in that chat."""
        await self.wecom.chose(customer.external_userid, KF_ACCOUNT, entry.id, choice)

    async def show(self, customer: Customer, picture: bytes, media_type: str) -> None:
        """Send a picture in that chat."""
        sent = await self.wecom.sends_file(
            customer.external_userid, KF_ACCOUNT, picture, msgtype="image", media_type=media_type
        )
        if shown := self.handsets.get(sent):
            self.handsets.put(replace(shown, picture=picture))

    async def post(self, customer: Customer, text: str) -> None:
        """Write to the 公众号. Raises NotTaken."""
        with self._shown(customer, Way.WECHAT, text):
            status = await self.wechat.says(customer.openid, text)
            if status != HTTPStatus.OK:
                raise NotTaken(f"the gateway answered WeChat with {status}")

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
