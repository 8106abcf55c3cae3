"""What the core needs of a channel: a record of the roles it plays; a role left None is a thing it cannot do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from gateway.model import ContactType, DeliveryStatus, InboundEvent, OutboundMessage, Receipt, Sent
from gateway.ports.records import Mark


class Accept(Protocol):
    async def __call__(self, events: Sequence[InboundEvent], *, mark: Mark | None = None) -> Sequence[Receipt]:
        """Take events in; return one receipt each, in order, after the commit.

        One call is one atomic unit, its mark included. Content never raises: what cannot be handled is quarantined with
        its raw bytes, and the mark advances all the same. Raises Unavailable, and Overtaken where the mark does not
        stand where it should; then nothing of the call was taken. Cancelling a caller never cancels the commit. Bells
        and answers are no part of the unit: they take effect one by one, and may do so again when the call is repeated.
        """
        ...


class Listener(Protocol):
    """Goes to the source and looks."""

    async def listen(self, accept: Accept, alive: Callable[[], None]) -> None:
        """Go and look until cancelled; acknowledge at the source only after `accept` returned, by its outcome.

        Call `alive` after every look that succeeded, also one that found nothing. May deliver twice; must not lose one.
        Raises when the connection is lost: the caller starts it again after a pause.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A piece of what a source holds for us, in its order."""

    events: tuple[InboundEvent, ...]  # may be none although there is more
    place: str  # where the next page begins
    more: bool


class Feed(Protocol):
    """A source that keeps what came, to be read from where we stopped. One node at a time reads it."""

    @property
    def streams(self) -> Sequence[str]:
        """The parts of the source, each read by itself."""
        ...

    async def read(self, stream: str, place: str, ticket: str) -> Page:
        """Return what the source holds of a stream from `place` on ("": from as far back as it goes).

        `ticket` is the newest bell's, "" where none has rung lately. The same place gives the same events again. Raises
        Temporary when the source does not answer or wants to be asked later.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """A file as the provider gave it."""

    content: bytes = field(repr=False)
    media_type: str = ""
    name: str = ""


class Fetcher(Protocol):
    """Fetches files that a message only names (Attachment.ref): providers keep them for days, evidence is for years."""

    async def fetch(self, ref: str, *, limit: int) -> Media:
        """Return the file. Raises Temporary when it may succeed later, Permanent when it is gone or too large.

        `limit` is in bytes.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Until when, and how often, a customer may be written to after their last words."""

    lasts: timedelta
    messages: int


class Sender(Protocol):
    """Hands messages to a provider."""

    async def send(self, message: OutboundMessage) -> Sent:
        """Hand over one message to one recipient, once.

        `message.key` is the same on every attempt: pass it on wherever the provider takes an idempotency key. Raises
        Temporary (nothing was handed over), Permanent, or Unknown (the provider may have it). Never retries, sleeps, or
        logs the recipient or the text. Safe to call concurrently.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """One call of a provider, as it came. `path` is what follows the source's own address, without the query."""

    method: str
    path: str  # "" or "status/01K..."
    url: str  # the public address that was called, query included, byte for byte: what providers sign
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]  # names in lower case
    body: bytes = field(repr=False)
    at: datetime  # when it came


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpReply:
    status: int = 200
    body: bytes = b""
    media_type: str = "text/plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What a request meant, and how to answer it once that is committed."""

    events: tuple[InboundEvent, ...]
    reply: Callable[[Sequence[Receipt]], HttpReply]


class Webhook(Protocol):
    """Hears a provider that calls by HTTP, at <public_url>/hooks/<source>/<path>."""

    @property
    def methods(self) -> Sequence[str]:
        """The HTTP methods it is called by: "POST", and "GET" where the provider first makes sure of our address."""
        ...

    @property
    def max_body(self) -> int:
        """The largest body in bytes that is read; beyond it the caller gets 413."""
        ...

    def receive(self, request: HttpRequest) -> Received:
        """Check that the request is genuine, then say what it means. Pure.

        `reply` is called only after the commit. Raises Forbidden when the request is not genuine, Invalid when it is
        and makes no sense; neither says more than which.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a provider answers about one message. `status` None: it never got it."""

    key: str
    status: DeliveryStatus | None
    provider_id: str = ""
    reason: str = ""
    again: bool = False  # as in DeliveryReceipt


class Finder(Protocol):
    """Asks the provider what became of messages whose hand-over or delivery is not known."""

    async def find(self, messages: Sequence[Handed]) -> Sequence[Found]:
        """Return what the provider says of each, in any order; one it cannot tell is left out.

        Raises Temporary when the provider does not answer. May be asked again about the same message.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """A message that was, or may have been, handed over."""

    message: OutboundMessage
    provider_id: str  # "" where the hand-over's answer was lost
    tried_at: datetime  # the first attempt


class Census(Protocol):
    """Tells what the source gave us, for the proof that nothing was lost."""

    def held(self, since: datetime, until: datetime) -> AsyncIterator[InboundEvent]:
        """Yield what the source holds as sent to us in that time, as it would have come: with the same external ids.

        Raises Unavailable when the source does not answer.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """One event out of a file, and where in it: for whoever has to find it again."""

    place: str  # "row 5"
    event: InboundEvent


class Reader(Protocol):
    """Reads files that people hand over (`huiyin import`)."""

    def __call__(self, data: bytes, name: str) -> Sequence[Filed]:
        """Return what a file holds, read by the settings of this source.

        Raises InvalidFile naming everything that is wrong with it; then nothing of it may be taken in.
        """
        ...


class Probe(Protocol):
    async def __call__(self) -> None:
        """Check that the provider can be reached with these settings; raise GatewayError with what to change."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One configured source and the roles it plays."""

    name: str  # the adapter: "email"
    source: str  # this instance of it: "complaints-mailbox"
    serves: ContactType | None = None  # the contacts its sender reaches
    one_way: tuple[str, ...] = ()  # how contacts begin that it reaches, and that cannot answer by it
    window: Window | None = None  # None: its sender reaches contacts at any time
    sender: Sender | None = None
    finder: Finder | None = None
    webhook: Webhook | None = None
    listener: Listener | None = None
    feed: Feed | None = None
    fetcher: Fetcher | None = None
    census: Census | None = None
    reader: Reader | None = None
    probe: Probe | None = None
