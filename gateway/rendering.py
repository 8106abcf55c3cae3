"""Facts of a notice -> its text for one contact, by the templates of templates/notices/.

Also the check at start-up that every template, shipped or an operator's own, renders and says what it must. When a
notice is sent, and by which contact, is decided elsewhere.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from html import unescape
from itertools import product
from pathlib import Path
from zoneinfo import ZoneInfo

from jinja2 import Environment, StrictUndefined, Template, TemplateNotFound, TemplateSyntaxError, UndefinedError
from jinja2.runtime import Context
from markupsafe import escape
from pydantic import TypeAdapter, ValidationError

from gateway import share
from gateway.errors import Misconfigured
from gateway.model import ChannelKind, Contact, ContactType, Kind, Language, NoticeFacts, NoticeKind, Text
from gateway.settings import Bank, Section, explain

MANDATORY: Mapping[NoticeKind, tuple[str, ...]] = {
    # until when and by which phone (S1-5-7, A093), the number (S0-6(4)), and who writes (E.2 rule 2)
    NoticeKind.ACKNOWLEDGEMENT: ("bank", "number", "promised", "telephone"),
}

_BLOCKS = ("subject", "short", "text", "html")
_LINK = re.compile(r"https?:|www\.|<a\b|<img\b|\bsrc=|\burl\(", re.IGNORECASE)
_NUMBER = re.compile("[A-Z0-9-]{1,32}")
_NAME = re.compile(r"(?:[^\W\d_]|[ ·•‧'’-]|\.(?= |$)){1,40}")
_TWO_SMS_PARTS = 134  # characters, where one of them is not ASCII
_TWO_SMS_PARTS_ASCII = 306

# What stands for a number and a name in a frame: private-use characters, which neither of them has.
_NUMBER_HERE, _NAME_HERE = "\ue000", "\ue001"

_VERIFIED = Contact(type=ContactType.EMAIL, value="li@example.com", verified=True)
_SAMPLE = NoticeFacts(
    number="TS-261123-000123-V",
    kind=Kind.COMPLAINT,
    major=False,
    promised_at=datetime(2026, 11, 26, 15, 59, 59, tzinfo=UTC),
    received_at=datetime(2026, 11, 23, 1, 15, tzinfo=UTC),
    channel=ChannelKind.EMAIL,
    name="Li Wei",
)


class PlainWords(Section):
    """What no notice in one language may say: words to leave out, and words of the house with their replacements."""

    never: tuple[str, ...]
    jargon: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Words:
    """The macros of templates/notices/words.<language>.j2."""

    salutation: Callable[[str], str]  # of a name, "" for none
    date: Callable[[datetime, bool], str]  # with the year or without
    moment: Callable[[str, datetime], str]  # the time of day added to a date
    weekday: Callable[[datetime], str]
    channel: Callable[[ChannelKind], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Template:
    """One notice in one language."""

    name: str
    compiled: Template

    def render(self, blocks: Sequence[str], variables: dict[str, object]) -> list[str]:
        """Render some of its blocks. Raises Misconfigured naming the block."""
        # shared: without jinja's own globals (range, lipsum, ...), whose merging costs as much as rendering a block
        context = self.compiled.new_context(variables, shared=True)
        return [self._block(block, context) for block in blocks]

    def _block(self, block: str, context: Context) -> str:
        try:
            return "".join(self.compiled.blocks[block](context)).strip()
        except Exception as error:
            raise _failure(f"{self.name}: block {block}", error) from None


class Rendering:
    """Renders notices in the bank's name and zone. `override` is the operator's own templates folder.

    Compiles every template once. Raises Misconfigured when one is missing or is not a template.
    """

    def __init__(self, *, bank: Bank, override: Path | None) -> None:
        self._bank = bank
        self._zone = ZoneInfo(bank.zone)
        self._override = override
        environment = Environment(
            loader=share.template_loader(override),
            undefined=StrictUndefined,
            autoescape=False,  # what the block html is given is escaped before, see _write
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        # An operator's own template may do anything with a value; of the shipped ones a test says what they do.
        self._is_shipped = override is None or not any((override / "notices").glob("*.j2"))
        self._frame = lru_cache(maxsize=256)(self._worded)
        self._page = _macros(environment, "notices/page.j2", ("page",))["page"]
        self._words = {
            language: _Words(**_macros(environment, f"notices/words.{language}.j2", _Words.__slots__))
            for language in Language
        }
        self._templates = {
            (kind, language): _compile(environment, f"notices/{kind}.{language}.j2")
            for kind, language in product(NoticeKind, Language)
        }

    def render(self, kind: NoticeKind, facts: NoticeFacts, *, to: Contact, language: Language) -> Text:
        """Write a notice for a contact; an unverified one is told number, date and phone only (E.2 rule 10)."""
        name = _salutable(facts.name) if to.verified else ""
        if not self._is_shipped or not _NUMBER.fullmatch(facts.number):
            return self._worded(kind, language, replace(facts, name=name), verified=to.verified)
        # Customers of one minute are told the same but for number and name: it is put into words once for all of them.
        minute = facts.received_at.replace(second=0, microsecond=0)
        shared = replace(facts, number=_NUMBER_HERE, name=_NAME_HERE if name else "", received_at=minute)
        frame = self._frame(kind, language, shared, verified=to.verified)

        def filled(block: str, name: str) -> str:
            return block.replace(_NUMBER_HERE, facts.number).replace(_NAME_HERE, name)

        return Text(
            language=language,
            subject=filled(frame.subject, name),
            short=filled(frame.short, name),
            text=filled(frame.text, name),
            html=filled(frame.html, str(escape(name))),
        )

    def check(self) -> None:
        """Render every notice in every language and variant with sample data, and read what comes out.

        Raises Misconfigured naming every template and block with what is wrong: an unknown variable, a mandatory one
        left out (A093), an internal word or jargon (E.2 rules 1 and 4), a link (E.2 rule 11), more than two SMS parts,
        HTML that does not escape, an override of nothing.
        """
        faults = dict.fromkeys(self._faults())
        if faults:
            raise Misconfigured("; ".join(faults))

    def _worded(self, kind: NoticeKind, language: Language, facts: NoticeFacts, *, verified: bool) -> Text:
        variables = self._variables(facts, language, verified=verified)
        return self._write(self._templates[kind, language], language, variables)

    def _write(self, template: _Template, language: Language, variables: dict[str, object]) -> Text:
        subject, short, text = template.render(("subject", "short", "text"), variables)
        # one line whatever was put into it: a second one would be a mail header
        subject = " ".join(subject.split())
        # a template that forgets to escape cannot: autoescape is a property of a whole template, this is of the block
        escaped = {key: escape(value) if isinstance(value, str) else value for key, value in variables.items()}
        escaped |= {"page": self._page, "language": language.value, "subject": escape(subject), "text": escape(text)}
        (html,) = template.render(("html",), escaped)
        return Text(language=language, subject=subject, short=short, text=text, html=html)

    def _variables(self, facts: NoticeFacts, language: Language, *, verified: bool) -> dict[str, object]:
        """Put the facts into words. What an unverified contact may not read is not there for a template to use."""
        try:
            return self._in_words(facts, language, verified=verified)
        except Exception as error:
            raise _failure(f"notices/words.{language}.j2", error) from None

    def _in_words(self, facts: NoticeFacts, language: Language, *, verified: bool) -> dict[str, object]:
        words = self._words[language]
        received_at = facts.received_at.astimezone(self._zone)
        promised_at = facts.promised_at.astimezone(self._zone)
        promised = words.date(promised_at, promised_at.year != received_at.year)
        if facts.kind is Kind.INQUIRY and not facts.major:
            promised = words.moment(promised, promised_at)  # an inquiry is promised an answer in hours (C15)
        variables: dict[str, object] = {
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

    def _faults(self) -> Iterator[str]:
        yield from self._idle_overrides()
        plain_words = _plain_words(self._override)
        for (kind, language), template in self._templates.items():
            for facts, to in _samples():
                try:
                    variables = self._variables(facts, language, verified=to.verified)
                    text = self._write(template, language, variables)
                    hostile = self._write(template, language, _hostile(variables))
                except Misconfigured as error:
                    yield str(error)
                    continue
                mandatory = {name: str(variables[name]) for name in MANDATORY[kind]}
                for block, fault in _read(text, hostile, mandatory, plain_words[language]):
                    yield f"templates/{template.name}: block {block} {fault}"

    def _idle_overrides(self) -> Iterator[str]:
        for pattern in ("notices/*.j2", "notices/*.toml"):
            shipped = share.names("templates", pattern, None)
            for name in share.names("templates", pattern, self._override):
                if name not in shipped:
                    yield f"{self._override}/{name} overrides nothing"


def _failure(where: str, error: Exception) -> Misconfigured:
    """Say how a template failed, which it can in any way Python can; other messages than jinja's may quote a value."""
    return Misconfigured(f"templates/{where}: {error if isinstance(error, UndefinedError) else type(error).__name__}")


def _load(environment: Environment, name: str) -> Template:
    try:
        return environment.get_template(name)
    except TemplateNotFound:
        raise Misconfigured(f"there is no file templates/{name}") from None
    except TemplateSyntaxError as error:
        raise Misconfigured(f"templates/{name}, line {error.lineno}: {error.message}") from None
    except UnicodeDecodeError:
        raise Misconfigured(f"templates/{name} is not UTF-8 text") from None


def _macros(environment: Environment, name: str, needed: Iterable[str]) -> dict[str, Callable[..., str]]:
    template = _load(environment, name)
    try:
        found = vars(template.module)
    except Exception as error:
        raise _failure(name, error) from None
    if missing := [macro for macro in needed if not callable(found.get(macro))]:
        raise Misconfigured(f"templates/{name} has no macro {', '.join(missing)}")
    return {macro: found[macro] for macro in needed}


def _compile(environment: Environment, name: str) -> _Template:
    compiled = _load(environment, name)
    if missing := [block for block in _BLOCKS if block not in compiled.blocks]:
        raise Misconfigured(f"templates/{name} has no block {', '.join(missing)}")
    return _Template(name=name, compiled=compiled)


def _salutable(name: str) -> str:
    """Return the name if it can stand in a salutation, else "".

    It is free text from outside: with a digit, an address, markup or a comma in it, it may be a message of its own.
    """
    one_line = " ".join(unicodedata.normalize("NFC", name[:200]).split())
    return one_line if _NAME.fullmatch(one_line) else ""


def _samples() -> Iterator[tuple[NoticeFacts, Contact]]:
    """Yield every variant for both kinds of contact, a promise in the next year, and every channel."""
    dates = (_SAMPLE.promised_at, datetime(2027, 1, 4, 15, 59, 59, tzinfo=UTC))
    for kind, major, promised_at, verified in product(Kind, (False, True), dates, (False, True)):
        facts = replace(_SAMPLE, kind=kind, major=major, promised_at=promised_at)
        yield facts, replace(_VERIFIED, verified=verified)
    for channel in ChannelKind:
        yield replace(_SAMPLE, channel=channel), _VERIFIED


def _hostile(variables: Mapping[str, object]) -> dict[str, object]:
    return {
        key: f"{value}\n<x>" if isinstance(value, str) and key != "variant" else value
        for key, value in variables.items()
    }


def _read(text: Text, hostile: Text, mandatory: Mapping[str, str], words: PlainWords) -> Iterator[tuple[str, str]]:
    """Yield (block, fault) for what is wrong with a rendered notice."""
    for block, content in (("short", text.short), ("text", text.text), ("html", unescape(text.html))):
        for name in (name for name, value in mandatory.items() if value not in content):
            yield block, f"does not say {name}"
    for block in _BLOCKS:
        for fault in _misspoken(getattr(text, block), words):
            yield block, fault
    if "\n" in text.short:
        yield "short", "is more than one line"
    if len(text.short) > (_TWO_SMS_PARTS_ASCII if text.short.isascii() else _TWO_SMS_PARTS):
        yield "short", "is longer than two SMS parts"
    if "<x>" in hostile.html:
        yield "html", "does not escape a variable"


def _misspoken(content: str, words: PlainWords) -> Iterator[str]:
    if _LINK.search(content):
        yield "has a link"
    for word in words.never:
        if _says(content, word):
            yield f"says {word!r}"
    for word, instead in words.jargon.items():
        if _says(content, word):
            yield f"says {word!r}; write {instead!r}" if instead else f"says {word!r}; leave it out"


def _says(content: str, word: str) -> bool:
    if not word.isascii():
        return word in content
    return re.search(rf"\b{re.escape(word)}\b", content, re.IGNORECASE) is not None


def _plain_words(override: Path | None) -> dict[Language, PlainWords]:
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
