"""What a channel is given by the program that opens it."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.errors import Permanent
from gateway.model import Card, OutboundMessage, Template, Text, Ticket
from gateway.ports import Now, Shared


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    now: Now
    shared: Shared
    public_url: str = ""  # where providers reach this gateway: "https://complaints.bank.example", no slash at the end

    def hook_url(self, source: str) -> str:
        """Return the address under which a source's webhook is called."""
        return f"{self.public_url}/hooks/{source}"


def text_of(message: OutboundMessage) -> Text:
    """Return the words of a message. Raises Permanent for a ticket, which has none."""
    if isinstance(message.content, Text):
        return message.content
    raise Permanent("not_text")


def card_of(message: OutboundMessage) -> Card:
    """Return the card that a message is. Raises Permanent for anything else."""
    if isinstance(message.content, Card):
        return message.content
    raise Permanent("not_a_card")


def template_of(message: OutboundMessage) -> Template:
    """Return the values that a message is. Raises Permanent for anything else."""
    if isinstance(message.content, Template):
        return message.content
    raise Permanent("not_a_template")


def ticket_of(message: OutboundMessage) -> Ticket:
    """Return the ticket that a message is. Raises Permanent for words, as one comes back whose owner was erased."""
    if isinstance(message.content, Ticket):
        return message.content
    raise Permanent("not_a_ticket")
