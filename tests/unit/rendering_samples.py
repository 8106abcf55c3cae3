"""What the tests of the notices share: one bank, one case, and each notice rendered for a reader."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from gateway import proofreading
from gateway.model import (
    ChannelKind,
    Contact,
    ContactType,
    Kind,
    Language,
    NoticeFacts,
    NoticeKind,
    Text,
)
from gateway.rendering import Rendering
from gateway.rules.contents import CONTENTS, STAFF
from gateway.settings import Bank

K = NoticeKind
CUSTOMERS = [kind for kind in NoticeKind if kind not in STAFF]
SHIPPED = Path(__file__).parents[2] / "templates"
BANK = Bank(
    names={Language.ZH_HANS: "示例银行", Language.ZH_HANT: "示例銀行", Language.EN: "ExampleBank"}, telephone="00000"
)
VERIFIED = Contact(type=ContactType.EMAIL, value="li@example.com", verified=True)
UNVERIFIED = replace(VERIFIED, verified=False)
FACTS = NoticeFacts(
    number="TS-261123-000123-V",
    kind=Kind.COMPLAINT,
    major=False,
    promised_at=datetime(2026, 11, 26, 15, 59, 59, tzinfo=UTC),
    received_at=datetime(2026, 11, 23, 1, 15, tzinfo=UTC),
    channel=ChannelKind.EMAIL,
    name="Zhuge Liang",
)
OUTCOME: Mapping[str, object] = {
    "findings": "账户在11月20日被扣了两次",
    "cause": "系统把一笔交易记了两遍",
    "measures": "多扣的一笔已经退回",
    "improvement": "每天核对重复的交易",
    "basis": ["支付结算办法第二十条", "服务协议第5条"],
    "reason": "重复扣款不应由您承担",
    "alternative": "免去本月的短信费",
    "apology": True,
    "review": True,
    "amount": "120.50",
    "currency": "CNY",
    "arrival_on": "2026-11-30",
    "account_tail": "7890",
}
RENDERING = Rendering(bank=BANK, override=None)


def render(
    kind: NoticeKind,
    details: Mapping[str, object] | None = None,
    *,
    to: Contact = VERIFIED,
    language: Language = Language.ZH_HANS,
    where: ContactType | None = None,
    facts: NoticeFacts = FACTS,
) -> Text:
    given = first_sample(kind) if details is None else details
    return RENDERING.render(kind, replace(facts, details=given), to=to, language=language, where=where)


def first_sample(kind: NoticeKind) -> Mapping[str, object]:
    return proofreading.DETAILS.get(kind, ({},))[0]


def blocks(text: Text) -> str:
    return "\n".join((text.subject, text.short, text.text, text.html))


def free_text(kind: NoticeKind) -> set[str]:
    """What somebody typed: the variables that the start-up check wants in the long form only."""
    found = set()
    for name in CONTENTS[kind].in_full:
        value = first_sample(kind).get(name, "")
        found |= set(value) if isinstance(value, list) else {str(value)}
    return found - {""} if kind is not K.SECURITY_NOTE else set()
