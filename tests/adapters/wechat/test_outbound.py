"""Handing notices over to a simulated 公众号: each answer gets its class, and what became of them comes home."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest

from adapters.tools import Tools
from adapters.wechat import Config, open_channel
from gateway.errors import DeliveryFailed, GatewayError, Misconfigured, Permanent, Temporary, Unavailable, Unknown
from gateway.model import DeliveryReceipt, DeliveryStatus, NoticeKind, OutboundMessage, Sent
from sandbox.wechat import Fault
from tests.adapters.wechat.account import (
    CONSENTED,
    NUMBER,
    SECRET,
    TEMPLATES,
    WANG,
    Account,
    account,
    message,
    said,
    settings,
)
from tests.factories import START
from tests.shared import MemoryShared, tools

CLOSED = NoticeKind.CLOSED_UNANSWERED  # by a template of 订阅通知


async def send(opened: Account, what: OutboundMessage | None = None) -> Sent:
    assert opened.channel.sender is not None
    return await opened.channel.sender.send(what or message())


async def failed(opened: Account, what: OutboundMessage | None = None) -> DeliveryFailed:
    async with asyncio.timeout(30):  # longer than any limit here; the simulator would stall for ever
        with pytest.raises(DeliveryFailed) as caught:
            await send(opened, what)
    error = caught.value
    # Nothing of the recipient, the text or a secret is in what is logged, nor an error with the address behind it.
    assert error.__cause__ is None
    assert error.__context__ is None or error.__suppress_context__
    assert not any(private in f"{error!r} {error}" for private in (WANG, NUMBER, SECRET, "access-", "oLi4Ming"))
    return error


def receipts(opened: Account) -> list[tuple[str, DeliveryStatus, str]]:
    told = [event for event in opened.events if isinstance(event, DeliveryReceipt)]
    return [(one.provider_id, one.status, one.reason) for one in told]


async def test_a_notice_is_a_card_of_approved_wording_and_holds_no_link() -> None:
    """E.3; E.2 rules 2 and 11."""
    async with account() as opened:
        what = message()
        sent = await send(opened, what)
        (card,) = opened.wechat.notices(WANG)
        assert (sent.provider_id, card.title) == (card.id, "投诉受理通知")
        assert card.lines == (
            f"受理编号:{NUMBER}",
            "办理状态:已受理",
            "反映事项:您反映的问题",
            "答复期限:2026年11月26日 23:59",
            "联系电话:400-800-0000",
        )
        (asked,) = opened.wechat.requests
        assert asked["client_msg_id"] == what.key
        assert asked.keys() == {"touser", "template_id", "data", "client_msg_id"}


async def test_the_same_notice_handed_over_twice_is_one_card() -> None:
    """Lesson 57: WeChat drops a client_msg_id that it has had within ten minutes."""
    async with account() as opened:
        what = message()
        opened.wechat.fail_next(Fault(kind="drop"))
        assert isinstance(await failed(opened, what), Unknown)
        await send(opened, what)
        assert (len(opened.wechat.notices(WANG)), len(opened.wechat.requests)) == (1, 2)


async def test_a_notice_without_a_template_is_for_the_next_contact() -> None:
    async with account(templates={"n03": TEMPLATES["default"]}) as opened:
        told = await failed(opened)
        assert (type(told), told.reason) == (Permanent, "no_template")
        assert opened.wechat.requests == []


async def test_what_does_not_fit_is_never_asked_for() -> None:
    """Channels 1.7: 47003 is permanent, so the rules are kept before sending."""
    async with account() as opened:
        told = await failed(opened, message(said(telephone="请拨打各网点电话")))
        assert (type(told), told.reason) == (Permanent, "does_not_fit")
        assert opened.wechat.requests == []


async def test_one_consent_is_one_subscription_notice() -> None:
    """Channels 1.7: 43101 when no consent is left. It is no opt-out: the next consent is for the next notice."""
    async with account() as opened:
        await opened.wechat.allows(WANG, CONSENTED.id)
        sent = await send(opened, message(said(CLOSED)))
        assert opened.wechat.notices(WANG)[0].lines[1] == "状态:已办结"
        told = await failed(opened, message(said(CLOSED)))
        assert (type(told), told.reason) == (Permanent, "errcode 43101")
        await opened.wechat.report()
        assert receipts(opened) == [(sent.provider_id, DeliveryStatus.DELIVERED, "")]


@pytest.mark.parametrize(
    ("code", "error", "reason"),
    [
        (40003, Permanent, "errcode 40003"),
        (40037, Temporary, "errcode 40037"),
        (40164, Temporary, "errcode 40164"),
        (40249, Permanent, "errcode 40249"),
        (43004, Permanent, "opted_out"),
        (43101, Permanent, "errcode 43101"),
        (45009, Temporary, "errcode 45009"),
        (45011, Temporary, "errcode 45011"),  # a minute's calls: "must slower retry next minute"
        (47003, Permanent, "errcode 47003"),
        (48001, Temporary, "errcode 48001"),
        (48004, Temporary, "errcode 48004"),
        (50001, Temporary, "errcode 50001"),
        (50002, Temporary, "errcode 50002"),
        (99999, Permanent, "errcode 99999"),
        (-1, Unknown, "errcode -1"),
    ],
)
async def test_each_errcode_of_a_hand_over_has_its_class(code: int, error: type[DeliveryFailed], reason: str) -> None:
    """Lessons 64, 75, 78. What is wrong with our account or template says nothing about the customer's contact."""
    async with account() as opened:
        opened.wechat.fail_next(Fault(kind="refuse", code=code))
        told = await failed(opened)
        assert (type(told), told.reason) == (error, reason)
        assert len(opened.wechat.requests) == 1


async def test_who_left_is_taken_for_opted_out_and_a_stranger_for_gone() -> None:
    async with account() as opened:
        opened.wechat.followers.discard(WANG)
        assert (await failed(opened)).reason == "opted_out"
        assert (await failed(opened, message(to="oNobody_1"))).reason == "errcode 40003"


@pytest.mark.parametrize(
    ("fault", "error"),
    [("cut", Unknown), ("broken", Unknown), ("drop", Unknown), ("garble", Unknown), ("empty", Unknown)],
)
async def test_an_answer_that_says_nothing_leaves_it_unknown(fault: Any, error: type[DeliveryFailed]) -> None:
    """Lesson 78: HTTP 200 alone is no success."""
    async with account() as opened:
        opened.wechat.fail_next(Fault(kind=fault))
        assert type(await failed(opened)) is error
        assert len(opened.wechat.requests) == 1


@pytest.mark.parametrize(
    ("fate", "status", "reason"),
    [
        ("success", DeliveryStatus.DELIVERED, ""),
        ("failed:user block", DeliveryStatus.UNDELIVERED, "user_block"),
        ("failed: system failed", DeliveryStatus.UNDELIVERED, "system_failed"),
    ],
)
async def test_the_end_of_a_notice_names_what_the_hand_over_was_answered_with(
    fate: str, status: DeliveryStatus, reason: str
) -> None:
    async with account(simulator={"receipt_copies": 2}) as opened:
        opened.wechat.fates[WANG] = fate
        sent = await send(opened)
        await opened.wechat.report()
        assert receipts(opened) == [(sent.provider_id, status, reason)] * 2
        assert len({event.external_id for event in opened.events}) == 1


async def test_the_end_may_be_told_before_the_hand_over_is_answered() -> None:
    """Lesson 58; channels 8."""
    async with account() as opened:
        opened.wechat.fail_next(Fault(kind="early"))
        sent = await send(opened)
        assert receipts(opened) == [(sent.provider_id, DeliveryStatus.DELIVERED, "")]


@pytest.mark.parametrize("trouble", ["expire", "revoke"])
async def test_a_token_that_ends_early_is_replaced_unseen(trouble: str) -> None:
    """Lesson 86; channels 1.2."""
    async with account() as opened:
        await send(opened)
        getattr(opened.wechat.tokens, trouble)()
        await send(opened)
        assert (len(opened.wechat.notices(WANG)), opened.wechat.tokens.given) == (2, 2)


async def test_many_nodes_share_one_token_that_nobody_takes_from_another() -> None:
    """Lesson 86: with /cgi-bin/token each node would end the token of the one before it."""
    async with account() as opened, AsyncExitStack() as nodes:
        node = Tools(now=opened.clock, shared=MemoryShared(opened.clock))
        config = Config.model_validate(settings(opened.wechat.url))
        channels = [await nodes.enter_async_context(open_channel(config, node, "oa")) for _ in range(8)]

        async def send_by_each() -> None:
            await asyncio.gather(*(channel.sender.send(message()) for channel in channels if channel.sender))

        await send_by_each()
        assert opened.wechat.tokens.given == 1
        opened.wechat.tokens.expire()
        await send_by_each()
        assert (opened.wechat.tokens.given, len(opened.wechat.notices(WANG))) == (2, 16)


async def test_the_check_compares_the_settings_with_the_accounts_templates() -> None:
    async with account() as opened:
        assert opened.channel.probe is not None
        await opened.channel.probe()
        opened.wechat.templates = {}
        with pytest.raises(Misconfigured, match=r"templates\.default: the account has no template accepted-0001"):
            await opened.channel.probe()


async def test_the_check_names_fields_that_do_not_match() -> None:
    data = {name: value for name, value in TEMPLATES["default"]["data"].items() if name != "thing3"}
    async with account(templates={"n01": {**TEMPLATES["default"], "data": data}}) as opened:
        assert opened.channel.probe is not None
        with pytest.raises(Misconfigured, match="other fields: thing3"):
            await opened.channel.probe()


async def test_the_check_tells_a_wrong_secret_from_nobody_there() -> None:
    async with account(secret="another-secret") as opened:
        assert opened.channel.probe is not None
        with pytest.raises(Misconfigured) as refused:
            await opened.channel.probe()
        assert "another-secret" not in str(refused.value)
    config = Config.model_validate(settings())
    async with open_channel(config, tools(now=lambda: START), "oa") as channel:
        assert channel.probe is not None
        with pytest.raises(GatewayError) as failure:
            await channel.probe()
        assert type(failure.value) is Unavailable
