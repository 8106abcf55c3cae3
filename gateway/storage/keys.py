"""Data keys: who owns one, and sealing and opening with it. The master keys and the cipher are in vault.py.

Erasing somebody is deleting a row here. What was sealed under it then opens as None, which a reader shows as empty.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import orjson
from sqlalchemy import Select, bindparam, select

from gateway.errors import BadData, Misconfigured
from gateway.storage import tables
from gateway.storage.connection import Connection, Session, Words
from gateway.vault import Vault, VaultError

ERASE = tables.data_keys.delete().where(tables.data_keys.c.owner_id == bindparam("this"))


class Keys:
    """The data keys one transaction has made or met; an erased owner is known as None."""

    def __init__(self, db: Connection, vault: Vault) -> None:
        self._db = db
        self._vault = vault
        self._known: dict[str, bytes | None] = {}

    async def make(self, owners: Sequence[str]) -> None:
        """Give each owner a key of its own."""
        rows = []
        for owner in owners:
            key = self._known[owner] = self._vault.new_key()
            wrapped, master_id = self._vault.wrap(key, owner)
            rows.append({"owner_id": owner, "wrapped": wrapped, "master_id": master_id})
        self._db.insert(tables.data_keys, rows)

    async def load(self, owners: Collection[str]) -> None:
        """Fetch the keys of these owners that this transaction has not met yet."""
        missing = {owner for owner in owners if owner not in self._known}
        found: dict[str, bytes | None] = dict.fromkeys(missing)
        for row in await self._db.lookup(_of, missing):
            found[row.owner_id] = self._vault.unwrap(row.wrapped, row.master_id, row.owner_id)
        self._known.update(found)  # all or none: after a key that cannot be opened nobody may pass for erased

    async def drop(self, owners: Collection[str]) -> None:
        """Delete the keys of these owners for good."""
        self._known.update(dict.fromkeys(owners))
        await self._db.run(ERASE, [{"this": owner} for owner in owners])

    def seal(self, owner: str, value: object, place: str) -> bytes:
        """Return a JSON value sealed for its place. Raises BadData when it is not JSON, or its owner was erased."""
        return self.seal_bytes(owner, _packed(value), place)

    def open(self, owner: str, sealed: bytes, place: str) -> Any:
        """Return the JSON value, or None when its owner was erased. Raises VaultError when it was tampered with."""
        value = self.open_bytes(owner, sealed, place)
        return None if value is None else orjson.loads(value)

    def seal_bytes(self, owner: str, value: bytes, place: str) -> bytes:
        key = self._known[owner]
        if key is None:
            raise BadData("its owner was erased")
        return self._vault.seal(key, value, place)

    def open_bytes(self, owner: str, sealed: bytes, place: str) -> bytes | None:
        key = self._known[owner]
        return None if key is None else self._vault.open(key, sealed, place)


def _of(words: Words) -> Select[Any]:
    return select(tables.data_keys).where(words.among(tables.data_keys.c.owner_id))


async def check(connection: Session, vault: Vault) -> None:
    """Raise Misconfigured when the database was sealed with other keys: nothing held could be read again.

    Raises MissingMaster when a master key was rotated elsewhere. The oldest row is looked at: it is wrapped anew first.
    """
    oldest = select(tables.data_keys).order_by(tables.data_keys.c.owner_id).limit(1)
    row = await connection.run_sync(lambda sync: sync.execute(oldest).first())
    if row is None:
        return
    try:
        vault.unwrap(row.wrapped, row.master_id, row.owner_id)
    except VaultError:
        raise Misconfigured("the keys file belongs to another database: restore the one this was sealed with") from None


def json_text(value: object) -> str:
    """Return a plain column's JSON. Raises BadData when the value is not JSON."""
    return _packed(value).decode()


def _packed(value: object) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError as error:  # also half a surrogate pair (lesson 18)
        raise BadData from error
