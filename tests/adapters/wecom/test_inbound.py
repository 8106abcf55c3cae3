"""The bell: heard, answered with nothing, never taken for what somebody wrote."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.wecom import Config, open_channel
from gateway.errors import Forbidden, Invalid
from gateway.model import Bell
from gateway.ports import HttpReply, Webhook
from tests.adapters.wecom.conformance import BELL, query, sealed
from tests.adapters.wecom.house import AES_KEY, AGENT, CARDS_KF, KF, TOKEN, WANG, house, table
from tests.contract.channels import called
from tests.factories import START
from tests.shared import tools


async def hook() -> Webhook:
    async with open_channel(Config.model_validate(table()), tools(), "wecom") as channel:
        assert channel.webhook is not None
        return channel.webhook


async def received(plain: str) -> list[object]:
    envelope = sealed(plain, TOKEN, AES_KEY)
    request = called(f"<xml><Encrypt>{envelope['Encrypt']}</Encrypt></xml>".encode(), {}, query=query(envelope))
    return list((await hook()).receive(request).events)


async def test_a_bell_says_which_account_and_brings_its_ticket() -> None:
    [bell] = await received(BELL)
    assert isinstance(bell, Bell)
    assert (bell.source, bell.stream, bell.ticket, bell.received_at) == ("wecom", KF, "ENC-of-the-bell", START)
    assert bell.ticket not in repr(bell)


async def test_wecom_rings_and_is_heard_within_its_five_seconds() -> None:
    """Lesson 84: nothing is fetched before the answer."""
    async with house(simulator={"callbacks": "on_demand"}) as opened:
        await opened.wecom.says(WANG, KF, "年费请退")
        await opened.wecom.says(WANG, CARDS_KF, "还有一张卡")
        assert await opened.wecom.ring() == [200, 200]
        assert [bell.stream for bell in opened.bells] == [KF, CARDS_KF]
        assert opened.calls("kf/sync_msg") == 0
        ticket = opened.bells[0].ticket
        assert len((await opened.read(ticket=ticket)).events) == 1


async def test_two_bells_of_one_second_are_two_and_one_that_comes_again_is_refused() -> None:
    """Lessons 82, 85."""
    async with house(simulator={"callbacks": "on_demand"}) as opened:
        await opened.wecom.says(WANG, KF, "一")
        await opened.wecom.says(WANG, KF, "二")
        assert await opened.wecom.ring(copies=2) == [200, 403, 200, 403]
        assert len({bell.external_id for bell in opened.bells}) == len(opened.bells) == 2


async def test_the_console_makes_sure_of_our_address() -> None:
    async with house() as opened:
        assert await opened.wecom.verify(AGENT)
        opened.wecom.apps[AGENT].token = "another"
        assert not await opened.wecom.verify(AGENT)


@pytest.mark.parametrize(
    ("changed", "into"),
    [
        ("kf_msg_or_event", "enter_agent"),
        (f"<OpenKfId>{KF}", "<OpenKfId>wkOfAnother"),
        ("<OpenKfId>", "<OpenKfId><a/>"),
    ],
)
async def test_what_is_no_bell_of_ours_is_heard_and_left(changed: str, into: str) -> None:
    """WeCom would send it three times for any other answer."""
    assert await received(BELL.replace(changed, into)) == []


async def test_a_bell_of_long_ago_is_refused() -> None:
    """Lesson 89: no window of time."""
    envelope = sealed(BELL, TOKEN, AES_KEY)
    request = called(f"<xml><Encrypt>{envelope['Encrypt']}</Encrypt></xml>".encode(), {}, query=query(envelope))
    webhook = await hook()
    with pytest.raises(Forbidden):
        webhook.receive(replace(request, at=START + timedelta(minutes=10)))
    assert webhook.receive(replace(request, at=START + timedelta(minutes=4))).reply([]) == HttpReply()


async def test_there_is_nothing_below_the_address() -> None:
    envelope = sealed(BELL, TOKEN, AES_KEY)
    body = f"<xml><Encrypt>{envelope['Encrypt']}</Encrypt></xml>".encode()
    with pytest.raises(Invalid):
        (await hook()).receive(called(body, {}, "status", query=query(envelope)))
