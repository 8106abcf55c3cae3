"""Answers: a button that one of the bank's people pressed becomes the command it stands for, given by them.

Who they are the provider has made sure; what they may do the rules say, as for every other way of giving a command.
"""

from __future__ import annotations

from gateway.casework import Casework, command_of
from gateway.errors import Rejected
from gateway.model import Answer, Outcome, Receipt
from gateway.ports import Storage
from gateway.rules import cards
from gateway.rules.routing import Directory


class Answering:
    def __init__(self, *, storage: Storage, casework: Casework, directory: Directory) -> None:
        self._storage = storage
        self._casework = casework
        self._directory = directory

    async def take(self, answer: Answer) -> Receipt:
        """Do what was chosen; say whether it is done. Raises Unavailable as a write does.

        A press that comes again is answered like the first, and changes nothing.
        """
        person = self._directory.reached_by(answer.by)
        number = await self._number(answer.key)
        if person is None or number is None or answer.choice not in cards.CHOICES:
            return Receipt(outcome=Outcome.REFUSED, number=number)
        try:
            await self._casework.do(number, command_of({"command": answer.choice}), person.actor)
        except Rejected:
            done = await self._has_done(number, person.id, answer.choice)
            return Receipt(outcome=Outcome.DONE if done else Outcome.REFUSED, number=number)
        return Receipt(outcome=Outcome.DONE, number=number)

    async def _number(self, key: str) -> str | None:
        """Return the number of the complaint that the card was about."""
        async with self._storage.reading() as tx:
            complaint_id = (await tx.notices.threads([key])).get(key)
            found = await tx.complaints.by_id([complaint_id]) if complaint_id else {}
        return next((one.number for one in found.values()), None)

    async def _has_done(self, number: str, person: str, choice: str) -> bool:
        """Say whether this person is the last who did it, and it is still theirs."""
        async with self._storage.reading() as tx:
            complaint = (await tx.complaints.by_number([number]))[number]
            timeline = await tx.timeline.of(complaint.id)
        by = [entry.actor for entry in timeline if entry.event.kind is cards.CHOICES[choice]]
        return complaint.case.handler == person and bool(by) and by[-1] == person
