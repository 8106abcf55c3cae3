"""Notices, their deliveries and the attempts made of each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, Update, and_, bindparam, exists, func, literal_column, select, tuple_

from gateway.model import Attempt, Delivery, DeliveryState, Notice, NoticeState
from gateway.ports import DeliveryResult
from gateway.rules.receipts import below
from gateway.storage import queue, rows, tables
from gateway.storage.connection import Connection, Words
from gateway.storage.keys import Keys

NOTICES = tables.notices.c
DELIVERIES = tables.deliveries.c
TAKEN = (DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.READ)
HANDED_OVER = (*TAKEN, DeliveryState.UNDELIVERED)
SENT: ColumnElement[str] = literal_column("'sent'")  # in the text, so that the partial index is seen to fit


class SqlNotices:
    def __init__(self, db: Connection, keys: Keys) -> None:
        self._db = db
        self._keys = keys

    async def add(self, notices: Sequence[Notice], deliveries: Sequence[Delivery]) -> None:
        await self._keys.load(
            {notice.complaint_id for notice in notices}
            | {delivery.complaint_id for delivery in deliveries}
            | {delivery.contact_id for delivery in deliveries if delivery.contact_id}
        )
        self._db.insert(tables.notices, [rows.notice_values(notice, self._keys) for notice in notices])
        self._db.insert(tables.deliveries, [rows.delivery_values(one, self._keys) for one in deliveries])

    async def threads(self, keys: Collection[str]) -> Mapping[str, str]:
        found = await self._db.lookup(_threads, keys)
        return {row.key: row.complaint_id for row in found}

    async def load(self, keys: Collection[str]) -> Mapping[str, Delivery]:
        found = await self._db.lookup(_deliveries, keys)
        return {delivery.key: delivery for delivery in await self._opened(found)}

    async def locked(self, keys: Collection[str]) -> Mapping[str, DeliveryState]:
        return {row.key: DeliveryState(row.state) for row in await self._db.lookup(_states, sorted(keys))}

    async def of(self, complaint_id: str) -> Sequence[Notice]:
        found = await self._db.rows(
            select(tables.notices).where(NOTICES.complaint_id == complaint_id).order_by(NOTICES.cause, NOTICES.id)
        )
        await self._keys.load({complaint_id})
        return [rows.notice(row, self._keys) for row in found]

    async def deliveries(self, complaint_id: str) -> Sequence[Delivery]:
        theirs = select(NOTICES.id).where(NOTICES.complaint_id == complaint_id)
        found = await self._db.rows(
            select(tables.deliveries).where(DELIVERIES.notice_id.in_(theirs)).order_by(DELIVERIES.key)
        )
        return await self._opened(found)

    async def attempts(self, keys: Collection[str]) -> Mapping[str, Sequence[Attempt]]:
        found = await self._db.lookup(_attempts_of, keys)
        attempts: dict[str, list[Attempt]] = defaultdict(list)
        for row in found:
            attempts[row.delivery_key].append(rows.attempt(row))
        return {key: attempts[key] for key in keys}

    async def calls(self, limit: int, after: Delivery | None = None) -> Sequence[Delivery]:
        # In the text, so that the partial index is seen to fit.
        waiting = and_(literal_column("call"), DELIVERIES.state == DeliveryState.QUEUED)
        if after is not None:
            place = (tables.microseconds(after.created_at), after.key)
            waiting = and_(waiting, tuple_(DELIVERIES.created_at, DELIVERIES.key) > tuple_(*place))
        found = await self._db.rows(
            select(tables.deliveries).where(waiting).order_by(DELIVERIES.created_at, DELIVERIES.key).limit(limit)
        )
        return await self._opened(found)

    async def _opened(self, found: Sequence[Row[Any]]) -> Sequence[Delivery]:
        contacts = {row.contact_id for row in found if row.contact_id}
        await self._keys.load({row.complaint_id for row in found} | contacts)
        return [rows.delivery(row, self._keys) for row in found]

    async def by_id(self, ids: Collection[str]) -> Mapping[str, Notice]:
        found = await self._db.lookup(_notices, ids)
        await self._keys.load({row.complaint_id for row in found})
        return {row.id: rows.notice(row, self._keys) for row in found}

    async def settle(self, results: Sequence[DeliveryResult]) -> None:
        # Repeating a commit of unknown outcome finds its own attempts.
        self._db.insert(tables.attempts, [rows.attempt_values(result.attempt) for result in results], again=True)
        before = await self.locked({result.attempt.delivery_key for result in results})
        current = await queue.current(self._db, [result.work for result in results if result.work])
        # A worker whose lease ran out does not decide any more; that it did send is a fact all the same.
        valid = [one for one in results if _its_own(one, current) or one.state is DeliveryState.SENT]
        for state, keys in _by_state((result.state, result.attempt.delivery_key) for result in valid).items():
            await self._db.change(_move_deliveries, keys, state=state)
        for by_call in (False, True):
            moves = (
                (one.notice_state, one.notice_id)
                for one in valid
                if (one.work is None) is by_call
                and (one.state is DeliveryState.SENT or before.get(one.attempt.delivery_key) not in HANDED_OVER)
            )
            for state, ids in _by_state(moves).items():
                written = _move_sent if state == NoticeState.SENT else _move_written
                await self._db.change(_move_called if by_call else written, ids, state=state)
        own = [(one.work.id, one) for one in results if one.work and one.work.id in current]
        await queue.finish(self._db, [work_id for work_id, one in own if one.due_at is None])
        await queue.postpone(self._db, {work_id: (one.due_at, one.attempt.at) for work_id, one in own if one.due_at})

    async def by_provider_id(self, provider_ids: Collection[str]) -> Mapping[str, str]:
        found = await self._db.lookup(_by_provider_id, [one for one in provider_ids if one])
        return {row.provider_id: row.delivery_key for row in found}

    async def learn(self, deliveries: Mapping[str, DeliveryState], notices: Mapping[str, NoticeState]) -> None:
        for state, keys in _by_state((state, key) for key, state in deliveries.items()).items():
            await self._db.change(_learn, sorted(keys), state=state, below=sorted(below(DeliveryState(state))))
        for state, ids in _by_state((state, notice_id) for notice_id, state in notices.items()).items():
            move = _move_sent if state == NoticeState.SENT else _move_failed
            await self._db.change(move, sorted(ids), state=state)

    async def tried(self, notice_ids: Collection[str]) -> Mapping[str, frozenset[str]]:
        found = await self._db.lookup(_tried, notice_ids)
        tried: dict[str, set[str]] = defaultdict(set)
        for row in found:
            if row.contact_id:
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


def _its_own(result: DeliveryResult, current: Collection[str]) -> bool:
    """Whether who reports it still has the work; a call is nobody's lease."""
    return result.work is None or result.work.id in current


def _threads(words: Words) -> Select[Any]:
    return select(DELIVERIES.key, DELIVERIES.complaint_id).where(words.among(DELIVERIES.key))


def _deliveries(words: Words) -> Select[Any]:
    return select(tables.deliveries).where(words.among(DELIVERIES.key))


def _states(words: Words) -> Select[Any]:
    return words.locked(
        select(DELIVERIES.key, DELIVERIES.state).where(words.among(DELIVERIES.key)).order_by(DELIVERIES.key)
    )


def _notices(words: Words) -> Select[Any]:
    return select(tables.notices).where(words.among(NOTICES.id))


def _tried(words: Words) -> Select[Any]:
    return select(DELIVERIES.notice_id, DELIVERIES.contact_id).where(words.among(DELIVERIES.notice_id))


def _attempts_of(words: Words) -> Select[Any]:
    columns = tables.attempts.c
    found = select(tables.attempts).where(words.among(columns.delivery_key))
    return found.order_by(columns.delivery_key, columns.number)


# What was sent stays sent, and what the provider said of it, whatever another worker's attempt says afterwards.
def _move_deliveries(words: Words) -> Update:
    moved = tables.deliveries.update().where(words.among(DELIVERIES.key), DELIVERIES.state.not_in(HANDED_OVER))
    return moved.values(state=bindparam("state"))


def _learn(words: Words) -> Update:
    # Another node may have learned more meanwhile.
    moved = tables.deliveries.update().where(words.among(DELIVERIES.key))
    return moved.where(DELIVERIES.state.in_(bindparam("below", expanding=True))).values(state=bindparam("state"))


def _move_failed(words: Words) -> Update:
    # What one contact did not get another one may have: then the recipient has been told.
    moved = tables.notices.update().where(words.among(NOTICES.id), NOTICES.state != NoticeState.TO_CALL.value)
    return moved.where(~_told()).values(state=bindparam("state"))


def _told() -> ColumnElement[bool]:
    theirs = DELIVERIES.notice_id == NOTICES.id
    return exists().where(theirs, DELIVERIES.state.in_(TAKEN)).correlate(tables.notices)


def _by_provider_id(words: Words) -> Select[Any]:
    columns = tables.attempts.c
    # Said in the text, so that the partial index is seen to fit.
    given: ColumnElement[bool] = literal_column("provider_id <> ''")
    return select(columns.provider_id, columns.delivery_key).where(words.among(columns.provider_id), given)


def _move_called(words: Words) -> Update:
    moved = tables.notices.update().where(words.among(NOTICES.id), NOTICES.state != SENT)
    return moved.values(state=bindparam("state"))


def _move_written(words: Words) -> Update:
    # What left in writing was only the short form where a call still has to be made.
    return _move_called(words).where(NOTICES.state != NoticeState.TO_CALL.value)


def _move_sent(words: Words) -> Update:
    # The provider may have said that it did not arrive before it was recorded that it left.
    return _move_written(words).where(_told())


def _by_state(moves: Iterable[tuple[str, str]]) -> Mapping[str, list[str]]:
    grouped: dict[str, list[str]] = defaultdict(list)
    for state, key in moves:
        grouped[state].append(key)
    return grouped
