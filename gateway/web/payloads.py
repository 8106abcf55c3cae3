"""What the REST API takes in and gives back, checked by pydantic. The messages of the checks never quote a value."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator, model_validator

from gateway.errors import Invalid
from gateway.model import (
    ChannelKind,
    Contact,
    ContactType,
    Demand,
    IdType,
    InboundMessage,
    Kind,
    Language,
    Particulars,
    PreferredChannel,
    Product,
    Represents,
)
from gateway.rules.addresses import normal_email, normal_phone
from gateway.rules.language import is_blank

OLDEST = timedelta(days=400)
"""A case of before this is a wrong date, not a late entry: it would be promised an answer in the past."""
CLOCK_SKEW = timedelta(minutes=2)
"""How far a caller's clock may run ahead of ours; the time is then ours."""

Note = Annotated[str, Field(max_length=500)]


class Payload(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ContactPayload(Payload):
    """`verified`: the caller knows that the customer owns it (logged in, called back); it is believed."""

    type: ContactType
    value: Annotated[str, Field(min_length=1, max_length=320)]
    verified: bool = False
    preferred: bool = False

    @model_validator(mode="after")
    def _has_a_normal_form(self) -> ContactPayload:
        _ = self.contact
        return self

    @cached_property
    def contact(self) -> Contact:
        value: str | None = self.value.strip()
        if self.type in (ContactType.WEBHOOK, ContactType.STREAM):
            raise ValueError("reaches no customer")  # its value names a system of the bank's
        if self.type in (ContactType.MOBILE, ContactType.LANDLINE):
            value = normal_phone(self.value)
        elif self.type is ContactType.EMAIL:
            value = normal_email(self.value)
        if not value:
            raise ValueError(f"is not a usable {self.type.value}")
        return Contact(type=self.type, value=value, verified=self.verified, preferred=self.preferred)


class ParticularsPayload(Payload):
    occurred_note: Note = ""
    product: Product | None = None
    branch: Note = ""
    receptionist: Note = ""
    amount_note: Note = ""
    demand: Annotated[tuple[Demand, ...], Field(max_length=7)] = ()
    id_type: IdType | None = None
    represents: Represents | None = None
    preferred_channel: PreferredChannel | None = None


class ComplaintPayload(Payload):
    """One complaint, suggestion or inquiry."""

    text: Annotated[str, Field(min_length=1, max_length=100_000)]
    kind: Kind = Kind.COMPLAINT
    channel: ChannelKind = ChannelKind.APP
    subject: Annotated[str, Field(max_length=200)] = ""
    name: Annotated[str, Field(max_length=100)] = ""
    contacts: Annotated[tuple[ContactPayload, ...], Field(max_length=5)] = ()
    language: Language | None = None
    received_at: AwareDatetime | None = None
    particulars: ParticularsPayload = ParticularsPayload()

    @field_validator("text")
    @classmethod
    def _says_something(cls, value: str) -> str:
        if is_blank(value):
            raise ValueError("is blank")
        return value

    @model_validator(mode="after")
    def _says_who_took_it_down(self) -> ComplaintPayload:
        """Refuse a counter's complaint without branch and receptionist: the counter knows both (A027)."""
        particulars = self.particulars
        if self.channel is ChannelKind.BRANCH_COUNTER and not (particulars.branch and particulars.receptionist):
            raise ValueError("a branch_counter names particulars.branch and particulars.receptionist")
        return self

    def message(self, *, source: str, external_id: str, now: datetime, raw: bytes) -> InboundMessage:
        """Return the message, received `now` unless it says otherwise. Raises Invalid for a date in the future."""
        received_at = self.received_at or now
        if received_at > now + CLOCK_SKEW:
            raise Invalid(field="received_at", problem="in_the_future")
        if received_at < now - OLDEST:
            raise Invalid(field="received_at", problem="too_old")
        return InboundMessage(
            source=source,
            channel=self.channel,
            external_id=external_id,
            received_at=min(received_at, now).astimezone(UTC),
            text=self.text,
            reply_text=self.text,
            subject=self.subject,
            from_name=self.name,
            contacts=tuple([item.contact for item in self.contacts]),
            language=self.language,
            kind=self.kind,
            particulars=Particulars(**self.particulars.model_dump()),
            raw=raw,
        )
