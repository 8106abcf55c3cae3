"""What rules/reactions.py gives each notice is what its template was checked with: one event of each kind, rendered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from gateway import proofreading
from gateway.model import (
    ChannelKind,
    Clock,
    ClockName,
    Compensation,
    Complaint,
    Conclusion,
    Contact,
    ContactType,
    Event,
    EventKind,
    Finding,
    FindingType,
    Flag,
    Improvement,
    Kind,
    Language,
    Level,
    NoticeFacts,
    NoticeKind,
    Product,
    Result,
    State,
)
from gateway.rendering import Rendering
from gateway.rules.alarms import CHAINS
from gateway.rules.contents import STAFF
from gateway.rules.reactions import Telling, tellings
from gateway.settings import Bank

NOW = datetime(2026, 11, 24, 2, 5, tzinfo=UTC)
RENDERING = Rendering(bank=Bank(names=dict.fromkeys(Language, "B"), telephone="00000"), override=None)
WITHOUT_A_CAUSE = {NoticeKind.CALLBACK_SCRIPT, NoticeKind.SECURITY_NOTE}
"""Told by a callback's task and by intake: no event of a complaint alone causes them."""

CLOCK = Clock(
    due_at=NOW + timedelta(hours=1),
    started_at=NOW - timedelta(hours=1),
    profile="p",
    profile_version="1",
    clause="c",
    calendar_version="1",
)
CONCLUSION = Conclusion(
    finding=Finding.PARTLY,
    finding_type=FindingType.WORK_ERROR,
    result=Result.PARTLY_UPHELD,
    findings="what was found",
    cause="why",
    measures="what is done",
    improvement=Improvement(measure="a second look", owner="s1", due=date(2026, 12, 1), verification="a sample"),
    feedback_plan="a letter",
    evidence=("e1",),
    basis=("rule 1",),
    reason="because",
    compensation=Compensation(amount="12345.60", currency="CNY", arrival=date(2026, 11, 30), account_tail="7890"),
)
BEFORE = Complaint(
    id="c1",
    number="TS-261123-000123-V",
    state=State.INVESTIGATING,
    kind=Kind.COMPLAINT,
    level=Level.GENERAL,
    needs_review=False,
    channel=ChannelKind.EMAIL,
    source="mail",
    language=Language.EN,
    received_at=NOW - timedelta(days=1),
    registered_at=NOW - timedelta(days=1),
    promised_at=NOW + timedelta(days=3),
    legal_at=NOW + timedelta(days=15),
    policy="p",
    name="Zhuge Liang",
    clocks=dict.fromkeys(ClockName, CLOCK),
)
AFTER = replace(
    BEFORE,
    level=Level.MAJOR,
    promised_at=NOW + timedelta(days=2),
    case=replace(
        BEFORE.case, flags=frozenset({Flag.GROUP}), product=Product.LOAN, branch="East", conclusion=CONCLUSION
    ),
)
# What the events say, taken together; none of them reads a word that another means differently.
SAID: Mapping[str, Any] = {
    **dict.fromkeys(
        ("answer", "reason", "who_can_help", "direction", "done", "waiting", "next", "way", "body"), "said"
    ),
    **dict.fromkeys(("question", "missing", "text", "process", "time_limit", "result"), "said"),
    **dict.fromkeys(("adopted", "upheld", "new_facts"), True),
    "solved": False,
    "wish": None,
    "answers": False,
    "left": ["mobile"],
    "scored": False,
    "told": "said",
    "items": ["one"],
    "units": ["cards"],
    "asked": ["uh", "cp"],
    "agreed_by": "leg",
    "at": NOW.isoformat(),
    "next_contact_at": NOW.isoformat(),
    "meeting_at": NOW.isoformat(),
    "until": "2026-11-25",
    "live_on": None,
}


def told() -> Iterator[Telling]:
    """Yield everything that is told of events of every kind, of cases that differ in what matters to it."""
    rejected = replace(CONCLUSION, result=Result.REJECTED_WITH_BASIS, compensation=None)
    cases = [
        AFTER,
        replace(AFTER, kind=Kind.INQUIRY, level=Level.GENERAL, case=replace(AFTER.case, conclusion=rejected)),
        replace(AFTER, state=State.CONCLUDED, clocks={**AFTER.clocks, ClockName.DAILY: replace(CLOCK, paused_at=NOW)}),
    ]
    for after in cases:
        for kind in EventKind:
            for clock in ClockName if kind is EventKind.ALARM_SOUNDED else [ClockName.ACCEPT]:
                said = {**SAID, "clock": clock.value, "sounded": len(CHAINS[clock])}
                yield from tellings(BEFORE, after, Event(kind=kind, public=said))


TOLD = list(told())


def test_every_notice_has_an_event_that_causes_it() -> None:
    """E.1."""
    assert {telling.kind for telling in TOLD} | WITHOUT_A_CAUSE == set(NoticeKind)


@pytest.mark.parametrize("kind", sorted({telling.kind for telling in TOLD}))
def test_a_notice_is_given_what_its_template_was_checked_with(kind: NoticeKind) -> None:
    """A name that only the samples of the check have would fail with the first customer, not at start-up."""
    checked = {frozenset(details) for details in proofreading.DETAILS.get(kind, ({},))}
    assert len(checked) == 1
    for telling in TOLD:
        if telling.kind is kind:
            # `promised` is in every notice; only an alarm of the acceptance is told in minutes.
            assert frozenset(telling.details) - {"promised_at", "minutes"} == min(checked) - {"promised_at", "minutes"}


@pytest.mark.parametrize("language", Language)
def test_everything_that_is_told_can_be_rendered(language: Language) -> None:
    for telling in TOLD:
        facts = NoticeFacts(
            number=AFTER.number,
            kind=AFTER.kind,
            major=True,
            promised_at=AFTER.promised_at,
            received_at=AFTER.received_at,
            channel=AFTER.channel,
            name=AFTER.name,
            details=telling.details,
        )
        for verified in (True, False):
            to = Contact(type=ContactType.EMAIL, value="a@example.com", verified=verified)
            text = RENDERING.render(telling.kind, facts, to=to, language=language)
            assert AFTER.number in text.subject
            if telling.kind in STAFF:
                assert AFTER.name not in text.text


@pytest.mark.parametrize(
    ("amount", "band"),
    [
        ("0.50", "lt1k"),
        ("999.99", "lt1k"),
        ("1000", "1k"),
        ("12345.60", "10k"),
        ("999999", "100k"),
        ("1e6", "1m"),
        ("10000000", "10m_plus"),
        ("123456789.00", "10m_plus"),
    ],
)
def test_an_approver_hears_the_band_of_an_amount(amount: str, band: str) -> None:
    """C13, B.3 `amount_band`."""
    paid = replace(CONCLUSION, compensation=Compensation(amount=amount, currency="CNY", arrival=date(2026, 11, 30)))
    after = replace(AFTER, case=replace(AFTER.case, conclusion=paid))
    asked = tellings(BEFORE, after, Event(kind=EventKind.CONCLUDED, public=SAID))
    assert {telling.details["band"] for telling in asked} == {band}
    assert amount not in str(asked)


def test_an_alarm_says_how_long_nobody_accepted_and_whether_the_time_is_over() -> None:
    """A055, A077."""
    said = {**SAID, "clock": "accept", "sounded": 1}
    soon = tellings(BEFORE, BEFORE, Event(kind=EventKind.ALARM_SOUNDED, public=said))
    assert {(one.details["minutes"], one.details["why"]) for one in soon} == {(60, "due_soon")}
    late = {**said, "at": CLOCK.due_at.isoformat()}
    over = tellings(BEFORE, BEFORE, Event(kind=EventKind.ALARM_SOUNDED, public=late))
    assert {(one.details["minutes"], one.details["why"]) for one in over} == {(120, "overdue")}
