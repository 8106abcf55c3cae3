"""Every webhook of the registry: who is heard, who is refused, and what the site makes of it."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from io import BytesIO
from types import SimpleNamespace
from typing import cast

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from gateway.errors import Forbidden, Invalid
from gateway.model import Answer, Bell, InboundEvent, Outcome, Receipt
from gateway.ports import HttpReply, Webhook
from gateway.web import hooks
from gateway.web.keys import SITE, Site
from tests.contract.channels import PUBLIC_URL, SOURCE
from tests.contract.hostile import forgeries, proof, unproved
from tests.contract.opened import GREETED, HOOKED, TOLD, genuine, hooked, ids, shown
from tests.factories import START


def receipts(events: Sequence[InboundEvent]) -> list[Receipt]:
    """Return what intake says of events that all went well."""
    outcomes = {Bell: Outcome.HEARD, Answer: Outcome.DONE}
    return [Receipt(outcome=outcomes.get(type(one), Outcome.OPENED), number="TS-261123-000123-V") for one in events]


@pytest.mark.parametrize("name", HOOKED)
async def test_a_genuine_request_is_heard_and_is_the_same_a_second_time(name: str) -> None:
    async with hooked(name) as webhook:
        first, second = webhook.receive(genuine(name)), webhook.receive(genuine(name))
    assert first.events == second.events
    assert all(ids(first.events))
    assert {event.source for event in first.events} == {SOURCE}
    assert 200 <= first.reply(receipts(first.events)).status < 300


@pytest.mark.parametrize("name", HOOKED)
async def test_a_request_that_was_answered_is_refused_or_the_same_when_it_comes_again(name: str) -> None:
    """Lesson 85: duplicates hours later."""
    async with hooked(name) as webhook:
        first = webhook.receive(genuine(name))
        first.reply(receipts(first.events))
        with suppress(Forbidden):
            assert webhook.receive(genuine(name)).events == first.events


@pytest.mark.parametrize("name", HOOKED)
async def test_a_webhook_is_called_by_the_methods_that_the_kit_is_told_of(name: str) -> None:
    async with hooked(name) as webhook:
        assert sorted(webhook.methods) == (["GET", "POST"] if name in GREETED else ["POST"])


@pytest.mark.parametrize("name", GREETED)
async def test_a_provider_makes_sure_of_our_address_and_nobody_else_learns_anything_by_it(name: str) -> None:
    greeting = TOLD[name].greeting
    assert greeting is not None
    async with hooked(name) as webhook:
        greeted = webhook.receive(greeting.genuine)
        assert (greeted.events, greeted.reply([])) == ((), HttpReply(body=greeting.wanted))
        for forged in unproved(greeting.genuine, greeting.signature):
            with pytest.raises((Forbidden, Invalid)) as refused:
                webhook.receive(forged)
            assert str(refused.value) == str(type(refused.value)())


@pytest.mark.parametrize("name", HOOKED)
async def test_a_credential_is_changed_without_a_message_being_lost(name: str) -> None:
    calls = TOLD[name].calls
    assert calls is not None
    async with hooked(name) as webhook:
        before, after = webhook.receive(calls.genuine), webhook.receive(calls.rotated)
    assert proof(calls.genuine, calls.signature) != proof(calls.rotated, calls.signature)
    assert ids(before.events) == ids(after.events)


@pytest.mark.parametrize("name", HOOKED)
async def test_a_request_that_was_tampered_with_is_refused_without_a_reason(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    calls = TOLD[name].calls
    assert calls is not None
    async with hooked(name) as webhook:
        for forged in forgeries(calls.genuine, calls.signature):
            with pytest.raises((Forbidden, Invalid)) as refused:
                webhook.receive(forged)
            assert str(refused.value) == str(type(refused.value)())
    assert shown(TOLD[name].secrets, caplog.text) == []


@asynccontextmanager
async def site(webhook: Webhook, heard: list[InboundEvent]) -> AsyncIterator[TestClient[web.Request, web.Application]]:
    """Run the site with nothing but this webhook; what it hears is kept."""

    async def accept(events: Sequence[InboundEvent]) -> Sequence[Receipt]:
        heard.extend(events)
        return receipts(events)

    app = web.Application()
    reached = SimpleNamespace(web=SimpleNamespace(public_url=PUBLIC_URL))
    app[SITE] = cast("Site", SimpleNamespace(settings=reached, accept=accept, now=lambda: START))
    app.add_routes(hooks.routes({SOURCE: webhook}))
    async with TestClient(TestServer(app)) as client:
        yield client


@pytest.mark.parametrize("name", HOOKED)
async def test_the_site_takes_a_genuine_request_and_refuses_one_that_is_forged_or_too_large(name: str) -> None:
    request, heard = genuine(name), list[InboundEvent]()
    address = request.url.removeprefix(PUBLIC_URL)
    async with hooked(name) as webhook:
        expected = ids(webhook.receive(request).events)
        async with site(webhook, heard) as client:
            statuses = [
                (await client.post(address, data=BytesIO(body), headers=request.headers)).status
                for body in (request.body, request.body[:-1], b"a" * (webhook.max_body + 1))
            ]
    assert (statuses[0] // 100, statuses[1] in (400, 403), statuses[2]) == (2, True, 413)
    assert ids(heard) == expected


@pytest.mark.parametrize("name", HOOKED)
async def test_the_site_greets_whom_the_channel_greets_and_nobody_else(name: str) -> None:
    greeting, heard = TOLD[name].greeting, list[InboundEvent]()
    request = greeting.genuine if greeting else genuine(name)
    async with hooked(name) as webhook, site(webhook, heard) as client:
        answer = await client.get(request.url.removeprefix(PUBLIC_URL), headers=request.headers)
        assert (answer.status, await answer.read()) == (200, greeting.wanted) if greeting else answer.status == 405
    assert heard == []
