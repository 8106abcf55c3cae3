"""When a customer may be written to: not between 21:00 and 08:00, but for what cannot wait (E.2 rule 8). Pure."""

from __future__ import annotations

from datetime import datetime, time

from gateway.model import ChannelKind, NoticeKind
from gateway.rules.worktime import ONE_DAY, Calendar

FROM, UNTIL = time(21), time(8)  # local
AT_ONCE = frozenset(
    {NoticeKind.ACKNOWLEDGEMENT, NoticeKind.ANSWER, NoticeKind.INQUIRY_ANSWER, NoticeKind.SECURITY_NOTE}
    | {NoticeKind.CONTACT_NOTED}
)
BY_HAND = frozenset(
    {ChannelKind.HOTLINE, ChannelKind.BRANCH_COUNTER, ChannelKind.OPINION_BOOK, ChannelKind.LETTER}
    | {ChannelKind.OFFLINE_IMPORT, ChannelKind.REGULATOR, ChannelKind.MEDIA_MONITOR}
)
"""The customer did not just write: an acknowledgement can wait for the morning."""


def send_at(
    kind: NoticeKind, channel: ChannelKind, now: datetime, calendar: Calendar, *, urgent: bool, by: datetime | None
) -> datetime:
    """Return when to send: now, or the end of the quiet hours. `by`: the moment after which it would come too late."""
    if (kind in AT_ONCE and channel not in BY_HAND) or (urgent and kind is NoticeKind.FIRST_PROGRESS):
        return now
    day = calendar.local_day(now)
    morning = calendar.moment(day, UNTIL)
    if now >= calendar.moment(day, FROM):
        morning = calendar.moment(day + ONE_DAY, UNTIL)
    elif now >= morning:
        return now
    return now if by is not None and morning >= by else morning
