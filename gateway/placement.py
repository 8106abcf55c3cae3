"""Where each message of a batch belongs: a copy, a follow-up, a new complaint, or nobody's. Decides; writes nothing.

Items are folded in order over a snapshot of what the database knows, each seeing the ones before it, so that a batch of
many decides exactly as the same messages would one at a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gateway.model import ChannelKind, Complaint, Outcome, Receipt
from gateway.ports import HeldMessage
from gateway.preparation import Prepared
from gateway.rules.transitions import OPEN


@dataclass(frozen=True, slots=True)
class Link:
    """A complaint that a message names and does not join. `repeats`: it is its sender's own, and had ended (A110)."""

    complaint: Complaint
    repeats: bool


@dataclass(slots=True)
class Item:
    """One prepared event on its way through a batch, and what the fold decides about it."""

    prepared: Prepared
    outcome: Outcome
    complaint: Complaint | None = None  # the one it joins or opened
    links: Sequence[Link] = ()  # the other complaints it names
    held: HeldMessage | None = None  # what it is a copy of
    like: Item | None = None  # the earlier item of this batch that it is a copy of
    again: bool = False  # the same delivery of the same message: nothing is stored twice

    @property
    def opens(self) -> bool:
        """Whether a complaint is opened for it."""
        return self.outcome in (Outcome.OPENED, Outcome.PENDING_LINK, Outcome.QUARANTINED)

    @property
    def complaint_id(self) -> str | None:
        """The complaint its message is kept with."""
        if self.complaint is not None:
            return self.complaint.id
        if self.like is not None:
            return self.like.complaint_id
        return self.held.complaint_id if self.held else None

    @property
    def receipt(self) -> Receipt:
        """What its source is told, once all is committed."""
        if self.like is not None:
            first = self.like.receipt
            differs = self.like.prepared.content_key != self.prepared.content_key
            return replace(first, outcome=self.outcome, differs=differs)
        if self.held is not None:
            differs = self.held.content_key != self.prepared.content_key
            number, promised_at = self.held.number, self.held.promised_at
            return Receipt(outcome=self.outcome, number=number, promised_at=promised_at, differs=differs)
        if self.complaint is not None:
            number, promised_at = self.complaint.number, self.complaint.promised_at
            return Receipt(outcome=self.outcome, number=number, promised_at=promised_at)
        return Receipt(outcome=self.outcome)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What the database knows about the keys of a batch."""

    held: Mapping[tuple[str, str], HeldMessage]
    twins: Mapping[bytes, HeldMessage]
    threads: Mapping[str, str]  # delivery key -> complaint id
    numbers: Mapping[str, str]  # number -> complaint id
    complaints: Mapping[str, Complaint]
    owners: Mapping[str, frozenset[bytes]]  # complaint id -> blind indexes of its contacts


def place(batch: Sequence[Prepared], snapshot: Snapshot) -> Sequence[Item]:
    """Decide what becomes of each item, in order, each seeing the ones before it."""
    items: list[Item] = []
    by_key: dict[tuple[str, str], Item] = {}
    by_content: dict[bytes, Item] = {}
    for prepared in batch:
        key = (prepared.message.source, prepared.external_id)
        item = Item(prepared, Outcome.DUPLICATE)
        if (held := snapshot.held.get(key)) or key in by_key:
            item.held, item.like, item.again = held, by_key.get(key), True
        elif prepared.message.message_id and (
            (held := snapshot.twins.get(prepared.content_key)) or prepared.content_key in by_content
        ):
            # The same mail in two of our boxes: one complaint, two records of receipt (lesson 5).
            item.held, item.like = held, by_content.get(prepared.content_key)
        else:
            _decide(item, snapshot)
            by_content[prepared.content_key] = item
        by_key.setdefault(key, item)
        items.append(item)
    return items


def _decide(item: Item, snapshot: Snapshot) -> None:
    """Decide where a message that is no copy belongs."""
    prepared = item.prepared
    if not prepared.readable:
        item.outcome = Outcome.QUARANTINED
        return
    if prepared.message.machine is not None:
        item.outcome = Outcome.MACHINE
        return
    ids = [snapshot.threads[key] for key in prepared.message.thread_keys if key in snapshot.threads]
    ids += [snapshot.numbers[number] for number in prepared.quoted if number in snapshot.numbers]
    named = [snapshot.complaints[complaint_id] for complaint_id in dict.fromkeys(ids)]
    sender = {index for contact, index in prepared.contacts if contact.verified or _answers_only_the_sender(item)}
    own = [complaint for complaint in named if sender & snapshot.owners.get(complaint.id, frozenset())]
    item.complaint = next((complaint for complaint in own if complaint.state in OPEN), None)
    if item.complaint is not None:
        item.links = [Link(complaint, repeats=False) for complaint in named if complaint not in own]
        item.outcome = Outcome.JOINED
        return
    item.links = [Link(complaint, repeats=complaint in own) for complaint in named]
    item.outcome = Outcome.PENDING_LINK if named else Outcome.OPENED


def _answers_only_the_sender(item: Item) -> bool:
    """Whether nobody but the owner of the address learns what became of the message.

    On a page or in an API's answer whoever typed the address would: there it must be verified, or guessed numbers
    would tell who has complained (lessons 38, 80).
    """
    return item.prepared.message.channel in (ChannelKind.EMAIL, ChannelKind.SMS, ChannelKind.WECOM, ChannelKind.WECHAT)
