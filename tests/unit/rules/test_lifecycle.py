"""The lifecycle: what may happen when, and that a complaint is the fold of its events."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Conflict
from gateway.model import ChannelKind, Event, EventKind, Kind, Language, Level, State
from gateway.rules.lifecycle import Register, SuggestLink, Supplement, decide, evolve, fold
from gateway.rules.reactions import CUSTOMER_NOTICES

NOW = datetime(2026, 11, 23, 2, 15, tzinfo=UTC)
REGISTER = Register(
    number="TS-261123-000123-V",
    kind=Kind.COMPLAINT,
    level=Level.GENERAL,
    needs_review=True,
    channel=ChannelKind.EMAIL,
    source="complaints-mailbox",
    language=Language.ZH_HANS,
    received_at=NOW - timedelta(minutes=3),
    promised_at=NOW + timedelta(days=3),
    legal_at=NOW + timedelta(days=15),
    policy="cn.std-321@1",
    name="张三",
    message_id="m1",
)


def test_registering_opens_a_complaint_with_everything_it_was_given() -> None:
    complaint = evolve(None, "c1", decide(None, REGISTER, NOW))
    assert (complaint.id, complaint.number, complaint.state) == ("c1", REGISTER.number, State.REGISTERED)
    assert (complaint.received_at, complaint.registered_at) == (REGISTER.received_at, NOW)
    assert (complaint.promised_at, complaint.legal_at) == (REGISTER.promised_at, REGISTER.legal_at)
    assert complaint.name == "张三"


def test_the_name_is_in_the_private_part_only() -> None:
    assert "张三" not in str(decide(None, REGISTER, NOW).public)


def test_a_suggestion_has_no_statutory_date() -> None:
    suggestion = replace(REGISTER, kind=Kind.SUGGESTION, legal_at=None)
    assert evolve(None, "c1", decide(None, suggestion, NOW)).legal_at is None


def test_a_complaint_is_registered_once() -> None:
    complaint = evolve(None, "c1", decide(None, REGISTER, NOW))
    with pytest.raises(Conflict):
        decide(complaint, REGISTER, NOW)


@pytest.mark.parametrize("command", [Supplement(message_id="m2"), SuggestLink(quoted_id="c2")])
def test_nothing_happens_to_a_complaint_that_does_not_exist(command: Supplement | SuggestLink) -> None:
    with pytest.raises(Conflict):
        decide(None, command, NOW)


def test_a_timeline_must_begin_with_the_opening() -> None:
    with pytest.raises(Conflict):
        evolve(None, "c1", Event(kind=EventKind.SUPPLEMENTED, public={"message": "m"}))


def test_no_events_are_no_complaint() -> None:
    assert fold("c1", []) is None


@given(st.lists(st.sampled_from([Supplement(message_id="m2"), SuggestLink(quoted_id="c2")]), max_size=20))
def test_a_complaint_is_the_fold_of_its_events(commands: list[Supplement | SuggestLink]) -> None:
    events = [decide(None, REGISTER, NOW)]
    complaint = evolve(None, "c1", events[0])
    for command in commands:
        events.append(decide(complaint, command, NOW))
        complaint = evolve(complaint, "c1", events[-1])
    assert fold("c1", events) == replace(complaint, version=len(events))


def test_every_event_has_its_reaction_in_the_one_table() -> None:
    assert set(CUSTOMER_NOTICES) == set(EventKind)
