"""The workbook that branches fill in: one sheet with drop-down lists and an example, one that explains each column."""

from __future__ import annotations

from io import BytesIO

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from adapters.counter.columns import COLUMNS, EXAMPLE, SHEET, Column
from adapters.counter.sheets import MAX_ROWS

NOTES = "填写说明"
_FIRST_DAY = "36526"  # 2000-01-01 as a spreadsheet counts days
_RULES = (
    (
        f"一行一件投诉，填在“{SHEET}”表。黄色表头必填。原始编号为“{EXAMPLE}”的行不会导入。",
        f"One complaint a row, on the sheet {SHEET}. Yellow headers must be filled in. The row with the serial "
        f"{EXAMPLE} is an example and is never taken in.",
    ),
    (
        "请勿改动表头，列的顺序可以调整。同一文件重复导入不会重复登记。",
        "Keep the headers; columns may change places. The same file twice registers nothing twice.",
    ),
    (
        "请勿填写密码、验证码、完整卡号和证件号码。",
        "Write down no password, no code, no whole card number and no identity number.",
    ),
)


def template() -> bytes:
    """Return the workbook as XLSX. Only the stamp inside that says when it was made differs from call to call."""
    book = Workbook()
    sheet = book.active
    assert isinstance(sheet, Worksheet)
    _fill_form(sheet)
    _fill_notes(book.create_sheet(NOTES))
    saved = BytesIO()
    book.save(saved)
    return saved.getvalue()


def _fill_form(sheet: Worksheet) -> None:
    sheet.title = SHEET
    sheet.freeze_panes = "A2"
    sheet.page_setup.orientation = "landscape"  # it is printed for the days on which nothing else works (A025)
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    for place, column in enumerate(COLUMNS.values(), 1):
        letter = get_column_letter(place)
        sheet.column_dimensions[letter].width = column.width
        sheet.column_dimensions[letter].number_format = column.cell
        header = sheet.cell(1, place, column.header)
        header.font = Font(bold=True)
        header.fill = PatternFill("solid", fgColor="FFF2CC" if column.required else "E7E6E6")
        example = sheet.cell(2, place, column.example or None)
        example.number_format = column.cell
        example.font = Font(italic=True, color="808080")
        example.alignment = Alignment(wrap_text=True, vertical="top")
        if check := _check(column):
            sheet.add_data_validation(check)
            check.add(f"{letter}2:{letter}{MAX_ROWS + 1}")


def _check(column: Column) -> DataValidation | None:
    """Return what the spreadsheet itself offers and refuses in a column."""
    if column.choices:
        words = ",".join(column.choices)
        # Several words in one cell are none of the list's: there it offers and does not refuse.
        return DataValidation("list", formula1=f'"{words}"', allow_blank=True, showErrorMessage=not column.many)
    if column.cell != "@":
        return DataValidation(
            "date", operator="greaterThanOrEqual", formula1=_FIRST_DAY, allow_blank=True, showErrorMessage=True
        )
    return None


def _fill_notes(sheet: Worksheet) -> None:
    for chinese, english in _RULES:
        sheet.append([chinese])
        sheet.append([english])
    sheet.append([])
    sheet.append(["列 Column", "必填 Required", "说明", "Meaning", "可填的词 Words"])
    for cell in sheet[sheet.max_row]:
        cell.font = Font(bold=True)
    for column in COLUMNS.values():
        words = "，".join(column.choices)
        sheet.append([column.header, "是 yes" if column.required else "", column.chinese, column.english, words])
    for letter, width in zip("ABCDE", (16, 12, 50, 60, 50), strict=True):
        sheet.column_dimensions[letter].width = width
    for line in sheet.iter_rows(min_row=2 * len(_RULES) + 2):
        for cell in line:
            cell.alignment = Alignment(wrap_text=True, vertical="top")
