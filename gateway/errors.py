"""Every error the gateway raises on purpose.

    GatewayError
    ├── Rejected              the caller asked for something that cannot be done
    │   ├── Invalid           400/422
    │   │   └── InvalidFile   a file that was handed over cannot be taken in as it is
    │   ├── Forbidden         403
    │   ├── NotFound          404
    │   └── Conflict          409
    ├── Unavailable           try again later: nothing was accepted, nothing was lost
    │   └── DiskFull          as before, until an operator has made room
    ├── DeliveryFailed        what a Sender may raise
    │   ├── Temporary         nothing was handed over; try again
    │   ├── Permanent         this contact will never take it
    │   └── Unknown           the provider may have it
    ├── StorageFailed         what a Storage may raise beside Unavailable
    │   ├── BadData           the database refuses a value or a key: the same write will fail again
    │   └── Contended         another writer was in the way: the same work may succeed when done again
    └── Misconfigured         an operator must change something before it can work

Each class has a stable `code`; the first line of its docstring is its default message. A message never carries personal
data or a secret: it is logged and shown. Anything else that is raised is a fault of ours, logged and shown as an id.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta


class GatewayError(Exception):
    """Something went wrong."""

    code = "internal"

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip().splitlines()[0])


class Rejected(GatewayError):
    """The request cannot be done."""

    code = "rejected"


class Invalid(Rejected):
    """The request is not valid.

    `field` names what is wrong where one field is; `problem` is a stable word a page can translate.
    """

    code = "invalid"

    def __init__(self, message: str | None = None, *, field: str = "", problem: str = "invalid") -> None:
        super().__init__(message)
        self.field = field
        self.problem = problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """What is wrong at one place of a file. Never the value that stands there: it may be a customer's."""

    problem: str  # a stable word
    words: str  # for the person who mends it
    row: int = 0  # as the sheet counts; 0 where it is about the file
    column: str = ""  # the header; "" where it is about the row


class InvalidFile(Invalid):
    """The file cannot be taken in as it is."""

    def __init__(self, flaws: Sequence[Flaw]) -> None:
        super().__init__(problem=flaws[0].problem)
        self.flaws = tuple(flaws)


class Forbidden(Rejected):
    """The caller may not do this."""

    code = "forbidden"


class NotFound(Rejected):
    """There is no such thing."""

    code = "not_found"


class Conflict(Rejected):
    """It was changed, or used for something else, meanwhile."""

    code = "conflict"


class Overtaken(Rejected):
    """Somebody else has read on from there: what was handed in here is theirs to take in."""

    code = "overtaken"


class Unavailable(GatewayError):
    """The gateway cannot take this now; nothing was accepted."""

    code = "unavailable"

    def __init__(self, message: str | None = None, *, retry_after: timedelta = timedelta(seconds=5)) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class DiskFull(Unavailable):
    """The database has no room left; nothing was accepted."""


class DeliveryFailed(GatewayError):
    """A message was not delivered.

    `reason` is a stable word for evidence and metrics, such as an SMTP code with its enhanced status ("550 5.1.1").
    """

    code = "delivery_failed"

    def __init__(self, reason: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after


class Temporary(DeliveryFailed):
    """Nothing was handed over; another attempt may succeed."""

    code = "temporary"


class Permanent(DeliveryFailed):
    """This contact will not take this message, however often it is sent."""

    code = "permanent"


class Unknown(DeliveryFailed):
    """The provider may have taken the message."""

    code = "unknown"


class StorageFailed(GatewayError):
    """The database did not take the write."""

    code = "storage_failed"


class BadData(StorageFailed):
    """The database refuses a value or a key."""

    code = "bad_data"


class Contended(StorageFailed):
    """Another writer was in the way."""

    code = "contended"


class Misconfigured(GatewayError):
    """The configuration cannot work."""

    code = "misconfigured"
