"""What goes in comes out: complaints, messages, contacts, timelines and notices (ports/storage.py)."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from gateway.errors import BadData, Conflict
from gateway.model import Attachment, DeliveryState, MachineKind, NoticeState, Outcome
from gateway.ports import HeldMessage, Lane, Storage
from tests.contract import records
from tests.contract.records import advanced, case, write
from tests.factories import START, email_contact


async def test_a_registered_case_comes_back_as_it_was_written(storage: Storage) -> None:
    li = case()
    async with storage.writing(Lane.INTAKE) as tx:
        await write(tx, li)
    async with storage.reading() as tx:
        assert await tx.complaints.by_id([li.complaint.id]) == {li.complaint.id: li.complaint}
        assert await tx.complaints.by_number([li.complaint.number]) == {li.complaint.number: li.complaint}
        assert await tx.contacts.of([li.complaint.id]) == {li.complaint.id: [li.contact]}
        assert await tx.messages.of(li.complaint.id) == [li.message]
        assert await tx.timeline.of(li.complaint.id) == [li.entry]
        assert await tx.notices.by_id([li.notice.id]) == {li.notice.id: li.notice}
        assert await tx.notices.load([li.delivery.key]) == {li.delivery.key: li.delivery}


async def test_what_a_block_that_fails_wrote_is_gone(storage: Storage) -> None:
    li = case()
    with contextlib.suppress(RuntimeError):
        async with storage.writing(Lane.INTAKE) as tx:
            await write(tx, li)
            raise RuntimeError("a fault of ours")
    async with storage.reading() as tx:
        assert await tx.complaints.by_id([li.complaint.id]) == {}


async def test_a_reader_sees_one_moment_however_long_it_reads(storage: Storage) -> None:
    li = case()
    async with storage.reading() as before:
        assert await before.complaints.by_id([li.complaint.id]) == {}
        async with storage.writing(Lane.INTAKE) as tx:
            await write(tx, li)
        assert await before.complaints.by_id([li.complaint.id]) == {}
    async with storage.reading() as after:
        assert await after.complaints.by_id([li.complaint.id]) == {li.complaint.id: li.complaint}


async def test_moments_keep_their_microsecond_and_come_back_in_utc(storage: Storage) -> None:
    at = datetime(2026, 11, 23, 10, 15, 0, 999_999, tzinfo=timezone(timedelta(hours=8)))
    li = case(complaint_changes={"received_at": at, "legal_at": None})
    async with storage.writing(Lane.INTAKE) as tx:
        await write(tx, li)
        held = (await tx.complaints.by_id([li.complaint.id]))[li.complaint.id]
    assert held.received_at.isoformat() == "2026-11-23T02:15:00.999999+00:00"
    assert held.received_at.tzinfo is UTC
    assert held.legal_at is None


async def test_a_moment_without_a_zone_is_refused(storage: Storage) -> None:
    naive = START.replace(tzinfo=None)
    with pytest.raises(BadData):
        async with storage.writing(Lane.INTAKE) as tx:
            await write(tx, case(complaint_changes={"received_at": naive}))
    with pytest.raises(BadData):
        async with storage.writing(Lane.INTAKE) as tx:
            await tx.queue.recall("send:email", now=naive, latest=START)


async def test_text_that_no_database_takes_is_bad_data_and_names_no_value(storage: Storage) -> None:
    """Lesson 18: half a surrogate pair, as a wrong charset label leaves it."""
    half = "李\ud83d四"
    for changes in ({"complaint_changes": {"name": half}}, {"message_changes": {"external_id": half}}):
        with pytest.raises(BadData) as raised:
            async with storage.writing(Lane.INTAKE) as tx:
                await write(tx, case(**changes))
        assert half not in str(raised.value)


async def test_the_same_number_cannot_be_stored_twice(storage: Storage) -> None:
    """A028, lesson 26: the database itself holds the numbers unique."""
    li, zhang = case(complaint_changes={"number": "TS-1"}), case(complaint_changes={"number": "TS-1"})
    with pytest.raises(BadData):
        async with storage.writing(Lane.INTAKE) as tx:
            await write(tx, li, zhang)


async def test_an_advanced_complaint_is_stored_at_its_new_version(storage: Storage) -> None:
    li = case()
    after = advanced(li.complaint, name="李四光", needs_review=False, promised_at=START + timedelta(days=1))
    async with storage.writing(Lane.INTAKE) as tx:
        await write(tx, li)
    async with storage.writing(Lane.INTAKE) as tx:
        await tx.complaints.advance([after])
        await tx.timeline.append([records.entry(li.complaint.id, 2)])
    async with storage.reading() as tx:
        assert await tx.complaints.by_id([li.complaint.id]) == {li.complaint.id: after}
        assert [entry.seq for entry in await tx.timeline.of(li.complaint.id)] == [1, 2]


async def test_the_second_of_two_writers_that_read_the_same_version_gets_a_conflict(storage: Storage) -> None:
    li = case()
    async with storage.writing(Lane.INTAKE) as tx:
        await write(tx, li)
    async with storage.reading() as tx:
        read = (await tx.complaints.by_id([li.complaint.id]))[li.complaint.id]
    async with storage.writing(Lane.INTAKE) as tx:
        await tx.complaints.advance([advanced(read)])
    with pytest.raises(Conflict):
        async with storage.writing(Lane.INTAKE) as tx:
            await tx.complaints.advance([advanced(read, name="")])
    async with storage.reading() as tx:
        assert (await tx.complaints.by_id([li.complaint.id]))[li.complaint.id].name == li.complaint.name


async def test_advancing_a_complaint_that_does_not_exist_is_a_conflict(storage: Storage) -> None:
    with pytest.raises(Conflict):
        async with storage.writing(Lane.INTAKE) as tx:
            await tx.complaints.advance([records.complaint()])


async def test_a_place_in_a_timeline_is_taken_once(storage: Storage) -> None:
    """A150."""
    li = case()
    async with storage.writing(Lane.INTAKE) as tx:
        await write(tx, li)
    with pytest.raises(Conflict):
        async with storage.writing(Lane.INTAKE) as tx:
            await tx.timeline.append([records.entry(li.complaint.id, 1)])


async def test_a_suggested_link_may_be_suggested_again(storage: Storage) -> None:
    li, zhang = case(), case()
    async with storage.writing(Lane.INTAKE) as tx:
        await write(tx, li, zhang)
        await tx.complaints.suggest_links([(zhang.complaint.id, li.complaint.id)], START)
        await tx.complaints.suggest_links([(zhang.complaint.id, li.complaint.id)] * 2, START)


async def test_a_message_is_found_again_by_source_and_external_id_together(storage: Storage) -> None:
    li = case(message_changes={"source": "mailbox", "external_id": "1"})
    async with storage.writing(Lane.INTAKE) as tx:
        await write(tx, li)
        found = await tx.messages.held([("mailbox", "1"), ("mailbox", "2"), ("sms-hk", "1")])
    assert found == {
        ("mailbox", "1"): HeldMessage(
            id=li.message.id,
            complaint_id=li.complaint.id,
            outcome=Outcome.OPENED,
            number=li.complaint.number,
            promised_at=li.complaint.promised_at,
            content_key=li.message.content_key,
        )
    }


async def test_a_message_of_the_same_source_and_external_id_is_refused(storage: Storage) -> None:
    machine = records.message(None, source="mailbox", external_id="1")
    async with storage.writing(Lane.INTAKE) as tx:
        await tx.messages.add([machine])
    with pytest.raises(BadData):
        async with storage.writing(Lane.INTAKE) as tx:
            await tx.messages.add([replace(machine, id=records.fresh_id())])


async def test_the_twin_of_a_content_is_the_first_message_that_had_it(storage: Storage) -> None:
    """Lesson 5: one mail to two of our mailboxes."""
    first = case(message_changes={"id": "0" * 26, "content_key": b"same", "source": "box-a"})
    second = case(message_changes={"content_key": b"same", "source": "box-b"})
    async with storage.writing(Lane.INTAKE) as tx:
        await write(tx, second, first)
        twins = await tx.messages.twins([b"same", b"other"])
    assert [(key, twin.number) for key, twin in twins.items()] == [(b"same", first.complaint.number)]


async def test_machine_mail_is_kept_without_a_complaint(storage: Storage) -> None:
    bounce = records.message(None, machine=MachineKind.BOUNCE, raw=b"a bounce")
    async with storage.writing(Lane.INTAKE) as tx:
        await tx.messages.add([bounce])
        found = await tx.messages.held([(bounce.source, bounce.external_id)])
    [held] = found.values()
    assert (held.outcome, held.complaint_id, held.number) == (Outcome.MACHINE, None, None)


async def test_a_large_original_and_an_empty_one_come_back_whole(storage: Storage) -> None:
    large = bytes(range(256)) * 4096  # 1 MB, four chunks
    li = case(message_changes={"raw": large})
    empty = records.message(li.complaint.id, raw=b"", received_at=START + timedelta(seconds=1))
    removed = records.message(li.complaint.id, raw=None, received_at=START + timedelta(seconds=2))
    async with storage.writing(Lane.INTAKE) as tx:
        await write(tx, li)
        await tx.messages.add([removed, empty])
    async with storage.reading() as tx:
        assert [message.raw for message in await tx.messages.of(li.complaint.id)] == [large, b"", None]


async def test_an_attachment_that_came_with_its_bytes_can_be_read(storage: Storage) -> None:
    slip = Attachment(name="回单.png", media_type="image/png", size=5, content=b"bytes", sha256="0" * 64)
    later = Attachment(name="not fetched yet", media_type="image/png", size=0)
    li = case(message_changes={"attachments": (slip, later)})
    async with storage.writing(Lane.INTAKE) as tx:
        await write(tx, li)
    async with storage.reading() as tx:
        [held] = await tx.messages.of(li.complaint.id)
        blob_id = held.attachments[0].blob_id
        assert held.attachments == (replace(slip, content=None, blob_id=blob_id), later)
        assert blob_id is not None
        assert [chunk async for chunk in tx.blobs.read(blob_id)] == [b"bytes"]


async def test_contacts_come_in_the_order_they_are_tried(storage: Storage) -> None:
    li = case()
    second = records.contact(
        li.complaint.id, rank=1, index=b"second", to=email_contact("b@example.com", preferred=True)
    )
    third = records.contact(li.complaint.id, rank=2, index=b"third", to=email_contact("c@example.com", verified=True))
    async with storage.writing(Lane.INTAKE) as tx:
        await write(tx, li)
        await tx.contacts.add([third, second])
        assert await tx.contacts.of([li.complaint.id]) == {li.complaint.id: [li.contact, second, third]}
        indexes = await tx.contacts.indexes([li.complaint.id, "nobody"])
    assert indexes == {li.complaint.id: {li.contact.index, b"second", b"third"}, "nobody": frozenset()}


async def test_one_contact_stands_once_in_a_complaint(storage: Storage) -> None:
    li = case()
    async with storage.writing(Lane.INTAKE) as tx:
        await write(tx, li)
    with pytest.raises(BadData):
        async with storage.writing(Lane.INTAKE) as tx:
            await tx.contacts.add([records.contact(li.complaint.id, rank=1, index=li.contact.index)])


async def test_a_recipient_is_told_one_thing_once(storage: Storage) -> None:
    """Lesson 77: (complaint, cause, kind, recipient) is unique."""
    li = case()
    async with storage.writing(Lane.INTAKE) as tx:
        await write(tx, li)
    with pytest.raises(BadData):
        async with storage.writing(Lane.INTAKE) as tx:
            await tx.notices.add([records.notice(li.complaint.id)], [])


async def test_a_delivery_key_leads_to_its_complaint(storage: Storage) -> None:
    li = case()
    async with storage.writing(Lane.INTAKE) as tx:
        await write(tx, li)
        assert await tx.notices.threads([li.delivery.key, "somebody else's"]) == {li.delivery.key: li.complaint.id}


async def test_a_notice_knows_the_contacts_it_was_addressed_to(storage: Storage) -> None:
    li = case()
    second = records.contact(li.complaint.id, rank=1)
    async with storage.writing(Lane.INTAKE) as tx:
        await write(tx, li)
        await tx.contacts.add([second])
        assert await tx.notices.tried([li.notice.id, "none"]) == {li.notice.id: {li.contact.id}, "none": frozenset()}
        await tx.notices.add([], [records.delivery(li.notice, second, state=DeliveryState.FAILED)])
        assert await tx.notices.tried([li.notice.id]) == {li.notice.id: {li.contact.id, second.id}}


async def test_notices_that_still_have_to_move_are_counted_by_state(storage: Storage) -> None:
    states = [NoticeState.SENDING, NoticeState.SENDING, NoticeState.NO_CONTACT, NoticeState.SENT]
    async with storage.writing(Lane.INTAKE) as tx:
        cases = [case() for _ in states]
        await write(
            tx, *(replace(one, notice=replace(one.notice, state=s)) for one, s in zip(cases, states, strict=True))
        )
        assert await tx.notices.states() == {NoticeState.SENDING: 2, NoticeState.NO_CONTACT: 1}


async def test_more_keys_than_a_statement_takes_are_looked_up_all_the_same(storage: Storage) -> None:
    cases = [case() for _ in range(3)]
    wanted = {f"none-{n}" for n in range(40_000)} | {one.complaint.id for one in cases}
    async with storage.writing(Lane.INTAKE) as tx:
        await write(tx, *cases)
        assert len(await tx.complaints.by_id(wanted)) == 3
        assert (
            len(
                await tx.messages.held(
                    {("mailbox", key) for key in wanted} | {("mailbox", cases[0].message.external_id)}
                )
            )
            == 1
        )


async def test_empty_calls_do_nothing(storage: Storage) -> None:
    async with storage.writing(Lane.INTAKE) as tx:
        await tx.complaints.add([])
        await tx.complaints.advance([])
        await tx.complaints.suggest_links([], START)
        await tx.messages.add([])
        await tx.contacts.add([])
        await tx.timeline.append([])
        await tx.notices.add([], [])
        await tx.notices.settle([])
        await tx.queue.add([], now=START)
        assert await tx.complaints.by_id([]) == {}


async def test_readers_do_not_wait_for_the_writer(storage: Storage) -> None:
    async with storage.writing(Lane.INTAKE) as tx:
        await write(tx, case())
        async with asyncio.timeout(5), storage.reading() as reader:
            assert await reader.notices.states() == {}
