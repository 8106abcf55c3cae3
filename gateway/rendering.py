"""Facts of a notice -> its text for one contact, by the templates of templates/notices/.

Also the check at start-up that every template, shipped or an operator's own, renders and says what it must: what is
read there is in proofreading.py, what a template is given in wording.py. When a notice is sent, and by which contact,
is decided elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from itertools import product
from pathlib import Path
from types import CodeType

from jinja2 import (
    BytecodeCache,
    Environment,
    StrictUndefined,
    Template,
    TemplateNotFound,
    TemplateSyntaxError,
    UndefinedError,
)
from jinja2.bccache import Bucket
from jinja2.runtime import Context
from markupsafe import escape

from gateway import proofreading, share
from gateway.errors import Misconfigured
from gateway.model import Contact, ContactType, Language, NoticeFacts, NoticeKind, Text
from gateway.model import Template as Values
from gateway.proofreading import Sample
from gateway.settings import Bank
from gateway.wording import Variables, Worded, Wording, Words, salutable

_NUMBER = re.compile("[A-Z0-9-]{1,32}")

# What stands for a number and a name in a frame: private-use characters, which neither of them has.
_NUMBER_HERE, _NAME_HERE = "\ue000", "\ue001"

_BLOCKS = ("subject", "short", "text", "html")


class _Compiled(BytecodeCache):
    """What this process has compiled, by name and source: that is most of the time a second Rendering would take."""

    def __init__(self) -> None:
        self._code: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._code.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        if bucket.code is not None:
            self._code[bucket.key, bucket.checksum] = bucket.code


_COMPILED = _Compiled()


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
        self._override = override
        self._bank = bank
        environment = Environment(
            loader=share.template_loader(override),
            undefined=StrictUndefined,
            autoescape=False,  # what the block html is given is escaped before, see _write
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            bytecode_cache=_COMPILED,
        )
        # An operator's own template may do anything with a value; of the shipped ones a test says what they do.
        self._is_shipped = override is None or not any((override / "notices").glob("*.j2"))
        self._frame = lru_cache(maxsize=256)(self._worded)
        self._page = _macros(environment, "notices/page.j2", ("page",))["page"]
        words = {
            language: Words(**_macros(environment, f"notices/words.{language}.j2", Words.__slots__))
            for language in Language
        }
        self._wording = Wording(bank=bank, words=words)
        self._templates = {
            (kind, language): _compile(environment, f"notices/{kind}.{language}.j2")
            for kind, language in product(NoticeKind, Language)
        }

    def render(
        self,
        kind: NoticeKind,
        facts: NoticeFacts,
        *,
        to: Contact,
        language: Language,
        where: ContactType | None = None,
    ) -> Text:
        """Write a notice for a contact; an unverified one is told number, date and phone only (E.2 rule 10).

        `where` is what kind of contact gets the long form beside this one; None where none does, so that the short one
        asks to call.
        """
        name = salutable(facts.name) if to.verified else ""
        if facts.details or not self._is_shipped or not _NUMBER.fullmatch(facts.number):
            return self._worded(kind, language, replace(facts, name=name), where, verified=to.verified)
        # Customers of one minute are told the same but for number and name: it is put into words once for all of them.
        minute = facts.received_at.replace(second=0, microsecond=0)
        shared = replace(facts, number=_NUMBER_HERE, name=_NAME_HERE if name else "", received_at=minute)
        frame = self._frame(kind, language, shared, where, verified=to.verified)

        def filled(block: str, name: str) -> str:
            return block.replace(_NUMBER_HERE, facts.number).replace(_NAME_HERE, name)

        return Text(
            language=language,
            subject=filled(frame.subject, name),
            short=filled(frame.short, name),
            text=filled(frame.text, name),
            html=filled(frame.html, str(escape(name))),
        )

    def template(
        self, kind: NoticeKind, facts: NoticeFacts, *, language: Language, at: datetime, asked_to_call: bool
    ) -> Values:
        """Return the values of a notice for a provider that fills its own approved wording with them."""
        return Values(
            notice=kind,
            language=language,
            kind=facts.kind,
            number=facts.number,
            at=at,
            received_at=facts.received_at,
            promised_at=facts.promised_at,
            bank=self._bank.names[language],
            telephone=self._bank.telephone,
            asked_to_call=asked_to_call,
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

    def _worded(
        self, kind: NoticeKind, language: Language, facts: NoticeFacts, where: ContactType | None, *, verified: bool
    ) -> Text:
        worded = self._variables(kind, facts, language, verified=verified, where=where)
        return self._write(self._templates[kind, language], language, worded)

    def _write(self, template: _Template, language: Language, worded: Worded) -> Text:
        subject, short, text = self._plain(template, worded)
        html = self._html(template, language, worded.full, subject=subject, text=text)
        return Text(language=language, subject=subject, short=short, text=text, html=html)

    def _plain(self, template: _Template, worded: Worded) -> tuple[str, str, str]:
        if worded.full is worded.brief:
            subject, short, text = template.render(("subject", "short", "text"), worded.brief)
        else:
            subject, short = template.render(("subject", "short"), worded.brief)
            (text,) = template.render(("text",), worded.full)
        # one line whatever was put into it: a second one would be a mail header
        return " ".join(subject.split()), short, text

    def _html(self, template: _Template, language: Language, variables: Variables, *, subject: str, text: str) -> str:
        # a template that forgets to escape cannot: autoescape is a property of a whole template, this is of the block
        escaped = {key: escape(value) if isinstance(value, str) else value for key, value in variables.items()}
        escaped |= {"page": self._page, "language": language.value, "subject": escape(subject), "text": escape(text)}
        (html,) = template.render(("html",), escaped)
        return html

    def _variables(
        self, kind: NoticeKind, facts: NoticeFacts, language: Language, *, verified: bool, where: ContactType | None
    ) -> Worded:
        try:
            return self._wording.of(kind, facts, language, verified=verified, where=where)
        except Exception as error:
            raise _failure(f"notices/words.{language}.j2", error) from None

    def _faults(self) -> Iterator[str]:
        yield from self._idle_overrides()
        plain_words = proofreading.plain_words(self._override)
        for (kind, language), template in self._templates.items():
            for sample in proofreading.samples(kind):
                try:
                    yield from self._faults_of(template, kind, language, sample, plain_words[language])
                except Misconfigured as error:
                    yield str(error)

    def _faults_of(
        self,
        template: _Template,
        kind: NoticeKind,
        language: Language,
        sample: Sample,
        plain_words: proofreading.PlainWords,
    ) -> Iterator[str]:
        verified = sample.verified
        worded = self._variables(kind, sample.facts, language, verified=verified, where=sample.where)
        subject, short, plain = self._plain(template, worded)
        marked = proofreading.marked(worded.full)
        html = self._html(template, language, marked, subject=subject, text=f"{plain}{proofreading.MARKUP}")
        text = Text(language=language, subject=subject, short=short, text=plain, html=html)
        for block, fault in proofreading.faults(kind, text, worded, plain_words, verified=verified):
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
