"""The template that branches fill in, and the channel as the settings open it."""

from __future__ import annotations

from datetime import datetime
from io import BytesIO

import pytest
from openpyxl import load_workbook
from openpyxl.worksheet.worksheet import Worksheet
from pydantic import ValidationError

from adapters.counter import Config, open_channel, read
from adapters.counter.columns import COLUMNS, EXAMPLE, SHEET
from adapters.counter.workbook import NOTES, template
from gateway.errors import InvalidFile
from tests.adapters.counter.paper import LETTER, as_csv, message, moment
from tests.shared import tools


def opened(name: str) -> Worksheet:
    return load_workbook(BytesIO(template()))[name]


def test_the_template_as_it_is_holds_no_complaint() -> None:
    assert list(read(template(), "template.xlsx")) == []


def test_the_example_would_be_taken_in_if_it_were_not_called_one() -> None:
    book = load_workbook(BytesIO(template()))
    [serial] = [cell for cell in book[SHEET][2] if cell.value == EXAMPLE]
    serial.value = "1"
    saved = BytesIO()
    book.save(saved)
    assert len(list(read(saved.getvalue(), "filled.xlsx"))) == 1


def test_every_column_stands_on_the_sheet_and_is_explained_in_two_languages() -> None:
    headers = [column.header for column in COLUMNS.values()]
    assert [cell.value for cell in opened(SHEET)[1]] == headers
    explained = {row[0]: row for row in opened(NOTES).iter_rows(values_only=True)}
    assert [header for header in headers if not all(explained[header][2:4])] == []


def test_every_list_is_offered_and_is_short_enough_for_a_spreadsheet() -> None:
    checks = opened(SHEET).data_validations.dataValidation
    offered = {check.formula1 for check in checks if check.type == "list"}
    assert offered == {f'"{",".join(column.choices)}"' for column in COLUMNS.values() if column.choices}
    assert max(map(len, offered)) <= 255
    assert not [word for column in COLUMNS.values() for word in column.choices if "," in word]


def test_times_are_real_dates_and_serials_keep_their_zeros() -> None:
    example = dict(zip(COLUMNS, opened(SHEET)[2], strict=True))
    assert isinstance(example["received"].value, datetime)
    assert example["received"].number_format == "yyyy-mm-dd hh:mm"
    assert example["serial"].number_format == "@"


async def test_an_open_channel_reads_by_its_zone_and_knows_the_present() -> None:
    now = moment("2026-11-20T10:00:00+00:00")
    config = Config(zone="Europe/London")
    async with open_channel(config, tools(now=lambda: now), "branches") as channel:
        assert channel.reader is not None
        [filed] = channel.reader(as_csv(LETTER), "a.csv")
        assert (message(filed).source, message(filed).received_at) == ("branches", moment("2026-11-20T09:30:00+00:00"))
        with pytest.raises(InvalidFile, match="cannot be taken in"):
            channel.reader(as_csv(LETTER | {"收到时间": "2026-11-20 10:01"}), "a.csv")


def test_a_zone_that_is_none_is_refused() -> None:
    with pytest.raises(ValidationError, match="IANA"):
        Config(zone="Asia/Nowhere")
