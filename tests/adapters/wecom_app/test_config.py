"""Settings of the app: what is missing, what would leave in the clear, what a file has to hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from adapters.weixin.callback import Credential
from gateway.errors import Misconfigured
from tests.adapters.wecom_app.branch import AES_KEY, SECRET, TOKEN, config


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"secret": None}, "needs secret or secret_file"),
        ({"secret_file": "app.secret"}, "and not both"),
        ({"credentials": []}, "at least 1"),
        ({"credentials": [{"token": TOKEN}]}, "aes_key or aes_key_file"),
        ({"credentials": [{"token": TOKEN, "aes_key": AES_KEY[:-1]}]}, "EncodingAESKey"),
        ({"credentials": [{"token": "t" * 33, "aes_key": AES_KEY}]}, "at most 32"),
        ({"base_url": "http://wecom.example"}, "insecure = true"),
        ({"base_url": "wecom"}, "address of an API"),
        ({"agent_id": 0}, "greater than or equal to 1"),
        ({"per_minute": 3}, "greater than or equal to 4"),
        ({"reserve": 1}, "less than or equal to 0.9"),
    ],
)
def test_what_cannot_work_is_an_error_that_says_why(changes: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        config(**changes)


def test_an_unencrypted_address_has_to_be_meant() -> None:
    assert config("http://wecom.example/", insecure=True).base_url == "http://wecom.example"


def test_secrets_come_from_files(tmp_path: Path) -> None:
    files = {"secret": SECRET, "token": TOKEN, "key": AES_KEY}
    for name, content in files.items():
        (tmp_path / name).write_text(content + "\n", encoding="utf-8")
    credential = {"token_file": tmp_path / "token", "aes_key_file": tmp_path / "key"}
    read = config(secret=None, secret_file=tmp_path / "secret", credentials=[credential])
    assert read.app_secret() == SECRET
    assert read.callback_credentials() == (Credential(token=TOKEN, aes_key=AES_KEY),)


@pytest.mark.parametrize(
    ("content", "fault"), [(None, "cannot be read"), ("", "is empty"), ("short", "no EncodingAES")]
)
def test_a_file_that_does_not_serve_is_named(tmp_path: Path, content: str | None, fault: str) -> None:
    if content is not None:
        (tmp_path / "key").write_text(content, encoding="utf-8")
    read = config(credentials=[{"token": TOKEN, "aes_key_file": tmp_path / "key"}])
    with pytest.raises(Misconfigured, match=fault):
        read.callback_credentials()
