"""A workbook (XLSX) or a CSV file as numbered rows of cells, whatever bytes it is. What the cells mean is not here.

Formulas are seen and never evaluated; macros and links are not looked at.
"""

from __future__ import annotations

import csv
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from io import BytesIO, StringIO
from typing import Any

from openpyxl import load_workbook
from openpyxl.utils.escape import unescape

from adapters.counter.columns import COLUMNS, SHEET
from adapters.counter.flaws import flaw
from gateway.errors import InvalidFile

MAX_BYTES = 10_000_000
MAX_UNPACKED = 50_000_000
MAX_PARTS = 500
MAX_ROWS = 10_000
MAX_COLUMNS = 32
LAST_ROW = 1_048_576  # of any spreadsheet; a file that names a later one would have us count to it
CHUNK = 1_000_000

_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0"  # Excel before 2007, and every workbook with a password
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_XML_IN_UTF_16 = (*_UTF_16, b"<\0", b"\0<")


@dataclass(frozen=True, slots=True)
class Broken:
    """A cell that holds nothing to take over, by the word for why."""

    problem: str


Cell = str | datetime | Broken
Rows = Sequence[tuple[int, Sequence[Cell]]]
"""The rows that hold anything, each with its number in the sheet."""


def rows(data: bytes) -> Rows:
    """Read a file. Raises InvalidFile, with one flaw, for what is no table or more than one of 10 000 complaints."""
    if len(data) > MAX_BYTES:
        raise InvalidFile([flaw("too_large")])
    if data.startswith(_OLE):
        raise InvalidFile([flaw("old_workbook")])
    found = _workbook(data) if data.startswith(_ZIP) else _limited(_csv(data))
    if not found:
        raise InvalidFile([flaw("empty")])
    return found


def _limited(every: Iterable[Sequence[Cell]]) -> Rows:
    found: list[tuple[int, Sequence[Cell]]] = []
    for number, cells in enumerate(every, 1):
        if any(cells):
            found.append((number, cells))
        if len(found) > MAX_ROWS + 2:  # the headers and the example are rows, too
            raise InvalidFile([flaw("too_many_rows")])
    return found


def _workbook(data: bytes) -> Rows:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what the library cannot keep of a workbook's looks is nobody's loss
            _check_parts(data)
            book = load_workbook(BytesIO(data), read_only=True, keep_links=False)
            sheet = next((one for one in book.worksheets if one.title == SHEET), book.worksheets[0])
            if any(_is_form(one) for one in book.worksheets if one is not sheet):
                raise InvalidFile([flaw("second_sheet")])
            every = sheet.iter_rows(max_row=LAST_ROW, max_col=MAX_COLUMNS)
            return _limited(_cells(row) for row in every)
    except InvalidFile:
        raise
    except Exception:  # the library raises whatever a damaged part makes it stumble over
        raise InvalidFile([flaw("not_a_workbook")]) from None


def _is_form(sheet: Any) -> bool:
    """Say whether a sheet begins as the form does: complaints on it would not be read."""
    titles = next(sheet.iter_rows(max_row=1, max_col=MAX_COLUMNS, values_only=True), ())
    return COLUMNS["text"].header in (str(title).strip() for title in titles)


def _check_parts(data: bytes) -> None:
    """Unpack every part once, holding none. Raises InvalidFile for a zip bomb and for XML with a DTD.

    The library reads parts whole, and entities of a DTD multiply; ECMA-376 part 2 allows none.
    """
    left = MAX_UNPACKED
    with zipfile.ZipFile(BytesIO(data)) as archive:
        parts = archive.infolist()
        if len(parts) > MAX_PARTS:
            raise InvalidFile([flaw("too_large")])
        for part in parts:
            with archive.open(part) as stream:
                tail = b""
                while chunk := stream.read(CHUNK):
                    left -= len(chunk)
                    if left < 0:
                        raise InvalidFile([flaw("too_large")])
                    # In UTF-16 a DTD would not be seen; no spreadsheet writes its parts in it.
                    if b"<!DOCTYPE" in tail + chunk or (not tail and chunk.startswith(_XML_IN_UTF_16)):
                        raise InvalidFile([flaw("not_a_workbook")])
                    tail = chunk[-len(b"<!DOCTYPE") :]


def _cells(row: Sequence[Any]) -> Sequence[Cell]:
    if len(set(map(id, row))) == 1:  # nothing but the library's one empty cell: of such rows there may be a million
        return ()
    return [_cell(cell) for cell in row]


def _cell(cell: Any) -> Cell:
    value = cell.value
    if value is None:
        return ""
    if cell.data_type in ("f", "e"):
        return Broken("formula" if cell.data_type == "f" else "error_cell")
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    if isinstance(value, date):
        return datetime.combine(value, time())
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # every number of a sheet is a fraction, a telephone number as well
    return _filled(unescape(value) if isinstance(value, str) else str(value))


def _filled(text: str) -> str:
    return text if text.strip() else ""


def _csv(data: bytes) -> Iterator[Sequence[Cell]]:
    text = _text(data)
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    # Strict: a quotation mark that nobody closed would swallow the rows below it, and their complaints with them.
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)
    row = 1
    try:
        for cells in reader:
            row += 1
            yield [_filled(cell) for cell in cells[:MAX_COLUMNS]]
    except csv.Error:
        raise InvalidFile([flaw("not_a_table", row=row)]) from None


def _text(data: bytes) -> str:
    # Excel in China saves CSV as GB18030, "CSV UTF-8" with a BOM, and "Unicode text" as UTF-16 with tabs.
    encodings = ("utf-16",) if data.startswith(_UTF_16) else ("utf-8-sig", "gb18030")
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise InvalidFile([flaw("not_a_table")])
