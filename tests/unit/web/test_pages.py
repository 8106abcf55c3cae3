"""The form and its answer, as a visitor without JavaScript meets them."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta

import pytest

from gateway.errors import Unavailable
from gateway.model import ChannelKind, Contact, ContactType, Language
from tests.conftest import Core
from tests.unit.web.world import GOOD, Page, Visitor, open_site

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 400_000
NUMBER = re.compile(r"TS-\d{6}-\d{6}-[0-9A-Z]")


def number_on(page: Page) -> str:
    found = NUMBER.search(page.html)
    assert found, page.html
    return found[0]


async def test_a_sent_form_shows_number_date_and_telephone(visitor: Visitor) -> None:
    """S0-6(3), (4); E.2 rule 2: the answer has the number, the latest date and a telephone."""
    page = await visitor.sends(GOOD)
    assert page.status == 200
    assert [number_on(page)] == await visitor.complaints()
    assert "最迟2026年11月26日（星期四）" in page.html
    assert "010-00000001" in page.html


async def test_every_answer_of_the_form_reaches_the_message(visitor: Visitor) -> None:
    """A007, A009, S0-6(1): who, when, where, what it is about, how much, what is wanted."""
    more = {
        "way": "sms",
        "occurred": "11月20日上午",
        "product": "payment",
        "branch": "手机银行",
        "amount": "约2300元",
        "demand": ["refund", "explain"],
        "id_type": "id_card",
        "represents": "self",
    }
    await visitor.sends(GOOD | more)
    message = visitor.accept.message
    assert message.channel is ChannelKind.WEB_FORM
    assert (message.from_name, message.text) == (GOOD["name"], GOOD["text"])
    assert message.contacts == (Contact(type=ContactType.MOBILE, value="+8613800000000"),)
    assert message.language is Language.ZH_HANS
    particulars = message.particulars
    assert particulars.demand == ("refund", "explain")
    assert (particulars.product, particulars.branch) == ("payment", "手机银行")
    assert (particulars.occurred_note, particulars.amount_note) == ("11月20日上午", "约2300元")
    assert (particulars.id_type, particulars.represents) == ("id_card", "self")
    assert b'"way": ["sms"]' in (message.raw or b"")


async def test_the_answer_names_no_person_in_its_address_and_can_be_opened_again(visitor: Visitor) -> None:
    """A number is never a credential; reload, print and back send nothing again."""
    page = await visitor.sends(GOOD)
    again = await visitor.opens(page.path)
    assert number_on(again) == number_on(page)
    assert len(visitor.accept.events) == 1
    assert again.headers["Cache-Control"] == "no-store"


async def test_the_answer_page_closes_after_a_day(visitor: Visitor) -> None:
    page = await visitor.sends(GOOD)
    visitor.core.clock.later(hours=25)
    late = await visitor.opens(page.path)
    assert late.status == 404
    assert not NUMBER.search(late.html)


@pytest.mark.parametrize("token", ["x", "e30.e30", "e30.AAAAAAAAAAAAAAAAAAAAAA", "a.b.c", "%E4%BD%A0.%E5%A5%BD"])
async def test_a_made_up_answer_address_shows_nothing(visitor: Visitor, token: str) -> None:
    """Lesson 80: what was not issued by us looks like what does not exist."""
    assert (await visitor.opens(f"/received/{token}")).status == 404


async def test_pressing_twice_is_one_complaint(visitor: Visitor) -> None:
    page = await visitor.opens()
    first = await visitor.sends(GOOD, on=page, files=[("截图.png", PNG)])
    second = await visitor.sends(GOOD, on=page, files=[("截图.png", PNG)])
    assert number_on(first) == number_on(second)
    assert len(await visitor.complaints()) == 1


async def test_pressing_twice_at_once_is_one_complaint(visitor: Visitor) -> None:
    page = await visitor.opens()
    first, second = await asyncio.gather(visitor.sends(GOOD, on=page), visitor.sends(GOOD, on=page))
    assert number_on(first) == number_on(second)
    assert len(await visitor.complaints()) == 1


async def test_going_back_and_changing_the_words_is_not_swallowed(visitor: Visitor) -> None:
    page = await visitor.opens()
    await visitor.sends(GOOD, on=page)
    await visitor.sends(GOOD | {"text": "还有一件事：网点不给办"}, on=page)
    first, second = visitor.accept.events
    assert first.external_id != second.external_id


async def test_the_external_id_does_not_reveal_what_was_written(visitor: Visitor, core: Core) -> None:
    """A bare digest could be tried out against guesses of a redacted password: the name is keyed."""
    page = await visitor.opens()
    await visitor.sends(GOOD, on=page)
    async with open_site(core) as elsewhere:
        await elsewhere.sends(GOOD, on=page)
        assert elsewhere.accept.message.external_id == visitor.accept.message.external_id
    assert len(visitor.accept.message.external_id) == 32


async def test_errors_keep_everything_typed_and_point_to_the_field(visitor: Visitor) -> None:
    typed = {"name": "", "contact": "13800", "text": "\n第一行\n第二行", "branch": "城东支行", "way": "phone"}
    page = await visitor.sends(typed)
    assert page.status == 422
    assert {"#name", "#contact"} <= set(page.links)
    assert "#text" not in page.links
    assert page.values == {**typed, "occurred": "", "amount": "", "website": ""}
    assert "<title>有错误：" in page.html
    assert page.headers["Cache-Control"] == "private, no-cache"  # going back to it keeps what was typed


async def test_a_text_that_is_too_long_is_kept_and_says_by_how_much(visitor: Visitor) -> None:
    page = await visitor.sends(GOOD | {"text": "长" * 5001})
    assert page.status == 422
    assert "最多5000个字，现在是5001个字" in page.html
    assert page.values["text"] == "长" * 5001


async def test_windows_line_ends_do_not_count_twice(visitor: Visitor) -> None:
    page = await visitor.sends(GOOD | {"text": "\r\n".join(["行"] * 2500)})
    assert page.status == 200
    assert "\r" not in visitor.accept.message.text


@pytest.mark.parametrize(
    ("way", "contact", "error"),
    [
        ("email", "13800000000", "发邮件需要邮箱"),
        ("sms", "li@example.com", "打电话或发短信需要电话号码"),
        ("sms", "010-62000000", "短信只能发到手机"),
        ("pigeon", "13800000000", "请从列出的选项中选择"),
    ],
)
async def test_a_way_that_cannot_reach_the_contact_is_an_error(
    visitor: Visitor, way: str, contact: str, error: str
) -> None:
    page = await visitor.sends(GOOD | {"way": way, "contact": contact})
    assert page.status == 422
    assert error in page.html


async def test_only_ways_with_a_sender_are_offered(core: Core) -> None:
    """B.2 preferred_channel: forms offer only what is enabled; anybody can be called."""
    async with open_site(core, senders=frozenset({ContactType.EMAIL})) as visitor:
        page = await visitor.opens()
    assert 'value="phone"' in page.html
    assert 'value="email"' in page.html
    assert 'value="sms"' not in page.html


async def test_the_answer_says_plainly_that_nothing_can_be_sent(core: Core) -> None:
    async with open_site(core, senders=frozenset({ContactType.EMAIL})) as visitor:
        page = await visitor.sends(GOOD)
    assert "目前不能自动发送通知，请记下编号" in page.html


@pytest.mark.parametrize(
    ("query", "accepts", "language"),
    [
        ("?lang=en", "zh-CN", "en"),
        ("?lang=klingon", "zh-HK,zh;q=0.9", "zh-Hant"),
        ("", "zh-TW", "zh-Hant"),
        ("", "en-GB,en;q=0.9,zh;q=0.8", "en"),
        ("", "fr, zh-CN;q=0.5, en;q=0.4", "zh-Hans"),
        ("", "fr", "zh-Hans"),
        ("", "en;q=0", "zh-Hans"),
        ("", "en;q=x,,;q=", "zh-Hans"),
    ],
)
async def test_the_language_is_the_one_asked_for_then_the_browsers_then_simplified_chinese(
    visitor: Visitor, query: str, accepts: str, language: str
) -> None:
    page = await visitor.opens(f"/complaint{query}", **{"Accept-Language": accepts})
    assert f'<html lang="{language}">' in page.html


async def test_changing_the_language_keeps_what_was_written_and_uploaded(visitor: Visitor) -> None:
    page = await visitor.sends({"name": "Li", "contact": "", "text": "双重扣款"}, files=[("收据.png", PNG)])
    english = await visitor.sends({"name": "Li", "text": "双重扣款", "switch": "en"}, on=page)
    assert '<html lang="en">' in english.html
    assert english.values["text"] == "双重扣款"
    assert "收据.png" in english.html
    assert visitor.accept.events == []


async def test_a_filled_trap_is_an_error_that_says_so(visitor: Visitor) -> None:
    """Nothing may be lost and nobody is lied to: a person with a form filler sees what to clear."""
    page = await visitor.sends(GOOD | {"website": "https://spam.example"})
    assert page.status == 422
    assert "请清空后再提交" in page.html
    assert page.values["text"] == GOOD["text"]
    assert visitor.accept.events == []


async def test_too_many_forms_from_one_address_keep_the_text_and_give_the_telephone(core: Core) -> None:
    async with open_site(core, form_per_hour=2) as visitor:
        for _ in range(2):
            assert (await visitor.sends(GOOD)).status == 200
        page = await visitor.sends(GOOD, files=[("a.png", PNG)])
        assert page.status == 429
        assert int(page.headers["Retry-After"]) <= 3600
        assert page.values["text"] == GOOD["text"]
        assert "010-00000001" in page.html
        assert "「a.png」这次没有收下" in page.html
        other = await visitor.sends(GOOD, on=page, headers={"X-Forwarded-For": "203.0.113.9"})
        assert other.status == 200


async def test_no_address_lies_in_the_key_of_a_rate(visitor: Visitor) -> None:
    spent: list[str] = []

    async def spend(key: str, *, limit: int, seconds: int) -> bool:
        spent.append(key)
        return True

    visitor.core.coordination.spend = spend  # type: ignore[method-assign]
    await visitor.sends(GOOD, headers={"X-Forwarded-For": "203.0.113.9"})
    assert spent
    assert "203.0.113.9" not in spent[0]


async def test_when_nothing_can_be_taken_the_text_is_kept_and_the_time_is_given(visitor: Visitor) -> None:
    visitor.accept.fails = Unavailable(retry_after=timedelta(seconds=7))
    page = await visitor.sends(GOOD, files=[("收据.png", PNG)])
    assert page.status == 503
    assert page.headers["Retry-After"] == "7"
    assert page.values["text"] == GOOD["text"]
    visitor.accept.fails = None
    later = await visitor.sends(GOOD, on=page)
    assert later.status == 200
    assert [item.name for item in visitor.accept.message.attachments] == ["收据.png"]


async def test_a_fault_of_ours_is_shown_as_an_id_and_keeps_the_text(visitor: Visitor) -> None:
    visitor.accept.fails = RuntimeError("李女士 13800000000")
    page = await visitor.sends(GOOD)
    assert page.status == 500
    assert re.search(r"故障编号[0-9a-z]{26}", page.html)
    assert page.values["text"] == GOOD["text"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
async def test_a_form_posted_by_another_site_is_shown_once_more_before_it_counts(
    visitor: Visitor, headers: dict[str, str]
) -> None:
    page = await visitor.sends(GOOD, headers=headers)
    assert page.status == 403
    assert page.values["text"] == GOOD["text"]
    assert visitor.accept.events == []
    assert (await visitor.sends(GOOD, on=page, headers={"Sec-Fetch-Site": "same-origin"})).status == 200


async def test_a_proxy_that_changes_the_host_does_not_make_the_form_foreign(core: Core) -> None:
    async with open_site(core, public_url="https://tousu.bank.example") as visitor:
        page = await visitor.sends(GOOD, headers={"Origin": "https://tousu.bank.example"})
    assert page.status == 200


HOSTILE = [
    "<script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onfocus='alert(1)",
    "{{ 7*7 }}{% raw %}",
    "{bank.__class__}",
    "&lt;b&gt;",
]


@pytest.mark.filterwarnings("ignore::aiohttp.BadContentDispositionHeader")
@pytest.mark.parametrize("text", HOSTILE)
async def test_what_is_typed_is_shown_and_never_run(visitor: Visitor, text: str) -> None:
    file_name = text.replace('"', "").replace("/", "")
    page = await visitor.sends({"name": text, "text": text, "branch": text}, files=[(file_name, PNG)])
    assert page.status == 422
    assert [page.values[name] for name in ("name", "text", "branch")] == [text] * 3
    assert "script" not in page.tags
    assert page.tags.count("img") == 1
    assert "49" not in page.values["name"]


@pytest.mark.parametrize("value", ["pro<script>", "deposit'"])
async def test_a_choice_that_was_not_offered_is_refused_without_showing_it(visitor: Visitor, value: str) -> None:
    page = await visitor.sends(GOOD | {"product": value})
    assert page.status == 422
    assert "#product" in page.links
    assert value not in page.html


async def test_the_form_says_what_the_law_wants_said(visitor: Visitor) -> None:
    """PIPL 17: who, what for, which data, how long, which rights; and never to write secrets (D.3)."""
    page = await visitor.opens()
    for said in (
        "示例银行收集",
        "只用于登记、核查和答复",
        "保存五年",
        "查阅、复制、更正",
        "请不要在这里写密码、验证码",
    ):
        assert said in page.html
    assert "演示环境：不连外网，不会真的发送短信或微信" in page.html


async def test_going_back_to_the_empty_form_gives_the_same_page(visitor: Visitor) -> None:
    """With no-store the browser would make a new form with a new nonce, and what was typed would be gone."""
    assert "no-store" not in (await visitor.opens()).headers["Cache-Control"]


async def test_a_body_that_is_no_form_is_refused(visitor: Visitor) -> None:
    for content_type, body in (("text/plain", b"x"), ("multipart/form-data; boundary=b", b"not a multipart")):
        async with visitor.client.post("/", data=body, headers={"Content-Type": content_type}) as response:
            assert response.status in (400, 415)
