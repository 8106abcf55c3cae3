"""Pages made from templates, wording and assets. When which page is shown is decided in pages.py and middleware.py."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from zoneinfo import ZoneInfo

from aiohttp import web
from jinja2 import BaseLoader, Environment, StrictUndefined, Template, TemplateError, TemplateNotFound

from gateway.errors import Misconfigured
from gateway.model import Language
from gateway.settings import Bank
from gateway.web.wording import Wording, require_same_keys, size

TEMPLATES = ("page", "fields", "form", "answer", "error")
_TYPES = {"css": "text/css", "svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    path: str  # with a digest of the content in its name, so that it may be cached for ever
    media_type: str
    content: bytes


class Screens:
    """Every page of the site, in every language."""

    def __init__(self, *, loader: BaseLoader, bank: Bank, demonstration: bool) -> None:
        assets = _assets()
        self.assets = tuple(assets.values())
        self._zone = ZoneInfo(bank.zone)
        self._environment = Environment(
            loader=loader,
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._wordings = {language: self._wording(loader, language, bank) for language in Language}
        require_same_keys(self._wordings)
        self._environment.globals.update(
            assets={name: asset.path for name, asset in assets.items()},
            telephone=bank.telephone,
            demonstration=demonstration,
            size=size,
            languages=[(language.value, wording.texts["language"]) for language, wording in self._wordings.items()],
        )
        self._templates = {name: self._compiled(name) for name in TEMPLATES}

    def show(self, page: str, language: Language, *, status: int = 200, **context: object) -> web.Response:
        """Return the page; it is not stored anywhere on its way unless the caller says so."""
        wording = self._wordings[language]
        html = self._templates[page].render(say=wording.say, language=language.value, **context)
        headers = {"Cache-Control": "no-store", "Content-Language": language.value}
        return web.Response(text=html, content_type="text/html", status=status, headers=headers)

    def problem(self, language: Language, field: str, code: str, **values: object) -> str:
        """Return what to do about a problem: the field's own words for it, else the general ones."""
        wording = self._wordings[language]
        own = f"problem.{field}.{code}"
        return wording.say(own if own in wording.texts else f"problem.{code}", **values)

    def date(self, at: datetime, language: Language) -> str:
        return self._wordings[language].date(at, self._zone)

    def _compiled(self, name: str) -> Template:
        try:
            return self._environment.get_template(f"pages/{name}.j2")
        except TemplateError as error:
            raise Misconfigured(f"templates/pages/{name}.j2: {error}") from None

    def _wording(self, loader: BaseLoader, language: Language, bank: Bank) -> Wording:
        try:
            source, _, _ = loader.get_source(self._environment, f"pages/{language.value}.toml")
        except TemplateNotFound:
            raise Misconfigured(f"pages/{language.value}.toml is missing from the templates") from None
        return Wording(language, source, always={"bank": bank.names[language], "telephone": bank.telephone})


def _assets() -> Mapping[str, Asset]:
    folder = resources.files("gateway.web") / "static"
    found = {}
    for file in folder.iterdir():
        stem, _, suffix = file.name.rpartition(".")
        content = file.read_bytes()
        digest = hashlib.sha256(content).hexdigest()[:12]
        found[file.name] = Asset(path=f"/static/{stem}.{digest}.{suffix}", media_type=_TYPES[suffix], content=content)
    return found
