"""Whose address a rate counts: X-Forwarded-For is anybody's to write, so it is read only as far as proxies vouch."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.web.proxies import client_of
from tests.conftest import Core
from tests.unit.web.world import GOOD, open_site

TRUSTED = [ip_network(text) for text in ("127.0.0.0/8", "::1/128", "10.1.0.0/16")]


@pytest.mark.parametrize(
    ("seen", "forwarded", "counted"),
    [
        ("203.0.113.9", [], "203.0.113.9"),
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),  # not our proxy: it may say what it likes
        ("10.1.2.3", ["198.51.100.1"], "198.51.100.1"),
        ("10.1.2.3", ["6.6.6.6, 198.51.100.1"], "198.51.100.1"),  # the customer wrote 6.6.6.6
        ("10.1.2.3", ["6.6.6.6", "198.51.100.1, 10.1.9.9"], "198.51.100.1"),  # two proxies, two headers
        ("10.1.2.3", ["10.1.9.9"], "10.1.9.9"),  # a customer inside
        ("10.1.2.3", [], "10.1.2.3"),
        ("10.1.2.3", ["unknown"], "10.1.2.3"),  # RFC 7239 section 6: proxies may hide the address
        ("10.1.2.3", ["198.51.100.1, nonsense, 10.1.9.9"], "10.1.9.9"),
        ("::ffff:10.1.2.3", ["::ffff:198.51.100.1"], "198.51.100.1"),  # one socket for both families
        ("::1", ["2001:db8:1:2:3:4:5:6"], "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", ["198.51.100.1"], "2001:db8:1:2::/64"),
        ("", ["198.51.100.1"], ""),  # a socket without addresses
    ],
)
def test_an_address_is_taken_from_proxies_that_are_trusted(seen: str, forwarded: list[str], counted: str) -> None:
    assert client_of(seen, forwarded, TRUSTED) == counted


@given(st.lists(st.text(max_size=60), max_size=4))
def test_no_header_hides_a_customer_who_comes_directly(forwarded: list[str]) -> None:
    assert client_of("203.0.113.9", forwarded, TRUSTED) == "203.0.113.9"


@given(st.lists(st.text(max_size=60), max_size=4))
def test_no_header_moves_the_address_our_proxy_saw(forwarded: list[str]) -> None:
    """What a proxy appends is last, whatever the customer sent before it."""
    assert client_of("10.1.2.3", [*forwarded, "203.0.113.9"], TRUSTED) == "203.0.113.9"


async def test_customers_behind_a_trusted_proxy_have_a_limit_each(core: Core) -> None:
    async with open_site(core, form_per_hour=1, trusted_proxies=["127.0.0.0/8"]) as visitor:
        sent = [await visitor.sends(GOOD, headers={"X-Forwarded-For": f"203.0.113.{n}"}) for n in (1, 2, 1)]
    assert [page.status for page in sent] == [200, 200, 429]


async def test_a_header_from_elsewhere_gets_around_no_limit(core: Core) -> None:
    async with open_site(core, form_per_hour=1, trusted_proxies=["192.0.2.0/24"]) as visitor:
        sent = [await visitor.sends(GOOD, headers={"X-Forwarded-For": f"203.0.113.{n}"}) for n in (1, 2)]
    assert [page.status for page in sent] == [200, 429]
