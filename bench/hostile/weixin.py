"""What comes to the callbacks of WeCom and WeChat: sealed and signed rightly, and nonsense from there on.

What is wrong with the seal itself is told case by case in tests/adapters/weixin/; here it is a part of the stream.
"""

from __future__ import annotations

import base64
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha1
from urllib.parse import urlencode
from xml.sax.saxutils import escape

from wechatpy.crypto.base import WeChatCipher

from bench.hostile.requests import PIECES, Hostile, Maker, damaged

TOKEN = "benchToken"
AES_KEY = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
CORP, APP_ID = "ww5823bf96d3bd56c7", "wx0123456789abcdef"
KF, AGENT = "wkAJ2GCAAASSm4", 1000007
LETTERS = "0123456789abcdef"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A callback address, and what usually comes to it."""

    receive_id: str
    greeted_by: str  # the parameter that proves the first call
    usual: Callable[[random.Random], dict[str, str]]


def _bell(chance: random.Random) -> dict[str, str]:
    return _event("kf_msg_or_event") | {"Token": f"ENC{chance.getrandbits(64)}", "OpenKfId": KF}


def _press(chance: random.Random) -> dict[str, str]:
    return _event("template_card_event") | {
        "FromUserName": "ChenJing",
        "EventKey": chance.choice(("accept", "extend", "no such button")),
        "TaskId": chance.choice(("01kbn3v5q8x2m4r6t8w0y2z4a6", "0" * 26, "")),
        "CardType": "button_interaction",
        "ResponseCode": "Jc0ZW1bYbYlTqQbXcZkVnA",
        "AgentID": str(AGENT),
    }


def _message(chance: random.Random) -> dict[str, str]:
    kind = chance.choice(("text", "image", "voice", "video", "location", "link", "file", "kind_of_next_year"))
    return {
        "ToUserName": "gh_0123456789ab",
        "FromUserName": f"oWang-{chance.randrange(10**12):022}",
        "CreateTime": str(int(time.time())),
        "MsgType": kind,
        "Content": "年费80元没提前说，请退",
        "MediaId": f"media-{chance.getrandbits(32)}",
        "MsgId": str(chance.getrandbits(63)),
    }


def _event(name: str) -> dict[str, str]:
    return {"ToUserName": CORP, "CreateTime": str(int(time.time())), "MsgType": "event", "Event": name}


def _xml(fields: Mapping[str, str]) -> bytes:
    return f"<xml>{''.join(f'<{name}>{escape(value)}</{name}>' for name, value in fields.items())}</xml>".encode()


def _packed(message: bytes, receive_id: str) -> bytes:
    content = b"0123456789abcdef" + len(message).to_bytes(4, "big") + message + receive_id.encode()
    fill = 32 - len(content) % 32
    return content + bytes([fill]) * fill


def _called(plain: bytes, chance: random.Random, *, late: int = 0) -> Hostile:
    """Encrypt whole blocks, put them into an envelope, sign it."""
    ciphertext = base64.b64encode(WeChatCipher(base64.b64decode(AES_KEY + "=")).encrypt(plain)).decode()
    body = f"<xml><Encrypt><![CDATA[{ciphertext}]]></Encrypt></xml>".encode()
    return Hostile(f"?{urlencode(_query(chance, ciphertext, late=late))}", {"Content-Type": "text/xml"}, body)


def _query(chance: random.Random, *signed: str, late: int = 0, proof: str = "msg_signature") -> dict[str, str]:
    timestamp, nonce = str(int(time.time()) - late), str(chance.getrandbits(32))
    signature = sha1("".join(sorted((TOKEN, timestamp, nonce, *signed))).encode()).hexdigest()
    return {proof: signature, "timestamp": timestamp, "nonce": nonce}


def _said(address: Address, xml: bytes, chance: random.Random, *, late: int = 0) -> Hostile:
    return _called(_packed(xml, address.receive_id), chance, late=late)


def usual_call(address: Address, chance: random.Random) -> Hostile:
    return _said(address, _xml(address.usual(chance)), chance)


def call_with_other_values(address: Address, chance: random.Random) -> Hostile:
    """The elements it should have, with values of other kinds, some gone, some there twice or nested."""
    written = []
    for name, value in address.usual(chance).items():
        told = chance.choice((value, value, chance.choice(PIECES), "-1", "9" * 40))
        inner = "".join(one for one in escape(told) if one.isprintable())
        written.append(
            chance.choice((f"<{name}>{inner}</{name}>",) * 6 + ("", f"<{name}><a>{inner}</a></{name}>"))
            * chance.choice((1, 1, 1, 2))
        )
    return _said(address, f"<xml>{''.join(written)}</xml>".encode("utf-8", "replace"), chance)


def call_of_nonsense(address: Address, chance: random.Random) -> Hostile:
    depth = chance.choice((10, 1_000, 5_000))
    xml = chance.choice(
        (
            b"<xml>" + b"<a>" * depth + b"</a>" * depth + b"</xml>",
            b"<!DOCTYPE xml [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><xml><MsgType>&a;</MsgType></xml>",
            b"<xml><MsgType>\xff\xfe</MsgType></xml>",
            b"<xml/>",
            b"",
            chance.randbytes(chance.randrange(500)),
        )
    )
    return _said(address, xml, chance)


def call_with_flipped_bytes(address: Address, chance: random.Random) -> Hostile:
    xml = bytearray(_xml(address.usual(chance)))
    for _ in range(chance.randrange(1, 20)):
        xml[chance.randrange(len(xml))] = chance.randrange(256)
    return _said(address, bytes(xml), chance)


def call_sealed_badly(address: Address, chance: random.Random) -> Hostile:
    plain = _packed(_xml(address.usual(chance)), chance.choice((address.receive_id, f"{address.receive_id}0", "")))
    cut = 16 * chance.randrange(len(plain) // 16)
    return _called(
        chance.choice((plain, plain[:cut], plain[:-16] + chance.randbytes(16), chance.randbytes(64))), chance
    )


def stale_call(address: Address, chance: random.Random) -> Hostile:
    return _said(address, _xml(address.usual(chance)), chance, late=chance.choice((-100_000, 600, 10**12)))


def tampered_call(address: Address, chance: random.Random) -> Hostile:
    request = usual_call(address, chance)
    if chance.random() < 0.5:
        return damaged(request, chance)
    at = chance.randrange(1, len(request.path))
    return Hostile(request.path[:at] + chance.choice(LETTERS) + request.path[at + 1 :], request.headers, request.body)


def greeting(address: Address, chance: random.Random) -> Hostile:
    """The first call to an address: by GET, and now and then proved."""
    echo = chance.choice(("5939474339", "<script>", "A" * 5000, base64.b64encode(chance.randbytes(64)).decode()))
    signed = () if address.greeted_by == "signature" else (echo,)
    query = _query(chance, *signed, proof=address.greeted_by) | {"echostr": echo}
    for name in chance.sample(sorted(query), chance.randrange(3)):
        query[name] = chance.choice(("", "7", "é" * 40))
    return Hostile(f"?{urlencode(query)}", {}, b"", method="GET")


MAKERS = (
    usual_call,
    call_with_other_values,
    call_with_other_values,
    call_of_nonsense,
    call_with_flipped_bytes,
    call_sealed_badly,
    stale_call,
    tampered_call,
    greeting,
)
ADDRESSES: Mapping[str, Address] = {
    "wecom": Address(receive_id=CORP, greeted_by="msg_signature", usual=_bell),
    "wecom-staff": Address(receive_id=CORP, greeted_by="msg_signature", usual=_press),
    "wechat": Address(receive_id=APP_ID, greeted_by="signature", usual=_message),
}
SETTINGS = f"""
[channels.wecom]
adapter = "wecom"
corp_id = "{CORP}"
secret = "bench-secret-of-wecom"
credentials = [{{ token = "{TOKEN}", aes_key = "{AES_KEY}" }}]
accounts = [{{ open_kfid = "{KF}" }}]
base_url = "http://127.0.0.1:9"

[channels.wecom-staff]
adapter = "wecom_app"
corp_id = "{CORP}"
agent_id = {AGENT}
secret = "bench-secret-of-the-app"
credentials = [{{ token = "{TOKEN}", aes_key = "{AES_KEY}" }}]
base_url = "http://127.0.0.1:9"

[channels.wechat]
adapter = "wechat"
app_id = "{APP_ID}"
secret = "bench-secret-of-wechat"
credentials = [{{ token = "{TOKEN}", aes_key = "{AES_KEY}" }}]
base_url = "http://127.0.0.1:9"

[channels.wechat.templates.default]
template_id = "accepted-0001"
data = {{ character_string1 = "number" }}
"""


def makers(source: str) -> Sequence[Maker]:
    """Return what comes to one of these addresses."""
    return [partial(make, ADDRESSES[source]) for make in MAKERS]
