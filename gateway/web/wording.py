"""The texts of the pages, one TOML file a language, and how a language writes dates and sizes. No HTML."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from gateway.errors import Misconfigured
from gateway.model import Language

_PREFIXES = (  # RFC 4647 look-up, as browsers send them; the first prefix that fits decides
    ("zh-hant", Language.ZH_HANT),
    ("zh-tw", Language.ZH_HANT),
    ("zh-hk", Language.ZH_HANT),
    ("zh-mo", Language.ZH_HANT),
    ("zh", Language.ZH_HANS),
    ("en", Language.EN),
)
ACCEPT_LENGTH = 200  # characters of an Accept-Language header that are looked at


class Wording:
    """The texts of one language by dotted key; placeholders are filled with `str.format`."""

    def __init__(self, language: Language, toml: str, *, always: Mapping[str, str]) -> None:
        self.language = language
        self._always = always
        try:
            self.texts = dict(_flat(tomllib.loads(toml)))
        except tomllib.TOMLDecodeError as error:
            raise Misconfigured(f"pages/{language.value}.toml is not TOML: {error}") from None

    def say(self, key: str, **values: object) -> str:
        """Return the text; a key that does not exist raises KeyError."""
        return self.texts[key].format_map({**self._always, **values})

    def date(self, at: datetime, zone: ZoneInfo) -> str:
        """Return the calendar date of a moment in the bank's zone, with its weekday (E.2 rule 3)."""
        day = at.astimezone(zone)
        return self.say(
            "date.long",
            year=day.year,
            month=self.texts[f"date.months.{day.month}"],
            day=day.day,
            weekday=self.texts[f"date.weekdays.{day.isoweekday()}"],
        )


def require_same_keys(wordings: Mapping[Language, Wording]) -> None:
    """Raise Misconfigured naming the keys one language has and another lacks."""
    every = {key for wording in wordings.values() for key in wording.texts}
    for language, wording in wordings.items():
        if missing := sorted(every - set(wording.texts)):
            raise Misconfigured(f"pages/{language.value}.toml lacks {', '.join(missing[:10])}")


def choose_language(asked: str, accepts: str) -> Language:
    """Return the language asked for by name, else the best of Accept-Language (RFC 9110 12.5.4), else zh-Hans."""
    if asked in {language.value for language in Language}:
        return Language(asked)
    for tag in _by_weight(accepts[:ACCEPT_LENGTH]):
        for prefix, language in _PREFIXES:
            if tag == prefix or tag.startswith(prefix + "-"):
                return language
    return Language.ZH_HANS


def size(count: int) -> str:
    """Return a number of bytes for people, in decimal units as shops and telephones do."""
    if count < 1_000_000:
        return f"{max(1, round(count / 1000))} kB"
    return f"{count / 1_000_000:.1f}".removesuffix(".0") + " MB"


def _by_weight(header: str) -> list[str]:
    weighted = []
    for item in header.split(","):
        tag, _, weight = item.strip().lower().partition(";q=")
        try:
            weighted.append((-float(weight or 1), tag))
        except ValueError:
            continue
    return [tag for weight, tag in sorted(weighted, key=lambda pair: pair[0]) if weight < 0]


def _flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, str(value)
