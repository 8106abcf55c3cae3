"""What a customer's own words amount to: plain answers in three languages, and all that must not be taken as one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import State, Wish
from gateway.rules import answers
from gateway.rules.commands import Confirm, Object, Score

NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)


def read(text: str, state: State = State.REPLIED) -> Sequence[Confirm | Object | Score]:
    return answers.read(text, state, "m2", NOW)


@pytest.mark.parametrize(
    "text",
    [
        *("认可", "我认可。", "“认可”", "【认可】", " 接受！\n"),
        *("認可", "我認可"),
        *("accept", "I accept.", "ACCEPT", "Accepted!", "ａｃｃｅｐｔ"),
    ],
)
def test_an_acceptance_is_recorded_with_its_message_as_the_proof(text: str) -> None:
    """A105: how, when, and by which message."""
    assert read(text) == (Confirm(how="reply", confirmed_at=NOW, evidence="m2"),)


@pytest.mark.parametrize(
    "text",
    [
        *("不认可", "我不认可！", "不接受"),
        *("不認可", "我不認可"),
        *("not accept", "I do not accept.", "I don't accept", "I don’t accept", "Not accepted"),
    ],
)
def test_an_objection_is_one(text: str) -> None:
    """T21."""
    assert read(text) == (Object(reason=""),)


SATISFIED = ("1", "１", "满意", "滿意", "Satisfied.")
NEUTRAL = ("2", "②", "一般", "neutral")
NOT_SATISFIED = ("3", " 3。", "不满意。", "不滿意", "not satisfied")


@pytest.mark.parametrize("text", SATISFIED)
def test_who_is_satisfied_with_an_outcome_accepts_it(text: str) -> None:
    """N14, A105: 1 满意 is a score, and the proof that the matter is solved."""
    score, accepted = read(text)
    assert score == Score(scores={"overall": 5})
    assert accepted == Confirm(how="reply", confirmed_at=NOW, evidence="m2", scored=True)


@pytest.mark.parametrize("text", NEUTRAL)
def test_who_is_neither_accepts_nor_objects(text: str) -> None:
    """N14: 2 一般."""
    assert read(text) == (Score(scores={"overall": 3}),)


@pytest.mark.parametrize("text", NOT_SATISFIED)
def test_who_is_not_satisfied_with_an_outcome_does_not_accept_it(text: str) -> None:
    """N14, T21: 3 不满意; the reason is what they said."""
    score, objection = read(text)
    assert score == Score(scores={"overall": 1})
    assert isinstance(objection, Object)
    assert objection.reason in ("3", "不满意", "不滿意", "not satisfied")


@pytest.mark.parametrize(("texts", "score"), [(SATISFIED, 5), (NEUTRAL, 3), (NOT_SATISFIED, 1)])
def test_to_a_survey_afterwards_a_score_is_a_score(texts: Sequence[str], score: int) -> None:
    """N14."""
    for text in texts:
        assert read(text, State.RESOLVED) == (Score(scores={"overall": score}),)


@pytest.mark.parametrize("state", [State.RESOLVED, State.CALLBACK_DONE])
def test_who_had_accepted_and_is_not_satisfied_after_all_wants_another_look(state: State) -> None:
    """N14: "If 3, we will contact you"."""
    for text in (*NOT_SATISFIED, "不认可"):
        assert answers.wish(text, state) is Wish.ANOTHER_LOOK
        assert answers.wish(text, State.REPLIED) is None
    assert answers.wish("1", state) is None


@pytest.mark.parametrize(
    "text",
    [
        *("撤回", "我要撤回。", "我要撤诉", "请撤销", "钱到账了，我想撤回投诉，谢谢", "我不投诉了", "取消这个投诉吧"),
        *("我要撤訴", "我想撤回投訴", "Please withdraw my complaint.", "I'd like to withdraw this case"),
    ],
)
def test_a_wish_to_withdraw_is_seen_wherever_it_stands(text: str) -> None:
    """Law 15: handling ends the day the request comes, so it must be seen that day."""
    assert answers.wish(text, State.INVESTIGATING) is Wish.WITHDRAWAL
    assert read(text) == ()


@pytest.mark.parametrize(
    "text",
    ["愿意调解", "我同意第三方调解", "可以的，接受调解", "願意調解", "We agree to mediation", "I want the mediation"],
)
def test_a_wish_for_mediation_is_seen(text: str) -> None:
    """N22, T14."""
    assert answers.wish(text, State.REPLIED) is Wish.MEDIATION
    assert read(text) == ()


@pytest.mark.parametrize(
    "text",
    [
        *("我不撤诉", "我不会撤回投诉", "绝不取消投诉", "不愿意调解", "我不同意调解", "I do not agree to mediation"),
        *("请撤回这笔扣款", "撤回什么？", "I could not withdraw the cash", "取消年费", "什么是调解", ""),
    ],
)
def test_what_denies_a_wish_or_is_about_something_else_is_none(text: str) -> None:
    assert answers.wish(text, State.INVESTIGATING) is None


@pytest.mark.parametrize(
    "text",
    [
        *("", "   ", "。", "?"),
        *("认可？", "同意吗", "认可?", "accept?", "满意？？"),  # a question is none
        *("认可，但是钱还没到", "不认可认可", "认可 不认可", "不太满意", "不是不满意", "还算满意吧", "并不认可"),
        *("I accept your apology but not the result", "accept or not", "unacceptable", "not satisfied with you"),
        *("4", "0", "12", "-1", "1.5", "3个月了", "13800000000", "第1次", "1/3", "+1"),
        *("👎认可", "认可👎", "❌同意", "~~~x", "认可=否", "re: 认可"),
        "认可" + "\n" * 300 + "才怪",
        "认可" + " " * 300 + "才怪",
        *("好的", "ok", "yes", "谢谢", "收到", "撤诉", "取消"),
        *("同意", "不同意"),  # of a mediation that was offered (N22)?
    ],
)
def test_what_says_more_asks_or_says_both_is_left_to_a_person(text: str) -> None:
    assert read(text) == ()


@given(st.text(max_size=60), st.sampled_from(State))
def test_nothing_that_can_be_written_breaks_it(text: str, state: State) -> None:
    assert read(text, state) == () or len(text.strip()) <= 40
    answers.wish(text, state)


@given(st.text(min_size=1, max_size=20))
def test_words_after_an_acceptance_take_it_back_to_a_person(more: str) -> None:
    answer = read(f"认可{more}")
    assert answer == () or not any(character.isalnum() for character in more)
