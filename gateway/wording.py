"""The facts of a notice -> the variables of its template, in the words of a language and the dates of the bank's zone.

What free text may be put into, and what an unverified contact is not told, is decided here: a template cannot use what
it is not given. Templates are rendered in rendering.py.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import cast
from zoneinfo import ZoneInfo

from gateway.model import ChannelKind, ContactType, Kind, Language, NoticeFacts, NoticeKind
from gateway.rules.contents import CONTENTS, STAFF
from gateway.settings import Bank

CHOICES = frozenset({"variant", "why"})
"""Variables that are never shown: a template chooses its words by them."""

_NAMED = {
    "level": "level",
    "flags": "flag",
    "product": "product",
    "state": "state",
    "clock": "clock",
    "decision": "decision",
    "responsibility": "responsibility",
    "band": "band",
    "kinds": "secret",
}
"""The macro for each detail that is a value of the model, or a list of them."""

_NAME = re.compile(r"(?:[^\W\d_]|[ ·•‧'’-]|\.(?= |$)){1,40}")
_END_OF_DAY = (23, 59)

Variables = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The macros of templates/notices/words.<language>.j2."""

    salutation: Callable[[str], str]  # of a name, "" for none
    date: Callable[[date, bool], str]  # with the year or without
    moment: Callable[[str, datetime], str]  # the time of day added to a date
    weekday: Callable[[datetime], str]
    channel: Callable[[ChannelKind], str]
    where: Callable[[ContactType], str]  # the long form went
    listed: Callable[[Sequence[str]], str]
    money: Callable[[str, str], str]  # of an amount and its currency
    remedies: Callable[[bool, bool, str], str]  # tell us again, ask for a review, and the telephone
    secret: Callable[[str], str]
    level: Callable[[str], str]
    flag: Callable[[str], str]
    product: Callable[[str], str]
    state: Callable[[str], str]
    clock: Callable[[str], str]
    decision: Callable[[str], str]
    responsibility: Callable[[str], str]
    band: Callable[[str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Worded:
    """What a template is given: `brief` for subject and short, `full` with the free text for text and html.

    Both are one and the same where there is no free text.
    """

    brief: Variables
    full: Variables


class Wording:
    """Words facts in the bank's name and zone."""

    def __init__(self, *, bank: Bank, words: Mapping[Language, Words]) -> None:
        self._bank = bank
        self._zone = ZoneInfo(bank.zone)
        self._words = words

    def of(
        self, kind: NoticeKind, facts: NoticeFacts, language: Language, *, verified: bool, where: ContactType | None
    ) -> Worded:
        """Put the facts into words. `where` is what kind of contact got the long form, None when none did."""
        words = self._words[language]
        brief = self._same_for_all(facts, words, language, verified=verified)
        brief["where"] = words.where(where) if where and verified else ""
        if not facts.details:
            return Worded(brief=brief, full=brief)
        staff = kind in STAFF
        details = _Details(words=words, zone=self._zone, year=facts.received_at.astimezone(self._zone).year)
        contents = CONTENTS[kind]
        allowed = None if verified or staff else {*contents.everywhere, *contents.to_anybody}
        plain, free = details.worded(facts.details, allowed)
        brief |= plain
        if "remedies" in contents.in_full and verified:
            again = kind is not NoticeKind.REVIEW_DECISION
            review = facts.details.get("review") is True
            free["remedies"] = words.remedies(again, review, self._bank.telephone)
        if not staff:
            return Worded(brief=brief, full=brief | free)
        # Its readers work with the case: their short form says why, on one line.
        return Worded(brief=brief | {name: " ".join(text.split()) for name, text in free.items()}, full=brief | free)

    def _same_for_all(self, facts: NoticeFacts, words: Words, language: Language, *, verified: bool) -> Variables:
        received_at = facts.received_at.astimezone(self._zone)
        promised_at = facts.promised_at.astimezone(self._zone)
        promised = words.date(promised_at, promised_at.year != received_at.year)
        if facts.kind is Kind.INQUIRY and not facts.major:
            promised = words.moment(promised, promised_at)  # an inquiry is promised an answer in hours (C15)
        variables: Variables = {
            "variant": "major" if facts.major else facts.kind.value,
            "verified": verified,
            "bank": self._bank.names[language],
            "telephone": self._bank.telephone,
            "number": facts.number,
            "promised": promised,
            "weekday": words.weekday(promised_at),
            "salutation": words.salutation(facts.name if verified else ""),
        }
        if verified:
            variables["received"] = words.moment(words.date(received_at, False), received_at)
            variables["channel"] = words.channel(facts.channel)
        return variables


@dataclass(frozen=True, slots=True, kw_only=True)
class _Details:
    """Words the details of one notice; `year` is the one that dates need not name."""

    words: Words
    zone: tzinfo
    year: int

    def worded(self, details: Mapping[str, object], allowed: set[str] | None) -> tuple[Variables, dict[str, str]]:
        """Return the details that may stand in a text message, and the free text that may not (E.2 rule 1)."""
        plain: Variables = {}
        free: dict[str, str] = {}
        for key, value in details.items():
            name = key.removesuffix("_at").removesuffix("_on")
            if allowed is not None and name not in allowed:
                continue
            if (word := self._plain(key, value)) is not None:
                plain[name] = word
            else:
                free[name] = self._free(key, value, details)
        return plain, free

    def _plain(self, key: str, value: object) -> object | None:
        """Return a date, a flag of the notice, a number or a known word in words; None for free text."""
        if key.endswith(("_at", "_on")):
            return self._when(str(value))
        if isinstance(value, bool | int) or key in CHOICES:
            return value
        if key in _NAMED:
            values = cast(Sequence[str], value if isinstance(value, list | tuple) else [value] if value else [])
            macro: Callable[[str], str] = getattr(self.words, _NAMED[key])
            return self.words.listed([macro(one) for one in values]) if values else ""
        return None

    def _free(self, key: str, value: object, details: Mapping[str, object]) -> str:
        if isinstance(value, list | tuple):
            return self.words.listed([str(one).strip() for one in value]) if value else ""
        if key == "amount" and value:
            return self.words.money(str(value), str(details.get("currency", "")))
        return str(value).strip()

    def _when(self, value: str) -> str:
        """Return a moment or date in words, the end of a day as that day; "" for none."""
        if not value:
            return ""
        if len(value) == len("2026-11-26"):
            day = date.fromisoformat(value)
            return self.words.date(day, day.year != self.year)
        at = datetime.fromisoformat(value).astimezone(self.zone)
        day_alone = self.words.date(at, at.year != self.year)
        return day_alone if (at.hour, at.minute) == _END_OF_DAY else self.words.moment(day_alone, at)


def salutable(name: str) -> str:
    """Return the name if it can stand in a salutation, else "".

    It is free text from outside: with a digit, an address, markup or a comma in it, it may be a message of its own.
    """
    one_line = " ".join(unicodedata.normalize("NFC", name[:200]).split())
    return one_line if _NAME.fullmatch(one_line) else ""
