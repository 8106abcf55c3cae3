"""The door that channels know: what is kept goes to intake, a bell to who fetches, an answer to the case it is about.

Bells and answers take effect after what came with them is committed. Each may be repeated: a bell only says to look,
and what an answer asks for is refused by the lifecycle when it is done already.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.answering import Answering
from gateway.feeding import Bells
from gateway.intake import Intake
from gateway.model import Answer, Bell, InboundEvent, Outcome, Receipt
from gateway.ports import Mark


class Reception:
    def __init__(self, *, intake: Intake, bells: Bells, answering: Answering) -> None:
        self._intake = intake
        self._bells = bells
        self._answering = answering

    async def accept(self, events: Sequence[InboundEvent], *, mark: Mark | None = None) -> Sequence[Receipt]:
        """See ports.Accept."""
        kept = [event for event in events if not isinstance(event, Bell | Answer)]
        receipts = iter(await self._intake.accept(kept, mark=mark))
        told: list[Receipt] = []
        for event in events:
            if isinstance(event, Bell):
                await self._bells.ring(event)
                told.append(Receipt(outcome=Outcome.HEARD))
            elif isinstance(event, Answer):
                told.append(await self._answering.take(event))
            else:
                told.append(next(receipts))
        return told
