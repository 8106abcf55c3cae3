"""The walk of one complaint, end to end: in by mail or form, numbered, told."""

from __future__ import annotations

import aiohttp

from gateway.model import ChannelKind, Outcome
from tests.acceptance.world import BANK, World, hidden_fields, number_in, text_of


async def test_a_mail_is_numbered_and_its_sender_is_told_number_date_and_telephone(world: World) -> None:
    """A020, A028, A093."""
    async with world.gateway():
        await world.emails("Wang <wang@example.com>", "昨晚转账2,000元显示成功，对方一直没收到")
        told = await world.mail_to("wang@example.com")
        number = number_in(told)
        text = text_of(told)
        assert number in text
        assert "11月26日" in text
        assert "010-00000001" in text
        complaint = await world.complaint(number)
        assert complaint.channel is ChannelKind.EMAIL
        await world.emptied()
        assert len(await world.box.contents("Processed")) == 1


async def test_a_form_is_numbered_on_the_page_and_its_sender_is_told_by_mail(world: World) -> None:
    """A020, A028, A093."""
    async with world.gateway():
        page = await world.submits(name="李小明", contact="li@example.com", text="年费80元没提前说，请退")
        told = await world.mail_to("li@example.com")
        assert number_in(told) in page
        assert "11月26日" in page
        assert "010-00000001" in page
        assert (await world.complaint(number_in(told))).channel is ChannelKind.WEB_FORM


async def test_the_form_is_answered_in_its_own_language(world: World) -> None:
    async with world.gateway():
        await world.submits(language="en", name="Ann", contact="ann@example.com", text="My card was charged twice")
        told = await world.mail_to("ann@example.com")
        assert "On or before 26 November" in text_of(told)


async def test_a_reply_to_the_acknowledgement_joins_the_same_complaint(world: World) -> None:
    async with world.gateway():
        await world.emails("wang@example.com", "转账没到账")
        told = await world.mail_to("wang@example.com")
        world.clock.later(minutes=5)
        await world.emails(
            "wang@example.com",
            "收款人是我妹妹",
            In_Reply_To=str(told["Message-ID"]),
            Subject="回复",
            to=str(told["Reply-To"]),
        )
        await world.emptied()
        held = await world.messages(number_in(told))
        assert [message.outcome for message in held] == [Outcome.OPENED, Outcome.JOINED]
        assert len(world.mails_to("wang@example.com")) == 1


async def test_a_copy_of_a_mail_opens_nothing(world: World) -> None:
    """lesson 4: neither the same bytes again nor the same mail that came another way."""
    async with world.gateway():
        mail = await world.emails("wang@example.com", "转账没到账")
        told = await world.mail_to("wang@example.com")
        message_id = str(mail["Message-ID"])
        world.clock.later(minutes=5)
        await world.emails("wang@example.com", "转账没到账", Message_ID=message_id)
        await world.emails("wang@example.com", "转账没到账", Message_ID=message_id, Received="by another.example.com")
        await world.emptied()
        assert len(world.mails_to("wang@example.com")) == 1
        outcomes = [message.outcome for message in await world.messages(number_in(told))]
        assert outcomes == [Outcome.OPENED, Outcome.DUPLICATE]


async def test_a_form_sent_twice_is_one_complaint(world: World) -> None:
    async with world.gateway(), aiohttp.ClientSession() as browser:
        async with browser.get(f"{world.site}/?lang=zh-Hans") as page:
            fields = {
                **hidden_fields(await page.text()),
                "name": "李小明",
                "contact": "li@example.com",
                "text": "请退年费",
            }
        pages = [await world.posts(browser, fields) for _ in range(2)]
        number = number_in(await world.mail_to("li@example.com"))
        assert [number in page for page in pages] == [True, True]
        assert len(await world.messages(number)) == 1


async def test_a_poisonous_mail_between_two_good_ones_stops_neither(world: World) -> None:
    """A021, lesson 15."""
    await world.emails("a@example.com", "第一封")
    await world.box.append(b"\x00\xff\xfe\x00" * 50, world.clock())
    await world.emails("b@example.com", "第三封")
    async with world.gateway():
        assert number_in(await world.mail_to("a@example.com"))
        assert number_in(await world.mail_to("b@example.com"))
        await world.emptied()
        assert len(await world.box.contents("Processed")) == 2
        assert len(await world.box.contents("Quarantine")) == 1


async def test_an_out_of_office_is_recorded_and_never_answered(world: World) -> None:
    """lesson 33."""
    async with world.gateway():
        await world.emails("away@example.com", "我在休假", Auto_Submitted="auto-replied")
        await world.emails("wang@example.com", "转账没到账")
        await world.mail_to("wang@example.com")
        await world.emptied()
        assert world.mails_to("away@example.com") == []


async def test_our_own_mail_coming_back_opens_nothing(world: World) -> None:
    """lesson 13."""
    async with world.gateway():
        await world.emails(BANK, "自己写给自己")
        await world.emptied()
        assert [mail.rcpt for mail in world.sink.received if mail.rcpt != BANK] == []


async def test_nothing_goes_to_an_address_that_is_only_named_in_reply_to(world: World) -> None:
    """E.2 rule 10, lesson 34."""
    async with world.gateway():
        await world.emails("wang@example.com", "转账没到账", Reply_To="victim@example.com")
        await world.mail_to("wang@example.com")
        assert world.mails_to("victim@example.com") == []


async def test_mail_that_came_while_the_gateway_was_down_is_answered_with_its_true_date(world: World) -> None:
    """lesson 20."""
    await world.emails("wang@example.com", "转账没到账")
    world.clock.later(days=5)
    async with world.gateway():
        told = await world.mail_to("wang@example.com")
        assert (await world.complaint(number_in(told))).received_at == world.clock().replace(day=23)


async def test_a_receiver_that_is_away_is_told_later(world: World) -> None:
    async with world.gateway():
        await world.emails("grey-box@example.com", "转账没到账")
        await world.emptied()
        assert world.mails_to("grey-box@example.com") == []
