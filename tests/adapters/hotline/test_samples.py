"""Every sample transcript beside what it says. A new oddity from the field becomes one more pair of files.

Channels 3; lesson 2. All people are invented.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from adapters.hotline import wire
from gateway.model import InboundMessage

FOLDER = Path(__file__).with_name("samples")
EXPECTED = ".expected.json"
SAMPLES = sorted(path for path in FOLDER.iterdir() if not path.name.endswith(EXPECTED))
RECEIVED_AT = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
READING = wire.Reading(
    customer={
        "aliyun": frozenset({"1"}),
        "aws": frozenset({"spk_1", "ch_1"}),
        "iflytek": frozenset({"2"}),
        "tencent": frozenset({"1"}),
        "text": frozenset({"说话人2"}),
        "twilio": frozenset({"2"}),
    }
)


def shown(message: InboundMessage) -> dict[str, Any]:
    """Return the fields of a message as a sample's JSON writes them."""
    return {
        **{name: getattr(message, name) for name in ("external_id", "text", "recording")},
        "language": message.language and message.language.value,
        "received_at": message.received_at.isoformat(),
        "agent": message.particulars.receptionist,
        "contacts": [f"{contact.type.value} {contact.value}" for contact in message.contacts],
        "problems": list(message.problems),
        "turns": [[t.role.value, t.start_ms, t.end_ms, t.text, t.confidence, t.emotion] for t in message.turns],
    }


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_a_sample_transcript_is_read_as_expected(sample: Path) -> None:
    message = wire.parse(sample.read_bytes(), source="line", received_at=RECEIVED_AT, reading=READING)
    assert isinstance(message, InboundMessage), message
    expected = json.loads((FOLDER / f"{sample.name}{EXPECTED}").read_text(encoding="utf-8"))
    assert shown(message) == expected
