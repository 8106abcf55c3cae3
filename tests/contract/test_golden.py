"""One matter, told by every channel: equal complaint records but for the channel's own fields (A001).

A record is what GET shows of the case right after it was taken in. The golden records are in tests/contract/golden; a
change of what a channel makes of the matter is seen there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import orjson
import pytest

from adapters.counter import wire as counter
from adapters.email import wire as email
from adapters.hotline import wire as hotline
from adapters.sms import wire as sms
from adapters.web_form import wire as web_form
from adapters.wechat import wire as wechat
from adapters.wecom import wire as wecom
from gateway.model import ContactType, InboundEvent, Language
from gateway.ports import Storage
from gateway.vault import Vault
from gateway.web import case_views
from tests import schemas
from tests.adapters.counter.paper import as_csv
from tests.bank import Gateway
from tests.databases import Database
from tests.factories import START, Clock
from tests.stories import SHANGHAI

GOLDEN = Path(__file__).parent / "golden"
OWN = frozenset({"channel", "customer", "contacts", "missing"})
"""What a channel knows of its customer by itself: an SMS has no name, a counter always names its branch (A027)."""

TEXT = "11月20日我的信用卡被扣了年费80元，开卡时没有提前说明，请退还。"
NAME = "李四"
MOBILE = "+8613800138000"


@pytest.fixture
def database(on_sqlite: Database) -> Database:
    """What is shown of a case is the same on both."""
    return on_sqlite


def by_email() -> InboundEvent:
    mail = EmailMessage()
    mail["From"] = f"{NAME} <li@example.com>"
    mail["To"] = "complaints@bank.example"
    mail["Subject"] = "投诉"
    mail["Message-ID"] = "<1@example.com>"
    mail.set_content(TEXT)
    return email.parse(mail.as_bytes(), source="mailbox", received_at=START)


def by_web_form() -> InboundEvent:
    form = web_form.WebForm(source="web-form", fields=web_form.fields([ContactType.EMAIL]))
    answers = {"text": (TEXT,), "name": (NAME,), "contact": ("13800138000",)}
    assert form.check(answers) == ()
    return form.to_message(answers, files=(), language=Language.ZH_HANS, external_id="f-1", at=START)


def by_sms() -> InboundEvent:
    form = {"MessageSid": f"SM{1:032x}", "From": MOBILE, "To": "+8610690000", "Body": TEXT}
    return sms.said(form, source="short-messages", received_at=START, raw=b"")


def by_wechat() -> InboundEvent:
    fields = {"FromUserName": "oLi-1", "CreateTime": "1795400100", "MsgType": "text", "Content": TEXT, "MsgId": "1"}
    [event] = wechat.heard(fields, source="official-account", received_at=START, raw=b"")
    return event


def by_wecom() -> InboundEvent:
    item = {"msgid": "m-1", "open_kfid": "wk1", "external_userid": "wmLi", "send_time": int(START.timestamp())}
    written = {**item, "origin": 3, "msgtype": "text", "text": {"content": TEXT}}
    [event] = wecom.gathered([written], source="customer-care", stream="wk1", at=START).events
    return event


def by_hotline() -> InboundEvent:
    dialogue = f"客服：您好，请讲。\n客户：{TEXT}\n客服：好的，为您登记。"
    told = json.dumps({"id": "call-1", "caller": MOBILE}).encode()
    reading = hotline.Reading()
    return hotline.parse(dialogue.encode(), source="calls", received_at=START, reading=reading, sidecar=told)


def at_the_counter() -> InboundEvent:
    sheet = as_csv(
        {
            "收到方式": "网点柜面",
            "收到时间": "2026-11-23 10:15",
            "客户姓名": NAME,
            "联系电话": "13800138000",
            "网点": "朝阳支行",
            "接待人工号": "r-1",
            "投诉内容": TEXT,
        }
    )
    [filed] = counter.parse(sheet, source="branches", zone=SHANGHAI)
    return filed.event


CHANNELS: Mapping[str, Callable[[], InboundEvent]] = {
    "email": by_email,
    "web_form": by_web_form,
    "sms": by_sms,
    "wechat": by_wechat,
    "wecom": by_wecom,
    "hotline": by_hotline,
    "counter": at_the_counter,
}


async def record_of(event: InboundEvent, storage: Storage, vault: Vault, clock: Clock) -> dict[str, Any]:
    """Take the matter in and return its record, without the ids that differ each time."""
    clock.later(seconds=5)
    bank = Gateway(storage=storage, vault=vault, now=clock)
    [receipt] = await bank.intake.accept([event])
    file = await bank.file(receipt.number or "")
    auditor = bank.actor("mgr")
    shown = orjson.loads(orjson.dumps(case_views.file_view(file, auditor), option=orjson.OPT_UTC_Z))
    assert schemas.faults(schemas.complaint(), shown) == []
    for contact in shown["contacts"]:
        contact["id"] = "an id"
    return dict(shown)


@pytest.mark.parametrize("channel", sorted(CHANNELS))
async def test_a_channel_makes_the_golden_record_of_the_matter(
    channel: str, storage: Storage, vault: Vault, clock: Clock
) -> None:
    record = await record_of(CHANNELS[channel](), storage, vault, clock)
    golden = json.loads((GOLDEN / f"{channel}.json").read_text(encoding="utf-8"))
    assert record == golden


def test_the_records_are_equal_but_for_the_channels_own_fields() -> None:
    """A001: whichever way it came, it is the same complaint with the same dates."""
    records = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in GOLDEN.glob("*.json")}
    assert records.keys() == CHANNELS.keys()
    shared = [{key: value for key, value in one.items() if key not in OWN} for one in records.values()]
    assert all(one == shared[0] for one in shared)
    told = {"email", "web_form", "sms", "wechat", "wecom", "hotline", "branch_counter"}
    assert {one["channel"] for one in records.values()} == told
