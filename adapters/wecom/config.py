"""What an operator may say about the accounts of 微信客服 that one app serves. No secret of it appears in an error."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, Field, model_validator

from adapters.settings import BaseUrl, Secret, check_base_url
from adapters.weixin.callback import Credential
from adapters.weixin.config import FORBID, Credentials, check_one, credentials_of, secret_of


def _at_most(limit: int) -> AfterValidator:
    def check(value: str) -> str:
        if len(value.encode("utf-8", "replace")) > limit:
            raise ValueError(f"is longer than {limit} bytes of UTF-8")
        return value

    return AfterValidator(check)


# WeCom's limits for a text and a menu (path/94677).
Welcome = Annotated[str, _at_most(1024)]
Note = Annotated[str, _at_most(512)]
Item = Annotated[str, Field(min_length=1), _at_most(128)]
Prompt = Annotated[str, Field(min_length=1), _at_most(2048)]


class Account(BaseModel):
    """One account that customers write to, and what they read when they come in."""

    model_config = FORBID

    open_kfid: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    # Shown where the account has no welcome of its own in the console: then WeCom gives us none to send. "": none.
    welcome: Welcome = "您好，这里受理投诉、建议和咨询。请选择一项，或直接写下经过。"
    menu: Annotated[tuple[Item, ...], Field(max_length=10)] = ("我要投诉", "我有建议", "我要咨询")
    note: Note = ""  # below the menu: the telephone number
    prompt: Prompt = "请直接写下经过：什么时间、哪家网点或哪项业务、发生了什么、希望怎样解决。可以附上图片。"


class Config(BaseModel):
    """One app of the company that may call 微信客服, and the accounts it looks after."""

    model_config = FORBID

    corp_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{2,64}$")]
    secret: Secret | None = None
    secret_file: Path | None = None
    credentials: Credentials
    accounts: Annotated[tuple[Account, ...], Field(min_length=1, max_length=50)]
    base_url: BaseUrl = "https://qyapi.weixin.qq.com"
    insecure: bool = False
    timeout: Annotated[float, Field(gt=0, le=60)] = 10

    @model_validator(mode="after")
    def _sound(self) -> Self:
        check_one(self.secret, self.secret_file, "secret")
        check_base_url(self.base_url, insecure=self.insecure)
        ids = [account.open_kfid for account in self.accounts]
        if len(set(ids)) < len(ids):
            raise ValueError("accounts: the same open_kfid stands there twice")
        return self

    def app_secret(self) -> str:
        """Return the app's secret. Reads its file; raises Misconfigured when it cannot."""
        return secret_of(self.secret, self.secret_file, "secret_file")

    def callback_credentials(self) -> tuple[Credential, ...]:
        """Return what callbacks are signed and sealed with. Reads files; raises Misconfigured when it cannot."""
        return credentials_of(self.credentials)
