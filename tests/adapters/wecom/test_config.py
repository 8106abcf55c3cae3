"""What an operator may write about accounts of 微信客服."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from adapters.wecom import Config, open_channel
from gateway.errors import Misconfigured
from gateway.settings import explain
from tests.adapters.wecom.house import AES_KEY, KF, SECRET, TOKEN, table
from tests.shared import tools


def config(**changes: Any) -> Config:
    values = {**table(), "base_url": None, "timeout": None, **changes}
    return Config.model_validate({name: value for name, value in values.items() if value is not None})


def test_little_needs_to_be_said() -> None:
    taken = config(accounts=[{"open_kfid": KF}], credentials=[{"token": TOKEN, "aes_key": AES_KEY}])
    assert taken.base_url == "https://qyapi.weixin.qq.com"
    assert taken.accounts[0].menu == ("我要投诉", "我有建议", "我要咨询")
    assert taken.accounts[0].welcome


@pytest.mark.parametrize(
    "changes",
    [
        {"base_url": "http://127.0.0.1:8080/"},
        {"base_url": "http://wecom-proxy.internal", "insecure": True},
        {"accounts": [{"open_kfid": KF, "welcome": "", "menu": [], "note": "95500"}]},
    ],
)
def test_a_sound_table_is_taken(changes: dict[str, Any]) -> None:
    config(**changes)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"secret": None}, "secret or secret_file"),
        ({"secret_file": "/run/secrets/wecom"}, "secret or secret_file"),
        ({"credentials": []}, "credentials"),
        ({"credentials": [{"token": TOKEN}]}, "aes_key or aes_key_file"),
        ({"credentials": [{"token": TOKEN, "aes_key": AES_KEY[:-1]}]}, "aes_key"),
        ({"credentials": [{"token": "t" * 33, "aes_key": AES_KEY}]}, "token"),
        ({"accounts": []}, "accounts"),
        ({"accounts": [{"open_kfid": KF}, {"open_kfid": KF}]}, "twice"),
        ({"accounts": [{"open_kfid": "wk/1"}]}, "open_kfid"),
        ({"accounts": [{"open_kfid": KF, "welcome": "您" * 342}]}, "1024 bytes"),
        ({"accounts": [{"open_kfid": KF, "note": "您" * 171}]}, "512 bytes"),
        ({"accounts": [{"open_kfid": KF, "menu": ["投" * 43]}]}, "128 bytes"),
        ({"accounts": [{"open_kfid": KF, "menu": ["一"] * 11}]}, "menu"),
        ({"accounts": [{"open_kfid": KF, "prompt": ""}]}, "prompt"),
        ({"base_url": "http://wecom-proxy.internal"}, "insecure = true"),
        ({"base_url": "qyapi.weixin.qq.com"}, "address of an API"),
        ({"base_url": "https://:hunter2@qyapi.weixin.qq.com"}, "address of an API"),  # errors show it
        ({"timeout": 0}, "timeout"),
    ],
)
def test_what_cannot_work_is_said_at_start_up(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError) as refused:
        config(**changes)
    assert says in explain(refused.value)


async def test_secrets_may_lie_in_files(tmp_path: Path) -> None:
    for name, content in (("secret", SECRET), ("token", TOKEN), ("key", AES_KEY)):
        (tmp_path / name).write_text(f"{content}\n", encoding="utf-8")
    signing = {"token_file": tmp_path / "token", "aes_key_file": tmp_path / "key"}
    taken = config(secret=None, secret_file=tmp_path / "secret", credentials=[signing])
    assert taken.app_secret() == SECRET
    [credential] = taken.callback_credentials()
    assert (credential.token, credential.aes_key) == (TOKEN, AES_KEY)
    async with open_channel(taken, tools(), "wecom") as channel:
        assert channel.feed is not None


@pytest.mark.parametrize("content", [None, "", " \n"])
async def test_a_file_that_holds_no_secret_stops_the_start(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "secret"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(Misconfigured, match="secret_file"):
        async with open_channel(config(secret=None, secret_file=path), tools(), "wecom"):
            raise AssertionError("it opened without a secret")
