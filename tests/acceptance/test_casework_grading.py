"""What a grading records, and who hears of what follows from it: handlers, plan owners, units, by mail."""

from __future__ import annotations

from pathlib import Path

from tests.acceptance.office import REJECTED, ROUTING, UPHELD, Json, Office, an_office
from tests.factories import Clock

GRADING = {"kind": "complaint", "nature": "service", "level": "general", "product": "credit_card"}
PLAN = {"plan": "先停扣款，再逐户联系"}


async def reports(office: Office, number: str, why: str) -> set[str]:
    """Return to whom N26 went, each of which has to say this."""
    notices = (await office.m1.asks(f"complaints/{number}/notices")).body
    recipients = {one["recipient"] for one in notices if one["kind"] == "n26"}
    for recipient in recipients:
        await office.mailed(recipient.rpartition(":")[2], why, number)
    return recipients


async def test_the_handler_sees_what_it_is_about_and_how_the_customer_speaks(office: Office) -> None:
    """T6: A006, A013, A048."""
    number = await office.customer().complains()
    said = {
        "topic": "transaction",
        "emotion": "anxious",
        "content_class": "customer_rights",
        "scope": "single",
        "horizon": "next_day",
        "difficulty": "complex",
    }
    case = await office.graded(number, **said)
    seen = await office.handler(case).sees(number)
    assert {name: seen[name] for name in said} == said
    wrong = await office.m1.tries(await office.customer().complains(), "grade", **GRADING, emotion="angry")
    assert wrong.why == ("/emotion", "enum")


async def test_what_touches_many_customers_is_not_graded_general(office: Office) -> None:
    """T6: A033."""
    number = await office.customer().complains()
    wide = await office.m1.tries(number, "grade", **GRADING, scope="batch")
    assert wide.why == ("/level", "too_low")
    case = await office.graded(number, level="important", scope="batch")
    assert (case["level"], case["scope"]) == ("important", "batch")


async def test_what_is_missing_is_listed_for_who_works_on_it_and_asked_of_the_customer(office: Office) -> None:
    """A008: nothing is refused for it."""
    li = office.customer()
    number = await li.complains("柜员态度很差", particulars={"branch": "朝阳支行"})
    assert (await office.m1.sees(number))["missing"] == ["time", "product"]
    handler = office.handler(await office.investigated(number))
    assert (await handler.sees(number))["missing"] == ["time"]
    asked = {"items": ["事情发生在哪一天"], "way": "直接回复本邮件"}
    await handler.does(number, "ask_customer", **asked, bank_has_none=True)
    await li.hears(number, "事情发生在哪一天")
    await li.replies(number, "是11月20日上午")
    await office.becomes(number, "investigating")
    assert (await handler.sees(number))["missing"] == []


async def test_an_urgent_complaint_has_a_contingency_plan_whose_owner_knows(office: Office) -> None:
    """A044, A047: owed from the grading on; without it nothing is concluded."""
    number = await office.customer().complains()
    handler = office.handler(await office.investigated(number, flags=["urgent"]))
    await office.mailed("m-1", "待定应急预案", number)
    await handler.does(number, "add_evidence", id="e1", type="log", sha256="0" * 64, description="流水")
    early = await handler.tries(number, "conclude", **UPHELD, evidence=["e1"])
    assert early.why == ("", "no_contingency")
    nobody = await office.m1.tries(number, "name_contingency_plan", owner="h-9", **PLAN)
    assert nobody.why == ("/owner", "unknown")
    assert (await handler.tries(number, "name_contingency_plan", owner="h-1", **PLAN)).code == "forbidden"
    case = await office.m1.does(number, "name_contingency_plan", owner="u-1", **PLAN)
    assert case["contingency_owner"] == "u-1"
    await office.mailed("u-1", "应急预案由您负责", number)
    entries = (await handler.asks(f"complaints/{number}/timeline")).body
    assert entries[-1]["private"] == PLAN
    assert (await handler.does(number, "conclude", **UPHELD, evidence=["e1"]))["state"] == "concluded"


async def test_a_violation_is_reported_upwards(office: Office) -> None:
    """A087: the unit's head and 消保部; a general case has no lead who could be told."""
    number = await office.customer().complains()
    await office.replied(number, finding_type="violation")
    assert await reports(office, number, "违规报告") == {"uh:u-1", "cp:c-1"}


async def test_a_fault_of_a_product_is_told_to_the_products_unit(office: Office) -> None:
    """A087: whoever handles the complaint; the route of the product says whose it is."""
    number = await office.customer().complains()
    case = await office.graded(number)
    await office.m1.does(number, "reroute", unit="risk", handler="h-3", reason="属风险管理部职责")
    assert case["product"] == "credit_card"
    await office.h3.does(number, "accept")
    await office.checked_by(office.h3, number)
    await office.concluded(number, handler=office.h3, finding_type="product_issue")
    await office.u2.does(number, "approve")
    await office.told(number)
    assert await reports(office, number, "产品问题") == {"product_unit:h-1"}


async def test_what_the_customer_misunderstood_is_explained(office: Office) -> None:
    """A087: in the conclusion, and so to the customer."""
    li = office.customer()
    number = await li.complains()
    handler = office.handler(await office.investigated(number))
    await handler.does(number, "add_evidence", id="e1", type="contract", sha256="0" * 64, description="合同")
    unsaid = UPHELD | {"finding_type": "customer_misunderstanding"}
    assert (await handler.tries(number, "conclude", **unsaid, evidence=["e1"])).why == ("/reason", "no_explanation")
    explained: Json = UPHELD | REJECTED
    await handler.does(number, "conclude", **explained, evidence=["e1"])
    await office.u1.does(number, "approve")
    await office.told(number)
    await li.hears(number, REJECTED["reason"])


async def test_the_customer_relations_unit_hears_of_the_result_once_it_was_sent(tmp_path: Path, clock: Clock) -> None:
    """A113: its liaison, what was decided; nothing of the customer."""
    async with an_office(tmp_path, clock, routing=f'customer_relations = "risk"\n{ROUTING}') as office:
        number = await office.customer().complains()
        await office.investigated(number)
        await office.approved(number)
        assert await reports(office, number, "结果抄送") == set()
        await office.told(number)
        assert await reports(office, number, "结果抄送") == {"customer_relations:u-2"}
        assert "李小明" not in await office.mailed("u-2", "处理结果：支持", number)


async def test_a_bank_without_a_customer_relations_unit_tells_nobody_of_a_result(office: Office) -> None:
    """A113: nor does a notice wait for somebody to be named."""
    number = await office.customer().complains()
    await office.replied(number)
    assert "n26" not in await office.kinds(number)
