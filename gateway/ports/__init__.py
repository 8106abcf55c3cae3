"""Every protocol the core needs from a technology: channels, storage, coordination.

The contract is written here, once; implementations do not repeat it.
"""

from gateway.ports.channels import Accept, Channel, Listener, Probe, Sender
from gateway.ports.clock import Now
from gateway.ports.coordination import Coordination
from gateway.ports.storage import (
    Blobs,
    ChainEnd,
    Complaints,
    Contacts,
    DeliveryResult,
    HeldMessage,
    Lane,
    Leases,
    Mark,
    Marks,
    Messages,
    Notices,
    Numbers,
    ProviderToken,
    Queue,
    Storage,
    StoredContact,
    StoredMessage,
    Timeline,
    Tokens,
    Transaction,
)

__all__ = [
    "Accept",
    "Blobs",
    "ChainEnd",
    "Channel",
    "Complaints",
    "Contacts",
    "Coordination",
    "DeliveryResult",
    "HeldMessage",
    "Lane",
    "Leases",
    "Listener",
    "Mark",
    "Marks",
    "Messages",
    "Notices",
    "Now",
    "Numbers",
    "Probe",
    "ProviderToken",
    "Queue",
    "Sender",
    "Storage",
    "StoredContact",
    "StoredMessage",
    "Timeline",
    "Tokens",
    "Transaction",
]
