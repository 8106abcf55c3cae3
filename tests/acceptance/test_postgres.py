"""The customer's story where a bank lives: on PostgreSQL, also when it is restarted in the middle of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from gateway.model import ChannelKind, Outcome
from tests.acceptance.world import World, number_in
from tests.databases import postgres_database
from tests.servers import PostgresServer


@pytest.fixture
async def world(world: World, postgres: PostgresServer) -> AsyncIterator[World]:
    async with postgres_database(postgres) as database:
        world.changes["storage"] = {"url": database.url, "keys_file": world.folder / "huiyin.keys"}
        yield world


async def test_a_mail_a_form_and_a_reply_take_their_walk(world: World) -> None:
    async with world.gateway():
        await world.emails("Wang <wang@example.com>", "昨晚转账2,000元显示成功，对方一直没收到")
        told = await world.mail_to("wang@example.com")
        page = await world.submits(name="李小明", contact="li@example.com", text="年费80元没提前说，请退")
        number = number_in(await world.mail_to("li@example.com"))
        assert number in page
        assert (await world.complaint(number)).channel is ChannelKind.WEB_FORM
        world.clock.later(minutes=5)
        reply = {"In_Reply_To": str(told["Message-ID"]), "to": str(told["Reply-To"])}
        await world.emails("wang@example.com", "收款人是我妹妹", **reply)
        await world.emptied()
        held = await world.messages(number_in(told))
        assert [message.outcome for message in held] == [Outcome.OPENED, Outcome.JOINED]


async def test_mail_that_comes_while_the_database_is_away_is_numbered_when_it_is_back(
    world: World, postgres: PostgresServer
) -> None:
    async with world.gateway():
        await world.emails("wang@example.com", "转账没到账")
        first = number_in(await world.mail_to("wang@example.com"))
        await asyncio.to_thread(postgres.stop)
        try:
            await world.emails("li@example.com", "请退年费")
        finally:
            await asyncio.to_thread(postgres.start)
        second = number_in(await world.mail_to("li@example.com"))
        await world.emptied()
        assert first != second
        assert len(world.mails_to("wang@example.com")) == len(world.mails_to("li@example.com")) == 1
