"""Data keys under a new master key: every one gets it, page by page, beside erasures and other writers."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from gateway import keysfile
from gateway.errors import Misconfigured, Unavailable
from gateway.ports import Lane
from gateway.storage import rewrapping
from gateway.storage.opening import open_storage
from gateway.storage.rewrapping import Page
from gateway.vault import MissingMaster, Vault
from tests.contract.records import Case, case, is_held, write
from tests.databases import Database
from tests.factories import START

DAY = date(2026, 11, 23)
ROWS = "SELECT owner_id, master_id, wrapped FROM data_keys ORDER BY owner_id"


@pytest.fixture
async def cases(database: Database, vault: Vault) -> list[Case]:
    """Three complaints with a contact each, so six data keys, under the first master."""
    cases = [case() for _ in range(3)]
    async with database.open(vault) as storage, storage.writing(Lane.INTAKE) as tx:
        await write(tx, *cases)
    return cases


@pytest.fixture
def new(vault: Vault, tmp_path: Path) -> Vault:
    """The keys in a file of their own, where a second master is active."""
    file = tmp_path / "rotated.keys"
    file.write_bytes((tmp_path / "huiyin.keys").read_bytes())
    file.chmod(0o600)
    keysfile.change(file, lambda ring: ring.prepared(DAY).activated())
    return Vault.load(file)


async def pages(database: Database, vault: Vault) -> list[Page]:
    done: list[Page] = []
    async with open_storage(database.url, vault) as storage:
        while not done or not done[-1].ends:
            async with storage.writing(Lane.BULK) as tx:
                done.append(await tx.rewrapping.page(done[-1].last if done else ""))
    return done


async def counts(database: Database, vault: Vault) -> dict[str, int]:
    async with open_storage(database.url, vault) as storage, storage.reading() as tx:
        return dict(await tx.rewrapping.counts())


async def test_every_data_key_goes_over_to_the_active_master_and_opens_what_it_opened(
    database: Database, cases: list[Case], vault: Vault, new: Vault
) -> None:
    assert await counts(database, new) == {"m1": 6}
    [page] = await pages(database, new)
    assert (page.rows, page.moved, page.damaged, page.ends) == (6, 6, 0, True)
    assert await counts(database, new) == {new.active: 6}
    async with database.open(new) as storage, storage.reading() as tx:
        for one in cases:
            assert (await tx.complaints.by_id([one.complaint.id]))[one.complaint.id] == one.complaint
            assert await tx.contacts.of([one.complaint.id]) == {one.complaint.id: [one.contact]}
            assert [message.body for message in await tx.messages.of(one.complaint.id)] == [one.message.body]


async def test_no_sealed_value_is_touched(database: Database, cases: list[Case], new: Vault) -> None:
    before = await database.run("SELECT id, sealed FROM complaints ORDER BY id")
    await pages(database, new)
    assert await database.run("SELECT id, sealed FROM complaints ORDER BY id") == before


async def test_pages_follow_each_other_to_the_end_and_a_repeat_changes_nothing(
    database: Database, cases: list[Case], new: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rewrapping, "ROWS", 4)
    assert [(page.rows, page.moved, page.ends) for page in await pages(database, new)] == [(4, 4, False), (2, 2, True)]
    after = await database.run(ROWS)
    assert [(page.rows, page.moved, page.ends) for page in await pages(database, new)] == [(4, 0, False), (2, 0, True)]
    assert await database.run(ROWS) == after


async def test_an_empty_database_has_one_empty_page(database: Database, new: Vault) -> None:
    assert await pages(database, new) == [Page(rows=0, moved=0, damaged=0, last="", ends=True)]


async def test_a_page_that_is_not_committed_changes_nothing(database: Database, cases: list[Case], new: Vault) -> None:
    async def cut_off() -> None:
        async with open_storage(database.url, new) as storage, storage.writing(Lane.BULK) as tx:
            await tx.rewrapping.page("")
            raise KeyboardInterrupt

    before = await database.run(ROWS)
    with pytest.raises(KeyboardInterrupt):
        await cut_off()
    assert await database.run(ROWS) == before


async def test_a_damaged_data_key_stays_as_it_is_and_holds_up_no_other(
    database: Database, cases: list[Case], new: Vault
) -> None:
    owner = cases[0].complaint.id
    await database.run("UPDATE data_keys SET wrapped = :other WHERE owner_id = :owner", other=bytes(60), owner=owner)
    [page] = await pages(database, new)
    assert (page.moved, page.damaged) == (5, 1)
    [(master_id, wrapped)] = await database.run(
        "SELECT master_id, wrapped FROM data_keys WHERE owner_id = :owner", owner=owner
    )
    assert (master_id, bytes(wrapped)) == ("m1", bytes(60))


async def test_who_is_erased_meanwhile_stays_erased(
    database: Database, cases: list[Case], vault: Vault, new: Vault
) -> None:
    async with database.open(vault) as storage:
        async with storage.writing(Lane.BULK) as tx:
            await tx.blobs.stage("staged", b"x", seq=0, at=START)
        await pages(database, new)
        async with storage.writing(Lane.BULK) as tx:
            assert await tx.blobs.sweep(before=START.replace(year=2027), limit=10) == 1
    await pages(database, new)
    assert "staged" not in [owner for owner, _, _ in await database.run(ROWS)]


async def test_on_postgresql_an_erasure_and_a_page_wait_for_none_of_each_others_rows(
    database: Database, cases: list[Case], new: Vault
) -> None:
    """An erasure locks in an order of its own; each waiting for the other would be a deadlock."""
    if database.is_sqlite:
        return  # one writer
    async with database.connection() as other:
        await other.exec_driver_sql("BEGIN")
        owner = cases[1].complaint.id
        await other.exec_driver_sql(f"DELETE FROM data_keys WHERE owner_id = '{owner}'")
        [page] = await pages(database, new)
        assert page.moved == 5
        await other.exec_driver_sql("ROLLBACK")
    [page] = await pages(database, new)
    assert page.moved == 1


async def test_a_node_without_the_new_master_neither_starts_nor_takes_it_for_damage(
    database: Database, cases: list[Case], vault: Vault, new: Vault
) -> None:
    async with database.open(vault) as old:
        await old.check()
        await pages(database, new)
        with pytest.raises(MissingMaster, match=new.active):
            await old.check()
        for attempt in range(2):  # the second one, too: what could not be opened is not known as erased
            async with old.writing(Lane.INTAKE) as tx:
                with pytest.raises(Unavailable):
                    await tx.complaints.by_id([one.complaint.id for one in cases])
                with pytest.raises(Unavailable):
                    await tx.complaints.by_id([cases[attempt].complaint.id])


async def test_what_an_old_node_writes_meanwhile_is_read_by_all_and_found_by_the_next_pass(
    database: Database, cases: list[Case], vault: Vault, new: Vault
) -> None:
    await pages(database, new)
    late = case()
    async with database.open(vault) as old, old.writing(Lane.INTAKE) as tx:
        await write(tx, late)
    async with database.open(new) as storage:
        await storage.check()
        assert await is_held(storage, late)
    assert await counts(database, new) == {"m1": 2, new.active: 6}
    assert sum(page.moved for page in await pages(database, new)) == 2


async def test_the_keys_of_another_database_are_refused(database: Database, cases: list[Case], tmp_path: Path) -> None:
    async with database.open(Vault.create(tmp_path / "foreign")) as storage:
        with pytest.raises(Misconfigured, match="another database"):
            await storage.check()
