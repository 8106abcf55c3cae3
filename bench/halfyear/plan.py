"""What a run is asked to do: how many complaints, between which days, and what goes wrong meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Shanghai")


def local(day: date, at: time = time()) -> datetime:
    """Return the moment at which clocks in Shanghai show this."""
    return datetime.combine(day, at, tzinfo=ZONE).astimezone(UTC)


BEGINS, ENDS = date(2025, 9, 1), date(2026, 3, 1)
PUBLISHED = local(date(2025, 12, 30), time(18))
"""When the working days of 2026 become known: a month after an operator was alarmed for them (D.9)."""
# No process runs: 30 hours over a weekend, and an afternoon of a working day.
OUTAGES = (
    (local(date(2025, 11, 15), time(2)), local(date(2025, 11, 16), time(8))),
    (local(date(2026, 1, 14), time(13)), local(date(2026, 1, 14), time(18))),
)
MAIL_AWAY = local(date(2026, 1, 5), time(9)), local(date(2026, 1, 5), time(11))
"""Nothing that is sent arrives, in the first hours after a holiday."""
RESTART_EVERY = timedelta(days=9)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`ends` is the first day that is not simulated any more."""

    complaints: int
    seed: int
    begins: date = BEGINS
    ends: date = ENDS

    @property
    def days(self) -> int:
        return (self.ends - self.begins).days


def running(at: datetime) -> datetime:
    """Return the first moment from then on at which a process runs."""
    return next((end for begin, end in OUTAGES if begin <= at < end), at)
