"""What a command's field may hold: the types that check it, and the mark of one that may hold personal data. Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Final

from pydantic import AfterValidator, AwareDatetime, StringConstraints

PRIVATE: Final = "private"  # marks a field that may hold personal data

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), PRIVATE]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=5000), PRIVATE]
OptionalWords = Annotated[str, StringConstraints(strip_whitespace=True, max_length=5000), PRIVATE]
# Names are public: they stand in columns and logs, which no control character may get into.
Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]*$")
]
OptionalName = Annotated[str, StringConstraints(strip_whitespace=True, max_length=80, pattern=r"^[^\x00-\x1f\x7f]*$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


def _in_utc(at: datetime) -> datetime:
    if not 2000 <= at.year < 3000:  # beyond, zones and working days cannot be counted
        raise ValueError("a moment of this millennium")
    return at.astimezone(UTC)


def _countable(day: date) -> date:
    if not 2000 <= day.year < 3000:
        raise ValueError("a day of this millennium")
    return day


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
Day = Annotated[date, AfterValidator(_countable)]
