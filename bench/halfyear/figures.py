"""What a run is counted by: what happened, which alarms sounded, which clocks ended in time, how many were open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from bench.halfyear.plan import ZONE
from gateway.model import ClockName, Complaint, Entry, EventKind, State
from gateway.rules import clocks
from gateway.rules.transitions import ANSWERED, ENDED


@dataclass(slots=True)
class Figures:
    """`in_time`: of each clock that ended, whether it did before it ran out. `open`: a day each, of two groups."""

    events: Counter[EventKind] = field(default_factory=Counter)
    alarms: Counter[tuple[ClockName, int]] = field(default_factory=Counter)
    in_time: Counter[tuple[ClockName, bool]] = field(default_factory=Counter)
    arrived: Counter[str] = field(default_factory=Counter)  # by local date
    answered: Counter[str] = field(default_factory=Counter)
    open: list[tuple[int, int]] = field(default_factory=list)  # worked on, waiting for the customer's word

    def follow(self, before: Complaint | None, after: Complaint, entry: Entry) -> None:
        """Count one entry of a timeline."""
        kind, day = entry.event.kind, entry.at.astimezone(ZONE).date().isoformat()
        self.events[kind] += 1
        if before is None:
            self.arrived[day] += 1
            return
        if kind is EventKind.ALARM_SOUNDED:
            name = ClockName(str(entry.event.public["clock"]))
            for number in range(before.clocks[name].sounded, after.clocks[name].sounded):
                self.alarms[name, number] += 1
        if before.case.replied_at is None and after.case.replied_at is not None:
            self.answered[day] += 1
        for name, clock in after.clocks.items():
            old = before.clocks.get(name)
            told = name is ClockName.DAILY and old is not None and clock.due_at != old.due_at  # and begins again
            if clocks.is_open(old) and (told or clock.stopped_at is not None):
                self.in_time[name, entry.at <= old.due_at] += 1

    def end_day(self, states: Iterable[State]) -> None:
        """Count what is open at the end of a day."""
        counted = Counter(states)
        waiting = sum(counted[state] for state in ANSWERED)
        self.open.append((counted.total() - waiting - sum(counted[state] for state in ENDED), waiting))
