"""Shipped files in a checkout and in an installed wheel, and an operator's own over them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import jinja2
import pytest

from gateway import share
from gateway.errors import Misconfigured


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed wheel with one template and one policy; beside it lies a stranger's templates folder."""
    package = tmp_path / "site-packages" / "gateway"
    _write(package / "_share" / "templates" / "notices" / "n01.en.j2", "shipped")
    _write(package / "_share" / "config" / "policies" / "cn.toml", "shipped")
    _write(tmp_path / "site-packages" / "templates" / "notices" / "n01.en.j2", "a stranger's")
    monkeypatch.setattr(share, "_PACKAGE", package)
    return package


@pytest.fixture
def own(tmp_path: Path) -> Path:
    folder = tmp_path / "own"
    folder.mkdir()
    return folder


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_a_checkout_has_its_templates_beside_the_package() -> None:
    assert "受理" in share.read_text("templates", "notices/n01.zh-Hans.j2", None)
    assert "notices/n01.zh-Hans.j2" in share.names("templates", "notices/*.j2", None)


def test_a_wheel_has_them_inside_the_package(installed: Path) -> None:
    assert share.read_text("templates", "notices/n01.en.j2", None) == "shipped"
    assert share.read_text("config", "policies/cn.toml", None) == "shipped"


def test_an_operators_file_wins_and_the_rest_stays_shipped(installed: Path, own: Path) -> None:
    _write(installed / "_share" / "config" / "policies" / "hk.toml", "shipped")
    _write(own / "policies" / "cn.toml", "own")
    _write(own / "policies" / "my.toml", "own")
    assert share.names("config", "policies/*.toml", own) == (
        "policies/cn.toml",
        "policies/hk.toml",
        "policies/my.toml",
    )
    assert [share.read_text("config", name, own) for name in share.names("config", "policies/*.toml", own)] == [
        "own",
        "shipped",
        "own",
    ]


def test_templates_are_loaded_in_the_same_order(installed: Path, own: Path) -> None:
    _write(installed / "_share" / "templates" / "notices" / "page.j2", "shipped")
    _write(own / "notices" / "n01.en.j2", "own")
    environment = jinja2.Environment(loader=share.template_loader(own))
    assert environment.get_template("notices/n01.en.j2").render() == "own"
    assert environment.get_template("notices/page.j2").render() == "shipped"


def test_folders_are_not_files(installed: Path, own: Path) -> None:
    (own / "policies" / "empty.toml").mkdir(parents=True)
    assert share.names("config", "policies/*", own) == ("policies/cn.toml",)


def test_a_file_that_is_nowhere_is_named(installed: Path, own: Path) -> None:
    with pytest.raises(Misconfigured, match=r"^there is no file config/policies/us\.toml$"):
        share.read_text("config", "policies/us.toml", own)


@pytest.mark.parametrize("use", [lambda own: share.names("config", "*", own), share.template_loader])
def test_an_operators_folder_that_does_not_exist_is_refused(use: Callable[[Path], object], tmp_path: Path) -> None:
    """A misspelt path would otherwise be the shipped texts in silence."""
    with pytest.raises(Misconfigured, match=r"^there is no folder .*nowhere"):
        use(tmp_path / "nowhere")


def test_a_file_in_another_encoding_is_named(own: Path) -> None:
    (own / "notice.txt").write_bytes("受理".encode("gb18030"))
    with pytest.raises(Misconfigured, match=r"notice\.txt is not UTF-8 text"):
        share.read_text("templates", "notice.txt", own)


@pytest.mark.parametrize("name", ["../settings.toml", "policies/../../settings.toml", "/etc/hostname"])
def test_a_name_stays_inside_its_folder(own: Path, name: str) -> None:
    _write(own.parent / "settings.toml", "secret")
    with pytest.raises(Misconfigured, match="is not a file name inside config"):
        share.read_text("config", name, own)
