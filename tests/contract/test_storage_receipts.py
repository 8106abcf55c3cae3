"""What providers say of deliveries, who wants to be written to, and whose conversation is open (ports/storage.py)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from gateway.model import Contact, ContactType, DeliveryState, DeliveryStatus, NoticeState, State
from gateway.ports import Conversation, Lane, Storage
from tests.contract import records
from tests.contract.records import Case, case, write
from tests.factories import START

LI = Contact(type=ContactType.MOBILE, value="+85251234567")


async def registered(storage: Storage, of: Case | None = None) -> Case:
    li = of or case()
    async with storage.writing(Lane.INTAKE) as tx:
        await write(tx, li)
    return li


async def test_a_receipt_is_kept_as_it_came(storage: Storage) -> None:
    receipt = records.receipt("a key", provider_id="SM1", reason="30005", again=True, status=DeliveryStatus.UNDELIVERED)
    async with storage.writing(Lane.RESULTS) as tx:
        await tx.receipts.add([receipt, records.receipt("another key")])
    async with storage.reading() as tx:
        assert await tx.receipts.load([receipt.id, "none"]) == {receipt.id: receipt}
        assert await tx.receipts.of(["a key", ""]) == [receipt]


async def test_a_receipt_that_is_held_stays_as_it_is(storage: Storage) -> None:
    first = records.receipt("a key", external_id="same")
    async with storage.writing(Lane.RESULTS) as tx:
        await tx.receipts.add([first])
    async with storage.writing(Lane.RESULTS) as tx:
        await tx.receipts.add([records.receipt("a key", external_id="same", status=DeliveryStatus.READ)])
    async with storage.reading() as tx:
        assert await tx.receipts.of(["a key"]) == [first]
        keys = [("hk-number", "same"), ("elsewhere", "same"), ("hk-number", "other")]
        assert await tx.receipts.held(keys) == {("hk-number", "same")}


async def test_words_a_database_refuses_are_kept_without_them(storage: Storage) -> None:
    async with storage.writing(Lane.RESULTS) as tx:
        await tx.receipts.add([records.receipt("a key", reason="odd\0\ud800", provider_id="SM\0")])
    async with storage.reading() as tx:
        [kept] = await tx.receipts.of(["a key"])
    assert (kept.reason, kept.provider_id) == ("odd?", "SM")


async def test_a_delivery_is_found_by_the_id_its_provider_gave_it(storage: Storage) -> None:
    li = await registered(storage)
    result = records.result(li, records.work())
    async with storage.writing(Lane.RESULTS) as tx:
        await tx.notices.settle([replace(result, attempt=replace(result.attempt, provider_id="SM1"))])
    async with storage.reading() as tx:
        assert await tx.notices.by_provider_id(["SM1", "SM2", ""]) == {"SM1": li.delivery.key}


async def learn(storage: Storage, of: Case, delivery: DeliveryState, notice: NoticeState) -> tuple[str, str]:
    async with storage.writing(Lane.RESULTS) as tx:
        await tx.notices.learn({of.delivery.key: delivery}, {of.notice.id: notice})
    async with storage.reading() as tx:
        deliveries = await tx.notices.load([of.delivery.key])
        notices = await tx.notices.by_id([of.notice.id])
    return deliveries[of.delivery.key].state, notices[of.notice.id].state


async def test_what_another_node_has_learned_meanwhile_is_not_taken_back(storage: Storage) -> None:
    li = await registered(storage)
    read = (DeliveryState.READ, NoticeState.SENT)
    assert await learn(storage, li, *read) == read
    assert await learn(storage, li, DeliveryState.UNDELIVERED, NoticeState.DEAD) == read
    assert await learn(storage, li, DeliveryState.SENT, NoticeState.SENT) == read


async def test_what_did_not_arrive_is_not_told(storage: Storage) -> None:
    li = await registered(storage)
    dead = (DeliveryState.UNDELIVERED, NoticeState.DEAD)
    assert await learn(storage, li, *dead) == dead


async def test_a_call_that_is_still_to_be_made_stays_so(storage: Storage) -> None:
    li = case()
    li = replace(li, notice=replace(li.notice, state=NoticeState.TO_CALL))
    await registered(storage, li)
    assert await learn(storage, li, DeliveryState.DELIVERED, NoticeState.SENT) == (
        DeliveryState.DELIVERED,
        NoticeState.TO_CALL,
    )


async def test_the_newest_consent_of_an_address_counts_for_each_of_its_contacts(storage: Storage) -> None:
    first, second = await registered(storage), await registered(storage)
    index = first.contact.index
    async with storage.writing(Lane.INTAKE) as tx:
        again = records.contact(second.complaint.id, rank=1, index=index)
        await tx.contacts.add([again])
        await tx.consents.add([records.consent(index)])
    async with storage.reading() as tx:
        asked = [first.contact.id, second.contact.id, again.id]
        assert await tx.consents.refused(asked) == {first.contact.id, again.id}
    async with storage.writing(Lane.INTAKE) as tx:
        await tx.consents.add([records.consent(index, wanted=True, at=START + timedelta(hours=1))])
        await tx.consents.add([records.consent(index, at=START - timedelta(hours=1))])  # an older one, late
    async with storage.reading() as tx:
        assert await tx.consents.refused(asked) == frozenset()


async def test_open_complaints_of_an_address_are_found_the_last_told_of_first(storage: Storage) -> None:
    index = b"li"
    cases = [case(), case(), case()]
    cases = [
        replace(one, contact=replace(one.contact, index=index), delivery=replace(one.delivery, created_at=at))
        for one, at in zip(cases, (START, START + timedelta(days=1), START + timedelta(days=2)), strict=True)
    ]
    cases[2] = replace(cases[2], complaint=replace(cases[2].complaint, state=State.CLOSED))
    for one in cases:
        await registered(storage, one)
    async with storage.reading() as tx:
        found = await tx.contacts.conversations([index, b"nobody"])
    assert dict(found) == {
        index: [
            Conversation(complaint_id=cases[1].complaint.id, told_at=START + timedelta(days=1), own=False),
            Conversation(complaint_id=cases[0].complaint.id, told_at=START, own=False),
        ]
    }


async def test_an_address_nothing_was_prepared_for_counts_from_the_registration(storage: Storage) -> None:
    li = await registered(storage)
    async with storage.writing(Lane.INTAKE) as tx:
        other = records.contact(li.complaint.id, rank=1, index=b"other", to=LI)
        await tx.contacts.add([other])
    async with storage.reading() as tx:
        [found] = (await tx.contacts.conversations([b"other"]))[b"other"]
    assert found.told_at == li.complaint.registered_at


async def test_work_that_was_claimed_again_is_neither_finished_nor_put_back_by_who_had_it(storage: Storage) -> None:
    work = [records.work(lane="receipts"), records.work(lane="receipts")]
    async with storage.writing(Lane.RESULTS) as tx:
        await tx.queue.add(work, now=START)

    async def claim(at: timedelta) -> list[str]:
        now = START + at
        async with storage.writing(Lane.RESULTS) as tx:
            claimed = await tx.queue.claim("receipts", now=now, until=now + timedelta(minutes=2), limit=10)
        first.extend(claimed if not first else ())
        return sorted(one.id for one in claimed)

    first: list[records.Work] = []
    assert len(await claim(timedelta())) == 2
    assert len(await claim(timedelta(minutes=3))) == 2  # the first worker is late
    async with storage.writing(Lane.RESULTS) as tx:
        await tx.queue.finish(first[:1])
        await tx.queue.postpone(first[1:], {first[1].id: START + timedelta(days=9)}, now=START)
    assert len(await claim(timedelta(minutes=6))) == 2
