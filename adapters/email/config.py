"""What an operator may say about a mailbox. No secret of it appears in an error or a repr."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from adapters.settings import is_loopback
from gateway.errors import Misconfigured
from gateway.model import Language

ADDRESS = re.compile(r"[a-z0-9!#$%&'*/=?^_`{|}~.-]{1,64}@(?=.{1,253}$)[a-z0-9-]+(\.[a-z0-9-]+)*", re.ASCII)


def _address(value: str) -> str:
    value = value.strip().lower()
    if not ADDRESS.fullmatch(value):
        raise ValueError("is not a mail address (no display name, no plus sign)")
    return value


Address = Annotated[str, AfterValidator(_address)]
Port = Annotated[int, Field(ge=1, le=65535)]
# Sent between double quotes as it stands, so neither quote, backslash nor LIST wildcard. Names outside ASCII are
# written in the modified UTF-7 the server uses (RFC 3501 section 5.1.3).
Folder = Annotated[str, Field(pattern=r"^[ !#$&-)+-\[\]-~]{1,100}$")]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class _Server(_Section):
    """One server and how to log in to it."""

    host: Annotated[str, Field(min_length=1, max_length=253)]
    user: str | None = None
    password: SecretStr | None = None
    password_file: Path | None = None
    insecure: bool = False

    def secret(self) -> str:
        """Return the password, read from its file if one is named. Raises Misconfigured when it cannot be read."""
        if self.password is not None:
            return self.password.get_secret_value()
        if self.password_file is None:
            return ""
        try:
            return self.password_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise Misconfigured(f"password_file {self.password_file} cannot be read") from None

    def _check(self, *, encrypted: bool) -> None:
        if self.password is not None and self.password_file is not None:
            raise ValueError("say password or password_file, not both")
        if self.user is not None and self.password is None and self.password_file is None:
            raise ValueError("user needs a password or a password_file")
        if not encrypted and not self.insecure and not is_loopback(self.host):
            raise ValueError('tls = "none" sends mail and password in the clear; if that is meant, say insecure = true')


class Imap(_Server):
    """Where complaints arrive. Implicit TLS only: the IMAP library has no STARTTLS."""

    port: Port = 993
    tls: Literal["implicit", "none"] = "implicit"
    user: str
    mailbox: Folder = "INBOX"
    processed: Folder = "Processed"
    quarantine: Folder = "Quarantine"
    max_bytes: Annotated[int, Field(ge=10_000, le=200_000_000)] = 30_000_000
    # Nine minutes is what NAT tables and middleboxes keep an idle connection.
    idle_seconds: Annotated[float, Field(ge=1, le=540)] = 180
    timeout: Annotated[float, Field(gt=0, le=300)] = 20

    @model_validator(mode="after")
    def _sound(self) -> Self:
        self._check(encrypted=self.tls != "none")
        if len({self.mailbox.lower(), self.processed.lower(), self.quarantine.lower()}) < 3:
            raise ValueError("mailbox, processed and quarantine must be three folders")
        return self


class Smtp(_Server):
    """Where notices are handed over."""

    port: Port = 465
    tls: Literal["implicit", "starttls", "none"] = "implicit"
    connections: Annotated[int, Field(ge=1, le=50)] = 4
    timeout: Annotated[float, Field(gt=0, le=300)] = 30

    @model_validator(mode="after")
    def _sound(self) -> Self:
        self._check(encrypted=self.tls != "none")
        return self


class Config(_Section):
    """One mailbox of the bank: read from, sent from, or both."""

    address: Address
    from_names: dict[Language, Annotated[str, Field(min_length=1, max_length=80)]] = {}
    own_addresses: tuple[Address, ...] = ()  # other addresses of this mailbox: mail from them is a loop
    imap: Imap | None = None
    smtp: Smtp | None = None
    # Lets a bounce or a reply name its notice even where threading headers were lost. Providers that insist on the
    # bare account as sender (QQ, NetEase) need it off.
    plus_addressing: bool = True

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if self.imap is None and self.smtp is None:
            raise ValueError("needs an [imap] table, an [smtp] table, or both")
        return self

    @property
    def addresses(self) -> tuple[str, ...]:
        """Every address that is ours."""
        return (self.address, *self.own_addresses)
