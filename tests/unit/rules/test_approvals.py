"""Who signs a conclusion at each level, as the bank sets it, and who is asked for a signature when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from gateway.model import Compensation, Flag, Level, Role, State
from gateway.rules import commands
from gateway.rules.routing import Directory
from gateway.rules.situation import APPROVALS
from tests.refusals import refused
from tests.stories import Story, complaint

PAID = Compensation(amount="60000", currency="CNY", arrival=date(2026, 12, 1))


def signed_by(**levels: list[str]) -> Mapping[Level, frozenset[Role]]:
    return Directory.from_mapping({"approvals": levels}).approvals


def asked(story: Story) -> list[str]:
    return [one.to for one in story.told if one.kind.name == "APPROVAL"]


def test_without_a_word_of_the_bank_the_head_signs_and_a_major_case_the_consumer_protection_too() -> None:
    """A059, A114."""
    assert signed_by() == Directory().approvals == APPROVALS
    assert APPROVALS[Level.MAJOR] == {Role.UH, Role.CP}


def test_a_bank_sets_who_signs_at_each_level() -> None:
    """A114: what it does not name stays."""
    story = complaint(approvals=signed_by(important=["uh", "cp"])).goes_to(State.CONCLUDED, level=Level.IMPORTANT)
    assert asked(story) == ["uh", "cp"]
    story.does(commands.Approve(), Role.UH)
    assert (story.complaint.state, asked(story)) == (State.CONCLUDED, [])
    story.does(commands.Approve(), Role.CP)
    assert story.complaint.state is State.APPROVED
    general = complaint(approvals=signed_by(important=["uh", "cp"])).goes_to(State.CONCLUDED)
    assert asked(general) == ["uh"]


def test_an_executive_is_asked_once_the_others_have_agreed() -> None:
    """A060, A114: whether the level or the amount asks for it; alone, it is asked at once."""
    by_level = complaint(approvals=signed_by(general=["exe", "uh"])).goes_to(State.CONCLUDED)
    by_amount = complaint(approval_over=Decimal(50000)).goes_to(State.CONCLUDED, compensation=PAID)
    for story in (by_level, by_amount):
        assert asked(story) == ["uh"]
        story.does(commands.Approve(), Role.UH)
        assert asked(story) == ["exe"]
        story.does(commands.Approve(), Role.EXE)
        assert story.complaint.state is State.APPROVED
    alone = complaint(approvals=signed_by(general=["exe"])).goes_to(State.CONCLUDED)
    assert asked(alone) == ["exe"]
    assert refused(alone, commands.Approve(), Role.UH) == "not_missing"


def test_another_level_asks_for_the_signatures_that_are_missing_and_for_no_other() -> None:
    """T31; A059, A114: also for an executive whose turn had not come at the higher level."""
    story = complaint(approval_over=Decimal(50000)).goes_to(State.CONCLUDED, compensation=PAID)
    story.does(regraded(Level.MAJOR), Role.MGR)
    assert asked(story) == ["cp"]
    story.does(commands.Approve(), Role.UH)
    assert asked(story) == []
    story.does(regraded(Level.IMPORTANT), Role.MGR)
    assert asked(story) == ["exe"]
    story.does(commands.Approve(), Role.EXE)
    story.does(regraded(Level.MAJOR), Role.MGR)
    assert (story.complaint.state, asked(story)) == (State.CONCLUDED, ["cp"])
    story.does(regraded(Level.GENERAL), Role.MGR)
    assert (story.complaint.state, asked(story)) == (State.APPROVED, [])


def regraded(level: Level) -> commands.Regrade:
    return commands.Regrade(level=level, flags=frozenset({Flag.MEDIA_THREAT}), reason="核实", lead="exe")


@pytest.mark.parametrize(
    ("approvals", "words"),
    [
        ({"major": ["uh"]}, "at least one more"),
        ({"major": ["cp", "exe"]}, "signed by uh"),
        ({"major": ["uh", "uh"]}, "at least one more"),
        ({"general": []}, "list of uh, cp, exe"),
        ({"general": ["hnd"]}, "list of uh, cp, exe"),
        ({"general": "uh"}, "list of uh, cp, exe"),
        ({"general": [["uh"]]}, "list of uh, cp, exe"),
        ({"urgent": ["uh"]}, "unknown key urgent"),
        (["uh"], "must be a table"),
    ],
)
def test_a_table_of_signatures_that_lets_somebody_skip_one_stops_the_start(approvals: Any, words: str) -> None:
    """A059, A114."""
    with pytest.raises(ValueError, match=words):
        Directory.from_mapping({"approvals": approvals})
