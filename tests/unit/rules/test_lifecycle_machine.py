"""The whole table, driven at random: every command by everybody at any time, and what must hold whatever they do.

The people are few and some hold two roles, so that each guard meets whom it is about. What is said is mostly sensible,
else nothing would ever be approved; the clock goes forward, and back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from random import Random
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

import orjson
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gateway.errors import Conflict, Forbidden, Invalid
from gateway.model import (
    CUSTOMER,
    SYSTEM,
    Actor,
    Clock,
    ClockName,
    Compensation,
    Complaint,
    Event,
    FindingType,
    Improvement,
    Kind,
    Level,
    Result,
    Role,
    Scope,
    State,
)
from gateway.rules import clocks, commands, grading, lifecycle, reactions, transitions
from gateway.rules.alarms import CHAINS, due_alarms, next_alarm_at
from gateway.rules.clocks import PAUSABLE, is_open
from gateway.rules.commands import Command
from gateway.rules.reactions import Telling
from gateway.rules.situation import Situation
from tests import stories
from tests.stories import book

SECRET = "隐私"  # in every text that somebody wrote
STAFF = {
    "hnd": "hnd", "h2": "hnd", "h3": "hnd uh", **dict.fromkeys(("h4", "h5", "h6", "h7"), "hnd"), "uh": "uh",
    "boss": "exe uh", "cp": "cp", "mgr": "mgr", "mgr2": "mgr hnd", "rep": "rep", "leg": "leg", "cb": "cb", "rl": "rl",
    "fin": "fin", "aud": "aud",
}  # fmt: skip
PEOPLE = (
    *(Actor(id=name, roles=frozenset(map(Role, roles.split()))) for name, roles in STAFF.items()),
    SYSTEM,
    CUSTOMER,
)
KINDS = tuple(row.command for row in transitions.TABLE if row.command is not commands.Register)
CALENDAR = book().calendar
POLICY = book().policy
TEXTS = (f"{SECRET}甲", f"{SECRET}乙", f"{SECRET} 😀\n第二行")
CHANCE = st.integers(0, 2**64)
"""One number decides what a step is: drawn one by one, choices would repeat themselves and come to nothing deep."""
HELPS = (commands.OutcomeSent, commands.ProveExecution, commands.AnswerAssist, commands.GiveFeedback)
"""What moves nothing, but without which nothing moves."""
DROPPED = (State.ANSWERED, State.MERGED, State.NOT_HANDLED, State.TRANSFERRED_OUT, State.WITHDRAWN)
"""Ends from which little leads on: they are come to often enough by chance."""
ROUND_ABOUT = (
    *(commands.Regrade, commands.Reroute, commands.StartMediation, commands.StartAppraisal),
    *(commands.AskCustomer, commands.SendBack, commands.RequestReview),
)
"""Ways that lead back to where they began."""
NAMED = (
    *(reactions.LIAISON, reactions.LEAD, reactions.CONTINGENCY_OWNER),
    *(reactions.PRODUCT_UNIT, reactions.RELATIONS),
)
"""Whom a notice is for that is for no role."""
Choices = Sequence[Any] | Callable[[Complaint, datetime], Sequence[Any]]


OWED_AFTERWARDS = {
    ClockName.REFERRAL,
    ClockName.EXECUTION,
    ClockName.REMEDY,
    ClockName.FEEDBACK,
    ClockName.FOLLOW_UP_ANSWER,
}
"""What was promised, to a regulator or to a customer who withdraws, is owed all the same (A089, A132)."""


class Life(RuleBasedStateMachine):
    """One complaint, its timeline, the same one with every private part erased, and the present."""

    @initialize(
        day=st.sampled_from(("2026-02-09", "2026-02-12", "2026-12-29")),  # before 春节, before a year nobody knows
        kind=st.sampled_from((Kind.COMPLAINT, Kind.COMPLAINT, *Kind)),
        level=st.sampled_from(Level),
        steps=st.integers(0, len(stories._WAY) - 1),
    )
    def registered(self, day: str, kind: Kind, level: Level, steps: int) -> None:
        """Begin anywhere on the straight way: the side ways are long enough from there."""
        story = stories.complaint(f"{day} 22:30", kind=kind)
        way = list(stories._WAY)
        state = way[min(steps, len(way) if kind is Kind.COMPLAINT else way.index(State.REPLIED))]
        story.goes_to(state, level=level, kind=kind, improvement=improvement(story.now, "it"))
        self.now, self.tries = story.now, 0
        self.complaint = story.complaint
        self.events = list(story.events)
        erased = lifecycle.fold("c1", [replace(event, private={}) for event in self.events])
        assert erased is not None
        self.erased = erased

    @rule(seed=CHANCE)
    def it_is_moved_on(self, seed: int) -> None:
        for _ in range(6):
            case = self.complaint.case
            helps = [*HELPS, *([] if case.plan_saved else [commands.SavePlan])]
            helps += [] if len(case.evidence) > case.rounds else [commands.AddEvidence]
            helps += [commands.NameContingencyPlan] if grading.owes_contingency(self.complaint) else []
            rows = [row for row in self._possible() if row.target or row.command in helps]
            if rows := [row for row in rows if row.target not in DROPPED and row.command not in ROUND_ABOUT]:
                self._by_somebody_who_may(rows, self._chance(seed))

    @rule(seed=CHANCE)
    def something_else_is_done_about_it(self, seed: int) -> None:
        self._by_somebody_who_may(self._possible(), self._chance(seed))

    @rule(seed=CHANCE)
    def anybody_tries_anything(self, seed: int) -> None:
        chance = self._chance(seed)
        self._try(chance.choice(KINDS), chance.choice(PEOPLE), chance)

    @rule(hours=st.sampled_from((-5, 0, 1, 3, 9, 25, 49, 24 * 8, 24 * 31)))
    def time_passes_and_alarms_sound(self, hours: int) -> None:
        """As timers.py does it: none of it may be refused."""
        self.now += timedelta(hours=hours)
        for name, sounded in due_alarms(self.complaint, self.now, CALENDAR).items():
            before = self.complaint.clocks[name].sounded
            self._give(commands.SoundAlarm(clock=name, sounded=sounded), SYSTEM)
            if any(alarm.closes for alarm in CHAINS[name][before:sounded]):
                self._give(commands.CloseUnanswered(), SYSTEM)
        assert due_alarms(self.complaint, self.now, CALENDAR) == {}
        ahead = next_alarm_at(self.complaint.clocks, CALENDAR)
        assert ahead is None or ahead > self.now

    # -- steps

    def _chance(self, seed: int) -> Random:
        self.tries += 1
        return Random(f"{seed} {self.tries}")

    def _possible(self) -> list[transitions.Transition]:
        return [row for row in transitions.TABLE if self.complaint.state in row.sources]

    def _by_somebody_who_may(self, rows: list[transitions.Transition], chance: Random) -> None:
        row = chance.choice(rows)
        able = [one for one in PEOPLE if one.roles & row.roles]
        able += [one for one in able if one.id == self.complaint.case.handler] * 4
        self._try(row.command, chance.choice(able), chance)

    def _try(self, kind: type[Any], actor: Actor, chance: Random) -> None:
        command = said(kind, self.complaint, self.now, chance)
        row, before = transitions.OF[kind], snapshot(self.complaint)
        try:
            self._give(command, actor)
        except Conflict:
            assert self.complaint.state not in row.sources
        except Forbidden:
            assert self.complaint.state in row.sources
            assert not actor.roles & row.roles
        except Invalid:
            assert self.complaint.state in row.sources
            assert actor.roles & row.roles
        else:
            return
        assert snapshot(self.complaint) == before

    def _give(self, command: Command, actor: Actor) -> None:
        situation = Situation(actor=actor, now=self.now, policy=POLICY, calendar=CALENDAR, approval_over=Decimal(50000))
        event = read_back(lifecycle.decide(self.complaint, command, situation))
        before, self.complaint = self.complaint, lifecycle.evolve(self.complaint, "c1", event)
        self.erased = lifecycle.evolve(self.erased, "c1", replace(event, private={}))
        self.events.append(event)
        assert SECRET not in orjson.dumps(event.public).decode()
        moves_by_the_table(before, self.complaint, transitions.OF[type(command)])
        sounds_once(before.clocks, self.complaint.clocks)
        nobody_decides_what_is_theirs(before, self.complaint, actor)
        for telling in reactions.tellings(before, self.complaint, event):
            tells_only_what_is_theirs(telling)

    # -- what holds

    def holds(self) -> None:
        self.no_promise_is_later_than_the_law()
        self.clocks_stand_still_only_while_others_look_at_it()
        self.nobody_who_wrote_is_closed_as_silent_and_no_case_waits_for_nothing()
        self.no_case_ends_without_its_outcome()
        self.approvals_are_other_peoples()
        self.what_was_erased_changes_neither_state_nor_clock()

    @invariant()
    def no_promise_is_later_than_the_law(self) -> None:
        """A.13 rules 1 and 3: nor is any other clock that answers to it."""
        legal = self.complaint.clocks.get(ClockName.LEGAL)
        if is_open(legal):
            assert self.complaint.legal_at in (legal.due_at, None)
            assert self.complaint.promised_at <= legal.due_at
            late = [n for n in PAUSABLE if is_open(c := self.complaint.clocks.get(n)) and c.due_at > legal.due_at]
            assert late == []

    @invariant()
    def clocks_stand_still_only_while_others_look_at_it(self) -> None:
        standing = {name for name, clock in self.complaint.clocks.items() if is_open(clock) and clock.paused_at}
        if self.complaint.state in (State.APPRAISAL, State.MEDIATION):
            running = {name for name in PAUSABLE if (c := self.complaint.clocks.get(name)) and c.runs}
            assert (running, standing - {*PAUSABLE, ClockName.CONFIRM}) == (set(), set())
        else:
            assert standing <= ({ClockName.CONFIRM} if is_open(self.complaint.clocks.get(ClockName.READ)) else set())

    @invariant()
    def nobody_who_wrote_is_closed_as_silent_and_no_case_waits_for_nothing(self) -> None:
        """T27, S0-8(5)."""
        answering, unread = (self.complaint.clocks.get(name) for name in (ClockName.CONFIRM, ClockName.READ))
        if is_open(unread):
            assert answering is None or not answering.runs
        elif self.complaint.state is State.REPLIED and self.complaint.case.told_at is not None:
            assert answering is not None
            assert answering.runs

    @invariant()
    def no_case_ends_without_its_outcome(self) -> None:
        """A112."""
        case, state = self.complaint.case, self.complaint.state
        if state is State.CLOSED or (state is State.ARCHIVED and case.result is not Result.WITHDRAWN):
            assert case.replied_at is not None
            assert not is_open(self.complaint.clocks.get(ClockName.LEGAL))
        if state in transitions.ENDED - {State.CLOSED}:
            open_still = {name for name, clock in self.complaint.clocks.items() if is_open(clock)}
            assert open_still <= (set() if state is State.ARCHIVED else OWED_AFTERWARDS)

    @invariant()
    def approvals_are_other_peoples(self) -> None:
        """A059."""
        signed = [staff for _, staff in self.complaint.case.approvals]
        assert len(set(signed)) == len(signed)
        assert self.complaint.case.handler not in signed

    @invariant()
    def what_was_erased_changes_neither_state_nor_clock(self) -> None:
        assert self.erased.state is self.complaint.state
        assert self.erased.clocks == self.complaint.clocks
        sealed = {"conclusion": None, "root_cause": "", "report": False}
        assert replace(self.erased.case, **sealed) == replace(self.complaint.case, **sealed)

    def teardown(self) -> None:
        if hasattr(self, "events"):  # else not even the start came about
            assert lifecycle.fold("c1", self.events) == replace(self.complaint, version=len(self.events))


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=50, stateful_step_count=30, deadline=None)


def moves_by_the_table(before: Complaint, after: Complaint, row: transitions.Transition) -> None:
    """A107: only along a row, and only where it leads."""
    assert before.state in row.sources
    if isinstance(row.target, State):
        assert after.state is row.target
    elif row.target is None:
        assert after.state is before.state
    else:
        assert after.state in (before.state, *transitions.MAY_LEAD_TO[row.target])


def sounds_once(before: Mapping[ClockName, Clock], after: Mapping[ClockName, Clock]) -> None:
    """What has sounded has sounded, unless the clock was moved."""
    assert before.keys() <= after.keys()
    for name, old in before.items():
        new = after[name]
        assert new.sounded >= old.sounded or (new.started_at, new.due_at) != (old.started_at, old.due_at)


def nobody_decides_what_is_theirs(before: Complaint, after: Complaint, actor: Actor) -> None:
    """law 17, A053, A059: not who it is about, not who handles it."""
    if after.case.approvals[len(before.case.approvals) :]:
        assert actor.id != after.case.handler
        assert actor.id not in after.case.staff_involved
    if before.case.red_alert and not after.case.red_alert:
        assert Role.MGR in actor.roles
        assert actor.id != before.case.handler
    if after.case.handler != before.case.handler and after.kind is not Kind.SUGGESTION:
        assert after.case.handler not in after.case.staff_involved


def tells_only_what_is_theirs(telling: Telling) -> None:
    """E.2 rule 1, C13: the customer hears nothing of the grading, the staff nothing of the customer or the sum."""
    said = orjson.dumps(dict(telling.details)).decode()
    if telling.to == reactions.CUSTOMER:
        assert not telling.details.keys() & {"level", "flags", "unit", "owner", "state", "lead"}
    else:
        assert telling.to in (*Role, *NAMED) or telling.to.startswith(
            (reactions.ASSIST, reactions.HEAD, reactions.PERSON)
        )
        assert "李四" not in said
        assert "60000" not in said


def read_back(event: Event) -> Event:
    """Return the event as it is read from where it is kept."""
    public, private = (orjson.loads(orjson.dumps(part)) for part in (event.public, event.private))
    assert (public, private) == (event.public, event.private)
    return Event(kind=event.kind, public=public, private=private)


def snapshot(complaint: Complaint) -> bytes:
    """Return what of a complaint could be changed in its place: all else of it is frozen."""
    return orjson.dumps([clocks.to_json(complaint.clocks), dict(complaint.case.scores)])


def said(kind: type[Any], complaint: Complaint, now: datetime, chance: Random) -> Command:
    """Return a command with something in each field, most of it sensible."""
    given: dict[str, Any] = {}
    for name, hint in _fields(kind).items():
        choices = BY_NAME.get((kind, name)) or BY_NAME.get((Any, name)) or _of_type(hint)
        given[name] = chance.choice(choices(complaint, now) if callable(choices) else choices)
    command: Command = kind(**given)
    return command


@cache
def _fields(kind: type[Any]) -> Mapping[str, Any]:
    hints = get_type_hints(kind)
    left_out = ("redacted", "verified", "left", "said_at")
    return {field.name: hints[field.name] for field in fields(kind) if field.name not in left_out}


@cache
def _of_type(hint: Any) -> Choices:
    if hint is bool:
        return (True, True, True, False)
    if hint is str:
        return TEXTS
    if get_origin(hint) is tuple:
        return ((TEXTS[0],), TEXTS)
    if get_origin(hint) is UnionType:
        return (None, *next(one for one in get_args(hint) if one is not NoneType))
    if get_origin(hint) is frozenset:
        flags = list(get_args(hint)[0])
        return (frozenset(), *(frozenset({flag}) for flag in flags), frozenset(flags[:4]))
    return tuple(hint)  # an enum


def on_file(complaint: Complaint, now: datetime) -> list[str]:
    return [*(piece.id for piece in complaint.case.evidence), "e0"]


def days(complaint: Complaint, now: datetime) -> list[date]:
    return [CALENDAR.local_day(now) + timedelta(days=more) for more in (-1, 1, 2, 4, 8, 16, 32)]


def lately(complaint: Complaint, now: datetime) -> list[datetime]:
    return [now, now, now - timedelta(hours=1), now + timedelta(hours=1)]


def soon(complaint: Complaint, now: datetime) -> list[datetime]:
    return [now + timedelta(hours=hours) for hours in (2, 5, 5, 30, -1)]


_STAFF, _C, _CONCLUDE = sorted(STAFF), commands, commands.Conclude
BY_NAME: Mapping[tuple[Any, str], Choices] = {
    (Any, "kind"): lambda complaint, now: [complaint.kind] * 3 + list(Kind),
    (Any, "level"): (Level.GENERAL, Level.GENERAL, *Level),
    (Any, "to"): _STAFF,
    (Any, "agreed_by"): _STAFF,
    (Any, "owner"): _STAFF,
    (Any, "scope"): (None, None, *Scope),
    (Any, "lead"): ("boss", "boss", "hnd", ""),
    (Any, "approver"): ("uh",),
    (Any, "handler"): ("hnd", "h2", "h3", "mgr2"),
    (Any, "staff_involved"): ((), (), ("h2",), ("uh",)),
    (Any, "unit"): lambda complaint, now: sorted(complaint.case.assist_units) or ["cards", "it"],
    (Any, "units"): (("it",), ("it", "risk"), ()),
    (Any, "branch"): ("朝阳支行", ""),
    (Any, "into"): ("TS-1",),
    (Any, "merged"): ("TS-2",),
    (Any, "quoted_id"): ("c2",),
    (Any, "number"): ("TS-3",),
    (Any, "message_id"): ("m2",),
    (Any, "notice"): ("n1",),
    (Any, "delivery"): ("",),
    (Any, "reference"): ("金监函1号",),
    (Any, "until"): days,
    (Any, "due"): days,
    (Any, "live_on"): days,
    (Any, "decided_at"): lambda complaint, now: [complaint.case.replied_at or now],
    (Any, "next_contact_at"): soon,
    (Any, "meeting_at"): soon,
    (Any, "confirmed_at"): lately,
    (Any, "executed_at"): lately,
    (Any, "received_at"): lately,
    (Any, "id"): tuple(f"e{number}" for number in range(1, 8)),
    (Any, "sha256"): ("0" * 64,),
    (_CONCLUDE, "evidence"): lambda complaint, now: [tuple(on_file(complaint, now)[:1])],
    (_CONCLUDE, "result"): (Result.UPHELD, Result.SETTLED, Result.REJECTED_WITH_BASIS, Result.WITHDRAWN),
    (_CONCLUDE, "finding_type"): (FindingType.CUSTOMER_MISUNDERSTANDING, *FindingType),
    (_CONCLUDE, "basis"): (TEXTS, ()),
    (_CONCLUDE, "reason"): (*TEXTS, ""),
    (_C.Grade, "reason"): (*TEXTS, ""),
    (_C.Archive, "root_cause"): (*TEXTS, ""),
    (_C.Archive, "case_report"): (*TEXTS, ""),
    (_C.RecordCallback, "remarks"): (*TEXTS, ""),
    (_C.ProveExecution, "evidence"): on_file,
    (Any, "clock"): tuple(ClockName),
    (Any, "sounded"): (1, 2, 3, 4),
    (Any, "scores"): ({}, {"overall": 5}, {"quality": 1, "process": 4}, {"price": 3}, {"overall": 6}),
    (Any, "solved"): (True, False, None),
    (Any, "improvement"): lambda complaint, now: [improvement(now, owner) for owner in ("it", "it", "it", " ")],
    (Any, "compensation"): lambda complaint, now: [None, *(money(now, one) for one in ("88.00", "60000", "x"))],
}
"""What fields hold that mean something beyond their type: people, units, evidence, dates, money."""


def improvement(now: datetime, owner: str) -> Improvement:
    due = CALENDAR.local_day(now) + timedelta(days=7)
    return Improvement(measure=f"{SECRET}改", owner=owner, due=due, verification=f"{SECRET}看")


def money(now: datetime, amount: str) -> Compensation:
    arrival = CALENDAR.local_day(now) + timedelta(days=3)
    return Compensation(amount=amount, currency="CNY", arrival=arrival, account_tail="1234")


@pytest.mark.parametrize("seed", range(20))
def test_a_long_life_holds_as_well(seed: int) -> None:
    """A107: the same walk, long enough for second rounds, reviews and reopened cases; each step is one of the table."""
    chance = Random(seed)
    kind, level = chance.choice((Kind.COMPLAINT, *Kind)), chance.choice(list(Level))
    life = Life()
    life.registered("2026-02-09", kind, level, chance.randrange(9))
    for _ in range(60):
        life.it_is_moved_on(chance.randrange(2**32))
        life.something_else_is_done_about_it(chance.randrange(2**32))
        life.anybody_tries_anything(chance.randrange(2**32))
        life.time_passes_and_alarms_sound(chance.choice((-5, 0, 1, 3, 9, 25, 49, 24 * 8)))
        life.holds()
    life.teardown()
