"""A ticket as the content of a delivery: kept sealed beside texts, read back whole, gone with its complaint's key."""

from __future__ import annotations

from dataclasses import replace

from gateway.model import Contact, ContactType, NoticeKind, Text
from gateway.ports import Lane, Storage
from tests.contract.records import Case, case, fresh_id, write
from tests.databases import Database
from tests.factories import ticket

TICKET = ticket(branch="朝阳支行")
SYSTEM = Contact(type=ContactType.WEBHOOK, value="cards-system", verified=True)


def ticketed() -> Case:
    """Return a case whose notice goes to a unit's own system."""
    opened = case()
    notice = replace(opened.notice, kind=NoticeKind.DISPATCH, recipient="unit:cards:webhook")
    delivery = replace(opened.delivery, key=fresh_id(), contact_id=None, kind=notice.kind, to=SYSTEM, content=TICKET)
    return replace(opened, notice=notice, delivery=delivery)


async def test_a_ticket_is_read_back_whole_beside_a_text(storage: Storage) -> None:
    told, customer = ticketed(), case()
    async with storage.writing(Lane.INTAKE) as tx:
        await write(tx, told, customer)
    async with storage.reading() as tx:
        held = await tx.notices.load([told.delivery.key, customer.delivery.key])
    assert held[told.delivery.key] == told.delivery
    assert held[customer.delivery.key] == customer.delivery


async def test_a_ticket_of_an_erased_complaint_comes_back_as_no_ticket(storage: Storage, database: Database) -> None:
    """Which no sender of tickets takes: nothing of it leaves any more."""
    told = ticketed()
    async with storage.writing(Lane.INTAKE) as tx:
        await write(tx, told)
    await database.run("DELETE FROM data_keys WHERE owner_id = :owner", owner=told.complaint.id)
    async with storage.reading() as tx:
        [delivery] = (await tx.notices.load([told.delivery.key])).values()
    assert isinstance(delivery.content, Text)
    assert delivery.content.text == ""
