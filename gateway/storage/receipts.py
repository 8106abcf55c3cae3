"""What providers say of deliveries, as it came. It names no person, so nothing of it is sealed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, literal_column, select

from gateway.ports import StoredReceipt
from gateway.storage import rows, tables
from gateway.storage.connection import Connection, Words
from gateway.storage.sources import held

TABLE = tables.delivery_receipts
COLUMNS = TABLE.c


class SqlReceipts:
    def __init__(self, db: Connection) -> None:
        self._db = db

    async def held(self, keys: Collection[tuple[str, str]]) -> frozenset[tuple[str, str]]:
        return await held(self._db, TABLE, keys)

    async def add(self, receipts: Sequence[StoredReceipt]) -> None:
        self._db.insert(TABLE, [rows.receipt_values(receipt) for receipt in receipts], again=True)

    async def load(self, ids: Collection[str]) -> Mapping[str, StoredReceipt]:
        return {row.id: rows.receipt(row) for row in await self._db.lookup(_load, ids)}

    async def of(self, delivery_keys: Collection[str]) -> Sequence[StoredReceipt]:
        return [rows.receipt(row) for row in await self._db.lookup(_of, delivery_keys)]


def _load(words: Words) -> Select[Any]:
    return select(TABLE).where(words.among(COLUMNS.id))


def _of(words: Words) -> Select[Any]:
    said: ColumnElement[bool] = literal_column(
        "delivery_key <> ''"
    )  # in the text, so that the partial index is seen to fit
    return select(TABLE).where(words.among(COLUMNS.delivery_key), said).order_by(COLUMNS.received_at, COLUMNS.id)
