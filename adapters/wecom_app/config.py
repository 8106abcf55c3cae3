"""What an operator may say about the WeCom app that tells the bank's people. Errors and reprs hold no secret of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, Field, model_validator

from adapters.settings import BaseUrl, Secret, check_base_url
from adapters.weixin.callback import Credential
from adapters.weixin.config import FORBID, Credentials, check_one, credentials_of, secret_of


class Config(BaseModel):
    """One self-built app (自建应用) of the bank's own WeCom."""

    model_config = FORBID

    corp_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{2,64}$")]
    agent_id: Annotated[int, Field(ge=1, le=2**31 - 1)]
    secret: Secret | None = None
    secret_file: Path | None = None
    credentials: Credentials
    # WeCom's own limits for one member (path/90236); what is over them it drops, and says that it was sent.
    per_minute: Annotated[int, Field(ge=4, le=1000)] = 30
    per_hour: Annotated[int, Field(ge=4, le=100_000)] = 1000
    reserve: Annotated[float, Field(ge=0, le=0.9)] = 0.2  # of both, for urgent cards alone (A102)
    base_url: BaseUrl = "https://qyapi.weixin.qq.com"
    insecure: bool = False
    timeout: Annotated[float, Field(gt=0, le=60)] = 10

    @model_validator(mode="after")
    def _sound(self) -> Self:
        check_one(self.secret, self.secret_file, "secret")
        check_base_url(self.base_url, insecure=self.insecure)
        return self

    def app_secret(self) -> str:
        """Return the app's secret. Reads its file; raises Misconfigured when it cannot."""
        return secret_of(self.secret, self.secret_file, "secret_file")

    def callback_credentials(self) -> tuple[Credential, ...]:
        """Return what callbacks are signed and sealed with. Reads files; raises Misconfigured when it cannot."""
        return credentials_of(self.credentials)
