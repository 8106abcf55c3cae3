"""What comes in and is nobody's words: receipts and consents are kept, each once, and nothing is opened for them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from gateway.handover import RECEIPTS
from gateway.ids import new_id
from gateway.model import ConsentChange, DeliveryReceipt, Work
from gateway.ports import Consent, StoredReceipt, Transaction
from gateway.preparation import Noted

LONGEST = 200
"""How much of a provider's own word for something is kept."""


async def keep_noted(tx: Transaction, noted: Sequence[Noted], now: datetime) -> Collection[str]:
    """Store what is not held yet, and put the receipts into their lane; return the ids of what is new."""
    by_key = {(one.event.source, one.external_id): one for one in reversed(noted)}  # the first of equal ones counts
    known = await tx.receipts.held(by_key) | await tx.consents.held(by_key)
    new = [one for key, one in by_key.items() if key not in known]
    receipts = [_receipt(one, one.event) for one in new if isinstance(one.event, DeliveryReceipt)]
    await tx.receipts.add(receipts)
    await tx.consents.add([_consent(one, one.event) for one in new if isinstance(one.event, ConsentChange)])
    settle = [Work(id=new_id(now), lane=RECEIPTS, subject=receipt.id, due_at=now) for receipt in receipts]
    await tx.queue.add(settle, now=now)
    return frozenset(one.id for one in new)


def _receipt(noted: Noted, event: DeliveryReceipt) -> StoredReceipt:
    return StoredReceipt(
        id=noted.id,
        source=event.source,
        external_id=noted.external_id,
        delivery_key=event.key[:LONGEST],
        provider_id=event.provider_id[:LONGEST],
        status=event.status,
        reason=event.reason[:LONGEST],
        again=event.again,
        received_at=event.received_at,
    )


def _consent(noted: Noted, event: ConsentChange) -> Consent:
    return Consent(
        id=noted.id,
        source=event.source,
        external_id=noted.external_id,
        index=noted.index,
        wanted=event.wanted,
        at=event.received_at,
        word=event.text[:LONGEST],
    )
