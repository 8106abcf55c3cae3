"""What Twilio says by webhook: is it genuine, and what does it mean. Pure; asking Twilio is in api.py and lookup.py."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import parse_qsl

from gateway.errors import Invalid
from gateway.model import (
    ChannelKind,
    ConsentChange,
    Contact,
    ContactType,
    DeliveryReceipt,
    DeliveryStatus,
    InboundEvent,
    InboundMessage,
    Unreadable,
)
from gateway.rules.addresses import normal_phone

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SIGNATURE = "x-twilio-signature"
SIGNATURE_SETTINGS = "x-twilio-webhooks-signature-settings"
OPTED_OUT = "opted_out"

Form = Sequence[tuple[str, str]]

_MAX_FIELDS = 500
_STATUS = re.compile(r"[a-z_]{1,40}")
_SID = re.compile(r"(?:SM|MM)[0-9a-f]{32}")
_ORIGIN = re.compile(r"(https?)://([^/?#]*?)(:\d{1,5})?(?=[/?#]|$)")
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}

_STATUSES = {
    "delivered": DeliveryStatus.DELIVERED,
    "read": DeliveryStatus.READ,
    "undelivered": DeliveryStatus.UNDELIVERED,
    "failed": DeliveryStatus.UNDELIVERED,
    "canceled": DeliveryStatus.UNDELIVERED,
    "partially_delivered": DeliveryStatus.UNDELIVERED,  # half a promise is none
}
_AGAIN = frozenset({30001, 30003, 30008})  # queue overflow, handset off, unknown

# Twilio blocks the number on the first eight, so a customer who writes one is not reached any more, whatever they
# meant. YES and the like, which lift that block, are left out: far oftener they are the answer to a question.
_STOP = frozenset({"stop", "stopall", "unsubscribe", "cancel", "end", "quit", "optout", "revoke"}) | frozenset(
    {"td", "r", "退订", "退訂", "退订短信", "退訂短信", "拒收", "取消订阅", "取消訂閱"}
)
_START = frozenset({"start", "unstop", "恢复接收", "恢復接收"})
_BLOCKED, _LIFTED = "STOP", "START"  # Advanced Opt-Out's own verdict, in OptOutType
_KEYWORD = 20  # characters; what is longer says more than that, and is kept as a message whatever the verdict

_GSM7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM7_TWICE = frozenset("\f^{}\\[~]|€")


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """What a request may be signed with."""

    tokens: tuple[str, ...] = field(repr=False)
    shared_keys: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)


def form_of(body: bytes) -> Form | None:
    """Return the names and values of a form in their order, or None for what is no form. Blank values count."""
    try:
        return parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    except ValueError:
        return None


def signature(url: str, form: Form, secret: str, digest: str = "sha1") -> str:
    """Return the signature of a request: `digest` is "sha1" under an auth token, "sha256" under a shared key.

    Source: Twilio, docs/usage/webhooks/webhooks-security. Names in order, each value of a name once.
    """
    signed = url + "".join(name + value for name, value in sorted(set(form)))
    mac = hmac.new(secret.encode(), signed.encode("utf-8", "replace"), digest)
    return base64.b64encode(mac.digest()).decode("ascii")


def is_genuine(url: str, form: Form, headers: Mapping[str, str], secrets: Secrets) -> bool:
    """Say whether Twilio made this request. `url` is the public address, `headers` have their names in lower case."""
    candidates, digest = _secrets(headers.get(SIGNATURE_SETTINGS, ""), secrets)
    given = headers.get(SIGNATURE, "").encode("utf-8", "replace")
    return any(
        hmac.compare_digest(signature(address, form, secret, digest).encode(), given)
        for secret in candidates
        for address in _addresses(url)
    )


def _secrets(settings: str, secrets: Secrets) -> tuple[Sequence[str], str]:
    """Return what the request must be signed with, by "key=..,algorithm=.."; without that header, an auth token."""
    named = dict(part.strip().partition("=")[::2] for part in settings.split(","))
    match named.get("algorithm", "HMAC_SHA1").upper():
        case "HMAC_SHA1":
            return secrets.tokens, "sha1"
        case "HMAC_SHA256":
            key = secrets.shared_keys.get(named.get("key", ""))
            return ([key] if key else []), "sha256"
    return [], "sha1"


def _addresses(url: str) -> Iterator[str]:
    """Yield an address without and with its port: Twilio is not consistent in which of them it signs."""
    origin = _ORIGIN.match(url)
    if origin is None:
        yield url
        return
    scheme, host, port = origin.groups()
    for written in ("", port or _DEFAULT_PORTS[scheme]):
        yield f"{scheme}://{host}{written}{url[origin.end() :]}"


def said(
    form: Mapping[str, str],
    *,
    source: str,
    received_at: datetime,
    raw: bytes,
    one_way: Sequence[str] = (),
    problems: Iterable[str] = (),
) -> InboundMessage | ConsentChange:
    """Read what a customer wrote.

    `one_way` are the countries no answer should be able to come from; `problems` is what the caller found odd. Raises
    Invalid when it does not say which message it is.
    """
    sid, text = _sid(form), form.get("Body", "")
    sender = form.get("From", "")
    number = normal_phone(sender) if sender.startswith("+") else None  # 4008888888 may be a name that was bought
    # Not verified (E.2 rule 10): the sender of an SMS can be forged as the From line of a mail can, and numbers are
    # given to new owners. What goes there is the number, the date and the telephone.
    contact = Contact(type=ContactType.MOBILE, value=number) if number else None
    wanted = _wanted(text, form.get("OptOutType", ""))
    if contact and wanted is not None:
        return ConsentChange(
            source=source,
            channel=ChannelKind.SMS,
            external_id=sid,
            received_at=received_at,
            contact=contact,
            wanted=wanted,
            text=text,
        )
    odd = {
        "no_text": not text.strip(),
        "no_sender": not number,
        "media_not_fetched": form.get("NumMedia", "0") not in ("", "0"),  # their addresses are in the raw form
        "one_way_country": bool(number) and str(number).startswith(tuple(one_way)),
    }
    return InboundMessage(
        source=source,
        channel=ChannelKind.SMS,
        external_id=sid,
        received_at=received_at,
        text=text,
        reply_text=text,
        from_address=number or sender,
        to=(form["To"],) if form.get("To") else (),
        contacts=(contact,) if contact else (),
        problems=tuple(sorted({*problems, *(word for word, is_so in odd.items() if is_so)})),
        raw=raw,
    )


def reported(form: Mapping[str, str], *, source: str, received_at: datetime, key: str = "") -> DeliveryReceipt:
    """Read what became of a message of ours; `key` is our name for it. Raises Invalid where there is no status.

    One message has several reports, so the id of a report is message and status (lesson 61).
    """
    sid, word = _sid(form), form.get("MessageStatus", "")
    if not _STATUS.fullmatch(word):
        raise Invalid
    status, code = status_of(word), _code(form.get("ErrorCode", ""))
    is_bad = status is DeliveryStatus.UNDELIVERED
    return DeliveryReceipt(
        source=source,
        channel=ChannelKind.SMS,
        external_id=f"{sid}:{word}",
        received_at=received_at,
        status=status,
        key=key,
        provider_id=sid,
        reason=reason_of(code, word) if is_bad else "",
        again=is_bad and comes_again(code),
    )


def status_of(word: str) -> DeliveryStatus:
    """Return what a message's status means. A word not known here says only that Twilio has it, which ranks lowest."""
    return _STATUSES.get(word, DeliveryStatus.ACCEPTED)


def reason_of(code: int | None, status: str = "") -> str:
    """Return a stable word for an error code, for the status where there is none."""
    if code == 21610:
        return OPTED_OUT
    if code is not None:
        return f"twilio {code}"
    return status if status in _STATUSES else ""


def comes_again(code: int | None) -> bool:
    """Say whether a message that failed so may arrive when it is sent once more, later."""
    return code in _AGAIN


def segments(text: str) -> int:
    """Return how many SMS a text is sent and billed as (3GPP TS 23.038; Twilio, docs/glossary/what-is-gsm-7).

    160 units in one or 153 in each of several, where all characters are in GSM-7; else 70 or 67 UTF-16 units. It may be
    one more where a character of two units would have to be split.
    """
    if all(character in _GSM7 or character in _GSM7_TWICE for character in text):
        units, alone, each = len(text) + sum(character in _GSM7_TWICE for character in text), 160, 153
    else:
        units, alone, each = len(text.encode("utf-16-le", "surrogatepass")) // 2, 70, 67
    return 1 if units <= alone else -(-units // each)


def read(data: bytes, name: str) -> Iterable[InboundEvent]:
    """Read a saved webhook body: a customer's message, or a status report. Without a clock it came in 1970."""
    form = dict(form_of(data) or ())
    try:
        if "MessageStatus" in form:
            return [reported(form, source="file", received_at=EPOCH)]
        return [said(form, source="file", received_at=EPOCH, raw=data)]
    except Invalid:
        unreadable = Unreadable(
            source="file",
            channel=ChannelKind.SMS,
            external_id=f"sha256:{hashlib.sha256(data).hexdigest()}",
            received_at=EPOCH,
            raw=data,
            problem="not_a_webhook",
        )
        return [unreadable]


def _sid(form: Mapping[str, str]) -> str:
    sid = form.get("MessageSid") or form.get("SmsSid", "")
    if not _SID.fullmatch(sid):
        raise Invalid
    return sid


def _wanted(text: str, verdict: str) -> bool | None:
    """Say whether the customer wants no more messages (False) or some again (True); None: it is about something else.

    Only the whole message counts: 我要退订理财短信 is a complaint.
    """
    if verdict in (_BLOCKED, _LIFTED) and len(text) <= _KEYWORD and text.isprintable():
        return verdict == _LIFTED
    shown = "".join(one for one in unicodedata.normalize("NFKC", text) if unicodedata.category(one) != "Cf")
    word = shown.strip(" \t\r\n.。!！,，~\"'“”‘’「」【】").casefold()
    if word in _STOP:
        return False
    return True if word in _START else None


def _code(value: str) -> int | None:
    return int(value) if value.isascii() and value.isdigit() and len(value) <= 9 else None
