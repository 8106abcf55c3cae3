"""A transaction as the core sees it: the parts of storage, on one connection, with one set of data keys."""

from __future__ import annotations

from gateway.ports import Numbers
from gateway.storage.blobs import SqlBlobs
from gateway.storage.complaints import SqlComplaints
from gateway.storage.connection import Connection
from gateway.storage.consents import SqlConsents
from gateway.storage.contacts import SqlContacts
from gateway.storage.keys import Keys
from gateway.storage.leases import SqlLeases
from gateway.storage.marks import SqlMarks
from gateway.storage.messages import SqlMessages
from gateway.storage.notices import SqlNotices
from gateway.storage.queue import SqlQueue
from gateway.storage.receipts import SqlReceipts
from gateway.storage.rewrapping import Rewrapping
from gateway.storage.timeline import SqlTimeline
from gateway.storage.tokens import SqlTokens
from gateway.vault import Vault


class SqlTransaction:
    def __init__(self, db: Connection, vault: Vault, numbers: Numbers) -> None:
        keys = Keys(db, vault)
        self.complaints = SqlComplaints(db, keys)
        self.messages = SqlMessages(db, keys)
        self.contacts = SqlContacts(db, keys)
        self.timeline = SqlTimeline(db, keys)
        self.notices = SqlNotices(db, keys)
        self.receipts = SqlReceipts(db)
        self.consents = SqlConsents(db)
        self.queue = SqlQueue(db)
        self.numbers = numbers
        self.leases = SqlLeases(db)
        self.marks = SqlMarks(db)
        self.tokens = SqlTokens(db, keys)
        self.blobs = SqlBlobs(db, keys)
        self.rewrapping = Rewrapping(db, vault)  # for `huiyin keys`; the core knows nothing of it
