"""What is sent: one complaint as JSON, and mails as banks get them. All persons and addresses are invented."""

from __future__ import annotations

from base64 import encodebytes
from collections.abc import Sequence

ADDRESS = "lihua@example.com"
TEXT = (
    "您好，我是贵行的老客户，尾号1234的储蓄卡。11月20日晚上我通过手机银行给家里转账2,000元，页面提示“交易成功”，但是对方一直没有收到，"
    "而我的余额已经少了。我当晚就打了客服电话，等了二十多分钟才接通，客服说要等到第二天再看。第二天我去了网点，柜台的工作人员说系统里显示"
    "处理中，让我回家等通知，没有给我任何书面的说明，也没有告诉我什么时候能处理好。到今天已经是第三天了，钱既没有退回来，也没有到账，家里"
    "等着这笔钱交医药费，我非常着急。另外我发现上个月还被收了一笔年费80元，开卡的时候客户经理明明说过是免年费的，我没有收到过任何提前通知。"
    "我要求：第一，马上查清这2,000元到底在哪里，并且退回到我的账户；第二，退还80元年费；第三，对第一次接待我的工作人员的态度作出解释和道歉。"
    "如果三天之内还没有答复，我会向监管部门反映。请用邮件或者短信回复我，白天我在上班，不方便接电话。"
    "转账的回单和手机银行的截图我都留着，需要的话可以随时提供；当天的操作时间大约是晚上八点到九点之间。谢谢。"
)
COMPLAINT = {
    "text": TEXT,
    "name": "李华",
    "channel": "app",
    "contacts": [{"type": "email", "value": ADDRESS, "verified": True}],
    "particulars": {"product": "payment", "demand": ["refund", "apology"]},
}

_TRACE = "".join(
    f"Received: from mx{hop}.example.com (mx{hop}.example.com [192.0.2.{hop}])\r\n"
    f"\tby relay{hop}.bank.example (Postfix) with ESMTPS id 4XyZ{hop}Q3abcz9t\r\n"
    f"\tfor <tousu@bank.example>; Mon, 23 Nov 2026 10:0{hop}:11 +0800 (CST)\r\n"
    for hop in range(1, 5)
)
_MARKS = (
    "Authentication-Results: mx.bank.example; dkim=pass header.d=example.com; spf=pass; dmarc=pass\r\n"
    "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=s201512; t=1795400000;\r\n"
    "\tbh=3yq8p0m7Xj1Q5c2rJZpS5m3nC0L1jP6kV5x4sT8uY9Q=; h=From:To:Subject:Mime-Version:Date:Message-ID;\r\n"
    "\tb=" + "kV5x4sT8uY9Q3yq8p0m7Xj1Q5c2rJZpS5m3nC0L1jP6" * 4 + "\r\n"
    "X-Priority: 3\r\nX-Mailer: QQMail 2.x\r\nX-Originating-IP: 192.0.2.77\r\nX-MIME-Filter: v1\r\n"
)
_QUOTED = (
    "\r\n\r\n------------------ 原始邮件 ------------------\r\n发件人: 某某银行 <service@bank.example>\r\n"
    "发送时间: 2026年11月20日 18:02\r\n收件人: 李华\r\n主题: 您的来电\r\n\r\n"
    "尊敬的客户，您反映的问题我们正在核实，请您耐心等待。\r\n"
)


def mails(count: int, run: str) -> Sequence[bytes]:
    """Return mails of four kinds, each with a Message-ID and a text of its own; of eight, one carries a photograph."""
    return [_KINDS[n % len(_KINDS)](f"{run}.{n}") for n in range(count)]


def _head(key: str, subject: str, content_type: str) -> bytes:
    return (
        f"Return-Path: <{ADDRESS}>\r\nDelivered-To: tousu@bank.example\r\n{_TRACE}{_MARKS}"
        f"From: {_word('李华')} <{ADDRESS}>\r\nTo: {_word('投诉受理')} <tousu@bank.example>\r\n"
        f"Subject: {_word(subject)}\r\nDate: Mon, 23 Nov 2026 10:00:58 +0800\r\n"
        f"Message-ID: <tencent_{key}@example.com>\r\n"
        f"MIME-Version: 1.0\r\nContent-Type: {content_type}\r\n"
    ).encode()


def _word(text: str) -> str:
    return f"=?gb18030?B?{encodebytes(text.encode('gb18030')).decode().strip()}?="


def _text(subtype: str, text: str, charset: str) -> bytes:
    head = f'Content-Type: text/{subtype}; charset="{charset}"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
    return head.encode() + _base64(text.encode("gb18030" if charset.startswith("gb") else charset))


def _base64(data: bytes) -> bytes:
    return encodebytes(data).replace(b"\n", b"\r\n")


def _multipart(*parts: bytes) -> bytes:
    return b"\r\n" + b"".join(b"--=_part\r\n" + part for part in parts) + b"--=_part--\r\n"


def _both(key: str, text: str, charset: str) -> bytes:
    text = f"{text}\r\n{key}"
    html = "".join(f'<div style="font-family:微软雅黑;font-size:14px">{line}</div>' for line in text.split("\r\n"))
    return _multipart(_text("plain", text, charset), _text("html", f"<html><body>{html}</body></html>", charset))


def _qq(key: str) -> bytes:
    return _head(key, "转账未到账", 'multipart/alternative; boundary="=_part"') + _both(key, TEXT, "gb18030")


def _netease(key: str) -> bytes:
    head = _head(key, "投诉年费", "text/plain; charset=GBK").removesuffix(b"\r\n")
    return head + b"\r\nContent-Transfer-Encoding: base64\r\n\r\n" + _base64(f"{TEXT}\r\n{key}".encode("gb18030"))


def _outlook(key: str) -> bytes:
    return _head(key, "答复: 您的来电", 'multipart/alternative; boundary="=_part"') + _both(
        key, TEXT + _QUOTED, "utf-8"
    )


def _photograph(key: str) -> bytes:
    content = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01" + key.encode() + bytes(range(256)) * 120
    photo = (
        b'Content-Type: image/jpeg; name="receipt.jpg"\r\nContent-Disposition: attachment; filename="receipt.jpg"\r\n'
    )
    photo += b"Content-Transfer-Encoding: base64\r\n\r\n" + _base64(content)
    head = _head(key, "回单照片", 'multipart/mixed; boundary="=_part"')
    return head + _multipart(_text("plain", f"{TEXT}\r\n{key}", "utf-8"), photo)


_KINDS = (_qq, _netease, _outlook, _qq, _netease, _photograph, _qq, _outlook)
