"""Where providers call: checked, taken in, and answered only after the commit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from yarl import URL

from gateway.errors import Forbidden, Invalid, Unavailable
from gateway.model import InboundMessage, Outcome, Receipt
from gateway.ports import HttpReply, HttpRequest, Received
from gateway.web import hooks
from tests.conftest import Core
from tests.factories import message
from tests.unit.web.world import Visitor, open_site


class Source:
    """A webhook that takes what begins with the password and says something, and tells what it heard."""

    methods = ("POST",)
    max_body = 1000

    def __init__(self) -> None:
        self.heard: list[HttpRequest] = []

    def receive(self, request: HttpRequest) -> Received:
        self.heard.append(request)
        if not request.body.startswith(b"password:"):
            raise Forbidden
        words = request.body.removeprefix(b"password:")
        if not words:
            raise Invalid

        def reply(receipts: Sequence[Receipt]) -> HttpReply:
            return HttpReply(status=201, body=f"<{receipts[0].number}>".encode(), media_type="text/xml")

        return Received(events=(said(words.decode()),), reply=reply)


def said(words: str) -> InboundMessage:
    return message(words, source="hotline", external_id=words, message_id="")


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
async def visitor(core: Core, source: Source) -> AsyncIterator[Visitor]:
    async with open_site(core, webhooks={"hotline": source}, public_url="https://bank.example/x") as opened:
        yield opened


async def test_a_genuine_call_is_answered_with_what_was_committed(visitor: Visitor) -> None:
    async with visitor.client.post("/hooks/hotline", data=b"password:words") as response:
        answer = await response.text()
        assert (response.status, response.content_type) == (201, "text/xml")
    again = await visitor.core.intake.receipt_of(said("words"))
    assert again is not None
    assert (again.outcome, answer) == (Outcome.OPENED, f"<{again.number}>")


async def test_a_forged_call_learns_nothing_but_its_status(visitor: Visitor) -> None:
    async with visitor.client.post("/hooks/hotline", data=b"forged") as response:
        assert (response.status, await response.read()) == (403, b"")
    assert visitor.accept.events == []


async def test_a_genuine_call_that_makes_no_sense_is_refused(visitor: Visitor) -> None:
    async with visitor.client.post("/hooks/hotline", data=b"password:") as response:
        assert response.status == 400


async def test_nothing_is_promised_while_nothing_can_be_taken(visitor: Visitor) -> None:
    visitor.accept.fails = Unavailable()
    async with visitor.client.post("/hooks/hotline", data=b"password:words") as response:
        assert (response.status, response.headers["Retry-After"]) == (503, "5")


async def test_a_body_beyond_the_limit_is_not_read_to_its_end(visitor: Visitor, source: Source) -> None:
    async with visitor.client.post("/hooks/hotline", data=b"password:" + b"x" * 1000) as response:
        assert response.status == 413
    assert source.heard == []


async def test_a_body_that_never_ends_is_ended_and_not_heard(
    visitor: Visitor, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is not genuine is known only by the whole body: without a limit anybody could hold many half ones open."""
    monkeypatch.setattr(hooks, "SECONDS", 0.05)
    answered = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b"password:"
        await answered.wait()

    async with visitor.client.post("/hooks/hotline", data=body()) as response:
        assert response.status == 408
    answered.set()
    assert source.heard == []


async def test_what_was_called_is_the_public_address_and_not_what_a_header_says(
    visitor: Visitor, source: Source
) -> None:
    """Providers sign the address they call; a forged Host must not matter."""
    headers = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http"}
    path = f"http://{visitor.host}:{visitor.port}/hooks/hotline/status/01k?a=%2b&b="
    async with visitor.client.post(URL(path, encoded=True), data=b"password:words", headers=headers):
        pass
    [heard] = source.heard
    assert heard.url == "https://bank.example/x/hooks/hotline/status/01k?a=%2b&b="
    assert (heard.path, heard.query) == ("status/01k", (("a", "+"), ("b", "")))
    assert (heard.method, heard.at) == ("POST", visitor.core.clock())


async def test_a_source_without_a_webhook_has_no_address(visitor: Visitor) -> None:
    async with visitor.client.post("/hooks/mailbox", data=b"password:words") as response:
        assert response.status == 404


async def test_a_call_with_too_many_headers_is_refused(visitor: Visitor) -> None:
    headers = {f"X-{n}": "1" for n in range(100)}
    async with visitor.client.post("/hooks/hotline", data=b"password:words", headers=headers) as response:
        assert response.status == 400
