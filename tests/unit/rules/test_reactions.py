"""What each event causes to be told, and to whom; the stories of the lifecycle show most of it, this is the rest."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from gateway.model import (
    ClockName,
    Compensation,
    Event,
    EventKind,
    Finding,
    FindingType,
    Flag,
    Kind,
    Level,
    NoticeKind,
    Role,
    State,
)
from gateway.rules import commands, reactions, transitions
from gateway.rules.reactions import Telling, tellings
from tests.stories import REFUSED, Story, complaint, grading

TELLS_NOBODY = {
    EventKind.LINK_SUGGESTED,  # nobody hears of a case that is not known to be theirs
    EventKind.MERGED,  # the case it was put into tells the customer
    EventKind.ACCEPTED,
    EventKind.HANDED_OVER,
    EventKind.RESUMED,
    EventKind.ASSIST_ANSWERED,
    EventKind.COORDINATION_CLOSED,
    EventKind.EVIDENCE_ADDED,
    EventKind.EXECUTION_PROVED,
    EventKind.SCORED,
    EventKind.ARCHIVED,
    EventKind.REFERRAL_REPORTED,
    EventKind.ACTED_FIRST,
    EventKind.NOTED,
    EventKind.UNMASKED,
    EventKind.CALL_RECORDED,
}


def to(told: list[Telling], kind: NoticeKind) -> set[str]:
    return {telling.to for telling in told if telling.kind is kind}


def outcome(**changes: Any) -> Telling:
    [told] = complaint().goes_to(State.REPLIED, **changes).told
    return told


def test_every_event_has_its_row_or_tells_nobody_on_purpose() -> None:
    assert set(reactions._CAUSES) | TELLS_NOBODY | {EventKind.OPENED} == set(EventKind)
    assert not set(reactions._CAUSES) & TELLS_NOBODY


def test_an_event_of_no_complaint_tells_nobody() -> None:
    story = complaint()
    noted = Event(kind=EventKind.NOTED, public={}, private={"text": "?"})
    withdrawn = Event(kind=EventKind.WITHDRAWN, public={"at": "2026-11-23T02:15:00+00:00"})
    assert tellings(story.complaint, story.complaint, noted) == []
    assert tellings(None, story.complaint, withdrawn) == []


def test_a_new_case_is_acknowledged_and_a_secret_in_it_warned_of() -> None:
    """N01, N23: the kind of the secret is named, never its value."""
    story = complaint()
    assert [telling.kind for telling in story.told] == [NoticeKind.ACKNOWLEDGEMENT]
    warned = Event(kind=EventKind.OPENED, public=story.events[0].public | {"redacted": ["password"]})
    assert [one.kind for one in tellings(None, story.complaint, warned)] == [
        NoticeKind.ACKNOWLEDGEMENT,
        NoticeKind.SECURITY_NOTE,
    ]
    more = story.does(commands.Supplement(message_id="m2", redacted=("card_number",), answers=True), Role.SYS)
    assert [one.details for one in story.told] == [{"kinds": ["card_number"]}]
    assert more.public["redacted"] == ["card_number"]


def test_a_red_alert_is_telephoned_as_well() -> None:
    """A053, A102: 消保部 and 分管行领导 by telephone too, the others in writing; the unit's head once there is one."""
    story = complaint()
    story.does(grading(level=Level.MAJOR), Role.MGR)
    assert {telling.to for telling in story.told if telling.call} == {"cp", "exe"}
    assert to(story.told, NoticeKind.RED_ALERT) == {"cp", "exe", "mgr"}
    story.does(commands.Dispatch(unit="cards", handler="hnd", lead="exe"), Role.MGR)
    assert to(story.told, NoticeKind.RED_ALERT) == {"uh"}


@pytest.mark.parametrize("flag", [Flag.CLUSTER, Flag.GROUP])
def test_a_group_is_told_to_those_who_speak_for_the_bank(flag: Flag) -> None:
    """N28: once, when the flag appears."""
    story = complaint().goes_to(State.TRIAGED, flags=frozenset({flag}))
    assert to(story.told, NoticeKind.CLUSTER_ALERT) == {"mgr", "cp", "pr"}
    story.does(commands.Regrade(level=Level.IMPORTANT, flags=frozenset({flag}), reason="?"), Role.MGR)
    assert to(story.told, NoticeKind.CLUSTER_ALERT) == set()


@pytest.mark.parametrize(
    ("finding", "kind", "apology"),
    [
        (Finding.SUBSTANTIATED, FindingType.WORK_ERROR, True),
        (Finding.PARTLY, FindingType.WORK_ERROR, True),
        (Finding.NOT_SUBSTANTIATED, FindingType.CUSTOMER_MISUNDERSTANDING, False),
        (Finding.UNDETERMINED, FindingType.THIRD_PARTY, False),
    ],
)
def test_the_bank_apologises_only_where_something_was_found(finding: Finding, kind: FindingType, apology: bool) -> None:
    """E.4, rules for N11 and N12."""
    assert outcome(finding=finding, finding_type=kind, reason="已写明").details["apology"] is apology


def test_an_outcome_says_what_was_found_why_what_is_done_and_when_the_money_comes() -> None:
    """law 19; E.1 N11: findings, measures, improvement, the amount with its date."""
    paid = Compensation(amount="88.00", currency="CNY", arrival=date(2026, 11, 30), account_tail="1234")
    details = outcome(compensation=paid).details
    assert [details[name] for name in ("findings", "cause")] == ["扣了两次", "系统超时后重复提交"]
    assert [details[name] for name in ("measures", "improvement")] == ["退回一笔", "加重复检查"]
    assert (details["amount"], details["arrival_on"], details["account_tail"]) == ("88.00", "2026-11-30", "1234")
    refusal = outcome(**REFUSED)
    assert (refusal.kind, refusal.details["amount"]) == (NoticeKind.OUTCOME_REJECTED, "")


def test_an_erased_outcome_is_told_to_nobody() -> None:
    """What was erased does not come back by a notice."""
    story = complaint().goes_to(State.REPLIED)
    after = replace(story.complaint, case=replace(story.complaint.case, conclusion=None))
    assert tellings(story.complaint, after, story.events[-1]) == []


@pytest.mark.parametrize(
    ("amount", "band"),
    [
        *(("0.99", "lt1k"), ("999.99", "lt1k"), ("1000", "1k"), ("9999", "1k"), ("10000.00", "10k")),
        *(("123456", "100k"), ("1000000", "1m"), ("9999999.99", "1m"), ("10000000", "10m_plus")),
    ],
)
def test_an_approver_is_told_an_amount_as_its_band(amount: str, band: str) -> None:
    """C13: exact amounts stay in the case."""
    paid = Compensation(amount=amount, currency="CNY", arrival=date(2026, 11, 30))
    told = complaint().goes_to(State.CONCLUDED, compensation=paid).told
    assert to(told, NoticeKind.APPROVAL) == {"uh"}
    assert told[0].details["band"] == band
    assert amount not in map(str, told[0].details.values())


def test_a_major_conclusion_is_put_before_both_who_sign() -> None:
    """A059: at once, so that neither waits for the other."""
    told = complaint().goes_to(State.CONCLUDED, level=Level.MAJOR).told
    assert to(told, NoticeKind.APPROVAL) == {"uh", "cp"}


def test_a_date_that_comes_forward_by_a_new_calendar_is_told() -> None:
    """D.9, A.13 rule 8."""
    story = complaint()
    earlier = replace(story.complaint, promised_at=story.complaint.promised_at - timedelta(days=1))
    recounted = Event(kind=EventKind.DATES_RECOMPUTED, public={"at": story.now.isoformat()})
    assert to(tellings(story.complaint, earlier, recounted), NoticeKind.BROUGHT_FORWARD) == {"customer"}
    assert tellings(story.complaint, story.complaint, recounted) == []


def test_progress_of_a_major_case_is_the_daily_one() -> None:
    """A067: with when the next one comes."""
    report = commands.ReportProgress(done="查了", next="再查")
    for level, kind in ((Level.GENERAL, NoticeKind.PROGRESS), (Level.MAJOR, NoticeKind.DAILY_PROGRESS)):
        story = complaint().goes_to(State.INVESTIGATING, level=level)
        story.does(report)
        [told] = story.told
        assert told.kind is kind
        assert ("again_at" in told.details) is (level is Level.MAJOR)


def test_staff_is_told_nothing_of_the_customer() -> None:
    """E.1 N24: number, level, flags, date, unit, owner; no name, contact or text."""
    for story in (dispatched(), escalated(), referred()):
        for telling in story.told:
            if telling.to != reactions.CUSTOMER:
                assert "李四" not in str(dict(telling.details))


def test_the_customer_is_told_nothing_of_the_grading() -> None:
    """E.2 rule 1: no level, no flag, no reason of it, nobody's staff number."""
    inner = {"level", "flags", "unit", "owner", "state", "lead", "by"}
    for story in (complaint(), looked_at_again(), complaint().goes_to(State.REPLIED, level=Level.MAJOR)):
        told = [telling for telling in story.told if telling.to == reactions.CUSTOMER]
        assert told
        assert not [telling for telling in told if telling.details.keys() & inner]


def dispatched() -> Story:
    return complaint().goes_to(State.DISPATCHED, level=Level.MAJOR)


def looked_at_again() -> Story:
    story = complaint().goes_to(State.REPLIED)
    story.does(commands.Object(reason="没退"), Role.REP)
    return story


def escalated() -> Story:
    story = looked_at_again()
    story.complaint = replace(story.complaint, case=replace(story.complaint.case, red_alert=True))
    story.does(commands.Escalate(reason="红色预警"), Role.UH)
    assert story.heard() == {("uh", "DEADLINE"), ("exe", "DEADLINE")}
    return story


def referred() -> Story:
    story = complaint()
    story.does(commands.RecordReferral(reference="金监函1号", body="监管局", due=date(2026, 12, 4)), Role.RL)
    assert story.heard() == {("rl", "DEADLINE"), ("cp", "DEADLINE")}
    return story


def test_an_inquiry_is_looked_at_again_by_its_own_date() -> None:
    """T21: it has no clock of a complaint's answer, which once broke the notice."""
    story = complaint(kind=Kind.INQUIRY).goes_to(State.REPLIED, kind=Kind.INQUIRY)
    story.outcome_leaves()
    story.does(commands.Object(), Role.CUS)
    assert to(story.told, NoticeKind.DEADLINE) == {"mgr", "uh"}
    assert ClockName.PROMISED in story.complaint.clocks


def test_every_command_of_the_table_has_its_own_event_to_react_to() -> None:
    assert {row.event for row in transitions.TABLE} == set(EventKind)
