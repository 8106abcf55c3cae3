"""A customer by 公众号, over the provider's own protocol: words in, notices by the bank's own templates out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.model import DeliveryState, NoticeKind
from sandbox.wechat import WeChat, wechat_simulator
from sandbox.wechat_account import Fault, SimulatedNotice
from sandbox.wechat_templates import NoticeTemplate
from tests.acceptance.office import Office, an_office
from tests.acceptance.world import until
from tests.factories import Clock

APP_ID, OPENID = "wx2421b1c4370ec43b", "oDF3iY9ffA-hqb2vVvbr7qxf6A0Q"
KEYS = {"token": "QDG6eK", "aes_key": "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"}
TEMPLATE = NoticeTemplate(
    id="tm-progress",
    title="投诉办理进度",
    content="编号:{{character_string1.DATA}}\n状态:{{phrase2.DATA}}\n事项:{{thing3.DATA}}\n答复最迟:{{date4.DATA}}",
)
DATA = {"character_string1": "number", "phrase2": "status", "thing3": "matter", "date4": "promised"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A bank with a 公众号."""

    office: Office
    wechat: WeChat

    async def notices(self, count: int = 1) -> Sequence[SimulatedNotice]:
        return await until(lambda: (got := self.wechat.notices(OPENID)) and len(got) >= count and got)

    async def states(self) -> list[tuple[NoticeKind, DeliveryState]]:
        assert self.office.world.running is not None
        async with self.office.world.running.storage.reading() as tx:
            found = []
            for complaint in await tx.complaints.waiting(10):
                found += [(one.kind, one.state) for one in await tx.notices.deliveries(complaint.id) if one.contact_id]
            return found

    async def numbers(self) -> Sequence[str]:
        assert self.office.world.running is not None
        async with self.office.world.running.storage.reading() as tx:
            return [one.number for one in await tx.complaints.waiting(10)]


@asynccontextmanager
async def an_account(folder: Path, clock: Clock, **options: Any) -> AsyncIterator[Account]:
    async with wechat_simulator(
        app_id=APP_ID,
        secret="secret-of-the-account",
        templates=[TEMPLATE],
        now=clock,
        followers={OPENID},
        known={OPENID},
        **KEYS,
        **options,
    ) as wechat:
        table: Mapping[str, Any] = {
            "adapter": "wechat",
            "app_id": APP_ID,
            "secret": wechat.secret,
            "credentials": [KEYS],
            "templates": {"default": {"template_id": TEMPLATE.id, "data": DATA}},
            "base_url": wechat.url,
            "timeout": 2,
        }
        async with an_office(folder, clock, channels={"wechat": table}) as office:
            wechat.hook_url = f"{office.world.site}/hooks/wechat"
            yield Account(office=office, wechat=wechat)


@pytest.fixture
async def account(tmp_path: Path, clock: Clock) -> AsyncIterator[Account]:
    async with an_account(tmp_path, clock) as opened:
        yield opened


async def test_who_writes_to_the_account_gets_number_status_and_date_by_its_template(account: Account) -> None:
    """A001, A088; the receipt is TEMPLATESENDJOBFINISH."""
    assert await account.wechat.says(OPENID, "手机银行缴费扣了两次") == 200
    [notice] = await account.notices()
    [number] = await account.numbers()
    assert any(number in line for line in notice.lines)
    assert any("已受理" in line for line in notice.lines)
    assert "扣了两次" not in str(notice.lines)

    async def delivered() -> bool:
        return await account.states() == [(NoticeKind.ACKNOWLEDGEMENT, DeliveryState.DELIVERED)]

    await until(delivered)


async def test_a_receipt_that_comes_before_the_answer_finds_its_notice(account: Account) -> None:
    account.wechat.fail_next(Fault(kind="early"))
    await account.wechat.says(OPENID, "手机银行缴费扣了两次")
    await account.notices()

    async def delivered() -> bool:
        await account.office.passes(seconds=30)
        return (NoticeKind.ACKNOWLEDGEMENT, DeliveryState.DELIVERED) in await account.states()

    await until(delivered)


async def test_a_customer_with_the_account_only_is_told_the_outcome_by_a_person_beside_the_notice(
    account: Account,
) -> None:
    """Law 19: a template carries no findings; who has been checked on the telephone is told them there."""
    await account.wechat.says(OPENID, "手机银行缴费扣了两次，我的手机号是13800138000")
    await account.notices()
    [number] = await account.numbers()
    await account.office.investigated(number)
    await account.office.approved(number)
    await account.office.handler(await account.office.m1.sees(number)).does(number, "reply")
    await until(lambda: any("请来电了解" in line for one in account.wechat.notices(OPENID) for line in one.lines))
    call = await account.office.call(number, "n11")
    assert call["complaint"] == number


async def test_the_same_words_delivered_three_times_are_one_complaint(account: Account) -> None:
    """Lesson 85: hours later, too."""
    await account.wechat.says(OPENID, "手机银行缴费扣了两次", copies=3)
    await account.notices()
    account.office.world.clock.later(hours=6)
    await account.wechat.again()
    assert len(await account.numbers()) == 1


async def test_who_unfollowed_is_not_written_to_and_somebody_is_told(account: Account) -> None:
    await account.wechat.says(OPENID, "手机银行缴费扣了两次")
    await account.notices()
    [number] = await account.numbers()
    await account.wechat.unfollows(OPENID)
    await account.office.investigated(number)
    await account.office.approved(number)
    await account.office.handler(await account.office.m1.sees(number)).does(number, "reply")

    async def known() -> bool:
        return "undelivered" in await account.office.events(number)

    await until(known)
    assert len(account.wechat.notices(OPENID)) == 1
