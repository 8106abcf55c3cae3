"""The complaints of some days, page by page (ports/storage.py, A128)."""

from __future__ import annotations

from datetime import datetime, timedelta

from gateway.ids import first_id, new_id
from gateway.model import Complaint
from gateway.ports import Lane, Storage
from tests.contract import records
from tests.factories import START

DAY = timedelta(days=1)


async def registered_at(storage: Storage, *moments: datetime) -> list[Complaint]:
    made = [records.complaint(id=new_id(at), registered_at=at) for at in moments]
    async with storage.writing(Lane.INTAKE) as tx:
        await tx.complaints.add(made)
    return made


async def test_the_days_are_returned_whole_in_order_and_page_by_page(storage: Storage) -> None:
    """A128: the first moment belongs to a day, the last one to the next."""
    moments = [START - DAY / 2, START, START + DAY / 3, START + DAY - timedelta(milliseconds=1), START + DAY]
    before, *within, beyond = await registered_at(storage, *moments)
    after, until, pages = first_id(START), first_id(START + DAY), []
    async with storage.reading() as tx:
        while page := await tx.complaints.registered(after=after, before=until, limit=2):
            pages.append(list(page))
            after = page[-1].id
    assert pages == [within[:2], within[2:]]
    assert before not in within
    assert beyond not in within


async def test_days_without_complaints_have_no_page(storage: Storage) -> None:
    await registered_at(storage, START)
    async with storage.reading() as tx:
        later = first_id(START + DAY), first_id(START + 2 * DAY)
        assert list(await tx.complaints.registered(after=later[0], before=later[1], limit=9)) == []
