"""What a thief of the database file finds: no name, no number, no text; and what dropping a data key erases."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway import audit
from gateway.model import Attachment, Contact, ContactType, Event, EventKind, Text
from gateway.ports import Lane, Storage
from gateway.vault import Vault, VaultError
from tests.contract import records
from tests.contract.records import Case, case, write
from tests.databases import Database
from tests.factories import START

NAME, PHONE, WORDS, FILE = "欧阳秘密", "13812345678", "我的理财亏了八十万元 secret words", "病历-欧阳.pdf"
PLANTED = (NAME, PHONE, WORDS, FILE, "li.secret@example.com")


def planted() -> Case:
    contact = Contact(type=ContactType.MOBILE, value=PHONE)
    attachment = Attachment(name=FILE, media_type="text/plain; owner=" + NAME, size=1, content=WORDS.encode())
    body = {"text": WORDS, "from_name": NAME, "from_address": PLANTED[4], "turns": [{"text": PHONE}]}
    changes = {"body": body, "raw": f"{NAME} {PHONE} {WORDS}".encode(), "attachments": (attachment,)}
    li = case(complaint_changes={"name": NAME}, message_changes=changes, to=contact)
    content = Text(language=li.complaint.language, subject=NAME, short=PHONE, text=WORDS, html=f"<p>{WORDS}</p>")
    event = Event(kind=EventKind.OPENED, public={"number": li.complaint.number}, private={"name": NAME, "text": WORDS})
    return replace(
        li,
        notice=replace(li.notice, facts=replace(li.notice.facts, name=NAME)),
        delivery=replace(li.delivery, content=content),
        entry=replace(li.entry, event=event),
    )


async def test_nothing_personal_stands_in_the_database_files(storage: Storage, database: Database) -> None:
    """A146."""
    li = planted()
    async with storage.writing(Lane.INTAKE) as tx:
        await write(tx, li)
        await tx.messages.add([records.message(None, body=dict(li.message.body), raw=li.message.raw)])
        await tx.blobs.stage("staged", WORDS.encode(), seq=0, at=START)
        await tx.complaints.advance([records.advanced(li.complaint)])
    stored = await database.written()
    assert li.complaint.number.encode() in stored  # the search itself works
    found = [
        (text, encoding)
        for text in PLANTED
        for encoding in ("utf-8", "utf-16-le", "utf-16-be", "gb18030")
        if text.encode(encoding) in stored
    ]
    assert found == []


async def test_every_sealed_value_can_be_opened_at_its_own_place_only(storage: Storage, database: Database) -> None:
    """A value that was moved to another row, or changed, is refused and never shown."""
    li, zhang = case(), case()
    async with storage.writing(Lane.INTAKE) as tx:
        await write(tx, li, zhang)
    await database.run("UPDATE timeline SET sealed = (SELECT sealed FROM complaints WHERE id = complaint_id)")
    await database.run("UPDATE notices SET sealed = (SELECT content FROM deliveries WHERE notice_id = notices.id)")
    await database.run("UPDATE contacts SET sealed = :other", other=bytes(40))
    async with storage.reading() as tx:
        with pytest.raises(VaultError):
            await tx.timeline.of(li.complaint.id)
        with pytest.raises(VaultError):
            await tx.notices.by_id([li.notice.id])
        with pytest.raises(VaultError):
            await tx.contacts.of([li.complaint.id])


async def test_a_data_key_cannot_be_given_to_another_owner(storage: Storage, database: Database) -> None:
    li, zhang = case(), case()
    async with storage.writing(Lane.INTAKE) as tx:
        await write(tx, li, zhang)
    swap = "UPDATE data_keys SET wrapped = (SELECT wrapped FROM data_keys WHERE owner_id = :a) WHERE owner_id = :b"
    await database.run(swap, a=zhang.complaint.id, b=li.complaint.id)
    async with storage.reading() as tx:
        with pytest.raises(VaultError):
            await tx.complaints.by_id([li.complaint.id])


async def test_dropping_a_complaints_key_leaves_the_record_and_empties_the_person(
    storage: Storage, database: Database, vault: Vault
) -> None:
    """Erasing drops payload and salt; the chain still verifies (architecture section 6)."""
    li = planted()
    opened = audit.chain(
        vault.audit_key,
        complaint_id=li.complaint.id,
        prev=b"",
        seq=1,
        at=START,
        actor="system",
        event=li.entry.event,
    )
    li = replace(li, entry=opened)
    async with storage.writing(Lane.INTAKE) as tx:
        await write(tx, li)
    async with storage.reading() as tx:
        assert audit.broken_at(vault.audit_key, await tx.timeline.of(li.complaint.id)) is None
    await database.run("DELETE FROM data_keys WHERE owner_id = :owner", owner=li.complaint.id)
    async with storage.reading() as tx:
        [complaint] = (await tx.complaints.by_id([li.complaint.id])).values()
        [message] = await tx.messages.of(li.complaint.id)
        [entry] = await tx.timeline.of(li.complaint.id)
        [delivery] = (await tx.notices.load([li.delivery.key])).values()
        [notice] = (await tx.notices.by_id([li.notice.id])).values()
        assert complaint == replace(li.complaint, name="")
        assert (message.body, message.raw, message.attachments) == ({}, None, ())
        assert (entry.event.private, entry.salt) == ({}, b"")
        assert (delivery.content.text, delivery.to.value) == ("", PHONE)
        assert notice.facts == replace(li.notice.facts, name="")
        assert audit.broken_at(vault.audit_key, [entry]) is None


async def test_dropping_a_contacts_key_erases_the_address_wherever_it_stands(
    storage: Storage, database: Database
) -> None:
    li = planted()
    async with storage.writing(Lane.INTAKE) as tx:
        await write(tx, li)
    await database.run("DELETE FROM data_keys WHERE owner_id = :owner", owner=li.contact.id)
    async with storage.reading() as tx:
        [[contact]] = (await tx.contacts.of([li.complaint.id])).values()
        [delivery] = (await tx.notices.load([li.delivery.key])).values()
    assert contact.contact == delivery.to == Contact(type=ContactType.MOBILE, value="")
