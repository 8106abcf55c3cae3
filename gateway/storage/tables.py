"""The whole schema, for SQLite and PostgreSQL alike. How a row becomes a model is in rows.py.

A plain column holds no personal data. What does is a `Sealed` column: AES-256-GCM under the data key of its owner
(data_keys), bound to "table.column.row id". Ids are ULIDs made by the core, except where a comment says otherwise.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)

from gateway.errors import BadData

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def microseconds(at: datetime | None) -> int | None:
    """Return whole microseconds since 1970 UTC. Raises BadData for a moment without a zone."""
    if at is None:
        return None
    if at.tzinfo is None:
        raise BadData("a moment without a zone")
    return (at - EPOCH) // MICROSECOND


class Instant(TypeDecorator[datetime]):
    """An aware moment, kept as whole microseconds since 1970 UTC: exact, ordered and equal on both databases.

    Read one in a console with `datetime(at / 1000000, 'unixepoch')` or `to_timestamp(at / 1e6)`.
    """

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return microseconds(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else EPOCH + value * MICROSECOND


Sealed = LargeBinary

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

data_keys = Table(
    "data_keys",
    metadata,
    Column("owner_id", Text, primary_key=True),  # a complaint, a contact, a message without complaint, a staged blob
    Column("wrapped", LargeBinary, nullable=False),  # sealed by the master key; deleting the row erases the owner
    Column("master_id", Text, nullable=False),
)

# In the text of a statement, so that the partial index is seen to fit.
WAITING = text("state IN ('registered', 'triaged')")  # for 客户意见管理岗 to grade, or to dispatch where no route did

complaints = Table(
    "complaints",
    metadata,
    Column("id", Text, primary_key=True),
    Column("number", Text, nullable=False, unique=True),  # told to the customer; C1, never a credential
    Column("state", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("level", Text, nullable=False),
    Column("needs_review", Boolean, nullable=False),
    Column("channel", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("registered_at", Instant, nullable=False),
    Column("promised_at", Instant, nullable=False),
    Column("legal_at", Instant),  # null: outside the statutory clock (law 2)
    Column("policy", Text, nullable=False),  # profile@version that gave the promise
    Column("clocks", Text, nullable=False),  # JSON: every limit with its rule; what runs, stands still or has ended
    # The calendar of open limits that were counted over a year without data; null: none was.
    Column("provisional", Text),
    Column("unit", Text, nullable=False),  # who works on it; "" before it is dispatched
    Column("handler", Text, nullable=False),
    Column("sealed", Sealed, nullable=False),  # C2: the complainant's name; the case, once somebody works on it
    Column("version", Integer, nullable=False),  # sequence number of the last timeline entry; guards concurrent writers
    Column("head", LargeBinary, nullable=False),  # mac of that entry
    # Few are, and they are looked for regularly.
    Index(
        "ix_complaints_provisional",
        "provisional",
        "id",
        sqlite_where=text("provisional IS NOT NULL"),
        postgresql_where=text("provisional IS NOT NULL"),
    ),
    Index("ix_complaints_waiting", "promised_at", "id", sqlite_where=WAITING, postgresql_where=WAITING),
)

links = Table(
    "links",
    metadata,
    Column("complaint_id", Text, ForeignKey("complaints.id"), primary_key=True),
    Column(
        "quoted_id", Text, ForeignKey("complaints.id"), primary_key=True
    ),  # whose number the first one's sender quoted
    Column("suggested_at", Instant, nullable=False),
)

messages = Table(
    "messages",
    metadata,
    Column("id", Text, primary_key=True),
    Column("complaint_id", Text, ForeignKey("complaints.id"), index=True),  # null: machine mail
    Column("source", Text, nullable=False),  # the configured instance it came by
    Column("channel", Text, nullable=False),
    Column("external_id", Text, nullable=False),  # the provider's, or a keyed digest
    Column("content_key", LargeBinary, nullable=False),  # keyed digest, equal for copies of one message
    Column("outcome", Text, nullable=False),
    Column("machine", Text),
    Column("received_at", Instant, nullable=False),
    Column("stored_at", Instant, nullable=False),
    Column("sealed", Sealed, nullable=False),  # C2: the body, and the attachments' names and types
    Column("raw_digest", LargeBinary, nullable=False),  # keyed; also of an original that was not kept
    Column("redactions", Text, nullable=False),  # JSON: what was removed, how often; never the value
    Column("problems", Text, nullable=False),  # JSON list of stable words
    Column("restricted", Boolean, nullable=False),  # may still hold secrets that could not be read
    UniqueConstraint("source", "external_id"),
    Index(None, "content_key", "id"),  # the first message with a content
)

contacts = Table(
    "contacts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("complaint_id", Text, ForeignKey("complaints.id"), nullable=False),
    Column("rank", Integer, nullable=False),
    Column("blind_index", LargeBinary, nullable=False, index=True),  # of the normal form, per type
    Column("type", Text, nullable=False),
    Column("verified", Boolean, nullable=False),
    Column("preferred", Boolean, nullable=False),
    Column("sealed", Sealed, nullable=False),  # C2: the address, under the contact's own key
    UniqueConstraint("complaint_id", "blind_index"),
)

timeline = Table(
    "timeline",
    metadata,
    Column("complaint_id", Text, ForeignKey("complaints.id"), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("kind", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("public", Text, nullable=False),  # JSON made by the core, free of personal data
    Column("sealed", Sealed, nullable=False),  # the private part with its salt: erasing takes both
    Column("digest", LargeBinary, nullable=False),  # of the private part, salted
    Column("mac", LargeBinary, nullable=False),
)

notices = Table(
    "notices",
    metadata,
    Column("id", Text, primary_key=True),
    Column("complaint_id", Text, ForeignKey("complaints.id"), nullable=False),
    Column("cause", Integer, nullable=False),  # sequence number of the timeline entry
    Column("kind", Text, nullable=False),
    Column("recipient", Text, nullable=False),  # a role ("customer"), never an address
    Column("facts", Text, nullable=False),  # JSON: number and dates
    Column("sealed", Sealed, nullable=False),  # C2: the name it may use, and what it says
    Column("language", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("complaint_id", "cause", "kind", "recipient"),
    # Nearly all notices are sent; the few that are not are counted often.
    Index("ix_notices_unsent", "state", sqlite_where=text("state <> 'sent'"), postgresql_where=text("state <> 'sent'")),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("key", Text, primary_key=True),  # its name towards every provider
    Column("notice_id", Text, ForeignKey("notices.id"), nullable=False, index=True),
    Column("complaint_id", Text, ForeignKey("complaints.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("contact_id", Text, ForeignKey("contacts.id")),  # null: somebody of the bank
    Column("type", Text, nullable=False),  # the contact as it was when this was rendered: evidence
    Column("verified", Boolean, nullable=False),
    Column("preferred", Boolean, nullable=False),
    Column("recipient", Sealed, nullable=False),  # C2: the address, under the contact's key, or the complaint's
    Column("language", Text, nullable=False),
    Column("content", Sealed, nullable=False),  # C2: the rendered text, under the complaint's key
    Column("state", Text, nullable=False),
    Column("call", Boolean, nullable=False),  # a person telephones
    Column("created_at", Instant, nullable=False),
    Index(
        "ix_deliveries_calls",
        "state",
        "created_at",
        sqlite_where=text("call"),
        postgresql_where=text("call"),
    ),
)

attempts = Table(
    "attempts",
    metadata,
    Column("delivery_key", Text, ForeignKey("deliveries.key"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("reason", Text, nullable=False),  # a stable word or code
    Column("provider_id", Text, nullable=False),  # "" where the provider gives none
    Index(
        "ix_attempts_provider_id",
        "provider_id",
        sqlite_where=text("provider_id <> ''"),
        postgresql_where=text("provider_id <> ''"),
    ),
)

delivery_receipts = Table(
    "delivery_receipts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("external_id", Text, nullable=False),  # keyed, of this very report
    # As the provider says it: it may come before we know its id, or be about nothing of ours. "": not said.
    Column("delivery_key", Text, nullable=False),
    Column("provider_id", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("reason", Text, nullable=False),  # a stable word or code
    Column("again", Boolean, nullable=False),  # a later try may succeed
    Column("received_at", Instant, nullable=False),
    UniqueConstraint("source", "external_id"),
    Index(
        "ix_delivery_receipts_key",
        "delivery_key",
        sqlite_where=text("delivery_key <> ''"),
        postgresql_where=text("delivery_key <> ''"),
    ),
)

consents = Table(
    "consents",
    metadata,
    Column("id", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("external_id", Text, nullable=False),  # keyed
    Column("blind_index", LargeBinary, nullable=False),  # of the contact, as in contacts
    Column("wanted", Boolean, nullable=False),  # the newest counts
    Column("at", Instant, nullable=False),
    Column("word", Text, nullable=False),  # what was written: a keyword
    UniqueConstraint("source", "external_id"),
    Index(None, "blind_index", "at", "id"),  # the newest of an address
)

queue = Table(
    "queue",
    metadata,
    Column("id", Text, primary_key=True),
    Column("lane", Text, nullable=False),
    Column("subject", Text, nullable=False),  # the id of what is due
    Column("due_at", Instant, nullable=False),
    Column("leased_until", Instant),  # null or past: free to claim, and since when
    Column("attempt", Integer, nullable=False),  # counts the claims; the fence against a late worker
    Index(None, "lane", "due_at", "id"),
)

numbers = Table(
    "numbers",
    metadata,
    Column("scope", Text, primary_key=True),  # pattern and day
    Column("last", Integer, nullable=False),  # the last serial given
)

leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),  # what one node alone may do, such as "listen:complaints-mailbox"
    Column("holder", Text, nullable=False),  # for people: which node
    Column("fence", BigInteger, nullable=False),  # one more with each holder
    Column("until", Instant, nullable=False),  # past: free to take
)

marks = Table(
    "marks",
    metadata,
    Column("stream", Text, primary_key=True),
    Column("value", Text, nullable=False),  # the source's own word: a cursor, an offset
    Column("fence", BigInteger, nullable=False),  # of the lease under which it was last moved
)

provider_tokens = Table(
    "provider_tokens",
    metadata,
    Column("name", Text, primary_key=True),  # the source, and what the token is for
    Column("version", Integer, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("sealed", Sealed, nullable=False),  # C3: lets anybody in who has it
)

blobs = Table(
    "blobs",
    metadata,
    Column(
        "id", Text, primary_key=True
    ),  # of a raw original or inline attachment: "<message id>.raw", "<message id>.<n>"
    Column("owner_id", Text, nullable=False),  # whose data key seals the chunks
    Column("message_id", Text, ForeignKey("messages.id"), index=True),  # null: staged, no message refers to it yet
    Column("size", BigInteger, nullable=False),  # bytes
    Column("staged_at", Instant, nullable=False),
    Index(
        "ix_blobs_staged",
        "staged_at",
        sqlite_where=text("message_id IS NULL"),
        postgresql_where=text("message_id IS NULL"),
    ),
)

blob_chunks = Table(
    "blob_chunks",
    metadata,
    Column("blob_id", Text, ForeignKey("blobs.id", ondelete="CASCADE"), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("sealed", Sealed, nullable=False),  # at most 256 kB of content
)
