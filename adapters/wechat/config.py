"""What an operator may say about a 公众号. No secret of it appears in an error or a repr."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, Field, model_validator

from adapters.settings import BaseUrl, Secret, check_base_url
from adapters.wechat.compose import TOLD, ValueName, misfits
from adapters.weixin.callback import Credential
from adapters.weixin.config import FORBID, Credentials, check_one, credentials_of, secret_of
from gateway.model import NoticeKind

_DEFAULT = "default"


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"{value!r} is not a time zone of the IANA database") from error
    return value


def _notice(value: str) -> str:
    if value != _DEFAULT and value not in TOLD:
        raise ValueError(f'is neither "{_DEFAULT}" nor a notice for customers, such as "n01"')
    return value


NoticeName = Annotated[str, AfterValidator(_notice)]
FieldName = Annotated[str, Field(pattern=r"^[a-z_]{1,20}[0-9]{1,2}$")]


class NoticeTemplate(BaseModel):
    """A wording that WeChat has approved for this account, and what stands in its fields."""

    model_config = FORBID

    template_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,100}$")]
    kind: Literal["template", "subscribe"] = "template"  # 模板消息, or 订阅通知: one consent is one message
    data: Annotated[dict[FieldName, ValueName], Field(min_length=1, max_length=20)]

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if "number" not in self.data.values():
            raise ValueError('no field of data has "number", by which the customer finds it again (E.2 rule 2)')
        return self


class Config(BaseModel):
    """One 服务号 of the bank."""

    model_config = FORBID

    app_id: Annotated[str, Field(pattern=r"^wx[0-9a-f]{16}$")]
    secret: Secret | None = None
    secret_file: Path | None = None
    credentials: Credentials
    # By the notice's kind, such as "n01"; "default" is for all that are not named.
    templates: Annotated[dict[NoticeName, NoticeTemplate], Field(max_length=50)] = {}
    zone: Annotated[str, AfterValidator(_zone)] = "Asia/Shanghai"  # of the times that customers read
    base_url: BaseUrl = "https://api.weixin.qq.com"
    insecure: bool = False
    timeout: Annotated[float, Field(gt=0, le=60)] = 10

    @model_validator(mode="after")
    def _sound(self) -> Self:
        check_one(self.secret, self.secret_file, "secret")
        check_base_url(self.base_url, insecure=self.insecure)
        for name, template in self.templates.items():
            notices = TOLD - self.templates.keys() if name == _DEFAULT else {NoticeKind(name)}
            for field in misfits(template.data, notices):
                raise ValueError(f"templates.{name}.data.{field} cannot hold {template.data[field]}")
        return self

    def app_secret(self) -> str:
        """Return the AppSecret. Reads its file; raises Misconfigured when it cannot."""
        return secret_of(self.secret, self.secret_file, "secret_file")

    def callback_credentials(self) -> tuple[Credential, ...]:
        """Return what callbacks are signed and sealed with. Reads files; raises Misconfigured when it cannot."""
        return credentials_of(self.credentials)

    def template_for(self, notice: NoticeKind) -> NoticeTemplate | None:
        """Return the wording of a notice, None where it has none."""
        return self.templates.get(notice.value) or self.templates.get(_DEFAULT)
