"""What an operator may say of an endpoint, and what is refused without repeating it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from adapters.webhook.config import Config, Endpoint
from gateway.errors import Misconfigured
from tests.ticket_receiver import secret_of

URL = "https://cards.bank.example/tickets"


def endpoint(**changes: Any) -> Endpoint:
    return Endpoint.model_validate({"url": URL, "secrets": [secret_of("s")], **changes})


@pytest.mark.parametrize("url", [URL, "http://127.0.0.1:8090/t", "http://localhost/t", "http://[::1]/t"])
def test_tickets_go_by_https_or_stay_on_the_machine(url: str) -> None:
    assert endpoint(url=url).url == url


@pytest.mark.parametrize(
    "url",
    [
        "http://cards.bank.example/t",
        "ftp://cards.bank.example/t",
        "cards.bank.example/t",
        "https:///t",
        "https://user:hunter2@cards.bank.example/t",
        "https://cards.bank.example/t#here",
        "https://cards.bank.example:hunter2/",
    ],
)
def test_other_addresses_are_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ValidationError) as refused:
        endpoint(url=url)
    assert url not in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_plain_http_to_another_machine_has_to_be_meant() -> None:
    assert endpoint(url="http://cards.bank.example/t", insecure=True).insecure


@pytest.mark.parametrize(
    "changes",
    [
        {"secrets": []},
        {"secrets": ["whsec_hunter2"]},
        {"secrets": [secret_of("s")] * 6},
        {"secrets_file": "secrets/cards"},
        {"timeout": 60},
        {"retries": 3},
    ],
)
def test_what_cannot_work_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refused:
        endpoint(**changes)
    assert "hunter2" not in str(refused.value)


def test_secrets_in_a_file_are_one_a_line_and_read_again_for_each_ticket(tmp_path: Path) -> None:
    file = tmp_path / "cards"
    kept = endpoint(secrets=[], secrets_file=file)
    with pytest.raises(Misconfigured, match="cannot be read"):
        kept.keys()
    file.write_text(f"{secret_of('o')}\n")
    assert kept.keys() == (b"o" * 32,)
    file.write_text(f"{secret_of('n')}\n{secret_of('o')}\n")
    assert kept.keys() == (b"n" * 32, b"o" * 32)
    file.write_text("whsec_hunter2\n")
    with pytest.raises(Misconfigured, match="a secret is whsec_") as refused:
        kept.keys()
    assert "hunter2" not in str(refused.value)


def test_neither_secret_nor_address_is_shown() -> None:
    shown = repr(Config(endpoints={"cards": endpoint(url=f"{URL}?token=hunter2")}))
    assert secret_of("s") not in shown
    assert "hunter2" not in shown
