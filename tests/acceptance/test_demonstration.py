"""`make run` as anybody runs it: its story ends by itself, and counts what came of it at both ends."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

from gateway.model import NoticeKind
from gateway.rules.contents import STAFF

WORDS = Path(__file__).parents[2] / "sandbox" / "static" / "words.js"
PATIENCE = 120.0


async def test_the_demonstration_tells_of_eight_messages_and_loses_none() -> None:
    """The doubtful turn of the call is marked, the code in the SMS is gone, and its sender was told (N23).

    Who wrote in WeChat has left a number, and a press of a button in WeCom has accepted the case.
    """
    story = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sandbox", "--once", "--port", "0", stdout=asyncio.subprocess.PIPE
    )
    told, _ = await asyncio.wait_for(story.communicate(), PATIENCE)
    text = told.decode()
    assert story.returncode == 0, text
    assert "收到8条｜投诉6件｜编号6个｜受理告知6条｜丢失0｜重复0" in text
    table, _, kept = text.partition("网关保存的内容")
    shown = ("需人工核对", "已提示", "补充已收到", "公众号", "手机号已留", "工单卡片")
    assert [words for words in shown if words not in table] == []
    assert table.count("已接单") == 2  # in WeChat's row, and in that of the card
    assert "需人工核对" in kept
    assert "验证码是[已删除-验证码]" in kept
    assert "482913" not in text


def test_the_page_has_a_name_in_both_languages_for_every_notice_a_customer_can_get() -> None:
    words = WORDS.read_text(encoding="utf-8")
    unnamed = [kind for kind in NoticeKind if kind not in STAFF and len(re.findall(rf"\b{kind}:", words)) != 2]
    assert unnamed == []
