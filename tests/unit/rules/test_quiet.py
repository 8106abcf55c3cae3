"""When a customer may be written to: quiet hours from 21:00 to 08:00 by the bank's clocks (E.2 rule 8)."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import ChannelKind, NoticeKind
from gateway.rules.quiet import AT_ONCE, send_at
from gateway.rules.worktime import Calendar

SHANGHAI = ZoneInfo("Asia/Shanghai")
CALENDAR = Calendar()
K, C = NoticeKind, ChannelKind


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def sent(
    now: str, kind: NoticeKind = K.PROGRESS, channel: ChannelKind = C.EMAIL, *, urgent: bool = False, by: str = ""
) -> str:
    at = send_at(kind, channel, local(now), CALENDAR, urgent=urgent, by=local(by) if by else None)
    return f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"


@pytest.mark.parametrize(
    ("now", "at"),
    [
        ("2026-11-23 20:59:59", "2026-11-23 20:59:59"),
        ("2026-11-23 21:00:00", "2026-11-24 08:00:00"),
        ("2026-11-23 23:30:00", "2026-11-24 08:00:00"),
        ("2026-11-24 00:00:00", "2026-11-24 08:00:00"),
        ("2026-11-24 07:59:59", "2026-11-24 08:00:00"),
        ("2026-11-24 08:00:00", "2026-11-24 08:00:00"),
        ("2026-12-31 22:00:00", "2027-01-01 08:00:00"),
    ],
)
def test_a_notice_of_the_night_waits_for_the_morning(now: str, at: str) -> None:
    assert sent(now) == at


@pytest.mark.parametrize("kind", [K.ACKNOWLEDGEMENT, K.ANSWER, K.INQUIRY_ANSWER, K.SECURITY_NOTE])
def test_who_just_wrote_is_answered_at_once(kind: NoticeKind) -> None:
    """E.2 rule 8: N01, N03 (and N19, which uses it), N23, by the channel just used."""
    assert sent("2026-11-23 23:30:00", kind) == "2026-11-23 23:30:00"


@pytest.mark.parametrize(
    "channel", [C.HOTLINE, C.BRANCH_COUNTER, C.OPINION_BOOK, C.OFFLINE_IMPORT, C.LETTER, C.REGULATOR, C.MEDIA_MONITOR]
)
def test_who_did_not_write_is_not_woken_by_an_acknowledgement(channel: ChannelKind) -> None:
    """E.2 rule 8: hotline, counter and import cases wait until 08:00."""
    assert sent("2026-11-23 23:30:00", K.ACKNOWLEDGEMENT, channel) == "2026-11-24 08:00:00"


def test_an_urgent_first_contact_goes_at_any_hour() -> None:
    """A041: day and night; what is not urgent waits, and so does what else is urgent."""
    assert sent("2026-11-23 23:30:00", K.FIRST_PROGRESS, urgent=True) == "2026-11-23 23:30:00"
    assert sent("2026-11-23 23:30:00", K.FIRST_PROGRESS) == "2026-11-24 08:00:00"
    assert sent("2026-11-23 23:30:00", K.PROGRESS, urgent=True) == "2026-11-24 08:00:00"


def test_what_would_come_too_late_in_the_morning_goes_now() -> None:
    """E.2 rule 8: a limit counts more than a quiet night."""
    assert sent("2026-11-23 22:00:00", K.EXTENSION, by="2026-11-23 23:59:59") == "2026-11-23 22:00:00"
    assert sent("2026-11-23 22:00:00", K.EXTENSION, by="2026-11-24 08:00:00") == "2026-11-23 22:00:00"
    assert sent("2026-11-23 22:00:00", K.EXTENSION, by="2026-11-24 23:59:59") == "2026-11-24 08:00:00"


@given(kind=st.sampled_from(NoticeKind), channel=st.sampled_from(ChannelKind), minute=st.integers(0, 400 * 1440))
def test_nothing_is_sent_before_it_is_written_or_later_than_the_next_morning(
    kind: NoticeKind, channel: ChannelKind, minute: int
) -> None:
    now = datetime.fromtimestamp(1_767_225_600 + 60 * minute, tz=SHANGHAI)
    at = send_at(kind, channel, now, CALENDAR, urgent=False, by=None)
    assert 0 <= (at - now).total_seconds() <= 11 * 3600
    assert kind in AT_ONCE or 8 <= at.astimezone(SHANGHAI).hour < 21
