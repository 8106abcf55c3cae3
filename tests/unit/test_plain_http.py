"""Plain HTTP from other machines is refused unless somebody said that it is meant, or where TLS ends."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.app import refuse_plain_http
from gateway.errors import Misconfigured
from gateway.settings import Web

HTTPS = "https://complaints.example.com"


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"host": "localhost"},
        {"host": "127.0.0.2"},
        {"host": "::1"},
        {"host": "0.0.0.0", "insecure": True},
        {"host": "0.0.0.0", "public_url": HTTPS, "trusted_proxies": ["10.1.0.0/16"]},
        {"host": "::", "public_url": HTTPS, "trusted_proxies": ["127.0.0.0/8", "10.1.2.3"]},
    ],
)
def test_what_stays_on_this_machine_or_behind_tls_is_served(settings: dict[str, Any]) -> None:
    refuse_plain_http(Web.model_validate(settings))


@pytest.mark.parametrize(
    "settings",
    [
        {"host": "0.0.0.0"},
        {"host": "::"},
        {"host": ""},
        {"host": "10.1.2.3"},
        {"host": "gateway.example.com"},
        {"host": "0.0.0.0", "public_url": HTTPS},  # a proxy on this machine needs no 0.0.0.0
        {"host": "0.0.0.0", "trusted_proxies": ["10.1.0.0/16"]},  # but the customer's way to it is in the clear
    ],
)
def test_what_would_cross_the_network_in_the_clear_is_refused_with_what_to_say(settings: dict[str, Any]) -> None:
    """A143."""
    with pytest.raises(Misconfigured, match=r"web\.trusted_proxies.*web\.insecure"):
        refuse_plain_http(Web.model_validate(settings))
