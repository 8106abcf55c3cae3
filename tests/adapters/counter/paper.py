"""Sheets to read: say only what the story is about."""

from __future__ import annotations

import csv
import re
import zipfile
from datetime import datetime
from io import BytesIO, StringIO
from typing import Any

from openpyxl import load_workbook

from adapters.counter.columns import COLUMNS, SHEET
from adapters.counter.workbook import template
from gateway.model import InboundMessage
from gateway.ports import Filed

Line = dict[str, Any]  # by header

HEADERS = [column.header for column in COLUMNS.values()]
LETTER: Line = {"收到方式": "信函", "收到时间": "2026-11-20 09:30", "投诉内容": "年费80元没提前说，请退"}


def as_csv(*lines: Line, encoding: str = "utf-8-sig", delimiter: str = ",", headers: list[str] = HEADERS) -> bytes:
    text = StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerow(headers)
    writer.writerows([str(line.get(header, "")) for header in headers] for line in lines)
    return text.getvalue().encode(encoding)


def as_workbook(*lines: Line) -> bytes:
    """Fill in the template, from the row after its example."""
    book = load_workbook(BytesIO(template()))
    for row, line in enumerate(lines, 3):
        for header, value in line.items():
            book[SHEET].cell(row, HEADERS.index(header) + 1).value = value
    saved = BytesIO()
    book.save(saved)
    return saved.getvalue()


def as_excel_saves(data: bytes) -> bytes:
    """Return the workbook with its texts in a part of their own, where Excel and WPS put them."""
    shared: list[bytes] = []

    def share(match: re.Match[bytes]) -> bytes:
        shared.append(b"<si>%s</si>" % match[2])
        return b'<c%s t="s"><v>%d</v></c>' % (match[1], len(shared) - 1)

    with zipfile.ZipFile(BytesIO(data)) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    for name in [name for name in parts if name.startswith("xl/worksheets/")]:
        parts[name] = re.sub(rb'<c([^>]*) t="inlineStr"><is>(.*?)</is></c>', share, parts[name], flags=re.DOTALL)
    main = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    parts["xl/sharedStrings.xml"] = b'<sst xmlns="%s">%s</sst>' % (main, b"".join(shared))
    of_strings = b"application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    parts["[Content_Types].xml"] = parts["[Content_Types].xml"].replace(
        b"</Types>", b'<Override PartName="/xl/sharedStrings.xml" ContentType="%s"/></Types>' % of_strings
    )
    saved = BytesIO()
    with zipfile.ZipFile(saved, "w") as new:
        for name, content in parts.items():
            new.writestr(name, content)
    return saved.getvalue()


def message(filed: Filed) -> InboundMessage:
    assert isinstance(filed.event, InboundMessage)
    return filed.event


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
