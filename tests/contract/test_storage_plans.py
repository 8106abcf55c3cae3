"""At 100 000 rows a table every hot statement goes by an index, on both databases (lessons 91 and 92)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Boolean, Column, ColumnElement, Connection, LargeBinary, Text, cast, false, literal, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.model import DeliveryState, NoticeState
from gateway.ports import Lane, Mark, ProviderToken, Storage
from gateway.storage import tables
from tests.contract import records
from tests.contract.records import case, result, write
from tests.databases import Database, listening
from tests.factories import START

ROWS = 100_000
# Every other column of row n holds n; the ids refer to each other by that.
SAME_IN_EVERY_ROW = {
    "messages.source": "mailbox",
    "delivery_receipts.source": "mailbox",
    "consents.source": "mailbox",
    "notices.state": "sent",
    "queue.lane": "send:email",
}
READS_A_TABLE = re.compile(
    # Of the notices that are not sent, and the complaints that wait for a person, there are few: reading the whole of
    # their own index is the point of it.
    rf"Seq Scan on|SCAN ({'|'.join(tables.metadata.tables)})\b"
    r"(?! USING (COVERING )?INDEX ix_(notices_unsent|complaints_waiting))"
)


@pytest.fixture
def database(own: Database) -> Database:
    return own


async def test_no_hot_statement_reads_a_whole_table(storage: Storage, database: Database) -> None:
    statements: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        statements.append((statement, parameters[0] if many else parameters))

    async with database.connection() as connection:
        await connection.run_sync(fill)
        with listening("before_cursor_execute", note):
            await use(storage)
        plans = [
            (statement, step)
            for statement, parameters in statements
            if not statement.startswith(("BEGIN", "EXPLAIN"))
            for step in await plan(connection, statement, parameters)
        ]
    assert len(plans) > 50
    assert [(statement, step) for statement, step in plans if READS_A_TABLE.search(step)] == []


def fill(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET session_replication_role = replica"))  # references hold: not to be checked
    else:
        connection.execute(text("BEGIN"))
    # Numbers of one length: in the order of the text indexes they are added much faster.
    first, last = ROWS, 2 * ROWS - 1
    series = f"WITH RECURSIVE s (n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM s WHERE n < {last}) SELECT n FROM s"
    numbers = text(series).columns(Column("n")).subquery("numbers")
    for table in tables.metadata.sorted_tables:
        values = [value(column, numbers.c.n) for column in table.columns]
        connection.execute(table.insert().from_select(table.columns, select(*values)))
    if connection.dialect.name == "sqlite":
        connection.execute(text("COMMIT"))
    connection.execute(text("ANALYZE"))


def value(column: Column[Any], n: ColumnElement[Any]) -> ColumnElement[Any]:
    same = SAME_IN_EVERY_ROW.get(str(column))
    if same is not None:
        return literal(same)
    if isinstance(column.type, Boolean):
        return false()
    if isinstance(column.type, LargeBinary):
        return cast(cast(n, Text), LargeBinary)
    return cast(n, Text) if isinstance(column.type, Text) else n


async def use(storage: Storage) -> None:
    """Run every hot statement once."""
    li = case()
    async with storage.writing(Lane.INTAKE) as tx:
        await write(tx, li)
        await tx.complaints.by_number([li.complaint.number])
        await tx.complaints.by_id([li.complaint.id])
        await tx.complaints.advance([records.advanced(li.complaint)])
        await tx.complaints.provisional("cn-2026.2", 10)
        await tx.complaints.waiting(10)
        await tx.complaints.registered(after="2", before="~", limit=10)
        await tx.queue.reschedule("timers", {li.complaint.id: START, records.fresh_id(): None})
        await tx.notices.of(li.complaint.id)
        await tx.notices.deliveries(li.complaint.id)
        await tx.notices.attempts([li.delivery.key])
        await tx.notices.calls(10)
        await tx.notices.calls(10, li.delivery)
        await tx.contacts.verify([li.contact.id])
        await tx.contacts.conversations([li.contact.index, b"none"])
        await tx.contacts.talks([li.contact.id])
        await tx.messages.amend((await tx.messages.load([li.message.id]))[li.message.id])
        await tx.receipts.held([("mailbox", "none"), ("mailbox", "nor this")])
        await tx.receipts.add([records.receipt(li.delivery.key)])
        await tx.receipts.of([li.delivery.key])
        await tx.receipts.load([records.fresh_id()])
        await tx.consents.held([("mailbox", "none")])
        await tx.consents.add([records.consent(li.contact.index)])
        await tx.consents.refused([li.contact.id])
        await tx.notices.by_provider_id(["none"])
        await tx.notices.learn({li.delivery.key: DeliveryState.DELIVERED}, {li.notice.id: NoticeState.DEAD})
        await tx.messages.held([("mailbox", "none"), ("mailbox", "nor this")])
        await tx.messages.twins([li.message.content_key, b"none"])
        await tx.messages.of(li.complaint.id)
        await tx.contacts.of([li.complaint.id])
        await tx.contacts.indexes([li.complaint.id])
        await tx.timeline.of(li.complaint.id)
        await tx.notices.threads([li.delivery.key])
        await tx.notices.load([li.delivery.key])
        await tx.notices.by_id([li.notice.id])
        await tx.notices.tried([li.notice.id])
        await tx.notices.states()
        await tx.queue.oldest()
        work, *_ = await tx.queue.claim("send:email", now=START, until=START + timedelta(minutes=1), limit=64)
        await tx.queue.claim("send:email", now=START, until=START + timedelta(minutes=1), limit=64, since=START)
        await tx.queue.recall("send:email", now=START, latest=START)
        await tx.notices.settle([result(li, work), result(li, work, due_at=START)])
        await tx.blobs.stage("a", b"bytes", seq=0, at=START)
        await tx.blobs.sizes(["a"])
        [_ async for _ in tx.blobs.read("a")]
        await tx.blobs.sweep(before=START, limit=10)
        await tx.numbers.take("day", 1)
        fence = await tx.leases.acquire("name", "holder", now=START, until=START)
        await tx.leases.renew("name", fence or 0, until=START)
        await tx.leases.release("name", fence or 0)
        await tx.tokens.replace(ProviderToken(name="t", value="v", version=1, expires_at=START))
        await tx.tokens.replace(ProviderToken(name="t", value="v", version=2, expires_at=START))
        await tx.tokens.get(["t", "none"])
        await tx.marks.advance([Mark(stream="a", expected=None, value="1", fence=1)])
        await tx.marks.advance([Mark(stream="a", expected="1", value="2", fence=1)])


async def plan(connection: AsyncConnection, statement: str, parameters: Any) -> Sequence[str]:
    """Return the steps the database would take, on PostgreSQL also when it plans once for all parameters."""
    if connection.dialect.name == "sqlite":
        steps = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        return [step for *_, step in steps]
    steps = await connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)
    await connection.exec_driver_sql("SET plan_cache_mode = force_generic_plan")
    await connection.exec_driver_sql(f"PREPARE hot AS {statement}")
    unknown = f"({', '.join(['NULL'] * len(parameters))})" if parameters else ""
    generic = await connection.exec_driver_sql(f"EXPLAIN EXECUTE hot{unknown}")
    await connection.exec_driver_sql("DEALLOCATE hot")
    await connection.exec_driver_sql("RESET plan_cache_mode")
    return [step for (step,) in (*steps, *generic)]
