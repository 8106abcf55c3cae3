"""Cards on their way to the bank's people: over real HTTP to a simulated WeCom."""

from __future__ import annotations

import pytest

from gateway.errors import DeliveryFailed, Misconfigured, Permanent, Temporary, Unavailable, Unknown
from gateway.model import OutboundMessage
from tests.adapters.wecom_app.branch import LINK, Branch, branch, card, message, text
from tests.factories import ticket

SEND = "message/send"


async def failed(opened: Branch, what: OutboundMessage) -> DeliveryFailed:
    with pytest.raises(DeliveryFailed) as failure:
        await opened.send(what)
    return failure.value


async def test_a_card_shows_the_notice_its_button_and_the_way_to_the_case() -> None:
    async with branch() as opened:
        what = message()
        sent = await opened.send(what)
        shown = opened.shown()
    assert sent.provider_id == shown.msgid
    assert shown.task_id == what.key
    assert [(one.key, one.text) for one in shown.buttons] == [("accept", "接单")]
    assert shown.content["card_action"] == {"type": 1, "url": LINK}
    assert "[TS-261123-000001-7] 派单" in shown.text
    assert "请最迟16:00接单" in shown.text


async def test_a_notice_with_nothing_to_press_leads_to_the_case() -> None:
    async with branch() as opened:
        await opened.send(message(card(choices=())))
        shown = opened.shown()
    assert (shown.content["card_type"], shown.buttons) == ("text_notice", ())
    assert shown.content["card_action"]["url"] == LINK


async def test_a_notice_that_leads_nowhere_is_a_text() -> None:
    async with branch() as opened:
        await opened.send(message(card(choices=(), link="")))
        shown = opened.shown()
    assert shown.msgtype == "text"
    assert shown.text.startswith("[TS-261123-000001-7] 派单\n【派单】")


async def test_a_button_is_there_without_an_address_of_the_gateway() -> None:
    async with branch() as opened:
        await opened.send(message(card(link="")))
        assert [one.key for one in opened.shown().buttons] == ["accept"]


@pytest.mark.parametrize("changes", [{}, {"choices": ()}, {"choices": (), "link": ""}])
@pytest.mark.parametrize("minutes", [1, 200])
async def test_a_notice_whose_answer_was_lost_reaches_the_member_once(changes: dict[str, object], minutes: int) -> None:
    """Lesson 36: the same key on a repeat, a minute or three hours later."""
    async with branch() as opened:
        what = message(card(**changes))
        opened.wecom.faults.break_next(SEND, "drop")
        assert isinstance(await failed(opened, what), Unknown)
        opened.clock.later(minutes=minutes)
        await opened.send(what)
        assert opened.shown().text
        assert opened.wecom.requests[SEND] == 2


@pytest.mark.parametrize("changes", [{}, {"choices": ()}, {"choices": (), "link": ""}])
async def test_two_notices_of_the_same_words_are_two(changes: dict[str, object]) -> None:
    """WeCom drops a message that it has had within a time: nothing may be equal that is not the same notice."""
    async with branch() as opened:
        for _ in range(2):
            await opened.send(message(card(**changes)))
        assert len(opened.wecom.cards("chenjing")) == 2


@pytest.mark.parametrize("to", ["nobody-here", "@all", "chenjing|lili", "部门"])
async def test_who_is_no_member_is_told_by_another_way(to: str) -> None:
    """`@all` and `a|b` would reach others."""
    async with branch(staff=("ChenJing", "LiLi")) as opened:
        failure = await failed(opened, message(to=to))
        assert opened.wecom.members.messages == []
    assert (type(failure), failure.reason) == (Permanent, "invalid_user")


async def test_a_member_is_the_same_in_any_case() -> None:
    async with branch() as opened:
        await opened.send(message(to="CHENJING"))
        assert opened.shown()


@pytest.mark.parametrize(
    ("code", "kind", "reason"),
    [
        (81013, Permanent, "invalid_user"),
        (60111, Permanent, "invalid_user"),
        (45002, Permanent, "errcode 45002"),
        (60011, Temporary, "errcode 60011"),
        (301002, Temporary, "errcode 301002"),
        (48002, Temporary, "errcode 48002"),
        (60020, Temporary, "errcode 60020"),
        (45009, Temporary, "errcode 45009"),
        (-1, Unknown, "errcode -1"),
    ],
)
async def test_what_is_wrong_with_us_is_tried_again_and_what_is_wrong_with_the_member_is_not(
    code: int, kind: type[DeliveryFailed], reason: str
) -> None:
    """Lesson 78: HTTP 200 is no success."""
    async with branch() as opened:
        opened.wecom.faults.answer_next(SEND, code)
        failure = await failed(opened, message())
        assert opened.wecom.cards("chenjing") == []
    assert (type(failure), failure.reason) == (kind, reason)


async def test_a_token_that_ended_early_costs_no_notice() -> None:
    async with branch() as opened:
        await opened.send(message())
        opened.wecom.expire_tokens()
        await opened.send(message())
        assert len(opened.wecom.cards("chenjing")) == 2
        assert opened.wecom.requests["gettoken"] == 2


async def test_a_long_notice_is_cut_where_it_can_be_seen() -> None:
    """WeCom itself cuts without a word (path/90236)."""
    async with branch() as opened:
        long = text("请协同核查" * 200, subject="派" * 60)
        for changes in ({}, {"choices": (), "link": ""}):
            await opened.send(message(card(text=long, **changes)))
        shown, plain = opened.wecom.cards("chenjing")
    title, words = shown.content["main_title"]["title"], shown.content["sub_title_text"]
    assert (len(title), title[-1], len(words), words[-1]) == (36, "…", 160, "…")
    said, _, mark = plain.text.rpartition("\n")
    assert said.endswith("…")
    assert mark.startswith("#")


async def test_what_somebody_wrote_makes_no_link_in_a_text() -> None:
    async with branch() as opened:
        harmful = text('问题：<a href="https://evil.example">点这里</a>')
        await opened.send(message(card(text=harmful, choices=(), link="")))
        assert "<" not in opened.shown().text


async def test_a_ticket_is_no_card() -> None:
    async with branch() as opened:
        assert isinstance(await failed(opened, message(ticket())), Permanent)  # type: ignore[arg-type]
        assert opened.wecom.requests[SEND] == 0


async def test_the_check_says_what_to_change() -> None:
    async with branch() as opened:
        assert opened.channel.probe is not None
        await opened.channel.probe()
        opened.wecom.faults.untrusted_ip = True
        with pytest.raises(Misconfigured, match="60020"):
            await opened.channel.probe()
        opened.wecom.faults.untrusted_ip = False
        opened.wecom.faults.break_next("agent/get", "http500")
        with pytest.raises(Unavailable):
            await opened.channel.probe()


async def test_the_check_finds_an_agent_id_that_is_not_the_secrets() -> None:
    async with branch(agent_id=1000008) as opened:
        assert opened.channel.probe is not None
        with pytest.raises(Misconfigured, match="301002"):
            await opened.channel.probe()
