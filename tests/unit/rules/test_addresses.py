"""Normal forms of phone numbers and mail addresses: what blind indexes are made of, so that one customer is one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.rules.addresses import normal_email, normal_phone


@pytest.mark.parametrize(
    ("typed", "normal"),
    [
        ("13812345678", "+8613812345678"),
        (" 138 1234 5678 ", "+8613812345678"),
        ("138-1234-5678", "+8613812345678"),
        ("１３８１２３４５６７８", "+8613812345678"),
        ("１３８－１２３４－５６７８", "+8613812345678"),
        ("138–1234–5678", "+8613812345678"),
        ("+86 138 1234 5678", "+8613812345678"),
        ("＋８６１３８１２３４５６７８", "+8613812345678"),
        ("0086-13812345678", "+8613812345678"),
        ("8613812345678", "+8613812345678"),
        ("(+86)13812345678", "+8613812345678"),
        ("010-12345678", "+861012345678"),
        ("（010）12345678", "+861012345678"),
        ("+86 010 12345678", "+861012345678"),
        ("0571 88889999", "+8657188889999"),
        ("010-88886666转8001", "+861088886666"),
        ("010-88886666 ext. 8001", "+861088886666"),
        ("400-820-8820", "+864008208820"),
        ("+852 9123 4567", "+85291234567"),
        ("00852 2123 4567", "+85221234567"),
        ("+1 202-555-0123", "+12025550123"),
    ],
)
def test_a_number_has_one_form_however_it_is_typed(typed: str, normal: str) -> None:
    assert normal_phone(typed) == normal


@pytest.mark.parametrize(
    "typed",
    [
        *("", "+", "95588", "12378", "9123 4567", "1381234567", "138123456789", "my 13812345678", "1-800-FLOWERS"),
        *("138\x0012345678", "138\n12345678", "١٣٨١٢٣٤٥٦٧٨", "138+12345678", "1" * 100_000),
    ],
)
def test_what_cannot_be_called_from_abroad_has_no_normal_form(typed: str) -> None:
    assert normal_phone(typed) is None


def test_a_number_without_a_country_belongs_to_the_country_of_the_source() -> None:
    assert normal_phone("9123 4567", default_country="HK") == "+85291234567"
    assert normal_phone("+8613812345678", default_country="HK") == "+8613812345678"
    assert normal_phone("13812345678", default_country="no such country") is None


@pytest.mark.parametrize(
    ("typed", "normal"),
    [
        ("zhang.san@bank.example", "zhang.san@bank.example"),
        (" Zhang.San@Bank.EXAMPLE\n", "zhang.san@bank.example"),
        ("ｚｈａｎｇ＠１６３．ｃｏｍ", "zhang@163.com"),
        ("zhang+bank@163.com", "zhang+bank@163.com"),
        ("zhang@163.com.", "zhang@163.com"),
        ("zhang@163。com", "zhang@163.com"),
        ("zhang@例子.中国", "zhang@xn--fsqu00a.xn--fiqs8s"),
        ("用户@例子.中国", None),  # needs SMTPUTF8 all the way: no notice would reach it
        ("a@bücher.example", "a@xn--bcher-kva.example"),
    ],
)
def test_a_mail_address_has_one_form_however_it_is_typed(typed: str, normal: str | None) -> None:
    assert normal_email(typed) == normal


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "@",
        "zhang",
        "zhang@",
        "@163.com",
        "zhang@localhost",
        "a@b@163.com",
        "a@163.com, b@163.com",
        "张三 <zhang@163.com>",
        "zhang san@163.com",
        "zhang@163.com\r\nBcc: everyone@bank.example",
        "zhang\r\n@163.com",
        "zhang\x00@163.com",
        "zhang\u200b@163.com",
        "\u202ezhang@163.com",
        "zhang@163..com",
        "zhang@-163.com",
        "zhang@[127.0.0.1]",
        "a" * 65 + "@163.com",
        "a@" + ".".join(["b" * 60] * 5),
        "客" * 64 + "@" + ".".join(["b" * 60] * 2) + ".example",  # 254 is counted in octets
    ],
)
def test_what_is_not_exactly_one_mail_address_has_no_normal_form(typed: str) -> None:
    assert normal_email(typed) is None


@given(st.text(), st.text())
def test_no_input_is_an_error_and_what_comes_out_is_safe_in_a_header(local: str, domain: str) -> None:
    address = normal_email(f"{local}@{domain}.example")
    if address is not None:
        assert address.isprintable()
        assert address.count("@") == 1
        assert " " not in address


@given(st.from_regex(r"[a-zA-Zà-ɏ0-9._+-]{1,20}@[a-zA-Zà-ɏ0-9]{1,20}\.[a-z]{2,5}", fullmatch=True))
def test_the_normal_form_of_a_normal_form_is_itself(typed: str) -> None:
    address = normal_email(typed)
    if address is not None:
        assert normal_email(address) == address


@given(st.one_of(st.text(), st.from_regex(r"\+?[0-9 ()-]{5,20}", fullmatch=True)))
def test_every_number_that_comes_out_is_e164_and_its_own_normal_form(typed: str) -> None:
    number = normal_phone(typed)
    if number is not None:
        assert number.startswith("+")
        assert number[1:].isdigit()
        assert 8 <= len(number) <= 16
        assert normal_phone(number) == number
