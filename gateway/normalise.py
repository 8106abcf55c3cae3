"""Inbound events as JSON lines, for people and scripts that want to see what a channel makes of a file."""

from __future__ import annotations

import json
from dataclasses import asdict

from gateway.model import Answer, Bell, ConsentChange, DeliveryReceipt, InboundEvent, InboundMessage


def unread(file: str, channel: str, problem: str = "file_not_read") -> str:
    """Return the line of a file that could not be read, or is too large to: bad input is an answer, not an end."""
    return json.dumps({"file": file, "channel": channel, "problems": [problem]})


def line(file: str, event: InboundEvent) -> str:
    """Return one event as one JSON object with the fields of docs/reference/normalise.md."""
    if isinstance(event, DeliveryReceipt | ConsentChange):
        return json.dumps({"file": file, "channel": event.channel.value, **_noted(event)})
    if isinstance(event, Bell | Answer):
        what = {"stream": event.stream} if isinstance(event, Bell) else {"key": event.key, "choice": event.choice}
        return json.dumps({"file": file, "external_id": event.external_id, **what})
    if not isinstance(event, InboundMessage):
        event = InboundMessage(
            source=event.source,
            channel=event.channel,
            external_id=event.external_id,
            received_at=event.received_at,
            text="",
            problems=(event.problem,),
        )
    shown = {
        "file": file,
        "channel": event.channel.value,
        "external_id": event.external_id,
        "from_address": event.from_address,
        "from_name": event.from_name,
        "to": event.to,
        "subject": event.subject,
        "text": event.text,
        "reply_text": event.reply_text,
        "attachments": [{"name": a.name, "size": a.size, "type": a.media_type} for a in event.attachments],
        "message_id": event.message_id,
        "in_reply_to": event.in_reply_to,
        "references": event.references,
        "sent_at": event.sent_at.isoformat() if event.sent_at else None,
        "machine": event.machine.value if event.machine else None,
        "bounced": [asdict(bounced) for bounced in event.bounced],
        "recording": event.recording,
        "turns": [asdict(turn) for turn in event.turns],
        "problems": event.problems,
    }
    # ASCII only: then a record is one line for every reader (U+2028 ends a line for some), on every terminal.
    return json.dumps(shown)


def _noted(event: DeliveryReceipt | ConsentChange) -> dict[str, object]:
    shown: dict[str, object] = {"external_id": event.external_id}
    if isinstance(event, DeliveryReceipt):
        return shown | {"status": event.status, "key": event.key, "reason": event.reason, "again": event.again}
    return shown | {"contact": event.contact.value, "wanted": event.wanted, "text": event.text}
