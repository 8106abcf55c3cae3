"""When a limit is near or missed, and who is told: the breach chains of C.3 as ONE table. Pure.

An alarm is due at a share of the clock's time, so many days before its end, or at an hour of its last day. Each sounds
once: the clock counts them (`sounded`), so a restart or a clock set back repeats none. A warning that would come before
its clock started is left out: whoever set so short a limit knows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from gateway.model import Clock, ClockName, Complaint, NoticeKind, Role
from gateway.rules.worktime import Calendar


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One alarm: exactly one of `share`, `days_before`, `workdays_before` and `hour` says when."""

    to: tuple[Role, ...]
    notice: NoticeKind = NoticeKind.DEADLINE
    share: float | None = None  # of the time from start to end; 1.0 is the end, more is after it
    days_before: int | None = None
    workdays_before: int | None = None
    hour: time | None = None  # local, on the day the clock ends
    if_silent: bool = False  # only when the customer was not told anything since the clock started (A104)
    closes: bool = False  # the case ends with it (T27)

    def at(self, clock: Clock, calendar: Calendar) -> datetime:
        """Return when it is due."""
        day = calendar.local_day(clock.due_at)
        if self.hour is not None:
            return min(calendar.moment(day, self.hour), clock.due_at)
        if self.days_before is not None:
            return clock.due_at - timedelta(days=self.days_before)
        if self.workdays_before is not None:
            return clock.due_at - (day - _workdays_back(day, self.workdays_before, calendar))
        return clock.started_at + (clock.due_at - clock.started_at) * (1.0 if self.share is None else self.share)

    def sounds(self, clock: Clock, calendar: Calendar) -> bool:
        """Say whether this clock has this alarm at all."""
        at = self.at(clock, calendar)
        return at > clock.started_at or at >= clock.due_at


R, N = Role, NoticeKind
REMINDED = 0.6  # of the time to answer an outcome
STILL_REACHED = 5 / 6  # 40 of the 48 hours in which a chat may be written to
LONGEST_CLOSURE = 30  # days back in which a working day is looked for
_URGED = (  # A077: 50 %, 80 %, 100 % of the period
    Alarm(share=0.5, to=(R.HND,)),
    Alarm(share=0.8, to=(R.HND, R.UH)),
    Alarm(share=1.0, to=(R.HND, R.UH, R.MGR)),
)

CHAINS: Mapping[ClockName, tuple[Alarm, ...]] = {
    ClockName.REGISTER: (Alarm(share=1.0, to=(R.MGR,)),),
    ClockName.TRIAGE: (Alarm(share=1.0, to=(R.MGR,)),),
    ClockName.ACCEPT: (  # of 30 minutes: 20, 30, 45, 60 (A055)
        Alarm(share=2 / 3, to=(R.HND,), notice=N.NOT_ACCEPTED),
        Alarm(share=1.0, to=(R.HND, R.REP), notice=N.NOT_ACCEPTED),
        Alarm(share=1.5, to=(R.UH,), notice=N.NOT_ACCEPTED),
        Alarm(share=2.0, to=(R.MGR,), notice=N.NOT_ACCEPTED),
    ),
    ClockName.FIRST_CONTACT: (Alarm(share=1.0, to=(R.UH,)),),
    ClockName.PRELIM_PLAN: (Alarm(share=0.8, to=(R.HND, R.UH)), Alarm(share=1.0, to=(R.EXE, R.CP))),
    ClockName.RESOLVE: _URGED,
    ClockName.INQUIRY: _URGED,
    ClockName.PROMISED: (Alarm(workdays_before=1, to=(R.HND,), if_silent=True), Alarm(share=1.0, to=(R.MGR, R.UH))),
    ClockName.LEGAL: (
        Alarm(days_before=5, to=(R.CP,)),
        Alarm(days_before=3, to=(R.CP,)),
        Alarm(days_before=1, to=(R.CP,)),
        Alarm(share=1.0, to=(R.CP, R.EXE)),
    ),
    ClockName.DAILY: (Alarm(hour=time(16), to=(R.MGR, R.HND)), Alarm(share=1.0, to=(R.MGR, R.CP))),
    ClockName.NEXT_CONTACT: (Alarm(share=0.8, to=(R.HND,)), Alarm(share=1.0, to=(R.HND, R.UH))),
    ClockName.ASSIST: (Alarm(share=1.0, to=(R.UH,)),),
    ClockName.MEETING: (Alarm(share=1.0, to=(R.UH,)),),
    ClockName.CONFIRM: (
        Alarm(share=REMINDED, to=(R.CUS,), notice=N.SURVEY),  # the one reminder (T27)
        Alarm(share=1.0, to=(), closes=True),
    ),
    ClockName.EXECUTION: (Alarm(days_before=1, to=(R.FIN,)), Alarm(share=1.0, to=(R.FIN, R.UH))),
    ClockName.CALLBACK: (
        Alarm(share=1 / 3, to=(R.CUS,), notice=N.CALLBACK_SCRIPT),  # 1 to 3 working days after: a person calls (A115)
        Alarm(share=1.0, to=(R.CB,)),
    ),
    ClockName.FEEDBACK: (Alarm(share=1.0, to=(R.CB,)),),
    ClockName.REFERRAL: (
        Alarm(days_before=5, to=(R.RL,)),
        Alarm(days_before=3, to=(R.RL,)),
        Alarm(days_before=1, to=(R.RL, R.CP)),
        Alarm(share=1.0, to=(R.RL, R.CP)),
    ),
    ClockName.REVIEW: (Alarm(days_before=5, to=(R.CP,)), Alarm(share=1.0, to=(R.CP,))),
    ClockName.DISPUTE: (Alarm(share=0.5, to=(R.MGR,)), Alarm(share=1.0, to=(R.MGR,))),
    ClockName.APPROVAL: (Alarm(share=0.5, to=(R.UH,)), Alarm(share=1.0, to=(R.UH, R.MGR))),
    ClockName.ACT: (Alarm(share=1.0, to=(R.HND, R.UH)),),
    ClockName.EVIDENCE: (Alarm(share=0.8, to=(R.HND,)), Alarm(share=1.0, to=(R.HND, R.UH))),
    ClockName.OUTCOME: (Alarm(share=0.8, to=(R.HND,)), Alarm(share=1.0, to=(R.UH, R.MGR))),
    ClockName.REMEDY: (Alarm(days_before=1, to=(R.FIN,)), Alarm(share=1.0, to=(R.FIN, R.UH))),
    ClockName.SURVEY: (Alarm(share=1.0, to=(R.CB,)),),
    ClockName.FOLLOW_UP_ANSWER: (Alarm(share=1.0, to=(R.CB,)),),
    ClockName.FINAL_FOLLOW_UP: (Alarm(days_before=1, to=(R.CB,)), Alarm(share=1.0, to=(R.CB,))),
    ClockName.REACH: (
        Alarm(share=STILL_REACHED, to=(R.CUS,), notice=N.STAY_IN_TOUCH),
        Alarm(share=1.0, to=(R.HND,)),
    ),
    ClockName.READ: (Alarm(share=0.5, to=(R.HND,)), Alarm(share=1.0, to=(R.HND, R.MGR))),
}


def due_alarms(complaint: Complaint, now: datetime, calendar: Calendar) -> dict[ClockName, int]:
    """Return for each running clock with alarms that are due and have not sounded, how many will have sounded."""
    due: dict[ClockName, int] = {}
    for name, clock in complaint.clocks.items():
        if not clock.runs:
            continue
        for number, alarm in enumerate(CHAINS[name][clock.sounded :], start=clock.sounded + 1):
            if alarm.closes and number != clock.sounded + 1:
                break  # nobody's case is closed in the minute that reminds them, however late both are
            if alarm.sounds(clock, calendar) and alarm.at(clock, calendar) <= now:
                due[name] = number
    return due


def next_alarm_at(clocks: Mapping[ClockName, Clock], calendar: Calendar) -> datetime | None:
    """Return when the next alarm of these clocks is due; None when none will sound."""
    moments = [
        alarm.at(clock, calendar)
        for name, clock in clocks.items()
        if clock.runs
        for alarm in CHAINS[name][clock.sounded :]
        if alarm.sounds(clock, calendar)
    ]
    return min(moments, default=None)


def sounding(name: ClockName, before: int, after: int) -> tuple[Alarm, ...]:
    """Return the alarms that sound when the count goes from `before` to `after`."""
    return CHAINS[name][before:after]


def _workdays_back(day: date, count: int, calendar: Calendar) -> date:
    back = day
    while count and (day - back).days < LONGEST_CLOSURE:
        back -= timedelta(days=1)
        count -= calendar.is_workday(back)
    return back
