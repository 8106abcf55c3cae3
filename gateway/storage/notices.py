"""Notices, their deliveries and the attempts made of each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, func, literal_column, select

from gateway.model import Delivery, DeliveryState, Notice, NoticeState
from gateway.ports import DeliveryResult
from gateway.storage import queue, rows, tables
from gateway.storage.connection import Connection, Words
from gateway.storage.keys import Keys

NOTICES = tables.notices.c
DELIVERIES = tables.deliveries.c
SENT: ColumnElement[str] = literal_column("'sent'")  # in the text, so that the partial index is seen to fit

# What was sent stays sent, whatever another worker's attempt says afterwards.
MOVE_DELIVERY = (
    tables.deliveries.update()
    .where(DELIVERIES.key == bindparam("this"), DELIVERIES.state != SENT)
    .values(state=bindparam("state"))
)
MOVE_NOTICE = (
    tables.notices.update()
    .where(NOTICES.id == bindparam("this"), NOTICES.state != SENT)
    .values(state=bindparam("state"))
)


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
        await self._db.run(self._db.built(_attempts), [rows.attempt_values(result.attempt) for result in results])
        current = await queue.current(self._db, [result.work for result in results])
        # A worker whose lease ran out does not decide any more; that it did send is a fact all the same.
        valid = [result for result in results if result.work.id in current or result.state is DeliveryState.SENT]
        await self._db.run(
            MOVE_DELIVERY, [{"this": result.attempt.delivery_key, "state": result.state} for result in valid]
        )
        await self._db.run(MOVE_NOTICE, [{"this": result.notice_id, "state": result.notice_state} for result in valid])
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


def _attempts(words: Words) -> Any:
    return words.upsert(tables.attempts).on_conflict_do_nothing()
