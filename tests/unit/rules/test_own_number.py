"""A number that somebody names as theirs in a chat: only what cannot be meant otherwise (S0-9(1); E.2 rule 10)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.rules import own_number

MOBILE = "+8613800138000"
ALONE = [
    "13800138000",
    "138 0013 8000",
    "138-0013-8000",
    "+86 138 0013 8000",
    "１３８００１３８０００",
    "我的手机号13800138000",
    "我的手机号码是：13800138000",
    "手机13800138000，谢谢",
    "好的，13800138000",
    "请打13800138000。",
    "我的電話號碼是13800138000",
    "my number is 13800138000, thank you",
    "Call me on +8613800138000",
]
NAMED = [
    "我们12个人短信费都被扣两次，我的手机号是13800138000",
    "还没有结果。本人联系电话：13800138000",
    "费用扣了两次,我的联系方式13800138000,请尽快",
    "骗子打来电话。我的手机号是13800138000，请联系我",
    "I was charged twice. My mobile number is +86 138 0013 8000.",
]
OF_OTHERS = [
    "骗子的电话是13800138000",
    "对方手机号13800138000",
    "客户经理联系电话13800138000一直打不通",
    "他的手机号是13800138000",
    "转账到了13800138000这个账户",
    "13800138000和13900139000都给我打过电话",
    "95588",
    "13800138",
    "62220213800138000123",
    "010-12345678",
    "金额13800138000元",
    "我的手机号",
    "",
]
QUOTED = [  # lesson 38: whoever is quoted is not who writes
    "骗子发来短信，联系电话：13800138000",
    "有人冒充客服，联系方式13800138000",
    "还没有结果，联系电话13800138000打不通",
    "骗子说：我的手机号是13800138000，打给我",
    "骗子说，我的手机号是13800138000",
    "對方寫 我的電話號碼是13800138000",
    "The caller said call me on 13800138000",
    "The message was: my number is 13800138000",
    "the fraudster wrote, my number is 13800138000",
]
NOT_IN_USE = [  # a number is given to somebody else in time
    "我的手机号13800138000已经停用了",
    "我的手机号13800138000收不到短信",
    "我的手机号是13800138000，这个号已注销",
    "我的手機號碼是13800138000，已經換了",
    "我的手机号是13800138000，请改成13900139000",
    "My number is 13800138000, which I lost",
    "我的号码13800138000是你们的客服吗",
]


@pytest.mark.parametrize("text", ALONE)
def test_a_number_with_nothing_but_words_around_it_is_the_writers(text: str) -> None:
    assert own_number.named_in(text) == MOBILE
    assert own_number.is_all_of(text)


@pytest.mark.parametrize("text", NAMED)
def test_a_number_that_is_called_ones_own_in_a_longer_text_is_the_writers(text: str) -> None:
    assert own_number.named_in(text) == MOBILE
    assert not own_number.is_all_of(text)


@pytest.mark.parametrize("text", OF_OTHERS + QUOTED + NOT_IN_USE)
def test_a_number_that_may_be_somebody_elses_is_nobodys(text: str) -> None:
    assert own_number.named_in(text) is None
    assert not own_number.is_all_of(text)


@pytest.mark.parametrize(
    ("text", "said"), [("13800138000", False), ("手机13800138000", False), *[(one, True) for one in NAMED]]
)
def test_of_a_bare_number_nobody_says_whose_it_is(text: str, said: bool) -> None:
    assert own_number.is_called_own(text) is said


def test_a_number_of_another_country_is_taken_with_its_code() -> None:
    assert own_number.named_in("我的手机号 +852 5123 0001") == "+85251230001"


@given(st.text(max_size=200))
def test_any_text_is_read_without_an_error(text: str) -> None:
    named = own_number.named_in(text)
    assert named is None or named.startswith("+")


@given(st.text(alphabet="我的手机号码是联系电话 ，：,:callmeon", max_size=400))
def test_many_words_around_no_number_are_read_quickly(text: str) -> None:
    assert own_number.named_in(text) is None
