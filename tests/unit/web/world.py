"""A site on a real socket over the real core, and a visitor without JavaScript who fills in its form."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from html.parser import HTMLParser
from typing import Any

from aiohttp import ClientSession, FormData, web

from adapters.web_form.wire import WebForm, fields
from gateway.casework import Casework
from gateway.model import ContactType, InboundEvent, InboundMessage, Receipt
from gateway.observe import fault
from gateway.ports import Accept, Webhook
from gateway.settings import DEMONSTRATION_BANK, Settings
from gateway.web import site
from gateway.web.health import HealthReport, Part
from tests.conftest import Core

SENDERS = frozenset({ContactType.EMAIL, ContactType.MOBILE})
TOKEN = "a-token-of-the-mobile-app"
GOOD = {"name": "李女士", "contact": "13800000000", "text": "手机银行缴费扣了两次，共2300元"}

File = tuple[str, bytes]


class Recording:
    """An Accept that remembers what it was given, and raises instead of passing it on when told to."""

    def __init__(self, accept: Accept) -> None:
        self._accept = accept
        self.events: list[InboundEvent] = []
        self.fails: Exception | None = None

    async def __call__(self, events: Sequence[InboundEvent]) -> Sequence[Receipt]:
        if self.fails is not None:
            raise self.fails
        self.events.extend(events)
        return await self._accept(events)

    @property
    def message(self) -> InboundMessage:
        (event,) = self.events
        assert isinstance(event, InboundMessage)
        return event


class Healthy:
    def __init__(self) -> None:
        self.report_ = HealthReport(ready=True, parts={"storage": Part(ok=True)})

    async def report(self) -> HealthReport:
        return self.report_


class Page(HTMLParser):
    """What a visitor got: status, headers, and the form as a browser would send it back."""

    def __init__(self, status: int, headers: Mapping[str, str], path: str, html: str) -> None:
        super().__init__()
        self.status, self.headers, self.path, self.html = status, headers, path, html
        self.hidden: list[tuple[str, str]] = []
        self.values: dict[str, str] = {}
        self.kept: list[str] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self._textarea = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        if tag == "a":
            self.links.append(given.get("href", ""))
        if tag == "textarea":
            self._textarea = given["name"]
        if tag == "input":
            self._input(given)

    def _input(self, given: Mapping[str, str]) -> None:
        if given["type"] == "hidden":
            self.hidden.append((given["name"], given["value"]))
        elif given["name"] == "remove":
            self.kept.append(given["value"])
        elif given["type"] == "text" or "checked" in given:
            self.values[given["name"]] = given["value"]

    def handle_data(self, data: str) -> None:
        if self._textarea:
            self.values[self._textarea] = data.removeprefix("\n")
            self._textarea = ""


@dataclass
class Visitor:
    client: ClientSession
    accept: Recording
    core: Core
    health: Healthy
    host: str
    port: int

    async def opens(self, path: str = "/", **headers: str) -> Page:
        async with self.client.get(path, headers=headers) as response:
            return Page(response.status, response.headers, response.url.path, await response.text())

    async def sends(
        self,
        answers: Mapping[str, str | Sequence[str]],
        *,
        on: Page | None = None,
        files: Sequence[File] = (),
        remove: Sequence[str] = (),
        lang: str = "zh-Hans",
        headers: Mapping[str, str] | None = None,
    ) -> Page:
        """Fill in the form of a page and press send, following to where it leads."""
        form = FormData(quote_fields=False, default_to_multipart=True)  # browsers send Chinese file names as they are
        for name, value in (on or await self.opens()).hidden:
            form.add_field(name, value)
        for name, given in answers.items():
            for value in [given] if isinstance(given, str) else given:
                form.add_field(name, value)
        for blob_id in remove:
            form.add_field("remove", blob_id)
        for file_name, content in files:
            form.add_field("files", content, filename=file_name, content_type="application/octet-stream")
        async with self.client.post(f"/complaint?lang={lang}", data=form, headers=headers) as response:
            return Page(response.status, response.headers, response.url.path, await response.text())

    async def posts(
        self, body: object, *, key: str = "k-1", token: str = TOKEN, **headers: str
    ) -> tuple[int, Mapping[str, str], dict[str, Any]]:
        """Call the API; return status, headers and the JSON of the answer."""
        sent = {"Authorization": f"Bearer {token}", "Idempotency-Key": key} | headers
        given = {"data": body} if isinstance(body, bytes) else {"json": body}
        async with self.client.post("/api/v1/complaints", headers=sent, **given) as response:
            return response.status, response.headers, await response.json(content_type=None)

    async def complaints(self) -> list[str]:
        """Return the numbers of everything held, through the messages the visitor's site took in."""
        receipts = [await self.core.intake.receipt_of(event) for event in self.accept.events]
        return sorted({receipt.number for receipt in receipts if receipt and receipt.number})


def configured(**web: Any) -> Settings:
    token = {"name": "mobile-app", "sha256": hashlib.sha256(TOKEN.encode()).hexdigest()}
    return Settings.model_validate(
        {
            "bank": DEMONSTRATION_BANK,
            "demonstration": True,
            "web": {"tokens": [token], "attachment_bytes": 1_000_000} | web,
        }
    )


@asynccontextmanager
async def open_site(
    core: Core,
    *,
    senders: frozenset[ContactType] = SENDERS,
    webhooks: Mapping[str, Webhook] | None = None,
    **settings: Any,
) -> AsyncIterator[Visitor]:
    """Start the site on a free port; `settings` are those of its [web] section."""
    recording, health = Recording(core.intake.accept), Healthy()
    app = site.build(
        settings=configured(**settings),
        accept=recording,
        receipt_of=core.intake.receipt_of,
        storage=core.storage,
        coordination=core.coordination,
        now=core.clock,
        health=health,
        metrics=core.metrics.render,
        web_form=WebForm(source="web-form", fields=fields(senders)),
        casework=Casework(storage=core.storage, recorder=core.recorder, coordination=core.coordination, now=core.clock),
        webhooks=webhooks or {},
        senders=senders,
        sign=partial(core.vault.sign, "web"),
        fault=partial(fault, metrics=core.metrics, now=core.clock()),
    )
    # Not aiohttp's TestServer: it cancels a handler whose client goes away, which the program does not.
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0]
    try:
        async with ClientSession(f"http://{host}:{port}") as client:
            yield Visitor(client=client, accept=recording, core=core, host=host, port=port, health=health)
    finally:
        await runner.cleanup()
