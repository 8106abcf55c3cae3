"""Data keys under another master key: how many each master wraps, and wrapping them anew, page by page.

No sealed value is touched. When to do it, and what the keys file says meanwhile, is gateway/rotation.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, func, literal_column, select

from gateway.storage import tables
from gateway.storage.connection import Connection
from gateway.vault import Vault, VaultError

ROWS: Final = 200  # of a page: other writers of an SQLite file wait some 10 ms for it

COLUMNS = tables.data_keys.c
REWRAP = (
    tables.data_keys.update()
    .where(COLUMNS.owner_id == bindparam("this"))
    .values(wrapped=bindparam("wrapped"), master_id=bindparam("master_id"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What was done with one page of the data keys."""

    rows: int
    moved: int  # wrapped anew
    damaged: int  # left as they are: they do not open
    last: str  # owner of the last row; the next page begins behind it
    ends: bool  # there is no next page


class Rewrapping:
    def __init__(self, db: Connection, vault: Vault) -> None:
        self._db = db
        self._vault = vault

    async def counts(self) -> Mapping[str, int]:
        """Return how many data keys each master key wraps, by the master's id. Reads the whole table."""
        found = await self._db.rows(
            select(COLUMNS.master_id, func.count().label("rows"))
            .group_by(COLUMNS.master_id)
            .order_by(COLUMNS.master_id)
        )
        return {row.master_id: row.rows for row in found}

    async def page(self, after: str) -> Page:
        """Let the active master wrap the next ROWS data keys behind this owner. Raises MissingMaster.

        Every row counts, also one that needs nothing, so that a page never takes long, wherever the work begins again.
        """
        found = await self._db.rows(
            select(tables.data_keys)
            .where(COLUMNS.owner_id > after)
            .order_by(COLUMNS.owner_id)
            .limit(literal_column(str(ROWS)))  # see queue.py
            .with_for_update(skip_locked=True)  # an erasure locks rows in an order of its own: none waits for the other
        )
        values, damaged = [], 0
        for row in found:
            if row.master_id == self._vault.active:
                continue
            try:
                key = self._vault.unwrap(row.wrapped, row.master_id, row.owner_id)
            except VaultError:
                damaged += 1
                continue
            wrapped, master_id = self._vault.wrap(key, row.owner_id)
            values.append({"this": row.owner_id, "wrapped": wrapped, "master_id": master_id})
        await self._db.run(REWRAP, values)
        return Page(
            rows=len(found),
            moved=len(values),
            damaged=damaged,
            last=found[-1].owner_id if found else after,
            ends=len(found) < ROWS,
        )
