"""What an operator may say about the hotline: how its transcripts come, and how they are read. No secret is shown."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from adapters.hotline import wire
from gateway.errors import Misconfigured
from gateway.rules.addresses import normal_phone

PREFIX = "whsec_"  # of a secret as Standard Webhooks writes it

Label = Annotated[str, Field(min_length=1, max_length=60)]
Format = Literal["aliyun", "aws", "genesys", "iflytek", "tencent", "text", "twilio"]


def key_of(secret: str) -> bytes:
    """Return the key a secret stands for: base64 of 24 to 64 bytes, with its prefix or without (Standard Webhooks).

    Raises ValueError, which does not hold the secret.
    """
    try:
        key = base64.b64decode(secret.strip().removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("is not base64") from None
    if not 24 <= len(key) <= 64:
        raise ValueError("must stand for 24 to 64 bytes")
    return key


def _sound(secret: SecretStr) -> SecretStr:
    key_of(secret.get_secret_value())
    return secret


def _number(value: str) -> str:
    number = normal_phone(value) if value.startswith("+") else None
    if number is None:
        raise ValueError("is not a number with its country, such as +861012345678")
    return number


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Push(_Section):
    """How the telephone system proves itself. Several secrets are valid at once, so that one can follow another."""

    secrets: Annotated[tuple[Annotated[SecretStr, AfterValidator(_sound)], ...], Field(max_length=5)] = ()
    secret_files: Annotated[tuple[Path, ...], Field(max_length=5)] = ()

    @model_validator(mode="after")
    def _has_one(self) -> Self:
        if not self.secrets and not self.secret_files:
            raise ValueError("needs secrets or secret_files")
        return self

    def keys(self) -> tuple[bytes, ...]:
        """Return the keys of all secrets. Raises Misconfigured when a file cannot be read or holds none."""
        return (*(key_of(secret.get_secret_value()) for secret in self.secrets), *map(_key_in, self.secret_files))


class Folder(_Section):
    """A folder in which the telephone system leaves transcripts."""

    path: Path
    processed: Path | None = None  # None: "processed" in the folder itself
    rejected: Path | None = None
    poll_seconds: Annotated[float, Field(ge=0.05, le=3600)] = 5

    @model_validator(mode="after")
    def _three_folders(self) -> Self:
        if len({self.path, self.processed_folder, self.rejected_folder}) < 3:
            raise ValueError("path, processed and rejected must be three folders")
        return self

    @property
    def processed_folder(self) -> Path:
        return self.processed or self.path / "processed"

    @property
    def rejected_folder(self) -> Path:
        return self.rejected or self.path / "rejected"


class Config(_Section):
    """One hotline: transcripts that are pushed, found in a folder, or both."""

    push: Push | None = None
    folder: Folder | None = None
    # Which channel or voice is the customer's, by format, where the format does not say so itself.
    customer: dict[Format, Annotated[tuple[Label, ...], Field(max_length=20)]] = {}
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] = "CN"
    # The bank's own: what shows itself as the caller where the bank called out, or put a call through.
    own_numbers: Annotated[tuple[Annotated[str, AfterValidator(_number)], ...], Field(max_length=200)] = ()
    mean_confidence: Annotated[float, Field(ge=0, le=1)] = 0.80
    turn_confidence: Annotated[float, Field(ge=0, le=1)] = 0.50
    max_bytes: Annotated[int, Field(ge=10_000, le=100_000_000)] = 10_000_000

    def reading(self) -> wire.Reading:
        """Return how transcripts are to be read."""
        said: dict[str, frozenset[str]] = {name: frozenset(labels) for name, labels in self.customer.items()}
        return wire.Reading(
            customer={**wire.LABELS, **said},
            country=self.country,
            own_numbers=frozenset(self.own_numbers),
            least_mean=self.mean_confidence,
            least_turn=self.turn_confidence,
        )


def _key_in(file: Path) -> bytes:
    try:
        return key_of(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        raise Misconfigured(f"secret file {file} cannot be read") from None
    except ValueError as error:
        raise Misconfigured(f"secret file {file}: {error}") from None
