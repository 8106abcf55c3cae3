"""The demonstration's page in a real browser: write, hear, work at the desk and on a card in WeCom, hear again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path
from typing import Literal

import aiohttp
import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect

from sandbox.playground import Playground, build
from tests.browser.test_form import tab
from tests.factories import Clock

WALK = ("确认分级并分派", "接单", "开始核查", "结论：支持客户", "负责人审批", "答复客户", "回电核对身份，说明结果")


@pytest.fixture
async def scene(clock: Clock) -> AsyncIterator[Playground]:
    async with build(port=0, now=clock) as built:
        yield built


@asynccontextmanager
async def phone_of(
    browser: Browser, scene: Playground, owner: str, *, language: str = "zh", **settings: object
) -> AsyncIterator[Page]:
    async with tab(browser, **settings) as page:
        await page.goto(f"http://127.0.0.1:{scene.phone_port}/?lang={language}")
        await page.get_by_role("radio", name=owner).check()
        yield page


async def heard(page: Page, words: str) -> None:
    await expect(page.locator("#feed .theirs", has_text=words).first).to_be_visible()


async def sound(page: Page) -> None:
    """No rule of axe is broken and nothing is wider than the screen."""
    found = await Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0


async def test_an_sms_is_acknowledged_on_the_phone_it_was_written_on(browser: Browser, scene: Playground) -> None:
    """A020, A028; PIPL 51: the code in it is not kept, and its sender is told so (N23)."""
    async with phone_of(browser, scene, "陳嘉欣") as page:
        await page.get_by_label("短信内容").fill("卡被盗刷，验证码是482913")
        await page.get_by_role("button", name="发送短信").click()
        await heard(page, "TS-261123-000001-")
        await heard(page, "安全提示")
        await expect(page.locator("#feed .theirs").first).to_contain_text("已送达")
        await page.get_by_text("网关保存的内容").click()
        await expect(page.locator("blockquote")).to_contain_text("卡被盗刷，验证码是[已删除-验证码]")


async def test_a_mail_goes_from_complaint_to_outcome_on_one_page(browser: Browser, scene: Playground) -> None:
    """A096, law 19 and 22: told in full once the hotline has made sure who they are; then the customer accepts."""
    async with phone_of(browser, scene, "王芳") as page:
        await page.get_by_role("button", name="发送邮件").click()
        await heard(page, "已受理")
        case = page.locator("article").first
        for step in WALK:
            await case.get_by_role("button", name=step).click()
        await heard(page, "您说的情况属实")
        await page.get_by_text("看邮件原样").last.click()
        frame = page.frame_locator("iframe").last
        await expect(frame.locator("body")).to_contain_text("您说的情况属实")
        await page.get_by_role("button", name="认可", exact=True).click()
        await page.get_by_role("button", name="发送邮件").click()
        await expect(case.locator(".state")).to_have_text("已解决")


async def test_a_call_with_a_doubtful_turn_asks_for_a_persons_check(browser: Browser, scene: Playground) -> None:
    """The recogniser was not sure: numbered and told all the same, and the words in doubt are marked."""
    async with phone_of(browser, scene, "Granny Zhao", language="en") as page:
        await page.get_by_role("button", name="Call the hotline").click()
        await heard(page, "TS-261123-000001-")
        case = page.locator("article").first
        await expect(case.locator("h3 .doubtful")).to_have_text("needs a person's check")
        await case.get_by_text("As the gateway keeps it").click()
        await expect(case.locator(".unsure")).to_contain_text("现在亏了")


async def test_a_chat_in_wechat_is_numbered_asked_for_a_phone_and_accepted_on_a_card(
    browser: Browser, scene: Playground
) -> None:
    """A020, A051, law 22: a line of the menu opens nothing, a number left is not verified, who handles it accepts."""
    async with phone_of(browser, scene, "您自己") as page:
        await page.locator("#feed").get_by_role("button", name="我要投诉").click()
        await heard(page, "请直接写下经过")
        await expect(page.locator("article")).to_have_count(0)
        await page.get_by_role("button", name="发送", exact=True).click()
        await heard(page, "请回复您的手机号码")
        await page.get_by_role("button", name="+85251230009").click()
        await page.get_by_role("button", name="发送", exact=True).click()
        case = page.locator("article").first
        await expect(case).to_contain_text("（未核实）")
        await expect(page.locator("#quick")).to_be_hidden()
        await case.get_by_role("button", name="确认分级并分派").click()
        button = page.locator("#cards").get_by_role("button", name="接单")
        await button.focus()
        await page.keyboard.press("Enter")
        await expect(page.locator("#cards .replaced")).to_have_text("已接单")
        await expect(page.locator("#press-status")).to_contain_text("接单：已接单")
        await expect(case.locator(".state")).to_have_text("已接单")
        await page.keyboard.press("Enter")  # the focus has gone on to what is beside the button
        await expect(case).to_be_in_viewport()
        assert page.url.endswith("#case-" + await case.locator(".number").inner_text())
        await page.locator("#member").select_option(label="陈 h-101")
        await expect(page.locator("#press-status")).to_have_text("")


async def test_a_picture_sent_in_wechat_is_kept_with_its_case(browser: Browser, scene: Playground) -> None:
    picture = Path(__file__).parents[2] / "docs" / "pictures" / "answer-phone-zh.png"
    async with phone_of(browser, scene, "孙立") as page:
        await page.get_by_label("发一张图片").set_input_files(picture)
        shown = page.get_by_role("img", name="客户发来的图片")
        await expect(shown).to_be_visible()
        assert await shown.evaluate("picture => picture.naturalWidth") > 0
        await page.get_by_text("网关保存的内容").click()
        await expect(page.locator("blockquote")).to_contain_text("1 份附件")


async def test_the_official_account_tells_by_a_card_of_its_own_wording(browser: Browser, scene: Playground) -> None:
    """E.2 rule 2: number, date and telephone, in the template that WeChat has approved."""
    async with phone_of(browser, scene, "周婷") as page:
        await page.get_by_role("button", name="发给公众号").click()
        notice = page.locator("#feed .wechat.theirs")
        await expect(notice.get_by_role("heading", name="投诉办理进度通知")).to_be_visible()
        for words in ("TS-261123-000001-", "已受理", "2026年11月26日", "010-00000001"):
            await expect(notice).to_contain_text(words)


async def test_who_has_only_the_official_account_calls_to_hear_the_outcome_and_answers_then(
    browser: Browser, scene: Playground
) -> None:
    """Law 19, E.2 rule 2: a template says that there is an outcome, not which; nobody accepts it untold."""
    async with phone_of(browser, scene, "周婷") as page:
        await page.get_by_role("button", name="发给公众号").click()
        case = page.locator("article").first
        for step in WALK[:-1]:
            await case.get_by_role("button", name=step).click()
        rings = case.get_by_role("button", name="客户来电，核对身份，说明结果")
        await expect(rings).to_be_visible()
        await expect(page.locator("#quick")).to_be_hidden()
        await rings.click()
        await heard(page, "您说的情况属实")
        await expect(page.locator("#quick").get_by_role("button", name="不认可")).to_be_visible()


async def test_what_is_written_after_the_outcome_joins_the_case_and_is_read_at_the_desk(
    browser: Browser, scene: Playground
) -> None:
    """ADR 9, S0-8(5): a second matter within 72 hours is not lost, a person reads it. A call proves its number."""
    async with phone_of(browser, scene, "陳嘉欣") as page:
        await page.get_by_role("button", name="发送短信").click()
        case = page.locator("article").first
        for step in WALK:
            await case.get_by_role("button", name=step).click()
        await expect(page.locator("#quick")).to_be_visible()
        await expect(case).not_to_contain_text("（未核实）")
        await page.get_by_label("短信内容").fill("另外我的年费也多扣了")
        await page.get_by_role("button", name="发送短信").click()
        read = case.get_by_role("button", name="已阅客户的留言")
        await read.click()
        await expect(read).to_have_count(0)
        await expect(page.locator("article")).to_have_count(1)


@pytest.mark.parametrize(
    ("language", "owner", "blank", "broken"),
    [("zh", "孙立", "还没有写内容", "图片"), ("en", "Sun Li", "nothing is written", "no JPEG or PNG picture")],
)
async def test_what_cannot_be_sent_is_said_in_the_language_of_the_page(
    browser: Browser, scene: Playground, tmp_path: Path, language: str, owner: str, blank: str, broken: str
) -> None:
    file = tmp_path / "words.png"
    file.write_bytes(b"words")
    async with phone_of(browser, scene, owner, language=language) as page:
        await page.locator("#text").fill("   ")
        await page.locator("#send").click()
        await expect(page.locator("#status")).to_contain_text(blank)
        await page.locator("#picture").set_input_files(file)
        await expect(page.locator("#status")).to_contain_text(broken)
        await expect(page.locator("#feed img")).to_have_count(0)
        await page.locator("#text").fill("x" * 2000)
        await expect(page.locator("#limit")).to_contain_text("2000 / 2000")


async def test_a_file_that_is_no_picture_is_sent_to_nobody(scene: Playground) -> None:
    url = f"http://127.0.0.1:{scene.phone_port}/wecom/picture?customer=sun"
    async with aiohttp.ClientSession() as client:
        for body, problem in ((b"words", "no_picture"), (b"x" * 2_000_001, "large_picture")):
            async with client.post(url, data=BytesIO(body), headers={"Content-Type": "image/png"}) as answer:
                assert (answer.status, await answer.json()) == (400, {"problem": problem})
    assert scene.handsets.of("sun") == []


async def test_a_transcript_that_is_no_transcript_is_refused_with_words(
    browser: Browser, scene: Playground, tmp_path: Path
) -> None:
    file = tmp_path / "empty.json"
    file.write_text("", encoding="utf-8")
    async with phone_of(browser, scene, "赵奶奶") as page:
        await page.get_by_label("把转写文件拖到这里").set_input_files(file)
        await expect(page.locator("#status")).to_contain_text("没有发出")


@pytest.mark.parametrize("header", [{"Origin": "http://elsewhere.example"}, {"Host": "rebound.example"}])
async def test_another_sites_page_can_send_nothing_from_the_phone(scene: Playground, header: dict[str, str]) -> None:
    sent = {"customer": "chan", "text": "扣了两次"}
    async with (
        aiohttp.ClientSession() as elsewhere,
        elsewhere.post(f"http://127.0.0.1:{scene.phone_port}/sms", json=sent, headers=header) as answer,
    ):
        assert answer.status == 403
    assert scene.handsets.of("chan") == []


@pytest.mark.parametrize(("language", "scheme"), [("zh", "light"), ("en", "dark")])
async def test_the_phone_is_accessible_and_fits_a_telephone(
    browser: Browser, scene: Playground, language: str, scheme: Literal["light", "dark"]
) -> None:
    """WCAG 2.2 AA as far as axe can see, on 360 pixels and on a desktop, in light and dark."""
    owner = {"zh": "您自己", "en": "Yourself"}[language]
    for width in (360, 1280):
        viewport = {"width": width, "height": 800}
        async with phone_of(browser, scene, owner, language=language, viewport=viewport, color_scheme=scheme) as page:
            await page.locator("#send").click()
            await expect(page.locator("#feed .theirs")).not_to_have_count(0)
            case = page.locator("article").first
            await case.locator("summary").click()
            await case.locator(".steps button").first.click()
            await expect(page.locator("#cards .card").first).to_be_visible()
            await sound(page)


@pytest.mark.parametrize("owner", ["王芳", "李小明", "赵奶奶", "陳嘉欣", "孙立", "周婷"])
async def test_every_customers_phone_fits_a_telephone(browser: Browser, scene: Playground, owner: str) -> None:
    async with phone_of(browser, scene, owner, viewport={"width": 360, "height": 800}) as page:
        await sound(page)
