"""What an operator may write: the files under config/ are the specification."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from pydantic import ValidationError

from adapters.email import Config
from gateway.errors import Misconfigured
from gateway.settings import explain

FOLDER = Path(__file__).with_name("config")
SECRET = "s3cret-value"


def cases(folder: str) -> list[Path]:
    found = sorted((FOLDER / folder).glob("*.toml"))
    assert found
    return found


@pytest.mark.parametrize("path", cases("good"), ids=lambda path: path.stem)
def test_a_good_file_is_taken(path: Path) -> None:
    Config.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", cases("bad"), ids=lambda path: path.stem)
def test_a_bad_file_is_refused_with_what_to_change_and_without_its_secrets(path: Path) -> None:
    written = path.read_text(encoding="utf-8")
    with pytest.raises(ValidationError) as caught:
        Config.model_validate(tomllib.loads(written))
    assert written.splitlines()[0].removeprefix("# says: ") in explain(caught.value)
    assert SECRET not in explain(caught.value) + str(caught.value) + repr(caught.value)


def config(**imap: object) -> Config:
    return Config.model_validate(
        {"address": "complaints@bank.example", "imap": {"host": "imap.bank.example", "user": "complaints", **imap}}
    )


def test_a_password_shows_in_no_repr() -> None:
    taken = config(password=SECRET)
    assert SECRET not in f"{taken!r} {taken} {taken.model_dump_json()}"
    assert taken.imap is not None
    assert taken.imap.secret() == SECRET


def test_a_password_file_is_read_without_the_newline_an_editor_leaves(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text("hunter2 \u00e4\n", encoding="utf-8")
    imap = config(password_file=str(path)).imap
    assert imap is not None
    assert imap.secret() == "hunter2 \u00e4"


def test_a_missing_password_file_is_named(tmp_path: Path) -> None:
    imap = config(password_file=str(tmp_path / "absent")).imap
    assert imap is not None
    with pytest.raises(Misconfigured, match="absent"):
        imap.secret()
