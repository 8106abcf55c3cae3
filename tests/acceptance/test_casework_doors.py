"""Who may do and see what by the REST API, and what it says to who may not (RFC 9110, RFC 9457)."""

from __future__ import annotations

import asyncio

import pytest

from gateway.errors import Misconfigured
from tests.acceptance.office import UPHELD, Office, tokens
from tests.acceptance.world import World


async def test_of_two_agents_at_once_one_wins_and_the_other_hears_what_changed(office: Office) -> None:
    """A107: the ETag is the version; 412 names what happened since."""
    number = await office.customer().complains()
    seen = (await office.m1.asks(f"complaints/{number}")).tag
    assert seen == '"1"'
    grading = {"kind": "complaint", "nature": "service", "level": "general", "product": "credit_card"}
    answers = await asyncio.gather(*(office.m1.tries(number, "grade", seen=seen, **grading) for _ in range(2)))
    won, lost = sorted(answers, key=lambda answer: answer.status)
    assert (won.status, won.tag, lost.status, lost.tag) == (200, '"3"', 412, '"3"')
    assert (lost.code, [one["code"] for one in lost.errors]) == ("changed", ["graded", "dispatched"])
    assert (await office.m1.tries(number, "note", seen='W/"3"', text="弱标签")).status == 412
    assert (await office.m1.tries(number, "note", seen='"3"', text="看过了")).tag == '"4"'


async def test_another_units_case_is_not_there(office: Office) -> None:
    """A144: the same words as for a number that was never given."""
    number = await office.customer().complains()
    handler = office.handler(await office.graded(number))
    unknown = await office.h3.asks("complaints/TS-261123-000999-X")
    for path in ("", "/messages", "/timeline", "/notices"):
        answer = await office.h3.asks(f"complaints/{number}{path}")
        assert (answer.status, answer.code, answer.body["title"]) == (404, "not_found", unknown.body["title"])
    assert (await office.h3.tries(number, "accept")).code == "not_found"
    assert (await office.b1.asks(f"complaints/{number}")).status == 404
    assert (await handler.asks(f"complaints/{number}")).status == 200


async def test_a_number_that_cannot_be_one_is_not_there_either(office: Office) -> None:
    for number in ("%00", "x" * 3000, "..%2Fcalls", "TS-261123-000123-v"):
        assert (await office.m1.asks(f"complaints/{number}")).status == 404


async def test_a_wrong_role_hears_whose_business_it_is(office: Office) -> None:
    """A064."""
    number = await office.customer().complains()
    handler = office.handler(await office.graded(number))
    answer = await handler.tries(number, "regrade", level="important", flags=[], reason="我看重要")
    assert (answer.status, answer.errors[0]["detail"]) == (403, "regrade is for mgr")
    assert (await handler.asks("queue")).status == 403
    assert (await handler.asks("calls")).errors[0]["detail"] == "calls are made by cb, mgr, rep"
    async with office.client.get(
        f"{office.world.site}/api/v1/complaints/{number}", headers={"Authorization": "Bearer token-of-the-app"}
    ) as response:
        assert response.status == 403


async def test_a_colleague_of_the_same_unit_sees_the_case_and_does_not_take_it_over(office: Office) -> None:
    """A063: exactly one handler at any time."""
    number = await office.customer().complains()
    other = office.colleague(await office.graded(number))
    assert (await other.asks(f"complaints/{number}")).status == 200
    answer = await other.tries(number, "accept")
    assert (answer.status, answer.errors[0]["code"]) == (422, "not_yours")


async def test_without_a_token_nothing_is_shown(office: Office) -> None:
    number = await office.customer().complains()
    for path in (f"complaints/{number}", f"complaints/{number}/timeline", "queue", "calls"):
        async with office.client.get(f"{office.world.site}/api/v1/{path}") as response:
            assert (response.status, response.headers["WWW-Authenticate"]) == (401, 'Bearer realm="huiyin"')


async def test_what_is_wrong_with_a_command_is_said_field_by_field_and_no_value_is_repeated(office: Office) -> None:
    """RFC 9457 with RFC 6901 pointers."""
    number = await office.customer().complains()
    answer = await office.m1.tries(number, "grade", kind="投诉啊", level="major", colour="red")
    assert answer.why == ("/colour", "extra_forbidden")
    answer = await office.m1.tries(number, "grade", kind="投诉啊", level="major")
    assert {one["pointer"]: one["code"] for one in answer.errors} == {"/kind": "enum", "/nature": "missing"}
    assert "投诉啊" not in str(answer.body)
    for command in ("sound_alarm", "register", "supplement", "outcome_sent", "delete", ""):
        assert (await office.m1.tries(number, command)).why == ("/command", "unknown")


async def test_a_body_that_is_no_command_is_refused(office: Office) -> None:
    number = await office.customer().complains()
    url = f"{office.world.site}/api/v1/complaints/{number}/commands"
    headers = {"Authorization": "Bearer token-of-m-1", "Content-Type": "application/json"}
    for body, status in ((b"{", 400), (b"[]", 422), (b'"grade"', 422), (b'{"command": ["grade"]}', 422), (b"", 400)):
        async with office.client.post(url, data=body, headers=headers) as response:
            assert response.status == status, body
    async with office.client.post(
        url, data=b"command=grade", headers={"Authorization": "Bearer token-of-m-1"}
    ) as response:
        assert response.status == 415


async def test_a_command_out_of_turn_is_refused_with_the_state(office: Office) -> None:
    """A107: nothing is skipped."""
    number = await office.customer().complains()
    answer = await office.h1.tries(number, "conclude", **UPHELD, evidence=["e1"])
    assert answer.status == 404  # it has no unit yet
    answer = await office.m1.tries(number, "archive")
    assert (answer.status, answer.errors[0]["detail"]) == (
        409,
        "archive is not possible while the complaint is registered",
    )


async def test_the_customer_is_masked_and_an_exact_amount_is_shown_to_those_it_concerns(office: Office) -> None:
    """A010, A011, A012, C13: what was said stands as it was said; the name and the amount are not for everybody."""
    number = await office.customer().complains("年费80元没提前说，请退")
    await office.investigated(number)
    paid = {"amount": "1234.50", "currency": "CNY", "arrival": "2026-12-02"}
    await office.approved(number, compensation=paid)
    case = await office.r1.sees(number)
    assert (case["customer"], case["contacts"][0]["value"]) == ("李*明", "l***@example.com")
    [message] = (await office.r1.asks(f"complaints/{number}/messages")).body
    assert (message["text"], message["outcome"]) == ("年费80元没提前说，请退", "opened")
    for person, shown in (
        (office.r1, {"band": "1k", "arrival": "2026-12-02"}),
        (office.c1, paid | {"account_tail": ""}),
    ):
        entries = (await person.asks(f"complaints/{number}/timeline")).body
        assert entries[0]["private"]["name"] == "李*明"
        [concluded] = [one for one in entries if one["event"] == "concluded"]
        assert concluded["private"]["compensation"] == shown


async def test_a_case_may_be_read_and_not_be_kept_by_a_cache(office: Office) -> None:
    number = await office.customer().complains()
    async with office.client.get(
        f"{office.world.site}/api/v1/complaints/{number}", headers={"Authorization": "Bearer token-of-m-1"}
    ) as response:
        assert (response.headers["Cache-Control"], response.headers["ETag"]) == ("no-store", '"1"')


@pytest.mark.parametrize(("key", "name"), [("staff", "h-9"), ("unit", "loans")])
async def test_a_token_for_somebody_nobody_knows_stops_the_start(office: Office, key: str, name: str) -> None:
    """A144: a slip of the pen in the settings must not open, or close, a unit's cases."""
    world = office.world
    wrong = {**tokens()[2], key: name}
    again = World(
        folder=world.folder,
        clock=world.clock,
        box=world.box,
        sink=world.sink,
        changes={**world.changes, "web": {"port": 0, "tokens": [wrong]}},
    )
    with pytest.raises(Misconfigured, match=f"has no {key} '{name}'"):
        async with again.gateway():
            pass


async def test_commands_at_the_same_moment_lose_nothing(office: Office) -> None:
    """A107, A150: without If-Match both are done, one after the other, and the chain holds."""
    number = await office.customer().complains()
    answers = await asyncio.gather(*(office.m1.tries(number, "note", text=f"第{n}条") for n in range(10)))
    assert {answer.status for answer in answers} == {200}
    entries = (await office.m1.asks(f"complaints/{number}/timeline")).body
    assert [entry["seq"] for entry in entries] == list(range(1, 12))
