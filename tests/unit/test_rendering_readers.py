"""Who is not told what: unverified contacts, a telephone's screen, customers of the grade, staff of the customer."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gateway.model import (
    ChannelKind,
    ClockName,
    ContactType,
    FindingType,
    Flag,
    Language,
    Level,
    NoticeKind,
    Product,
    Result,
    State,
)
from gateway.rules.contents import LONG, STAFF
from gateway.rules.redaction import Kind as Secret
from tests.unit.rendering_samples import (
    CUSTOMERS,
    FACTS,
    OUTCOME,
    UNVERIFIED,
    K,
    blocks,
    first_sample,
    free_text,
    render,
)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("kind", CUSTOMERS)
def test_an_unverified_contact_learns_number_date_and_phone_only(kind: NoticeKind, language: Language) -> None:
    """E.2 rule 10: no reason, no findings, no name, no way it came, whatever they are."""
    planted = {
        key: [f"{one} x" for one in value] if isinstance(value, list) else f"{value} x"
        for key, value in first_sample(kind).items()
        if isinstance(value, str | list)
        and not key.endswith(("_at", "_on"))
        and key not in {"why", "currency", "kinds", "amount"}
    }
    told = render(kind, to=UNVERIFIED, language=language)
    other = replace(FACTS, name="王芳", channel=ChannelKind.OPINION_BOOK)
    assert told == render(
        kind, {**first_sample(kind), **planted}, to=UNVERIFIED, language=language, facts=other, where=ContactType.EMAIL
    )
    for value in (*free_text(kind), FACTS.name):
        assert value not in blocks(told)


@pytest.mark.parametrize("language", Language)
def test_an_unverified_contact_cannot_tell_one_outcome_from_the_other(language: Language) -> None:
    """E.2 rule 10."""
    assert render(K.OUTCOME_UPHELD, OUTCOME, to=UNVERIFIED, language=language) == render(
        K.OUTCOME_REJECTED, OUTCOME, to=UNVERIFIED, language=language
    )


@pytest.mark.parametrize("kind", sorted(LONG))
def test_an_unverified_contact_is_told_how_to_hear_the_rest(kind: NoticeKind) -> None:
    text = render(kind, to=UNVERIFIED).text
    assert "核对身份" in text


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("kind", CUSTOMERS)
def test_what_staff_wrote_stays_out_of_subject_and_text_message(kind: NoticeKind, language: Language) -> None:
    """E.2 rule 1, E.4: free text goes to the long form."""
    for where in (None, ContactType.EMAIL):
        text = render(kind, language=language, where=where)
        assert [value for value in free_text(kind) if value in text.subject + text.short] == []
        assert [value for value in free_text(kind) if value not in text.text] == []


@pytest.mark.parametrize("kind", CUSTOMERS)
def test_level_and_flags_never_reach_a_customer(kind: NoticeKind) -> None:
    """E.2 rule 1: not in the words of the house, in any language, however high the grade is."""
    for language in Language:
        said = blocks(render(kind, language=language, facts=replace(FACTS, major=True))).lower()
        for word in ("重大", "红色预警", "紅色預警", "定级", "定級", "群体", "群體", "red alert", "graded", "severity"):
            assert word not in said


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("kind", sorted(STAFF))
def test_staff_are_never_told_who_the_customer_is(kind: NoticeKind, language: Language) -> None:
    """A028, E.1 N24."""
    text = render(kind, language=language)
    assert FACTS.name not in blocks(text)
    other = replace(FACTS, name="王芳", channel=ChannelKind.OPINION_BOOK, received_at=datetime(2026, 11, 2, tzinfo=UTC))
    assert text == render(kind, language=language, facts=other)


def test_a_dispatch_says_grade_product_branch_and_both_dates() -> None:
    """S0-6(4), A028, E.4 N24."""
    details = {
        **first_sample(K.DISPATCH),
        "level": "important",
        "flags": ["urgent", "repeat"],
        "branch": "东门支行",
        "accept_at": "2026-11-23T02:30:00+00:00",
    }
    for block in (render(K.DISPATCH, details).short, render(K.DISPATCH, details).text):
        for said in (FACTS.number, "重要", "紧急、重复反映", "支付结算", "东门支行", "11月23日10:30", "11月26日"):
            assert said in block


def test_a_deadline_says_which_clock_until_when_and_whose_step_it_is() -> None:
    """A077, E.4 N26."""
    soon = render(K.DEADLINE, {**first_sample(K.DEADLINE), "why": "due_soon"}).short
    late = render(K.DEADLINE, {**first_sample(K.DEADLINE), "why": "overdue"}).short
    for said in ("办理时限", "11月25日17:30", "核查中", "S0042"):
        assert said in soon
        assert said in late
    assert ("临期" in soon, "超期" in late, "说明原因" in late) == (True, True, True)


def test_an_approver_is_told_the_band_of_an_amount_only() -> None:
    """C13, E.1 N34."""
    text = render(K.APPROVAL, {**first_sample(K.APPROVAL), "decision": "partly_upheld", "band": "10k"}).text
    for said in ("部分支持", "工作差错", "万元级", "11月26日"):
        assert said in text


def test_a_red_alert_says_reasons_lead_and_when_the_plan_is_due() -> None:
    """A053, E.4 N27."""
    details = {**first_sample(K.RED_ALERT), "reason": "多名客户\n反映资金被转走" + "。" * 500, "lead": "S0007"}
    alert = render(K.RED_ALERT, details)
    for said in ("红色预警", "重大", "疑似诈骗", "反映资金被转走", "S0007", "最迟11月24日"):
        assert said in alert.short
        assert said in alert.text
    assert "\n" not in alert.short
    assert len(alert.short.encode()) <= 2048  # what WeCom takes (E.3)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize(
    ("kind", "key", "values"),
    [
        (K.DISPATCH, "level", Level),
        (K.DISPATCH, "flags", Flag),
        (K.DISPATCH, "product", Product),
        (K.DEADLINE, "state", State),
        (K.DEADLINE, "clock", ClockName),
        (K.APPROVAL, "decision", Result),
        (K.APPROVAL, "responsibility", FindingType),
        (K.SECURITY_NOTE, "kinds", Secret),
    ],
    ids=["level", "flags", "product", "state", "clock", "decision", "responsibility", "kinds"],
)
def test_every_value_of_the_model_has_a_word_of_its_own(
    kind: NoticeKind, key: str, values: type[Level], language: Language
) -> None:
    texts = {
        render(kind, {**first_sample(kind), key: value.value}, language=language).text: value for value in list(values)
    }
    assert len(texts) == len(values)
