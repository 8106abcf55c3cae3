"""The mail reader: encodings that lie, hostile bytes, and what may never happen. Single mails are in samples/."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from quopri import encodestring
from time import monotonic

import puremagic
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from adapters.email import parts, read, wire
from gateway.model import InboundMessage, Unreadable

RECEIVED_AT = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
SAMPLES = [path.read_bytes() for path in sorted(Path(__file__).with_name("samples").glob("*.eml"))]
HEAD = b"From: customer@example.com\r\nSubject: x\r\nMIME-Version: 1.0\r\n"


def parse(raw: bytes) -> InboundMessage | Unreadable:
    return wire.parse(raw, source="box", received_at=RECEIVED_AT, own_addresses=("complaints@bank.example",))


def parsed(raw: bytes) -> InboundMessage:
    message = parse(raw)
    assert isinstance(message, InboundMessage), message
    return message


@given(st.binary(max_size=2000))
def test_any_bytes_become_an_event_that_keeps_them(raw: bytes) -> None:
    event = parse(raw)
    assert event.raw == raw
    assert event.external_id == f"sha256:{hashlib.sha256(raw).hexdigest()}"
    assert event.received_at == RECEIVED_AT


@st.composite
def mutated_samples(draw: st.DrawFn) -> bytes:
    raw = bytearray(draw(st.sampled_from(SAMPLES)))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(raw)))
        until = min(len(raw), at + draw(st.integers(0, 40)))
        raw[at:until] = draw(st.binary(max_size=20) | st.sampled_from((b"\r\n", b"=?", b"?=", b'"', b";", b"--", b"<")))
    return bytes(raw)


@given(mutated_samples())
@settings(max_examples=300, deadline=None)
def test_no_damage_to_a_real_mail_makes_the_reader_fail(raw: bytes) -> None:
    """Lessons 15, 45 (z#2227, #2722, #2746): one poisonous mail must not stop the others."""
    event = parse(raw)
    assert event.raw == raw
    if isinstance(event, Unreadable):
        assert event.problem in {"empty", "not_a_mail"}  # and never "parser_failed"


DIFFICULT = "投诉：朱镕基与喆的账户㐂，多扣300元🀄"
TRADITIONAL = "投訴：信用卡手續費，請跟進"


@pytest.mark.parametrize("armour", ["base64", "quoted-printable", "8bit"])
@pytest.mark.parametrize(
    ("declared", "encoding"),
    [
        ("gb2312", "gb18030"),
        ("GBK", "gb18030"),
        ("gb18030", "gb18030"),
        ("x-gbk", "gb18030"),
        ("gb_2312-80", "gb18030"),
        ("utf-8", "utf-8"),
        ("utf8mb4", "utf-8"),
        ("gb2312", "utf-8"),
        ("utf-8", "gb18030"),
        ("us-ascii", "gb18030"),
        ("iso-8859-1", "gb18030"),
        ("iso-8859-1", "utf-8"),
        ("default_charset", "gb18030"),
        ("", "gb18030"),
        ("", "utf-8"),
    ],
)
def test_chinese_text_survives_every_false_label(declared: str, encoding: str, armour: str) -> None:
    """Lesson 43 (glpi#8986, fs#4282): the label says gb2312, the bytes say otherwise."""
    data = DIFFICULT.encode(encoding)
    body = {"base64": b64encode(data), "quoted-printable": encodestring(data), "8bit": data}[armour]
    label = f"Content-Type: text/plain; charset={declared}\r\n" if declared else "Content-Type: text/plain\r\n"
    raw = HEAD + label.encode() + f"Content-Transfer-Encoding: {armour}\r\n\r\n".encode() + body
    message = parsed(raw)
    assert message.text == DIFFICULT
    assert "charset_unreadable" not in message.problems


@pytest.mark.parametrize(
    ("declared", "encoding"), [("big5", "big5hkscs"), ("big5", "cp950"), ("big5-hkscs", "big5hkscs")]
)
def test_traditional_text_is_read_by_its_label(declared: str, encoding: str) -> None:
    raw = HEAD + f"Content-Type: text/plain; charset={declared}\r\n\r\n".encode() + TRADITIONAL.encode(encoding)
    assert parsed(raw).text == TRADITIONAL


def test_the_euro_sign_of_windows_traditional_chinese_is_read() -> None:
    raw = HEAD + b"Content-Type: text/plain; charset=big5\r\n\r\n" + "手續費€20".encode("cp950")
    assert parsed(raw).text == "手續費€20"


def test_western_accents_stay_western() -> None:
    raw = HEAD + b"Content-Type: text/plain; charset=iso-8859-1\r\n\r\nd\xe9bit\xe9 deux fois \xe0 l'agence"
    assert parsed(raw).text == "débité deux fois à l'agence"


@given(st.text(st.characters(exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp")), min_size=1, max_size=60))
def test_a_subject_in_encoded_words_is_read_back_wherever_it_is_cut(subject: str) -> None:
    """RFC 2047 section 5(3) forbids cutting inside a character; clients do it (channels 4.6)."""
    data = subject.encode("gb18030")
    words = b" ".join(b"=?gb2312?B?" + b64encode(data[at : at + 7]) + b"?=" for at in range(0, len(data), 7))
    assert parsed(b"From: a@example.com\r\nSubject: " + words + b"\r\n\r\nx").subject == subject


# What the standard library's parser would choke on, so that it is not asked: a person looks at these.
TOO_COMPLEX = {
    "nested containers": HEAD
    + b"".join(b"Content-Type: multipart/mixed; boundary=%d\r\n\r\n--%d\r\n" % (n, n) for n in range(300)),
    "attached mails in attached mails": HEAD + b"Content-Type: message/rfc822\r\n\r\n" * 300,
    "a hundred thousand parts": HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\n\n" * 100_000,
    "a million report blocks": HEAD + b"Content-Type: message/delivery-status\r\n\r\n" + b"\n" * 100_000,
    "a million parameters": HEAD + b"Content-Type: multipart/mixed" + b";a=b" * 1_000_000 + b"\r\n\r\nx",
    "a million header fields": HEAD + b"X: y\r\n" * 1_000_000 + b"\r\nx",
    "many containers over many lines": HEAD + b"Content-Type: message/rfc822\r\n\r\n" * 150 + b"\r\n" * 200_000,
}
HOSTILE = {
    "a hundred thousand nested elements": HEAD + b"Content-Type: text/html\r\n\r\n" + b"<div>" * 100_000 + b"words",
    "five megabytes of style": HEAD + b"Content-Type: text/html\r\n\r\n<style>" + b"a{}" * 1_700_000 + b"</style>words",
    "half a million paragraphs": HEAD + b"Content-Type: text/html\r\n\r\n" + b"<p>a" * 500_000,
    "unclosed styles": HEAD + b"Content-Type: text/html\r\n\r\n" + b"<style " * 500_000,
    "comments in an address": b"From: " + b"(" * 200_000 + b"a@example.com\r\n\r\nx",
    "quotes in an address": b"From: " + b'"\\' * 200_000 + b"a@example.com\r\n\r\nx",
    "half encoded words": b"From: a@example.com\r\nSubject: " + b"=?a?B?" * 100_000 + b"\r\n\r\nx",
    "lines that could begin a quote": HEAD + b"\r\n" + b"On 1\n" * 100_000,
    "one endless token in a bounce": b"From: mailer-daemon@example.com\r\n\r\n" + b"a+" * 500_000,
}


@pytest.mark.parametrize("name", TOO_COMPLEX)
def test_a_mail_the_parser_would_choke_on_is_left_to_a_person(name: str) -> None:
    event = parse(TOO_COMPLEX[name])
    assert isinstance(event, Unreadable)
    assert event.problem == "too_complex"


def test_a_mail_that_only_speaks_of_containers_and_content_fields_is_read() -> None:
    words = b"Content-Type: x\r\n multipart/mixed; message/rfc822\r\nAContent-Type: multipart/mixed\r\n" * 300
    assert "multipart/mixed" in parsed(HEAD + b"\r\n" + words + b"x-content-id: " + b"y" * 30_000).text


@given(
    beginning=st.sampled_from(
        [b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"\x89PNG", b"%PDF", b"GIF89a", b"PK\x03\x04", b""]
    ),
    rest=st.binary(min_size=1, max_size=40) | st.sampled_from([b"\xe0\x00\x10JFIF", b"\xe1\x00\x10Exif", b"-1.7"]),
    stem=st.sampled_from(["a", "a.tar", "照片", ""]),
    extension=st.sampled_from([".jpg", ".JPEG", ".png", ".pdf", ".ai", ".jfif", ".gif", ".docx", ".txt", ""]),
)
@example(beginning=b"\xff\xd8\xff", rest=b"\xe0\x00\x10JFIF\x00\x01\xff\xd9", stem="a", extension=".jpg")
def test_the_usual_attachments_get_the_type_that_puremagic_gives_them(
    beginning: bytes, rest: bytes, stem: str, extension: str
) -> None:
    content, name = beginning + rest, stem + extension
    try:
        expected = puremagic.from_string(content, mime=True, filename=name)
    except puremagic.PureError:
        expected = ""
    assert parts._recognised(content, name, "declared/type") == (expected or "declared/type")


@pytest.mark.parametrize("name", [*HOSTILE, *TOO_COMPLEX])
def test_a_hostile_mail_costs_seconds_at_most(name: str) -> None:
    """Lesson 25 (z#2416, fs#5304). The limit leaves room for a busy machine; each takes about a second at most."""
    started = monotonic()
    parse((HOSTILE | TOO_COMPLEX)[name])
    assert monotonic() - started < 8


def test_hostile_html_keeps_its_words() -> None:
    message = parsed(HOSTILE["a hundred thousand nested elements"])
    assert message.text.strip() == "words"
    assert "html_flattened" in message.problems
    assert parsed(HOSTILE["five megabytes of style"]).text == "words"


def test_more_parts_than_anybody_reads_are_cut_and_flagged() -> None:
    parts = b"".join(b"--b\r\nContent-Type: image/png\r\n\r\n\x89PNG\r\n" for _ in range(1500))
    message = parsed(HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + parts + b"--b--\r\n")
    assert len(message.attachments) < 1000
    assert "too_many_parts" in message.problems


@pytest.mark.parametrize(
    ("raw", "problem"),
    [(b"", "empty"), (b" \r\n\t\n", "empty"), (b"\x00\xff\xfe\x01garbage", "not_a_mail"), (b"hello\n", "not_a_mail")],
)
def test_what_is_no_mail_is_handed_on_as_unreadable(raw: bytes, problem: str) -> None:
    event = parse(raw)
    assert isinstance(event, Unreadable)
    assert event.problem == problem


def test_mails_without_an_id_have_names_of_their_own() -> None:
    """Lessons 10-12 (fs#311, fs#691, ld#122): the bytes name a mail, so a second reading of it has the same name."""
    first, second = b"From: a@example.com\r\n\r\none", b"From: b@example.com\r\nMessage-ID: <>\r\n\r\ntwo"
    assert parse(first).external_id != parse(second).external_id
    assert parse(first).external_id == parse(first).external_id


def test_without_own_addresses_every_well_formed_key_counts() -> None:
    key = "01kbn3v5q8x2m4r6t8w0y2z4a6"
    raw = f"From: a@example.com\r\nIn-Reply-To: <{key}@bank.example>\r\n\r\nx".encode()
    (event,) = read(raw, "reply.eml")
    assert isinstance(event, InboundMessage)
    assert event.thread_keys == (key,)


@pytest.mark.parametrize(
    "tag", ["01kbn3v5q8x2m4r6t8w0y2z4ai", "01kbn3v5q8x2m4r6t8w0y2z4a", "x01kbn3v5q8x2m4r6t8w0y2z4a6"]
)
def test_what_only_resembles_a_key_is_none(tag: str) -> None:
    raw = f"From: a@example.com\r\nIn-Reply-To: <{tag}@bank.example>\r\nTo: complaints+{tag}@bank.example\r\n\r\nx"
    assert parsed(raw.encode()).thread_keys == ()


def test_a_file_counts_as_received_when_it_was_sent() -> None:
    (event,) = read(b"From: a@example.com\r\nDate: Mon, 23 Nov 2026 10:00:00 +0800\r\n\r\nx", "a.eml")
    assert event.received_at == datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
    assert event.source == "file"
    (undated,) = read(b"From: a@example.com\r\n\r\nx", "b.eml")
    assert undated.received_at == wire.EPOCH


@given(st.integers(631_300_000, int(RECEIVED_AT.timestamp())), st.integers(-14 * 60, 14 * 60))
def test_a_date_is_brought_to_utc(seconds: int, minutes: int) -> None:
    expected = datetime.fromtimestamp(seconds, UTC)
    sent = expected + timedelta(minutes=minutes)
    sign, rest = ("-" if minutes < 0 else "+"), abs(minutes)
    months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    date = f"{sent.day} {months[sent.month - 1]} {sent.year} {sent:%H:%M:%S} {sign}{rest // 60:02}{rest % 60:02}"
    assert parsed(f"From: a@example.com\r\nDate: {date}\r\n\r\nx".encode()).sent_at == expected
