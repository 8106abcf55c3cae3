"""Typed settings: TOML, then the environment, secrets from files. An unknown key is an error, and says which.

`HUIYIN_WEB__PORT=8081` overrides `[web] port`. What a channel understands is its adapter's own Config; here a channel
is only a table. Which rules apply is not a setting but the rule books in the config folder (rulebook.py).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import quote
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from gateway.errors import Misconfigured
from gateway.model import Language, Role

ENVIRONMENT_PREFIX = "HUIYIN_"
_WANTS_PASSWORD = re.compile(r"(postgresql://[^/?:@]+)@")


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Bank(Section):
    """Who answers the customer."""

    names: dict[Language, Annotated[str, Field(min_length=1, max_length=40)]]
    telephone: Annotated[str, Field(min_length=3, max_length=40)]
    zone: str = "Asia/Shanghai"

    @field_validator("zone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"{value!r} is not a time zone of the IANA database") from error
        return value

    @field_validator("names")
    @classmethod
    def _every_language(cls, value: dict[Language, str]) -> dict[Language, str]:
        if missing := [language.value for language in Language if language not in value]:
            raise ValueError(f"the bank's name is missing in {', '.join(missing)}")
        return value


class StorageSettings(Section):
    url: str = "sqlite:///huiyin.db"
    password_file: Path | None = None
    keys_file: Path = Path("huiyin.keys")

    @model_validator(mode="after")
    def _somebody_to_log_in(self) -> Self:
        if self.password_file is not None and not _WANTS_PASSWORD.match(self.url):
            raise ValueError("password_file needs a url with a user and no password: postgresql://huiyin@host/huiyin")
        return self

    def location(self) -> str:
        """Return the URL with its password. Raises Misconfigured when its file cannot be read."""
        if self.password_file is None:
            return self.url
        try:
            password = self.password_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise Misconfigured(f"storage.password_file {self.password_file} cannot be read") from None
        return _WANTS_PASSWORD.sub(lambda found: f"{found[1]}:{quote(password, safe='')}@", self.url)


class RedisSettings(Section):
    """Where nodes hear of each other. Without it each of them works by itself, and hears later."""

    url: SecretStr = SecretStr("")  # it may hold a password
    url_file: Path | None = None
    prefix: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")] = "huiyin"

    @model_validator(mode="after")
    def _one_url(self) -> Self:
        if self.url.get_secret_value() and self.url_file is not None:
            raise ValueError("say url or url_file, not both")
        return self

    def location(self) -> str:
        """Return the URL, empty when there is no Redis. Raises Misconfigured when its file cannot be read."""
        if self.url_file is None:
            return self.url.get_secret_value()
        try:
            return self.url_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise Misconfigured(f"redis.url_file {self.url_file} cannot be read") from None


class ApiToken(Section):
    """One caller of the REST API: the SHA-256 of its token in hex, never the token."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    roles: tuple[Role, ...] = ()  # without any the caller only hands complaints in
    staff: Annotated[str, Field(max_length=80)] = ""  # whose deeds the timeline shows; the token's name if empty
    unit: Annotated[str, Field(max_length=80)] = ""

    @field_validator("roles")
    @classmethod
    def _somebody_of_the_bank(cls, value: tuple[Role, ...]) -> tuple[Role, ...]:
        if {Role.SYS, Role.CUS} & set(value):
            raise ValueError("sys and cus are the gateway's and the customer's own")
        return value


def _case_url(value: str) -> str:
    if value and not (value.startswith(("https://", "http://")) and "{number}" in value):
        raise ValueError("is not the address of a case, such as https://desk.bank.example/cases/{number}")
    return value


class Web(Section):
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    public_url: str = "http://127.0.0.1:8080"
    case_url: Annotated[str, AfterValidator(_case_url)] = ""
    insecure: bool = False  # permits plain HTTP from other machines
    # Whose word about the customer's address is taken: X-Forwarded-For is anybody's to write.
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
    tokens: tuple[ApiToken, ...] = ()
    form_per_hour: Annotated[int, Field(ge=1)] = 20  # submissions of one network address
    attachments: Annotated[int, Field(ge=0, le=20)] = 5
    attachment_bytes: Annotated[int, Field(ge=1, le=100_000_000)] = 10_000_000


class NumberSettings(Section):
    pattern: str = "TS-{yymmdd}-{serial:6}-{check}"
    old_patterns: tuple[str, ...] = ()


class IntakeSettings(Section):
    queue: Annotated[int, Field(ge=1)] = 2000  # messages waiting for their commit; beyond it 503 with Retry-After
    batch: Annotated[int, Field(ge=1, le=1000)] = 64


class Settings(Section):
    bank: Bank
    demonstration: bool = False
    templates: Path | None = None  # a folder that overrides shipped templates file by file
    config: Path | None = None  # the same for policies and workdays
    nodes: Annotated[int, Field(ge=1, le=1000)] = 1  # on one database; each spends its share of a rate without Redis
    storage: StorageSettings = StorageSettings()
    redis: RedisSettings = RedisSettings()
    web: Web = Web()
    numbers: NumberSettings = NumberSettings()
    intake: IntakeSettings = IntakeSettings()
    channels: dict[Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")], dict[str, Any]] = {}


DEMONSTRATION_BANK: dict[str, Any] = {
    "names": {"zh-Hans": "示例银行", "zh-Hant": "示例銀行", "en": "ExampleBank"},
    "telephone": "010-00000001",
}


def load(path: Path | None, environment: Mapping[str, str]) -> Settings:
    """Read the settings; without a file they are those of a demonstration by an invented bank.

    Raises Misconfigured naming every key that is wrong, never a value (it may be a secret).
    """
    data: dict[str, Any] = {"bank": DEMONSTRATION_BANK, "demonstration": True}
    if path is not None:
        try:
            data = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise Misconfigured(f"there is no settings file {path}") from None
        except OSError as error:
            raise Misconfigured(f"the settings file {path} cannot be read: {error.strerror}") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise Misconfigured(f"{path} is not TOML: {error}") from None
    for name, value in environment.items():
        if name.startswith(ENVIRONMENT_PREFIX):
            _put(data, name.removeprefix(ENVIRONMENT_PREFIX).lower().split("__"), value)
    try:
        return Settings.model_validate(data)
    except ValidationError as error:
        raise Misconfigured(explain(error)) from None


def explain(error: ValidationError) -> str:
    """Say which keys are wrong and why, without their values."""
    return "; ".join(
        f"{'.'.join(str(part) for part in item['loc']) or 'settings'}: {item['msg']}"
        for item in error.errors(include_url=False, include_input=False)
    )


def _put(data: dict[str, Any], keys: list[str], value: str) -> None:
    for key in keys[:-1]:
        inner = data.get(key)
        data[key] = dict(inner) if isinstance(inner, dict) else {}
        data = data[key]
    data[keys[-1]] = value
