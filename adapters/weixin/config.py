"""What the settings of these channels have in common: secrets or their files, callback credentials, where the API is.

No secret appears in an error or a repr.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from adapters.settings import content_of
from adapters.weixin.callback import Credential
from gateway.errors import Misconfigured

FORBID = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

_KEY_BYTES = 32


def _aes_key(value: SecretStr) -> SecretStr:
    if not _is_aes_key(value.get_secret_value()):
        raise ValueError("is not an EncodingAESKey: 43 letters and digits")
    return value


class CredentialSettings(BaseModel):
    """Token and EncodingAESKey of a callback address, as the console shows them."""

    model_config = FORBID

    token: Annotated[SecretStr, Field(min_length=1, max_length=32)] | None = None  # path/96238
    token_file: Path | None = None
    aes_key: Annotated[SecretStr, AfterValidator(_aes_key)] | None = None
    aes_key_file: Path | None = None

    @model_validator(mode="after")
    def _sound(self) -> Self:
        for one, other in ((self.token, self.token_file), (self.aes_key, self.aes_key_file)):
            if (one is None) == (other is None):
                raise ValueError("needs token or token_file, and aes_key or aes_key_file, and not both")
        return self


Credentials = Annotated[tuple[CredentialSettings, ...], Field(min_length=1, max_length=5)]
"""Several, so that they can be replaced in the console without a minute in which callbacks are refused."""


def secret_of(written: SecretStr | None, file: Path | None, setting: str) -> str:
    """Return a secret as it was written, else what its file holds. Raises Misconfigured when it cannot be read."""
    return written.get_secret_value() if written is not None else content_of(file or Path(), setting)


def credentials_of(written: Sequence[CredentialSettings]) -> tuple[Credential, ...]:
    """Return the credentials, those in files read now. Raises Misconfigured when one cannot be read or is none."""
    found = []
    for one in written:
        aes_key = secret_of(one.aes_key, one.aes_key_file, "credentials.aes_key_file")
        if not _is_aes_key(aes_key):
            raise Misconfigured(f"credentials.aes_key_file: {one.aes_key_file} holds no EncodingAESKey")
        token = secret_of(one.token, one.token_file, "credentials.token_file")
        found.append(Credential(token=token, aes_key=aes_key))
    return tuple(found)


def check_one(written: SecretStr | None, file: Path | None, setting: str) -> None:
    """Raise ValueError unless a secret is given in exactly one of its two ways."""
    if (written is None) == (file is None):
        raise ValueError(f"needs {setting} or {setting}_file, and not both")


def _is_aes_key(value: str) -> bool:
    try:
        return len(value) == 43 and len(base64.b64decode(value + "=", validate=True)) == _KEY_BYTES
    except (binascii.Error, ValueError):
        return False
