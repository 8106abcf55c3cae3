"""A transaction as the core sees it: the parts of storage, on one connection, with one set of data keys."""

from __future__ import annotations

from gateway.storage.blobs import SqlBlobs
from gateway.storage.complaints import SqlComplaints
from gateway.storage.connection import Connection
from gateway.storage.contacts import SqlContacts
from gateway.storage.keys import Keys
from gateway.storage.messages import SqlMessages
from gateway.storage.notices import SqlNotices
from gateway.storage.numbers import SqlNumbers
from gateway.storage.queue import SqlQueue
from gateway.storage.timeline import SqlTimeline
from gateway.vault import Vault


class SqlTransaction:
    def __init__(self, db: Connection, vault: Vault) -> None:
        keys = Keys(db, vault)
        self.complaints = SqlComplaints(db, keys)
        self.messages = SqlMessages(db, keys)
        self.contacts = SqlContacts(db, keys)
        self.timeline = SqlTimeline(db, keys)
        self.notices = SqlNotices(db, keys)
        self.queue = SqlQueue(db)
        self.numbers = SqlNumbers(db)
        self.blobs = SqlBlobs(db, keys)
