"""Any bytes are a table or named as none: encodings, delimiters, workbooks that are odd, broken or hostile."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from datetime import datetime
from functools import partial
from io import BytesIO

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from adapters.counter.columns import SHEET
from adapters.counter.sheets import MAX_BYTES, MAX_ROWS, Broken, rows
from adapters.counter.wire import read
from gateway.errors import InvalidFile
from gateway.model import InboundMessage
from tests.adapters.counter.paper import HEADERS, LETTER, Line, as_csv, as_excel_saves, as_workbook

WORKBOOK = as_workbook(LETTER)
AS_EXCEL = as_excel_saves(WORKBOOK)
PARTS = zipfile.ZipFile(BytesIO(AS_EXCEL)).namelist()
SHEET_PART = "xl/worksheets/sheet1.xml"


def problem(data: bytes) -> str:
    with pytest.raises(InvalidFile) as caught:
        rows(data)
    [flaw] = caught.value.flaws
    return flaw.problem


def changed(part: str, change: Callable[[bytes], bytes], data: bytes = WORKBOOK) -> bytes:
    """Return the workbook with one part rewritten."""
    saved = BytesIO()
    with zipfile.ZipFile(BytesIO(data)) as old, zipfile.ZipFile(saved, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, change(old.read(name)) if name == part else old.read(name))
    return saved.getvalue()


def texts(data: bytes) -> list[str]:
    return [event.text for event in read(data, "file") if isinstance(event, InboundMessage)]


def is_read_or_named(data: bytes) -> bool:
    """Say whether the bytes are complaints or called wrong; any other exception is raised."""
    try:
        return list(read(data, "file")) is not None
    except InvalidFile as error:
        return len(error.flaws) > 0


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_a_csv_file_is_read_however_a_spreadsheet_in_china_writes_it(encoding: str, delimiter: str) -> None:
    line = LETTER | {"投诉内容": '第一行\n第二行，还有,;\t和“引号"”'}
    assert texts(as_csv(line, encoding=encoding, delimiter=delimiter)) == ['第一行\n第二行，还有,;\t和“引号"”']


def test_rows_are_counted_as_the_sheet_counts_them() -> None:
    """A cell of two lines is one row, an empty row is one, too."""
    for data in (as_csv(LETTER | {"投诉内容": "一\n二"}, {}, LETTER), as_workbook(LETTER, {}, LETTER)):
        numbers = [number for number, _ in rows(data)]
        assert numbers[-1] - numbers[-2] == 2


@pytest.mark.parametrize("typed", [datetime.fromisoformat("2026-11-20T09:30"), "2026-11-20 09:30"])
def test_a_cell_is_the_value_and_not_how_it_is_shown(typed: object) -> None:
    line: Line = {"收到时间": typed, "联系电话": 13812345678, "涉及金额": 80.5, "原始编号": "0012"}
    cells = dict(zip(HEADERS, rows(as_workbook(line))[-1][1], strict=False))
    assert {header: cells[header] for header in line} == {
        "收到时间": typed,
        "联系电话": "13812345678",
        "涉及金额": "80.5",
        "原始编号": "0012",
    }


def test_a_formula_is_seen_and_not_evaluated() -> None:
    cells = rows(as_workbook({"投诉内容": "=1+1", "客户姓名": '=HYPERLINK("http://x")'}))[-1][1]
    assert [cell for cell in cells if cell] == [Broken("formula")] * 2


def test_an_error_of_the_spreadsheet_is_seen() -> None:
    assert Broken("error_cell") in rows(as_workbook({"网点": "#REF!"}))[-1][1]


def test_the_sheet_is_found_by_its_name_and_a_single_other_one_by_being_first() -> None:
    book = load_workbook(BytesIO(WORKBOOK))
    book.move_sheet(SHEET, offset=1)
    saved = BytesIO()
    book.save(saved)
    assert texts(saved.getvalue()) == texts(WORKBOOK)
    other = Workbook()
    other.active.append(list(LETTER))
    other.active.append(list(LETTER.values()))
    saved = BytesIO()
    other.save(saved)
    assert texts(saved.getvalue()) == texts(WORKBOOK)


def test_complaints_on_a_second_sheet_are_not_passed_over() -> None:
    """Who copies the sheet for the next day is told so; read alone, the first would leave theirs unanswered (A021)."""
    book = load_workbook(BytesIO(WORKBOOK))
    book.copy_worksheet(book[SHEET])
    saved = BytesIO()
    book.save(saved)
    assert problem(saved.getvalue()) == "second_sheet"


def test_a_workbook_is_read_as_excel_saves_it() -> None:
    assert rows(AS_EXCEL) == rows(WORKBOOK)
    line = LETTER | {"投诉内容": "第一行_x000D_\n第二行"}
    assert texts(as_excel_saves(as_workbook(line))) == ["第一行\n第二行"]


def test_a_workbook_that_lies_about_its_size_is_read_whole() -> None:
    assert texts(changed(SHEET_PART, lambda xml: re.sub(rb'ref="A1:[A-Z]+[0-9]+"', b'ref="A1:A1"', xml))) == texts(
        WORKBOOK
    )


@pytest.mark.parametrize("text", ['"客户说没收到', '"绿色"通道办不了'])
def test_a_quotation_mark_that_nobody_closed_hides_no_complaint(text: str) -> None:
    """Read leniently the rows below become words of the one above, and nobody answers those customers (A021)."""
    lines = [",".join(LETTER), f"信函,2026-11-20,{text}", "信函,2026-11-21,第二件"]
    with pytest.raises(InvalidFile) as refused:
        rows("\r\n".join(lines).encode())
    assert [(flaw.problem, flaw.row) for flaw in refused.value.flaws] == [("not_a_table", 2)]


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf\r\n,,\r\n", "empty"),
        (b"\xff", "not_a_table"),
        (b"\xff\xfe\x00", "not_a_table"),
        (b'"' + b"x" * 200_000, "not_a_table"),
        (b"x" * (MAX_BYTES + 1), "too_large"),
        (b"a\n" * (MAX_ROWS + 3), "too_many_rows"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old_workbook"),
        (b"PK\x03\x04", "not_a_workbook"),
        (WORKBOOK[:-30], "not_a_workbook"),
        (changed(SHEET_PART, lambda xml: xml[:200]), "not_a_workbook"),
        (changed("xl/workbook.xml", lambda xml: b"<workbook/>"), "not_a_workbook"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_table_of_complaints_is_named(data: bytes, word: str) -> None:
    assert problem(data) == word


def test_a_workbook_that_unpacks_to_too_much_is_refused() -> None:
    bomb = changed(SHEET_PART, lambda xml: xml.replace(b"<sheetData>", b"<sheetData>" + b" " * 60_000_000))
    assert len(bomb) < 200_000
    assert problem(bomb) == "too_large"
    saved = BytesIO()
    with zipfile.ZipFile(saved, "w") as many:
        for n in range(501):
            many.writestr(f"{n}", b"")
    assert problem(saved.getvalue()) == "too_large"


@pytest.mark.parametrize("part", [SHEET_PART, "xl/workbook.xml", "xl/sharedStrings.xml"])
def test_entities_are_refused_before_anything_expands_them(part: str) -> None:
    """A billion laughs."""
    laughs = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'
    for encoding in ("utf-8", "utf-16", "utf-16-le", "utf-16-be"):
        change = partial(in_encoding, laughs, encoding)
        assert problem(changed(part, change, AS_EXCEL)) == "not_a_workbook"


def in_encoding(before: bytes, encoding: str, xml: bytes) -> bytes:
    return (before + xml).decode().encode(encoding)


@pytest.mark.parametrize(("number", "count"), [(1_048_576, 3), (99_999_999_999, 2)])
def test_a_row_far_below_is_found_and_one_below_every_sheet_holds_nobody_up(number: int, count: int) -> None:
    moved = changed(SHEET_PART, lambda xml: re.sub(rb'r="([A-Z]*)3"', rb'r="\g<1>%d"' % number, xml))
    assert len(rows(moved)) == count


@settings(deadline=None)
@given(st.binary(max_size=300))
@example(b"PK\x03\x04" + bytes(100))
def test_any_bytes_are_complaints_or_named_as_none(data: bytes) -> None:
    """A021: never another exception, whatever somebody drops into the command."""
    assert is_read_or_named(data)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(PARTS), st.integers(0, 3000), st.binary(min_size=1, max_size=8))
def test_a_workbook_with_damaged_parts_is_read_or_named(part: str, place: int, damage: bytes) -> None:
    data = changed(part, lambda content: content[:place] + damage + content[place + len(damage) :], AS_EXCEL)
    assert is_read_or_named(data)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(WORKBOOK) - 1), st.binary(min_size=1, max_size=8))
def test_a_workbook_with_damaged_bytes_is_read_or_named(place: int, damage: bytes) -> None:
    assert is_read_or_named(WORKBOOK[:place] + damage + WORKBOOK[place + len(damage) :])
