"""What the pages need to know of the complaint form, which is the web_form adapter, handed in from outside."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import ClassVar, Protocol

from gateway.model import Attachment, ContactType, InboundMessage, Language

Values = Mapping[str, tuple[str, ...]]
"""The answers by field name, as they were typed."""


class Field(Protocol):
    """One question. `limit` counts characters; a field with choices takes only those."""

    @property
    def name(self) -> str: ...
    @property
    def limit(self) -> int: ...
    @property
    def required(self) -> bool: ...
    @property
    def many(self) -> bool: ...
    @property
    def choices(self) -> tuple[str, ...]: ...


class Problem(Protocol):
    """What is wrong with one answer, as a stable word the page translates."""

    @property
    def field(self) -> str: ...
    @property
    def problem(self) -> str: ...


class WebForm(Protocol):
    """What the form asks, what an answer may be, and the message it becomes."""

    HONEYPOT: ClassVar[str]

    @property
    def source(self) -> str: ...
    @property
    def fields(self) -> Sequence[Field]: ...

    def check(self, values: Values) -> Sequence[Problem]:
        """Return what the customer has to change, in the order of the page; empty when the form can be sent."""
        ...

    def to_message(
        self,
        values: Values,
        *,
        files: Sequence[Attachment],
        language: Language,
        external_id: str,
        at: datetime,
    ) -> InboundMessage:
        """Turn checked answers into a message, with every answer as it was typed in `raw`."""
        ...

    def told_by(self, values: Values, senders: Collection[ContactType]) -> str:
        """Return how the gateway itself can tell this customer ("sms", "email"), or "" when no sender reaches them."""
        ...
