"""Whose case it is, who signs, and what is frozen: disputes, approvals and law cases over the running gateway."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.errors import Conflict
from gateway.model import Level, Role
from gateway.storage.sqlite import SqliteStorage
from gateway.vault import Vault
from tests.acceptance.office import Office
from tests.bank import CARDS, Gateway
from tests.factories import Clock

NOT_OURS = "理财产品，不是信用卡"


async def test_what_no_route_fits_and_what_a_unit_gives_back_waits_in_the_queue(office: Office) -> None:
    """A051, A052, A076: the desk is told each time, settles it within a working day, and hears who is passed around."""
    number = await office.customer().complains()
    case = await office.graded(number)
    promised = case["promised_at"]
    handler = office.handler(case)
    assert (await handler.tries(number, "refuse_dispatch")).why == ("/reason", "missing")
    case = await handler.does(number, "refuse_dispatch", reason=NOT_OURS)
    assert (case["state"], case["unit"], case["promised_at"]) == ("triaged", "", promised)
    assert case["clocks"]["dispute"]["due_at"] == "2026-11-24T15:59:59Z"
    assert (await handler.tries(number, "accept")).status == 404
    await office.mailed("m-1", "不属本单位", number)
    assert [one["number"] for one in (await office.m1.asks("queue")).body] == [number]
    await office.m1.does(number, "dispatch", unit="risk", handler="h-3", approver="u-2")
    assert "dispute" in await office.clocks_stopped(number)
    await office.u2.does(number, "refuse_dispatch", reason="是信用卡中心的事")
    await office.m1.does(number, "dispatch", unit="cards", handler="h-1", approver="u-1")
    await office.m1.does(number, "reroute", unit="cards", handler="h-2", reason="换人")
    await office.mailed("c-1", "多次转派", number)
    assert (await office.h2.does(number, "accept"))["promised_at"] == promised


async def test_what_is_urgent_and_fits_no_route_is_graded_all_the_same(office: Office) -> None:
    """A047, A051: the desk hears of the plan that is owed and of the missing route, and finds it in the queue."""
    number = await office.customer().complains("房贷利率算错了")
    case = await office.graded(number, product="loan", level="important", flags=["urgent"])
    assert case["state"] == "triaged"
    assert await office.kinds(number, to="mgr") == ["n26", "n26"]
    assert (await office.events(number))[-1] == "no_route"
    assert [one["number"] for one in (await office.m1.asks("queue")).body] == [number]


async def test_a_possible_lawsuit_brings_in_the_lawyers_and_the_file_has_no_end(office: Office) -> None:
    """A091, A123: told, held, evidence added to the end; an ordinary file is kept five years."""
    numbers = [await office.customer(f"{name}@example.com").complains() for name in ("li", "zhang")]
    for number, flags in zip(numbers, (["legal_threat"], []), strict=True):
        case = await office.investigated(number, flags=flags)
        assert case["legal_hold"] is bool(flags)
        assert case["retention_until"] is None
    await office.mailed("l-1", "法律风险", numbers[0])
    await office.l1.does(
        numbers[0], "add_evidence", id="letter", type="contract", sha256="0" * 64, description="律师函"
    )
    ends = []
    for number in numbers:
        await office.m1.does(number, "withdraw", request="客户来电撤回")
        ends.append((await office.m1.does(number, "archive"))["retention_until"])
    assert ends == [None, "2031-11-23"]
    assert [one["id"] for one in (await office.m1.sees(numbers[0]))["evidence"]] == ["letter"]


async def test_an_act_before_its_approval_is_timed_and_called_out(office: Office) -> None:
    """A061: the head of the unit is asked, then 客户意见管理岗; the signature ends it."""
    number = await office.customer().complains()
    await office.investigated(number)
    case = await office.handler(await office.m1.sees(number)).does(number, "act_first", action="先行垫付80元")
    assert case["clocks"]["approval"]["due_at"] == "2026-11-24T15:59:59Z"
    await office.passes(days=1, hours=14)
    for staff in ("u-1", "m-1"):
        await office.mailed(staff, "先行处理补批时限", number)
    await office.approved(number)
    assert "approval" in await office.clocks_stopped(number)


async def test_the_signatures_that_a_bank_sets_for_a_level_are_asked_for(
    storage: SqliteStorage, vault: Vault, clock: Clock
) -> None:
    """A114: one more than the head's for a general case, and nothing is replied before it is there."""
    signed = {**CARDS.approvals, Level.GENERAL: frozenset({Role.UH, Role.CP})}
    bank = Gateway(storage=storage, vault=vault, now=clock, directory=replace(CARDS, approvals=signed))
    with pytest.raises(Conflict, match="while the complaint is concluded"):
        await bank.replied()
