"""Every sample mail beside its expected fields. A new oddity from the field becomes one more pair of files.

Lessons 10, 13, 33, 34, 41-46 (z, fs, ld, glpi, os, holdmail); channels 4.4-4.6.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from adapters.email import wire
from gateway.model import InboundMessage

SAMPLES = sorted(Path(__file__).with_name("samples").glob("*.eml"))
RECEIVED_AT = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


def shown(message: InboundMessage) -> dict[str, Any]:
    """Return the fields of a message as a sample's JSON writes them."""
    return {
        **{
            name: getattr(message, name)
            for name in ("subject", "from_name", "from_address", "text", "reply_text", "message_id", "in_reply_to")
        },
        **{name: list(getattr(message, name)) for name in ("to", "references", "thread_keys", "problems")},
        "machine": message.machine and message.machine.value,
        "sent_at": message.sent_at and message.sent_at.isoformat(),
        "contacts": [contact.value for contact in message.contacts],
        "bounced": [{"recipient": b.recipient, "hard": b.hard} for b in message.bounced],
        "attachments": [{"name": a.name, "media_type": a.media_type, "size": a.size} for a in message.attachments],
    }


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_mail_is_read_as_expected(sample: Path) -> None:
    message = wire.parse(
        sample.read_bytes(), source="box", received_at=RECEIVED_AT, own_addresses=("complaints@bank.example",)
    )
    assert isinstance(message, InboundMessage)
    got = shown(message)
    for name, expected in json.loads(sample.with_suffix(".json").read_text(encoding="utf-8")).items():
        assert matching(got[name], expected) == expected, name


def matching(got: Any, expected: Any) -> Any:
    """Return `got` reduced to the keys that are expected of an attachment."""
    if isinstance(got, list) and isinstance(expected, list) and len(got) == len(expected):
        return [matching(one, other) for one, other in zip(got, expected, strict=True)]
    if isinstance(got, dict) and isinstance(expected, dict):
        return {key: got[key] for key in expected}
    return got
