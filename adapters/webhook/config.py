"""What an operator may say about the systems that take tickets. No secret of it appears in an error or a repr."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator
from yarl import URL

from adapters.settings import is_loopback
from adapters.webhook.wire import key_of
from gateway.errors import Misconfigured

Name = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")]
SECRETS = 5
"""At a rotation there are two; each costs a signature on every ticket."""
SECRETS_BYTES = 5_000


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Endpoint(_Section):
    """One system, and the secrets it may know us by: every ticket is signed with each of them."""

    url: Annotated[str, Field(repr=False, max_length=2000)]  # of some receivers it is itself a secret
    secrets: Annotated[tuple[SecretStr, ...], Field(max_length=SECRETS)] = ()
    secrets_file: Path | None = None  # one a line, read for each ticket: a rotation needs no restart
    # Below the minute that a round of deliveries may take (gateway/delivery.py).
    timeout: Annotated[float, Field(gt=0, le=50)] = 15
    insecure: bool = False

    @model_validator(mode="after")
    def _sound(self) -> Self:
        self._check_address()
        if bool(self.secrets) is (self.secrets_file is not None):
            raise ValueError("say secrets or secrets_file, one of them")
        for secret in self.secrets:
            key_of(secret.get_secret_value())
        return self

    def _check_address(self) -> None:
        try:
            url = URL(self.url)
        except ValueError:
            raise ValueError("url is not an address") from None
        if url.scheme not in ("https", "http") or not url.host or url.user or url.password or url.fragment:
            raise ValueError("url must be https://host/path, without user, password or fragment")
        if url.scheme == "http" and not self.insecure and not is_loopback(url.host):
            raise ValueError("url sends tickets in the clear; if that is meant, say insecure = true")

    def keys(self) -> tuple[bytes, ...]:
        """Return what to sign with, newest first. Raises Misconfigured when the file does not give it. Reads a file."""
        try:
            return tuple(key_of(secret) for secret in self._written())
        except ValueError as error:
            raise Misconfigured(f"secrets_file {self.secrets_file}: {error}") from None

    def _written(self) -> list[str]:
        if self.secrets_file is None:
            return [secret.get_secret_value() for secret in self.secrets]
        try:
            with self.secrets_file.open(encoding="utf-8") as file:
                written = file.read(SECRETS_BYTES).split()
        except (OSError, UnicodeDecodeError):
            raise Misconfigured(f"secrets_file {self.secrets_file} cannot be read") from None
        if not 1 <= len(written) <= SECRETS:
            raise ValueError(f"holds 1 to {SECRETS} secrets, one a line")
        return written


class Config(_Section):
    """The systems by the names that routing.toml gives them."""

    endpoints: Annotated[dict[Name, Endpoint], Field(min_length=1, max_length=200)]
