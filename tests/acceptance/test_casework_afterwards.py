"""What comes after the outcome: objection, mediation, review, callback, silence, a new beginning (C.2, T19 to T33)."""

from __future__ import annotations

from tests.acceptance.office import REJECTED, Customer, Office
from tests.acceptance.world import number_in, until

EXECUTED = "2026-11-23T02:15:00Z"


async def test_a_rejection_names_its_basis_and_the_second_objection_leads_to_mediation(office: Office) -> None:
    """T19, T21, T22, T14: N12, N13, N22, N10: A084, A106, A121; law 19 and 23: another person looks again."""
    li = office.customer()
    number = await li.complains()
    first = office.handler(await office.replied(number, **REJECTED))
    said = await li.hears(number, "开卡合同第三页写明了年费")
    assert [words for words in ("第十二条", "您签过字", "刷满六次") if words not in said] == []
    assert "道歉" not in said
    await li.replies(number, "不认可")
    case = await office.becomes(number, "reopened")
    assert (case["rounds"], case["promised_at"]) == (2, "2026-11-25T15:59:59Z")
    await li.hears(number, "重新核查", "11月25日")
    again = {"direction": "再听录音", "next_contact_at": "2026-11-24T09:00:00+08:00"}
    answer = await first.tries(number, "investigate", **again)
    assert answer.errors[0]["code"] == "same_checker"
    second = office.colleague({"handler": first.staff})
    await second.does(number, "investigate", **again)
    await office.concluded(number, handler=second, **REJECTED)
    await office.u1.does(number, "approve")
    await second.does(number, "reply")
    await office.until_mails(li, number, "开卡合同第三页写明了年费", 2)
    await li.replies(number, "不认可")
    await office.becomes(number, "unsatisfied")
    case = await office.m1.does(number, "escalate", reason="两次不认可")
    assert case["state"] == "escalated"
    await office.mailed("x-1", "升级处置", number)
    await office.u1.does(number, "offer_mediation", body="金融消费纠纷调解中心")
    await li.hears(number, "自愿", "金融消费纠纷调解中心")
    talk = {"body": "金融消费纠纷调解中心"}
    answer = await office.u1.tries(number, "start_mediation", **talk, customer_agreed=False)
    assert answer.why == ("/customer_agreed", "not_agreed")
    case = await office.u1.does(number, "start_mediation", **talk, customer_agreed=True)
    assert (case["state"], case["clocks"]["promised"]["paused_at"] is None) == ("mediation", False)
    await li.hears(number, "调解", "不计入")
    office.world.clock.later(days=2)
    case = await office.u1.does(number, "end_mediation", agreed=True, text="退回一半")
    assert (case["state"], case["promised_at"]) == ("escalated", "2026-11-27T15:59:59Z")
    await li.hears(number, "调解已经结束", "11月27日")


async def test_the_superior_of_a_branch_reviews_its_decision_on_request(office: Office) -> None:
    """T23, T24: N16, N17; law 20: asked for within 30 days, decided within 30, by nobody who took part."""
    li = office.customer()
    number = await li.complains()
    await office.replied(number, **REJECTED)
    asked = {"superior": "示例银行北京分行", "received_at": "2026-11-23T11:00:00+08:00"}
    early = await office.r1.tries(number, "request_review", **(asked | {"received_at": "2026-11-20T11:00:00+08:00"}))
    assert early.why == ("/received_at", "window_closed")
    office.world.clock.later(hours=1)
    case = await office.r1.does(number, "request_review", **asked)
    assert (case["state"], case["clocks"]["review"]["due_at"]) == ("review", "2026-12-23T15:59:59Z")
    await li.hears(number, "12月23日")
    decided = {"process": "程序合规", "time_limit": "未超时限", "result": "维持原处理", "upheld": True}
    assert (await office.u1.tries(number, "decide_review", **decided)).errors[0]["code"] == "own_work"
    case = await office.c1.does(number, "decide_review", **decided)
    assert case["state"] == "closed"
    await li.hears(number, "程序合规", "未超时限", "维持原处理")


async def test_a_review_is_not_asked_for_after_thirty_days(office: Office) -> None:
    """T23; law 20."""
    number = await office.customer().complains()
    await office.replied(number, **REJECTED)
    office.world.clock.later(days=31)
    late = {"superior": "北京分行", "received_at": "2026-12-24T09:00:00+08:00"}
    assert (await office.r1.tries(number, "request_review", **late)).why == ("/received_at", "window_closed")


async def test_a_customer_who_accepts_on_the_telephone_is_recorded_with_proof(office: Office) -> None:
    """T20: A105: how, when and with what proof; not before it happened."""
    number = await office.customer().complains()
    case = await office.replied(number)
    yes = {"how": "电话", "evidence": "录音20261123-31"}
    answer = await office.handler(case).tries(number, "confirm", **yes, confirmed_at="2026-11-24T09:00:00+08:00")
    assert answer.why == ("/confirmed_at", "in_the_future")
    case = await office.handler(case).does(number, "confirm", **yes, confirmed_at="2026-11-23T10:14:00+08:00")
    assert case["state"] == "resolved"


async def test_what_was_promised_is_proved_before_the_callback_and_the_archive(office: Office) -> None:
    """T20, T25, T28: A089, A115, A116: the callback opens a working day after the execution."""
    number = await office.customer().complains()
    case = await office.replied(number)
    handler = office.handler(case)
    yes = {"how": "电话", "evidence": "录音", "confirmed_at": EXECUTED}
    await handler.does(number, "confirm", **yes)
    call = {"solved": True, "scores": {"overall": 5}}
    assert (await office.b1.tries(number, "record_callback", **call)).errors[0]["code"] == "not_executed"
    answer = await handler.tries(number, "prove_execution", evidence="none", executed_at=EXECUTED)
    assert answer.why == ("/evidence", "not_on_file")
    await handler.does(number, "prove_execution", evidence=case["evidence"][0]["id"], executed_at=EXECUTED)
    assert (await office.b1.tries(number, "record_callback", **call)).errors[0]["code"] == "not_open"
    office.world.clock.later(days=1)
    answer = await office.b1.tries(number, "record_callback", solved=True, scores={"overall": 6})
    assert answer.why == ("/scores", "out_of_range")
    assert (await office.b1.does(number, "record_callback", **call))["state"] == "callback_done"


async def test_the_callback_is_a_task_with_a_script_and_what_is_not_solved_is_looked_at_again(office: Office) -> None:
    """T25, T26: N15, N13: A117, A121, A122: three working days, then those who call back are late."""
    number = await office.takes_in(
        {
            "text": "年费",
            "contacts": [
                {"type": "email", "value": "li@example.com", "verified": True},
                {"type": "mobile", "value": "13800000000", "verified": True},
            ],
        }
    )
    case = await office.replied(number)
    handler = office.handler(case)
    await handler.does(number, "confirm", how="电话", evidence="录音", confirmed_at=EXECUTED)
    await handler.does(number, "prove_execution", evidence=case["evidence"][0]["id"], executed_at=EXECUTED)
    await office.passes(days=1, hours=6)
    task = await office.call(number, "n15")
    assert ("退回年费80元" in task["script"], task["to"]) == (True, "138****0000")
    case = await office.b1.does(number, "record_callback", solved=False, scores={"overall": 1}, remarks="钱没到账")
    assert (case["state"], case["rounds"]) == ("reopened", 2)
    await office.customer().hears(number, "还没有解决")
    await office.b1.does(number, "give_feedback", text="已重新安排退款")
    await office.customer().hears(number, "已重新安排退款")


async def test_a_customer_who_does_not_answer_is_reminded_once_and_then_the_case_is_closed(office: Office) -> None:
    """T27: N14, N36: A111, A112."""
    li = office.customer()
    number = await li.complains()
    case = await office.replied(number)
    assert case["clocks"]["confirm"]["due_at"] == "2026-11-30T15:59:59Z"
    await office.passes(days=5)
    await office.until_mails(li, number, "满意", 1)
    assert (await office.m1.sees(number))["state"] == "replied"
    await office.passes(days=3)
    case = await office.becomes(number, "closed")
    await li.hears(number, "先行办结")
    assert (await office.kinds(number, "customer"))[-2:] == ["n14", "n36"]
    assert (await office.m1.tries(number, "archive")).errors[0]["code"] == "not_executed"


async def test_an_important_case_is_filed_with_its_report_and_a_repeat_with_its_cause(office: Office) -> None:
    """T28: A046, A134."""
    number = await office.customer().complains()
    await office.graded(number, level="important", flags=["repeat"])
    await office.m1.does(number, "name_contingency_plan", owner="h-2", plan="先联系客户")
    handler = office.handler(await office.m1.sees(number))
    await handler.does(number, "accept")
    await office.checked_by(handler, number)
    await office.approved(number)
    case = await office.told(number)
    await handler.does(number, "prove_execution", evidence=case["evidence"][0]["id"], executed_at=EXECUTED)
    await handler.does(number, "confirm", how="电话", evidence="录音", confirmed_at=EXECUTED)
    office.world.clock.later(days=1)
    await office.b1.does(number, "record_callback", solved=True, scores={})
    assert (await office.m1.tries(number, "archive")).why == ("/root_cause", "no_root_cause")
    assert (await office.m1.tries(number, "archive", root_cause="话术")).why == ("/case_report", "no_case_report")
    case = await office.m1.does(number, "archive", root_cause="话术", case_report="案例分析")
    assert case["state"] == "archived"


async def test_a_filed_case_is_opened_again_on_new_facts_with_the_agreement_of_consumer_protection(
    office: Office,
) -> None:
    """T33: N13: the limits of the law count anew."""
    li = office.customer()
    number = await li.complains()
    await office.r1.does(number, "withdraw", request="不投诉了")
    await office.m1.does(number, "archive")
    office.world.clock.later(days=20)
    facts = {"new_facts": "查到还有一笔"}
    assert (await office.m1.tries(number, "reopen", **facts, agreed_by="u-1")).why == ("/agreed_by", "wrong_role")
    case = await office.m1.does(number, "reopen", **facts, agreed_by="c-1")
    assert (case["state"], case["legal_at"]) == ("reopened", "2026-12-28T15:59:59Z")
    await li.hears(number, "重新核查")


async def filed(office: Office, customer: Customer) -> str:
    """A case that ended with its outcome and lies in the archive."""
    number = await customer.complains()
    case = await office.replied(number)
    handler = office.handler(case)
    await handler.does(number, "confirm", how="电话", evidence="录音", confirmed_at=EXECUTED)
    await handler.does(number, "prove_execution", evidence=case["evidence"][0]["id"], executed_at=EXECUTED)
    office.world.clock.later(days=2)
    await office.b1.does(number, "record_callback", solved=True, scores={"overall": 3})
    await office.m1.does(number, "archive")
    return number


async def newest(office: Office, customer: Customer, *known: str) -> str:
    """Wait until the customer hears of a complaint beside these; return its number."""

    def found() -> str | None:
        numbers = [number_in(mail) for mail in office.world.mails_to(customer.address)]
        return next((number for number in reversed(numbers) if number not in known), None)

    return await until(found)


async def test_a_customer_who_complains_again_gets_a_new_case_that_names_the_old_one(office: Office) -> None:
    """A110: by answering a mail of the filed case; the new one suggests the flag, a person sets it."""
    li = office.customer()
    old = await filed(office, li)
    await li.replies(old, "年费又扣了，退的钱也没到，再次投诉")
    new = await newest(office, li, old)
    case = await office.m1.sees(new)
    assert (case["state"], case["named"], case["suggested_flags"], case["flags"]) == (
        "registered",
        [old],
        ["repeat"],
        [],
    )
    assert [one["suggested_flags"] for one in (await office.m1.asks("queue")).body] == [["repeat"]]
    before = await office.m1.sees(old)
    assert (before["state"], before["named"]) == ("archived", [])
    graded = await office.graded(new, flags=["repeat"])
    assert (graded["flags"], graded["named"]) == (["repeat"], [old])


async def test_nobody_complains_again_by_naming_somebody_elses_number(office: Office) -> None:
    """A110: the number is shown to the bank's people, and nothing is suggested."""
    old = await filed(office, office.customer())
    wang = office.customer("wang@example.com")
    await office.world.emails(wang.address, f"我也要投诉，和 {old} 一样")
    case = await office.m1.sees(await newest(office, wang))
    assert (case["named"], case["suggested_flags"]) == ([old], [])
