"""What becomes of a notice whose contact failed: the next contact, or nobody, and then a person looks for another way.

Shared by who hands over (delivery.py) and who hears afterwards that it did not arrive (receipts.py).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from gateway.errors import Rejected
from gateway.model import ContactType, Delivery, DeliveryState, Notice, NoticeState
from gateway.ports import StoredContact, Transaction
from gateway.record import Draft
from gateway.rules.commands import OutcomeSent, ReportUndelivered
from gateway.telling import OUTCOMES, carries_long, next_contact
from gateway.vault import MissingMaster, VaultError


@dataclass(frozen=True, slots=True)
class Failed:
    """A delivery whose contact should be given up. `hopeless`: even where there is no other one."""

    row: Delivery
    hopeless: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Settling:
    """`fault` hears what cannot be opened now; the rest is done all the same."""

    tx: Transaction
    draft: Draft
    served: Collection[ContactType]
    fault: Callable[[Exception], None]

    async def give_up(self, failed: Sequence[Failed]) -> Mapping[str, NoticeState]:
        """Address the notices to their next contacts, or to none where there is none and no hope.

        Return the new states of the notices whose contact is given up.
        """
        states: dict[str, NoticeState] = {}
        for one in failed:
            if one.hopeless:
                states[one.row.notice_id] = NoticeState.DEAD
            try:
                if one.row.contact_id is None:
                    states |= await self._otherwise(one.row)
                    continue
                notice, contact = await self._next(one.row)
                if notice is not None and contact is not None:
                    states[notice.id] = self.draft.address(notice, contact)
            except MissingMaster as error:
                states.pop(one.row.notice_id, None)  # who is next can only be told later: until then it is repeated
                self.fault(error)
            except VaultError as error:
                self.fault(error)
        await self._undelivered([one.row for one in failed], states)
        return states

    async def outcomes_left(self, rows: Sequence[Delivery]) -> None:
        """Stop the law's clock of complaints whose outcome was handed over now: its time counts (law 21)."""
        for row in sorted((row for row in rows if row.kind in OUTCOMES), key=lambda row: row.complaint_id):
            try:
                complaint = (await self.tx.complaints.by_id([row.complaint_id]))[row.complaint_id]
                notice = (await self.tx.notices.by_id([row.notice_id]))[row.notice_id]
                told = carries_long(row.to) or not await self._waits_elsewhere(row)
            except VaultError as error:  # its legal date stays open and is alarmed; what was sent is recorded
                self.fault(error)
                continue
            if told:
                with suppress(Rejected):  # it was told before, or the case has ended or begun anew meanwhile
                    self.draft.apply(complaint, OutcomeSent(notice=notice.id, decided_at=notice.created_at))

    async def _undelivered(self, failed: Sequence[Delivery], given_up: Mapping[str, NoticeState]) -> None:
        """Have a person look for another way to a customer whom a notice reached by none."""
        dead = [row for row in failed if row.contact_id and given_up.get(row.notice_id) is NoticeState.DEAD]
        for row in sorted(dead, key=lambda row: row.complaint_id):
            try:
                complaint = (await self.tx.complaints.by_id([row.complaint_id]))[row.complaint_id]
                waits = await self._waits_elsewhere(row)
            except VaultError as error:
                self.fault(error)
                continue
            if not waits:
                self.draft.apply(complaint, ReportUndelivered(notice=row.notice_id, what=row.kind))

    async def _next(self, row: Delivery) -> tuple[Notice | None, StoredContact | None]:
        notice = (await self.tx.notices.by_id([row.notice_id])).get(row.notice_id)
        contacts = (await self.tx.contacts.of([row.complaint_id])).get(row.complaint_id, ())
        tried = (await self.tx.notices.tried([row.notice_id])).get(row.notice_id, frozenset())
        tried |= self.draft.addressed(row.notice_id)
        return notice, next_contact(contacts, served=self.served, tried=tried)

    async def _otherwise(self, row: Delivery) -> Mapping[str, NoticeState]:
        """Tell one of the bank's people by the next way they have; what reaches them by none waits for a person."""
        notice = (await self.tx.notices.by_id([row.notice_id])).get(row.notice_id)
        told = await self.tx.notices.deliveries(row.complaint_id)
        tried = frozenset(one.to.type for one in told if one.notice_id == row.notice_id)
        state = self.draft.address_staff(notice, tried) if notice else None
        return {row.notice_id: state} if state else {}

    async def _waits_elsewhere(self, row: Delivery) -> bool:
        """Say whether another contact, or a call, is still to be told the same notice."""
        others = [one for one in await self.tx.notices.deliveries(row.complaint_id) if one.notice_id == row.notice_id]
        return any(one.key != row.key and one.state in (DeliveryState.QUEUED, DeliveryState.UNKNOWN) for one in others)
