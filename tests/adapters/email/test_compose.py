"""A notice as bytes: the standard library, which had no part in writing it, reads back exactly what was meant."""

from __future__ import annotations

import email
import email.policy
import re
from base64 import b64decode
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.email import Config
from adapters.email.compose import compose
from gateway.errors import Permanent
from gateway.model import Contact, ContactType, Language, OutboundMessage, Text

KEY = "01kbn3v5q8x2m4r6t8w0y2z4a6"
CONFIG = Config.model_validate(
    {
        "address": "complaints@bank.example",
        "from_names": {"zh-Hans": "示例银行", "en": 'Example "Bank", plc <x@y>'},
        "smtp": {"host": "smtp.bank.example"},
    }
)
anything = st.text(max_size=300)
any_text = st.text(st.characters(exclude_categories=("Cs",)), max_size=300)


def message(
    subject: str = "受理通知",
    text: str = "您好",
    html: str = "<p>您好</p>",
    to: str = "customer@example.com",
    key: str = KEY,
    language: Language = Language.ZH_HANS,
) -> OutboundMessage:
    return OutboundMessage(
        key=key,
        to=Contact(type=ContactType.EMAIL, value=to),
        content=Text(language=language, subject=subject, short="", text=text, html=html),
        created_at=datetime(2026, 11, 23, 10, 0, 5, tzinfo=UTC),
    )


def read_back(raw: bytes) -> EmailMessage:
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(mail, EmailMessage)
    assert not mail.defects
    return mail


def body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None
    assert not part.defects
    content = part.get_content()
    assert isinstance(content, str)
    return content


def one_kind_of_break(text: str) -> str:
    return re.sub(r"\r\n|\r|\n", "\n", text)


@settings(deadline=None)
@given(any_text, any_text, any_text)
def test_subject_and_both_bodies_are_read_back_exactly(subject: str, text: str, html: str) -> None:
    mail = read_back(compose(message(subject, text, html), CONFIG))
    assert mail["Subject"] == re.sub(r"[\x00-\x1f\x7f\x85\u2028\u2029]+", " ", subject)
    assert one_kind_of_break(body(mail, "plain")) == one_kind_of_break(text)
    assert one_kind_of_break(body(mail, "html")) == one_kind_of_break(html)


@settings(deadline=None)  # the first mail imports what it needs
@given(anything, anything, anything)
def test_no_text_can_add_a_header_field(subject: str, text: str, html: str) -> None:
    """Also lone surrogates, line breaks of every kind, and text that looks like fields or boundaries."""
    raw = compose(message(f"x\r\nBcc: victim@example.com\n{subject}", f"--=_{KEY}--\r\n{text}", html), CONFIG)
    mail = read_back(raw)
    assert sorted(mail.keys()) == sorted(read_back(compose(message(), CONFIG)).keys())
    assert len(list(mail.walk())) == 3
    head, _, _ = raw.partition(b"\r\n\r\n")
    assert all(len(line) <= 78 for line in head.split(b"\r\n"))
    for word in re.findall(rb"=\?utf-8\?B\?([^?]*)\?=", head):
        b64decode(word, validate=True).decode("utf-8")  # each word alone: never cut inside a character
    assert raw.isascii()
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", raw)


@given(st.text(max_size=80))
def test_a_recipient_is_the_one_meant_or_refused(address: str) -> None:
    try:
        raw = compose(message(to=address), CONFIG)
    except Permanent:
        return
    assert [a.addr_spec for a in read_back(raw)["To"].addresses] == [address]


@pytest.mark.parametrize(
    "address",
    [
        "", "a", "a@", "@b", "a b@c.example", "a@b\r\nBcc: c@d.example", "a@b.example,c@d.example", '"a"@b.example',
        "a@b>", "投诉@b.example", "a@b..example", f"{'a' * 65}@b.example",
    ],
)  # fmt: skip
def test_what_is_no_plain_address_is_refused(address: str) -> None:
    with pytest.raises(Permanent, match="bad_address"):
        compose(message(to=address), CONFIG)


def test_a_domain_in_chinese_goes_out_in_its_ascii_form() -> None:
    assert b"To: <wang@xn--fiqs8s.example>\r\n" in compose(message(to="wang@中国.example"), CONFIG)


def test_a_phone_number_is_no_recipient() -> None:
    wrong = OutboundMessage(
        key=KEY,
        to=Contact(type=ContactType.MOBILE, value="+8613800000000"),
        content=message().content,
        created_at=message().created_at,
    )
    with pytest.raises(Permanent, match="bad_address"):
        compose(wrong, CONFIG)


@pytest.mark.parametrize("key", ["", "a b", "a\r\nb", "A@b", "é"])
def test_a_key_that_could_not_stand_in_a_header_is_a_fault_of_ours(key: str) -> None:
    with pytest.raises(ValueError, match="key"):
        compose(message(key=key), CONFIG)


def test_the_frame_names_the_notice_and_keeps_machines_from_answering() -> None:
    """Channels 4.4, RFC 3834; the key is the receiving side's only handle to drop a copy (lesson 36)."""
    mail = read_back(compose(message(), CONFIG))
    assert mail["Message-ID"] == f"<{KEY}@bank.example>"
    assert mail["Reply-To"].addresses[0].addr_spec == f"complaints+{KEY}@bank.example"
    assert mail["Date"].datetime == datetime(2026, 11, 23, 10, 0, 5, tzinfo=UTC)
    assert mail["Auto-Submitted"] == "auto-replied"
    assert mail["X-Auto-Response-Suppress"] == "All"
    assert mail["X-Loop"] == "complaints@bank.example"
    assert mail["Content-Language"] == "zh-Hans"
    assert mail.get_content_type() == "multipart/alternative"


@pytest.mark.parametrize(
    ("language", "name"),
    [(Language.ZH_HANS, "示例银行"), (Language.EN, 'Example "Bank", plc <x@y>'), (Language.ZH_HANT, "")],
)
def test_the_sender_has_the_name_of_the_language_or_only_the_address(language: Language, name: str) -> None:
    (author,) = read_back(compose(message(language=language), CONFIG))["From"].addresses
    assert (author.display_name, author.addr_spec) == (name, "complaints@bank.example")


def test_every_attempt_has_the_same_bytes() -> None:
    assert compose(message(), CONFIG) == compose(message(), CONFIG)
