"""The chained timeline (A150): what breaks it and what does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gateway import audit
from gateway.model import Entry, Event, EventKind

KEY = b"k" * 32
AT = datetime(2026, 11, 23, 2, 15, tzinfo=UTC)


def timeline(length: int = 3) -> list[Entry]:
    entries: list[Entry] = []
    for seq in range(1, length + 1):
        event = Event(kind=EventKind.SUPPLEMENTED, public={"message": f"m{seq}"}, private={"name": f"张{seq}"})
        prev = entries[-1].mac if entries else b""
        entries.append(audit.chain(KEY, complaint_id="c", prev=prev, seq=seq, at=AT, actor="system", event=event))
    return entries


def test_an_untouched_chain_holds() -> None:
    assert audit.broken_at(KEY, timeline()) is None


def test_an_empty_chain_holds() -> None:
    assert audit.broken_at(KEY, []) is None


@pytest.mark.parametrize("seq", [1, 2, 3])
def test_a_changed_public_part_is_found_at_its_entry(seq: int) -> None:
    entries = timeline()
    entry = entries[seq - 1]
    entries[seq - 1] = replace(entry, event=replace(entry.event, public={"message": "other"}))
    assert audit.broken_at(KEY, entries) == seq


def test_a_changed_private_part_is_found_at_its_entry() -> None:
    entries = timeline()
    entries[1] = replace(entries[1], event=replace(entries[1].event, private={"name": "李四"}))
    assert audit.broken_at(KEY, entries) == 2


@pytest.mark.parametrize(
    "change", [{"at": AT.replace(hour=3)}, {"actor": "somebody"}, {"complaint_id": "other"}, {"mac": b"x" * 32}]
)
def test_any_changed_column_is_found(change: dict[str, object]) -> None:
    entries = timeline()
    entries[1] = replace(entries[1], **change)  # type: ignore[arg-type]  # each value fits its field
    assert audit.broken_at(KEY, entries) == 2


def test_a_removed_entry_is_found() -> None:
    entries = timeline()
    assert audit.broken_at(KEY, [entries[0], entries[2]]) == 2


def test_an_erased_private_part_still_verifies() -> None:
    entries = timeline()
    entries[1] = replace(entries[1], salt=b"", event=replace(entries[1].event, private={}))
    assert audit.broken_at(KEY, entries) is None


def test_another_key_does_not_verify() -> None:
    assert audit.broken_at(b"x" * 32, timeline()) == 1
