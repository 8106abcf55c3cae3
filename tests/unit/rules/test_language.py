"""In which language real messages are answered."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import Language
from gateway.rules.language import detect, is_blank

HANS, HANT, EN = Language.ZH_HANS, Language.ZH_HANT, Language.EN

MESSAGES = [
    # Simplified: complaints, questions, a voice transcript, mixed writing
    (HANS, "我在贵行的信用卡被重复扣费两次，请尽快退款。"),
    (HANS, "你们银行越来越差了"),
    (HANS, "柜员态度恶劣，等了两个小时没人理"),
    (HANS, "转账没到账，钱去哪了？"),
    (HANS, "为什么又扣年费"),
    (HANS, "建议在自动取款机旁边放老花镜"),
    (HANS, "请问外币现钞怎么存，需要预约吗"),
    (HANS, "客户：我上个月在网点买的理财，当时说是保本的。坐席：您先别着急。"),
    (HANS, "APP 登录一直 error 500，改密码也没用"),
    (HANS, "Your staff at 南京路支行 were rude to me"),
    (HANS, "I was charged twice. 重复扣费 on 11/20."),
    (HANS, "手机号13800000000，请回电"),
    (HANS, "我叫王喆，卡里的钱被转走了"),  # a given name outside both sets
    (HANS, "台湾的卡在这里能用吗"),
    (HANS, "我要投诉里面的保安，只会推来推去"),
    (HANS, "鲜の茶饮扣了我三次款"),  # a shop sign
    (HANS, "【投诉】房贷利率没有下调😡😡"),
    (HANS, "不行"),  # both sets can write it: the default
    (HANS, "投"),
    (HANS, "我的微信名叫「後來」，客服说查不到我的账户，这是什么态度"),
    # Traditional: Hong Kong, Taiwan, Cantonese, mixed writing
    (HANT, "我的信用卡被重複扣款兩次，請盡快退款。"),
    (HANT, "貴行職員態度惡劣，等了兩個小時都沒有人理會"),
    (HANT, "轉帳未到帳，錢去了哪裡？"),
    (HANT, "點解又收年費？我要投訴"),
    (HANT, "我嘅卡被扣咗錢，你哋幾時覆我"),
    (HANT, "請問外幣現鈔如何存入，需要預約嗎"),
    (HANT, "建議在提款機旁邊擺放老花眼鏡"),
    (HANT, "網路銀行登入一直顯示錯誤"),
    (HANT, "Please call me back, 謝謝"),
    (HANT, "我在上海分行開戶，用的是「中国银行」的舊存摺，櫃員說不認得這個帳號"),
    (HANT, "簡訊驗證碼收不到"),
    (HANT, "感謝你們的協助，問題仍未解決"),
    # everything else
    (EN, "I was charged twice for the same purchase on 20 November."),
    (EN, "No money arrived!!! Ref 12345"),
    (EN, "J'ai été débité deux fois, merci de me rembourser."),
    (EN, "クレジットカードで二重に請求されました。返金をお願いします。"),
    (EN, "口座からお金が引き落とされた"),
    (EN, "카드가 두 번 결제되었습니다. 환불해 주세요."),
    (EN, "С меня дважды списали деньги"),
    (EN, "Thẻ của tôi bị trừ tiền hai lần"),
]


@pytest.mark.parametrize(("language", "text"), MESSAGES, ids=[text[:20] for _, text in MESSAGES])
def test_a_message_is_answered_in_its_language(language: Language, text: str) -> None:
    """E.2 rule 12."""
    assert detect(text) is language


@pytest.mark.parametrize("text", ["", " \r\n", "13800000000", "？？？！！", "😡😡😡", "2026-11-20 500.00", "。，、"])
def test_a_text_without_a_letter_is_answered_in_simplified_chinese(text: str) -> None:
    assert detect(text) is HANS


@given(st.text())
def test_any_text_has_a_language(text: str) -> None:
    assert detect(text) in Language


@given(st.text(alphabet=st.characters(max_codepoint=0x2FF)), st.sampled_from(MESSAGES))
def test_letters_of_the_west_do_not_change_a_chinese_message(latin: str, message: tuple[Language, str]) -> None:
    language, text = message
    if language is not EN:
        assert detect(latin + text) is language
        assert detect(text + latin) is language


@given(st.permutations([text for language, text in MESSAGES if language is HANT]))
def test_the_order_of_sentences_does_not_matter(texts: list[str]) -> None:
    assert detect("".join(texts)) is HANT


def test_only_the_beginning_is_read() -> None:
    assert detect("a" * 20_000 + "繁體") is EN
    assert detect("a" * 19_998 + "繁體") is HANT


@pytest.mark.parametrize("unit", ["投诉", "a", "7", "の投", "\ud800", "😡", " "])
def test_a_very_long_message_costs_no_more_than_its_beginning(unit: str) -> None:
    text = unit * 2_000_000
    started = time.process_time()
    detect(text)
    assert time.process_time() - started < 0.2


@pytest.mark.parametrize("text", ["", "   ", "\u3000\u200b", "\u200b\u200b", "\n\t"])
def test_a_text_nobody_can_see_is_blank(text: str) -> None:
    assert is_blank(text)


@pytest.mark.parametrize("text", ["退", ".", "\u200b退", "😡"])
def test_a_text_somebody_can_see_is_not_blank(text: str) -> None:
    assert not is_blank(text)
