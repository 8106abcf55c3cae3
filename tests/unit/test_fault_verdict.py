"""The fault run's verdict can fail: evidence in which all is well, and one thing after the other taken out of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import islice

import pytest

from bench.faults.customers import Again, Customer
from bench.faults.plan import Fault, Kind, Plan
from bench.faults.sink import Accepted
from bench.faults.verdict import Evidence, HeldComplaint, HeldDelivery, judge
from gateway.rules.numbering import Pattern, Patterns

PATTERNS = Patterns(current=Pattern.parse("TS-{yymmdd}-{serial:6}-{check}"))
NUMBERS = ("TS-261123-000123-V", "TS-261123-000124-T")


def complaint(place: int, customer: str, *outcomes: str) -> HeldComplaint:
    return HeldComplaint(
        id=f"complaint {place}",
        number=NUMBERS[place],
        customers=(customer,),
        outcomes=("opened", *outcomes),
        notices=("sent",),
        deliveries=(f"key {place}",),
        broken_at=None,
    )


def delivery(place: int, **attempts: str) -> HeldDelivery:
    return HeldDelivery(
        key=f"key {place}",
        complaint_id=f"complaint {place}",
        state="sent",
        attempts={int(number.removeprefix("nr")): outcome for number, outcome in attempts.items()},
    )


def mail(place: int, customer: str) -> Accepted:
    return Accepted(key=f"key {place}", customer=customer, number=NUMBERS[place])


@pytest.fixture
def evidence() -> Evidence:
    """Two customers: one by the API, whose mail was taken twice around a dead node, and one who wrote two mails."""
    return Evidence(
        customers=[
            Customer(name="api000000", by_mail=False, again=Again.NO, settled=True, told={NUMBERS[0]}),
            Customer(name="mail000001", by_mail=True, again=Again.AT_ONCE, settled=True),
        ],
        complaints=[complaint(0, "api000000"), complaint(1, "mail000001", "duplicate")],
        deliveries=[delivery(0, nr2="sent"), delivery(1, nr1="unknown", nr2="sent")],
        accepted=[mail(0, "api000000"), mail(0, "api000000"), mail(1, "mail000001"), mail(1, "mail000001")],
        apart=(),
        work=(),
        alarms=["complaint 0", "complaint 1"],
        inbox=0,
        quarantine=0,
        gave_up=0,
    )


def first_complaint(evidence: Evidence, **changes: object) -> Evidence:
    return replace(evidence, complaints=[replace(evidence.complaints[0], **changes), *evidence.complaints[1:]])  # type: ignore[arg-type]  # the case names a field


def first_customer(evidence: Evidence, **changes: object) -> Evidence:
    return replace(evidence, customers=[replace(evidence.customers[0], **changes), *evidence.customers[1:]])  # type: ignore[arg-type]  # the case names a field


def first_delivery(evidence: Evidence, **changes: object) -> Evidence:
    return replace(evidence, deliveries=[replace(evidence.deliveries[0], **changes), *evidence.deliveries[1:]])  # type: ignore[arg-type]  # the case names a field


WRONG: dict[str, tuple[str, Callable[[Evidence], Evidence]]] = {
    "a customer gave up": ("accepted in the end", lambda e: first_customer(e, settled=False)),
    "a customer was refused": ("accepted in the end", lambda e: first_customer(e, refused={409})),
    "a complaint is lost": ("one complaint", lambda e: replace(e, complaints=e.complaints[1:])),
    "a complaint is there twice": ("one complaint", lambda e: replace(e, complaints=[e.complaints[0], *e.complaints])),
    "a complaint of nobody": ("one complaint", lambda e: first_complaint(e, customers=())),
    "a message is lost": ("kept once", lambda e: first_complaint(e, outcomes=())),
    "a message is kept twice": ("kept once", lambda e: first_complaint(e, outcomes=("opened", "joined"))),
    "a customer was told two numbers": ("was told the number", lambda e: first_customer(e, told=set(NUMBERS))),
    "a number was given twice": ("numbers are unique", lambda e: first_complaint(e, number=NUMBERS[1])),
    "a check character is wrong": ("numbers are unique", lambda e: first_complaint(e, number="TS-261123-000123-W")),
    "a notice is dead": ("recorded as sent", lambda e: first_complaint(e, notices=("dead",))),
    "there is no notice": ("recorded as sent", lambda e: first_complaint(e, notices=(), deliveries=())),
    "a delivery is not sent": ("recorded as sent", lambda e: first_delivery(e, state="unknown")),
    "the server took no mail": ("taken by the SMTP server", lambda e: replace(e, accepted=e.accepted[2:])),
    "a mail went to another customer": (
        "right number",
        lambda e: replace(e, accepted=[*e.accepted, mail(0, "mail000001")]),
    ),
    "a mail has another's number": (
        "right number",
        lambda e: replace(e, accepted=[*e.accepted, replace(mail(0, "api000000"), number=NUMBERS[1])]),
    ),
    "a mail has a key of nobody": ("right number", lambda e: replace(e, accepted=[*e.accepted, mail(1, "")])),
    "a double without a reason": ("doubles only", lambda e: first_delivery(e, attempts={1: "temporary", 2: "sent"})),
    "more doubles than reasons": ("doubles only", lambda e: replace(e, accepted=[*e.accepted, mail(0, "api000000")])),
    "a second delivery to one contact": ("doubles only", lambda e: first_complaint(e, deliveries=("key 0", "key 1"))),
    "a chain is broken": ("chain verifies", lambda e: first_complaint(e, broken_at=1)),
    "a message is quarantined": ("quarantined", lambda e: first_complaint(e, outcomes=("quarantined",))),
    "a mail is filed as unreadable": ("quarantined", lambda e: replace(e, quarantine=1)),
    "a message belongs to nothing": ("quarantined", lambda e: replace(e, apart=["message 9"])),
    "a mail was left": ("the queue are empty", lambda e: replace(e, inbox=1)),
    "an alarm is lost": ("next alarm", lambda e: replace(e, alarms=e.alarms[1:])),
    "an alarm is there twice": ("next alarm", lambda e: replace(e, alarms=[*e.alarms, e.alarms[0]])),
    "an alarm of nobody": ("next alarm", lambda e: replace(e, alarms=[*e.alarms, "complaint 9"])),
    "work was left": ("the queue are empty", lambda e: replace(e, work=["work 9"])),
    "a node gave up": ("gave up", lambda e: replace(e, gave_up=1)),
}


def test_a_run_in_which_all_is_well_holds(evidence: Evidence) -> None:
    verdict = judge(evidence, PATTERNS)
    assert [point for point in verdict.points if point.broken] == []
    assert verdict.holds
    assert verdict.counts["doubles among them"] == 2
    assert verdict.counts["doubles after an outcome recorded as unknown"] == 1
    assert verdict.counts["doubles after a node died before it could record"] == 1


@pytest.mark.parametrize("wrong", WRONG)
def test_whatever_is_wrong_breaks_the_point_that_speaks_of_it(evidence: Evidence, wrong: str) -> None:
    about, break_it = WRONG[wrong]
    verdict = judge(break_it(evidence), PATTERNS)
    assert not verdict.holds
    assert [point.says for point in verdict.points if point.broken and about in point.says]


def test_every_point_has_a_case_that_breaks_it(evidence: Evidence) -> None:
    points = [point.says for point in judge(evidence, PATTERNS).points]
    assert [says for says in points if not any(about in says for about, _ in WRONG.values())] == []


def test_the_same_seed_gives_the_same_run_and_another_one_another() -> None:
    plan = Plan(database=Kind.POSTGRES, seed=7)
    first, again, other = (list(islice(one.rounds(), 200)) for one in (plan, plan, replace(plan, seed=8)))
    assert first == again != other
    assert {fault for one in first for fault, _ in one.faults} == set(Fault)


def test_on_sqlite_one_node_has_the_faults_of_mail_only() -> None:
    """SQLite is for one process."""
    plan = Plan(database=Kind.SQLITE, seed=7, outage=timedelta(minutes=6))
    rounds = list(islice(plan.rounds(), 50))
    assert {one.targets for one in rounds} == {(0,)}
    assert {fault for one in rounds for fault, _ in one.faults} == {Fault.SMTP_CUT, Fault.IMAP_CUT}
