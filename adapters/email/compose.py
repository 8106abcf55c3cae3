"""A notice as the ready bytes of a mail. Pure.

The frame is written by hand: building an `EmailMessage` takes some thirty times as long, and a notice needs few header
fields. Everything a customer or an agent may have typed goes through an encoded word or base64, so no text can add a
field; what must stand bare (addresses, keys) is checked.
"""

from __future__ import annotations

import re
from base64 import b64encode
from datetime import UTC
from email.utils import format_datetime
from functools import lru_cache

from adapters.email.config import Config
from adapters.tools import text_of
from gateway.errors import Permanent
from gateway.model import ContactType, OutboundMessage

_RECIPIENT = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*", re.ASCII)
_KEY = re.compile(r"[0-9a-z]{1,60}", re.ASCII)
_BREAK = re.compile(r"\r\n|\r|\n")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")
_LINE = 76  # characters of base64 in a line (RFC 2045 section 6.8)
_WORD = 39  # bytes in an encoded word: "Subject: " and the word stay within 76 characters


def compose(message: OutboundMessage, config: Config) -> bytes:
    """Return the mail, the same bytes on every attempt. Raises Permanent for an unusable address or a ticket.

    `Message-ID` is the delivery's key: the only handle a receiving server has to drop a second copy (channels 4.3).
    """
    key = _checked_key(message.key)
    domain = config.address.partition("@")[2]
    boundary = f"=_{key}"  # no line of base64 can begin with it
    content = text_of(message)
    frame = (
        f"Message-ID: <{key}@{domain}>\r\n"
        f"Date: {format_datetime(message.created_at.astimezone(UTC))}\r\n"
        f"From: {_from(config.from_names.get(content.language, ''), config.address)}\r\n"
        f"To: <{recipient(message)}>\r\n"
        f"Reply-To: <{envelope_sender(key, config)}>\r\n"
        f"Subject: {encoded(content.subject)}\r\n"
        f"Content-Language: {content.language.value}\r\n"
        # RFC 3834 and Exchange: no vacation answer, no read receipt to this.
        "Auto-Submitted: auto-replied\r\n"
        "X-Auto-Response-Suppress: All\r\n"
        f"X-Loop: {config.address}\r\n"
        "MIME-Version: 1.0\r\n"
        f'Content-Type: multipart/alternative; boundary="{boundary}"\r\n'
        "\r\n"
        f"--{boundary}\r\n"
        'Content-Type: text/plain; charset="utf-8"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
        f"{_armoured(content.text)}"
        f"--{boundary}\r\n"
        'Content-Type: text/html; charset="utf-8"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
        f"{_armoured(content.html)}"
        f"--{boundary}--\r\n"
    )
    return frame.encode("ascii")


def recipient(message: OutboundMessage) -> str:
    """Return the address to hand over to. Raises Permanent when it could not stand in a command or header as it is."""
    address = message.to.value
    if message.to.type is not ContactType.EMAIL or len(address) > 254 or not _RECIPIENT.fullmatch(_ascii(address)):
        raise Permanent("bad_address")
    return _ascii(address)


def envelope_sender(key: str, config: Config) -> str:
    """Return the address bounces and replies go to: it names the notice where plus addressing is on (VERP)."""
    if not config.plus_addressing:
        return config.address
    local, _, domain = config.address.partition("@")
    return f"{local}+{_checked_key(key)}@{domain}"


def _checked_key(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise ValueError("a delivery's key must be lower-case letters and digits")
    return key


def _ascii(address: str) -> str:
    """Return the address with its domain in IDNA form; as it is where that cannot be done."""
    if address.isascii():
        return address
    local, _, domain = address.rpartition("@")
    try:
        return f"{local}@{domain.encode('idna').decode('ascii')}"
    except UnicodeError:
        return address


@lru_cache(maxsize=16)
def _from(name: str, address: str) -> str:
    return f"{encoded(name)}\r\n <{address}>" if name else f"<{address}>"


def encoded(value: str) -> str:
    """Return text for a header as encoded words (RFC 2047), folded. Control characters become blanks."""
    data = _CONTROL.sub(" ", value).encode("utf-8", "replace")
    words, at = [], 0
    while at < len(data):
        end = min(at + _WORD, len(data))
        while end < len(data) and data[end] & 0xC0 == 0x80:  # never inside a character (section 5(3))
            end -= 1
        words.append(f"=?utf-8?B?{b64encode(data[at:end]).decode('ascii')}?=")
        at = end
    return "\r\n ".join(words)


def _armoured(text: str) -> str:
    data = b64encode(_BREAK.sub("\r\n", text).encode("utf-8", "replace")).decode("ascii")
    return "\r\n".join([*(data[at : at + _LINE] for at in range(0, len(data), _LINE)), ""]) or "\r\n"
