"""The keys and what is done with them: sealed values stay at their place, and nothing secret shows (JR/T 0171)."""

from __future__ import annotations

import base64
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import keysfile
from gateway.errors import GatewayError, Misconfigured
from gateway.keysfile import KeyRing
from gateway.vault import MissingMaster, Vault, VaultError

PLACE = "contacts.sealed.01k9"
SECRET = b"13812345678"
NO_FILE = Path("there/is/none")
KEYS = {name: bytes([n]) * 32 for n, name in enumerate(("index", "audit", "signing"), start=1)}
VAULT = Vault(KeyRing(active="m1", masters={"m1": b"m" * 32}, **KEYS), NO_FILE)


def secrets_of(path: Path) -> list[str]:
    content = json.loads(path.read_text())
    return [content["index"], content["audit"], content["signing"], *content["masters"].values()]


def test_a_fresh_key_file_is_its_owners_alone_and_loads(tmp_path: Path) -> None:
    made = Vault.create(tmp_path / "huiyin.keys")
    loaded = Vault.load(tmp_path / "huiyin.keys")
    key = made.new_key()
    wrapped, master_id = made.wrap(key, "01k9")
    assert stat.S_IMODE((tmp_path / "huiyin.keys").stat().st_mode) == 0o600
    assert loaded.unwrap(wrapped, master_id, "01k9") == key
    assert loaded.index("mobile", "1") == made.index("mobile", "1")
    assert loaded.audit_key == made.audit_key
    assert loaded.sign("page", b"x") == made.sign("page", b"x")


def test_a_fresh_key_file_is_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        Vault.create(tmp_path / "huiyin.keys")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "huiyin.keys").stat().st_mode) == 0o600


def test_an_existing_key_file_is_never_overwritten(tmp_path: Path) -> None:
    Vault.create(tmp_path / "huiyin.keys")
    before = (tmp_path / "huiyin.keys").read_bytes()
    with pytest.raises(Misconfigured):
        Vault.create(tmp_path / "huiyin.keys")
    assert (tmp_path / "huiyin.keys").read_bytes() == before


def test_no_two_key_files_share_a_key(tmp_path: Path) -> None:
    for name in ("a", "b"):
        Vault.create(tmp_path / name)
    keys = [*secrets_of(tmp_path / "a"), *secrets_of(tmp_path / "b")]
    assert len(set(keys)) == 8


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644])
def test_a_key_file_others_can_read_is_refused_with_the_command_that_helps(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "huiyin.keys"
    Vault.create(path)
    path.chmod(mode)
    with pytest.raises(Misconfigured, match=f"chmod 600 {path}"):
        Vault.load(path)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: {**content, "index": "hunter2"},
        lambda content: {**content, "audit": base64.b64encode(b"hunter2").decode()},
        lambda content: {**content, "active": "m2"},
        lambda content: {**content, "pending": "m2"},
        lambda content: {**content, "pending": ["m1"]},
        lambda content: {**content, "masters": {}},
        lambda content: {**content, "masters": ["hunter2"]},
        lambda content: {"hunter2": content},
        lambda content: ["hunter2"],
    ],
)
def test_a_damaged_key_file_is_refused_and_not_quoted(tmp_path: Path, damage: Callable[[object], object]) -> None:
    path = tmp_path / "huiyin.keys"
    Vault.create(path)
    keys = secrets_of(path)
    path.write_text(json.dumps(damage(json.loads(path.read_text()))))
    with pytest.raises(Misconfigured, match="damaged") as raised:
        Vault.load(path)
    assert raised.value.__cause__ is None
    assert not any(key in str(raised.value) for key in [*keys, "hunter2"])


def test_a_missing_key_file_is_misconfigured(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="cannot be read"):
        Vault.load(tmp_path / "none")
    with pytest.raises(Misconfigured, match="cannot be written"):
        Vault.create(tmp_path / "none" / "huiyin.keys")


@given(value=st.binary(max_size=2000), place=st.text(st.characters(codec="utf-8"), max_size=60))
def test_what_is_sealed_opens_at_its_place(value: bytes, place: str) -> None:
    key = VAULT.new_key()
    sealed = VAULT.seal(key, value, place)
    assert VAULT.open(key, sealed, place) == value
    assert sealed != VAULT.seal(key, value, place)  # equal values do not look equal


@given(data=st.data())
def test_a_sealed_value_that_was_changed_anywhere_is_refused(data: st.DataObject) -> None:
    key = VAULT.new_key()
    sealed = bytearray(VAULT.seal(key, SECRET, PLACE))
    position = data.draw(st.integers(0, len(sealed) - 1))
    sealed[position] ^= data.draw(st.integers(1, 255))
    with pytest.raises(VaultError):
        VAULT.open(key, bytes(sealed), PLACE)


@pytest.mark.parametrize("length", [0, 1, 11, 12, 27])
def test_a_sealed_value_that_was_cut_is_refused(length: int) -> None:
    key = VAULT.new_key()
    with pytest.raises(VaultError):
        VAULT.open(key, VAULT.seal(key, SECRET, PLACE)[:length], PLACE)


def test_a_value_opens_neither_at_another_place_nor_with_another_key() -> None:
    key = VAULT.new_key()
    sealed = VAULT.seal(key, SECRET, PLACE)
    with pytest.raises(VaultError):
        VAULT.open(key, sealed, "contacts.sealed.01ka")
    with pytest.raises(VaultError):
        VAULT.open(VAULT.new_key(), sealed, PLACE)


def test_a_wrapped_key_opens_for_its_owner_and_master_key_only() -> None:
    wrapped, master_id = VAULT.wrap(VAULT.new_key(), "01k9")
    with pytest.raises(VaultError):
        VAULT.unwrap(wrapped, master_id, "01ka")
    with pytest.raises(MissingMaster, match="m2"):
        VAULT.unwrap(wrapped, "m2", "01k9")


def test_keys_wrapped_by_an_earlier_master_key_still_open() -> None:
    """A146: a master key can be replaced."""
    key = VAULT.new_key()
    wrapped, master_id = VAULT.wrap(key, "01k9")
    rotated = Vault(KeyRing(active="m2", masters={"m1": b"m" * 32, "m2": b"n" * 32}, **KEYS), NO_FILE)
    assert rotated.unwrap(wrapped, master_id, "01k9") == key
    assert rotated.wrap(key, "01k9")[1] == "m2"


def test_indexes_digests_and_signatures_differ_by_purpose_use_and_key() -> None:
    keys = {name: key[::-1] + b"x" for name, key in KEYS.items()}
    other = Vault(KeyRing(active="m1", masters={"m1": b"m" * 32}, **keys), NO_FILE)
    made = {
        VAULT.index("mobile", "13812345678"),
        VAULT.index("landline", "13812345678"),
        VAULT.index("mobile", "13812345679"),
        other.index("mobile", "13812345678"),
        VAULT.digest("mobile", SECRET),
        VAULT.digest("mobile", SECRET)[:16],
        VAULT.sign("mobile", SECRET),
        other.sign("mobile", SECRET),
    }
    assert len(made) == 8
    assert {len(VAULT.index("mobile", "1")), len(VAULT.digest("raw", b"")), len(VAULT.sign("page", b""))} == {16, 32}


def test_nothing_secret_shows(tmp_path: Path) -> None:
    path = tmp_path / "huiyin.keys"
    vault = Vault.create(path)
    raw = [base64.b64decode(key) for key in secrets_of(path)]
    shown = f"{vault!r} {vault} {[vault]} {vars(type(vault)).get('__dict__')}"
    assert shown.startswith("Vault(active='m1')")
    shown += repr(keysfile.read(path))
    assert not any(text in shown for key in raw for text in (key.hex(), repr(key), base64.b64encode(key).decode()))
    key = vault.new_key()
    with pytest.raises(GatewayError) as raised:
        vault.open(key, vault.seal(key, SECRET, PLACE), "elsewhere")
    assert SECRET.decode() not in f"{raised.value!r} {raised.value.__cause__!r}"
    assert raised.value.code == "vault"
