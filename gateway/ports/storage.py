"""What the core needs of a database. Methods are set-based: one call, however many rows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Protocol

from gateway.model import (
    Attempt,
    Complaint,
    Delivery,
    DeliveryState,
    Entry,
    Notice,
    NoticeState,
    Work,
)
from gateway.ports.clock import Now
from gateway.ports.records import (
    ChainEnd,
    Consent,
    Conversation,
    DeliveryResult,
    HeldMessage,
    Mark,
    ProviderToken,
    StoredContact,
    StoredMessage,
    StoredReceipt,
    Talk,
)


class Lane(IntEnum):
    """Who goes first when several wait for the one SQLite writer."""

    INTAKE = 0
    RESULTS = 1
    TIMERS = 2
    BULK = 3


class Complaints(Protocol):
    async def by_id(self, ids: Collection[str]) -> Mapping[str, Complaint]:
        """Return those that exist. In a writing transaction their rows are locked, in id order."""
        ...

    async def by_number(self, numbers: Collection[str]) -> Mapping[str, Complaint]: ...

    async def add(self, complaints: Sequence[Complaint]) -> None:
        """Store new complaints with their data keys: before anything that belongs to them."""
        ...

    async def advance(self, complaints: Sequence[Complaint]) -> None:
        """Store each complaint at its new version. Raises Conflict when another writer moved it first."""
        ...

    async def suggest_links(self, links: Sequence[tuple[str, str]], at: datetime) -> None:
        """Note that the first complaint's sender quoted the second one; a person decides."""
        ...

    async def provisional(self, calendar_version: str, limit: int) -> Sequence[str]:
        """Return ids of complaints with open limits counted over an unknown year, under another calendar than this."""
        ...

    async def waiting(self, limit: int) -> Sequence[Complaint]:
        """Return complaints that nobody has graded or dispatched yet, the earliest promise first."""
        ...

    async def registered(self, *, after: str, before: str, limit: int) -> Sequence[Complaint]:
        """Return up to `limit` complaints in id order, which is that of their registration, between these ids."""
        ...

    async def chain_ends(self, *, after: str, limit: int) -> Sequence[ChainEnd]:
        """Return up to `limit` complaints in id order that come after this id ("" for the first). Opens nothing."""
        ...


class Messages(Protocol):
    async def held(self, keys: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], HeldMessage]:
        """Return what came before under these (source, external_id)."""
        ...

    async def twins(self, content_keys: Collection[bytes]) -> Mapping[bytes, HeldMessage]:
        """Return the first message held with each content key, whatever its source."""
        ...

    async def add(self, messages: Sequence[StoredMessage]) -> None: ...

    async def of(self, complaint_id: str) -> Sequence[StoredMessage]:
        """Return a complaint's messages in order of arrival, opened."""
        ...

    async def load(self, ids: Collection[str]) -> Mapping[str, StoredMessage]:
        """Return messages by id, opened, without their raw originals. In a writing transaction they are locked."""
        ...

    async def amend(self, message: StoredMessage) -> None:
        """Store what became known of a message's attachments and problems, with the content of those that have it."""
        ...


class Contacts(Protocol):
    async def add(self, contacts: Sequence[StoredContact]) -> None: ...

    async def of(self, complaint_ids: Collection[str]) -> Mapping[str, Sequence[StoredContact]]:
        """Return each complaint's contacts by rank, opened."""
        ...

    async def indexes(self, complaint_ids: Collection[str]) -> Mapping[str, frozenset[bytes]]:
        """Return the blind indexes of each complaint's contacts."""
        ...

    async def index_of(self, contact_ids: Collection[str]) -> Mapping[str, bytes]:
        """Return the blind index of each contact; opens nothing."""
        ...

    async def conversations(self, indexes: Collection[bytes]) -> Mapping[bytes, Sequence[Conversation]]:
        """Return the open complaints with a contact of each blind index, those last told of first."""
        ...

    async def talks(self, contact_ids: Collection[str]) -> Mapping[str, Talk]:
        """Return how it stands with the owners of these contacts, of those who ever wrote by them in a chat."""
        ...

    async def verify(self, contact_ids: Collection[str]) -> None:
        """Note that these belong to the customer, as somebody has checked (law 22)."""
        ...


class Timeline(Protocol):
    async def append(self, entries: Sequence[Entry]) -> None:
        """Add entries. Raises Conflict when a (complaint, seq) is taken."""
        ...

    async def of(self, complaint_id: str) -> Sequence[Entry]:
        """Return the whole timeline in order, opened."""
        ...

    async def of_all(self, complaint_ids: Collection[str]) -> Mapping[str, Sequence[Entry]]:
        """Return the whole timeline of each of these complaints that has one."""
        ...


class Notices(Protocol):
    async def add(self, notices: Sequence[Notice], deliveries: Sequence[Delivery]) -> None: ...

    async def threads(self, keys: Collection[str]) -> Mapping[str, str]:
        """Return delivery key -> complaint id for those of these keys that are ours."""
        ...

    async def load(self, keys: Collection[str]) -> Mapping[str, Delivery]:
        """Return deliveries by key, opened."""
        ...

    async def by_id(self, ids: Collection[str]) -> Mapping[str, Notice]:
        """Return notices with their facts, opened."""
        ...

    async def locked(self, keys: Collection[str]) -> Mapping[str, DeliveryState]:
        """Return the states of these deliveries; in a writing transaction nobody else moves them until its end."""
        ...

    async def settle(self, results: Sequence[DeliveryResult]) -> None:
        """Record attempts with what they did to their deliveries, notices and work rows."""
        ...

    async def of(self, complaint_id: str) -> Sequence[Notice]:
        """Return a complaint's notices in the order of their causes, opened."""
        ...

    async def deliveries(self, complaint_id: str) -> Sequence[Delivery]:
        """Return a complaint's deliveries in the order they were made, opened."""
        ...

    async def attempts(self, keys: Collection[str]) -> Mapping[str, Sequence[Attempt]]:
        """Return the attempts of each of these deliveries, in order."""
        ...

    async def calls(self, limit: int, after: Delivery | None = None) -> Sequence[Delivery]:
        """Return deliveries that wait for a person to telephone, oldest first, opened; those behind `after`."""
        ...

    async def by_provider_id(self, provider_ids: Collection[str]) -> Mapping[str, str]:
        """Return provider id -> delivery key for those that an attempt of ours was given."""
        ...

    async def learn(self, deliveries: Mapping[str, DeliveryState], notices: Mapping[str, NoticeState]) -> None:
        """Note what providers say: delivery key -> its state now, and what that does to notices by their ids."""
        ...

    async def tried(self, notice_ids: Collection[str]) -> Mapping[str, frozenset[str]]:
        """Return the contact ids each notice was already addressed to."""
        ...

    async def states(self) -> Mapping[NoticeState, int]:
        """Count the notices in each state that a person or a sender still has to move (not SENT)."""
        ...

    async def waiting_since(self) -> Mapping[NoticeState, datetime]:
        """Return when the oldest notice in each of those states was caused."""
        ...


class Receipts(Protocol):
    """What providers say of deliveries: evidence, never changed."""

    async def held(self, keys: Collection[tuple[str, str]]) -> frozenset[tuple[str, str]]:
        """Return which of these (source, external_id) are held."""
        ...

    async def add(self, receipts: Sequence[StoredReceipt]) -> None:
        """Store them; one that is held already stays as it is."""
        ...

    async def load(self, ids: Collection[str]) -> Mapping[str, StoredReceipt]: ...

    async def of(self, delivery_keys: Collection[str]) -> Sequence[StoredReceipt]:
        """Return what was said under these delivery keys, in the order it came."""
        ...


class Consents(Protocol):
    async def held(self, keys: Collection[tuple[str, str]]) -> frozenset[tuple[str, str]]:
        """Return which of these (source, external_id) are held."""
        ...

    async def add(self, consents: Sequence[Consent]) -> None:
        """Store them; one that is held already stays as it is."""
        ...

    async def refused(self, contact_ids: Collection[str]) -> frozenset[str]:
        """Return which of these contacts' owners do not want to be written to by them."""
        ...


class Queue(Protocol):
    async def add(self, work: Sequence[Work], *, now: datetime) -> None: ...

    async def reschedule(self, lane: str, due: Mapping[str, datetime | None]) -> None:
        """Make each subject's one row of the lane due then, free to claim; None: there is nothing more to do.

        For lanes whose row has its subject's id.
        """
        ...

    async def claim(
        self, lane: str, *, now: datetime, until: datetime, limit: int, since: datetime | None = None
    ) -> Sequence[Work]:
        """Take up to `limit` rows of the lane that are due (since `since`) and not leased at `now`, oldest first.

        They are leased until `until` and their attempt is counted before anything is done with them, so that a row that
        kills its worker comes back later and not at once. A lease that ends more than ten such terms ahead is none: the
        clock it was taken by has been set back since.
        """
        ...

    async def release(self, work: Sequence[Work]) -> None:
        """Undo the claim of work that nothing was done with: it is due as before, and the claim was no attempt.

        Work that was claimed again meanwhile stays its new worker's.
        """
        ...

    async def finish(self, work: Sequence[Work]) -> None:
        """Remove work that is done, unless it was claimed again meanwhile."""
        ...

    async def postpone(self, work: Sequence[Work], due_at: Mapping[str, datetime], *, now: datetime) -> None:
        """Put work back until due_at[its id], unless it was claimed again meanwhile."""
        ...

    async def recall(self, lane: str, *, now: datetime, latest: datetime) -> None:
        """Make the lane's work due that waits for a time nobody meant, after a clock was set back.

        That is what is due later than `now` and was added or put back, by the clock of who did, later than `latest`.
        """
        ...

    async def oldest(self) -> Mapping[str, datetime]:
        """Return for each lane with work the earliest due_at."""
        ...


class Numbers(Protocol):
    async def take(self, scope: str, count: int) -> int:
        """Reserve `count` serials of the scope and return the first.

        A serial is never given twice, but for those of a block that failed before its commit. There may be gaps.
        """
        ...


class Leases(Protocol):
    """What one node alone may do for a while. Its fence tells a holder that came later from one that came before."""

    async def acquire(self, name: str, holder: str, *, now: datetime, until: datetime) -> int | None:
        """Take the lease unless another holder has it at `now`; return its fence, greater than all before, or None.

        A holder that takes what it has (its release was lost) gets a new fence. Two processes are never one holder.
        One that ends more than ten such terms ahead is free: the clock it was taken by has been set back since.
        """
        ...

    async def renew(self, name: str, fence: int, *, until: datetime) -> bool:
        """Keep the lease until then; return False when it was released or taken by another meanwhile."""
        ...

    async def release(self, name: str, fence: int) -> None:
        """Let the lease go, if it is still that fence's."""
        ...


class Marks(Protocol):
    async def get(self, streams: Collection[str]) -> Mapping[str, str]:
        """Return where the streams stand that have a mark."""
        ...

    async def advance(self, marks: Sequence[Mark]) -> None:
        """Move the marks, in order.

        Raises Conflict, and moves none, when one does not stand at `expected` or a higher fence has moved it.
        """
        ...


class Tokens(Protocol):
    """What providers let us in with: one token for all nodes, refreshed by one of them."""

    async def get(self, names: Collection[str]) -> Mapping[str, ProviderToken]:
        """Return the tokens that are held, opened; an expired one, too."""
        ...

    async def replace(self, token: ProviderToken) -> None:
        """Store the token as the version after the one held. Raises Conflict when another node has stored it."""
        ...


class Blobs(Protocol):
    async def stage(self, blob_id: str, chunk: bytes, *, seq: int, at: datetime) -> None:
        """Seal and store chunk `seq` (from 0, at most 256 kB) of a file that no message refers to yet.

        Raises Conflict once a message refers to it.
        """
        ...

    async def sizes(self, blob_ids: Collection[str]) -> Mapping[str, int]:
        """Return the size of each blob that exists and belongs to no message yet."""
        ...

    def read(self, blob_id: str) -> AsyncIterator[bytes]: ...

    async def sweep(self, *, before: datetime, limit: int) -> int:
        """Remove staged blobs of before `before` that no message refers to; return how many."""
        ...


class Transaction(Protocol):
    @property
    def complaints(self) -> Complaints: ...
    @property
    def messages(self) -> Messages: ...
    @property
    def contacts(self) -> Contacts: ...
    @property
    def timeline(self) -> Timeline: ...
    @property
    def notices(self) -> Notices: ...
    @property
    def receipts(self) -> Receipts: ...
    @property
    def consents(self) -> Consents: ...
    @property
    def queue(self) -> Queue: ...
    @property
    def numbers(self) -> Numbers: ...
    @property
    def leases(self) -> Leases: ...
    @property
    def marks(self) -> Marks: ...
    @property
    def tokens(self) -> Tokens: ...
    @property
    def blobs(self) -> Blobs: ...


class Storage(Protocol):
    """Where the truth is. Leaving a `writing` block commits; an exception rolls back.

    Raises BadData when the database refuses a value or a key, Contended when the same work may succeed when it is done
    again, Unavailable when the database cannot be reached, DiskFull when it has no room.
    """

    def writing(self, lane: Lane) -> AbstractAsyncContextManager[Transaction]: ...

    def reading(self) -> AbstractAsyncContextManager[Transaction]: ...

    async def check(self) -> None:
        """Raise Unavailable when the database does not answer, Misconfigured when its schema or keys are not ours."""
        ...

    async def check_room(self) -> None:
        """Raise Unavailable when nothing new can be stored: the database only reads, or its disk is seen to be full."""
        ...

    async def skew(self, now: Now) -> timedelta:
        """Return by how much the database's clock is ahead of `now`. Raises Unavailable."""
        ...
