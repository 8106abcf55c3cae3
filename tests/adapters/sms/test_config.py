"""What an operator may write about a number at Twilio."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from adapters.sms import Config, open_channel
from gateway.errors import Misconfigured
from gateway.settings import explain
from tests.adapters.sms.line import ACCOUNT, NUMBER
from tests.factories import START
from tests.shared import tools

SECRET = "s3cret-value"
SERVICE = "MG" + "3" * 32


def config(**changes: Any) -> Config:
    table = {"account_sid": ACCOUNT, "auth_tokens": [SECRET], "from_number": NUMBER} | changes
    return Config.model_validate({name: value for name, value in table.items() if value is not None})


def test_little_needs_to_be_said() -> None:
    taken = config()
    assert taken.signature == "enforce"
    assert taken.base_url == "https://api.twilio.com"
    assert taken.one_way == ("+86",)


@pytest.mark.parametrize(
    "changes",
    [
        {"from_number": None, "messaging_service_sid": SERVICE},
        {"from_number": "95588"},
        {"from_number": "DEMO BANK"},
        {"one_way": []},
        {"one_way": ["+86", "+1868"]},
        {"base_url": "http://127.0.0.1:8080/"},
        {"base_url": "http://twilio.internal", "insecure": True},
        {"shared_keys": {"webhooks_sharedkey_1": "x"}},
    ],
)
def test_a_sound_table_is_taken(changes: dict[str, Any]) -> None:
    config(**changes)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"auth_tokens": None}, "needs auth_tokens or auth_token_files"),
        ({"auth_tokens": [""]}, "auth_tokens"),
        ({"from_number": None}, "from_number or messaging_service_sid"),
        ({"messaging_service_sid": SERVICE}, "from_number or messaging_service_sid"),
        ({"account_sid": "AC1"}, "account_sid"),
        ({"from_number": "+0123"}, "from_number"),
        ({"one_way": ["86"]}, "one_way"),
        ({"signature": "sometimes"}, "signature"),
        ({"base_url": "http://api.twilio.com"}, "in the clear"),
        ({"base_url": f"https://me:{SECRET}@api.twilio.com"}, "not the address of an API"),
        ({"base_url": "api.twilio.com"}, "not the address of an API"),
        ({"timeout": 0}, "timeout"),
        ({"shared_keys": {"a,b": SECRET}}, "shared_keys"),
        ({"auth_token": SECRET}, "auth_token"),
    ],
)
def test_a_mistake_is_refused_with_what_to_change_and_without_secrets(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError) as caught:
        config(**changes)
    assert says in explain(caught.value)
    assert SECRET not in explain(caught.value) + str(caught.value) + repr(caught.value)


def test_no_secret_shows_in_a_repr() -> None:
    taken = config(shared_keys={"bank-1": SECRET})
    assert SECRET not in f"{taken!r} {taken} {taken.model_dump_json()}"


def test_secrets_in_files_are_read_without_the_newline_an_editor_leaves(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("hunter2\n", encoding="utf-8")
    taken = config(auth_token_files=[str(path)], shared_key_files={"bank-1": str(path)})
    assert taken.tokens() == (SECRET, "hunter2")
    assert taken.keys() == {"bank-1": "hunter2"}


@pytest.mark.parametrize("content", [None, "", " \n"])
async def test_a_secret_that_cannot_be_read_is_named_when_the_channel_opens(
    tmp_path: Path, content: str | None
) -> None:
    path = tmp_path / "token"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    taken = config(auth_tokens=None, auth_token_files=[str(path)])
    with pytest.raises(Misconfigured, match="auth_token_files"):
        async with open_channel(taken, tools(now=lambda: START), "sms"):
            pass
