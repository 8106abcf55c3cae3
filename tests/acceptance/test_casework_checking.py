"""The checking of a complaint up to its approval, and what may hold it up (C.2, T9 to T18, T31, T32)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.acceptance.office import IMPROVEMENT, REJECTED, UPHELD, Office

EXTENSION = {"reason_internal": "外部机构未回函", "reason": "要等收单机构回函", "done": "核对了流水", "next": "等回函"}


async def test_a_reroute_starts_the_acceptance_anew_and_moves_no_date_of_the_customer(office: Office) -> None:
    """T9: A076; the other unit is told, the first one does not see it any more."""
    number = await office.customer().complains()
    case = await office.graded(number)
    promised = case["promised_at"]
    before = office.handler(case)
    office.world.clock.later(minutes=15)
    case = await office.m1.does(number, "reroute", unit="risk", handler="h-3", reason="属风险管理部职责")
    assert (case["unit"], case["handler"], case["promised_at"]) == ("risk", "h-3", promised)
    assert case["clocks"]["accept"]["due_at"] == "2026-11-23T03:00:00Z"
    await office.mailed("h-3", "派单", number)
    assert (await before.tries(number, "accept")).status == 404
    assert (await office.h3.does(number, "accept"))["state"] == "accepted"


async def test_the_customer_is_asked_only_for_what_the_bank_does_not_have(office: Office) -> None:
    """T11: N05; law 13. The clocks keep running; any answer lets the checking go on."""
    li = office.customer()
    number = await li.complains()
    handler = office.handler(await office.investigated(number))
    asked = {"items": ["对方给您的短信截图"], "way": "直接回复本邮件"}
    answer = await handler.tries(number, "ask_customer", **asked, bank_has_none=False)
    assert answer.why == ("/items", "bank_has_it")
    case = await handler.does(number, "ask_customer", **asked, bank_has_none=True)
    assert (case["state"], case["clocks"]["promised"]["paused_at"]) == ("need_info", None)
    await li.hears(number, "对方给您的短信截图", "直接回复本邮件")
    await li.replies(number, "截图找不到了")
    await office.becomes(number, "investigating")
    assert (await office.events(number))[-2:] == ["supplemented", "resumed"]


async def test_other_departments_answer_within_a_day_or_their_head_is_told(office: Office) -> None:
    """T12: A052, A056: N29; the meeting within one working day, the answers within 24 hours."""
    number = await office.customer().complains()
    handler = office.handler(await office.investigated(number))
    assert (await office.u2.asks(f"complaints/{number}")).status == 404
    question = {"units": ["risk"], "question": "商户是否在名单上"}
    late = (office.world.clock() + timedelta(days=2)).isoformat()
    assert (await handler.tries(number, "coordinate", **question, meeting_at=late)).why == ("/meeting_at", "too_late")
    soon = (office.world.clock() + timedelta(hours=4)).isoformat()
    wrong = await handler.tries(number, "coordinate", **(question | {"units": ["it"]}), meeting_at=soon)
    assert wrong.why == ("/units", "unknown")
    await handler.does(number, "coordinate", **question, meeting_at=soon)
    await office.mailed("u-2", "协同", "商户是否在名单上")
    await office.passes(hours=24)
    await office.mailed("u-2", "超期")
    await office.u2.does(number, "answer_assist", unit="risk", answer="不在名单上")
    case = await handler.does(number, "close_coordination", minutes="商户合规")
    assert (case["state"], {"meeting", "assist"} <= await office.clocks_stopped(number)) == ("investigating", True)


async def test_an_assisting_unit_helps_and_decides_nothing(office: Office) -> None:
    """A064, A144: its head signs for its own unit's cases only."""
    number = await office.customer().complains()
    handler = office.handler(await office.investigated(number))
    soon = (office.world.clock() + timedelta(hours=4)).isoformat()
    await handler.does(number, "coordinate", units=["risk"], question="名单", meeting_at=soon)
    await office.h3.does(number, "add_evidence", id="list", type="log", sha256="1" * 64, description="名单")
    answer = await office.u2.tries(number, "extend", until="2026-12-01", **EXTENSION)
    assert (answer.status, answer.code) == (403, "forbidden")
    answer = await office.u2.tries(number, "close_coordination", minutes="我们说了算")
    assert answer.status == 403


async def test_the_time_of_an_appraisal_does_not_count_and_the_customer_is_told(office: Office) -> None:
    """T13: N10; law 18: head and legal department decide it together."""
    li = office.customer()
    number = await li.complains()
    case = await office.investigated(number)
    start = {"body": "某司法鉴定所", "reason": "鉴定签名"}
    answer = await office.u1.tries(number, "start_appraisal", **start, agreed_by="f-1")
    assert answer.why == ("/agreed_by", "wrong_role")
    await office.u1.does(number, "start_appraisal", **start, agreed_by="l-1")
    await li.hears(number, "某司法鉴定所")
    office.world.clock.later(days=10)
    case = await office.handler(case).does(number, "end_appraisal", report="签名不是本人")
    assert (case["state"], case["promised_at"], case["legal_at"]) == (
        "investigating",
        "2026-12-06T15:59:59Z",
        "2026-12-18T15:59:59Z",
    )
    await li.hears(number, "鉴定已经结束", "12月6日")


async def test_an_extension_is_told_in_writing_with_its_reason_before_the_old_date(office: Office) -> None:
    """T15: A068, A069: N09; refused once the date has passed."""
    li = office.customer()
    number = await li.complains()
    await office.investigated(number)
    without = {name: words for name, words in EXTENSION.items() if name != "reason"}
    assert (await office.u1.tries(number, "extend", until="2026-12-04", **without)).why == ("/reason", "missing")
    assert (await office.u1.tries(number, "extend", until="2026-11-26", **EXTENSION)).why == ("/until", "not_later")
    case = await office.u1.does(number, "extend", until="2026-12-04", **EXTENSION)
    assert case["promised_at"] == "2026-12-04T15:59:59Z"
    told = await li.hears(number, "12月4日")
    assert [words for words in ("11月26日", "要等收单机构回函", "核对了流水", "等回函") if words not in told] == []
    office.world.clock.later(days=12)
    assert (await office.u1.tries(number, "extend", until="2026-12-07", **EXTENSION)).why == ("/until", "expired")


async def test_beyond_thirty_days_an_executive_extends_and_beyond_sixty_nobody(office: Office) -> None:
    """T15: A068; law 18: 15 days, 30, and 30 more."""
    number = await office.customer().complains()
    await office.investigated(number)
    case = await office.u1.does(number, "extend", until="2026-12-23", **EXTENSION)
    assert case["legal_at"] == "2026-12-23T15:59:59Z"
    answer = await office.u1.tries(number, "extend", until="2026-12-24", **EXTENSION)
    assert answer.why == ("/until", "needs_executive")
    answer = await office.x1.tries(number, "extend", until="2027-01-23", **EXTENSION)
    assert answer.why == ("/until", "beyond_law")
    case = await office.x1.does(number, "extend", until="2027-01-22", **EXTENSION)
    assert (case["promised_at"], case["legal_at"]) == ("2027-01-22T15:59:59Z", "2027-01-22T15:59:59Z")


async def test_who_can_only_be_telephoned_gets_no_extension(office: Office) -> None:
    """T15: A069, C14: it has to be written."""
    number = await office.takes_in({"text": "年费", "contacts": [{"type": "mobile", "value": "13800000000"}]})
    await office.investigated(number)
    answer = await office.u1.tries(number, "extend", until="2026-12-04", **EXTENSION)
    assert (answer.status, answer.errors[0]["code"]) == (422, "not_in_writing")


async def test_a_conclusion_rests_on_evidence_and_says_all_that_is_asked_of_it(office: Office) -> None:
    """T16: A065, A081, A082, A084, A085, A088."""
    number = await office.customer().complains()
    handler = office.handler(await office.investigated(number))
    answer = await handler.tries(number, "conclude", **UPHELD, evidence=["e1"])
    assert answer.why == ("/evidence", "no_evidence")
    await handler.does(number, "add_evidence", id="e1", type="recording", sha256="a" * 64, description="开卡录音")
    for field in ("cause", "feedback_plan", "measures"):
        lacking = {name: value for name, value in UPHELD.items() if name != field}
        assert (await handler.tries(number, "conclude", **lacking, evidence=["e1"])).why == (f"/{field}", "missing")
    for part in ("owner", "due", "verification"):
        plan = {name: value for name, value in IMPROVEMENT.items() if name != part}
        answer = await handler.tries(number, "conclude", **(UPHELD | {"improvement": plan}), evidence=["e1"])
        assert answer.why == (f"/improvement/{part}", "missing")
    refusal = UPHELD | REJECTED | {"basis": []}
    answer = await handler.tries(number, "conclude", **refusal, evidence=["e1"])
    assert answer.why == ("/basis", "no_basis")
    assert (await handler.does(number, "conclude", **UPHELD, evidence=["e1"]))["state"] == "concluded"


@pytest.mark.parametrize(("amount", "signed"), [("50000.00", True), ("50000.01", False)])
async def test_only_a_higher_amount_than_the_limit_is_signed_by_an_executive(
    office: Office, amount: str, signed: bool
) -> None:
    """T17: A060: 50 000 yuan is the limit; N34 to the executive, with the band of the amount only."""
    number = await office.customer().complains()
    await office.investigated(number)
    paid = {"amount": amount, "currency": "CNY", "arrival": "2026-12-02"}
    case = await office.approved(number, compensation=paid)
    assert case["state"] == ("approved" if signed else "concluded")
    if not signed:
        assert amount not in await office.mailed("x-1", "待审批", number)
        case = await office.x1.does(number, "approve")
        assert (case["state"], [one["role"] for one in case["approvals"]]) == ("approved", ["uh", "exe"])


async def test_nobody_signs_for_their_own_work_nor_twice(office: Office) -> None:
    """T17: A059, A114: the signer is another person than the handler, two signatures are two people's."""
    number = await office.customer().complains()
    case = await office.investigated(number)
    await office.concluded(number)
    assert (await office.handler(case).tries(number, "approve")).code == "forbidden"
    assert (await office.handler(case).tries(number, "reply")).code == "conflict"
    await office.u1.does(number, "approve")
    assert (await office.u1.tries(number, "approve")).code == "conflict"


async def test_a_conclusion_that_is_sent_back_is_made_anew_and_the_date_stays(office: Office) -> None:
    """T18: A092: N35."""
    number = await office.customer().complains()
    case = await office.investigated(number)
    handler = office.handler(case)
    await office.concluded(number)
    await office.u1.does(number, "send_back", missing="没有说明为什么漏了", until="2026-11-25")
    await office.mailed(handler.staff, "退回", "没有说明为什么漏了")
    after = await handler.does(number, "resume")
    assert (after["state"], after["promised_at"]) == ("investigating", case["promised_at"])
    assert (await office.approved(number))["state"] == "approved"


async def test_a_change_of_level_moves_dates_forward_only_and_says_why(office: Office) -> None:
    """T31: A.13 rules 3 and 4: raised, the date comes forward; lowered again, it stays."""
    li = office.customer()
    number = await li.complains()
    case = await office.investigated(number)
    assert case["promised_at"] == "2026-11-26T15:59:59Z"
    change = {"level": "important", "flags": ["repeat"]}
    assert (await office.m1.tries(number, "regrade", **change)).why == ("/reason", "missing")
    case = await office.m1.does(number, "regrade", **change, reason="第三次反映")
    assert (case["level"], case["promised_at"]) == ("important", "2026-11-25T15:59:59Z")
    await li.hears(number, "提前", "11月25日")
    case = await office.m1.does(number, "regrade", level="general", flags=[], reason="查明是头一次")
    assert (case["level"], case["promised_at"]) == ("general", "2026-11-25T15:59:59Z")


async def test_a_regulators_referral_has_a_date_of_its_own_and_is_reported_before_it_is_filed(office: Office) -> None:
    """T32: A132."""
    number = await office.customer().complains()
    case = await office.g1.does(
        number, "record_referral", reference="京金监转2026-118", body="金融监管局", due="2026-12-01"
    )
    assert (case["flags"], case["referral"]) == (["regulator_referral"], "京金监转2026-118")
    assert case["clocks"]["referral"]["due_at"] == "2026-12-01T15:59:59Z"
    await office.mailed("g-1", "监管转办", number)
    await office.passes(days=5)
    await office.mailed("g-1", "临期", number)
    await office.r1.does(number, "withdraw", request="和解了")
    assert "referral" not in await office.clocks_stopped(number)
    assert (await office.m1.tries(number, "archive")).errors[0]["code"] == "no_report"
    await office.g1.does(number, "report_referral", report="已办结并告知投诉人")
    assert (await office.m1.does(number, "archive"))["state"] == "archived"


async def test_what_was_done_first_is_signed_for_later(office: Office) -> None:
    """A061: act first, complete the paperwork later; the signature that is owed stands in the case."""
    number = await office.customer().complains()
    case = await office.investigated(number)
    case = await office.handler(case).does(number, "act_first", action="先行垫付80元")
    assert case["approval_owed"] is True
    assert (await office.approved(number))["approval_owed"] is False


async def test_a_case_changes_hands_with_a_reason_and_the_new_owners_consent(office: Office) -> None:
    """A023: the first owner stays on record."""
    number = await office.customer().complains()
    await office.graded(number)
    change = {"to": "r-1", "reason": "轮岗"}
    assert (await office.m1.tries(number, "hand_over", **change, agreed=False)).why == ("/agreed", "not_agreed")
    assert (await office.m1.tries(number, "hand_over", to="z-9", reason="轮岗", agreed=True)).why == ("/to", "unknown")
    case = await office.m1.does(number, "hand_over", **change, agreed=True)
    assert (case["first_owner"], case["current_owner"]) == ("m-1", "r-1")
