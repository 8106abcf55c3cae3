"""The simulated WeCom keeps the platform's promises towards members, one story for each."""

from __future__ import annotations

import pytest

from sandbox.wecom import Button
from tests.adapters.wecom.counterpart import CARE, CORP, OFFICE, Bank, bank

DONE = (
    f"<xml><ToUserName><![CDATA[LiNa]]></ToUserName><FromUserName><![CDATA[{CORP}]]></FromUserName>"
    "<CreateTime>1348831860</CreateTime><MsgType><![CDATA[update_button]]></MsgType>"
    "<Button><ReplaceName><![CDATA[已受理]]></ReplaceName></Button></xml>"
)
NEW_CARD = DONE.replace("update_button", "update_template_card").replace(
    "<Button><ReplaceName><![CDATA[已受理]]></ReplaceName></Button>",
    "<TemplateCard><CardType><![CDATA[button_interaction]]></CardType>"
    "<MainTitle><Title><![CDATA[李娜已受理]]></Title></MainTitle>"
    "<HorizontalContentList><KeyName><![CDATA[编号]]></KeyName><Value><![CDATA[HY2026112400001]]></Value>"
    "</HorizontalContentList><ButtonList><Text><![CDATA[结案]]></Text><Style>1</Style><Key><![CDATA[close]]></Key></ButtonList>"
    "</TemplateCard>",
)


async def text(opened: Bank, content: str = "今日到期三件", **body: object) -> dict[str, object]:
    message = {"touser": "lina", "agentid": OFFICE, "msgtype": "text", "text": {"content": content}}
    return await opened.call("message/send", **{**message, **body})


async def test_members_are_the_same_in_any_case_and_the_unknown_come_back_in_lower_case() -> None:
    async with bank() as opened:
        answer = await text(opened, touser="LINA|ZhaoLei|WangWu|SunLiu")
        assert (answer["errcode"], answer["invaliduser"]) == (0, "wangwu|sunliu")
        assert [len(opened.wecom.cards(one)) for one in ("LiNa", "zhaolei")] == [1, 1]
        nobody = await text(opened, touser="WangWu")
        assert (nobody["errcode"], nobody["invaliduser"]) == (81013, "wangwu")


async def test_an_app_sends_only_as_itself() -> None:
    async with bank() as opened:
        assert (await text(opened, agentid=CARE))["errcode"] == 40056


async def test_a_text_too_long_is_cut_without_a_word() -> None:
    async with bank() as opened:
        assert (await text(opened, "件" * 700))["errcode"] == 0
        assert opened.wecom.cards("lina")[0].text == "件" * 682


async def test_what_is_over_the_limits_of_a_member_is_dropped_with_errcode_0() -> None:
    """channels.md trap 9: count on our side."""
    async with bank() as opened:
        answers = [await text(opened, f"第{n}件") for n in range(31)]
        assert {one["errcode"] for one in answers} == {0}
        assert len(opened.wecom.cards("lina")) == 30
        assert opened.wecom.dropped == [("LiNa", answers[-1]["msgid"])]
        opened.pass_time(minutes=1)
        await text(opened, "又一件")
        assert len(opened.wecom.cards("lina")) == 31


async def test_the_hour_has_a_limit_of_its_own() -> None:
    async with bank() as opened:
        for n in range(1001):
            opened.pass_time(seconds=3)
            await text(opened, f"第{n}件")
        assert len(opened.wecom.cards("lina")) == 1000


async def test_the_same_message_within_half_an_hour_is_dropped_where_asked_for() -> None:
    async with bank() as opened:
        for minutes in (0, 29, 1):
            opened.pass_time(minutes=minutes)
            assert (await text(opened, enable_duplicate_check=1))["errcode"] == 0
        assert len(opened.wecom.cards("lina")) == 2


async def test_a_card_without_what_it_needs_is_refused() -> None:
    async with bank() as opened:
        button = {"text": "受理", "key": "take"}
        card = {"card_type": "button_interaction", "main_title": {"title": "新投诉"}, "task_id": "n1"}
        wrong = (
            card,
            card | {"button_list": [button] * 2},
            card | {"button_list": [{"text": str(n), "key": str(n)} for n in range(7)]},
            card | {"button_list": [button], "task_id": "件"},
            card | {"button_list": [button], "card_type": "poster"},
        )
        assert [(await opened.card(template_card=one))["errcode"] for one in wrong] == [
            *[40058] * 3,
            42014,
            40058,
        ]
        assert (await opened.card(template_card=card | {"button_list": [button]}))["errcode"] == 0


async def test_a_task_is_one_card_only() -> None:
    async with bank() as opened:
        assert [(await opened.card("n1"))["errcode"] for _ in range(2)] == [0, 42014]
        assert [one.buttons for one in opened.wecom.cards("lina")] == [
            (Button(key="take", text="受理"), Button(key="return", text="退回"))
        ]


async def test_a_press_is_told_to_the_apps_hook_and_the_passive_reply_changes_the_button() -> None:
    """path/96469, update_button."""
    async with bank() as opened:
        await opened.card("n1", touser="lina|zhaolei")
        opened.reply = DONE
        pressed = await opened.wecom.press("lina", "n1", "take")
        assert opened.heard == [
            {
                "ToUserName": CORP,
                "FromUserName": "LiNa",
                "CreateTime": str(int(opened.at[0].timestamp())),
                "MsgType": "event",
                "Event": "template_card_event",
                "EventKey": "take",
                "TaskId": "n1",
                "CardType": "button_interaction",
                "ResponseCode": pressed.response_code,
                "AgentID": str(OFFICE),
            }
        ]
        assert (pressed.status, pressed.problem) == (200, "")
        assert [opened.wecom.cards(one)[0].replaced for one in ("lina", "zhaolei")] == ["已受理", ""]
        with pytest.raises(LookupError):
            await opened.wecom.press("lina", "n1", "return")


async def test_a_passive_reply_can_be_a_whole_new_card() -> None:
    """path/96469, update_template_card."""
    async with bank() as opened:
        await opened.card("n1")
        opened.reply = NEW_CARD
        await opened.wecom.press("lina", "n1", "take")
        (card,) = opened.wecom.cards("lina")
        assert card.content["horizontal_content_list"] == [{"keyname": "编号", "value": "HY2026112400001"}]
        assert (card.text.splitlines()[0], card.buttons) == ("李娜已受理", (Button(key="close", text="结案"),))


async def test_a_passive_reply_to_somebody_else_or_signed_with_another_token_changes_nothing() -> None:
    async with bank() as opened:
        await opened.card("n1")
        opened.reply = DONE.replace("LiNa", "zhaolei")
        assert (await opened.wecom.press("lina", "n1", "take")).problem
        opened.reply = "<xml><MsgType>text"
        assert (await opened.wecom.press("lina", "n1", "take")).problem
        assert opened.wecom.cards("lina")[0].replaced == ""


async def test_a_press_that_the_hook_does_not_take_is_told_three_times() -> None:
    async with bank() as opened:
        await opened.card("n1")
        opened.statuses.extend([503, 503, 503])
        assert (await opened.wecom.press("lina", "n1", "take")).status == 503
        assert len(set(opened.bodies)) == 1
        assert [one.attempt for one in opened.wecom.calls] == [1, 2, 3]


async def test_a_response_code_changes_a_card_once_and_within_72_hours() -> None:
    """path/94945."""
    async with bank() as opened:
        sent = (await opened.card("n1"))["response_code"]
        pressed = (await opened.wecom.press("lina", "n1", "take")).response_code
        change = {"agentid": OFFICE, "userids": ["lina"], "button": {"replace_name": "已受理"}}
        first = await opened.call("message/update_template_card", response_code=pressed, **change)
        again = await opened.call("message/update_template_card", response_code=pressed, **change)
        opened.pass_time(hours=72)
        late = await opened.call("message/update_template_card", response_code=sent, **change)
        assert [one["errcode"] for one in (first, again, late)] == [0, 40058, 40058]
        assert opened.wecom.cards("lina")[0].replaced == "已受理"


async def test_a_member_writes_to_an_app() -> None:
    async with bank() as opened:
        assert await opened.wecom.writes("LiNa", OFFICE, "在吗") == 200
        assert (opened.heard[0]["Content"], opened.heard[0]["AgentID"]) == ("在吗", str(OFFICE))


async def test_who_looks_at_a_phone_is_told_of_every_change() -> None:
    seen: list[str] = []
    async with bank(on_change=seen.append) as opened:
        await opened.card("n1")
        opened.reply = DONE
        await opened.wecom.press("lina", "n1", "take")
        assert seen == ["LiNa", "LiNa"]
