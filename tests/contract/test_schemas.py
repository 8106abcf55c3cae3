"""What the gateway hands out is what docs/reference/schemas promises, at every step of a case's life."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator

from gateway.model import Actor, Complaint, ContactType, EvidenceType, Level, OutboundMessage, Role, Ticket
from gateway.ports import Storage
from gateway.rules import commands, tickets
from gateway.rules.commands import Command
from gateway.vault import Vault
from gateway.web import case_views
from tests import schemas
from tests.bank import CARDS, CONCLUSION, Gateway, Taking
from tests.databases import Database
from tests.factories import Clock, ticket
from tests.pages import REFERENCE

AUDITOR = Actor(id="auditor", roles=frozenset({Role.AUD}))
WITH_SYSTEMS = replace(
    CARDS, units={name: replace(unit, webhook=f"{name}-system") for name, unit in CARDS.units.items()}
)


@pytest.fixture
def database(on_sqlite: Database) -> Database:
    """What is shown of a case is the same on both."""
    return on_sqlite


@pytest.mark.parametrize("name", ["ticket.v1", "complaint.v1"])
def test_the_published_file_is_a_sound_schema_that_allows_nothing_else(name: str) -> None:
    schema = json.loads((REFERENCE / "schemas" / f"{name}.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"urn:huiyin:schema:{name}"
    assert schema["additionalProperties"] is False


def test_the_schema_finds_what_does_not_belong() -> None:
    """The check can fail: a name that slipped in, a field left out, a word nobody published."""
    good = tickets.to_json(ticket())
    assert schemas.faults(schemas.ticket(), good) == []
    for bad in ({**good, "customer": "李四"}, {**good, "level": "huge"}, {**good, "promised_at": "soon"}):
        assert schemas.faults(schemas.ticket(), bad)
    del good["number"]
    assert schemas.faults(schemas.ticket(), good)


class Watched(Gateway):
    """A gateway whose every case is held against the schema after each command."""

    checked = 0

    async def does(self, number: str, command: Command, by: str) -> Complaint:
        after = await super().does(number, command, by)
        await self.check(number)
        return after

    async def check(self, number: str) -> Mapping[str, Any]:
        file = await self.casework.show(number, AUDITOR)
        for view in (case_views.file_view, case_views.plain_view):
            shown = orjson.loads(orjson.dumps(view(file, AUDITOR), option=orjson.OPT_UTC_Z))
            assert schemas.faults(schemas.complaint(), shown) == []
            self.checked += 1
        return dict(shown)


def sent(system: Taking) -> list[OutboundMessage]:
    return [one for one in system.got if isinstance(one.content, Ticket)]


@pytest.mark.parametrize("level", list(Level))
async def test_every_case_and_every_ticket_of_a_life_is_as_published(
    storage: Storage, vault: Vault, clock: Clock, level: Level
) -> None:
    """A001, A028: from the number over an assist, a return and an alarm to the outcome."""
    system = Taking()
    senders = {ContactType.EMAIL: Taking(), ContactType.WEBHOOK: system}
    bank = Watched(storage=storage, vault=vault, now=clock, directory=WITH_SYSTEMS, senders=senders)
    number, handler = await bank.dispatched(level)
    clock.later(minutes=61)
    await bank.sounds()
    await bank.does(number, commands.Accept(), handler)
    ahead = clock() + timedelta(hours=2)
    await bank.does(number, commands.Investigate(direction="查流水", next_contact_at=ahead), handler)
    question = commands.Coordinate(question="请说明", units=("it",), meeting_at=ahead)
    await bank.does(number, question, handler)
    await bank.does(number, commands.AnswerAssist(unit="it", answer="系统超时"), "it-h1")
    await bank.does(number, commands.CloseCoordination(minutes="重复提交"), handler)
    proof = commands.AddEvidence(id="e1", type=EvidenceType.LOG, sha256="0" * 64, description="流水")
    await bank.does(number, proof, handler)
    if level is Level.MAJOR:
        await bank.does(number, commands.SavePlan(plan="先停用", told="先停用"), handler)
    await bank.does(number, CONCLUSION, handler)
    back = commands.SendBack(missing="请说明", until=(clock() + timedelta(days=2)).date())
    await bank.does(number, back, "cards-head")
    await bank.sends()
    notices = {one.content.notice.value for one in sent(system) if isinstance(one.content, Ticket)}
    assert {"n24", "n25", "n29", "n35"} <= notices
    written = [tickets.to_json(one.content) for one in sent(system) if isinstance(one.content, Ticket)]
    assert [schemas.faults(schemas.ticket(), one) for one in written] == [[]] * len(written)
    assert bank.checked >= 18
