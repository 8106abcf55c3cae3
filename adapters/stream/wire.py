"""A ticket as an entry of a stream. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import orjson

from gateway.model import InboundEvent, Ticket
from gateway.rules import tickets


def entry(key: str, ticket: Ticket) -> Mapping[str, bytes]:
    """Return the fields of an entry. `key` names the delivery: a consumer drops what it has had under the same one."""
    return {"key": key.encode(), "ticket": orjson.dumps(tickets.to_json(ticket))}


def read(data: bytes, name: str) -> Iterable[InboundEvent]:
    """Return nothing: tickets only go out."""
    return ()
