"""The form's questions and their mapping, without a page."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.web_form.wire import WebForm, fields, tidy
from gateway.errors import Invalid
from gateway.model import ContactType, Language

SENDERS = frozenset({ContactType.EMAIL, ContactType.MOBILE})
FORM = WebForm(source="web-form", fields=fields(SENDERS))
GOOD = {"text": ("扣了两次",), "name": ("李女士",), "contact": ("13800000000",)}
AT = datetime(2026, 11, 23, 2, tzinfo=UTC)

answers = st.dictionaries(
    st.sampled_from([*(item.name for item in FORM.fields), FORM.HONEYPOT, "unknown"]),
    st.lists(st.text(max_size=300) | st.sampled_from(["phone", "sms", "a@b.cn", "13800000000"]), max_size=3).map(tuple),
)


def problems(**changes: tuple[str, ...]) -> set[tuple[str, str]]:
    return {(item.field, item.problem) for item in FORM.check(GOOD | changes)}


def test_three_answers_are_enough() -> None:
    """A007, A021: nothing else is demanded, and no number of any document anywhere."""
    assert problems() == set()
    assert [item.name for item in FORM.fields if item.required] == ["text", "name", "contact"]
    assert not [item.name for item in FORM.fields if "number" in item.name]


@pytest.mark.parametrize(
    ("typed", "kind", "value"),
    [
        ("13800000000", ContactType.MOBILE, "+8613800000000"),
        ("１３８ ０００００００0", ContactType.MOBILE, "+8613800000000"),
        ("+86 138-0000-0000", ContactType.MOBILE, "+8613800000000"),
        ("+852 9123 4567", ContactType.MOBILE, "+85291234567"),
        ("010-62000000", ContactType.LANDLINE, "+861062000000"),
        ("0755 82000000", ContactType.LANDLINE, "+8675582000000"),
        (" li@example.com\n", ContactType.EMAIL, "li@example.com"),
        ("li＠example.com", ContactType.EMAIL, "li@example.com"),
    ],
)
def test_a_contact_is_understood_as_it_is_typed(typed: str, kind: ContactType, value: str) -> None:
    message = FORM.to_message(GOOD | {"contact": (typed,)}, files=(), language=Language.ZH_HANS, external_id="x", at=AT)
    assert [(contact.type, contact.value, contact.verified) for contact in message.contacts] == [(kind, value, False)]


@pytest.mark.parametrize(
    "typed", ["", "   ", "李女士", "138", "13800", "1380000000", "62000000", "95559", "@", "li@qq", "微信：li123"]
)
def test_what_cannot_be_reached_is_no_contact(typed: str) -> None:
    assert "contact" in {field for field, _ in problems(contact=(typed,))}


@given(answers)
def test_whatever_passes_the_check_becomes_a_message(values: dict[str, tuple[str, ...]]) -> None:
    if FORM.check(values):
        return
    message = FORM.to_message(values, files=(), language=Language.EN, external_id="x", at=AT)
    assert message.text
    assert message.contacts
    assert "\x00" not in message.text + message.from_name


@given(st.dictionaries(st.text(), st.lists(st.text()).map(tuple)))
def test_no_answers_break_the_check(values: dict[str, tuple[str, ...]]) -> None:
    assert FORM.check(values)


def test_the_answer_that_counts_is_the_first_that_says_something() -> None:
    values = GOOD | {"contact": ("", " 13800000000"), "product": (" payment ",), "demand": ("refund", "refund")}
    assert FORM.check(values) == ()
    message = FORM.to_message(values, files=(), language=Language.EN, external_id="x", at=AT)
    assert message.contacts[0].value == "+8613800000000"
    assert (message.particulars.product, message.particulars.demand) == ("payment", ("refund",))


def test_answers_that_were_not_checked_do_not_become_a_message() -> None:
    with pytest.raises(Invalid):
        FORM.to_message({}, files=(), language=Language.EN, external_id="x", at=AT)


def test_control_characters_that_no_database_takes_are_dropped_and_line_breaks_stay() -> None:
    assert tidy(" a\x00\x1b\r\nb\tc\r") == "a\nb\tc"
