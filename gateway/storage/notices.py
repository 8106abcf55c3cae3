"""Notices, their deliveries and the attempts made of each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Update, bindparam, func, literal_column, select

from gateway.model import Delivery, DeliveryState, Notice, NoticeState
from gateway.ports import DeliveryResult
from gateway.storage import queue, rows, tables
from gateway.storage.connection import Connection, Words
from gateway.storage.keys import Keys

NOTICES = tables.notices.c
DELIVERIES = tables.deliveries.c
SENT: ColumnElement[str] = literal_column("'sent'")  # in the text, so that the partial index is seen to fit


class SqlNotices:
    def __init__(self, db: Connection, keys: Keys) -> None:
        self._db = db
        self._keys = keys

    async def add(self, notices: Sequence[Notice], deliveries: Sequence[Delivery]) -> None:
        await self._keys.load(
            {notice.complaint_id for notice in notices}
            | {delivery.complaint_id for delivery in deliveries}
            | {delivery.contact_id for delivery in deliveries}
        )
        self._db.insert(tables.notices, [rows.notice_values(notice, self._keys) for notice in notices])
        self._db.insert(tables.deliveries, [rows.delivery_values(one, self._keys) for one in deliveries])

    async def threads(self, keys: Collection[str]) -> Mapping[str, str]:
        found = await self._db.lookup(_threads, keys)
        return {row.key: row.complaint_id for row in found}

    async def load(self, keys: Collection[str]) -> Mapping[str, Delivery]:
        found = await self._db.lookup(_deliveries, keys)
        await self._keys.load({row.complaint_id for row in found} | {row.contact_id for row in found})
        return {row.key: rows.delivery(row, self._keys) for row in found}

    async def by_id(self, ids: Collection[str]) -> Mapping[str, Notice]:
        found = await self._db.lookup(_notices, ids)
        await self._keys.load({row.complaint_id for row in found})
        return {row.id: rows.notice(row, self._keys) for row in found}

    async def settle(self, results: Sequence[DeliveryResult]) -> None:
        # Repeating a commit of unknown outcome finds its own attempts.
        self._db.insert(tables.attempts, [rows.attempt_values(result.attempt) for result in results], again=True)
        current = await queue.current(self._db, [result.work for result in results])
        # A worker whose lease ran out does not decide any more; that it did send is a fact all the same.
        valid = [result for result in results if result.work.id in current or result.state is DeliveryState.SENT]
        for state, keys in _by_state((result.state, result.attempt.delivery_key) for result in valid).items():
            await self._db.change(_move_deliveries, keys, state=state)
        for state, ids in _by_state((result.notice_state, result.notice_id) for result in valid).items():
            await self._db.change(_move_notices, ids, state=state)
        due = {result.work.id: result.due_at for result in results if result.work.id in current}
        await queue.finish(self._db, [work_id for work_id, at in due.items() if at is None])
        await queue.postpone(self._db, {work_id: at for work_id, at in due.items() if at is not None})

    async def tried(self, notice_ids: Collection[str]) -> Mapping[str, frozenset[str]]:
        found = await self._db.lookup(_tried, notice_ids)
        tried: dict[str, set[str]] = defaultdict(set)
        for row in found:
            tried[row.notice_id].add(row.contact_id)
        return {notice_id: frozenset(tried[notice_id]) for notice_id in notice_ids}

    async def states(self) -> Mapping[NoticeState, int]:
        found = await self._db.rows(
            select(NOTICES.state, func.count().label("notices")).where(NOTICES.state != SENT).group_by(NOTICES.state)
        )
        return {NoticeState(row.state): row.notices for row in found}

    async def waiting_since(self) -> Mapping[NoticeState, datetime]:
        oldest = func.min(NOTICES.created_at).label("oldest")
        found = await self._db.rows(select(NOTICES.state, oldest).where(NOTICES.state != SENT).group_by(NOTICES.state))
        return {NoticeState(row.state): row.oldest for row in found}


def _threads(words: Words) -> Select[Any]:
    return select(DELIVERIES.key, DELIVERIES.complaint_id).where(words.among(DELIVERIES.key))


def _deliveries(words: Words) -> Select[Any]:
    return select(tables.deliveries).where(words.among(DELIVERIES.key))


def _notices(words: Words) -> Select[Any]:
    return select(tables.notices).where(words.among(NOTICES.id))


def _tried(words: Words) -> Select[Any]:
    return select(DELIVERIES.notice_id, DELIVERIES.contact_id).where(words.among(DELIVERIES.notice_id))


# What was sent stays sent, whatever another worker's attempt says afterwards.
def _move_deliveries(words: Words) -> Update:
    moved = tables.deliveries.update().where(words.among(DELIVERIES.key), DELIVERIES.state != SENT)
    return moved.values(state=bindparam("state"))


def _move_notices(words: Words) -> Update:
    moved = tables.notices.update().where(words.among(NOTICES.id), NOTICES.state != SENT)
    return moved.values(state=bindparam("state"))


def _by_state(moves: Iterable[tuple[str, str]]) -> Mapping[str, list[str]]:
    grouped: dict[str, list[str]] = defaultdict(list)
    for state, key in moves:
        grouped[state].append(key)
    return grouped
