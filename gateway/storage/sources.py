"""Which of what a source says is held already: for tables with a unique (source, external_id)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection
from functools import cache, partial
from typing import Any

from sqlalchemy import Select, Table, bindparam, select

from gateway.storage.connection import Connection, Words


async def held(db: Connection, table: Table, keys: Collection[tuple[str, str]]) -> frozenset[tuple[str, str]]:
    """Return those of these (source, external_id) that the table holds."""
    # Not (source, external_id) IN (VALUES ...): for that SQLite reads the whole table.
    external_ids: dict[str, list[str]] = defaultdict(list)
    for source, external_id in keys:
        external_ids[source].append(external_id)
    found: set[tuple[str, str]] = set()
    for source, ids in external_ids.items():
        found.update((source, row.external_id) for row in await db.lookup(_among(table), ids, source=source))
    return frozenset(found)


@cache  # one for each table, because statements are kept by the function that builds them
def _among(table: Table) -> Callable[[Words], Select[Any]]:
    return partial(_held, table)


def _held(table: Table, words: Words) -> Select[Any]:
    return select(table.c.external_id).where(table.c.source == bindparam("source"), words.among(table.c.external_id))
