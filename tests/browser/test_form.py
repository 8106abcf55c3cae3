"""The form in a real browser: by keyboard alone, without JavaScript, on a telephone, and by the rules of axe."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, FilePayload, Page, expect

from gateway.model import InboundMessage, Language
from tests.unit.web.world import Visitor

PNG: FilePayload = {
    "name": "截图 扣费.png",
    "mimeType": "image/png",
    "buffer": b"\x89PNG\r\n\x1a\n" + b"0" * 300_000,
}


@asynccontextmanager
async def tab(browser: Browser, **settings: Any) -> AsyncIterator[Page]:
    context = await browser.new_context(**settings)
    context.set_default_timeout(10_000)
    yield await context.new_page()
    await context.close()


async def tab_to(page: Page, element_id: str) -> None:
    for _ in range(20):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement.id") == element_id:
            return
    raise AssertionError(f"no way to {element_id} by keyboard")


async def test_a_complaint_by_keyboard_alone(browser: Browser, address: str, visitor: Visitor) -> None:
    """WCAG 2.1.1: from opening the page to reading the number; Enter sends the form, not the language switch."""
    async with tab(browser) as page:
        await page.goto(address)
        await tab_to(page, "text")
        await page.keyboard.type("手机银行缴费扣了两次")
        await tab_to(page, "name")
        await page.keyboard.type("李女士")
        await page.keyboard.press("Enter")
        await expect(page.locator(".summary")).to_be_focused()
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await expect(page.locator("#contact")).to_be_focused()
        await page.keyboard.type("13800000000")
        await page.keyboard.press("Enter")
        number = await page.locator(".number").inner_text()
        assert await visitor.complaints() == [number]


async def test_everything_works_without_javascript(browser: Browser, address: str, visitor: Visitor) -> None:
    async with tab(browser, java_script_enabled=False) as page:
        await page.goto(f"{address}/?lang=en")
        await page.get_by_label("In your own words").fill("  \n双重扣款\n第二行")
        await page.get_by_text("More details").click()
        await page.get_by_label("Refund").check()
        await page.get_by_label("Which service is it about?").select_option("payment")
        await page.locator("#files").set_input_files([PNG])
        await page.get_by_role("button", name="Send").click()
        await expect(page.get_by_role("alert")).to_contain_text("Enter your name")
        await expect(page.get_by_text("截图 扣费.png").first).to_be_visible()
        await page.get_by_role("button", name="繁體中文").click()
        await page.get_by_label("怎麼稱呼您").fill("Li")
        await page.get_by_label("手機號碼或電郵").fill("li@example.com")
        await page.get_by_label("電郵", exact=True).check()
        await page.get_by_role("button", name="提交").click()
        number = await page.locator(".number").inner_text()
        assert await visitor.complaints() == [number]
    (message,) = visitor.accept.events
    assert isinstance(message, InboundMessage)
    assert message.text == "双重扣款\n第二行"
    assert message.language is Language.ZH_HANT
    assert (message.particulars.demand, message.particulars.product) == (("refund",), "payment")
    assert [file.name for file in message.attachments] == [PNG["name"]]


async def test_going_back_after_the_answer_still_has_the_words_and_sends_nothing_twice(
    browser: Browser, address: str, visitor: Visitor
) -> None:
    async with tab(browser) as page:
        await page.goto(address)
        await page.fill("#text", "扣了两次")
        await page.fill("#name", "李女士")
        await page.fill("#contact", "13800000000")
        await page.click("button.send")
        number = await page.locator(".number").inner_text()
        await page.reload()
        await expect(page.locator(".number")).to_have_text(number)
        await page.go_back()
        await expect(page.locator("#text")).to_have_value("扣了两次")
        await page.click("button.send")
        await expect(page.locator(".number")).to_have_text(number)
    assert await visitor.complaints() == [number]


async def check(page: Page, name: str) -> None:
    """No rule of axe is broken and nothing is wider than the screen."""
    assert await page.locator(".demonstration").count() == 1, name
    found = await Axe().run(page)
    assert found.violations_count == 0, f"{name}\n{found.generate_report()}"
    wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide == 0, name


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", list(Language))
async def test_every_page_is_accessible_and_fits_a_telephone(
    browser: Browser, address: str, language: Language, scheme: Literal["light", "dark"]
) -> None:
    """WCAG 2.2 AA as far as axe can see, on 360 pixels, in light and dark."""
    form = f"{address}/?lang={language.value}"
    async with tab(browser, viewport={"width": 360, "height": 740}, color_scheme=scheme) as page:
        await page.goto(form)
        await page.locator("summary").click()
        await check(page, "form")
        await page.set_input_files("#files", [PNG])
        await page.fill("#contact", "li@example.com")
        await page.locator("#way").check()
        await page.fill("#branch", "长" * 201)
        await page.click("button.send")
        await check(page, "errors")
        await page.fill("#text", "扣了两次" * 50)
        await page.fill("#name", "W" * 90)
        await page.fill("#branch", "")
        await page.locator("#way-email").check()
        await page.click("button.send")
        await expect(page.locator(".number")).to_be_visible()
        await check(page, "answer")
        await page.goto(f"{address}/nothing?lang={language.value}")
        await check(page, "404")
        for _ in range(5):
            await page.goto(form)
            await page.click("button.send")
        await expect(page.locator(".summary h2").first).to_be_visible()
        await check(page, "429")


async def test_the_answer_prints_without_what_is_only_for_the_screen(browser: Browser, address: str) -> None:
    async with tab(browser) as page:
        await page.goto(address)
        for field, value in {"#text": "扣了两次", "#name": "李女士", "#contact": "13800000000"}.items():
            await page.fill(field, value)
        await page.click("button.send")
        await page.emulate_media(media="print")
        await expect(page.locator(".number")).to_be_visible()
        await expect(page.locator(".languages")).to_be_hidden()
        await expect(page.locator(".another")).to_be_hidden()
