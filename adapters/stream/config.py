"""What an operator may say about the Redis streams of tickets. No secret of it appears in an error or a repr."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from gateway.errors import Misconfigured

Name = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Stream(_Section):
    """One stream, and how much of it is kept.

    Redis trims what nobody has read yet as readily as what was read, so the length is far above any backlog: twenty
    days of 5 000 tickets. Without one a stream that nobody reads would fill the server.
    """

    key: Annotated[str, Field(pattern=r"^[A-Za-z0-9:{}._-]{1,200}$")]
    length: Annotated[int, Field(ge=10_000, le=100_000_000)] = 100_000


class Config(_Section):
    """One Redis server, and its streams by the names that routing.toml gives them."""

    url: SecretStr = SecretStr("")  # it may hold a password
    url_file: Path | None = None
    streams: Annotated[dict[Name, Stream], Field(min_length=1, max_length=200)]
    timeout: Annotated[float, Field(gt=0, le=20)] = 5

    @model_validator(mode="after")
    def _one_url(self) -> Self:
        if bool(self.url.get_secret_value()) is (self.url_file is not None):
            raise ValueError("say url or url_file, one of them")
        return self

    def location(self) -> str:
        """Return the URL. Raises Misconfigured when its file cannot be read."""
        if self.url_file is None:
            return self.url.get_secret_value()
        try:
            return self.url_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise Misconfigured(f"url_file {self.url_file} cannot be read") from None
