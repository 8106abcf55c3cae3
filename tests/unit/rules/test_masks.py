"""What is shown of personal data: the default masks of D.3 as a table."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import ContactType
from gateway.rules import masks

mask_to_handler = partial(masks.mask_identity_number, to_handler=True)
mask_card_outward = partial(masks.mask_card, outward=True)


@pytest.mark.parametrize(
    ("mask", "value", "shown"),
    [
        (masks.mask_mobile, "13812345678", "138****5678"),
        (masks.mask_mobile, "+8613812345678", "138****5678"),
        (masks.mask_mobile, "１３８-１２３４-５６７８", "138****5678"),
        (masks.mask_mobile, "+85291234567", "+852******67"),
        (masks.mask_mobile, "12345", "***"),
        (masks.mask_landline, "010-12345678", "010-******78"),
        (masks.mask_landline, "+861012345678", "010-******78"),
        (masks.mask_landline, "+8657188889999", "0571-******99"),
        (masks.mask_landline, "0571 8888999", "0571-*****99"),
        (masks.mask_landline, "+85221234567", "+852******67"),
        (masks.mask_landline, "010-12", "***"),
        (masks.mask_email, "zhang.san@bank.example", "z***@bank.example"),
        (masks.mask_email, "z@bank.example", "***@bank.example"),
        (masks.mask_email, "not an address", "***"),
        (masks.mask_name, "张三", "张*"),
        (masks.mask_name, "张三丰", "张*丰"),
        (masks.mask_name, "欧阳询文", "欧**文"),
        (masks.mask_name, "John Smith", "J********h"),
        (masks.mask_name, "张", "*"),
        (masks.mask_name, "", "*"),
        (masks.mask_identity_number, "11010519491231002X", "1****************X"),
        (mask_to_handler, "11010519491231002X", "110***********002X"),
        (mask_to_handler, "11010519", "***"),
        (masks.mask_card, "6222 0212 3456 7890 123", "622202*********0123"),
        (mask_card_outward, "6222021234567890123", "****0123"),
        (masks.mask_card, "622202123", "***"),
        (masks.mask_account, "33001616781053012345", "****2345"),
        (masks.mask_account, "1234", "***"),
        (masks.mask_passport, "E12345678", "E*****678"),
        (masks.mask_plate, "京A·12345", "京A***45"),
        (masks.mask_plate, "粤BD12312", "粤B***12"),
        (masks.mask_plate, "京A1", "***"),
        (masks.mask_address, "北京市海淀区中关村大街27号1单元", "北京市海淀区***"),
        (masks.mask_address, "浙江省杭州市阳光小区3幢", "浙江省杭州市***"),
        (masks.mask_address, "湖南省长沙县星沙街道", "湖南省长沙县***"),
        (masks.mask_address, "221B Baker Street", "***"),
    ],
)
def test_the_default_masks(mask: Callable[[str], str], value: str, shown: str) -> None:
    assert mask(value) == shown


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        (ContactType.MOBILE, "+8613812345678", "138****5678"),
        (ContactType.LANDLINE, "+861012345678", "010-******78"),
        (ContactType.EMAIL, "zhang@bank.example", "z***@bank.example"),
        (ContactType.ADDRESS, "北京市海淀区中关村大街27号", "北京市海淀区***"),
        (ContactType.WECOM, "wmAbCdEfGhIjKlMnOpQrStUvWxYz", "****WxYz"),
        (ContactType.WECHAT, "oABCD1234efgh5678", "****5678"),
    ],
)
def test_a_contact_is_masked_by_what_it_is(kind: ContactType, value: str, shown: str) -> None:
    assert masks.mask_contact(kind, value) == shown


@given(st.sampled_from(ContactType), st.text())
def test_no_contact_however_strange_is_ever_shown_whole(kind: ContactType, value: str) -> None:
    shown = masks.mask_contact(kind, value)
    assert "*" in shown
    assert shown != value or set(value) == {"*"}


@given(st.from_regex(r"[0-9A-Z]{1,24}", fullmatch=True))
def test_at_least_three_characters_of_a_document_or_a_card_are_always_hidden(value: str) -> None:
    for mask in (masks.mask_identity_number, mask_to_handler, masks.mask_passport, masks.mask_card, mask_card_outward):
        assert mask(value).count("*") >= 3


@pytest.mark.parametrize(
    ("note", "band"),
    [
        ("", ""),
        ("约2300元", "1k"),
        ("999", "lt1k"),
        ("１２３４５ 元", "10k"),
        ("1,234,567.89", "1m"),
        ("8万", "10k"),
        ("1.5 亿", "10m_plus"),
        ("本金20万，利息3000", "100k"),
        ("八万块", "***"),
        ("很多", "***"),
        ("9" * 400, "***"),
        ("1万亿", "10k"),
    ],
)
def test_an_amount_that_a_customer_named_is_shown_as_its_band(note: str, band: str) -> None:
    """A012: what cannot be read as a figure is hidden."""
    assert masks.mask_amount_note(note) == band


@given(st.text(max_size=200))
def test_no_note_of_an_amount_is_repeated(note: str) -> None:
    """A012."""
    assert masks.mask_amount_note(note) in {"", "***", "lt1k", "1k", "10k", "100k", "1m", "10m_plus"}
