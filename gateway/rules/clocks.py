"""What each step does to the clocks of a case: which start, stop, pause, move (A.13 rules 1 to 8, C.2, C.3). Pure.

Which profile sets a term is policy.py's business, when an alarm sounds alarms.py's. A patch names only the clocks that
change. No promised date is ever later than the legal one: `_capped` is the last word on each.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import TypeGuard

from gateway.errors import Invalid
from gateway.model import Clock, ClockName, Complaint, Conclusion, Flag, Kind, Level
from gateway.rules.policy import Deadline, Deadlines, Limit, Policy, opening_deadlines
from gateway.rules.profiles import ANY, Extension
from gateway.rules.worktime import END_OF_DAY, ONE_DAY, Calendar, Term, Unit, due

Clocks = dict[ClockName, Clock]

OURS = "huiyin"
"""The profile named by clocks whose end a person or the outside says: a plan's date, a regulator's letter."""
ANSWERS = (ClockName.RESOLVE, ClockName.INQUIRY)
PAUSABLE = (ClockName.LEGAL, *ANSWERS, ClockName.PROMISED)
"""What stands still during an appraisal or a mediation, and never ends after the law's limit."""
_DATED = (ClockName.FIRST_CONTACT, *ANSWERS, ClockName.PROMISED)
UNREACHABLE = 3  # days on which calls failed: proof that nobody could be reached (law 21)


def opening(deadlines: Iterable[Deadline], registered_at: datetime) -> Clocks:
    """Return the clocks a case opens with; that of the registration has ended."""
    clocks = {ClockName(d.clock): _of_deadline(d, registered_at) for d in deadlines}
    # Nobody is late with these before the step that starts them.
    running = {name: clocks[name] for name in clocks.keys() - {ClockName.ACCEPT, ClockName.PRELIM_PLAN}}
    return running | stopped(clocks, registered_at, ClockName.REGISTER)


def reach(said_at: datetime, lasts: timedelta, calendar: Calendar) -> Clocks:
    """Return the clock of a customer who can only be told in a chat: it ends when the provider takes no more for them.

    Counted from their last words; S0-9(1): who cannot be told any more needs a person to find another way.
    """
    return {ClockName.REACH: _own(said_at + lasts, said_at, "S0-9(1)", calendar)}


def is_open(clock: Clock | None) -> TypeGuard[Clock]:
    """Say whether there is such a clock and it has not stopped: it runs, or it is paused."""
    return clock is not None and clock.stopped_at is None


def stopped(clocks: Mapping[ClockName, Clock], at: datetime, *names: ClockName) -> Clocks:
    """Return those of these clocks that run or pause, as stopped."""
    return {name: replace(clocks[name], stopped_at=at) for name in names if is_open(clocks.get(name))}


def all_stopped(complaint: Complaint, at: datetime, *, but: Iterable[ClockName] = ()) -> Clocks:
    """Return every open clock as stopped (T3, T29)."""
    return stopped(complaint.clocks, at, *(name for name in complaint.clocks if name not in set(but)))


def paused(complaint: Complaint, at: datetime) -> Clocks:
    """Return the clocks that stand still during an appraisal or a mediation (law 18, 23).

    So does the customer's time to answer an outcome: who is at a mediator's table has not fallen silent.
    """
    running = {name: clock for name, clock in complaint.clocks.items() if clock.runs}
    return {name: replace(running[name], paused_at=at) for name in (*PAUSABLE, ClockName.CONFIRM) if name in running}


def failed_calls(complaint: Complaint, day: date) -> int:
    """Return on how many different days nobody was reached, this day included."""
    case = complaint.case
    return case.calls if case.called_on == day else case.calls + 1


def execution_day(conclusion: Conclusion) -> date:
    """Return by when all that was promised is done: the improvement, and the money on its account."""
    paid = conclusion.compensation
    return max(conclusion.improvement.due, paid.arrival) if paid else conclusion.improvement.due


class Dating:
    """Counts the limits of a case by a policy and a calendar."""

    def __init__(self, policy: Policy, calendar: Calendar) -> None:
        self.policy = policy
        self.calendar = calendar

    def started(self, name: ClockName, timer: str, complaint: Complaint, at: datetime) -> Clocks:
        """Return the clock counted from now by its timer; nothing where no profile sets one."""
        limits = self.policy.limits(timer, (complaint.level, ANY))
        return {name: self._clock(limits, at)} if limits else {}

    def outcome(self, complaint: Complaint, at: datetime) -> Clocks:
        """Return the clock of an approved outcome's notice: never later than the law's (A079, C7)."""
        patch = self.started(ClockName.OUTCOME, "outcome_notice_within_after_done", complaint, at)
        legal = complaint.clocks.get(ClockName.LEGAL)
        if not is_open(legal):
            return patch
        return {name: replace(clock, due_at=min(clock.due_at, max(legal.due_at, at))) for name, clock in patch.items()}

    def until(self, name: ClockName, day: date, at: datetime, clause: str) -> Clocks:
        """Return a clock that ends with a day somebody named."""
        return self.until_moment(name, max(self.calendar.moment(day, END_OF_DAY), at), at, clause)

    def until_moment(self, name: ClockName, ends: datetime, at: datetime, clause: str) -> Clocks:
        """Return a clock that ends when somebody said it would."""
        return {name: _own(ends, at, clause, self.calendar)}

    def callback(self, at: datetime) -> Clocks:
        """Return the callback's clock: it ends with the window (A115, C6)."""
        for profile in (self.policy.target, *self.policy.fills):
            if window := profile.windows.get("callback_window"):
                limit = Limit(profile=profile, clause=window.clause, term=window.closes)
                return {ClockName.CALLBACK: self._clock([limit], at)}
        return {}

    def callback_opens(self, at: datetime) -> datetime:
        """Return when the callback's window opens."""
        for profile in (self.policy.target, *self.policy.fills):
            if window := profile.windows.get("callback_window"):
                local = self.calendar.local_day(due(at, window.opens, self.calendar).at)
                return self.calendar.moment(local, END_OF_DAY.min)
        return at

    def graded(self, complaint: Complaint, kind: Kind, level: Level, flags: frozenset[Flag], at: datetime) -> Clocks:
        """Return the clocks of a confirmed grading (A.13 rule 8): a date told is kept or brought forward, never later.

        Counted from the receipt. A date of the new level that has passed already is counted from now instead: it
        could not be kept any more, and the customer is told one that can (rule 3).
        """
        graded = replace(complaint, kind=kind, level=level, needs_review=False)
        opened = self._opened(graded, flags, complaint.received_at, complaint.registered_at)
        late = self._opened(graded, flags, at, at)
        patch = stopped(complaint.clocks, at, ClockName.TRIAGE)
        for name in _DATED:
            new = opened.get(name)
            if new is not None and new.due_at <= at:
                new = late[name]
            patch |= self._earlier(complaint, name, new, at, kept=kind is complaint.kind)
        patch |= stopped(complaint.clocks, at, *({*ANSWERS, ClockName.LEGAL} - opened.keys()))
        if kind is not Kind.COMPLAINT:
            patch |= stopped(complaint.clocks, at, ClockName.FIRST_CONTACT)
        if ClockName.LEGAL in opened and ClockName.LEGAL not in complaint.clocks:
            patch[ClockName.LEGAL] = opened[ClockName.LEGAL]
        return self._capped(complaint, patch | self._major(graded, at))

    def rekinded(self, complaint: Complaint, kind: Kind, level: Level, flags: frozenset[Flag], at: datetime) -> Clocks:
        """Return the clocks of a case that was taken for another kind: the law counts from the receipt all the same."""
        graded = replace(complaint, kind=kind, level=level, needs_review=False)
        opened = self._opened(graded, flags, complaint.received_at, complaint.registered_at)
        ended = [name for name in (*ANSWERS, ClockName.LEGAL) if not is_open(complaint.clocks.get(name))]
        again = {name: _still(complaint, name, opened[name], at) for name in ended if name in opened}
        patch = self.graded(complaint, kind, level, flags, at) | again
        if kind is not Kind.COMPLAINT:
            patch |= stopped(complaint.clocks, at, ClockName.ACT)
        if kind is not Kind.COMPLAINT or level is not Level.MAJOR:
            patch |= stopped(complaint.clocks, at, ClockName.PRELIM_PLAN, ClockName.DAILY)
        return self._capped(complaint, patch)

    def regraded(self, complaint: Complaint, level: Level, flags: frozenset[Flag], at: datetime) -> Clocks:
        """Return the clocks after a change of level (A.13 rules 3 and 4): min(old, now + new period)."""
        regraded = replace(complaint, level=level)
        new = self._opened(regraded, flags, at, at)
        patch: Clocks = {}
        for name in _DATED:
            patch |= self._earlier(complaint, name, new.get(name), at, kept=True)
        if level is not Level.MAJOR:
            patch |= stopped(complaint.clocks, at, ClockName.PRELIM_PLAN, ClockName.DAILY)
        elif complaint.level is not Level.MAJOR and is_open(complaint.clocks.get(ClockName.PROMISED)):
            patch |= self._major(regraded, at)
        return self._capped(complaint, patch)

    def plan_told(self, complaint: Complaint, at: datetime) -> Clocks:
        """Return the clocks once a major case's plan is there: from now on the answer's own date is promised."""
        patch = stopped(complaint.clocks, at, ClockName.PRELIM_PLAN)
        if patch and (answer := complaint.clocks.get(ClockName.RESOLVE)):  # a second plan moves no date
            patch[ClockName.PROMISED] = replace(answer, started_at=at, sounded=0)
        return self._capped(complaint, patch)

    def daily(self, at: datetime) -> Clocks:
        """Return the clock of the next daily report: the end of tomorrow (A067)."""
        limits = self.policy.limits("progress_every", (Level.MAJOR,))
        return {ClockName.DAILY: self._clock(limits, at)} if limits else {}

    def extended(self, complaint: Complaint, until: date, at: datetime) -> tuple[Clocks, Extension | None]:
        """Return the moved clocks and the stage of the law they need, None when the legal date holds (law 18).

        Raises Invalid when the date is not later than the promise, or beyond every stage.
        """
        ends = self.calendar.moment(until, END_OF_DAY)
        legal = complaint.clocks.get(ClockName.LEGAL)
        if ends <= complaint.promised_at:
            raise Invalid("an extension needs a later date than the one promised", field="until", problem="not_later")
        self._check_own_limit(complaint, ends)
        patch: Clocks = {}
        stage: Extension | None = None
        if is_open(legal) and ends > legal.due_at:
            stage, law = self._stage(complaint, legal, ends)
            patch[ClockName.LEGAL] = law
        elif not is_open(legal):
            self._check_last_stage(complaint, ends)
        for name in (*ANSWERS, ClockName.PROMISED):
            # An internal date may lie beyond the promise of a first plan already: it never comes forward by this.
            if is_open(clock := complaint.clocks.get(name)) and clock.due_at < ends:
                clause = stage.clause if stage else clock.clause
                patch[name] = replace(clock, due_at=ends, clause=clause, provisional=False, sounded=0)
        return self._capped(complaint, patch), stage

    def unpaused(self, complaint: Complaint, at: datetime) -> Clocks:
        """Return them running again, moved as a whole by the whole days they stood still; part of a day is not given.

        Start and end move together, so that what has sounded has sounded and a share of the time stays that share.
        """
        patch: Clocks = {}
        for name, clock in complaint.clocks.items():
            if clock.paused_at is None or clock.stopped_at is not None:
                continue
            days = max((at - clock.paused_at).days, 0)
            start = self._counted_from(complaint, clock) if name is ClockName.LEGAL and days else clock.started_at
            patch[name] = replace(
                clock, started_at=start + ONE_DAY * days, due_at=self._days_later(clock.due_at, days), paused_at=None
            )
        return self._capped(complaint, patch)

    def restarted(self, complaint: Complaint, at: datetime) -> Clocks:
        """Return the clocks counted anew from new facts and reasons (law 18)."""
        new = self._opened(complaint, complaint.case.flags, at, at)
        names = (*ANSWERS, ClockName.PROMISED, ClockName.LEGAL)
        patch = {name: _still(complaint, name, new[name], at) for name in names if name in new}
        return self._capped(complaint, patch | self._daily_again(complaint, at))

    def rechecked(self, complaint: Complaint, at: datetime) -> Clocks:
        """Return the clocks of another round of checking (T21): a new promise.

        The law's clock has stopped by then: who does not accept an outcome has been told it (law 21).
        """
        limits = self.policy.limits("recheck_within", (complaint.level, ANY))
        clock = self._clock(limits or self.policy.limits("resolve_within", (complaint.level, ANY)), at)
        promised = {ClockName.RESOLVE: clock, ClockName.PROMISED: clock}
        return stopped(complaint.clocks, at, ClockName.LEGAL) | promised | self._daily_again(complaint, at)

    def recomputed(self, complaint: Complaint) -> Clocks:
        """Return the provisional clocks counted again over the calendar as it is now (D.9).

        A date stays or comes forward; one that the new calendar puts later stays (rule 4), but for the law's own.
        """
        new = self._opened(complaint, complaint.case.flags, complaint.received_at, complaint.registered_at)
        patch: Clocks = {}
        for name, clock in complaint.clocks.items():
            if not clock.provisional or clock.stopped_at is not None:
                continue
            counted = new.get(name)
            if counted is None or clock.started_at != complaint.registered_at:
                # It was counted from a later step, whose term nobody remembers: it keeps its date.
                patch[name] = replace(clock, calendar_version=self.calendar.version)
                continue
            ends = counted.due_at if name is ClockName.LEGAL else min(clock.due_at, counted.due_at)
            sounded = 0 if ends > clock.due_at else clock.sounded
            patch[name] = replace(counted, due_at=ends, paused_at=clock.paused_at, sounded=sounded)
        return self._capped(complaint, patch)

    # -- how

    def _opened(
        self, complaint: Complaint, flags: frozenset[Flag], counted_from: datetime, started_at: datetime
    ) -> Clocks:
        deadlines: Deadlines = opening_deadlines(
            self.policy,
            kind=complaint.kind,
            level=complaint.level,
            urgent=Flag.URGENT in flags,
            needs_review=complaint.needs_review,
            received_at=counted_from,
            calendar=self.calendar,
        )
        opened = {ClockName(d.clock): _of_deadline(d, started_at) for d in deadlines.clocks}
        if deadlines.promises_plan and complaint.case.plan_saved:
            opened[ClockName.PROMISED] = opened[ClockName.RESOLVE]  # the plan was told: now it is the answer
        return opened

    def _earlier(self, complaint: Complaint, name: ClockName, new: Clock | None, at: datetime, *, kept: bool) -> Clocks:
        old = complaint.clocks.get(name)
        if new is None or (old is not None and old.stopped_at is not None):
            return {}
        if old is not None and (kept or name is ClockName.PROMISED) and old.due_at <= new.due_at:
            return {}
        return {name: _still(complaint, name, new, at)}

    def _major(self, complaint: Complaint, at: datetime) -> Clocks:
        if complaint.level is not Level.MAJOR or complaint.kind is not Kind.COMPLAINT:
            return {}
        if complaint.case.plan_saved:
            return self.daily(at)
        return self.started(ClockName.PRELIM_PLAN, "prelim_plan_within", complaint, at) | self.daily(at)

    def _daily_again(self, complaint: Complaint, at: datetime) -> Clocks:
        owed = complaint.level is Level.MAJOR and complaint.kind is Kind.COMPLAINT and not complaint.needs_review
        return self.daily(at) if owed and not is_open(complaint.clocks.get(ClockName.DAILY)) else {}

    def _stage(self, complaint: Complaint, legal: Clock, ends: datetime) -> tuple[Extension, Clock]:
        law = self.policy.ceiling
        start = self._counted_from(complaint, legal)
        for stage in law.extensions:
            limit = due(start, stage.to_total, self.calendar, roll_forward=law.roll_forward)
            if ends <= limit.at:
                moved = replace(legal, due_at=limit.at, clause=stage.clause, provisional=limit.provisional, sounded=0)
                return stage, moved
        raise Invalid("the law does not permit a date that late", field="until", problem="beyond_law")

    def _check_last_stage(self, complaint: Complaint, ends: datetime) -> None:
        """Raise Invalid where no law's clock runs, and the date is later than the law's last stage would be (A068)."""
        promised = complaint.clocks.get(ClockName.PROMISED)
        start = self._counted_from(complaint, promised) if promised else complaint.received_at
        stages = [due(start, stage.to_total, self.calendar).at for stage in self.policy.ceiling.extensions]
        if stages and ends > max(stages):
            raise Invalid("the law does not permit a date that late", field="until", problem="beyond_law")

    def _check_own_limit(self, complaint: Complaint, ends: datetime) -> None:
        """Raise Invalid beyond the stages of the rule book that makes the promise, where it has any (A068, A070)."""
        promised, target = complaint.clocks.get(ClockName.PROMISED), self.policy.target
        start = self._counted_from(complaint, promised) if promised else complaint.received_at
        stages = [due(start, stage.to_total, self.calendar).at for stage in target.extensions]
        if stages and ends > max(stages):
            raise Invalid("the bank's own rule book permits no date that late", field="until", problem="beyond_rule")

    def _counted_from(self, complaint: Complaint, clock: Clock) -> datetime:
        """Return from when a clock's term is counted: the first ones from the receipt, later ones from their start."""
        return complaint.received_at if clock.started_at == complaint.registered_at else clock.started_at

    def _days_later(self, at: datetime, days: int) -> datetime:
        day = self.calendar.local_day(at)
        if at == self.calendar.moment(day, END_OF_DAY):  # stays the end of a day where the clocks are changed
            return self.calendar.moment(day + ONE_DAY * days, END_OF_DAY)
        return at + ONE_DAY * days

    def _capped(self, complaint: Complaint, patch: Clocks) -> Clocks:
        clocks = {**complaint.clocks, **patch}
        legal = clocks.get(ClockName.LEGAL)
        if not is_open(legal):
            return patch
        late = {n: clock for n in PAUSABLE if is_open(clock := clocks.get(n)) and clock.due_at > legal.due_at}
        return patch | {name: replace(clock, due_at=legal.due_at) for name, clock in late.items()}

    def _clock(self, limits: list[Limit], at: datetime) -> Clock:
        ends = [(limit, due(at, limit.term, self.calendar)) for limit in limits]
        limit, end = min(ends, key=lambda dated: dated[1].at)
        return Clock(
            due_at=end.at,
            started_at=at,
            profile=limit.profile.id,
            profile_version=limit.profile.version,
            clause=limit.clause,
            calendar_version=self.calendar.version,
            provisional=any(other.provisional for _, other in ends),
        )


def window_of_review(policy: Policy, replied_at: datetime, calendar: Calendar) -> datetime | None:
    """Return until when a review may be asked for (law 20), None where the ceiling has no such window."""
    limit = policy.ceiling.timers.get("review_request_window")
    return due(replied_at, limit.terms[ANY], calendar).at if limit and ANY in limit.terms else None


def review(policy: Policy, received_at: datetime, calendar: Calendar) -> Clocks:
    """Return the clock of a review's decision (law 20)."""
    limit = policy.ceiling.timers.get("review_decide_within")
    term = limit.terms[ANY] if limit and ANY in limit.terms else Term(count=30, unit=Unit.CALENDAR_DAY)
    clause = limit.clause if limit else "law 20"
    return {ClockName.REVIEW: _own(due(received_at, term, calendar).at, received_at, clause, calendar)}


def to_json(clocks: Mapping[ClockName, Clock]) -> dict[str, list[object]]:
    """Return clocks as JSON values: short, because every complaint carries them."""
    return {name.value: _row(clock) for name, clock in clocks.items()}


def from_json(values: Mapping[str, list[object]]) -> Clocks:
    """Read what `to_json` wrote."""
    return {ClockName(name): _clock_of(row) for name, row in values.items()}


def _row(clock: Clock) -> list[object]:
    return [
        _text(clock.due_at),
        _text(clock.started_at),
        clock.profile,
        clock.profile_version,
        clock.clause,
        clock.calendar_version,
        clock.provisional,
        _text(clock.paused_at),
        _text(clock.stopped_at),
        clock.sounded,
    ]


def _clock_of(row: list[object]) -> Clock:
    due_at, started_at, profile, version, clause, calendar, provisional, paused_at, stopped_at, sounded = row
    return Clock(
        due_at=datetime.fromisoformat(str(due_at)),
        started_at=datetime.fromisoformat(str(started_at)),
        profile=str(profile),
        profile_version=str(version),
        clause=str(clause),
        calendar_version=str(calendar),
        provisional=bool(provisional),
        paused_at=_moment(paused_at),
        stopped_at=_moment(stopped_at),
        sounded=int(str(sounded)),
    )


def _text(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _moment(text: object) -> datetime | None:
    return datetime.fromisoformat(str(text)) if text else None


def _still(complaint: Complaint, name: ClockName, new: Clock, at: datetime) -> Clock:
    """Return the new clock, standing still as long as the others do if an appraisal or a mediation goes on."""
    if not complaint.case.resume or name not in PAUSABLE:
        return new
    others = [clock for other in PAUSABLE if is_open(clock := complaint.clocks.get(other))]
    since = min([clock.paused_at for clock in others if clock.paused_at], default=at)
    return replace(new, paused_at=max(since, new.started_at))


def _of_deadline(deadline: Deadline, started_at: datetime) -> Clock:
    return Clock(
        due_at=deadline.due_at,
        started_at=started_at,
        profile=deadline.profile,
        profile_version=deadline.profile_version,
        clause=deadline.clause,
        calendar_version=deadline.calendar_version,
        provisional=deadline.provisional,
    )


def _own(ends: datetime, at: datetime, clause: str, calendar: Calendar) -> Clock:
    return Clock(
        due_at=ends,
        started_at=at,
        profile=OURS,
        profile_version="1",
        clause=clause,
        calendar_version=calendar.version,
    )
