"""Settings that can be wrong in ways their types do not show, and what is said about it: never a secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.errors import Misconfigured
from gateway.settings import RedisSettings, Settings, StorageSettings, load
from gateway.storage.engines import database_url

URL = "rediss://huiyin:s3cret@redis.example.com:6379/0"


def loaded(folder: Path, text: str, **environment: str) -> Settings:
    path = folder / "gateway.toml"
    path.write_text(
        f'bank.telephone = "010-00000001"\nbank.names = {{zh-Hans = "一", zh-Hant = "一", en = "B"}}\n{text}',
        encoding="utf-8",
    )
    return load(path, environment)


def test_the_url_of_redis_comes_from_the_file_the_environment_or_a_file_of_its_own(tmp_path: Path) -> None:
    secret = tmp_path / "redis"
    secret.write_text(f"{URL}\n")
    assert loaded(tmp_path, f'redis.url = "{URL}"').redis.location() == URL
    assert loaded(tmp_path, "", HUIYIN_REDIS__URL=URL).redis.location() == URL
    assert loaded(tmp_path, f'redis.url_file = "{secret}"').redis.location() == URL
    assert loaded(tmp_path, "").redis.location() == ""


def test_a_secret_of_redis_is_in_no_error_and_no_repr(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="not both") as refused:
        loaded(tmp_path, f'redis.url = "{URL}"\nredis.url_file = "elsewhere"')
    settings = loaded(tmp_path, f'redis.url = "{URL}"')
    assert "s3cret" not in f"{refused.value}{settings!r}"


def test_the_password_of_the_database_comes_from_a_file_whatever_is_in_it(tmp_path: Path) -> None:
    secret, password = tmp_path / "database", "p@ss: w/o %41 #?&\\1"
    secret.write_text(f"{password}\n")
    url = "postgresql://huiyin@db.bank.example:5432/huiyin?sslmode=verify-full"
    storage = loaded(tmp_path, f'storage.url = "{url}"\nstorage.password_file = "{secret}"').storage
    assert database_url(storage.location()) == database_url(url).set(password=password)
    assert loaded(tmp_path, f'storage.url = "{url}"').storage.location() == url


@pytest.mark.parametrize(
    "url",
    ["sqlite:///huiyin.db", "postgresql://db.bank.example/huiyin", "postgresql://huiyin:s3cret@db.bank.example/h"],
)
def test_a_password_file_without_a_user_who_needs_it_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(Misconfigured, match="user and no password") as refused:
        loaded(tmp_path, f'storage.url = "{url}"\nstorage.password_file = "elsewhere"')
    assert "s3cret" not in str(refused.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"redis\.url_file .*gone"):
        RedisSettings(url_file=tmp_path / "gone").location()
    with pytest.raises(Misconfigured, match=r"storage\.password_file .*gone"):
        StorageSettings(url="postgresql://huiyin@db.bank.example/huiyin", password_file=tmp_path / "gone").location()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('redis.prefix = "no{braces}"', "redis.prefix"),
        ("nodes = 0", "nodes"),
        ('web.trusted_proxies = ["10.1.0.0/33"]', "web.trusted_proxies"),
        ('web.trusted_proxies = ["proxy.example.com"]', "web.trusted_proxies"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(Misconfigured, match=named.replace(".", r"\.")):
        loaded(tmp_path, text)
