"""What each notice tells a customer, clause by clause; the acknowledgement is in test_rendering.py."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gateway.model import (
    ContactType,
    Kind,
    Language,
    NoticeKind,
)
from gateway.rules.contents import LONG
from tests.unit.rendering_samples import BANK, FACTS, OUTCOME, SHIPPED, VERIFIED, K, render

STANDS_ALONE = {K.CLOCK_PAUSED, K.MEDIATION_OFFER}  # what matters is in the text message, too


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("kind", [K.OUTCOME_UPHELD, K.OUTCOME_REJECTED])
def test_an_outcome_says_findings_measures_improvement_basis_and_reason(kind: NoticeKind, language: Language) -> None:
    """A094, A096, A098, law 19."""
    text = render(kind, OUTCOME, language=language)
    for block in (text.text, text.html):
        for name in ("findings", "cause", "measures", "improvement", "reason", "alternative"):
            assert str(OUTCOME[name]) in block
        for rule in ("支付结算办法第二十条", "服务协议第5条"):
            assert rule in block


@pytest.mark.parametrize(
    ("language", "routes"),
    [
        (Language.ZH_HANS, ("核查", "30日内", "上级机构", "调解", "仲裁", "诉讼")),
        (Language.ZH_HANT, ("核查", "30日內", "上級機構", "調解", "仲裁", "訴訟")),
        (Language.EN, ("review", "within 30 days", "office above", "mediation", "arbitration", "court")),
    ],
)
@pytest.mark.parametrize("kind", [K.OUTCOME_UPHELD, K.OUTCOME_REJECTED])
def test_an_outcome_says_what_can_be_done_against_it(
    kind: NoticeKind, language: Language, routes: tuple[str, ...]
) -> None:
    """Law 19: 核查, 调解, 仲裁, 诉讼; law 20: the review is for a branch's decision only."""
    branch = render(kind, OUTCOME, language=language).text
    assert [route for route in routes if route not in branch] == []
    head_office = render(kind, {**OUTCOME, "review": False}, language=language).text
    assert routes[1] not in head_office
    assert [route for route in routes[3:] if route not in head_office] == []


@pytest.mark.parametrize(
    ("language", "sorry"), [(Language.ZH_HANS, "道歉"), (Language.ZH_HANT, "道歉"), (Language.EN, "sorry")]
)
@pytest.mark.parametrize("kind", [K.OUTCOME_UPHELD, K.OUTCOME_REJECTED])
def test_the_bank_apologises_where_something_was_found(kind: NoticeKind, language: Language, sorry: str) -> None:
    """A101: bound to what was found; E.4 N11, E.2 rule 5."""
    assert sorry in render(kind, OUTCOME, language=language).text
    assert sorry not in render(kind, {**OUTCOME, "apology": False}, language=language).text


@pytest.mark.parametrize(
    ("language", "day"), [(Language.ZH_HANS, "11月30日"), (Language.ZH_HANT, "11月30日"), (Language.EN, "30 November")]
)
def test_compensation_is_named_with_its_date_and_never_in_a_text_message(language: Language, day: str) -> None:
    """A101; E.2 rule 1: no exact amount or account on a lock screen."""
    text = render(K.OUTCOME_UPHELD, OUTCOME, language=language, where=ContactType.EMAIL)
    for said in ("120.50", "7890", day):
        assert said in text.text
        assert said not in text.subject + text.short
    without = render(K.OUTCOME_UPHELD, {**OUTCOME, "amount": "", "arrival_on": "", "account_tail": ""}).text
    assert "补偿" not in without


def test_the_question_whether_the_customer_accepts_is_asked() -> None:
    """A098, A111."""
    assert "回复“认可”" in render(K.OUTCOME_UPHELD, OUTCOME).text
    assert 'reply "accept"' in render(K.OUTCOME_UPHELD, OUTCOME, language=Language.EN).text


def test_the_first_progress_has_its_four_parts() -> None:
    """A097, A100: content confirmed, first analysis, process with its time, solution or compensation."""
    details = {"progress": "核对11月20日的两笔扣款", "next_contact_at": "2026-11-24T03:00:00+00:00"}
    text = render(K.FIRST_PROGRESS, details).text
    parts = (
        "逐条看过",
        "核对11月20日的两笔扣款",
        "最迟在11月24日11:00再联系您",
        "最迟在11月26日",
        "怎么解决、是否补偿",
    )
    assert [part for part in parts if part not in text] == []


@pytest.mark.parametrize("language", Language)
def test_progress_says_what_was_done_is_awaited_and_comes_next(language: Language) -> None:
    """A067: N07 is N08 without the promise of another one."""
    details = {"done": "核对了流水", "waiting": "商户的回复", "next": "比对凭证"}
    again = {**details, "again_at": "2026-11-24T15:59:59+00:00"}
    plain = render(K.PROGRESS, {**details, "overdue": False}, language=language).text.split("\n\n")
    daily = render(K.DAILY_PROGRESS, again, language=language).text.split("\n\n")
    assert plain[2:5] == daily[2:5]
    assert [line.split("：" if "：" in line else ": ")[1] for line in daily[2:5]] == list(details.values())
    assert plain[5] != daily[5]
    day = "24 November" if language is Language.EN else "11月24日"
    assert day in daily[5]
    assert day not in "".join(plain)
    silent = render(K.PROGRESS, {**details, "waiting": "", "overdue": False}, language=language).text
    assert len(silent.split("\n\n")) == len(plain) - 1


@pytest.mark.parametrize(("language", "sorry"), list(zip(Language, ("道歉", "道歉", "sorry"), strict=True)))
def test_progress_after_the_promised_date_says_sorry_and_promises_no_day_that_has_passed(
    language: Language, sorry: str
) -> None:
    """A104: to everybody, an address that nobody has checked included."""
    details = {"done": "核对了流水", "waiting": "", "next": "", "overdue": True}
    for verified in (True, False):
        told = render(K.PROGRESS, details, language=language, to=replace(VERIFIED, verified=verified))
        assert sorry in told.text
        assert sorry in told.short


@pytest.mark.parametrize("language", Language)
def test_an_extension_says_old_date_new_date_reason_and_what_is_done(language: Language) -> None:
    """A069, law 18: in writing, with the reason."""
    details = {"old_at": "2026-11-25T15:59:59+00:00", "reason": "商户还没有回复", "done": "核对了流水", "next": "比对"}
    facts = replace(FACTS, promised_at=datetime(2027, 1, 4, 15, 59, 59, tzinfo=UTC))
    text = render(K.EXTENSION, details, language=language, facts=facts)
    old, new = ("25 November", "4 January 2027") if language is Language.EN else ("11月25日", "2027年1月4日")
    for said in (old, new, "商户还没有回复", "核对了流水", "比对", BANK.telephone):
        assert said in text.text
    assert new in text.short
    assert old not in text.short


@pytest.mark.parametrize(
    ("why", "word"), [("appraisal", "鉴定"), ("mediation", "调解")], ids=["an expert", "a mediator"]
)
def test_a_pause_says_why_by_whom_and_what_it_does_to_the_date(why: str, word: str) -> None:
    """Law 18 and 23, N10 at both ends."""
    begins = render(K.CLOCK_PAUSED, {"why": why, "body": "某鉴定中心", "ends": False})
    assert "某鉴定中心" in begins.text
    assert "某鉴定中心" not in begins.short
    for block in (begins.short, begins.text):
        assert word in block
        assert "不计入" in block
    assert "11月26日" in begins.text
    ends = render(K.CLOCK_PAUSED, {"why": why, "body": "", "ends": True})
    for block in (ends.short, ends.text):
        assert word in block
        assert "11月26日" in block
        assert "不计入" not in block


def test_handling_goes_on_while_something_is_asked_for() -> None:
    """Law 13."""
    text = render(K.INFORMATION_REQUEST, {"items": ["小票", "合同首页"], "way": "交到任一网点"}).text
    for said in ("小票、合同首页", "交到任一网点", "没有也不要紧", "不会停下来"):
        assert said in text


def test_a_review_is_decided_by_a_date_on_three_points_with_what_is_left_to_do() -> None:
    """Law 20."""
    assert "最迟12月23日" in render(K.REVIEW_ACCEPTED, {"review_at": "2026-12-23T15:59:59+00:00"}).short
    details = {"process": "过程没有问题", "time_limit": "晚了一天", "result": "结果维持", "upheld": False}
    text = render(K.REVIEW_DECISION, details).text
    for said in ("过程没有问题", "晚了一天", "结果维持", "调解", "仲裁", "诉讼"):
        assert said in text
    assert "30日内" not in text


@pytest.mark.parametrize(
    ("why", "said"), [("objected", "不认可"), ("unsolved", "还没有解决"), ("new_facts", "新的情况")]
)
def test_looking_again_says_why_by_whom_and_until_when(why: str, said: str) -> None:
    """A106: another person, a new date."""
    text = render(K.LOOKING_AGAIN, {"why": why}).text
    for part in (said, "另一位同事", "最迟在11月26日"):
        assert part in text


@pytest.mark.parametrize(
    ("adopted", "live_on", "said"),
    [(True, "2027-01-04", "最迟2027年1月4日"), (True, "", "决定采纳"), (False, "", "暂不采纳")],
)
def test_a_suggestion_is_answered_with_decision_and_reason(adopted: bool, live_on: str, said: str) -> None:
    text = render(K.SUGGESTION_REPLY, {"adopted": adopted, "reason": "很多客户也提到", "live_on": live_on}).text
    assert said in text
    assert "很多客户也提到" in text


def test_a_withdrawal_names_the_moment_it_ended_in_the_banks_zone() -> None:
    """Law 15: the same day; 16:30 in UTC is the next day in Shanghai."""
    text = render(K.WITHDRAWN, {"ended_at": "2026-11-24T16:30:00+00:00"})
    assert "11月25日00:30" in text.short
    assert "随时" in text.text


def test_a_merged_complaint_says_whether_time_starts_again() -> None:
    """Law 18: new facts and reasons do."""
    assert "重新计算" in render(K.MERGED, {"new_facts": True}).text
    assert "重新计算" not in render(K.MERGED, {"new_facts": False}).text


def test_mediation_is_offered_as_voluntary_with_its_effect_on_the_date() -> None:
    """Law 23."""
    text = render(K.MEDIATION_OFFER, {"body": "某调解中心"})
    for block in (text.short, text.text):
        assert "自愿" in block
        assert "不计入答复期限" in block
    assert "某调解中心" in text.text


def test_a_security_note_names_the_kind_of_secret() -> None:
    """PIPL 51; never the value, which it is not given."""
    assert "验证码、银行卡号" in render(K.SECURITY_NOTE, {"kinds": ["one_time_code", "card_number"]}).short


@pytest.mark.parametrize("language", Language)
def test_survey_and_callback_ask_four_things_without_pressure(language: Language) -> None:
    """A117, A122, E.1 N14: efficiency, quality, attitude, process, and free words."""
    asked = {
        Language.ZH_HANS: ("快不快", "态度", "过程清不清楚", "结果", "建议"),
        Language.ZH_HANT: ("快不快", "態度", "過程清不清楚", "結果", "建議"),
        Language.EN: ("how fast", "treated", "process", "result", "improve"),
    }[language]
    for kind in (K.SURVEY, K.CALLBACK_SCRIPT):
        text = render(kind, language=language).text
        assert [word for word in asked if word not in text] == []
    free = {Language.ZH_HANS: "不回复也", Language.ZH_HANT: "不回覆也", Language.EN: "need not reply"}[language]
    assert free in render(K.SURVEY, language=language).text


def test_the_callback_script_says_what_was_promised_and_leaves_the_names_to_the_caller() -> None:
    """A115; E.1 N15: who answers the phone may be somebody else."""
    script = render(K.CALLBACK_SCRIPT, {"measures": "退回120元"}).text
    assert "退回120元" in script
    assert FACTS.name not in script


def test_an_inquiry_is_answered_in_the_words_of_any_answer() -> None:
    """N19 is N03."""
    details = {"answer": "明天起恢复"}
    facts = replace(FACTS, kind=Kind.INQUIRY)
    answer, inquiry = (render(kind, details, facts=facts) for kind in (K.ANSWER, K.INQUIRY_ANSWER))
    assert answer.text == inquiry.text
    assert "明天起恢复" in inquiry.text


@pytest.mark.parametrize("major", [False, True])
def test_an_earlier_date_promises_what_the_grade_promises(major: bool) -> None:
    """A.13 rules 6 and 8: of a major complaint a first plan, never the word itself."""
    text = render(K.BROUGHT_FORWARD, {}, facts=replace(FACTS, major=major))
    assert ("每天联系您" in text.short) is major
    assert "最迟11月26日" in text.short


@pytest.mark.parametrize("kind", sorted(LONG - STANDS_ALONE))
def test_the_short_text_says_where_the_long_one_went_or_asks_to_call(kind: NoticeKind) -> None:
    """E.4 N11, E.2 rule 6; law 21."""
    by_mail, alone = (render(kind, where=where).short for where in (ContactType.EMAIL, None))
    assert "电子邮件" in by_mail
    assert "电子邮件" not in alone
    assert BANK.telephone in alone


def test_the_samples_in_the_documents_are_what_is_sent() -> None:
    page = (SHIPPED.parent / "docs" / "reference" / "notices.md").read_text(encoding="utf-8")
    facts = replace(FACTS, name="Li Wei")
    for kind in NoticeKind:
        for language in (Language.ZH_HANS, Language.EN):
            assert render(kind, language=language, facts=facts, where=ContactType.EMAIL).short in page
