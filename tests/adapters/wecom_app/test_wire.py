"""What is said to WeCom and what it says, without a network."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.wecom_app import wire
from adapters.weixin.wire import fields_of
from gateway.errors import Permanent, Temporary
from gateway.model import Answer, Language, Outcome, Sent
from tests.adapters.wecom_app.branch import AGENT, CORP, card, text
from tests.adapters.wecom_app.conformance import SAMPLES
from tests.factories import START

KEY = "01kbn3v5q8x2m4r6t8w0y2z4a6"
FIELDS = {"FromUserName": "ChenJing", "ToUserName": CORP, "EventKey": "accept"}


def body(**changes: Any) -> Any:
    return wire.body(card(**changes), key=KEY, userid="chenjing", agent_id=AGENT)


@pytest.mark.parametrize(
    ("language", "label", "opens"),
    [(Language.ZH_HANS, "接单", "打开"), (Language.ZH_HANT, "接單", "打開"), (Language.EN, "Accept", "Open")],
)
def test_a_card_speaks_one_language(language: Language, label: str, opens: str) -> None:
    shown = body(text=text(language=language))["template_card"]
    assert shown["button_list"] == [{"text": label, "style": 1, "key": "accept"}]
    assert shown["horizontal_content_list"][0]["value"] == opens


def test_a_card_goes_to_one_member_under_the_key_of_its_delivery() -> None:
    told = body()
    assert (told["touser"], told["agentid"], told["template_card"]["task_id"]) == ("chenjing", AGENT, KEY)


@given(st.text(max_size=900), st.text(max_size=900), st.booleans())
def test_whatever_is_said_fits_and_what_is_cut_is_seen_to_be(subject: str, short: str, is_card: bool) -> None:
    """Sizes of path/90236: characters of a card, bytes of a text."""
    words = text(short, subject=subject)
    if is_card:
        shown = body(text=words)["template_card"]
        for said, whole, most in (
            (shown["main_title"]["title"], subject, 36),
            (shown["sub_title_text"], short, 160),
        ):
            assert len(said) <= most
            assert said == whole or (said[:-1] == whole[: most - 1] and said[-1] == "…")
        return
    said = body(text=words, choices=(), link="")["text"]["content"]
    assert len(said.encode()) <= 2048
    whole = f"{subject}\n{short}\n#{KEY[-6:]}".replace("<", "＜")
    assert said == whole or "…\n#" in said


def test_the_same_notice_is_the_same_request_and_another_key_is_another() -> None:
    other = wire.body(card(), key=KEY[:-1] + "7", userid="chenjing", agent_id=AGENT)
    assert json.dumps(body()) == json.dumps(body()) != json.dumps(other)


@pytest.mark.parametrize(
    ("answer", "meant"),
    [
        ({"errcode": 0, "msgid": "m1", "response_code": "r"}, "m1"),
        ({"errcode": 0, "msgid": "m1", "invaliduser": "", "unlicenseduser": None}, "m1"),
        ({"errcode": 0, "msgid": "m1", "invaliduser": "lili|chen"}, "m1"),
        ({"errcode": 0}, ""),
        ({"errcode": 0, "msgid": "m1", "invaliduser": "chenjing"}, "invalid_user"),
        ({"errcode": 0, "msgid": "m1", "invaliduser": "lili|ChenJing"}, "invalid_user"),
        ({"errcode": 0, "msgid": "m1", "unlicenseduser": "chenjing"}, "unlicensed_user"),
    ],
)
def test_an_errcode_of_zero_is_no_success_for_who_is_named_as_invalid(answer: dict[str, Any], meant: str) -> None:
    """Lesson 78; path/90236: invaliduser is in lower case, and the errcode 0."""
    came = wire.sent(answer, "chenjing")
    assert (came.provider_id if isinstance(came, Sent) else getattr(came, "reason", came)) == meant
    assert isinstance(came, Sent | Permanent)


def test_a_card_that_is_there_already_has_been_sent() -> None:
    assert wire.refused(42014) == Sent()
    assert isinstance(wire.refused(60011), Temporary)


def test_samples_are_presses() -> None:
    (press,) = wire.read(SAMPLES["press.xml"], "press.xml")
    (bare,) = wire.read(SAMPLES["press_without_code.xml"], "press_without_code.xml")
    assert isinstance(press, Answer)
    assert isinstance(bare, Answer)
    assert (press.by.value, press.key, press.choice) == ("chenjing", KEY, "accept")
    assert bare.by.value == "lili.2"


@pytest.mark.parametrize(
    ("outcome", "says"), [(Outcome.DONE, "已接单"), (Outcome.REFUSED, "已失效或不由您办理"), (Outcome.RECORDED, None)]
)
def test_a_reply_changes_the_buttons_where_there_is_something_to_say(outcome: Outcome, says: str | None) -> None:
    reply = wire.button_reply(FIELDS, outcome, START)
    assert (fields_of(reply.encode())["Button"] if reply else None) == ({"ReplaceName": says} if says else None)


def test_a_reply_goes_back_to_who_pressed() -> None:
    told = {**FIELDS, "FromUserName": "Chen&<Jing>"}
    reply = fields_of(wire.button_reply(told, Outcome.DONE, START).encode())
    assert (reply["ToUserName"], reply["FromUserName"], reply["MsgType"]) == ("Chen&<Jing>", CORP, "update_button")
    assert reply["CreateTime"] == str(int(START.timestamp()))
