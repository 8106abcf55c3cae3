"""The simulated WeCom keeps the platform's promises towards customers, one story for each; members are in
test_simulated_members.py. What each rule rests on is said in sandbox/wecom_*.py."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable
from typing import Any

import aiohttp
import pytest

from tests.adapters.wecom.counterpart import CARE, CORP, KF, WANG, bank


async def codes(*calls: Awaitable[dict[str, Any]]) -> list[int]:
    return [int((await call)["errcode"]) for call in calls]


def events(page: dict[str, Any]) -> list[dict[str, Any]]:
    return [one["event"] for one in page["msg_list"] if one["msgtype"] == "event"]


# ---- callbacks


async def test_the_admin_can_save_a_hook_that_gives_the_echo_back_byte_by_byte() -> None:
    async with bank() as opened:
        assert await opened.wecom.verify(CARE)
        opened.echo = "\n"
        assert not await opened.wecom.verify(CARE)


async def test_a_bell_says_where_and_not_what() -> None:
    async with bank() as opened:
        await opened.wecom.says(WANG, KF, "年费没有提前说")
        await opened.wecom.settled()
        (bell,) = opened.heard
        assert bell | {"Token": ""} == {
            "ToUserName": CORP,
            "CreateTime": str(int(opened.at[0].timestamp())),
            "MsgType": "event",
            "Event": "kf_msg_or_event",
            "Token": "",
            "OpenKfId": KF,
        }


async def test_the_same_bytes_come_three_times_where_nobody_says_200() -> None:
    async with bank() as opened:
        opened.statuses.extend([500, 403, 302, 200])
        await opened.wecom.says(WANG, KF, "喂")
        await opened.wecom.settled()
        assert [(one.attempt, one.status) for one in opened.wecom.calls] == [(1, 500), (2, 403), (3, 302)]
        assert len(set(opened.bodies)) == 1
        assert opened.heard == []


async def test_an_answer_that_is_late_is_none() -> None:
    async with bank(patience=0.05) as opened:
        opened.deaf = asyncio.Event()
        await opened.wecom.says(WANG, KF, "喂")
        await opened.wecom.settled()
        assert [one.status for one in opened.wecom.calls] == [0, 0, 0]


async def test_callbacks_come_in_another_order_and_more_than_once_where_told_to() -> None:
    async with bank(callbacks="on_demand") as opened:
        await opened.wecom.says(WANG, KF, "一")
        opened.pass_time(seconds=1)
        await opened.wecom.says(WANG, KF, "二")
        assert await opened.wecom.ring(reverse=True, copies=2) == [200] * 4
        times = [int(one["CreateTime"]) for one in opened.heard]
        assert times == sorted(times, reverse=True)
        assert len(set(opened.bodies)) == 2
        await opened.wecom.says(WANG, KF, "三")
        await opened.wecom.ring(copies=2, resealed=True)
        assert opened.heard[-1] == opened.heard[-2]
        assert len(set(opened.bodies)) == 4


# ---- tokens and the form of requests


async def test_a_token_is_the_same_for_all_who_ask_until_it_expires() -> None:
    async with bank() as opened:
        first = await opened.get("gettoken", corpid=CORP, corpsecret="care-secret")
        opened.pass_time(seconds=7000)
        again = await opened.get("gettoken", corpid=CORP, corpsecret="care-secret")
        assert (first["expires_in"], again["expires_in"]) == (7200, 200)
        assert first["access_token"] == again["access_token"] != await opened.token("office-secret")
        opened.pass_time(seconds=200)
        assert (await opened.post("kf/sync_msg", "{}", first["access_token"]))["errcode"] == 42001
        assert await opened.token() != first["access_token"]
        assert opened.wecom.requests["gettoken"] == 4


async def test_a_token_can_end_before_its_time() -> None:
    async with bank() as opened:
        token = await opened.token()
        opened.wecom.expire_tokens()
        assert (await opened.post("kf/sync_msg", "{}", token))["errcode"] == 42001
        opened.wecom.forget_tokens()
        assert (await opened.post("kf/sync_msg", "{}", token))["errcode"] == 40014
        assert (await opened.post("kf/sync_msg", "{}", ""))["errcode"] == 41001


async def test_who_asks_wrongly_or_from_elsewhere_gets_no_token() -> None:
    async with bank() as opened:
        assert (await opened.get("gettoken", corpid=CORP, corpsecret="guess"))["errcode"] == 40001
        assert (await opened.get("gettoken", corpid="ww0", corpsecret="care-secret"))["errcode"] == 40013
        opened.wecom.faults.untrusted_ip = True
        assert (await opened.get("gettoken", corpid=CORP, corpsecret="care-secret"))["errcode"] == 60020


async def test_escapes_in_json_are_not_taken() -> None:
    """Lesson 85: aiohttp's json= writes them."""
    async with bank() as opened:
        await opened.wecom.says(WANG, KF, "喂")
        body = {"touser": WANG, "open_kfid": KF, "msgtype": "text", "text": {"content": "收到"}}
        token = await opened.token()
        assert (await opened.post("kf/send_msg", json.dumps(body), token))["errcode"] == 40033
        body["text"] = {"content": r"C:\u6295"}
        assert (await opened.post("kf/send_msg", json.dumps(body), token))["errcode"] == 0
        assert (await opened.post("kf/send_msg", "{", token))["errcode"] == 47001


async def test_a_wrong_type_is_left_out_with_a_warning_and_errcode_0() -> None:
    async with bank() as opened:
        await opened.wecom.says(WANG, KF, "喂")
        answer = await opened.call("kf/sync_msg", open_kfid=KF, limit="1")
        assert answer["errcode"] == 0
        assert "Warning: wrong json format." in answer["errmsg"]
        assert len(answer["msg_list"]) == 1


async def test_the_wire_breaks_where_told_to_with_the_message_kept_or_not() -> None:
    async with bank() as opened:
        await opened.wecom.says(WANG, KF, "喂")
        opened.wecom.faults.break_next("kf/send_msg", "cut", "drop")
        for _ in range(2):
            with pytest.raises(aiohttp.ClientError):
                await opened.send()
        opened.wecom.faults.break_next("kf/send_msg", "garble", "empty")
        for _ in range(2):
            with pytest.raises(aiohttp.ContentTypeError):
                await opened.send()
        opened.wecom.faults.answer_next("kf/send_msg", -1, 45009)
        assert [await opened.send(), await opened.send()] == [-1, 45009]
        assert len([one for one in opened.wecom.chat(WANG) if not one.mine]) == 3


# ---- sync_msg


async def test_what_came_is_pulled_in_its_order_and_again_from_the_same_cursor() -> None:
    async with bank() as opened:
        msgids = [await opened.wecom.says(WANG, KF, text) for text in ("一", "二", "三")]
        assert await opened.send("收到") == 0
        first = await opened.sync(limit=2)
        assert first["has_more"] == 1
        for _ in range(2):
            rest = await opened.sync(cursor=first["next_cursor"])
            assert (rest["has_more"], [one["origin"] for one in rest["msg_list"]]) == (0, [3])
        assert [one["msgid"] for one in first["msg_list"] + rest["msg_list"]] == msgids
        assert (await opened.sync(cursor=rest["next_cursor"]))["msg_list"] == []


async def test_pages_may_be_short_empty_or_repeated() -> None:
    async with bank() as opened:
        for text in "一二三四":
            await opened.wecom.says(WANG, KF, text)
        faults = opened.wecom.faults
        faults.empty_pages, faults.page_limit = 1, 3
        empty = await opened.sync()
        assert (empty["has_more"], empty["msg_list"]) == (1, [])
        short = await opened.sync(cursor=empty["next_cursor"])
        assert (short["has_more"], len(short["msg_list"])) == (1, 3)
        faults.repeated = 1
        last = await opened.sync(cursor=short["next_cursor"])
        assert [one["text"]["content"] for one in last["msg_list"]] == ["三", "四"]


async def test_nothing_is_older_than_three_days() -> None:
    async with bank() as opened:
        old = (await opened.sync(token=""))["next_cursor"]
        await opened.wecom.says(WANG, KF, "旧")
        opened.pass_time(days=2)
        await opened.wecom.says(WANG, KF, "新")
        opened.pass_time(days=1, seconds=1)
        for cursor in ("", old):
            page = await opened.sync(token="", cursor=cursor)
            assert [one["text"]["content"] for one in page["msg_list"]] == ["新"]


async def test_a_cursor_nobody_gave_and_an_account_nobody_has_are_refused() -> None:
    async with bank() as opened:
        calls = (opened.sync(cursor="made-up"), opened.sync(open_kfid="wkother"), opened.sync(open_kfid=""))
        assert await codes(*calls) == [40058, 95004, 95000]
        token = await opened.token("office-secret")
        assert (await opened.post("kf/sync_msg", json.dumps({"open_kfid": KF}), token))["errcode"] == 48002


async def test_a_bells_token_lasts_ten_minutes_and_without_one_only_ten_pulls_a_minute_are_answered() -> None:
    async with bank() as opened:
        await opened.wecom.says(WANG, KF, "喂")
        await opened.wecom.settled()
        assert await codes(*(opened.sync() for _ in range(20))) == [0] * 20
        opened.pass_time(minutes=10)
        assert await codes(opened.sync(), opened.sync(token="ENCmadeup")) == [95007, 95007]
        assert await codes(*(opened.sync(token="") for _ in range(12))) == [0] * 10 + [45009] * 2
        opened.pass_time(seconds=59)
        assert await codes(opened.sync(token="")) == [45009]
        opened.pass_time(seconds=1)
        assert await codes(opened.sync(token="")) == [0]


async def test_the_sixth_pull_at_once_is_one_too_many() -> None:
    async with bank() as opened:
        opened.wecom.faults.hold_syncs = asyncio.Event()
        await opened.token()
        pulls = [asyncio.create_task(opened.sync(token="")) for _ in range(6)]
        done, waiting = await asyncio.wait(pulls, return_when=asyncio.FIRST_COMPLETED, timeout=5)
        assert [one.result()["errcode"] for one in done] == [45033]
        opened.wecom.faults.hold_syncs.set()
        assert [one["errcode"] for one in await asyncio.gather(*waiting)] == [0] * 5


# ---- send_msg


async def test_a_customer_is_reached_five_times_within_48_hours_of_their_last_words() -> None:
    async with bank() as opened:
        assert await opened.send() == 40096
        await opened.wecom.says(WANG, KF, "喂")
        assert [await opened.send() for _ in range(6)] == [0] * 5 + [95001]
        await opened.wecom.says(WANG, KF, "还在吗")
        opened.pass_time(hours=47, minutes=59)
        assert await opened.send() == 0
        opened.pass_time(minutes=1)
        assert await opened.send() == 95002


async def test_a_msgid_is_taken_once_and_only_in_its_alphabet() -> None:
    async with bank() as opened:
        await opened.wecom.says(WANG, KF, "喂")
        assert await opened.send(msgid="notice-1_a") == 0
        wrong = ("notice-1_a", "x" * 33, "notice.1")
        assert [await opened.send(msgid=one) for one in wrong] == [40058] * 3
        opened.wecom.duplicate_msgid_code = 95555
        assert await opened.send(msgid="notice-1_a") == 95555
        assert [one.msgid for one in opened.wecom.chat(WANG) if not one.mine] == ["notice-1_a"]


async def test_a_text_is_measured_in_bytes() -> None:
    async with bank() as opened:
        await opened.wecom.says(WANG, KF, "喂")
        assert [await opened.send("年" * 682), await opened.send("年" * 683), await opened.send("")] == [
            0,
            45002,
            44004,
        ]


async def test_a_conversation_that_people_have_is_closed_to_the_api() -> None:
    async with bank() as opened:
        await opened.wecom.says(WANG, KF, "喂")
        whose = {"open_kfid": KF, "external_userid": WANG}
        got = [(await opened.call("kf/service_state/get", **whose))["service_state"]]
        for state in (1, 2, 3):
            servicer = {"servicer_userid": "LiNa"} if state == 3 else {}
            moved = await opened.call("kf/service_state/trans", **whose, service_state=state, **servicer)
            assert (moved["errcode"], bool(moved.get("msg_code"))) == (0, state > 1)
            got.append(await opened.send())
        assert got == [0, 0, 95018, 95018]
        back = opened.call("kf/service_state/trans", **whose, service_state=1)
        end = opened.call("kf/service_state/trans", **whose, service_state=4)
        after = opened.call("kf/service_state/trans", **whose, service_state=1)
        assert await codes(back, end, after) == [95016, 0, 95013]
        await opened.wecom.says(WANG, KF, "还有一事")
        assert await opened.send() == 0


async def test_a_menu_is_checked_and_what_the_customer_taps_comes_back_as_their_words() -> None:
    async with bank() as opened:
        await opened.wecom.says(WANG, KF, "喂")
        click = {"type": "click", "click": {"id": "1", "content": "满意"}}
        menu = {"head_content": "处理结果您满意吗？", "list": [click], "tail_content": ""}
        assert await opened.send(msgtype="msgmenu", msgid="m1", msgmenu=menu) == 0
        assert await opened.send(msgtype="msgmenu", msgmenu=menu | {"list": [click] * 11}) == 45002
        long = {"type": "click", "click": {"id": "1", "content": "满" * 43}}
        assert await opened.send(msgtype="msgmenu", msgmenu=menu | {"list": [long]}) == 45002
        await opened.wecom.chose(WANG, KF, "m1", "1")
        page = await opened.sync(token="")
        assert page["msg_list"][-1]["text"] == {"content": "满意", "menu_id": "1"}


# ---- events


async def test_a_message_that_was_taken_can_turn_out_not_to_have_arrived() -> None:
    """The only receipt there is (channels.md 1.3)."""
    async with bank() as opened:
        await opened.wecom.says(WANG, KF, "喂")
        assert await opened.send(msgid="n1") == 0
        await opened.wecom.fails("n1", fail_type=5)
        await opened.wecom.refuses(WANG, KF)
        assert await opened.send(msgid="n2") == 0
        failed = events(await opened.sync(token=""))
        assert [(one["fail_msgid"], one["fail_type"]) for one in failed] == [("n1", 5), ("n2", 10)]
        assert [one.failed for one in opened.wecom.chat(WANG) if not one.mine] == [True, True]


async def test_who_comes_in_can_be_greeted_once_within_20_seconds() -> None:
    async with bank() as opened:
        greeting = {"msgtype": "text", "text": {"content": "您好"}}
        late = await opened.wecom.enters(WANG, KF, scene="card", scene_param="a=1")
        opened.pass_time(seconds=20)
        code = await opened.wecom.enters(WANG, KF)
        calls = [opened.call("kf/send_msg_on_event", code=one, **greeting) for one in (late, code, code)]
        assert await codes(*calls) == [40058, 0, 40058]
        assert await opened.wecom.enters(WANG, KF) == ""
        shown = events(await opened.sync(token=""))
        assert shown[0] == {
            "event_type": "enter_session",
            "open_kfid": KF,
            "external_userid": WANG,
            "scene": "card",
            "scene_param": "a=1",
            "welcome_code": late,
        }
        assert "welcome_code" not in shown[2]


async def test_colleagues_taking_up_and_ending_a_conversation_and_a_recall_are_told() -> None:
    async with bank() as opened:
        msgid = await opened.wecom.says(WANG, KF, "喂")
        await opened.wecom.session(WANG, KF, 3, "LiNa")
        await opened.wecom.session(WANG, KF, 4)
        await opened.wecom.recalls(WANG, KF, msgid)
        page = await opened.sync(token="")
        taken, ended, recalled = events(page)
        assert (taken["change_type"], taken["new_servicer_userid"]) == (1, "LiNa")
        assert (ended["change_type"], ended["old_servicer_userid"]) == (3, "LiNa")
        assert (recalled["event_type"], recalled["recall_msgid"]) == ("user_recall_msg", msgid)
        assert {one["origin"] for one in page["msg_list"][1:]} == {4}
        assert "external_userid" not in page["msg_list"][1]


async def test_a_colleague_who_writes_has_the_conversation() -> None:
    async with bank() as opened:
        await opened.wecom.says(WANG, KF, "喂")
        await opened.wecom.colleague_says("LiNa", WANG, KF, "稍等")
        page = await opened.sync(token="")
        assert [one["origin"] for one in page["msg_list"]] == [3, 4, 5]
        assert page["msg_list"][2]["servicer_userid"] == "LiNa"
        assert await opened.send() == 95018


async def test_customers_are_known_by_their_names() -> None:
    async with bank() as opened:
        opened.wecom.nicknames[WANG] = "王先生"
        await opened.wecom.enters(WANG, KF)
        answer = await opened.call("kf/customer/batchget", external_userid_list=[WANG, "wmx"])
        assert [one["nickname"] for one in answer["customer_list"]] == ["王先生"]
        assert answer["invalid_external_userid"] == ["wmx"]


# ---- media


async def test_a_file_is_bytes_for_three_days_and_then_json_with_http_200() -> None:
    async with bank() as opened:
        await opened.wecom.sends_file(WANG, KF, b"%PDF-1.7", media_type="application/pdf", name="账单.pdf")
        media_id = (await opened.sync(token=""))["msg_list"][0]["file"]["media_id"]
        query = {"access_token": await opened.token(), "media_id": media_id}
        async with opened.session.get(f"{opened.wecom.url}/cgi-bin/media/get", params=query) as response:
            assert (response.content_type, await response.read()) == ("application/pdf", b"%PDF-1.7")
        opened.pass_time(days=3)
        gone = await opened.get("media/get", access_token=await opened.token(), media_id=media_id)
        assert gone["errcode"] == 40007


async def test_a_file_too_big_for_the_platform_arrives_as_a_text_about_it() -> None:
    async with bank() as opened:
        await opened.wecom.sends_file(WANG, KF, bytes(2 * 1024 * 1024 + 1), msgtype="image")
        assert (await opened.sync(token=""))["msg_list"][0]["msgtype"] == "text"


async def test_what_the_bank_uploads_can_be_sent() -> None:
    async with bank() as opened:
        await opened.wecom.says(WANG, KF, "喂")
        url, token = f"{opened.wecom.url}/cgi-bin/media/upload", await opened.token()
        answers = []
        for content in (b"123456", b"12345"):
            form = aiohttp.FormData()
            form.add_field("media", content, filename="reply.pdf", content_type="application/pdf")
            query = {"access_token": token, "type": "file"}
            async with opened.session.post(url, params=query, data=form) as response:
                answers.append(await response.json())
        assert [one["errcode"] for one in answers] == [0, 40006]
        assert await opened.send(msgtype="file", file={"media_id": answers[0]["media_id"]}) == 0
        assert await opened.send(msgtype="file", file={"media_id": "made-up"}) == 40007
