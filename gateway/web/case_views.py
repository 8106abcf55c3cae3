"""What the REST API shows of a case, as JSON values. Who may see it at all is in rules/access.py.

The customer's name and contacts are masked (A011) but in `plain_view`, an exact amount is shown to those whose business
it is (C13). What the customer wrote and what was found stand in messages and timeline: whoever works on the case needs
them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.casework import Call, Casefile
from gateway.model import (
    Actor,
    Clock,
    ClockName,
    Complaint,
    Content,
    Delivery,
    Entry,
    EventKind,
    Flag,
    Notice,
    Text,
    Ticket,
)
from gateway.ports import StoredContact, StoredMessage
from gateway.rules import access, commands, grading, lifecycle, masks, retention, tickets

Json = Mapping[str, Any]


def complaint_view(complaint: Complaint, actor: Actor) -> Json:
    """Return a case as it stands, with the commands the actor's roles may give now; guards may still refuse one."""
    case = complaint.case
    return {
        **brief_view(complaint),
        "language": complaint.language,
        "received_at": complaint.received_at,
        "clocks": {name.value: _clock_view(clock) for name, clock in complaint.clocks.items()},
        "legal_hold": case.legal_hold,
        "retention_until": retention.until(complaint),
        "topic": case.topic,
        "emotion": case.emotion,
        "content_class": case.content_class,
        "scope": case.scope,
        "horizon": case.horizon,
        "difficulty": case.difficulty,
        "first_owner": case.first_owner,
        "current_owner": case.current_owner,
        "lead": case.lead,
        "approver": case.approver,
        "contingency_owner": case.contingency_owner,
        "assist_units": case.assist_units,
        "staff_involved": case.staff_involved,
        "rounds": case.rounds,
        "objections": case.objections,
        "checkers": case.checkers,
        "evidence": [
            {"id": one.id, "type": one.type, "sha256": one.sha256, "added_by": one.added_by, "at": one.at}
            for one in case.evidence
        ],
        "approvals": [{"role": role, "by": by} for role, by in case.approvals],
        "approval_owed": case.unpaid_approval,
        "result": case.result,
        "replied_at": case.replied_at,
        "execution_due": case.execution_due,
        "executed_at": case.executed_at,
        "scores": case.scores,
        "referral": case.referral,
        "merged_into": case.merged_into,
        "named": case.named,
        "version": complaint.version,
        "commands": [commands.name_of(one) for one in lifecycle.permitted(complaint, actor.roles)],
    }


def brief_view(complaint: Complaint) -> Json:
    """Return what a list shows of a case."""
    case = complaint.case
    return {
        "number": complaint.number,
        "state": complaint.state,
        "kind": complaint.kind,
        "level": complaint.level,
        "needs_review": complaint.needs_review,
        "nature": case.nature,
        "flags": sorted(case.flags),
        "suggested_flags": [Flag.REPEAT] if case.repeats else [],
        "red_alert": case.red_alert,
        "product": case.product,
        "branch": case.branch,
        "unit": case.unit,
        "handler": case.handler,
        "channel": complaint.channel,
        "customer": masks.mask_name(complaint.name),
        "registered_at": complaint.registered_at,
        "promised_at": complaint.promised_at,
        "legal_at": complaint.legal_at,
        "told_until": reach.due_at if (reach := complaint.clocks.get(ClockName.REACH)) and reach.runs else None,
    }


def file_view(file: Casefile, actor: Actor) -> Json:
    """Return the case with the ways to reach its customer, and which particulars nobody has told yet (A008)."""
    return {
        **complaint_view(file.complaint, actor),
        "contacts": [_contact_view(one) for one in file.contacts],
        "missing": grading.missing_particulars(file.complaint, [one.body for one in file.messages]),
    }


def plain_view(file: Casefile, actor: Actor) -> Json:
    """Return the case with its customer in full: for who has just put on record why (A011, A144)."""
    contacts = [{**_contact_view(one), "value": one.contact.value} for one in file.contacts]
    return {**file_view(file, actor), "customer": file.complaint.name, "contacts": contacts}


def entry_view(entry: Entry, complaint: Complaint, actor: Actor) -> Json:
    """Return one entry of the timeline: what is public of it, and the words that go with it."""
    private = dict(entry.event.private)
    if entry.event.kind is EventKind.OPENED:
        private["name"] = masks.mask_name(str(private.get("name", "")))
    paid = private.get("compensation")
    if isinstance(paid, dict) and not access.sees_amount(actor, complaint):
        private["compensation"] = {"band": masks.amount_band(str(paid["amount"])), "arrival": paid["arrival"]}
    return {
        "seq": entry.seq,
        "at": entry.at,
        "actor": entry.actor,
        "event": entry.event.kind,
        "public": dict(entry.event.public),
        "private": private,
        "mac": entry.mac.hex(),
    }


def message_view(message: StoredMessage, complaint: Complaint, actor: Actor) -> Json:
    """Return what came from the customer; of files their names, sizes and hashes."""
    particulars = message.body.get("particulars")
    told = dict(particulars) if isinstance(particulars, dict) else {}
    if not access.sees_amount(actor, complaint):
        told["amount_note"] = masks.mask_amount_note(str(told.get("amount_note", "")))
    return {
        "id": message.id,
        "received_at": message.received_at,
        "channel": message.channel,
        "outcome": message.outcome,
        "subject": message.body.get("subject", ""),
        "text": message.body.get("text", ""),
        "particulars": told,
        "attachments": [
            {"name": one.name, "size": one.size, "type": one.media_type, "sha256": one.sha256}
            for one in message.attachments
        ],
    }


def notice_view(notice: Notice, deliveries: Sequence[Delivery]) -> Json:
    """Return a notice with its deliveries."""
    return {
        "id": notice.id,
        "kind": notice.kind,
        "recipient": notice.recipient,
        "cause": notice.cause,
        "state": notice.state,
        "language": notice.language,
        "created_at": notice.created_at,
        "deliveries": [delivery_view(one) for one in deliveries if one.notice_id == notice.id],
    }


def call_view(call: Call) -> Json:
    """Return a call to make, with what to say. A customer's number is given in full by `unmask` (A011)."""
    delivery = call.delivery
    customer = delivery.contact_id is not None
    return {
        "delivery": delivery.key,
        "complaint": call.complaint.number,
        "kind": delivery.kind,
        "customer": customer,
        "to": masks.mask_contact(delivery.to.type, delivery.to.value) if customer else delivery.to.value,
        "script": text_of(delivery.content),
        "created_at": delivery.created_at,
        "attempts": [one.at for one in call.attempts],
    }


def _contact_view(stored: StoredContact) -> Json:
    contact = stored.contact
    return {
        "id": stored.id,
        "type": contact.type,
        "value": masks.mask_contact(contact.type, contact.value),
        "verified": contact.verified,
        "preferred": contact.preferred,
    }


def delivery_view(delivery: Delivery) -> Json:
    """Return one try of a notice by one contact: of words their subject, of a ticket all there is."""
    content, to = delivery.content, delivery.to
    # The name of a unit's own system is nobody's data.
    shown = to.value if isinstance(content, Ticket) else masks.mask_contact(to.type, to.value)
    return {
        "key": delivery.key,
        "type": to.type,
        "to": shown,
        "call": delivery.call,
        "state": delivery.state,
        "subject": content.subject if isinstance(content, Text) else "",
        "ticket": tickets.to_json(content) if isinstance(content, Ticket) else None,
        "created_at": delivery.created_at,
    }


def text_of(content: Content) -> str:
    """Return the words in full; a ticket has none."""
    return content.text if isinstance(content, Text) else ""


def _clock_view(clock: Clock) -> Json:
    return {
        "due_at": clock.due_at,
        "started_at": clock.started_at,
        "paused_at": clock.paused_at,
        "stopped_at": clock.stopped_at,
        "rule": f"{clock.profile}@{clock.profile_version}",
        "clause": clock.clause,
        "calendar": clock.calendar_version,
        "provisional": clock.provisional,
    }
