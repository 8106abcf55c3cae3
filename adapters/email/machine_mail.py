"""Which mail was written by a machine, and what a bounce says. Such mail is recorded and never answered (RFC 3834)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from email.message import Message

from adapters.email import headers, parts
from gateway.model import Bounced, MachineKind

_BOUNCERS = re.compile(r"^(mailer-daemon|postmaster|mail-daemon|mdaemon|bounce)@", re.IGNORECASE)
_NO_REPLIES = re.compile(r"^(no[-_.]?reply|do[-_.]?not[-_.]?reply|auto[-_.]?reply)([-_.+][^@]*)?@", re.IGNORECASE)
_ANSWER_MARKS = ("x-auto-response-suppress", "x-autoreply", "x-autorespond", "x-autoresponder")
_RECIPIENT_LIMIT = 100


def classify(fields: headers.Headers, author: str, own_addresses: Sequence[str]) -> MachineKind | None:
    """Say what kind of machine wrote a mail, None for a person.

    The order matters: a vacation answer also carries `Precedence: bulk`, and often an empty return path.
    """
    if _is_loop(fields, author, own_addresses):
        return MachineKind.LOOP
    if _is_bounce(fields, author):
        return MachineKind.BOUNCE
    if _is_answer(fields):
        return MachineKind.AUTO_REPLY
    if _is_list(fields):
        return MachineKind.LIST
    if fields.first("return-path") == b"<>":
        return MachineKind.BOUNCE
    return MachineKind.AUTO_REPLY if _NO_REPLIES.match(author) else None


def _is_loop(fields: headers.Headers, author: str, own_addresses: Sequence[str]) -> bool:
    own = {address.lower() for address in own_addresses}
    local, _, domain = author.lower().rpartition("@")
    marks = {mark.decode("ascii", "replace").lower() for mark in fields.every("x-loop")}
    return f"{local.partition('+')[0]}@{domain}" in own or not own.isdisjoint(marks)


def _is_bounce(fields: headers.Headers, author: str) -> bool:
    return _is_report(fields) or "x-failed-recipients" in fields or _BOUNCERS.match(author) is not None


def _is_report(fields: headers.Headers) -> bool:
    if parts.media_type(fields) != "multipart/report":
        return False
    report = headers.parameters(fields.first("content-type")).get("report-type", "")
    return report.lower() != "disposition-notification"


def _is_answer(fields: headers.Headers) -> bool:
    submitted = fields.word("auto-submitted")
    return (
        submitted not in {"", "no"}
        or fields.word("precedence") == "auto_reply"
        or any(mark in fields for mark in _ANSWER_MARKS)
        or parts.media_type(fields) == "multipart/report"  # a read receipt (RFC 8098); bounces were found before
    )


def _is_list(fields: headers.Headers) -> bool:
    return "list-id" in fields or "list-unsubscribe" in fields or fields.word("precedence") in {"bulk", "list", "junk"}


def bounced(message: Message) -> tuple[Bounced, ...]:
    """Return the recipients a delivery report (RFC 3464) says were not reached, with whether that is final."""
    found = [bounce for block in _blocks(message) if (bounce := _recipient(headers.Headers(block)))]
    return tuple(dict.fromkeys(found))[:_RECIPIENT_LIMIT]


def _blocks(message: Message) -> Iterable[Message]:
    for part in parts.entities(message):
        payload = part.get_payload()
        if part.get_content_type() == "message/delivery-status" and isinstance(payload, list):
            yield from (block for block in payload[: _RECIPIENT_LIMIT + 1] if isinstance(block, Message))


def _recipient(fields: headers.Headers) -> Bounced | None:
    action = fields.word("action")
    address = fields.first("final-recipient") or fields.first("original-recipient")
    recipient = next(iter(headers.addresses(address.rpartition(b";")[2])), "")
    if action not in {"failed", "delayed"} or not recipient:
        return None
    return Bounced(recipient=recipient.lower(), hard=action == "failed" and not fields.first("status").startswith(b"4"))
