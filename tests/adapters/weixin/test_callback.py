"""What is opened, answered and sealed at a callback address. Who is refused is in test_refused.py."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import xmltodict
from hypothesis import given
from hypothesis import strategies as st
from wechatpy.enterprise.crypto import WeChatCrypto

from adapters.weixin.callback import Callback, Credential
from gateway.errors import Forbidden, Invalid, Misconfigured
from gateway.ports import HttpReply, HttpRequest
from tests.adapters.weixin.provider import (
    CORP,
    SAID,
    TODAY,
    TOMORROW,
    call,
    envelope,
    query_for,
    request,
    sealed,
    signed,
)
from tests.factories import START

OFFICIAL = Credential(token="QDG6eK", aes_key="jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C")
OFFICIAL_ECHO = "P9nAzCzyDtyTWESHep1vC5X9xho/qYX3Zpb4yKa9SKld1DsH3Iyt3tP3zNdtp+4RPcs8TgAE7OaBO+FZXvnaqQ=="
OFFICIAL_TEXT = (
    "RypEvHKD8QQKFhvQ6QleEB4J58tiPdvo+rtK1I9qca6aM/wvqnLSV5zEPeusUiX5L5X/0lWfrf0QADHHhGd3QczcdCUpj911L3vg"
    "3W/sYYvuJTs3TUUkSUXxaccAS0qhxchrRYt66wiSpGLYL42aM6A8dTT+6k4aSknmPj48kzJs8qLjvd4Xgpue06DOdnLxAUHzM6+k"
    "DZ+HMZfJYuR+LtwGc2hgf5gsijff0ekUNXZiqATP7PF5mZxZ3Izoun1s4zG4LUMnvw2r+KqCKIw+3IQH03v+BCA9nMELNqbSf6ti"
    "WSrXJB3LAVGUcallcrw8V2t9EL4EhzJWrQUax5wLVMNS0+rUPA3k22Ncx4XXZS9o0MBH27Bo6BpNelZpS+/uh9KsNlY6bHCmJU9p"
    "8g7m3fVKn28H3KDYA5Pl/T8Z1ptDAVe0lXdQ2YoyyH2uyPIGHBZZIs2pDBS8R07+qN+E7Q=="
)
OTHERS = Credential(token="123456", aes_key="kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR")
OTHERS_ECHO = "4ByGGj+sVCYcvGeQYhaKIk1o0pQRNbRjxybjTGblXrBaXlTXeOo1+bXFXDQQb1o6co6Yh9Bv41n7hOchLF6p+Q=="
OTHERS_TEXT = (
    "RgqEoJj5A4EMYlLvWO1F86ioRjZfaex/gePD0gOXTxpsq5Yj4GNglrBb8I2BAJVODGajiFnXBu7mCPatfjsu6IHCrsTyeDXzF6Bv"
    "283dGymzxh6ydJRvZsryDyZbLTE7rhnus50qGPMfp2wASFlzEgMW9z1ef/RD8XzaFYgm7iTdaXpXaG4+BiYyolBug/gYNx410cvk"
    "KR2/nPwBiT+P4hIiOAQqGp/TywZBtDh1yCF2KOd0gpiMZ5jSw3e29mTvmUHzkVQiMS6td7vXUaWOMZnYZlF3So2SjHnwh4jYFxdg"
    "pkHHqIrH/54SNdshoQgWYEvccTKe7FS709/5t6NMxuGhcUGAPOQipvWTT4dShyqio7mlsl5noTrb++x6En749zCpQVhDpbV6GDnT"
    "bcX2e8K9QaNWHp91eBdCRxthuL0="
)


def wecom(*credentials: Credential, receive_id: str = CORP) -> Callback:
    return Callback(credentials or (TODAY,), receive_id=receive_id, sealed_echo=True)


def published(signature: str, timestamp: int, nonce: str, *, echo: str = "", text: str = "") -> HttpRequest:
    """Return a request of a published example, at the time it was made."""
    query = {"msg_signature": signature, "timestamp": str(timestamp), "nonce": nonce}
    body = envelope(text) if text else b""
    return request(query | ({"echostr": echo} if echo else {}), body, datetime.fromtimestamp(timestamp, UTC))


def test_the_published_example_is_opened() -> None:
    """The official sample library's vectors (path/96238)."""
    callback = wecom(OFFICIAL)
    echo = published("5c45ff5e21c57e6ad56bac8758b79b1d9ac89fd3", 1409659589, "263014780", echo=OFFICIAL_ECHO)
    text = published("477715d11cdb4164915debcba66cb864d751f3e6", 1409659813, "1372623149", text=OFFICIAL_TEXT)
    assert callback.echo(echo) == HttpReply(body=b"1616140317555161061")
    opened = callback.open(text)
    assert opened.fields == {
        "ToUserName": CORP,
        "FromUserName": "mycreate",
        "CreateTime": "1409659813",
        "MsgType": "text",
        "Content": "hello",
        "MsgId": "4561255354251345929",
        "AgentID": "218",
    }
    assert opened.xml.startswith(b"<xml><ToUserName><![CDATA[wx5823bf96d3bd56c7]]></ToUserName>\n<FromUserName>")


def test_the_example_of_another_library_is_opened() -> None:
    """wechatpy, tests/test_crypto.py: another corp, another key."""
    callback = wecom(OTHERS, receive_id="wx49f0ab532d5d035a")
    echo = published("dd6b9c95b495b3f7e2901bfbc76c664930ffdb96", 1411443780, "437374425", echo=OTHERS_ECHO)
    text = published("74d92dfeb87ba7c714f89d98870ae5eb62dff26d", 1411525903, "461056294", text=OTHERS_TEXT)
    assert callback.echo(echo).body.isdigit()
    opened = callback.open(text)
    assert (opened.text("Content"), opened.text("FromUserName")) == ("test", "messense")


def test_an_official_account_is_greeted_with_what_it_said_in_the_clear() -> None:
    callback = Callback([TODAY, TOMORROW], receive_id=CORP, sealed_echo=False)
    timestamp = str(int(START.timestamp()))
    for credential in (TODAY, TOMORROW):
        query = {"signature": signed(credential.token, timestamp, "7"), "timestamp": timestamp, "nonce": "7"}
        assert callback.echo(request(query | {"echostr": "5939474339"})) == HttpReply(body=b"5939474339")


def test_a_message_is_not_decrypted_for_who_sends_it_back_as_an_echo() -> None:
    """Both calls are signed alike, so that the signature of a message makes a genuine echo of it."""
    ciphertext = sealed()
    greeting = request(query_for(ciphertext) | {"echostr": ciphertext})
    with pytest.raises(Invalid):
        wecom().echo(greeting)


def test_what_stands_in_the_clear_beside_the_ciphertext_is_never_read() -> None:
    """Official accounts in compatibility mode send both; only one of them is signed."""
    ciphertext = sealed()
    both = envelope(ciphertext).replace(b"<xml>", "<xml><Content>请退到我的卡</Content>".encode())
    assert wecom().open(request(query_for(ciphertext), both)).text("Content") == "年费80元没提前说，请退"


def test_repeated_and_nested_elements_are_lists_and_mappings() -> None:
    """template_card_event: SelectedItems with an element for each question, and one for each option."""
    xml = b"<xml><A><B>1</B><B> 2 </B><C/></A><D>3</D><D>4</D><D>5</D></xml>"
    opened = wecom().open(call(sealed(xml)))
    assert opened.fields == {"A": {"B": ["1", " 2 "], "C": ""}, "D": ["3", "4", "5"]}
    assert [opened.text(name) for name in ("A", "D", "none")] == ["", "", ""]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (b"\xef\xbf\xbf\xef\xbf\xbe", "  "),  # U+FFFF and U+FFFE, which XML has not
        (b"\xf0\x9f\x98", "\ufffd"),  # words cut off within an emoji
        (b"\xed\xa0\xbd\xed\xb8\x80", "\ufffd" * 6),  # one as Java writes it
    ],
)
def test_a_character_that_is_none_does_not_cost_a_customers_words(written: bytes, read: str) -> None:
    xml = b"\xef\xbb\xbf<xml><Content>" + "年费".encode() + written + b"</Content></xml>"
    opened = wecom().open(call(sealed(xml)))
    assert (opened.text("Content"), opened.xml) == (f"年费{read}", xml)


def test_a_control_character_in_a_customers_words_does_not_cost_the_message() -> None:
    xml = "<xml><Content><![CDATA[年费\x0b80元\x00，请退\n谢谢]]></Content></xml>".encode()
    opened = wecom().open(call(sealed(xml)))
    assert opened.text("Content") == "年费 80元 ，请退\n谢谢"
    assert opened.xml == xml


def test_words_about_a_document_type_are_words() -> None:
    xml = b"<xml><Content><![CDATA[<!DOCTYPE html> <!ENTITY a 'b'> &a;]]></Content></xml>"
    assert wecom().open(call(sealed(xml))).text("Content") == "<!DOCTYPE html> <!ENTITY a 'b'> &a;"


SAME_TOKEN = Credential(token=TODAY.token, aes_key=TOMORROW.aes_key)


@pytest.mark.parametrize("after", [TOMORROW, SAME_TOKEN], ids=["both changed", "only the key changed"])
def test_nothing_is_lost_while_a_credential_is_changed(after: Credential) -> None:
    callback = wecom(TODAY, after)
    for credential in (TODAY, after):
        opened = callback.open(call(sealed(credential=credential), credential))
        assert (opened.xml, opened.credential) == (SAID, credential)


def test_a_call_is_refused_once_it_was_answered_well_and_not_before() -> None:
    """A provider that got no answer sends the very same call again: up to three times (path/96466)."""
    callback = wecom()
    callback.open(call())
    retried = callback.open(call())  # the first could not be committed
    callback.done(retried)
    with pytest.raises(Forbidden):
        callback.open(call())


def test_a_call_that_was_answered_does_not_come_in_again_with_its_digits_arranged_otherwise() -> None:
    """The parts are signed one behind the other, in order: which is the timestamp and which the nonce is not."""
    callback, earlier = wecom(), str(int(START.timestamp()) - 7)
    answered = call(nonce=earlier)
    callback.done(callback.open(answered))
    swapped = dict(answered.query)
    swapped["timestamp"], swapped["nonce"] = swapped["nonce"], swapped["timestamp"]
    with pytest.raises(Forbidden):
        callback.open(replace(answered, query=tuple(swapped.items())))


def test_a_call_is_refused_hours_later_by_a_node_that_never_saw_it() -> None:
    """Lesson 85: duplicates hours later."""
    with pytest.raises(Forbidden):
        wecom().open(replace(call(), at=START + timedelta(hours=6)))


def test_two_events_of_one_second_are_two_calls() -> None:
    """Lesson 82: they have sender and second in common."""
    callback = wecom()
    for nonce in ("1", "2"):
        callback.done(callback.open(call(nonce=nonce)))


def test_a_reply_is_sealed_with_what_the_call_was_signed_with_and_another_library_reads_it() -> None:
    callback, xml = wecom(TODAY, TOMORROW), "<xml><MsgType>update_button</MsgType></xml>"
    opened = callback.open(call(credential=TOMORROW))
    reply = callback.sealed(xml, opened, START)
    told = xmltodict.parse(reply.body)["xml"]
    assert told["TimeStamp"] == str(int(START.timestamp()))
    theirs = WeChatCrypto(TOMORROW.token, TOMORROW.aes_key, CORP)
    assert theirs.decrypt_message(reply.body, told["MsgSignature"], told["TimeStamp"], told["Nonce"]) == xml


def test_two_replies_of_one_second_have_different_nonces() -> None:
    callback = wecom()
    opened = callback.open(call())
    first, second = (xmltodict.parse(callback.sealed("<xml/>", opened, START).body)["xml"] for _ in range(2))
    assert first["Nonce"] != second["Nonce"]


WORDS = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"), max_size=300)


@given(WORDS)
def test_what_another_library_seals_is_opened_and_what_is_sealed_here_is_opened_there(words: str) -> None:
    xml = xmltodict.unparse({"xml": {"Content": words}}, full_document=False)
    theirs = WeChatCrypto(TODAY.token, TODAY.aes_key, CORP)
    timestamp = str(int(START.timestamp()))
    sent = xmltodict.parse(theirs.encrypt_message(xml, "n0nce", timestamp))["xml"]
    callback = wecom()
    opened = callback.open(call(sent["Encrypt"], nonce="n0nce"))
    assert (opened.xml.decode(), opened.text("Content")) == (xml, words)
    reply = xmltodict.parse(callback.sealed(xml, opened, START).body)["xml"]
    again = callback.open(call(reply["Encrypt"], nonce=reply["Nonce"]))
    assert again.xml.decode() == xml


def test_neither_a_credential_nor_what_it_opened_is_shown() -> None:
    opened = wecom().open(call())
    shown = f"{TODAY} {opened} {opened.credential!r} {wecom()!r}"
    assert [word for word in (TODAY.token, TODAY.aes_key, "年费", opened.signature) if word in shown] == []


@pytest.mark.parametrize(("token", "aes_key"), [("", TODAY.aes_key), ("t", "short"), ("t", "é" * 43), ("t", "A" * 44)])
def test_what_cannot_be_a_credential_is_a_setting_to_be_changed(token: str, aes_key: str) -> None:
    with pytest.raises(Misconfigured) as wrong:
        Credential(token=token, aes_key=aes_key)
    assert aes_key not in str(wrong.value)
