"""What is cut from a reply: never anything that is not below a mark, and never everything. Clients are in samples/."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from adapters.email.quotes import new_words

MARKS = (
    "------------------ 原始邮件 ------------------",
    "发件人: 示例银行\n发送时间: 2026年11月20日\n主题: 受理通知",
    '在 2026-11-20 10:00:00，"示例银行" <complaints@bank.example> 写道：\n> 您好',
)
words = st.text(st.sampled_from("投诉请退款 a\n，。:"), min_size=1, max_size=80).map(str.strip).filter(bool)


@given(words, st.sampled_from(MARKS), words)
def test_words_above_a_mark_are_kept_and_the_mail_below_is_cut(mine: str, mark: str, old: str) -> None:
    """Lesson 46 (fs#5624, #349): the reply view shows the new words."""
    below = old if not mark.endswith("您好") else ""  # words under `>` lines would be answers inside the quote
    assert new_words(f"{mine}\n\n{mark}\n\n{below}") == mine


@given(st.text(max_size=300))
def test_what_is_left_is_a_part_of_the_mail_and_never_nothing(text: str) -> None:
    """Lesson 47 (twenty PR#21118)."""
    kept = new_words(text)
    assert kept in text
    assert bool(kept) == bool(text.strip())
