"""What holds for every request: headers, health, the log, methods, texts in every language."""

from __future__ import annotations

import string
from datetime import timedelta

import jinja2
import pytest

from adapters.web_form.wire import WebForm, fields
from gateway import share
from gateway.errors import GatewayError, Misconfigured
from gateway.model import Language
from gateway.settings import DEMONSTRATION_BANK, Bank
from gateway.web.health import HealthReport, Part
from gateway.web.middleware import PAGES_FOR
from gateway.web.problems import TABLE
from gateway.web.screens import Screens
from gateway.web.wording import Wording, size
from tests.conftest import Core
from tests.unit.web.world import GOOD, SENDERS, Visitor, open_site

PATHS = ["/", "/complaint", "/nothing", "/received/x", "/api/v1/nothing", "/healthz", "/readyz", "/metrics"]
BANK = Bank.model_validate(DEMONSTRATION_BANK)


@pytest.mark.parametrize("path", PATHS)
async def test_every_answer_forbids_scripts_frames_and_guessing(visitor: Visitor, path: str) -> None:
    page = await visitor.opens(path)
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert len(page.headers["X-Request-Id"]) == 26


async def test_pages_use_nothing_from_outside_and_no_script(visitor: Visitor) -> None:
    page = await visitor.opens()
    assert "script" not in page.tags
    assert " style=" not in page.html
    assert "//" not in page.html.replace("http://www.w3.org/2000/svg", "")


async def test_assets_are_named_by_their_content_and_kept_for_ever(visitor: Visitor) -> None:
    page = await visitor.opens()
    path = next(part for part in page.html.split('"') if part.endswith(".css"))
    css = await visitor.opens(path)
    assert css.status == 200
    assert "immutable" in css.headers["Cache-Control"]
    assert (await visitor.opens("/static/site.000000000000.css")).status == 404


async def test_only_https_asks_for_https_for_ever(visitor: Visitor, core: Core) -> None:
    assert "Strict-Transport-Security" not in (await visitor.opens()).headers
    async with open_site(core, public_url="https://tousu.bank.example") as secure:
        assert "Strict-Transport-Security" in (await secure.opens()).headers


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
async def test_other_methods_are_not_allowed(visitor: Visitor, method: str) -> None:
    async with visitor.client.request(method, "/") as response:
        assert response.status == 405


async def test_head_is_get_without_the_page(visitor: Visitor) -> None:
    async with visitor.client.head("/") as response:
        assert (response.status, await response.read()) == (200, b"")


async def test_the_loop_that_turns_is_alive(visitor: Visitor) -> None:
    assert (await visitor.opens("/healthz")).status == 200


async def test_readiness_names_each_part_and_its_age(visitor: Visitor) -> None:
    """Lesson 2: a loop that died must turn the node red while the web is still up."""
    visitor.health.report_ = HealthReport(
        ready=False, parts={"storage": Part(ok=True), "mailbox": Part(ok=False, age=timedelta(seconds=700.25))}
    )
    async with visitor.client.get("/readyz") as response:
        assert response.status == 503
        assert await response.json() == {
            "ready": False,
            "parts": {"storage": {"ok": True}, "mailbox": {"ok": False, "age_seconds": 700.2}},
        }


async def test_metrics_are_prometheus_text(visitor: Visitor) -> None:
    page = await visitor.opens("/metrics")
    assert page.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "huiyin_" in page.html


async def test_the_log_has_route_and_status_and_nothing_of_the_customer(
    visitor: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "huiyin")
    page = await visitor.sends(GOOD, headers={"X-Forwarded-For": "203.0.113.9"})
    await visitor.opens("/?lang=en&text=13800000000")
    lines = [str(getattr(record, "fields", {})) + record.getMessage() for record in caplog.records]
    assert any("'route': '/received/{token}'" in line for line in lines)
    secrets = ("203.0.113.9", "127.0.0.1", "13800000000", "李女士", page.path.removeprefix("/received/"))
    assert not [secret for secret in secrets if any(secret in line for line in lines)]


def wordings() -> dict[Language, Wording]:
    always = {"bank": "B", "telephone": "1"}
    texts = {tag: share.read_text("templates", f"pages/{tag.value}.toml", None) for tag in Language}
    return {tag: Wording(tag, toml, always=always) for tag, toml in texts.items()}


@pytest.mark.parametrize("language", [Language.ZH_HANT, Language.EN])
def test_every_language_says_the_same_things_with_the_same_values(language: Language) -> None:
    every = wordings()
    simplified, other = every[Language.ZH_HANS].texts, every[language].texts
    assert set(other) == set(simplified)
    filled = {key: {name for _, name, _, _ in string.Formatter().parse(text) if name} for key, text in other.items()}
    loose = {"bank", "telephone"}  # a language may leave these two out
    for key, text in simplified.items():
        wanted = {name for _, name, _, _ in string.Formatter().parse(text) if name}
        assert filled[key] - loose == wanted - loose, key


def test_every_question_choice_and_error_page_has_its_words() -> None:
    texts = wordings()[Language.ZH_HANS].texts
    for item in WebForm(source="web-form", fields=fields(SENDERS)).fields:
        assert f"field.{item.name}.label" in texts
        assert not [choice for choice in item.choices if f"choice.{item.name}.{choice}" not in texts]
    assert not [status for status in PAGES_FOR if f"error.{status}.title" not in texts]


def test_a_language_that_lacks_a_text_is_found_when_the_program_starts() -> None:
    shipped = share.template_loader(None)
    english = share.read_text("templates", "pages/en.toml", None).replace('send = "Send"\n', "")
    loader = jinja2.ChoiceLoader([jinja2.DictLoader({"pages/en.toml": english}), shipped])
    with pytest.raises(Misconfigured, match=r"en\.toml lacks form\.send"):
        Screens(loader=loader, bank=BANK, demonstration=False)


def test_a_template_that_is_none_is_found_when_the_program_starts() -> None:
    broken = jinja2.ChoiceLoader([jinja2.DictLoader({"pages/fields.j2": "{% if %}"}), share.template_loader(None)])
    with pytest.raises(Misconfigured, match=r"fields\.j2"):
        Screens(loader=broken, bank=BANK, demonstration=False)


def test_the_demonstration_banner_is_only_on_a_demonstration() -> None:
    for demonstration in (True, False):
        screens = Screens(loader=share.template_loader(None), bank=BANK, demonstration=demonstration)
        page = screens.show("error", Language.ZH_HANS, status=404, code="404", fault="").text or ""
        assert ("演示环境" in page) is demonstration


def test_every_error_the_gateway_raises_towards_a_caller_has_its_status() -> None:
    shown = {"rejected", "invalid", "forbidden", "not_found", "conflict", "unavailable"}
    assert shown <= set(TABLE)
    codes = {error.code for error in GatewayError.__subclasses__()}
    assert {"rejected", "unavailable"} <= codes


@pytest.mark.parametrize(
    ("count", "shown"),
    [(1, "1 kB"), (999_000, "999 kB"), (1_000_000, "1 MB"), (1_250_000, "1.2 MB"), (10_000_000, "10 MB")],
)
def test_sizes_are_shown_as_telephones_show_them(count: int, shown: str) -> None:
    assert size(count) == shown
