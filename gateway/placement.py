"""Where each message of a batch belongs: a copy, a follow-up, a new complaint, or nobody's. Decides; writes nothing.

Items are folded in order over a snapshot of what the database knows, each seeing the ones before it, so that a batch of
many decides exactly as the same messages would one at a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain

from gateway.model import CHATS, ChannelKind, Complaint, Outcome, Receipt, State
from gateway.ports import Conversation, HeldMessage, StoredContact
from gateway.preparation import Prepared
from gateway.rules import answers
from gateway.rules.transitions import OPEN

ASKED = (State.REPLIED, State.RESOLVED, State.CALLBACK_DONE)
"""Where a customer has been asked something that a plain word answers."""
TALK = timedelta(hours=72)
"""How long after the customer was told something by chat their next words are still about it."""


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
    follows: Item | None = None  # the earlier item of this batch whose new complaint it joins
    unsure: bool = False  # it may as well be about another complaint of its sender: a person reads it
    contacts: Sequence[StoredContact] = ()  # of the complaint that was opened for it, or that it joined
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
    conversations: Mapping[bytes, Sequence[Conversation]]  # blind index -> open complaints, the last told of first


NOTHING = Snapshot(held={}, twins={}, threads={}, numbers={}, complaints={}, owners={}, conversations={})


def place(batch: Sequence[Prepared], snapshot: Snapshot) -> Sequence[Item]:
    """Decide what becomes of each item, in order, each seeing the ones before it."""
    items: list[Item] = []
    by_key: dict[tuple[str, str], Item] = {}
    by_content: dict[bytes, Item] = {}
    begun: dict[bytes, Item] = {}  # blind index -> the item of this batch that opened its owner's newest complaint
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
            _decide(item, snapshot, begun)
            begun |= {index: item for index in _talkers(item)} if item.opens else {}
            by_content[prepared.content_key] = item
        by_key.setdefault(key, item)
        items.append(item)
    return items


def _decide(item: Item, snapshot: Snapshot, begun: Mapping[bytes, Item]) -> None:
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
    if not named and _goes_on(item, snapshot, begun):
        item.outcome = Outcome.JOINED
        return
    # Of the contacts that somebody typed in a chat none says who they are.
    sender = {index for contact, index in prepared.contacts if contact.verified or _answers_only_the_sender(item)}
    if prepared.message.channel in CHATS:
        sender = set(_talkers(item))
    own = [complaint for complaint in named if sender & snapshot.owners.get(complaint.id, frozenset())]
    item.complaint = next((complaint for complaint in own if complaint.state in OPEN), None)
    if item.complaint is not None:
        item.links = [Link(complaint, repeats=False) for complaint in named if complaint not in own]
        item.outcome = Outcome.JOINED
        return
    item.links = [*item.links, *(Link(complaint, repeats=complaint in own) for complaint in named)]
    item.outcome = Outcome.PENDING_LINK if item.links else Outcome.OPENED


def _goes_on(item: Item, snapshot: Snapshot, begun: Mapping[bytes, Item]) -> bool:
    """Join a message that goes on with a conversation: what is said in a chat carries no number and no thread.

    That is what comes within TALK of what the sender was last told there, and a plain answer whenever it comes. What
    was said longer ago is another matter: it gets a number of its own.
    """
    talkers = _talkers(item)
    item.follows = next((begun[index] for index in talkers if index in begun), None)
    if item.follows is not None:
        return True
    known = sorted(chain.from_iterable(snapshot.conversations.get(index, ()) for index in talkers), key=_told_at)
    open_ones = [one for one in known if snapshot.complaints[one.complaint_id].state in OPEN]
    if going_on := [one for one in open_ones if one.own]:
        _take_up(item, snapshot, going_on)
    if item.complaint is None:
        # Whose number a stranger may have typed: a person decides whether this is about what they typed it for.
        item.links = [Link(snapshot.complaints[one.complaint_id], repeats=False) for one in open_ones if not one.own]
    return item.complaint is not None


def _take_up(item: Item, snapshot: Snapshot, going_on: Sequence[Conversation]) -> None:
    """Find which of the sender's own conversations, the last told of last, a message goes on with."""
    last = snapshot.complaints[going_on[-1].complaint_id]
    message, at = item.prepared.message, item.prepared.message.received_at
    if answers.read(message.reply_text or message.text, last.state, item.prepared.id, at):
        asked = [c for one in going_on if (c := snapshot.complaints[one.complaint_id]).state in ASKED]
        item.complaint, item.unsure = asked[-1] if asked else last, len(asked) > 1
    elif at - going_on[-1].told_at <= TALK:
        item.complaint = last


def _told_at(conversation: Conversation) -> datetime:
    return conversation.told_at


def _talkers(item: Item) -> Sequence[bytes]:
    """Return the blind indexes of who writes, where messages are a conversation."""
    message = item.prepared.message
    if message.channel not in CHATS:
        return ()
    return [
        index for contact, index in item.prepared.contacts if contact.verified or contact.value == message.from_address
    ]


def _answers_only_the_sender(item: Item) -> bool:
    """Whether nobody but the owner of the address learns what became of the message.

    On a page or in an API's answer whoever typed the address would: there it must be verified, or guessed numbers
    would tell who has complained (lessons 38, 80).
    """
    return item.prepared.message.channel is ChannelKind.EMAIL or item.prepared.message.channel in CHATS
