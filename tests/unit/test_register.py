"""客户投诉登记表: its lines, and that a spreadsheet takes them for text (gateway/register.py)."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import register
from gateway.model import ContentClass, Difficulty, Horizon, Result, Scope, State, Topic
from tests.factories import START
from tests.stories import complaint

ZONE = ZoneInfo("Asia/Shanghai")


def test_a_line_says_what_the_register_has_to_and_masks_the_customer() -> None:
    """A128, A137, A011: moments are the bank's, the time taken counts from the receipt."""
    story = complaint()
    story.goes_to(State.REPLIED)
    case = replace(story.complaint.case, scores={"overall": 4}, root_cause="话术", executed_at=START)
    one = replace(
        story.complaint,
        name="李小明",
        received_at=START,
        case=replace(case, replied_at=START + timedelta(hours=26, minutes=30)),
    )
    line = register.line(one, ZONE)
    assert tuple(line) == register.COLUMNS
    assert (line["customer"], line["result"], line["handling_hours"]) == ("李*明", Result.UPHELD, "26.5")
    assert (line["satisfaction"], line["root_cause"]) == ("4", "话术")
    assert line["received"] == f"{START.astimezone(ZONE):%Y-%m-%d %H:%M}"
    assert [
        name for name in ("unit", "handler", "promised", "legal", "improvement", "executed") if not line[name]
    ] == []


def test_a_line_of_a_complaint_nobody_has_touched_has_the_same_columns() -> None:
    """A128."""
    line = register.line(complaint().complaint, ZONE)
    assert tuple(line) == register.COLUMNS
    assert (line["replied"], line["result"], line["handling_hours"]) == ("", "", "")


def test_what_else_a_grading_said_can_be_reported() -> None:
    """A048, A006: by the words of the glossary."""
    said = {"topic": Topic.SYSTEM, "content_class": ContentClass.EFFICIENCY, "scope": Scope.BATCH}
    more = {"horizon": Horizon.LONG_TERM, "difficulty": Difficulty.COMPLEX}
    one = complaint().complaint
    line = register.line(replace(one, case=replace(one.case, **said, **more)), ZONE)
    assert {name: line[name] for name in said | more} == {
        "topic": "system",
        "content_class": "efficiency",
        "scope": "batch",
        "horizon": "long_term",
        "difficulty": "complex",
    }


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_no_cell_is_a_formula(sign: str) -> None:
    """A128: OWASP CSV injection."""
    [[cell]] = csv.reader(StringIO(register.csv_text([[f"{sign}cmd|' /C calc'!A0"]]), newline=""))
    assert cell == f"'{sign}cmd|' /C calc'!A0"


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=1, max_size=4))
def test_what_is_written_is_read_again_as_it_was(cells: list[str]) -> None:
    """A128: commas, quotes and line ends included."""
    [read] = csv.reader(StringIO(register.csv_text([cells]), newline=""))
    assert [one.removeprefix("'") for one in read] == [one.removeprefix("'") for one in cells]
