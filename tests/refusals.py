"""What the stories of the lifecycle share: a step that must be refused, and which clocks run."""

from __future__ import annotations

import pytest

from gateway.errors import GatewayError, Invalid
from gateway.model import ClockName, EvidenceType, Role
from gateway.rules import commands
from gateway.rules.commands import Command
from tests.stories import Story


def refused(story: Story, command: Command, *roles: Role, by: str = "", error: type[GatewayError] = Invalid) -> str:
    """Give a command that must be refused and change nothing; return the word that says why."""
    before, events = story.complaint, list(story.events)
    with pytest.raises(error) as caught:
        story.does(command, *roles, by=by)
    assert (story.complaint, story.events) == (before, events)
    return str(getattr(caught.value, "problem", ""))


def runs(story: Story, *names: ClockName) -> list[bool]:
    """Say of each of these clocks whether it runs."""
    clocks = story.complaint.clocks
    return [name in clocks and clocks[name].runs for name in names]


def evidence(number: int) -> commands.AddEvidence:
    return commands.AddEvidence(id=f"e{number}", type=EvidenceType.LOG, sha256="0" * 64, description="流水")
