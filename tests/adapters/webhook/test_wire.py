"""Signatures, bodies and answers of Standard Webhooks, without a network."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.webhook import wire
from gateway.errors import DeliveryFailed, Permanent, Temporary
from gateway.model import Sent
from gateway.rules import tickets
from tests import schemas
from tests.factories import START, ticket
from tests.pages import REFERENCE
from tests.ticket_receiver import secret_of

PAGE = REFERENCE / "tickets.md"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def test_the_published_vector_of_standard_webhooks_is_signed_alike() -> None:
    """The vector that the libraries of standard-webhooks/standard-webhooks test with."""
    key = wire.key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    at = datetime.fromtimestamp(1614265330, tz=UTC)
    headers = wire.headers("msg_p5jXN8AQM9LWM0D4loKWxJek", at, b'{"test": 2432232314}', [key])
    assert headers["webhook-id"] == "msg_p5jXN8AQM9LWM0D4loKWxJek"
    assert headers["webhook-timestamp"] == "1614265330"
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_each_secret_signs_the_first_one_first() -> None:
    old, new = wire.key_of(secret_of("o")), wire.key_of(secret_of("n"))
    both = wire.headers("k1", START, b"{}", [new, old])["webhook-signature"].split(" ")
    assert both == [wire.headers("k1", START, b"{}", [one])["webhook-signature"] for one in (new, old)]


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_c2hvcnQ=", "whsec_!!!", secret_of("s")[6:], "whpk_" + secret_of("s")[6:]]
)
def test_what_is_no_secret_is_refused_without_being_repeated(secret: str) -> None:
    with pytest.raises(ValueError, match="a secret is whsec_ and the base64 of 24 to 64 random bytes") as refused:
        wire.key_of(secret)
    assert len(secret) < 8 or secret[6:] not in str(refused.value)


def test_the_body_is_the_published_form_and_the_same_on_every_attempt() -> None:
    assert orjson.loads(wire.body(ticket())) == tickets.to_json(ticket())
    assert wire.body(ticket()) == wire.body(ticket())


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_every_2xx_is_taken(status: int) -> None:
    assert wire.outcome(status, "", START) == Sent()


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        (410, Permanent),
        *((status, Temporary) for status in (301, 307, 400, 401, 403, 404, 408, 413, 422, 425, 429, 500, 502, 503)),
    ],
)
def test_only_gone_is_final(status: int, failure: type[DeliveryFailed]) -> None:
    """What an operator can mend loses no ticket meanwhile (lesson 67)."""
    with pytest.raises(failure, match=str(status)):
        wire.outcome(status, "", START)


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("120", timedelta(seconds=120)),
        (" 5 ", timedelta(seconds=5)),
        ("Mon, 23 Nov 2026 02:16:00 GMT", timedelta(minutes=1)),
        ("Mon, 23 Nov 2026 02:16:00 -0000", timedelta(minutes=1)),
        ("Mon, 23 Nov 2026 02:14:00 GMT", None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("9999999", None),
        ("٣", None),
    ],
)
def test_a_wish_to_wait_is_heard_in_both_forms(said: str, asked: timedelta | None) -> None:
    """RFC 9110 section 10.2.3."""
    assert wire.asked(said, START) == asked


@given(st.text())
def test_no_wish_to_wait_breaks_anything(said: str) -> None:
    asked = wire.asked(said, START)
    assert asked is None or asked >= timedelta(0)


def test_nothing_comes_in_this_way() -> None:
    assert list(wire.read(b"{}", "ticket.json")) == []


def test_the_code_on_the_page_tells_a_genuine_ticket_from_a_forged_one() -> None:
    """docs/reference/tickets.md, as a reader would paste it."""
    [code] = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    pasted: dict[str, Any] = {}
    exec(code, pasted)
    content, secret = wire.body(ticket()), secret_of("s")
    keys = [wire.key_of(secret_of("n")), wire.key_of(secret)]
    headers = wire.headers("k1", datetime.now(UTC), content, keys)
    assert pasted["is_genuine"](headers, content, secret)
    assert not pasted["is_genuine"](headers, content + b" ", secret)
    assert not pasted["is_genuine"](headers, content, secret_of("x"))
    assert not pasted["is_genuine"](wire.headers("k1", LONG_AGO, content, keys), content, secret)


def test_the_ticket_on_the_page_is_as_published() -> None:
    [shown] = re.findall(r"```json ticket\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert schemas.faults(schemas.ticket(), orjson.loads(shown)) == []
    assert orjson.loads(shown).keys() == tickets.to_json(ticket()).keys()
