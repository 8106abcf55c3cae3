"""A customer by 微信客服 and the bank's people by WeCom, over the provider's own protocol, and all that goes wrong."""

from __future__ import annotations

import asyncio
import hashlib
import re
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.__main__ import form_for, open_channels
from gateway.app import service
from gateway.feeding import stream_of
from gateway.handover import media_lane
from gateway.storage.sqlite import SqliteStorage
from gateway.vault import Vault
from sandbox.twilio import Twilio, twilio_simulator
from sandbox.wecom import App, KfAccount, StaffMessage, WeCom, wecom_simulator
from tests.acceptance.mortal_gateway import FEED_STEPS
from tests.acceptance.office import ROUTING, Json, Office, an_office
from tests.acceptance.processes import process
from tests.acceptance.world import World, a_world, until
from tests.factories import Clock

CORP, CUSTOMERS, STAFF = "ww5823bf96d3bd56c7", 1000002, 1000003
KF, ZHANG, LI = "wkAJ2GCAAASSm4", "wmAJ2GCAAAzhang", "wmAJ2GCAAAliXQRC"
MEMBERS = {"h-1": "chenjing", "h-2": "liqiang", "x-1": "sunzong", "c-1": "zhaomin"}
MOBILE = "+85251230001"
WORDS = "我们12个人短信费都被扣两次"
ASKED = "请回复您的手机号码"
PAGES, OF_EACH = 10, 3
ACCOUNT = f"AC{'0' * 32}"


def routing() -> str:
    """Return the office's routing with the userids of those who have WeCom."""
    text = ROUTING
    for person, userid in MEMBERS.items():
        text = re.sub(rf"^({person} = .*)}}$", rf'\1, wecom = "{userid}"}}', text, flags=re.MULTILINE)
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """A bank that its customers reach by 微信客服, and whose people have WeCom."""

    office: Office
    wecom: WeCom
    twilio: Twilio

    @property
    def site(self) -> str:
        return self.office.world.site

    async def says(self, text: str = WORDS, who: str = ZHANG) -> str:
        return await self.wecom.says(who, KF, text)

    def shown(self, who: str = ZHANG) -> list[str]:
        """Return what the bank's side has written to the customer."""
        return [one.text for one in self.wecom.chat(who) if not one.mine and one.msgtype == "text"]

    async def told(self, *words: str, who: str = ZHANG) -> str:
        """Wait until the customer reads a message with all these words; return it."""
        return await until(
            lambda: next((one for one in reversed(self.shown(who)) if all(word in one for word in words)), None)
        )

    async def number(self, who: str = ZHANG) -> str:
        found = re.search(r"TS-[0-9]{6}-[0-9]{6}-.", await self.told("已受理", who=who))
        assert found
        return found[0]

    async def card(self, person: str, *words: str) -> StaffMessage:
        """Wait for a card with these words on somebody's WeCom."""

        def found() -> StaffMessage | None:
            cards = self.wecom.cards(MEMBERS[person])
            return next((one for one in reversed(cards) if all(word in one.text for word in words)), None)

        return await until(found)

    async def complaints(self) -> Sequence[str]:
        assert self.office.world.running is not None
        async with self.office.world.running.storage.reading() as tx:
            return [one.number for one in await tx.complaints.waiting(100)]

    async def texts_to(self, number: str) -> Sequence[str]:
        return await until(lambda: [one.body for one in self.twilio.messages if one.to == number])

    async def looks(self) -> None:
        """Have the stream read now, as after the poll interval."""
        assert self.office.world.running is not None
        await self.office.world.running.coordination.wake(stream_of("wecom", KF))


@asynccontextmanager
async def a_house(folder: Path, clock: Clock, **options: Any) -> AsyncIterator[House]:
    keys = {"token": "QDG6eK", "aes_key": "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"}
    apps = [App(agent_id=one, secret=f"secret-of-{one}", **keys) for one in (CUSTOMERS, STAFF)]
    accounts = [KfAccount(open_kfid=KF, name="投诉受理", app=CUSTOMERS)]
    async with (
        wecom_simulator(
            corp_id=CORP, apps=apps, accounts=accounts, staff=tuple(MEMBERS.values()), now=clock, **options
        ) as wecom,
        twilio_simulator(account_sid=ACCOUNT, auth_token="sandbox-twilio-token", now=clock) as twilio,
        an_office(folder, clock, routing=routing(), channels=channels(wecom, twilio)) as office,
    ):
        house = House(office=office, wecom=wecom, twilio=twilio)
        connect(house)
        yield house


def connect(house: House) -> None:
    house.wecom.apps[CUSTOMERS].hook_url = f"{house.site}/hooks/wecom"
    house.wecom.apps[STAFF].hook_url = f"{house.site}/hooks/wecom-staff"


def channels(wecom: WeCom, twilio: Twilio) -> Mapping[str, Any]:
    def app(agent_id: int) -> dict[str, Any]:
        one = wecom.apps[agent_id]
        return {
            "corp_id": CORP,
            "secret": one.secret,
            "credentials": [{"token": one.token, "aes_key": one.aes_key}],
            "base_url": wecom.url,
            "timeout": 2,
        }

    return {
        "wecom": {"adapter": "wecom", "accounts": [{"open_kfid": KF}], **app(CUSTOMERS)},
        "wecom-staff": {"adapter": "wecom_app", "agent_id": STAFF, **app(STAFF)},
        "sms": {
            "adapter": "sms",
            "account_sid": ACCOUNT,
            "auth_tokens": ["sandbox-twilio-token"],
            "from_number": twilio.number,
            "base_url": twilio.url,
            "timeout": 2,
        },
    }


@pytest.fixture
async def house(tmp_path: Path, clock: Clock) -> AsyncIterator[House]:
    async with a_house(tmp_path, clock) as opened:
        yield opened


async def test_we_com_accepts_our_address_for_both_apps(house: House) -> None:
    assert await house.wecom.verify(CUSTOMERS)
    assert await house.wecom.verify(STAFF)


async def test_a_complaint_in_wechat_is_numbered_asked_for_a_number_carded_and_accepted_by_a_press(
    house: House,
) -> None:
    """A001, A028, A088, A102, S0-9(1): the whole way, from the customer's phone to the agent's and back."""
    await house.says()
    first = await house.told("已受理", ASKED)
    number = await house.number()
    assert number in first
    await house.says(MOBILE)
    case = await contact_left(house, number)
    assert [(one["type"], one["verified"]) for one in case["contacts"]] == [("wecom", False), ("mobile", False)]
    assert case["told_until"] is None
    await house.told(number, "已记下您留的手机号码")
    handler = (await house.office.graded(number))["handler"]
    card = await house.card(handler, number, "派单")
    assert [button.key for button in card.buttons] == ["accept"]
    assert WORDS not in str(card.content)
    pressed = await house.wecom.press(MEMBERS[handler], card.task_id, "accept")
    assert pressed.status == 200
    after = await house.office.m1.sees(number)
    assert (after["state"], after["handler"]) == ("accepted", handler)
    timeline = (await house.office.m1.asks(f"complaints/{number}/timeline")).body
    assert [entry["actor"] for entry in timeline if entry["event"] == "accepted"] == [handler]
    assert "已接单" in (await house.card(handler, number, "派单")).replaced


async def contact_left(house: House, number: str) -> Json:
    async def left() -> Json | None:
        case = await house.office.m1.sees(number)
        return case if len(case["contacts"]) > 1 else None

    return await until(left)


async def test_a_press_that_comes_again_is_answered_like_the_first_and_another_persons_is_refused(
    house: House,
) -> None:
    await house.says()
    number = await house.number()
    handler = (await house.office.graded(number))["handler"]
    card = await house.card(handler, number, "派单")
    await house.office.handler(await house.office.m1.sees(number)).does(number, "accept")  # at the desk, before
    pressed = await house.wecom.press(MEMBERS[handler], card.task_id, "accept")
    assert pressed.status == 200
    assert "已接单" in (await house.card(handler, number, "派单")).replaced


async def test_a_press_on_a_card_of_a_case_that_went_elsewhere_does_nothing_and_says_so(house: House) -> None:
    await house.says()
    number = await house.number()
    handler = (await house.office.graded(number))["handler"]
    card = await house.card(handler, number, "派单")
    other = {"h-1": "h-2", "h-2": "h-1"}[handler]
    await house.office.m1.does(number, "reroute", unit="cards", handler=other, approver="u-1", reason="另一位办理")
    pressed = await house.wecom.press(MEMBERS[handler], card.task_id, "accept")
    assert pressed.status == 200
    assert (await house.office.m1.sees(number))["state"] == "dispatched"
    assert "已接单" not in (await house.card(handler, number, "派单")).replaced
    assert (await house.card(other, number, "派单")).buttons


async def test_who_is_no_member_any_more_is_told_by_mail(house: House) -> None:
    """invaliduser comes with errcode 0: it is no success (lesson 78)."""
    house.wecom.staff.clear()
    await house.says()
    number = await house.number()
    handler = (await house.office.graded(number))["handler"]
    await house.office.mailed(handler, number)


async def test_a_red_alert_is_on_the_executives_wecom_at_once_and_is_telephoned(house: House) -> None:
    """A053, A102."""
    await house.says()
    number = await house.number()
    await house.office.graded(number, level="major")
    for person in ("x-1", "c-1"):
        await house.card(person, number, "红色预警")
    calls = (await house.office.m1.asks("calls")).body
    assert {one["complaint"] for one in calls} == {number}


async def test_a_picture_is_fetched_before_its_three_days_end_and_kept(house: House) -> None:
    """A012: providers keep it for days, evidence is for years."""
    picture = b"\xff\xd8\xff\xe0" + b"a picture" * 100
    await house.says()
    number = await house.number()
    await house.wecom.sends_file(ZHANG, KF, picture, msgtype="image", media_type="image/jpeg")

    async def fetched() -> Mapping[str, Any] | None:
        messages = (await house.office.m1.asks(f"complaints/{number}/messages")).body
        files = [file for one in messages for file in one["attachments"] if file["size"]]
        return files[0] if files else None

    file = await until(fetched)
    assert (file["size"], file["sha256"]) == (len(picture), hashlib.sha256(picture).hexdigest())


async def test_a_picture_that_cannot_be_had_now_is_fetched_later(house: House) -> None:
    house.wecom.faults.answer_next("media/get", -1)
    await house.says()
    number = await house.number()
    await house.wecom.sends_file(ZHANG, KF, b"\xff\xd8\xff\xe0 a picture", msgtype="image", media_type="image/jpeg")
    await until(lambda: house.wecom.requests["media/get"] >= 1)

    async def there() -> bool:
        await house.office.passes(seconds=30)
        assert house.office.world.running is not None
        await house.office.world.running.coordination.wake(media_lane("wecom"))
        messages = (await house.office.m1.asks(f"complaints/{number}/messages")).body
        return any(file["size"] for one in messages for file in one["attachments"])

    await until(there)


async def test_a_message_that_fails_later_reaches_the_customer_by_text(house: House) -> None:
    """msg_send_fail is the only receipt there is (channels.md 1.3)."""
    await house.wecom.refuses(ZHANG, KF, fail_type=10)
    await house.says(f"短信费被扣两次，我的手机号是{MOBILE}")
    [text] = await house.texts_to(MOBILE)
    assert "TS-" in text


async def test_a_conversation_in_a_colleagues_hands_is_left_to_them_and_the_customer_told_by_text(
    house: House,
) -> None:
    """Lesson 88: 95018, and no transfer is allowed."""
    await house.says(f"短信费被扣两次，我的手机号是{MOBILE}")
    number = await house.number()
    await house.wecom.colleague_says("chenjing", ZHANG, KF, "您好，请稍等")
    handler = house.office.handler(await house.office.graded(number))
    await handler.does(number, "accept")
    await house.office.checked_by(handler, number)

    async def texted() -> bool:
        await house.office.passes(minutes=5)
        return any(number in one.body for one in house.twilio.messages)

    await until(texted)
    assert len([one for one in house.shown() if number in one]) == 1


async def test_a_callback_three_times_reordered_and_sealed_anew_opens_each_complaint_once(
    tmp_path: Path, clock: Clock
) -> None:
    """Lessons 84, 85, 90."""
    async with a_house(tmp_path, clock, callbacks="on_demand") as house:
        for n in range(3):
            await house.says(f"{WORDS}，第{n}件", who=f"wmAJ2GCAAAcustomer{n}")
        assert set(await house.wecom.ring(reverse=True, copies=3, resealed=True)) == {200}
        for n in range(3):
            await house.number(who=f"wmAJ2GCAAAcustomer{n}")
        clock.later(hours=6)
        await house.looks()
        assert len(await house.complaints()) == 3


async def test_without_any_callback_the_words_come_in_all_the_same(tmp_path: Path, clock: Clock) -> None:
    async with a_house(tmp_path, clock, callbacks="never") as house:
        await house.says()
        await house.looks()
        assert await house.number()


@pytest.mark.parametrize("step", FEED_STEPS)
async def test_a_gateway_killed_between_page_3_and_5_of_10_loses_nothing_and_doubles_nothing(
    tmp_path: Path, clock: Clock, step: str
) -> None:
    """Lesson 90: with empty pages that have more behind them, and a page that begins before its cursor."""
    wanted = [f"{WORDS}，第{n}件" for n in range(PAGES * OF_EACH)]
    async with bank_with_a_backlog(tmp_path, clock, wanted) as (world, wecom):
        async with process(world, step=step) as (child, _):
            assert await asyncio.wait_for(child.wait(), 60) == -signal.SIGKILL
        wecom.faults.empty_pages = 1  # and no more: WeCom lets nobody read ten pages a minute who has heard no bell
        wecom.faults.repeated = 2
        clock.later(minutes=6)  # the dead one's leases have ended: of the stream, and of what it was sending
        async with process(world, step="never", hours=0):
            customers = [f"wmAJ2GCAAAcustomer{n}" for n in range(len(wanted))]
            await until(lambda: all(numbers(wecom, who) for who in customers), patience=60)
    given = [number for who in customers for number in numbers(wecom, who)]
    assert (len(given), len(set(given))) == (len(wanted), len(wanted))
    assert sorted(await texts_held(world)) == sorted(wanted)


async def test_eight_workers_with_an_expired_token_ask_for_one_and_every_notice_arrives(
    tmp_path: Path, clock: Clock
) -> None:
    """Lesson 86: eight whole gateways over one database, one app."""
    async with a_house(tmp_path, clock) as house, AsyncExitStack() as stack:
        world = house.office.world
        for _ in range(7):
            channels = open_channels(world.settings, clock)
            await stack.enter_async_context(service(world.settings, channels, form_for=form_for, now=clock))
        await house.says()
        await house.number()
        asked = house.wecom.requests["gettoken"]
        house.wecom.expire_tokens()
        customers = [f"wmAJ2GCAAAcustomer{n}" for n in range(24)]
        for who in customers:
            await house.says(who=who)
        given = [await house.number(who=who) for who in customers]
    assert len(set(given)) == len(customers)
    assert house.wecom.requests["gettoken"] - asked == 1


def numbers(wecom: WeCom, who: str) -> list[str]:
    """Return the numbers a customer was told."""
    told = [one.text for one in wecom.chat(who) if not one.mine and one.msgtype == "text"]
    return [found[0] for text in told if (found := re.search(r"TS-[0-9]{6}-[0-9]{6}-.", text))]


async def texts_held(world: World) -> list[str]:
    vault = Vault.load(world.folder / "huiyin.keys")
    async with SqliteStorage.open(world.settings.storage.url, vault) as storage, storage.reading() as tx:
        found = await tx.complaints.waiting(100)
        return [str(message.body["text"]) for one in found for message in await tx.messages.of(one.id)]


@asynccontextmanager
async def bank_with_a_backlog(folder: Path, clock: Clock, texts: Sequence[str]) -> AsyncIterator[tuple[World, WeCom]]:
    """Yield a bank whose gateway does not run yet, and to whom these customers have written in the meantime."""
    keys = {"token": "QDG6eK", "aes_key": "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"}
    app = App(agent_id=CUSTOMERS, secret="secret-of-the-app", **keys)
    account = KfAccount(open_kfid=KF, name="投诉受理", app=CUSTOMERS)
    async with wecom_simulator(corp_id=CORP, apps=[app], accounts=[account], now=clock, callbacks="never") as wecom:
        wecom.faults.page_limit = OF_EACH
        for n, text in enumerate(texts):
            await wecom.says(f"wmAJ2GCAAAcustomer{n}", KF, text)
        table = {"corp_id": CORP, "secret": app.secret, "credentials": [keys], "base_url": wecom.url}
        channels = {"wecom": {"adapter": "wecom", "accounts": [{"open_kfid": KF}], **table}}
        async with a_world(folder, clock, channels=channels) as world:
            yield world, wecom
