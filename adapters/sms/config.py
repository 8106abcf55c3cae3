"""What an operator may say about an SMS number at Twilio. No secret of it appears in an error or a repr."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from adapters.settings import BaseUrl, Secret, check_base_url, content_of

KeyName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,100}$")]


class Config(BaseModel):
    """One number, or one messaging service, of the bank's account at Twilio."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    account_sid: Annotated[str, Field(pattern=r"^AC[0-9a-f]{32}$")]
    # Several, so that a token can be replaced without a minute in which messages are refused: a request may be signed
    # with any of them; our own calls use the first.
    auth_tokens: Annotated[tuple[Secret, ...], Field(max_length=10)] = ()
    auth_token_files: Annotated[tuple[Path, ...], Field(max_length=10)] = ()
    # By the key's name, as the header X-Twilio-Webhooks-Signature-Settings has it.
    shared_keys: Annotated[dict[KeyName, Secret], Field(max_length=10)] = {}
    shared_key_files: Annotated[dict[KeyName, Path], Field(max_length=10)] = {}
    signature: Literal["off", "observe", "enforce"] = "enforce"
    from_number: Annotated[str, Field(pattern=r"^(\+[1-9][0-9]{6,14}|[0-9]{3,8}|[A-Za-z][A-Za-z0-9 ]{0,10})$")] = ""
    messaging_service_sid: Annotated[str, Field(pattern=r"^MG[0-9a-f]{32}$")] = ""
    max_segments: Annotated[int, Field(ge=1, le=24)] = 10
    # Where Twilio cannot carry an answer back: mainland China has no two-way SMS (Twilio's guideline for China).
    one_way: Annotated[tuple[Annotated[str, Field(pattern=r"^\+[1-9][0-9]{0,6}$")], ...], Field(max_length=250)] = (
        "+86",
    )
    base_url: BaseUrl = "https://api.twilio.com"
    insecure: bool = False
    timeout: Annotated[float, Field(gt=0, le=60)] = 10

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if not self.auth_tokens and not self.auth_token_files:
            raise ValueError("needs auth_tokens or auth_token_files")
        if bool(self.from_number) == bool(self.messaging_service_sid):
            raise ValueError("say from_number or messaging_service_sid, and not both")
        check_base_url(self.base_url, insecure=self.insecure)
        return self

    def tokens(self) -> tuple[str, ...]:
        """Return the auth tokens, those of files last. Reads the files; raises Misconfigured when it cannot."""
        written = tuple(token.get_secret_value() for token in self.auth_tokens)
        return written + tuple(content_of(path, "auth_token_files") for path in self.auth_token_files)

    def keys(self) -> dict[str, str]:
        """Return the shared keys by name. Reads their files; raises Misconfigured when it cannot."""
        written = {name: key.get_secret_value() for name, key in self.shared_keys.items()}
        return written | {name: content_of(path, "shared_key_files") for name, path in self.shared_key_files.items()}
