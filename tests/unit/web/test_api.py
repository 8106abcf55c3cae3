"""The REST API, over a real socket and the real intake."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.casework import command_of
from gateway.errors import Unavailable
from gateway.model import ChannelKind, Contact, ContactType, Kind, Language
from gateway.web.problems import TABLE, Refused, problem
from tests.unit.web.world import Visitor

COMPLAINT: dict[str, Any] = {
    "text": "手机银行缴费扣了两次",
    "name": "李女士",
    "contacts": [{"type": "mobile", "value": "138 0000 0000", "verified": True, "preferred": True}],
}


async def test_a_complaint_gets_its_number_and_date(visitor: Visitor) -> None:
    status, headers, body = await visitor.posts(COMPLAINT)
    assert status == 201
    assert "Location" not in headers
    assert body == {
        "number": (await visitor.complaints())[0],
        "promised_at": "2026-11-26T15:59:59Z",
        "outcome": "opened",
    }


async def test_every_field_reaches_the_message(visitor: Visitor) -> None:
    more = {
        "kind": "suggestion",
        "channel": "netbank",
        "subject": "重复扣款",
        "language": "zh-Hant",
        "received_at": "2026-11-23T09:00:00+08:00",
        "particulars": {"product": "payment", "demand": ["refund"], "amount_note": "2300元", "id_type": "passport"},
    }
    await visitor.posts(COMPLAINT | more)
    message = visitor.accept.message
    assert (message.source, message.external_id) == ("api-mobile-app", "k-1")
    assert (message.kind, message.channel, message.language) == (Kind.SUGGESTION, ChannelKind.NETBANK, Language.ZH_HANT)
    assert (message.subject, message.text, message.from_name) == ("重复扣款", COMPLAINT["text"], "李女士")
    assert message.contacts == (
        Contact(type=ContactType.MOBILE, value="+8613800000000", verified=True, preferred=True),
    )
    assert message.received_at == datetime(2026, 11, 23, 1, tzinfo=UTC)
    assert (message.particulars.product, message.particulars.demand) == ("payment", ("refund",))
    assert json.loads(message.raw or b"") == COMPLAINT | more


async def test_the_same_key_again_gives_the_same_number_and_opens_nothing(visitor: Visitor) -> None:
    _, _, first = await visitor.posts(COMPLAINT)
    status, _, again = await visitor.posts(COMPLAINT)
    assert (status, again["number"], again["outcome"]) == (200, first["number"], "duplicate")


async def test_a_key_used_for_other_content_is_refused(visitor: Visitor) -> None:
    """draft-ietf-httpapi-idempotency-key-header: 422, and nothing is taken."""
    await visitor.posts(COMPLAINT)
    status, _, body = await visitor.posts(COMPLAINT | {"text": "另一件事"})
    assert (status, body["code"]) == (422, "idempotency_key_reused")
    assert "number" not in body


async def test_a_quoted_key_is_the_same_as_a_bare_one(visitor: Visitor) -> None:
    _, _, first = await visitor.posts(COMPLAINT, key='"k-7"')
    status, _, again = await visitor.posts(COMPLAINT, key="k-7")
    assert (status, again["number"]) == (200, first["number"])


@pytest.mark.parametrize("key", ["", "   ", "k" * 201, '"open', "a b", '""'])
async def test_without_a_usable_key_nothing_is_taken(visitor: Visitor, key: str) -> None:
    status, _, body = await visitor.posts(COMPLAINT, key=key)
    assert (status, body["code"]) == (400, "idempotency_key_missing")
    assert visitor.accept.events == []


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer ", "Bearer wrong", "Basic YTpi", "Bearer 令牌"])
async def test_without_a_token_nothing_is_read(visitor: Visitor, authorization: str) -> None:
    status, headers, body = await visitor.posts(b"not json", Authorization=authorization)
    assert (status, body["code"]) == (401, "unauthorized")
    assert headers["WWW-Authenticate"].startswith("Bearer")


async def test_a_problem_is_a_document_with_stable_words(visitor: Visitor) -> None:
    """RFC 9457."""
    status, headers, body = await visitor.posts({"text": "x", "typo": 1, "contacts": [{"type": "email", "value": "x"}]})
    assert status == 422
    assert headers["Content-Type"] == "application/problem+json"
    assert body["type"] == "urn:huiyin:problem:invalid"
    assert (body["status"], body["code"]) == (422, "invalid")
    assert body["instance"] == f"urn:huiyin:request:{headers['X-Request-Id']}"
    assert {error["pointer"] for error in body["errors"]} == {"/typo", "/contacts/0"}


@pytest.mark.parametrize(
    "changes",
    [
        {"text": ""},
        {"text": "x" * 100_001},
        {"channel": "pigeon"},
        {"received_at": "2026-11-23T09:00:00"},
        {"received_at": "2026-11-24T09:00:00+08:00"},
        {"received_at": "1970-01-01T00:00:00+08:00"},
        {"received_at": "0001-01-01T00:00:00+08:00"},
        {"contacts": [{"type": "mobile", "value": "SECRET-VALUE"}]},
        {"contacts": [{"type": "email", "value": "a@b.cn"}] * 6},
        {"particulars": {"product": "SECRET-VALUE"}},
        {"particulars": {"id_number": "SECRET-VALUE"}},
        {"channel": "branch_counter", "particulars": {"branch": "SECRET-VALUE"}},
    ],
)
async def test_a_wrong_payload_is_refused_without_repeating_it(visitor: Visitor, changes: dict[str, Any]) -> None:
    """A007, A141: a document's number, too, for which there is no field."""
    status, _, body = await visitor.posts(COMPLAINT | changes)
    assert (status, body["code"]) == (422, "invalid")
    assert "SECRET-VALUE" not in json.dumps(body)
    assert visitor.accept.events == []


async def test_a_clock_a_little_ahead_of_ours_is_forgiven(visitor: Visitor) -> None:
    ahead = visitor.core.clock() + timedelta(seconds=90)
    status, _, _ = await visitor.posts(COMPLAINT | {"received_at": ahead.isoformat()})
    assert status == 201
    assert visitor.accept.message.received_at == visitor.core.clock()


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"{", {}, 400, "malformed"),
        (b"\xff\xfe", {}, 400, "malformed"),
        (b"[]", {}, 422, "invalid"),
        (b"{}", {"Content-Type": "text/plain"}, 415, "unsupported_media_type"),
        (b" " * 1_000_001, {}, 413, "too_large"),
    ],
)
async def test_what_is_no_complaint_is_refused_by_its_kind(
    visitor: Visitor, body: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    given = {"Content-Type": "application/json"} | headers
    found, _, document = await visitor.posts(body, **given)
    assert (found, document["code"]) == (status, code)


async def test_when_nothing_can_be_taken_the_caller_is_told_when_to_come_back(visitor: Visitor) -> None:
    visitor.accept.fails = Unavailable(retry_after=timedelta(milliseconds=300))
    status, headers, body = await visitor.posts(COMPLAINT)
    assert (status, body["code"], headers["Retry-After"]) == (503, "unavailable", "1")


async def test_a_fault_of_ours_is_an_id_and_nothing_else(visitor: Visitor, caplog: pytest.LogCaptureFixture) -> None:
    visitor.accept.fails = RuntimeError("李女士 13800000000")
    status, _, body = await visitor.posts(COMPLAINT)
    assert (status, body["code"]) == (500, "internal")
    fault_id = body["instance"].removeprefix("urn:huiyin:request:")
    logged = [record for record in caplog.records if getattr(record, "fields", {}).get("id") == fault_id]
    assert logged
    assert "13800000000" not in json.dumps(body) + caplog.text


async def test_another_path_or_method_is_a_problem_too(visitor: Visitor) -> None:
    async with visitor.client.get("/api/v1/complaints") as response:
        assert (response.status, response.headers["Allow"]) == (405, "POST")
        assert (await response.json(content_type=None))["code"] == "method_not_allowed"
    async with visitor.client.get("/api/v1/nothing") as response:
        assert (await response.json(content_type=None))["code"] == "not_found"


def documented(name: str) -> dict[str, Any]:
    page = (Path(__file__).parents[3] / "docs" / "reference" / "api.md").read_text(encoding="utf-8")
    block: dict[str, Any] = json.loads(page.split(f"```json {name}\n")[1].split("```")[0])
    return block


async def test_the_example_of_the_documentation_works(visitor: Visitor) -> None:
    status, _, body = await visitor.posts(documented("request"))
    assert status == 201
    example = documented("answer")
    assert body | {"number": ""} == example | {"number": ""}
    assert len(body["number"]) == len(example["number"])


async def test_the_problem_of_the_documentation_is_the_real_one(visitor: Visitor) -> None:
    _, _, body = await visitor.posts({"text": ""})
    assert body | {"instance": ""} == documented("problem") | {"instance": ""}


def test_the_command_of_the_documentation_is_one() -> None:
    command = command_of(documented("command"))
    assert (type(command).__name__, getattr(command, "reason", "")) == ("Grade", "第三次反映")


def test_the_412_of_the_documentation_is_the_real_one() -> None:
    refused = Refused("changed", [{"code": "graded"}, {"code": "dispatched"}])
    answer = problem(refused, instance="01kayz0000aaaaaaaaaaaaaaaa")
    assert isinstance(answer.body, bytes)
    assert json.loads(answer.body) == documented("changed")


@pytest.mark.parametrize("code", sorted(TABLE))
def test_every_code_of_a_problem_is_documented(code: str) -> None:
    page = (Path(__file__).parents[3] / "docs" / "reference" / "api.md").read_text(encoding="utf-8")
    assert f"`{code}`" in page
