"""A changed timeline is found, whatever was changed and wherever the database is (A150)."""

from __future__ import annotations

import pytest

from gateway import verification
from gateway.ports import Storage
from gateway.vault import Vault
from gateway.verification import Verified, verify
from tests.contract.test_copying import chained, write
from tests.databases import Database


async def verified(storage: Storage, vault: Vault) -> Verified:
    return await verify(storage.reading, vault.audit_key, lambda done: None)


async def test_every_chain_of_an_untouched_database_holds_also_of_erased_people(
    storage: Storage, vault: Vault, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "BATCH", 2)
    cases = [chained(vault) for _ in range(5)]
    await write(storage, *cases)
    await database.run("DELETE FROM data_keys WHERE owner_id = :erased", erased=cases[1].complaint.id)
    heard: list[int] = []
    found = await verify(storage.reading, vault.audit_key, heard.append)
    assert found == Verified(complaints=5, entries=5, broken=0, numbers=[])
    assert heard == [2, 4, 5]


async def test_an_empty_database_holds(storage: Storage, vault: Vault) -> None:
    assert (await verified(storage, vault)).broken == 0


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE timeline SET public = replace(public, 'false', 'true') WHERE complaint_id = :id",
        "UPDATE timeline SET public = 'no JSON' WHERE complaint_id = :id",
        "UPDATE timeline SET at = at + 1 WHERE complaint_id = :id",
        "UPDATE timeline SET at = 9000000000000000000 WHERE complaint_id = :id",
        "UPDATE timeline SET kind = 'no kind' WHERE complaint_id = :id",
        "UPDATE timeline SET actor = 'somebody else' WHERE complaint_id = :id",
        "UPDATE timeline SET seq = 2 WHERE complaint_id = :id",
        "UPDATE timeline SET mac = digest WHERE complaint_id = :id",
        "UPDATE timeline SET sealed = digest WHERE complaint_id = :id",
        "UPDATE data_keys SET wrapped = :other WHERE owner_id = :id",
        "UPDATE complaints SET head = :other WHERE id = :id",
        "UPDATE complaints SET version = 2 WHERE id = :id",
        "DELETE FROM timeline WHERE complaint_id = :id",
    ],
)
async def test_whatever_is_changed_in_a_timeline_its_complaint_alone_is_named(
    storage: Storage, vault: Vault, database: Database, change: str
) -> None:
    cases = [chained(vault) for _ in range(3)]
    await write(storage, *cases)
    changed = cases[1].complaint
    values = {"other": b"something else"} if ":other" in change else {}
    await database.run(change, id=changed.id, **values)
    found = await verified(storage, vault)
    assert (found.complaints, found.broken, found.numbers) == (3, 1, [changed.number])


async def test_an_entry_of_another_complaint_does_not_pass(storage: Storage, vault: Vault, database: Database) -> None:
    one, other = chained(vault), chained(vault)
    await write(storage, one, other)
    await database.run("DELETE FROM timeline WHERE complaint_id = :id", id=one.complaint.id)
    await database.run(
        "UPDATE timeline SET complaint_id = :one WHERE complaint_id = :other",
        one=one.complaint.id,
        other=other.complaint.id,
    )
    found = await verified(storage, vault)
    assert sorted(found.numbers) == sorted([one.complaint.number, other.complaint.number])


async def test_of_many_broken_ones_only_the_first_are_listed(
    storage: Storage, vault: Vault, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "LISTED", 2)
    await write(storage, *[chained(vault) for _ in range(3)])
    await database.run("DELETE FROM timeline")
    found = await verified(storage, vault)
    assert (found.broken, len(found.numbers)) == (3, 2)
    assert str(found).endswith(" and others")
