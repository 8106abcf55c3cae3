"""The small fault run (bench/faults): twenty kills -9 at random moments, and a verdict by counting."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bench.faults.nodes import KILLED_SERVING, KILLED_STARTING
from bench.faults.plan import Kind, Plan
from bench.faults.report import text
from bench.faults.run import played
from bench.faults.stage import Outcome
from tests.databases import Database

KILLS = 20


# A minute on two idle cores, nearly all of it the imports of twenty starts; several where others need the cores.
@pytest.mark.timeout(480)
@pytest.mark.parametrize("database", Kind)
async def test_twenty_kills_lose_nothing_and_everybody_is_numbered_and_told(database: Kind) -> None:
    """Lessons 16, 19, 36, 70, 71. Afterwards each trace is tampered with, and the verdict sees it."""
    plan = Plan(
        database=database,
        seed=20261123,
        messages=300,
        kills=KILLS,
        gap=timedelta(seconds=1.5),
        limit=timedelta(seconds=400),
        outage=timedelta(minutes=6),  # past the lease of what a killed node had claimed
    )
    async with played(plan) as stage:
        outcome = await stage.outcome()
        assert outcome.in_time, text(outcome, "")
        assert outcome.verdict.holds, text(outcome, "")
        assert outcome.did[KILLED_SERVING] + outcome.did[KILLED_STARTING] == KILLS

        complaint, rows = outcome.evidence.complaints[0].id, Database(stage.url, ())
        await rows.run("UPDATE timeline SET actor = 'nobody' WHERE complaint_id = :id", id=complaint)
        of_it = "FROM messages WHERE complaint_id = :id AND outcome = 'opened'"
        await rows.run(f"DELETE FROM blobs WHERE message_id IN (SELECT id {of_it})", id=complaint)
        await rows.run(f"DELETE {of_it}", id=complaint)
        told = stage.customers.all[0].name
        stage.sink.accepted = [mail for mail in stage.sink.accepted if mail.customer != told]
        assert broken(await stage.outcome()) == {
            "every message is kept once; a copy is known as one",
            "every acknowledgement was taken by the SMTP server",
            "every timeline's chain verifies",
        }


def broken(outcome: Outcome) -> set[str]:
    return {point.says for point in outcome.verdict.points if point.broken}
