"""The values of a template: what each notice says, and that WeChat never refuses one (47003)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.wechat import compose
from adapters.wechat.compose import TOLD, Fields, ValueName
from gateway.errors import Permanent
from gateway.model import Kind, Language, NoticeKind
from gateway.rules.contents import STAFF
from sandbox.wechat_templates import RULES
from tests.adapters.wechat.account import said
from tests.factories import START

ZONE = ZoneInfo("Asia/Shanghai")
KINDS = ("thing", "character_string", "phrase", "name", "time", "date", "phone_number")
VALUE_NAMES: tuple[ValueName, ...] = (
    "number",
    "status",
    "matter",
    "promised",
    "received",
    "at",
    "telephone",
    "bank",
)
FITTING = [
    (kind, name) for kind in KINDS for name in VALUE_NAMES if not list(compose.misfits({f"{kind}1": name}, TOLD))
]


def written(fields: Fields, **changes: Any) -> dict[str, str]:
    return {name: one["value"] for name, one in compose.data_of(fields, said(**changes), ZONE).items()}


def test_every_notice_for_customers_has_a_status_and_no_other() -> None:
    assert set(NoticeKind) - STAFF == TOLD


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("notice", sorted(TOLD))
def test_a_status_is_a_phrase_and_a_matter_a_thing(notice: NoticeKind, language: Language) -> None:
    """E.3: status is a phrase of at most five characters, matter a thing of at most twenty."""
    for kind in Kind:
        values = written({"phrase1": "status", "thing2": "matter"}, notice=notice, language=language, kind=kind)
        assert RULES["phrase"](values["phrase1"])
        assert RULES["thing"](values["thing2"])


def test_values_are_in_the_words_of_the_language() -> None:
    fields: Fields = {"phrase1": "status", "thing2": "matter"}
    answered = {"notice": NoticeKind.OUTCOME_UPHELD}
    assert written(fields, **answered) == {"phrase1": "已答复", "thing2": "您反映的问题"}
    assert written(fields, **answered, language=Language.ZH_HANT) == {"phrase1": "已答覆", "thing2": "您反映的問題"}
    english = written(fields, **answered, language=Language.EN, kind=Kind.SUGGESTION)
    assert english == {"phrase1": "已答复", "thing2": "Your suggestion"}


@pytest.mark.parametrize(
    ("kind", "received", "promised"),
    [
        ("time", "2026年11月23日 10:15", "2026年11月26日 23:59"),
        ("date", "2026年11月23日 10:15", "2026年11月26日"),
        ("thing", "2026-11-23 10:15", "2026-11-26"),
        ("character_string", "2026-11-23 10:15", "2026-11-26"),
    ],
)
def test_dates_are_written_as_their_field_takes_them(kind: str, received: str, promised: str) -> None:
    """E.2 rule 3: calendar dates; the end of a day is that day."""
    values = written({f"{kind}1": "received", f"{kind}2": "promised"})
    assert values == {f"{kind}1": received, f"{kind}2": promised}


def test_dates_are_those_of_the_banks_zone() -> None:
    values = compose.data_of({"date1": "received"}, said(received_at=START), ZoneInfo("Asia/Hong_Kong"))
    assert values == {"date1": {"value": "2026年11月23日 10:15"}}
    values = compose.data_of({"date1": "received"}, said(received_at=START), ZoneInfo("America/New_York"))
    assert values == {"date1": {"value": "2026年11月22日 21:15"}}


@pytest.mark.parametrize(
    ("fields", "changes"),
    [
        ({"thing1": "bank"}, {"bank": "示" * 21}),
        ({"thing1": "bank"}, {"bank": "示例\n银行"}),
        ({"name1": "bank"}, {"bank": "示" * 11}),
        ({"phrase1": "bank"}, {"bank": "示" * 6}),
        ({"character_string1": "telephone"}, {"telephone": "0" * 33}),
        ({"phone_number1": "telephone"}, {"telephone": "400-800-0000转客服"}),
        ({"character_string1": "number"}, {"number": "投诉-261123-000123-V"}),
        ({"thing1": "number"}, {"number": "T" * 21}),
        ({"thing1": "bank"}, {"bank": ""}),
    ],
)
def test_what_does_not_fit_never_leaves(fields: Fields, changes: dict[str, object]) -> None:
    with pytest.raises(Permanent) as refused:
        written(fields, **changes)
    assert refused.value.reason == "does_not_fit"


@pytest.mark.parametrize(
    ("fields", "odd"),
    [
        ({"character_string1": "number", "phrase2": "status", "time3": "promised"}, []),
        ({"thing1": "number", "name2": "bank", "phone_number3": "telephone", "date4": "at"}, []),
        ({"phrase1": "number"}, ["phrase1"]),
        ({"character_string1": "status"}, ["character_string1"]),
        ({"phrase1": "matter"}, ["phrase1"]),
        ({"time1": "telephone", "date2": "number"}, ["time1", "date2"]),
        ({"amount1": "number"}, ["amount1"]),
        ({"keyword1": "number"}, ["keyword1"]),
    ],
)
def test_a_field_that_cannot_hold_its_value_is_seen_at_start_up(fields: Fields, odd: list[str]) -> None:
    assert list(compose.misfits(fields, TOLD)) == odd


@given(
    st.lists(st.sampled_from(FITTING), min_size=1, max_size=7),
    st.sampled_from(sorted(TOLD)),
    st.sampled_from(list(Language)),
    st.sampled_from(list(Kind)),
    st.timedeltas(timedelta(0), timedelta(days=400)),
)
def test_what_was_taken_at_start_up_is_taken_by_wechat(
    taken: Sequence[tuple[str, ValueName]], notice: NoticeKind, language: Language, kind: Kind, later: timedelta
) -> None:
    """Channels 1.7: 47003 never happens. The simulator has rules of its own hand."""
    fields = {f"{of}{serial}": value for serial, (of, value) in enumerate(taken)}
    at = START + later
    values = written(fields, notice=notice, language=language, kind=kind, at=at, received_at=at, promised_at=at)
    assert [name for name, value in values.items() if not RULES[name.rstrip("0123456789")](value)] == []


@pytest.mark.parametrize(("language", "words"), [(Language.ZH_HANS, "请来电了解"), (Language.ZH_HANT, "請來電瞭解")])
def test_who_is_told_an_outcome_by_nothing_else_is_asked_to_call(language: Language, words: str) -> None:
    """Law 19: a template carries no findings."""
    fields: Fields = {"phrase1": "status"}
    outcome = {"notice": NoticeKind.OUTCOME_UPHELD, "language": language}
    assert written(fields, **outcome, asked_to_call=True) == {"phrase1": words}
    assert RULES["phrase"](words)
    assert written(fields, **outcome) != {"phrase1": words}
