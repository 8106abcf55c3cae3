"""One row that cannot be opened, one answer nobody foresaw: the others of its lane go on, and it is not forgotten."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing

import pytest

from gateway.errors import Permanent, Unknown
from gateway.model import DeliveryState
from gateway.ports import Found, Handed
from tests.conftest import Core
from tests.factories import email_contact
from tests.unit.texting import (
    DELIVERED,
    LI,
    SERVED,
    UNDELIVERED,
    WANG,
    Provider,
    deliveries,
    said,
    sender,
    settler,
    texted,
)

NOT_TO_BE_OPENED = "sealed = cast(x'00' || substr(sealed, 2) as blob)"


@pytest.fixture
def core(make_core: Callable[..., Core]) -> Core:
    return make_core(served=SERVED)


def damage(core: Core, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(core.folder / "huiyin.db")) as database, database:
        database.execute(statement, values)


async def state_of(core: Core, key: str) -> DeliveryState:
    async with core.storage.reading() as tx:
        return (await tx.notices.load([key]))[key].state


async def two_texted(core: Core) -> tuple[str, str]:
    """Return the delivery keys of two customers, LI with a mail address beside."""
    await core.intake.accept([texted(email_contact()), texted(contacts=(WANG,), from_address=WANG.value)])
    provider = Provider()
    await sender(core, provider).run_once()
    by_number = {one.to: one.key for one in provider.got}
    return by_number[LI], by_number[WANG]


async def rounds(core: Core, count: int) -> None:
    for _ in range(count):
        await settler(core).run_once()
        core.clock.later(minutes=3)


async def test_a_receipt_that_cannot_be_settled_does_not_hold_the_others(core: Core) -> None:
    li, wang = await two_texted(core)
    damage(core, f"update contacts set {NOT_TO_BE_OPENED} where type = 'email'")
    await core.intake.accept([said(UNDELIVERED, key=li, reason="30003", again=True)])
    await core.intake.accept([said(UNDELIVERED, key=wang, reason="30005")])
    await rounds(core, 2)
    assert await state_of(core, wang) is DeliveryState.UNDELIVERED


async def test_a_key_that_only_another_node_has_does_not_hold_the_others(core: Core) -> None:
    li, wang = await two_texted(core)
    owner = "(select complaint_id from deliveries where key = ?)"
    damage(core, f"update data_keys set master_id = 'elsewhere' where owner_id = {owner}", li)
    await core.intake.accept([said(DELIVERED, key=li), said(UNDELIVERED, key=wang, reason="30005")])
    await rounds(core, 2)
    assert await state_of(core, wang) is DeliveryState.UNDELIVERED


async def test_a_receipt_waits_until_its_delivery_can_be_opened_again(core: Core) -> None:
    await core.intake.accept([texted()])
    provider = Provider()
    await sender(core, provider).run_once()
    key = provider.got[0].key
    with closing(sqlite3.connect(core.folder / "huiyin.db")) as database:
        [(content,)] = database.execute("select content from deliveries where key = ?", (key,)).fetchall()
    damage(core, "update deliveries set content = x'00' where key = ?", key)
    await core.intake.accept([said(UNDELIVERED, key=key, reason="30005")])
    for _ in range(30):  # longer than one that fits nothing would wait
        await settler(core).run_once()
        core.clock.later(hours=1)
    damage(core, "update deliveries set content = ? where key = ?", content, key)
    core.clock.later(hours=1)
    await settler(core).run_once()
    assert [one.state for one in await deliveries(core)] == [DeliveryState.UNDELIVERED]


async def test_a_refusal_of_a_customer_with_a_damaged_contact_does_not_stop_the_lane(core: Core) -> None:
    await core.intake.accept([texted(email_contact())])
    damage(core, f"update contacts set {NOT_TO_BE_OPENED} where type = 'email'")
    provider = Provider(Permanent("opted_out"))
    worker = sender(core, provider)
    await worker.run_once()
    await core.intake.accept([texted(contacts=(WANG,), from_address=WANG.value)])
    core.clock.later(minutes=1)
    await worker.run_once()
    assert [one.to for one in provider.got] == [LI, WANG]


async def test_a_finder_with_a_fault_of_its_own_does_not_stop_the_lane(core: Core) -> None:
    await core.intake.accept([texted()])
    provider = Provider(Unknown("timeout"))
    worker = sender(core, provider)
    await worker.run_once()

    def fault(handed: Handed) -> Found | None:
        raise ValueError("nobody foresaw it")

    provider.knows = fault
    await core.intake.accept([texted(contacts=(WANG,), from_address=WANG.value)])
    core.clock.later(minutes=1)
    await worker.run_once()
    assert [one.to for one in provider.got] == [LI, WANG]
