"""The published JSON Schemas of a ticket and of a case, their lists of values taken from the model.

tests/pages.py writes them into docs/reference/schemas; tests/contract/test_schemas.py holds what the gateway produces
against them.
"""

from __future__ import annotations

import json
from enum import StrEnum
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from gateway.model import (
    ChannelKind,
    ClockName,
    ContactType,
    ContentClass,
    Difficulty,
    Emotion,
    EvidenceType,
    Flag,
    Horizon,
    Kind,
    Language,
    Level,
    Nature,
    Product,
    Result,
    Role,
    Scope,
    State,
    Topic,
)
from gateway.rules import contents
from gateway.rules.tickets import SCHEMA as TICKET

COMPLAINT = "complaint.v1"

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
YES_OR_NO: Schema = {"type": "boolean"}
COUNT: Schema = {"type": "integer", "minimum": 0}
NUMBER: Schema = {"type": "string", "pattern": "^[A-Z0-9-]{1,32}$"}
WORD: Schema = {"type": "string", "pattern": "^[a-z0-9_]*$"}
MOMENT: Schema = {
    "type": "string",
    "format": "date-time",
    "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?Z$",
}
DAY: Schema = {"type": "string", "format": "date", "pattern": r"^\d{4}-\d{2}-\d{2}$"}
LINK: Schema = {"type": "string", "pattern": "^(https?://.+)?$"}
SHA256: Schema = {"type": "string", "pattern": "^[0-9a-f]{64}$"}


def one_of(values: type[StrEnum]) -> Schema:
    return {"enum": [value.value for value in values]}


def or_null(schema: Schema) -> Schema:
    if "enum" in schema:
        return {"enum": [*schema["enum"], None]}
    return {**schema, "type": [schema["type"], "null"]}


def items(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


def thing(properties: Schema) -> Schema:
    """Return the schema of an object that has all these properties and no other."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def document(name: str, title: str, properties: Schema) -> Schema:
    draft = "https://json-schema.org/draft/2020-12/schema"
    return {"$schema": draft, "$id": f"urn:huiyin:schema:{name}", "title": title, **thing(properties)}


@cache
def ticket() -> Schema:
    """Return the schema of what a unit's own system gets."""
    return document(
        TICKET,
        "A notice for a unit's own system: ids, grading and dates; no personal data and no words",
        {
            "type": {"const": TICKET},
            "timestamp": MOMENT,
            "id": {"type": "string", "pattern": "^[0-9a-z]{26}$"},
            "notice": {"enum": sorted(contents.STAFF)},
            "to_unit": TEXT,
            "number": NUMBER,
            "kind": one_of(Kind),
            "state": one_of(State),
            "level": one_of(Level),
            "nature": or_null(one_of(Nature)),
            "flags": items(one_of(Flag)),
            "product": or_null(one_of(Product)),
            "branch": TEXT,
            "unit": TEXT,
            "handler": TEXT,
            "language": one_of(Language),
            "registered_at": MOMENT,
            "promised_at": MOMENT,
            "legal_at": or_null(MOMENT),
            "clock": or_null(one_of(ClockName)),
            "due_at": or_null(MOMENT),
            "why": WORD,
            "restricted": YES_OR_NO,
            "link": LINK,
        },
    )


@cache
def complaint() -> Schema:
    """Return the schema of what GET /api/v1/complaints/{number} answers with."""
    clock = thing(
        {
            "due_at": MOMENT,
            "started_at": MOMENT,
            "paused_at": or_null(MOMENT),
            "stopped_at": or_null(MOMENT),
            "rule": TEXT,
            "clause": TEXT,
            "calendar": TEXT,
            "provisional": YES_OR_NO,
        }
    )
    return document(
        COMPLAINT,
        "A case as the REST API shows it",
        {
            "number": NUMBER,
            "state": one_of(State),
            "kind": one_of(Kind),
            "level": one_of(Level),
            "needs_review": YES_OR_NO,
            "nature": or_null(one_of(Nature)),
            "flags": items(one_of(Flag)),
            "suggested_flags": items(one_of(Flag)),
            "red_alert": YES_OR_NO,
            "product": or_null(one_of(Product)),
            "branch": TEXT,
            "unit": TEXT,
            "handler": TEXT,
            "channel": one_of(ChannelKind),
            "customer": TEXT,
            "registered_at": MOMENT,
            "promised_at": MOMENT,
            "legal_at": or_null(MOMENT),
            "told_until": or_null(MOMENT),
            "language": one_of(Language),
            "received_at": MOMENT,
            "clocks": {"type": "object", "propertyNames": one_of(ClockName), "additionalProperties": clock},
            "legal_hold": YES_OR_NO,
            "retention_until": or_null(DAY),
            "topic": or_null(one_of(Topic)),
            "emotion": or_null(one_of(Emotion)),
            "content_class": or_null(one_of(ContentClass)),
            "scope": or_null(one_of(Scope)),
            "horizon": or_null(one_of(Horizon)),
            "difficulty": or_null(one_of(Difficulty)),
            "first_owner": TEXT,
            "current_owner": TEXT,
            "lead": TEXT,
            "approver": TEXT,
            "contingency_owner": TEXT,
            "assist_units": items(TEXT),
            "staff_involved": items(TEXT),
            "rounds": COUNT,
            "objections": COUNT,
            "checkers": items(TEXT),
            "evidence": items(
                thing(
                    {"id": TEXT, "type": one_of(EvidenceType), "sha256": SHA256, "added_by": TEXT, "at": MOMENT},
                )
            ),
            "approvals": items(thing({"role": one_of(Role), "by": TEXT})),
            "approval_owed": YES_OR_NO,
            "result": or_null(one_of(Result)),
            "replied_at": or_null(MOMENT),
            "execution_due": or_null(DAY),
            "executed_at": or_null(MOMENT),
            "scores": {"type": "object", "additionalProperties": {"type": "integer", "minimum": 1, "maximum": 5}},
            "referral": TEXT,
            "merged_into": {"type": "string", "pattern": "^[A-Z0-9-]{0,32}$"},
            "named": items(NUMBER),
            "version": COUNT,
            "commands": items(WORD),
            "contacts": items(
                thing(
                    {
                        "id": TEXT,
                        "type": one_of(ContactType),
                        "value": TEXT,
                        "verified": YES_OR_NO,
                        "preferred": YES_OR_NO,
                    }
                )
            ),
            "missing": items({"enum": ["scene", "time", "branch", "product"]}),
        },
    )


def faults(schema: Schema, value: object) -> list[str]:
    """Return what of a JSON value the schema does not allow."""
    found = Draft202012Validator(schema).iter_errors(value)
    return [f"{'/'.join(map(str, error.absolute_path))}: {error.message}" for error in found]


def ticket_file() -> str:
    return _written(ticket())


def complaint_file() -> str:
    return _written(complaint())


def _written(schema: Schema) -> str:
    return json.dumps(schema, ensure_ascii=False, indent=2) + "\n"
