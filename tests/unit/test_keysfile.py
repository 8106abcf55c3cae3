"""The keys file is replaced whole or not at all, by one at a time, and stays its owner's."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest

from gateway import keysfile
from gateway.errors import Misconfigured
from gateway.keysfile import KeyRing

DAY = date(2026, 11, 23)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    keysfile.create(tmp_path / "huiyin.keys")
    return tmp_path / "huiyin.keys"


def prepared(path: Path) -> KeyRing:
    return keysfile.change(path, lambda ring: ring.prepared(DAY))


def test_a_prepared_master_is_new_pending_and_not_in_use(path: Path) -> None:
    before = keysfile.read(path)
    after = prepared(path)
    assert keysfile.read(path) == after
    assert (after.active, list(after.masters)) == ("m1", ["m1", after.pending])
    assert str(after.pending).startswith("2026-11-23-")
    assert after.masters["m1"] == before.masters["m1"]
    assert len(set(after.masters.values())) == 2
    assert (after.index, after.audit, after.signing) == (before.index, before.audit, before.signing)


def test_a_pending_master_is_not_joined_by_another_one(path: Path) -> None:
    assert prepared(path) == prepared(path)


def test_a_rotation_goes_from_prepared_to_activated_to_settled(path: Path) -> None:
    pending = prepared(path).pending
    activated = keysfile.change(path, KeyRing.activated)
    assert (activated.active, activated.pending) == (pending, pending)
    settled = keysfile.change(path, KeyRing.settled)
    assert (settled.active, settled.pending) == (pending, None)
    assert "pending" not in json.loads(path.read_text())
    assert list(keysfile.change(path, lambda ring: ring.without(["m1"])).masters) == [pending]


def test_masters_made_from_copies_of_one_file_have_ids_of_their_own(path: Path) -> None:
    ring = keysfile.read(path)
    assert len({ring.prepared(DAY).pending for _ in range(100)}) == 100


def test_a_changed_file_is_its_owners_alone_whatever_the_umask(path: Path) -> None:
    before = os.umask(0)
    try:
        prepared(path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_root_changes_stays_the_services(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[tuple[int, ...]] = []
    monkeypatch.setattr(os, "fchown", lambda _, *owner: given.append(owner))  # only root may give a file away
    prepared(path)
    assert given == [(path.stat().st_uid, path.stat().st_gid)]


def test_a_link_to_the_file_stays_a_link(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "etc" / "keys"
    link.parent.mkdir()
    link.symlink_to(path)
    ring = prepared(link)
    assert link.is_symlink()
    assert keysfile.read(path) == ring
    assert os.listdir(link.parent) == ["keys"]


def test_changes_at_the_same_time_lose_none_of_each_others_masters(path: Path) -> None:
    """A master that wraps something and is gone from the file would be the data lost."""

    def prepare_another(_: int) -> None:
        keysfile.change(path, lambda ring: ring.settled().prepared(DAY))

    with ThreadPoolExecutor(4) as pool:  # each opens the folder for itself, so to the lock they are strangers
        list(pool.map(prepare_another, range(40)))
    assert len(keysfile.read(path).masters) == 1 + 40


def fail(*_: object) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_change_that_fails_leaves_the_file_as_it_was_and_nothing_beside_it(
    path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    before = path.read_bytes()
    monkeypatch.setattr(os, step, fail)
    with pytest.raises(Misconfigured, match="cannot be written: No space left"):
        prepared(path)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_what_a_killed_change_left_is_removed_by_the_next_one(path: Path) -> None:
    (path.parent / ".huiyin.keys-k2l3").write_bytes(path.read_bytes())
    prepared(path)
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize("spoil", [lambda path: path.chmod(0o644), lambda path: path.write_text("{"), Path.unlink])
def test_a_file_that_cannot_be_read_is_not_changed(path: Path, spoil: Callable[[Path], object]) -> None:
    spoil(path)
    with pytest.raises(Misconfigured):
        prepared(path)
    assert not path.exists() or path.read_text() == "{" or stat.S_IMODE(path.stat().st_mode) == 0o644
