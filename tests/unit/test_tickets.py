"""What a unit's own system and mailbox are told, and of what they hear nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import (
    ContactType,
    Delivery,
    Language,
    Level,
    Notice,
    NoticeState,
    Role,
    State,
    Text,
    Ticket,
)
from gateway.rendering import Rendering
from gateway.rules import commands, tickets
from gateway.rules.routing import Directory
from gateway.settings import DEMONSTRATION_BANK, Bank
from gateway.telling import Teller, Told
from tests.stories import DIRECTORY, Story, book, complaint

RENDERING = Rendering(bank=Bank.model_validate(DEMONSTRATION_BANK), override=None)
ALL = (ContactType.EMAIL, ContactType.WEBHOOK, ContactType.STREAM)
WAYS = {"webhook": "cards-system", "stream": "cards-stream", "email": "cards@bank.example"}
SECRETS = ("李四", "扣了两次", "系统超时", "请说明", "重复提交")


def directory(**ways: str) -> Directory:
    """Return the stories' directory where the unit cards, and it alone, is told by these ways."""
    return replace(DIRECTORY, units={**DIRECTORY.units, "cards": replace(DIRECTORY.units["cards"], **ways)})


def told(story: Story, *, known: Directory | None = None, served: Collection[ContactType] = ALL) -> Told:
    """Tell what the last step of a story caused."""
    teller = Teller(
        rendering=RENDERING,
        directory=known or directory(**WAYS),
        calendar=book().calendar,
        served=served,
        staff_language=Language.ZH_HANS,
        public_url="https://complaints.bank.example",
    )
    return teller.tell(story.told, story.complaint, before=story.complaint, cause=2, contacts=(), now=story.now)


def dispatched(**case: Any) -> Story:
    story = complaint().goes_to(State.TRIAGED)
    story.complaint = replace(story.complaint, case=replace(story.complaint.case, **case))
    return story.goes_to(State.DISPATCHED)


def to_units(what: Told) -> Sequence[Notice]:
    return [one for one in what.notices if one.recipient.startswith("unit:")]


def delivered(what: Told, recipient: str) -> Delivery:
    """Return the one delivery of the one notice to a recipient."""
    [notice] = [one for one in what.notices if one.recipient == recipient]
    [delivery] = [one for one in what.deliveries if one.notice_id == notice.id]
    return delivery


def ticket_in(what: Told, recipient: str) -> Ticket:
    content = delivered(what, recipient).content
    assert isinstance(content, Ticket)
    return content


def tickets_of(what: Told) -> Sequence[Ticket]:
    return [one.content for one in what.deliveries if isinstance(one.content, Ticket)]


def test_a_dispatch_goes_to_the_units_own_system_beside_its_people() -> None:
    """A028, A054: handler and liaison are told as before; each way of the unit is a notice and a lane of its own."""
    what = told(dispatched())
    assert [one.recipient for one in to_units(what)] == [
        "unit:cards:webhook",
        "unit:cards:stream",
        "unit:cards:email",
    ]
    assert {"hnd:hnd", "liaison:uh"} <= {one.recipient for one in what.notices}
    assert {one.state for one in to_units(what)} == {NoticeState.SENDING}
    lanes = {work.subject: work.lane for work in what.work}
    for kind, value in (("webhook", "cards-system"), ("stream", "cards-stream"), ("email", "cards@bank.example")):
        delivery = delivered(what, f"unit:cards:{kind}")
        assert (delivery.to.type, delivery.to.value, delivery.contact_id) == (ContactType(kind), value, None)
        assert lanes[delivery.key] == f"send:{kind}"
    mail = delivered(what, "unit:cards:email").content
    assert isinstance(mail, Text)
    assert "TS-261123-000123-V" in mail.subject


def test_a_ticket_says_number_grading_and_dates() -> None:
    story = dispatched()
    what = told(story)
    one = ticket_in(what, "unit:cards:webhook")
    assert one.id == delivered(what, "unit:cards:webhook").notice_id
    case = story.complaint
    assert (one.notice.value, one.at, one.to_unit, one.unit, one.handler) == ("n24", story.now, "cards", "cards", "hnd")
    assert (one.number, one.kind, one.state, one.level) == (case.number, case.kind, case.state, case.level)
    assert (one.registered_at, one.promised_at, one.legal_at) == (
        case.registered_at,
        case.promised_at,
        case.legal_at,
    )
    assert (one.clock, one.due_at) == ("accept", story.now + timedelta(minutes=30))
    assert one.link == "https://complaints.bank.example/api/v1/complaints/TS-261123-000123-V"
    assert not one.restricted


def test_a_bank_that_names_no_ways_is_told_as_before() -> None:
    assert to_units(told(dispatched(), known=DIRECTORY)) == []


def test_without_a_channel_the_ticket_waits_and_is_shown() -> None:
    what = told(dispatched(), served=[ContactType.EMAIL])
    states = {one.recipient: one.state for one in to_units(what)}
    assert states == {
        "unit:cards:webhook": NoticeState.NO_CHANNEL,
        "unit:cards:stream": NoticeState.NO_CHANNEL,
        "unit:cards:email": NoticeState.SENDING,
    }
    waiting = delivered(what, "unit:cards:webhook").key
    assert waiting in {work.subject for work in what.work}  # in its lane, for when there is one


def test_a_unit_that_is_asked_to_assist_hears_of_it_and_the_responsible_one_does_not() -> None:
    story = complaint().goes_to(State.INVESTIGATING)
    meeting = story.now + timedelta(hours=3)
    story.does(commands.Coordinate(question="请说明李四的流水", units=("it",), meeting_at=meeting))
    known = directory(**WAYS)
    known = replace(known, units={**known.units, "it": replace(known.units["it"], webhook="it-system")})
    what = told(story, known=known)
    assert [one.recipient for one in to_units(what)] == ["unit:it:webhook"]
    asked = ticket_in(what, "unit:it:webhook")
    assert (asked.notice.value, asked.to_unit, asked.unit, asked.clock) == ("n29", "it", "cards", "assist")


def test_an_alarm_is_one_ticket_however_many_people_hear_it() -> None:
    """A055, A077."""
    story = dispatched()
    story.passes(minutes=60)
    assert {to for to, _ in story.heard()} >= {"hnd", "uh"}
    assert [one.recipient for one in to_units(told(story)) if "webhook" in one.recipient] == ["unit:cards:webhook"]


def test_what_is_for_the_customer_or_another_desk_is_no_ticket() -> None:
    opened = complaint()
    assert to_units(told(opened)) == []
    graded = complaint().goes_to(State.TRIAGED, level=Level.MAJOR)  # 消保部 and the executives; there is no unit yet
    assert to_units(told(graded)) == []


def test_no_words_and_nothing_of_the_customer_leave_in_a_ticket() -> None:
    """A028, law 17: not what the customer wrote, not what colleagues wrote about it, not whom it is about."""
    story = complaint().goes_to(State.CONCLUDED, staff_involved=("rep",))
    story.does(commands.SendBack(missing="请说明李四的流水", until=date(2026, 11, 27)), Role.UH)
    written = str(tickets.to_json(ticket_in(told(story), "unit:cards:webhook")))
    assert "n35" in written
    assert not [word for word in (*SECRETS, "rep'") if word in written]


def test_where_it_is_about_one_of_the_unit_its_mailbox_hears_nothing_and_its_system_is_told_to_be_careful() -> None:
    """Law 17: all of a unit read its mailbox; a system can show a case to some and not to others."""
    known = replace(
        directory(**WAYS),
        staff={**DIRECTORY.staff, "h-9": replace(DIRECTORY.staff["hnd"], id="h-9")},  # of the unit, and in no role
    )
    what = told(dispatched(staff_involved=("h-9",)), known=known)
    assert [one.recipient for one in to_units(what)] == ["unit:cards:webhook", "unit:cards:stream"]
    one = ticket_in(what, "unit:cards:webhook")
    assert one.restricted
    assert "h-9" not in str(tickets.to_json(one))


def test_a_careful_ticket_does_not_say_why() -> None:
    """It may be what was found: a violation (A087, law 17)."""
    story = dispatched()
    story.passes(minutes=60)
    assert {ticket.why for ticket in tickets_of(told(story))} == {"overdue"}
    story.complaint = replace(story.complaint, case=replace(story.complaint.case, staff_involved=("uh",)))
    assert {ticket.why for ticket in tickets_of(told(story))} == {""}


def test_somebody_of_another_unit_changes_nothing() -> None:
    what = told(dispatched(staff_involved=("mgr",)))
    assert len(to_units(what)) == 3
    assert not ticket_in(what, "unit:cards:webhook").restricted


MOMENTS = st.datetimes(timezones=st.just(UTC))
DATES = {
    **dict.fromkeys(("at", "registered_at", "promised_at"), MOMENTS),
    **dict.fromkeys(("legal_at", "due_at"), st.none() | MOMENTS),
}


@given(st.builds(Ticket, **DATES))
def test_a_ticket_is_read_back_as_it_was_written(ticket: Ticket) -> None:
    assert tickets.from_json(tickets.to_json(ticket)) == ticket


@pytest.mark.parametrize("way", ["webhook", "stream", "email"])
def test_a_way_that_is_no_text_is_named(way: str) -> None:
    unit = {"name": "信用卡中心", "head": "u", "liaison": "h", "deputy": "d", "handlers": ["h"], way: ["two"]}
    staff = {
        "u": {"name": "周", "roles": ["uh"]},
        "h": {"name": "陈", "roles": ["hnd"]},
        "d": {"name": "李", "roles": ["hnd"]},
    }
    with pytest.raises(ValueError, match=f"units.cards: {way} must be a text"):
        Directory.from_mapping({"staff": staff, "units": {"cards": unit}})
