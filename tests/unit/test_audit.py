"""The chained timeline (A150): what breaks it and what does not."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace
from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

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


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), VALUES))
def test_content_that_was_stored_and_read_again_has_the_same_bytes(content: dict[str, object]) -> None:
    """Else a chain would break by being kept: the private part is stored as JSON, its keys in any order."""
    turned = dict(reversed(content.items()))
    assert audit.canonical(orjson.loads(orjson.dumps(turned))) == audit.canonical(content)


def test_the_bytes_of_content_are_those_of_canonical_json() -> None:
    """A fixed example: another serialiser or option would make every chain in use look broken."""
    content = {"b": [1, 0.5, None, True], "a": '张"\n', "ä": {"z": 1, "Z": 2}}
    assert audit.canonical(content) == '{"a":"张\\"\\n","b":[1,0.5,null,true],"ä":{"Z":2,"z":1}}'.encode()


def test_the_mac_of_an_entry_is_what_the_formula_says() -> None:
    """gateway/audit.py, its first lines; computed here in another way."""
    event = Event(kind=EventKind.SUPPLEMENTED, public={"message": "m1"}, private={"name": "张"})
    entry = audit.chain(KEY, complaint_id="c", prev=b"before", seq=2, at=AT, actor="system", event=event)
    head = b'["c",2,"2026-11-23T02:15:00+00:00","supplemented","system"]'
    covered = b""
    for part in (b"before", head, b'{"message":"m1"}', entry.digest):
        covered += len(part).to_bytes(8, "big") + part
    assert entry.digest == hashlib.sha256(entry.salt + '{"name":"张"}'.encode()).digest()
    assert entry.mac == hmac.new(KEY, covered, hashlib.sha256).digest()
