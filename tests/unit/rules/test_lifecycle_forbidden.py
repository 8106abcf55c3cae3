"""What C.2 forbids altogether, and what must hold of the table as a whole."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

from gateway.errors import Conflict, Forbidden
from gateway.model import Level, Role, State
from gateway.rules import commands, transitions
from tests.refusals import refused
from tests.stories import complaint


def test_the_handler_ends_no_red_alert_and_nobody_ends_it_alone() -> None:
    """A053: 客户意见管理岗 with the agreement of 消保部; forbidden by C.2's last line."""
    story = complaint().goes_to(State.INVESTIGATING, level=Level.MAJOR)
    clear = commands.ClearRedAlert(reason="误报", agreed_by="cp")
    refused(story, clear, Role.HND, error=Forbidden)
    assert refused(story, clear, Role.MGR, Role.HND, by="hnd") == "by_handler"
    assert refused(story, replace(clear, agreed_by="hnd"), Role.MGR) == "by_handler"
    assert refused(story, replace(clear, agreed_by="mgr"), Role.MGR) == "one_person"
    story.does(clear, Role.MGR)
    assert not story.complaint.case.red_alert
    assert refused(story, clear, Role.MGR) == "no_alert"


def test_no_complaint_is_answered_without_a_conclusion() -> None:
    """Forbidden by C.2's last line."""
    story = complaint().goes_to(State.TRIAGED)
    refused(story, commands.Reply(), error=Conflict)


def test_no_complaint_is_filed_without_its_outcome_being_sent() -> None:
    """A112, forbidden by C.2's last line: from no state, whatever else is there."""
    story = complaint().goes_to(State.REPLIED)
    for state in (State.CALLBACK_DONE, State.CLOSED):
        story.complaint = replace(story.complaint, state=state)
        assert refused(story, commands.Archive(), Role.MGR) == "no_outcome"
    for state in set(State) - {State.CALLBACK_DONE, State.CLOSED, State.ANSWERED, State.WITHDRAWN}:
        story.complaint = replace(story.complaint, state=state)
        refused(story, commands.Archive(), Role.MGR, error=Conflict)


def test_no_command_deletes_a_case_or_changes_what_the_customer_wrote() -> None:
    """Forbidden by C.2's last line: there is none that could; every command has its row, and each row another event."""
    every = set(get_args(commands.Command))
    assert every == set(transitions.OF)
    assert len({row.event for row in transitions.TABLE}) == len(transitions.TABLE)
    names = {commands.name_of(command) for command in every}
    assert not [name for name in names if name.startswith(("delete", "remove", "edit", "change", "erase"))]
    fields = {field for command in every for field in command.__dataclass_fields__}
    assert not fields & {"raw_text", "raw", "message", "body_text"}


def test_no_commands_field_hides_what_an_event_says_of_itself() -> None:
    """A hand-over's `to` once overwrote the state that an event leads to."""
    own = {"by", "at", "state", "clocks", "role", "digest", "day", "execution_due"}
    named = {command: own & set(command.__dataclass_fields__) for command in transitions.OF}
    assert {command for command, both in named.items() if both} == {commands.Register}  # which writes its event itself


def test_from_every_state_the_case_can_come_to_an_end() -> None:
    """A107: no state is a dead end, and none but the ended ones is where a case stays."""
    ahead = {state: set[State]() for state in State}
    for row in transitions.TABLE:
        for source in row.sources if row.target and row.command is not commands.Withdraw else ():
            ahead[source] |= {row.target} if isinstance(row.target, State) else set(transitions.MAY_LEAD_TO[row.target])
    ends = set(transitions.ENDED)
    while more := {state for state, targets in ahead.items() if targets & ends} - ends:
        ends |= more
    assert ends == set(State)
