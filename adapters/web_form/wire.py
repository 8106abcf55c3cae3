"""What the complaint form asks, what an answer may be, and how a submission becomes a message.

Pure; the page and its uploads are gateway/web/.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, TypeVar

from gateway.errors import Invalid
from gateway.model import (
    Attachment,
    ChannelKind,
    Contact,
    ContactType,
    Demand,
    IdType,
    InboundMessage,
    Language,
    Particulars,
    PreferredChannel,
    Product,
    Represents,
)
from gateway.rules.addresses import is_landline, normal_email, normal_phone
from gateway.rules.language import is_blank

Chosen = TypeVar("Chosen", bound=StrEnum)
Values = Mapping[str, tuple[str, ...]]
"""The answers by field name, as they were typed."""

# The ways a customer may choose, each with the sender it needs; anybody can be called.
WAYS: Mapping[PreferredChannel, ContactType | None] = {
    PreferredChannel.PHONE: None,
    PreferredChannel.SMS: ContactType.MOBILE,
    PreferredChannel.EMAIL: ContactType.EMAIL,
}

# Control characters but tab and newline: they carry nothing, and PostgreSQL refuses NUL in text.
_NOISE = re.compile("[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One question. `limit` counts characters; a field with choices takes only those."""

    name: str
    limit: int = 40
    required: bool = False
    many: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong with one answer, as a stable word the page translates."""

    field: str
    problem: str


def fields(senders: Collection[ContactType]) -> tuple[Field, ...]:
    """Return the questions in the order of the page; only ways of telling that are enabled are offered (B.2)."""
    ways = tuple(way for way, needs in WAYS.items() if needs is None or needs in senders)
    return (
        Field(name="text", limit=5000, required=True),
        Field(name="name", limit=100, required=True),
        Field(name="contact", limit=200, required=True),
        Field(name="way", choices=ways),
        Field(name="demand", many=True, choices=tuple(Demand)),
        Field(name="product", choices=tuple(Product)),
        Field(name="branch", limit=200),
        Field(name="occurred", limit=200),
        Field(name="amount", limit=100),
        Field(name="represents", choices=tuple(Represents)),
        Field(name="id_type", choices=tuple(IdType)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class WebForm:
    """The form of one source."""

    HONEYPOT: ClassVar[str] = "website"

    source: str
    fields: tuple[Field, ...]

    def check(self, values: Values) -> tuple[Problem, ...]:
        """Return what the customer has to change, in the order of the page; empty when the form can be sent."""
        found = [problem for field in self.fields for problem in _check_field(field, _given(values, field.name))]
        named = {problem.field for problem in found}
        if "contact" not in named and "way" not in named:
            found.extend(_check_way(_contact(_one(values, "contact")), _one(values, "way")))
        # Nobody is lied to: a filled trap is an error like any other, and what was typed is kept.
        if _one(values, self.HONEYPOT):
            found.append(Problem(field=self.HONEYPOT, problem="leave_empty"))
        return tuple(found)

    def to_message(
        self, values: Values, *, files: Sequence[Attachment], language: Language, external_id: str, at: datetime
    ) -> InboundMessage:
        """Turn checked answers into a message; `raw` is every answer as JSON, as it was typed."""
        contact = _contact(_one(values, "contact"))
        if contact is None:
            raise Invalid(field="contact", problem="not_a_contact")
        answers = {field.name: list(values[field.name]) for field in self.fields if any(values.get(field.name, ()))}
        text = _one(values, "text")
        return InboundMessage(
            source=self.source,
            channel=ChannelKind.WEB_FORM,
            external_id=external_id,
            received_at=at,
            text=text,
            reply_text=text,
            from_name=_one(values, "name"),
            contacts=(contact,),
            language=language,
            particulars=Particulars(
                occurred_note=_one(values, "occurred"),
                product=_choice(Product, _one(values, "product")),
                branch=_one(values, "branch"),
                amount_note=_one(values, "amount"),
                demand=tuple(Demand(demand) for demand in dict.fromkeys(_given(values, "demand"))),
                id_type=_choice(IdType, _one(values, "id_type")),
                represents=_choice(Represents, _one(values, "represents")),
                preferred_channel=_choice(PreferredChannel, _one(values, "way")),
            ),
            attachments=tuple(files),
            raw=json.dumps(answers, ensure_ascii=False).encode(),
        )

    def told_by(self, values: Values, senders: Collection[ContactType]) -> str:
        """Return how the gateway itself can tell this customer ("sms", "email"), or "" when no sender reaches them."""
        contact = _contact(_one(values, "contact"))
        if contact is None or contact.type not in senders:
            return ""
        return "email" if contact.type is ContactType.EMAIL else "sms"


def tidy(text: str) -> str:
    """Return the text with Unix line ends, without outer blanks and control characters that carry nothing."""
    return _NOISE.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip()


def _given(values: Values, name: str) -> list[str]:
    return [answer for answer in map(tidy, values.get(name, ())) if answer]


def _one(values: Values, name: str) -> str:
    return next(iter(_given(values, name)), "")


def _check_field(field: Field, given: Sequence[str]) -> Iterator[Problem]:
    if field.required and (not given or is_blank(given[0])):
        yield Problem(field=field.name, problem="required")
    elif field.choices and not set(given) <= set(field.choices):
        yield Problem(field=field.name, problem="not_a_choice")
    elif not field.choices and any(len(answer) > field.limit for answer in given):
        yield Problem(field=field.name, problem="too_long")
    elif field.name == "contact" and given and _contact(given[0]) is None:
        yield Problem(field=field.name, problem="not_a_contact")


def _check_way(contact: Contact | None, way: str) -> Iterator[Problem]:
    if contact is None or not way:
        return
    by_mail = contact.type is ContactType.EMAIL
    if way == "email" and not by_mail:
        yield Problem(field="way", problem="needs_email")
    elif way != "email" and by_mail:
        yield Problem(field="way", problem="needs_phone")
    elif way == "sms" and contact.type is not ContactType.MOBILE:
        yield Problem(field="way", problem="needs_mobile")


def _contact(typed: str) -> Contact | None:
    """Return the contact that was typed in its normal form; None when it is neither a telephone nor an e-mail."""
    if "@" in typed or "＠" in typed:  # the second one is of a Chinese keyboard
        address = normal_email(typed)
        return Contact(type=ContactType.EMAIL, value=address) if address else None
    number = normal_phone(typed)
    if number is None:
        return None
    return Contact(type=ContactType.LANDLINE if is_landline(number) else ContactType.MOBILE, value=number)


def _choice(kind: type[Chosen], value: str) -> Chosen | None:
    return kind(value) if value else None
