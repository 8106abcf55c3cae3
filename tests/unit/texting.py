"""A gateway that texts customers by a provider in the test's own hands: what it was handed, asked, and answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gateway.delivery import Deliveries
from gateway.errors import DeliveryFailed
from gateway.lookups import Lookups
from gateway.model import (
    ChannelKind,
    ConsentChange,
    Contact,
    ContactType,
    Delivery,
    DeliveryReceipt,
    DeliveryStatus,
    InboundMessage,
    NoticeState,
    OutboundMessage,
    Sent,
)
from gateway.ports import Found, Handed
from gateway.receipts import Receipts
from gateway.telling import lane_of
from tests.conftest import Core
from tests.factories import START, message

LANE = lane_of(ContactType.MOBILE)
LI = Contact(type=ContactType.MOBILE, value="+85251234567")
WANG = Contact(type=ContactType.MOBILE, value="+85257654321")
ACCEPTED, DELIVERED, READ = DeliveryStatus.ACCEPTED, DeliveryStatus.DELIVERED, DeliveryStatus.READ
UNDELIVERED = DeliveryStatus.UNDELIVERED
SERVED = frozenset({ContactType.MOBILE, ContactType.EMAIL})


class Provider:
    """Plays a provider that names what it takes; `script` is what it answers first, `knows` what a Finder hears."""

    def __init__(self, *script: DeliveryFailed) -> None:
        self.script = list(script)
        self.got: list[OutboundMessage] = []
        self.asked: list[Handed] = []
        self.knows: Callable[[Handed], Found | None] = lambda handed: None

    async def send(self, sent: OutboundMessage) -> Sent:
        self.got.append(sent)
        if self.script:
            raise self.script.pop(0)
        return Sent(provider_id=f"SM-{sent.key}")

    async def find(self, messages: Sequence[Handed]) -> Sequence[Found]:
        self.asked += messages
        return [found for one in messages if (found := self.knows(one))]


def sender(core: Core, provider: Provider, contact: ContactType = ContactType.MOBILE) -> Deliveries:
    return Deliveries(
        lane=lane_of(contact),
        sender=provider,
        finder=provider,
        storage=core.storage,
        recorder=core.recorder,
        coordination=core.coordination,
        now=core.clock,
        metrics=core.metrics,
    )


def settler(core: Core) -> Receipts:
    return Receipts(
        storage=core.storage,
        recorder=core.recorder,
        coordination=core.coordination,
        now=core.clock,
        metrics=core.metrics,
    )


def looker(core: Core, provider: Provider) -> Lookups:
    return Lookups(
        lane=LANE,
        finder=provider,
        storage=core.storage,
        coordination=core.coordination,
        now=core.clock,
        metrics=core.metrics,
    )


def texted(*others: Contact, **changes: Any) -> InboundMessage:
    values = {"source": "hk-number", "channel": ChannelKind.SMS, "message_id": "", "contacts": (LI, *others)}
    return message(**(values | changes))


def said(status: DeliveryStatus, **changes: Any) -> DeliveryReceipt:
    values: dict[str, Any] = {
        "source": "hk-number",
        "channel": ChannelKind.SMS,
        "external_id": f"{status}-{changes}",
        "received_at": START,
        "status": status,
    }
    return DeliveryReceipt(**(values | changes))


async def deliveries(core: Core) -> list[Delivery]:
    async with core.storage.reading() as tx:
        [complaint] = await tx.complaints.waiting(10)
        found = [one for one in await tx.notices.deliveries(complaint.id) if one.contact_id]
    return sorted(found, key=lambda one: (one.created_at, one.to.type is ContactType.EMAIL))


async def notice_states(core: Core) -> dict[NoticeState, int]:
    async with core.storage.reading() as tx:
        states = dict(await tx.notices.states())
    states.pop(NoticeState.NO_CONTACT, None)  # staff: here nobody is
    return states


def stop(wanted: bool = False, **changes: Any) -> ConsentChange:
    values: dict[str, Any] = {
        "source": "hk-number",
        "channel": ChannelKind.SMS,
        "external_id": f"SM-stop-{wanted}",
        "received_at": START,
        "contact": LI,
        "wanted": wanted,
        "text": "START" if wanted else "STOP",
    }
    return ConsentChange(**(values | changes))
