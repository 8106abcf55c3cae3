"""What an operator may write about a 公众号."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from adapters.wechat import Config, open_channel
from gateway.errors import Misconfigured
from gateway.model import NoticeKind
from gateway.settings import explain
from tests.adapters.wechat.account import AES_KEY, SECRET, TEMPLATES, TOKEN, settings
from tests.shared import tools

DATA = {"character_string1": "number"}


def config(**changes: Any) -> Config:
    table = settings() | changes
    return Config.model_validate({name: value for name, value in table.items() if value is not None})


def template(**changes: Any) -> dict[str, Any]:
    return {"template_id": "a-1", "data": DATA, **changes}


def test_a_notice_has_its_own_template_else_the_default_one() -> None:
    taken = config()
    for notice, template_id in ((NoticeKind.CLOSED_UNANSWERED, "consented-0002"), (NoticeKind.ANSWER, "accepted-0001")):
        found = taken.template_for(notice)
        assert found is not None
        assert found.template_id == template_id
    assert config(templates={"n01": template()}).template_for(NoticeKind.ANSWER) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"templates": None},
        {"templates": {"n01": template(kind="subscribe")}},
        {"templates": {"n01": template(data={"thing1": "number", "name2": "bank", "time3": "received"})}},
        {"zone": "Asia/Hong_Kong"},
        {"base_url": "http://wechat.internal", "insecure": True},
    ],
)
def test_a_sound_table_is_taken(changes: dict[str, Any]) -> None:
    config(**changes)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"app_id": "gh_0123456789ab"}, "app_id"),
        ({"secret": None}, "needs secret or secret_file"),
        ({"secret_file": "a"}, "needs secret or secret_file"),
        ({"credentials": []}, "credentials"),
        ({"credentials": [{"token": TOKEN}]}, "aes_key or aes_key_file"),
        ({"credentials": [{"token": TOKEN, "aes_key": AES_KEY[:-1]}]}, "EncodingAESKey"),
        ({"base_url": "http://api.weixin.qq.com"}, "in the clear"),
        ({"zone": "Asia/Peking"}, "time zone"),
        ({"timeout": 0}, "timeout"),
        ({"templates": {"n99": template()}}, "neither"),
        ({"templates": {"n24": template()}}, "neither"),  # it goes to the bank's own people
        ({"templates": {"n01": template(kind="custom")}}, "kind"),
        ({"templates": {"n01": template(data={})}}, "data"),
        ({"templates": {"n01": template(data={"thing": "number"})}}, "thing"),
        ({"templates": {"n01": template(data={"thing1": "name"})}}, "thing1"),
        ({"templates": {"n01": template(data={"phrase1": "status"})}}, '"number"'),
        ({"templates": {"n01": template(data={"phrase1": "number"})}}, "phrase1 cannot hold number"),
        (
            {"templates": {"default": template(data={**DATA, "character_string2": "status"})}},
            "templates.default.data.character_string2 cannot hold status",
        ),
        ({"templates": {"n01": template(url="https://bank.example")}}, "url"),
    ],
)
def test_a_mistake_is_refused_with_what_to_change_and_without_secrets(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError) as caught:
        config(**changes)
    assert says in explain(caught.value)
    told = explain(caught.value) + str(caught.value) + repr(caught.value)
    assert not any(secret in told for secret in (SECRET, TOKEN, AES_KEY[:-1]))


def test_no_secret_shows_in_a_repr() -> None:
    taken = config()
    told = f"{taken!r} {taken} {taken.model_dump_json()} {taken.callback_credentials()}"
    assert not any(secret in told for secret in (SECRET, TOKEN, AES_KEY))


async def test_secrets_in_files_are_read_when_the_channel_opens(tmp_path: Path) -> None:
    named = {}
    for name, value in (("secret", SECRET), ("token", TOKEN), ("aes_key", AES_KEY)):
        (tmp_path / name).write_text(f"{value}\n", encoding="utf-8")
        named[f"{name}_file"] = str(tmp_path / name)
    taken = config(secret=None, secret_file=named.pop("secret_file"), credentials=[named], templates=TEMPLATES)
    assert taken.app_secret() == SECRET
    assert [(one.token, one.aes_key) for one in taken.callback_credentials()] == [(TOKEN, AES_KEY)]
    (tmp_path / "secret").write_text(" \n", encoding="utf-8")
    with pytest.raises(Misconfigured, match="secret_file"):
        async with open_channel(taken, tools(), "oa"):
            pass
