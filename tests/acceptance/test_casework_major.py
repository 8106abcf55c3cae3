"""What is graded major: the red alert, who is told and telephoned, the plan, a report each day, two signatures."""

from __future__ import annotations

from tests.acceptance.office import UPHELD, Json, Office

PROGRESS = {"done": "停用了重复扣款的接口", "waiting": "供应商日志", "next": "明天核对受影响客户"}


async def alerted(office: Office) -> tuple[str, Json]:
    """Grade a complaint major; return its number and the case."""
    number = await office.customer().complains("记者来采访重复扣款的事")
    return number, await office.graded(number, level="major", flags=["media"], reason="媒体已关注")


async def test_a_red_alert_goes_to_consumer_protection_and_the_executive_at_the_same_time_and_is_telephoned(
    office: Office,
) -> None:
    """T6: A053, A058, A102: N27 in one transaction, and a call task each; the executive leads it."""
    number, case = await alerted(office)
    assert (case["red_alert"], case["lead"], case["state"]) == (True, "x-1", "dispatched")
    notices = (await office.m1.asks(f"complaints/{number}/notices")).body
    alerts = {one["recipient"]: one["created_at"] for one in notices if one["kind"] == "n27"}
    assert {"cp:c-1", "exe:x-1", "mgr:m-1", "uh:u-1"} == alerts.keys()
    assert alerts["cp:c-1"] == alerts["exe:x-1"]
    for staff in ("c-1", "x-1"):
        assert "媒体已关注" in await office.mailed(staff, "红色预警", number)
    calls = [one for one in (await office.r1.asks("calls")).body if one["complaint"] == number]
    assert {(one["to"], one["customer"]) for one in calls} == {("010-00000002", False), ("010-00000003", False)}


async def test_who_telephoned_a_colleague_says_nothing_of_the_customer(office: Office) -> None:
    """A102; law 21: three days without a colleague's answer do not prove that the customer cannot be reached."""
    number, _ = await alerted(office)
    call = await office.call(number, "n27")
    for _ in range(3):
        await office.r1.does(number, "record_call", reached=False, proof="占线", delivery=call["delivery"])
        await office.passes(days=1)
    assert len((await office.call(number, "n27"))["attempts"]) == 3
    await office.r1.does(number, "record_call", reached=True, proof="已告知赵处长", delivery=call["delivery"])
    answer = await office.r1.tries(number, "record_call", reached=True, proof="再打", delivery=call["delivery"])
    assert answer.why == ("/delivery", "done")
    assert "call_recorded" not in await office.events(number)


async def test_a_plan_is_due_within_a_day_and_the_customer_hears_something_new_each_day(office: Office) -> None:
    """T16: A066, A067: N08; yesterday's words are refused; who hears nothing by 16:00 is asked about."""
    li = office.customer()
    number, case = await alerted(office)
    assert case["clocks"]["prelim_plan"]["due_at"] == "2026-11-24T15:59:59Z"
    assert case["promised_at"] == "2026-11-24T15:59:59Z"
    handler = office.handler(case)
    await handler.does(number, "accept")
    await office.checked_by(handler, number)
    case = await handler.does(number, "save_plan", plan="先停用，再逐户退款", told="先停用这项功能，再逐户退款")
    assert "prelim_plan" in await office.clocks_stopped(number)
    assert case["promised_at"] > "2026-11-24T15:59:59Z"
    await handler.does(number, "report_progress", **PROGRESS)
    await li.hears(number, "停用了重复扣款的接口", "供应商日志", "明天核对受影响客户")
    await office.passes(days=1, hours=6)  # the 24th, 16:15
    await office.mailed("m-1", "临期", number)
    answer = await handler.tries(number, "report_progress", **PROGRESS)
    assert answer.why == ("/done", "repeats_yesterday")
    await handler.does(number, "report_progress", **(PROGRESS | {"done": "核对了三百户"}))
    await li.hears(number, "核对了三百户")


async def test_no_major_case_is_concluded_without_a_plan_nor_approved_without_consumer_protection(
    office: Office,
) -> None:
    """T16, T17: A059, A066: unit head and 消保部 both sign; each is asked by N34."""
    number, case = await alerted(office)
    handler = office.handler(case)
    await handler.does(number, "accept")
    await office.checked_by(handler, number)
    await handler.does(number, "add_evidence", id="e1", type="log", sha256="0" * 64, description="日志")
    answer = await handler.tries(number, "conclude", **UPHELD, evidence=["e1"])
    assert answer.errors[0]["code"] == "no_plan"
    await handler.does(number, "save_plan", plan="先停用，再逐户退款", told="先停用这项功能，再逐户退款")
    await handler.does(number, "conclude", **UPHELD, evidence=["e1"])
    for staff in ("u-1", "c-1"):
        await office.mailed(staff, "待审批", number)
    assert (await office.u1.does(number, "approve"))["state"] == "concluded"
    assert (await office.c1.does(number, "approve"))["state"] == "approved"


async def test_a_red_alert_ends_by_the_desk_with_the_agreement_of_consumer_protection_only(office: Office) -> None:
    """A053, A064."""
    number, case = await alerted(office)
    end = {"reason": "报道已更正"}
    answer = await office.handler(case).tries(number, "clear_red_alert", **end, agreed_by="c-1")
    assert (answer.status, answer.errors[0]["detail"]) == (403, "clear_red_alert is for mgr")
    answer = await office.m1.tries(number, "clear_red_alert", **end, agreed_by="u-1")
    assert answer.why == ("/agreed_by", "wrong_role")
    case = await office.m1.does(number, "clear_red_alert", **end, agreed_by="c-1")
    assert (case["red_alert"], case["level"]) == (False, "major")


async def test_raised_to_major_later_the_alert_goes_out_then(office: Office) -> None:
    """T31: A053, A058: a lead has to be named where the table named none, and be of the rank for it."""
    number = await office.customer().complains()
    await office.investigated(number)
    change = {"level": "major", "flags": ["media"], "reason": "上了热搜"}
    assert (await office.m1.tries(number, "regrade", **change)).why == ("/lead", "needs_lead")
    assert (await office.m1.tries(number, "regrade", **change, lead="h-2")).why == ("/lead", "wrong_role")
    case = await office.m1.does(number, "regrade", **change, lead="x-1")
    assert (case["red_alert"], case["lead"]) == (True, "x-1")
    assert "n27" in await office.kinds(number, "cp")
