"""What gets past a callback address: nothing that is not genuine, and of what is, nothing that makes no sense.

Lesson 89: decrypt without length check, no timestamp window. A refusal says Forbidden or Invalid and no more.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.weixin.callback import MAX_BODY, Callback, Opened
from gateway.errors import Forbidden, Invalid
from gateway.ports import HttpRequest
from tests.adapters.weixin.provider import (
    CORP,
    SAID,
    TODAY,
    TOMORROW,
    call,
    encrypted,
    envelope,
    packed,
    padded,
    query_for,
    request,
    sealed,
)
from tests.factories import START

CIPHERTEXT = sealed()
NOW = int(START.timestamp())
BOMB = "<!DOCTYPE xml [<!ENTITY a 'ha'>" + "".join(
    f"<!ENTITY {after} '{f'&{before};' * 10}'>" for before, after in zip("abcdefgh", "bcdefghi", strict=True)
)
EVIL = {
    "a bomb of entities": f"{BOMB}]><xml><Content>&i;</Content><Encrypt>&i;</Encrypt></xml>".encode(),
    "a file of ours": b"<!DOCTYPE xml [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>"
    b"<xml><Content>&a;</Content><Encrypt>&a;</Encrypt></xml>",
    "an address of theirs": b"<!DOCTYPE xml SYSTEM 'http://127.0.0.1:9/x.dtd'><xml><Encrypt>a</Encrypt></xml>",
    "a document type": b"<!DOCTYPE xml><xml><Content>a</Content><Encrypt>a</Encrypt></xml>",
    "an unknown entity": b"<xml><Content>&a;</Content><Encrypt>&a;</Encrypt></xml>",
    "twenty thousand levels": b"<xml>" + b"<a>" * 20_000 + b"</a>" * 20_000 + b"</xml>",
    "twenty levels": b"<xml>" + b"<a>" * 20 + b"</a>" * 20 + b"</xml>",
    "never closed": b"<xml>" + b"<a>" * 20_000,
    "two documents": b"<xml><Content>1</Content></xml><xml><Encrypt>1</Encrypt></xml>",
    "another root": b"<html><Content>1</Content><Encrypt>a</Encrypt></html>",
    "no elements": b"<xml>a</xml>",
    "nothing": b"",
    "JSON": b'{"xml": {"Encrypt": "a"}}',
    "UTF-16": "<?xml version='1.0' encoding='utf-16'?><xml><Encrypt>a</Encrypt></xml>".encode("utf-16"),
}
NOT_UTF_8 = {
    "GBK": "<?xml version='1.0' encoding='gbk'?><xml><Encrypt>年费</Encrypt></xml>".encode("gbk"),
    "not UTF-8": b"<xml><Content>\xff\xfe</Content><Encrypt>\xff\xfe</Encrypt></xml>",
    "half a character": b"<xml><Encrypt>\xe5\xb9</Encrypt></xml>",
}


def raw(ciphertext: bytes) -> HttpRequest:
    """Return a call whose ciphertext is not what it should be, signed rightly."""
    return call(base64.b64encode(ciphertext).decode())


def made_of(content: bytes) -> HttpRequest:
    """Return a call with this under the encryption, which has whole blocks."""
    return raw(encrypted(content))


def asking(instead: Mapping[str, str | None], **more: str) -> HttpRequest:
    """Return a genuine call with some parameters other than they were, or gone."""
    query = {name: value for name, value in (query_for(CIPHERTEXT) | dict(instead)).items() if value is not None}
    return request(query | more, envelope(CIPHERTEXT))


def twice(name: str) -> HttpRequest:
    query = tuple(query_for(CIPHERTEXT).items())
    return request((*query, (name, dict(query)[name])), envelope(CIPHERTEXT))


def holding(body: bytes) -> HttpRequest:
    return request(query_for(CIPHERTEXT), body)


def filled(count: int, value: int | None = None) -> HttpRequest:
    """Return a call that is right but for its padding: so many bytes, each the count, or what is said."""
    short = -(len(packed(SAID)) + count) % 32
    return made_of(packed(SAID + b" " * short) + bytes([count if value is None else value]) * count)


WHOLE = base64.b64decode(CIPHERTEXT)
CONTENT = padded(packed(SAID))

FORGED: dict[str, HttpRequest] = {
    "for another corp": call(sealed(receive_id=b"wx0000000000000000")),
    "for a corp whose name begins as ours": call(sealed(receive_id=CORP.encode() + b"0")),
    "for a corp whose name ends as ours": call(sealed(receive_id=b"0" + CORP.encode())),
    "for a corp with a shorter name": call(sealed(receive_id=CORP[:-1].encode())),
    "for nobody": call(sealed(receive_id=b"")),
    "its message shorter than it says itself": made_of(padded(packed(SAID, length=len(SAID) - 1))),
    "its message reaching into the corp": made_of(padded(packed(SAID, length=len(SAID) + 1))),
    "its message of no length": made_of(padded(packed(SAID, length=0))),
    "signed with another token": request(query_for(CIPHERTEXT, TOMORROW), envelope(CIPHERTEXT)),
    "signed for another ciphertext": request(query_for(sealed(b"<xml/>")), envelope(CIPHERTEXT)),
    "ten minutes old": call(timestamp=str(NOW - 600)),
    "ten minutes ahead": call(timestamp=str(NOW + 600)),
    "a second too old": call(timestamp=str(NOW - 301)),
    "a second too far ahead": call(timestamp=str(NOW + 301)),
    "of no time": call(timestamp="now"),
    "of a time with a sign": call(timestamp=f"+{NOW}"),
    "of a time with a leading zero": call(timestamp=f"0{NOW}"),
    "of a fraction of time": call(timestamp=f"{NOW}.5"),
    "of a time in other digits": call(timestamp="".join(chr(0xFF10 + int(digit)) for digit in str(NOW))),
    "of all time": call(timestamp="9" * 4000),
    "with a nonce of 10 000 characters": call(nonce="7" * 10_000),
    "with a nonce of words": call(nonce="年费"),
    "with an empty nonce": call(nonce=""),
    "its signature in capitals": asking({"msg_signature": query_for(CIPHERTEXT)["msg_signature"].upper()}),
    "its signature cut": asking({"msg_signature": query_for(CIPHERTEXT)["msg_signature"][:-1]}),
    "its signature of other characters": asking({"msg_signature": "年" * 40}),
    "its signature under another name": asking({"msg_signature": None}, signature="a" * 40),
    **{f"without {name}": asking({name: None}) for name in ("msg_signature", "timestamp", "nonce")},
    **{f"with an empty {name}": asking({name: ""}) for name in ("msg_signature", "timestamp", "nonce")},
    **{f"with {name} twice": twice(name) for name in ("msg_signature", "timestamp", "nonce")},
    "no parameters": request((), envelope(CIPHERTEXT)),
    "a thousand parameters": request([("nonce", "1")] * 1000, envelope(CIPHERTEXT)),
    "two ciphertexts": holding(envelope(CIPHERTEXT).replace(b"</xml>", b"<Encrypt>a</Encrypt></xml>")),
    "the same ciphertext twice": holding(
        envelope(CIPHERTEXT).replace(b"</xml>", f"<Encrypt>{CIPHERTEXT}</Encrypt></xml>".encode())
    ),
    "a ciphertext in parts": holding(f"<xml><Encrypt><a>{CIPHERTEXT}</a></Encrypt></xml>".encode()),
    "no ciphertext": holding(b"<xml><Content>1</Content></xml>"),
    "an empty ciphertext": call(""),
    "a ciphertext that is not base64": call("not base64!"),
    "a ciphertext in base64 for addresses": call(CIPHERTEXT.replace("A", "-").replace("B", "_")),
    "a ciphertext with a line break": call(CIPHERTEXT[:64] + "\n" + CIPHERTEXT[64:]),
    "a ciphertext of other digits": call("年" * 44),
    "a huge body": holding(envelope(CIPHERTEXT).ljust(MAX_BODY + 1)),
    "a huge body of nothing": holding(b" " * 5_000_000),
    **{f"in the open, {name}": holding(body) for name, body in (EVIL | NOT_UTF_8).items()},
}
SENSELESS: dict[str, HttpRequest] = {
    "base64 of no whole group": call("AAAAA"),
    "base64 of the wrong end": call("AAAA="),
    "one byte": raw(b"a"),
    "a byte short": raw(WHOLE[:-1]),
    "a byte more": raw(WHOLE + b"a"),
    "half a block short": raw(WHOLE[:-8]),
    "a block of AES short": raw(WHOLE[:-16]),
    "a block of padding short": raw(WHOLE[:-32]),
    "its first block alone": raw(WHOLE[:16]),
    "its first two blocks alone": raw(WHOLE[:32]),
    "with another key": raw(encrypted(CONTENT, TOMORROW)),
    "another key's, signed for ours": call(sealed(credential=TOMORROW)),
    "padding of nothing": filled(1, 0),
    "padding of 33": filled(33),
    "padding of 64": filled(64),
    "padding of 255": filled(255),
    "padding of two kinds": made_of(CONTENT[:-2] + bytes([CONTENT[-1] ^ 1, CONTENT[-1]])),
    "padding to a block of 16": made_of(packed(SAID + b" " * (-len(packed(SAID)) % 32)) + b"\x10" * 16),
    "padding alone": made_of(b"\x20" * 32),
    "salt alone": made_of(padded(b"0123456789abcdef")),
    "salt and half a length": made_of(padded(b"0123456789abcdef\x00\x00")),
    "a length beyond the end": made_of(padded(packed(SAID, length=len(SAID) + len(CORP) + 1))),
    "a length of four gigabytes": made_of(padded(packed(SAID, length=0xFFFFFFFF))),
    "a length in the other order": made_of(padded(packed(SAID, length=len(SAID) << 24))),
    "below the source's address": replace(call(), path="status/1"),
    **{f"under the encryption, {name}": call(sealed(xml)) for name, xml in EVIL.items() if len(xml) < MAX_BODY // 2},
}
REFUSED = [(name, one, Forbidden) for name, one in FORGED.items()] + [
    (name, one, Invalid) for name, one in SENSELESS.items()
]


def callback(**options: Any) -> Callback:
    return Callback([TODAY], receive_id=CORP, sealed_echo=True, **options)


@pytest.mark.parametrize(("refused", "error"), [pytest.param(one, error, id=name) for name, one, error in REFUSED])
def test_what_is_wrong_is_refused_with_no_more_than_that(
    refused: HttpRequest, error: type[Forbidden] | type[Invalid], caplog: pytest.LogCaptureFixture
) -> None:
    """Lesson 89."""
    caplog.set_level(logging.DEBUG)
    with pytest.raises((Forbidden, Invalid)) as raised:
        callback().open(refused)
    assert type(raised.value) is error
    assert str(raised.value) == str(error())
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None or raised.value.__suppress_context__
    assert caplog.text == ""


@pytest.mark.parametrize("count", range(1, 33))
def test_every_padding_up_to_a_block_is_taken_off(count: int) -> None:
    assert callback().open(filled(count)).text("Content") == "年费80元没提前说，请退"


@pytest.mark.parametrize("late", [timedelta(minutes=-5), timedelta(), timedelta(minutes=5)])
def test_clocks_may_differ_by_five_minutes(late: timedelta) -> None:
    assert callback().open(replace(call(), at=START + late)).xml == SAID


@pytest.mark.parametrize("name", ["msg_signature", "timestamp", "nonce", "echostr"])
@pytest.mark.parametrize("change", ["gone", "empty", "twice", "other", "no text"])
def test_the_first_call_to_an_address_is_proved_like_every_other(name: str, change: str) -> None:
    echo = sealed(b"1616140317555161061")
    query = query_for(echo) | {"echostr": echo}
    assert callback().echo(request(query)).body == b"1616140317555161061"
    other = {"gone": [], "empty": [""], "twice": [query[name]] * 2, "other": [sealed(b"161614")], "no text": ["\udcff"]}
    values = other[change]
    changed = [*((key, value) for key, value in query.items() if key != name), *((name, value) for value in values)]
    with pytest.raises(Forbidden):
        callback().echo(request(changed))


@pytest.mark.parametrize("echo", ["", "<script>alert(1)</script>", "1" * 201, "年费", "1\r\nX: 1", "a b"])
def test_an_echo_in_the_clear_is_given_back_only_if_nobody_can_do_anything_with_it(echo: str) -> None:
    """An official account's is not signed: anybody who saw a genuine first call could have us say what they like."""
    account = Callback([TODAY], receive_id=CORP, sealed_echo=False)
    timestamp, nonce = str(NOW), "7"
    query = query_for("", timestamp=timestamp, nonce=nonce)
    genuine = {"signature": query["msg_signature"], "timestamp": timestamp, "nonce": nonce}
    assert account.echo(request(genuine | {"echostr": "5939474339"})).body == b"5939474339"
    with pytest.raises(Invalid):
        account.echo(request(genuine | {"echostr": echo}))


def opened_or_refused(request: HttpRequest) -> Opened | None:
    """Return what is opened, None where it is refused; anything else that is raised fails the test."""
    with suppress(Forbidden, Invalid):
        return callback().open(request)
    return None


GENUINE = call()
ANYTHING = st.text(st.characters(exclude_categories=()), max_size=50)


@given(st.binary(max_size=300), st.dictionaries(st.sampled_from(sorted(dict(GENUINE.query))), ANYTHING))
def test_whatever_comes_it_is_refused_or_opened(body: bytes, instead: dict[str, str]) -> None:
    for query in (instead, dict(GENUINE.query), dict(GENUINE.query) | instead):
        with pytest.raises((Forbidden, Invalid)):
            callback().open(request(query, body or b"\x00"))


@given(ANYTHING, st.booleans())
def test_whatever_comes_as_an_echo_it_is_refused(echo: str, is_sealed: bool) -> None:
    address = Callback([TODAY], receive_id=CORP, sealed_echo=is_sealed)
    with pytest.raises((Forbidden, Invalid)):
        address.echo(request(dict(GENUINE.query) | {"signature": "a" * 40, "echostr": echo}))


@given(st.binary(max_size=400), st.integers(0, 40))
def test_whatever_is_sealed_it_is_refused_or_opened(content: bytes, short: int) -> None:
    for plain in (padded(content), padded(packed(content)), padded(packed(content, length=short))):
        opened_or_refused(raw(encrypted(plain)))


@given(st.integers(0, len(GENUINE.body) - 1), st.integers(0, 3), st.binary(max_size=4))
def test_a_genuine_call_with_some_bytes_changed_is_refused_or_says_the_same(at: int, cut: int, junk: bytes) -> None:
    """Outside of the ciphertext a byte may be another: nothing of that is read."""
    changed = replace(GENUINE, body=GENUINE.body[:at] + junk + GENUINE.body[at + cut :])
    opened = opened_or_refused(changed)
    assert opened is None or opened.xml == SAID
