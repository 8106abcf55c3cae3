"""What the core needs of a channel: a record of the roles it plays; a role left None is a thing it cannot do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.model import ContactType, InboundEvent, OutboundMessage, Receipt, Sent


class Accept(Protocol):
    async def __call__(self, events: Sequence[InboundEvent]) -> Sequence[Receipt]:
        """Take events in; return one receipt each, in order, after the commit.

        One call is one atomic unit. Content never raises: what cannot be handled is quarantined with its raw bytes.
        Raises only Unavailable; then nothing of the call was taken. Cancelling a caller never cancels the commit.
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


class Sender(Protocol):
    """Hands messages to a provider."""

    async def send(self, message: OutboundMessage) -> Sent:
        """Hand over one message to one recipient, once.

        `message.key` is the same on every attempt: pass it on wherever the provider takes an idempotency key. Raises
        Temporary (nothing was handed over), Permanent, or Unknown (the provider may have it). Never retries, sleeps, or
        logs the recipient or the text. Safe to call concurrently.
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
    sender: Sender | None = None
    listener: Listener | None = None
    probe: Probe | None = None
