"""How a request finds what the site was built with, by type."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from gateway.casework import Casework
from gateway.model import ContactType, InboundMessage, Receipt
from gateway.ports import Accept, Coordination, Now, Storage
from gateway.settings import Settings
from gateway.web.form import WebForm
from gateway.web.screens import Screens
from gateway.web.tokens import Tokens
from gateway.web.uploads import Uploads

ReceiptOf = Callable[[InboundMessage], Awaitable[Receipt | None]]
"""Returns what became of a message that was taken in before, None when it never was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Everything the requests share."""

    settings: Settings
    accept: Accept
    receipt_of: ReceiptOf
    storage: Storage
    coordination: Coordination
    now: Now
    web_form: WebForm
    casework: Casework
    senders: frozenset[ContactType]
    screens: Screens
    tokens: Tokens
    uploads: Uploads
    fault: Callable[[str, BaseException], str]


SITE: web.AppKey[Site] = web.AppKey("site", Site)
REQUEST_ID = web.RequestKey("request_id", str)
