"""A complaint as the bank's people work on it: the straight way, and how it ends early (C.2, T3 to T8, T29, T30)."""

from __future__ import annotations

from tests.acceptance.office import Office

SAID = (
    "开卡时没有说明年费",
    "话术漏了年费一条",
    "退回年费80元",
    "80.00元，最迟12月2日",
    "尾号1234",
    "短信提前七天提醒年费",
    "第三十八条",
    "向您道歉",
    "书面申请核查",
    "调解",
    "仲裁",
    "诉讼",
)
PAID = {"amount": "80.00", "currency": "CNY", "arrival": "2026-12-02", "account_tail": "1234"}


async def test_a_complaint_goes_all_the_way_from_its_number_to_the_archive(office: Office) -> None:
    """T6 to T8, T10, T16, T17, T19, T20, T25, T28: A051, A080, A089, A096, A098, A100, A101, A105, A107, A108, A109,
    A111, A112, A115; law 19.
    """
    li = office.customer()
    number = await li.complains("年费80元没提前说，请退")
    case = await office.graded(number)
    assert (case["state"], case["unit"], case["promised_at"]) == ("dispatched", "cards", "2026-11-26T15:59:59Z")
    handler = office.handler(case)
    await office.mailed(handler.staff, "派单", number)
    await handler.does(number, "accept")
    await office.checked_by(handler, number)
    await li.hears(number, "核对年费的收取和告知")
    office.world.clock.later(days=1)
    case = await office.approved(number, compensation=PAID)
    assert (case["state"], case["approvals"]) == ("approved", [{"role": "uh", "by": "u-1"}])
    case = await office.told(number)
    assert case["clocks"]["legal"]["stopped_at"] == "2026-11-24T02:15:00Z"
    outcome = await li.hears(number, "开卡时没有说明年费")
    assert [words for words in SAID if words not in outcome] == []
    await li.replies(number, "认可")
    case = await office.becomes(number, "resolved")
    assert await office.kinds(number, "customer") == ["n01", "n06", "n11", "n14"]
    assert (await office.m1.tries(number, "archive")).code == "conflict"
    proof = case["evidence"][0]["id"]
    await office.f1.does(number, "prove_execution", evidence=proof, executed_at="2026-11-24T02:00:00Z")
    await office.passes(days=1)
    case = await office.b1.does(number, "record_callback", solved=True, scores={"overall": 5, "attitude": 4})
    assert (case["state"], case["scores"]) == ("callback_done", {"overall": 5, "attitude": 4})
    assert (await office.m1.does(number, "archive"))["state"] == "archived"
    assert await office.events(number) == [
        "opened",
        "graded",
        "dispatched",
        "accepted",
        "investigation_begun",
        "evidence_added",
        "concluded",
        "approved",
        "replied",
        "outcome_sent",
        "supplemented",
        "confirmed",
        "execution_proved",
        "called_back",
        "archived",
    ]


async def test_a_question_is_answered_at_once_and_never_dispatched(office: Office) -> None:
    """T3: A017; S1-3-三-3: the answer is told and on record."""
    li = office.customer()
    number = await li.complains("信用卡怎么改账单日？", kind="inquiry")
    assert (await office.r1.tries(number, "answer_at_once")).why == ("/answer", "missing")
    case = await office.r1.does(number, "answer_at_once", answer="在手机银行的信用卡页面里改")
    assert (case["state"], case["unit"]) == ("answered", "")
    assert [name for name, clock in case["clocks"].items() if not clock["stopped_at"]] == []
    await li.hears(number, "在手机银行的信用卡页面里改")
    assert await office.kinds(number, "customer") == ["n01", "n19"]
    assert (await office.m1.does(number, "archive"))["state"] == "archived"


async def test_an_important_complaint_is_not_answered_at_once(office: Office) -> None:
    """T3 has its limit: A017 is for simple questions."""
    number = await office.customer().complains()
    await office.graded(number, level="important", product="loan")
    answer = await office.r1.tries(number, "answer_at_once", answer="已退")
    assert (answer.status, answer.why) == (422, ("/answer", "needs_dispatch"))


async def test_a_second_complaint_about_the_same_is_merged_into_the_first(office: Office) -> None:
    """T4: N04; law 18. The date of the first one stays."""
    li = office.customer()
    first = await li.complains()
    second = await li.complains("还是年费的事")
    case = await office.m1.does(second, "merge", into=first)
    assert (case["state"], case["merged_into"]) == ("merged", first)
    await li.hears(first, "并")
    assert await office.kinds(first, "customer") == ["n01", "n04"]
    assert (await office.m1.sees(first))["promised_at"] == "2026-11-26T15:59:59Z"


async def test_new_facts_of_a_merged_complaint_count_the_limits_anew(office: Office) -> None:
    """T4; law 18: from the day they are received."""
    li = office.customer()
    first = await li.complains()
    await office.investigated(first)
    office.world.clock.later(days=2)
    second = await li.complains("又扣了一笔，和上次不是同一笔")
    await office.m1.does(second, "merge", into=first, new_facts=True)
    case = await office.m1.sees(first)
    assert (case["promised_at"], case["legal_at"]) == ("2026-11-30T15:59:59Z", "2026-12-10T15:59:59Z")
    await li.hears(first, "11月30日")


async def test_only_complaints_of_one_customer_are_merged(office: Office) -> None:
    """T4: nobody reads of another one's complaint; a number that does not exist is no better."""
    first = await office.customer().complains()
    other = await office.customer("wang@example.com").complains()
    for into, word in ((first, "other_customer"), (other, "other_customer"), ("TS-261123-000999-X", "unknown")):
        answer = await office.m1.tries(other, "merge", into=into)
        assert (answer.status, answer.why) == (422, ("/into", word))
    assert (await office.m1.sees(other))["state"] == "registered"


async def test_what_is_not_for_the_bank_is_declined_or_handed_over_with_who_can_help(office: Office) -> None:
    """T5: N21; law 18; 法务合规 agrees, and is told that they are named for it."""
    for command, state in (("decline", "not_handled"), ("transfer_out", "transferred_out")):
        customer = office.customer(f"{state}@example.com")
        number = await customer.complains("邻居家的卡被盗刷了")
        said = {"reason": "不是本人或受托人提出", "who_can_help": "持卡人本人致电客服"}
        answer = await office.m1.tries(number, command, **said, agreed_by="c-1")
        assert answer.why == ("/agreed_by", "wrong_role")
        case = await office.m1.does(number, command, **said, agreed_by="l-1")
        assert case["state"] == state
        await customer.hears(number, "不是本人或受托人提出", "持卡人本人致电客服")
        assert await office.kinds(number, "customer") == ["n01", "n21"]
        assert await office.kinds(number, "staff:l-1") == ["n26"]


async def test_a_withdrawn_complaint_ends_the_same_day(office: Office) -> None:
    """T29: N20; law 15."""
    li = office.customer()
    number = await li.complains()
    await office.investigated(number)
    case = await office.r1.does(number, "withdraw", request="电话要求撤回，录音20261123-8")
    assert case["state"] == "withdrawn"
    assert [name for name, clock in case["clocks"].items() if not clock["stopped_at"]] == []
    await li.hears(number, "撤回", "11月23日")
    assert (await office.m1.does(number, "archive"))["state"] == "archived"


async def test_a_suggestion_is_assessed_by_a_leader_and_answered(office: Office) -> None:
    """T30: N18, A019."""
    li = office.customer()
    number = await li.complains("建议大厅加两把椅子", kind="suggestion")
    wrong = await office.m1.tries(number, "assess_suggestion", to="h-1")
    assert wrong.why == ("/to", "wrong_role")
    case = await office.m1.does(number, "assess_suggestion", to="u-1")
    assert case["state"] == "suggestion_review"
    other = await office.u2.tries(number, "decide_suggestion", adopted=False, reason="不必")
    assert other.status == 404
    case = await office.u1.does(number, "decide_suggestion", adopted=True, reason="确有需要", live_on="2026-12-15")
    assert (case["state"], case["result"]) == ("closed", "adopted")
    await li.hears(number, "确有需要", "12月15日")


async def test_without_a_route_a_graded_complaint_waits_in_the_queue_and_the_desk_is_told(office: Office) -> None:
    """T6, T7: A051: a visible queue, not a silence; then a person dispatches it."""
    number = await office.customer().complains("房贷利率算错了")
    case = await office.graded(number, product="loan")
    assert (case["state"], case["unit"]) == ("triaged", "")
    await office.mailed("m-1", "待分派", number)
    assert [one["number"] for one in (await office.m1.asks("queue")).body] == [number]
    answer = await office.m1.tries(number, "dispatch", unit="loans", handler="h-3")
    assert answer.why == ("/unit", "unknown")
    answer = await office.m1.tries(number, "dispatch", unit="risk", handler="h-1")
    assert answer.why == ("/handler", "unknown")
    case = await office.m1.does(number, "dispatch", unit="risk", handler="h-3", approver="u-2")
    assert (case["state"], case["unit"], case["handler"]) == ("dispatched", "risk", "h-3")
    assert (await office.m1.asks("queue")).body == []


async def test_the_queue_has_the_gravest_first(office: Office) -> None:
    """A050, C16: what was graded red before what is direct or widely raised, before what came earlier."""
    office_customer = office.customer()
    plain = await office_customer.complains("利率")
    direct = await office_customer.complains("找过行长了")
    many = await office_customer.complains("大家都这样")
    major = await office_customer.complains("记者来过了")
    await office.graded(direct, product="loan", flags=["direct"])
    await office.graded(many, product="loan", flags=["group"])
    await office.graded(major, product="loan", level="major", flags=["media"])
    assert [one["number"] for one in (await office.m1.asks("queue")).body] == [major, direct, many, plain]


async def test_a_grading_that_differs_from_the_suggestion_says_why(office: Office) -> None:
    """T6: A038, A049: who confirmed it, and why it was changed, is on record."""
    number = await office.customer().complains()
    answer = await office.m1.tries(number, "grade", kind="complaint", nature="service", level="important")
    assert answer.why == ("/reason", "needs_reason")
    case = await office.graded(number, level="important", reason="三个人都反映了")
    assert (case["level"], case["needs_review"], case["first_owner"]) == ("important", False, "m-1")
    entry = (await office.m1.asks(f"complaints/{number}/timeline")).body[1]
    assert (entry["actor"], entry["event"], entry["private"]["reason"]) == ("m-1", "graded", "三个人都反映了")


async def test_a_higher_level_brings_the_date_forward_and_the_customer_is_told(office: Office) -> None:
    """T6: A020, A065: important is two working days; N01c."""
    li = office.customer()
    number = await li.complains()
    case = await office.graded(number, level="important")
    assert case["promised_at"] == "2026-11-25T15:59:59Z"
    await li.hears(number, "提前", "11月25日")


async def test_who_the_complaint_is_about_does_not_handle_it(office: Office) -> None:
    """T7: law 17: passed over by the table, refused by hand, and neither leads nor checks it."""
    number = await office.customer().complains("陈经理态度恶劣")
    case = await office.graded(number, staff_involved=["h-1"])
    assert case["handler"] == "h-2"
    answer = await office.m1.tries(number, "reroute", unit="cards", handler="h-1", reason="换人")
    assert answer.why == ("/handler", "partial")
    both = await office.customer().complains("陈经理和李经理都不理人")
    case = await office.graded(both, staff_involved=["h-1", "h-2"])
    assert case["state"] == "triaged"
    executive = await office.customer().complains("孙行长骂人，记者在场")
    case = await office.graded(executive, level="major", flags=["media"], staff_involved=["x-1"])
    assert (case["state"], case["lead"]) == ("triaged", "")


async def test_nobody_accepts_in_time_so_the_reminders_go_up(office: Office) -> None:
    """T8: A055: the handler at 20 and 30 minutes, the unit's head at 45, 客户意见管理岗 at 60."""
    number = await office.customer().complains()
    handler = office.handler(await office.graded(number))
    for minutes, staff in ((20, handler.staff), (25, "u-1"), (15, "m-1")):
        await office.passes(minutes=minutes)
        await office.mailed(staff, "未接单", number)
    await handler.does(number, "accept")
    assert "accept" in await office.clocks_stopped(number)
