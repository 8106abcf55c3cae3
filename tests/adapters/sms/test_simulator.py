"""The simulated Twilio itself, where no other test here would notice: its control from outside and its live changes."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from gateway.errors import Permanent
from gateway.model import DeliveryReceipt, DeliveryStatus
from tests.adapters.sms.line import WANG, Line, line, message


async def call(opened: Line, method: str, path: str, told: dict[str, Any] | None = None) -> Any:
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, f"{opened.twilio.url}/sandbox/{path}", json=told) as response,
    ):
        assert response.status == 200
        return await response.json()


async def send(opened: Line) -> None:
    assert opened.channel.sender is not None
    await opened.channel.sender.send(message("您好"))


async def test_faults_fates_and_reports_are_told_from_outside() -> None:
    async with line() as opened:
        await call(opened, "POST", "faults", {"kind": "refuse", "status": 400, "code": 21614})
        await call(opened, "POST", "fates", {"to": WANG, "status": "failed", "error_code": 30005})
        with pytest.raises(Permanent, match="21614"):
            await send(opened)
        await send(opened)
        assert await call(opened, "POST", "reports", {"reverse": True, "copies": 2}) == {"statuses": [200] * 4}
        last = opened.events[0]
        assert isinstance(last, DeliveryReceipt)
        assert (last.status, last.reason) == (DeliveryStatus.UNDELIVERED, "twilio 30005")
        (shown,) = await call(opened, "GET", "messages")
        assert (shown["to"], shown["body"], shown["status"]) == (WANG, "您好", "failed")


async def test_a_customer_writes_from_outside() -> None:
    async with line() as opened:
        told = {"from": WANG, "body": "年费80元没提前说，请退"}
        assert await call(opened, "POST", "inbound", told) == {"status": 200}
        assert len(opened.events) == 1


async def test_reports_come_at_once_where_nobody_holds_them_back() -> None:
    async with line(simulator={"callbacks": "at_once"}) as opened:
        await send(opened)
        await opened.twilio.settled()
        assert [event.status for event in opened.events if isinstance(event, DeliveryReceipt)] == [
            DeliveryStatus.ACCEPTED,
            DeliveryStatus.DELIVERED,
        ]


async def test_a_page_that_waits_sees_each_change() -> None:
    async with line() as opened:
        async with opened.twilio.changed:
            waiting = asyncio.create_task(send(opened))
            await opened.twilio.changed.wait_for(lambda: bool(opened.twilio.messages))
        await waiting
        async with opened.twilio.changed:
            waiting = asyncio.ensure_future(opened.twilio.report())
            await opened.twilio.changed.wait_for(lambda: opened.twilio.messages[0].status == "delivered")
        await waiting


async def test_nobody_reads_the_account_without_its_token() -> None:
    async with line() as opened, aiohttp.ClientSession() as session:
        base = f"{opened.twilio.url}/2010-04-01/Accounts/{opened.twilio.account_sid}"
        for path in (".json", "/Messages.json", "/Messages/SM1.json"):
            async with session.get(base + path) as response:
                assert (response.status, (await response.json())["code"]) == (401, 20003)


async def test_the_messages_are_listed_newest_first_by_number_and_day() -> None:
    async with line() as opened:
        await send(opened)
        await opened.twilio.report()
        opened.clock.later(days=1)
        await opened.twilio.customer_sends(WANG, "投诉")
        await send(opened)  # waits in the queue: no date of sending, so no day finds it
        login = aiohttp.encode_basic_auth(opened.twilio.account_sid, opened.twilio.auth_token)
        base = f"{opened.twilio.url}/2010-04-01/Accounts/{opened.twilio.account_sid}/Messages.json"
        async with aiohttp.ClientSession(headers={"Authorization": login}) as session:

            async def listed(**query: str) -> list[str]:
                async with session.get(base, params=query) as response:
                    return [one["body"] for one in (await response.json())["messages"]]

            assert sorted(await listed()) == ["您好", "您好", "投诉"]
            assert await listed(DateSent="2026-11-23") == ["您好"]
            assert await listed(**{"DateSent>": "2026-11-24"}) == ["投诉"]
            assert await listed(**{"DateSent<": "2026-11-24T00:00:00Z"}) == ["投诉", "您好"]
            assert await listed(From=WANG) == ["投诉"]
