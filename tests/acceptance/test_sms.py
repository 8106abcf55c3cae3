"""A customer by SMS, over Twilio's real protocol: complaint, number, answers, STOP, and all that goes wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import pytest

from gateway.app import Service
from gateway.model import DeliveryState, NoticeKind
from sandbox.twilio import Fault, SimulatedMessage, Twilio, twilio_simulator
from tests.acceptance.world import World, until

ACCOUNT, TOKEN = f"AC{'0' * 32}", "sandbox-twilio-token"
PUBLIC = "https://complaints.bank.example"
LI, WANG = "+85251234567", "+85257654321"


@dataclass(frozen=True, slots=True, kw_only=True)
class Texting:
    """A gateway with a number at Twilio."""

    world: World
    twilio: Twilio
    service: Service

    async def texts_to(self, number: str, count: int = 1) -> list[SimulatedMessage]:
        """Wait until the customer has that many texts; return them."""
        return await until(lambda: (got := self._to(number)) and len(got) >= count and got)

    def _to(self, number: str) -> list[SimulatedMessage]:
        return [one for one in self.twilio.messages if one.to == number]

    async def states(self) -> list[tuple[NoticeKind, DeliveryState]]:
        async with self.service.storage.reading() as tx:
            found = []
            for complaint in await tx.complaints.waiting(10):
                found += [(one.kind, one.state) for one in await tx.notices.deliveries(complaint.id) if one.contact_id]
            return found

    async def complaints(self) -> int:
        async with self.service.storage.reading() as tx:
            return len(await tx.complaints.waiting(10))


@asynccontextmanager
async def texting(world: World, **options: object) -> AsyncIterator[Texting]:
    hook = f"{PUBLIC}/hooks/hk-number"
    async with twilio_simulator(
        account_sid=ACCOUNT, auth_token=TOKEN, hook_url=hook, now=world.clock, **options
    ) as twilio:
        world.changes = {
            "web": {"port": 0, "public_url": PUBLIC},
            "channels": {
                "hk-number": {
                    "adapter": "sms",
                    "account_sid": ACCOUNT,
                    "auth_tokens": [TOKEN],
                    "from_number": twilio.number,
                    "base_url": twilio.url,
                    "timeout": 2,
                }
            },
        }
        async with world.gateway() as service:
            twilio.route = (PUBLIC, world.site)
            yield Texting(world=world, twilio=twilio, service=service)


@pytest.fixture
async def hk(world: World) -> AsyncIterator[Texting]:
    async with texting(world) as opened:
        yield opened


async def test_who_texts_a_complaint_gets_its_number_and_date_by_text(hk: Texting) -> None:
    """A001, A088, A095."""
    assert await hk.twilio.customer_sends(LI, "信用卡年费80元没提前说，请退") == 200
    [text] = await hk.texts_to(LI)
    assert "TS-261123-000001" in text.body
    assert text.from_ == hk.twilio.number

    async def delivered() -> bool:
        return await hk.states() == [(NoticeKind.ACKNOWLEDGEMENT, DeliveryState.DELIVERED)]

    await until(delivered)


async def test_the_same_webhook_three_times_is_one_complaint(hk: Texting) -> None:
    await hk.twilio.customer_sends(LI, "信用卡年费80元没提前说，请退", copies=3)
    await hk.texts_to(LI)
    assert await hk.complaints() == 1


async def test_a_forged_webhook_is_refused_and_tells_nothing(hk: Texting) -> None:
    hk.twilio.auth_token = "guessed"
    assert await hk.twilio.customer_sends(LI, "信用卡年费80元没提前说，请退") == 403
    assert await hk.complaints() == 0


async def test_a_code_in_a_text_is_removed_and_the_customer_warned(hk: Texting) -> None:
    """D.3, N23: the stored text shows that something stood there, the code itself is nowhere."""
    await hk.twilio.customer_sends(WANG, "转账失败，验证码是483920，帮我看看")
    texts = await hk.texts_to(WANG, 2)
    assert not [text for text in texts if "483920" in text.body]
    async with hk.service.storage.reading() as tx:
        [complaint] = await tx.complaints.waiting(10)
        [message] = await tx.messages.of(complaint.id)
        kinds = {one.kind for one in await tx.notices.of(complaint.id) if one.recipient == "customer"}
    assert "[已删除-验证码]" in str(message.body["text"])
    assert kinds == {NoticeKind.ACKNOWLEDGEMENT, NoticeKind.SECURITY_NOTE}


async def test_a_text_whose_webhook_was_lost_comes_in_by_reconciliation(world: World) -> None:
    """A021: Twilio calls once; while the bank's door was shut the message is only in Twilio's own list."""
    async with texting(world) as hk:
        hk.twilio.route = (PUBLIC, "http://127.0.0.1:9")
        assert await hk.twilio.customer_sends(LI, "信用卡年费80元没提前说，请退") == 0
        account = hk.twilio
        world.clock.later(minutes=20)
        changes = world.changes

    async with twilio_simulator(account_sid=ACCOUNT, auth_token=TOKEN, now=world.clock) as again:
        again.inbound.extend(account.inbound)
        world.changes = changes | {
            "channels": {"hk-number": changes["channels"]["hk-number"] | {"base_url": again.url}}
        }
        async with world.gateway() as service:
            again.route = (PUBLIC, world.site)
            reopened = Texting(world=world, twilio=again, service=service)
            [text] = await reopened.texts_to(LI)
            assert "TS-261123-000001" in text.body
            # The webhook that Twilio makes after all finds it known.
            assert service.metrics.registry.get_sample_value("huiyin_missed_total", {"source": "hk-number"}) == 1


async def test_a_text_that_twilio_took_without_saying_so_is_not_sent_twice(hk: Texting) -> None:
    """lesson 36: the connection ended unanswered; Twilio is asked, and has it."""
    hk.twilio.callbacks = "never"
    hk.twilio.fail_next(Fault(kind="drop"))
    await hk.twilio.customer_sends(LI, "信用卡年费80元没提前说，请退")
    await hk.texts_to(LI)

    async def unknown() -> bool:
        return [state for _, state in await hk.states()] == [DeliveryState.UNKNOWN]

    await until(unknown)
    hk.world.clock.later(minutes=2)
    await hk.service.coordination.wake("send:mobile")

    async def sent() -> bool:
        return [state for _, state in await hk.states()] == [DeliveryState.SENT]

    await until(sent)
    assert len(hk.twilio.messages) == 1
    assert hk.twilio.requests == 1


async def test_who_answers_stop_gets_no_more_texts_and_a_person_calls(hk: Texting) -> None:
    await hk.twilio.customer_sends(LI, "退订")
    await hk.twilio.customer_sends(LI, "信用卡年费80元没提前说，请退")

    async def given_up() -> bool:
        return [state for _, state in await hk.states()] == [DeliveryState.FAILED]

    await until(given_up)
    assert hk.twilio.messages == []
    hk.world.clock.later(minutes=1)
    await hk.twilio.customer_sends(LI, "START")
    hk.world.clock.later(days=4)
    await hk.twilio.customer_sends(LI, "ATM吞了我的卡，请尽快处理")
    assert len(await hk.texts_to(LI)) == 1


async def test_a_number_that_does_not_exist_is_told_by_nobody_in_writing(hk: Texting) -> None:
    hk.twilio.fates[LI] = ("undelivered", 30005)
    await hk.twilio.customer_sends(LI, "信用卡年费80元没提前说，请退")

    async def undelivered() -> bool:
        return [state for _, state in await hk.states()] == [DeliveryState.UNDELIVERED]

    await until(undelivered)


async def test_callbacks_backwards_and_twice_end_at_delivered(hk: Texting) -> None:
    hk.twilio.callbacks = "on_demand"
    await hk.twilio.customer_sends(LI, "信用卡年费80元没提前说，请退")
    await hk.texts_to(LI)
    assert set(await hk.twilio.report(reverse=True, copies=2)) == {200}

    async def delivered() -> bool:
        return [state for _, state in await hk.states()] == [DeliveryState.DELIVERED]

    await until(delivered)


async def test_the_second_text_joins_and_the_bank_knows_of_it(hk: Texting) -> None:
    await hk.twilio.customer_sends(LI, "信用卡年费80元没提前说，请退")
    await hk.texts_to(LI)
    hk.world.clock.later(seconds=timedelta(hours=2).total_seconds())
    assert await hk.twilio.customer_sends(LI, "扣款日期是11月20日") == 200
    assert await hk.complaints() == 1
    async with hk.service.storage.reading() as tx:
        [complaint] = await tx.complaints.waiting(10)
        assert len(await tx.messages.of(complaint.id)) == 2
