"""A node's keys follow the keys file while it runs, and it never takes a key it lacks for damage."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from gateway import keysfile
from gateway.errors import Misconfigured, Unavailable
from gateway.keysfile import KeyRing
from gateway.vault import MissingMaster, Vault, VaultError

DAY = date(2026, 11, 23)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    keysfile.create(tmp_path / "huiyin.keys")
    return tmp_path / "huiyin.keys"


def rotated(path: Path) -> KeyRing:
    return keysfile.change(path, lambda ring: ring.prepared(DAY).activated())


def test_a_node_that_reads_the_file_again_wraps_with_the_new_master_and_opens_the_old(path: Path) -> None:
    node = Vault.load(path)
    key = node.new_key()
    wrapped, master_id = node.wrap(key, "01k9")
    ring = rotated(path)
    assert node.wrap(key, "01k9")[1] == "m1"
    node.refresh()
    assert node.wrap(key, "01k9")[1] == node.active == ring.active != "m1"
    assert node.unwrap(wrapped, master_id, "01k9") == key


def test_a_node_that_meets_a_master_it_does_not_know_looks_into_the_file(path: Path) -> None:
    node = Vault.load(path)
    rotated(path)
    key = node.new_key()
    wrapped, master_id = Vault.load(path).wrap(key, "01k9")
    assert node.unwrap(wrapped, master_id, "01k9") == key
    assert node.active == master_id


def test_a_master_that_the_file_lacks_is_unavailable_and_no_damage(path: Path, tmp_path: Path) -> None:
    """Damage is quarantined and given up; what only wants the right file waits for it."""
    copy = tmp_path / "copy"
    copy.write_bytes(path.read_bytes())
    copy.chmod(0o600)
    node = Vault.load(copy)
    ring = rotated(path)
    key = node.new_key()
    wrapped, master_id = Vault.load(path).wrap(key, "01k9")
    with pytest.raises(MissingMaster, match=ring.active) as raised:
        node.unwrap(wrapped, master_id, "01k9")
    assert isinstance(raised.value, Unavailable)
    assert not isinstance(raised.value, VaultError)
    copy.write_bytes(path.read_bytes())
    assert node.unwrap(wrapped, master_id, "01k9") == key


def test_a_node_whose_copy_has_the_prepared_master_uses_it_once_it_is_seen_at_work(path: Path, tmp_path: Path) -> None:
    """The file need not be copied a second time: a key under the new master says that the rotation has begun."""
    keysfile.change(path, lambda ring: ring.prepared(DAY))
    copy = tmp_path / "copy"
    copy.write_bytes(path.read_bytes())
    copy.chmod(0o600)
    node = Vault.load(copy)
    ring = rotated(path)
    key = node.new_key()
    assert node.active == "m1"
    wrapped, master_id = Vault.load(path).wrap(key, "01k9")
    with pytest.raises(VaultError):
        node.unwrap(wrapped, master_id, "01ka")
    assert node.active == "m1"  # what does not open says nothing
    node.unwrap(wrapped, master_id, "01k9")
    assert node.active == ring.active
    node.refresh()
    assert node.active == ring.active


def test_a_file_that_cannot_be_used_leaves_the_node_with_what_it_has(path: Path, tmp_path: Path) -> None:
    node = Vault.load(path)
    wrapped, master_id = node.wrap(b"k" * 32, "01k9")
    keysfile.create(tmp_path / "foreign")
    whole = path.read_bytes()
    for content in (whole[:100], (tmp_path / "foreign").read_bytes()):
        path.write_bytes(content)
        with pytest.raises(Misconfigured):
            node.refresh()
        with pytest.raises(MissingMaster):
            node.unwrap(wrapped, "m2", "01k9")
        assert node.unwrap(wrapped, master_id, "01k9") == b"k" * 32
    path.write_bytes(whole)
    node.refresh()
