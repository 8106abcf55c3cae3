"""Hands notices to WeChat, by the wordings it has approved. What became of them comes by callback (inbound.py)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from adapters.tools import template_of
from adapters.wechat import compose
from adapters.wechat.config import Config
from adapters.weixin.api import Api, Refused
from gateway.errors import DeliveryFailed, Misconfigured, Permanent, Temporary
from gateway.model import OutboundMessage, Sent

_OPTED_OUT = "opted_out"
_NOT_FOLLOWING = 43004

# What is wrong with our account or its template (40037): every notice would meet it until it is put right, so it says
# nothing about this contact. 48001, 48004, 50001, 50002: the account has lost the right to send, or to do anything.
_ABOUT_US = frozenset({40037, 48001, 48004, 50001, 50002})

_FIELD = re.compile(r"\{\{\s*([a-z_]+[0-9]+)\.DATA\s*\}\}")


class TemplateSender:
    """A Sender. Nothing but templates is ever sent: no customer-service message, and no link in any (E.2 rule 11)."""

    def __init__(self, config: Config, api: Api) -> None:
        self._config = config
        self._zone = ZoneInfo(config.zone)
        self._api = api

    async def send(self, message: OutboundMessage) -> Sent:
        """Hand over one notice; see ports.Sender. A notice without a template is for the next contact."""
        said = template_of(message)
        template = self._config.template_for(said.notice)
        if template is None:
            raise Permanent("no_template")
        data = compose.data_of(template.data, said, self._zone)
        body: dict[str, Any] = {"touser": message.to.value, "template_id": template.template_id, "data": data}
        path = "/cgi-bin/message/subscribe/bizsend"
        if template.kind == "template":
            path = "/cgi-bin/message/template/send"
            body["client_msg_id"] = message.key  # the same is not sent a second time within ten minutes
        try:
            answer = await self._api.call(path, body)
        except Refused as refused:
            raise _failure(refused) from None
        return Sent(provider_id=str(answer.get("msgid") or ""))

    async def check(self) -> None:
        """Look at the account's templates. Raises Misconfigured or Unavailable with what to change."""
        answer = await self._api.check("/cgi-bin/template/get_all_private_template")
        held = _fields(answer)
        for name, template in self._config.templates.items():
            if template.kind != "template":
                continue  # 订阅通知 has a list of its own (wxaapi/newtmpl/gettemplate), which needs another right
            if template.template_id not in held:
                raise Misconfigured(f"templates.{name}: the account has no template {template.template_id}")
            if odd := held[template.template_id] ^ template.data.keys():
                raise Misconfigured(f"templates.{name}.data: the template has other fields: {', '.join(sorted(odd))}")


def _failure(refused: Refused) -> DeliveryFailed:
    if refused.code == _NOT_FOLLOWING:
        return Permanent(_OPTED_OUT)
    return (Temporary if refused.code in _ABOUT_US else Permanent)(refused.reason)


def _fields(answer: Mapping[str, Any]) -> Mapping[str, frozenset[str]]:
    """Return the fields of each template of the account, by its id."""
    listed = answer.get("template_list")
    return {
        str(one.get("template_id")): frozenset(_FIELD.findall(str(one.get("content"))))
        for one in (listed if isinstance(listed, list) else [])
        if isinstance(one, dict)
    }
