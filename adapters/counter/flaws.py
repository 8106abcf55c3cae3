"""What can be wrong with a file: stable words, and how each is said to whoever mends it."""

from __future__ import annotations

from gateway.errors import Flaw

MOST = 1_000
"""Flaws of one file that are listed."""

_WORDS = {
    "too_large": ("文件过大", "the file is too large"),
    "empty": ("文件是空的", "the file is empty"),
    "old_workbook": (
        "旧版或加密的工作簿，请另存为 .xlsx（不设密码）",
        "an old or encrypted workbook: save it as .xlsx, without a password",
    ),
    "not_a_workbook": ("工作簿无法读取", "the workbook cannot be read"),
    "not_a_table": (
        "不是 CSV 表格，或引号没有成对",
        "this is no CSV table, or a quotation mark in it is not closed",
    ),
    "too_many_rows": ("超过 10000 行，请分成几个文件", "more than 10 000 rows: split the file"),
    "not_the_template": ("表头不是模板的表头", "the headers are not those of the template"),
    "second_sheet": ("另一张工作表也是登记表，请一表一文件", "another sheet is a form, too: one to a file"),
    "missing_column": ("缺少这一列", "this column is missing"),
    "column_twice": ("这一列出现两次", "this column stands there twice"),
    "unknown_column": ("不认识的列", "the template has no such column"),
    "no_header": ("这一列有内容但没有表头", "there is something in a column without a header"),
    "required": ("必填", "must be filled in"),
    "required_at_counter": ("网点柜面受理必填", "must be filled in for a visit to a counter"),
    "required_with_serial": (
        "填写原始编号须填网点：各网点分别编号",
        "must be filled in beside a serial: each branch counts by itself",
    ),
    "required_of_referral": ("监管转办必填", "must be filled in for a regulator's referral"),
    "only_of_referral": ("仅限监管转办填写", "is for a regulator's referral only"),
    "too_long": ("内容过长", "is too long"),
    "not_a_choice": ("不是下拉列表中的词", "is none of the words in the list"),
    "not_a_time": ("不是时间，例如 2026-11-23 10:15", "is no time such as 2026-11-23 10:15"),
    "not_a_day": ("不是日期，例如 2026-12-01", "is no day such as 2026-12-01"),
    "in_the_future": ("时间在将来", "is in the future"),
    "not_a_phone": ("不是电话号码", "is no telephone number"),
    "not_an_email": ("不是邮箱地址", "is no e-mail address"),
    "needs_phone": ("偏好电话，需填联系电话", "asks for calls and leaves no telephone number"),
    "needs_mobile": ("偏好短信，需填手机号码", "asks for text messages and leaves no mobile number"),
    "needs_email": ("偏好电子邮件，需填邮箱", "asks for e-mail and leaves no address of it"),
    "needs_address": ("偏好信函，需填通讯地址", "asks for letters and leaves no postal address"),
    "formula": ("单元格是公式，请填写值", "is a formula: write its value"),
    "error_cell": ("单元格是错误值", "holds an error of the spreadsheet"),
    "duplicate_row": (
        "与前面一行完全相同或编号重复；确是两件投诉请填不同的原始编号",
        "is the same as an earlier row, or has its serial: if they are two complaints give each its own 原始编号",
    ),
    "more": ("还有更多错误", "there are more"),
}


def flaw(problem: str, *, row: int = 0, column: str = "") -> Flaw:
    """Return a flaw with its words in Chinese and English."""
    chinese, english = _WORDS[problem]
    return Flaw(problem=problem, words=f"{chinese} / {english}", row=row, column=column)
