"""What is wrong with a rendered notice: read at start-up, of sample facts, in every language (E.2, E.3).

Rendering the samples is rendering.py's; what a notice has to say is rules/contents.py's.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from html import unescape
from itertools import product
from pathlib import Path
from typing import Annotated

from pydantic import StringConstraints, TypeAdapter, ValidationError

from gateway import share
from gateway.errors import Misconfigured
from gateway.model import ChannelKind, ContactType, Kind, Language, NoticeFacts, NoticeKind, Text
from gateway.rules.contents import CONTENTS, STAFF
from gateway.settings import Section, explain
from gateway.wording import CHOICES, Variables, Worded

_BLOCKS = ("subject", "short", "text", "html")
_LINK = re.compile(r"https?:|www\.|<a\b|<img\b|\bsrc=|\burl\(", re.IGNORECASE)
MARKUP = "\n<x>"
_TWO_SMS_PARTS = 134  # characters, where one of them is not ASCII
_TWO_SMS_PARTS_ASCII = 306

_FACTS = NoticeFacts(
    number="TS-261123-000123-V",
    kind=Kind.COMPLAINT,
    major=False,
    promised_at=datetime(2026, 11, 26, 15, 59, 59, tzinfo=UTC),
    received_at=datetime(2026, 11, 23, 1, 15, tzinfo=UTC),
    channel=ChannelKind.EMAIL,
    name="Li Wei",
)
_NEXT_YEAR = datetime(2027, 1, 4, 15, 59, 59, tzinfo=UTC)

_STEPS = {"done": "[done]", "waiting": "[waiting]", "next": "[next]"}
_OUTCOME: Mapping[str, object] = {
    "findings": "[findings]",
    "cause": "[cause]",
    "measures": "[measures]",
    "improvement": "[improvement]",
    "basis": ["[clause one]", "[clause two]"],
    "reason": "[reason]",
    "alternative": "[alternative]",
    "apology": True,
    "review": True,
    "amount": "120.50",
    "currency": "CNY",
    "arrival_on": "2026-11-30",
    "account_tail": "7890",
}
_LEAST: Mapping[str, object] = {
    **dict.fromkeys(("improvement", "reason", "alternative", "amount", "currency", "arrival_on", "account_tail"), ""),
    "basis": [],
    "apology": False,
    "review": False,
}
_WORK: Mapping[str, object] = {
    "level": "major",
    "flags": ["fraud", "urgent"],
    "product": "payment",
    "branch": "[East Gate]",
    "unit": "[cards]",
    "state": "investigating",
    "owner": "S0042",
    "decision": "",
    "promised_at": "2026-11-26T15:59:59+00:00",
}
_UNGRADED: Mapping[str, object] = {**_WORK, "level": "general", "flags": [], "product": "", "branch": "", "owner": ""}
_DUE: Mapping[str, object] = {**_WORK, "clock": "resolve", "due_at": "2026-11-25T09:30:00+00:00"}
_DUE_FOR = (
    *("due_soon", "overdue", "objected", "unsolved", "new_facts", "escalated", "review", "referral"),
    *("no_route", "not_responsible", "passed_around", "legal", "contingency_owed", "contingency_named"),
    *("customer_wrote", "wants_to_withdraw", "wants_mediation", "not_satisfied", "undelivered", "cannot_be_told"),
)
_REPORTED = ("violation", "product_issue", "outcome")

K = NoticeKind
DETAILS: Mapping[NoticeKind, tuple[Mapping[str, object], ...]] = {
    K.ANSWER: ({"answer": "[answer]"},),
    K.INQUIRY_ANSWER: ({"answer": "[answer]"},),
    K.MERGED: ({"new_facts": True}, {"new_facts": False}),
    K.INFORMATION_REQUEST: ({"items": ["[receipt]", "[contract]"], "way": "[branch]"},),
    K.FIRST_PROGRESS: ({"progress": "[direction]", "next_contact_at": "2026-11-24T03:00:00+00:00"},),
    K.PROGRESS: tuple(
        {"done": "[done]", "waiting": waiting, "next": coming, "overdue": overdue}
        for waiting, coming, overdue in (("[waiting]", "[next]", False), ("", "[next]", True), ("", "", False))
    ),
    K.DAILY_PROGRESS: (
        {**_STEPS, "again_at": "2026-11-24T15:59:59+00:00"},
        {**_STEPS, "waiting": "", "again_at": ""},
    ),
    K.EXTENSION: ({"old_at": "2026-11-25T15:59:59+00:00", "reason": "[reason]", "done": "[done]", "next": "[next]"},),
    K.CLOCK_PAUSED: tuple(
        {"why": why, "ends": ends, "body": "" if ends else "[institute]"}
        for why, ends in product(("appraisal", "mediation"), (False, True))
    ),
    K.OUTCOME_UPHELD: (_OUTCOME, {**_OUTCOME, **_LEAST}, {**_OUTCOME, "account_tail": ""}),
    K.OUTCOME_REJECTED: (_OUTCOME, {**_OUTCOME, **_LEAST, "basis": ["[clause one]"], "reason": "[reason]"}),
    K.LOOKING_AGAIN: tuple({"why": why} for why in ("objected", "unsolved", "new_facts")),
    K.CALLBACK_SCRIPT: ({"measures": "[measures]"}, {"measures": ""}),
    K.REVIEW_ACCEPTED: ({"review_at": "2026-12-23T15:59:59+00:00"},),
    K.REVIEW_DECISION: ({"process": "[process]", "time_limit": "[time]", "result": "[result]", "upheld": True},),
    K.SUGGESTION_REPLY: (
        {"adopted": True, "reason": "[reason]", "live_on": "2027-01-04"},
        {"adopted": True, "reason": "[reason]", "live_on": ""},
        {"adopted": False, "reason": "[reason]", "live_on": ""},
    ),
    K.WITHDRAWN: ({"ended_at": "2026-11-24T02:05:00+00:00"},),
    K.NOT_FOR_US: ({"reason": "[reason]", "who_can_help": "[institute]"},),
    K.MEDIATION_OFFER: ({"body": "[institute]"},),
    K.SECURITY_NOTE: (
        {"kinds": ["password", "card_number"]},
        {"kinds": ["one_time_code", "card_security_code", "card_expiry", "track_data"]},
    ),
    K.CALLBACK_FEEDBACK: ({"feedback": "[feedback]"},),
    K.STAY_IN_TOUCH: ({"overdue": False}, {"overdue": True}),
    K.DISPATCH: ({**_WORK, "accept_at": "2026-11-23T02:00:00+00:00"}, {**_UNGRADED, "accept_at": ""}),
    K.NOT_ACCEPTED: ({**_DUE, "clock": "accept", "why": "due_soon", "minutes": 45},),
    K.DEADLINE: (
        *({**_DUE, "why": why} for why in _DUE_FOR),
        *({**_DUE, "why": why, "decision": "upheld"} for why in _REPORTED),
    ),
    K.RED_ALERT: (
        {**_WORK, "reason": "[reason]", "lead": "S0007", "plan_at": "2026-11-24T15:59:59+00:00"},
        {**_UNGRADED, "reason": "", "lead": "", "plan_at": ""},
    ),
    K.CLUSTER_ALERT: (_WORK, _UNGRADED),
    K.ASSIST: (
        {
            **_WORK,
            "asked": "[unit]",
            "question": "[question]",
            "meeting_at": "2026-11-24T06:00:00+00:00",
            "answer_at": "2026-11-24T02:30:00+00:00",
        },
        {
            **_UNGRADED,
            "asked": "[unit]",
            "question": "[question]",
            "meeting_at": "2026-11-24T06:00:00+00:00",
            "answer_at": "",
        },
    ),
    K.APPROVAL: (
        {**_WORK, "decision": "upheld", "responsibility": "work_error", "band": "1k"},
        {**_UNGRADED, "decision": "", "responsibility": "", "band": "none"},
    ),
    K.SENT_BACK: ({**_WORK, "missing": "[missing]", "until_on": "2026-11-25"},),
}
"""What rules/reactions.py gives each notice: every case of it that a template tells apart."""


Word = Annotated[str, StringConstraints(min_length=1, to_lower=True)]


class PlainWords(Section):
    """What no notice in one language may say: words to leave out, and words of the house with their replacements."""

    never: tuple[Word, ...]
    jargon: dict[Word, str]

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """One search for all of them: every block of every sample is read. An ASCII word is one by its edges."""
        words = [rf"\b{re.escape(word)}\b" if word.isascii() else re.escape(word) for word in self._longest_first()]
        return re.compile("|".join(words) or r"(?!)", re.IGNORECASE)

    def _longest_first(self) -> list[str]:
        return sorted((*self.never, *self.jargon), key=len, reverse=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One case to render a notice for."""

    facts: NoticeFacts
    verified: bool = True
    where: ContactType | None = None


def samples(kind: NoticeKind) -> Iterator[Sample]:
    """Yield a notice's cases for both kinds of contact: of the complaint, of the details, of where the long form went.

    The acknowledgement is the one that tells channels apart, and whose date may be any. Staff are the bank's own: what
    they are told depends on the details alone.
    """
    every = DETAILS.get(kind, ({},))
    if kind in STAFF:
        yield from (Sample(facts=replace(_FACTS, details=details)) for details in every)
        return
    variants = [(one, False) for one in Kind] + [(Kind.COMPLAINT, True)]
    if kind is NoticeKind.ACKNOWLEDGEMENT:
        yield from _acknowledgements(variants)
        return
    for details in every if kind is not NoticeKind.SURVEY else (*every, {"one_way": True}):
        facts = replace(_FACTS, details=details)
        yield Sample(facts=facts, where=ContactType.EMAIL)
        yield Sample(facts=facts, verified=False)
    for one, major in variants:
        yield Sample(facts=replace(_FACTS, kind=one, major=major, details=every[0]))


def _acknowledgements(variants: Sequence[tuple[Kind, bool]]) -> Iterator[Sample]:
    for (one, major), promised_at, verified in product(variants, (_FACTS.promised_at, _NEXT_YEAR), (False, True)):
        yield Sample(facts=replace(_FACTS, kind=one, major=major, promised_at=promised_at), verified=verified)
    for (one, major), verified in product(variants, (False, True)):
        for details in ({"overdue": True}, {"ask_phone": True}, {"overdue": True, "ask_phone": True}):
            yield Sample(facts=replace(_FACTS, kind=one, major=major, details=details), verified=verified)
    for channel in ChannelKind:
        yield Sample(facts=replace(_FACTS, channel=channel))


def marked(variables: Variables) -> Variables:
    """Return the variables with markup at the end of each text, to see whether a page escapes them."""
    return {
        key: f"{value}{MARKUP}" if isinstance(value, str) and key not in CHOICES else value
        for key, value in variables.items()
    }


def faults(
    kind: NoticeKind, text: Text, worded: Worded, words: PlainWords, *, verified: bool
) -> Iterator[tuple[str, str]]:
    """Yield (block, fault) for what is wrong with a notice whose html was given marked variables.

    Plain words and short messages are for customers.
    """
    yield from _missing(kind, text, worded, verified=verified)
    yield from ((block, "has a link") for block in _BLOCKS if _LINK.search(getattr(text, block)))
    if "\n" in text.short:
        yield "short", "is more than one line"
    if MARKUP.strip() in text.html:
        yield "html", "does not escape a variable"
    if kind not in STAFF:
        for block in _BLOCKS:
            yield from ((block, fault) for fault in _misspoken(getattr(text, block), words))
        if len(text.short) > (_TWO_SMS_PARTS_ASCII if text.short.isascii() else _TWO_SMS_PARTS):
            yield "short", "is longer than two SMS parts"


def _missing(kind: NoticeKind, text: Text, worded: Worded, *, verified: bool) -> Iterator[tuple[str, str]]:
    contents = CONTENTS[kind]
    in_full = contents.in_full if verified else ()
    html = unescape(text.html)
    for block, content, names in (
        ("subject", text.subject, ("number",)),
        ("short", text.short, contents.everywhere),
        ("text", text.text, (*contents.everywhere, *in_full)),
        ("html", html, (*contents.everywhere, *in_full)),
    ):
        for name in names:
            if str(worded.full.get(name, "")) not in content:
                yield block, f"does not say {name}"


def _misspoken(content: str, words: PlainWords) -> Iterator[str]:
    for found in dict.fromkeys(match.lower() for match in words.pattern.findall(content)):
        instead = words.jargon.get(found)
        if instead is None:
            yield f"says {found!r}"
        else:
            yield f"says {found!r}; write {instead!r}" if instead else f"says {found!r}; leave it out"


def plain_words(override: Path | None) -> dict[Language, PlainWords]:
    """Read templates/notices/plain_words.toml. Raises Misconfigured when it is damaged or lacks a language."""
    name = "notices/plain_words.toml"
    try:
        data = tomllib.loads(share.read_text("templates", name, override))
        words = TypeAdapter(dict[Language, PlainWords]).validate_python(data)
    except tomllib.TOMLDecodeError as error:
        raise Misconfigured(f"templates/{name} is not TOML: {error}") from None
    except ValidationError as error:
        raise Misconfigured(f"templates/{name}: {explain(error)}") from None
    if missing := [language.value for language in Language if language not in words]:
        raise Misconfigured(f"templates/{name} has no words for {', '.join(missing)}")
    return words
