"""What an operator may write about a hotline, and that no secret of it is ever said back."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from adapters.hotline import Config
from gateway.settings import explain

SECRET = "whsec_" + b64encode(b"s3cret-value-of-this-very-hotline").decode()


@pytest.mark.parametrize(
    "table",
    [
        {},
        {"push": {"secrets": [SECRET]}},
        {"push": {"secrets": [SECRET.removeprefix("whsec_")], "secret_files": ["/etc/huiyin/hotline"]}},
        {"folder": {"path": "/var/spool/calls"}, "customer": {"aliyun": ["1"], "text": ["说话人2"]}},
    ],
)
def test_a_good_table_is_taken(table: dict[str, Any]) -> None:
    Config.model_validate(table)


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"push": {}}, "needs secrets or secret_files"),
        ({"push": {"secrets": [SECRET[:22]]}}, "24 to 64 bytes"),
        ({"push": {"secrets": [SECRET + "€"]}}, "is not base64"),
        ({"folder": {"path": "/a", "processed": "/a"}}, "must be three folders"),
        ({"folder": {"path": "/a", "poll_seconds": 0}}, "poll_seconds"),
        ({"customer": {"unheard-of": ["1"]}}, "unheard-of"),
        ({"country": "China"}, "country"),
        ({"own_numbers": ["01088888888"]}, "+861012345678"),
        ({"mean_confidence": 80}, "mean_confidence"),
    ],
)
def test_a_bad_table_is_refused_with_what_to_change_and_without_its_secrets(table: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Config.model_validate(table)
    assert says in explain(caught.value)
    assert SECRET[6:26] not in explain(caught.value) + str(caught.value) + repr(caught.value)


def test_a_number_of_the_bank_is_known_however_it_is_written() -> None:
    assert Config.model_validate({"own_numbers": ["+86 10-8888 8888"]}).reading().own_numbers == {"+861088888888"}


def test_no_secret_is_shown() -> None:
    config = Config.model_validate({"push": {"secrets": [SECRET]}})
    assert SECRET[6:] not in repr(config) + str(config) + config.model_dump_json()


def test_rejected_and_processed_lie_in_the_folder_unless_said_otherwise() -> None:
    folder = Config.model_validate({"folder": {"path": "/a", "rejected": "/b"}}).folder
    assert folder is not None
    assert (folder.processed_folder, folder.rejected_folder) == (Path("/a/processed"), Path("/b"))


def test_what_the_bank_says_of_one_format_leaves_the_others_as_they_are() -> None:
    """Twilio's own default is channel 2."""
    reading = Config.model_validate({"customer": {"aliyun": ["0"]}}).reading()
    assert reading.customer == {"aliyun": frozenset({"0"}), "twilio": frozenset({"2"})}
