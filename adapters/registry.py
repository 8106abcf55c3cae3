"""Which adapters there are: one line each. An adapter is a package that exports what `Adapter` names."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from pydantic import BaseModel

from adapters import counter, email, hotline, sms, stream, webhook, wechat, wecom, wecom_app
from adapters.tools import Tools
from gateway.model import InboundEvent
from gateway.ports import Channel


class Adapter(Protocol):
    @property
    def Config(self) -> type[BaseModel]:
        """What an operator may say about one source, validated and frozen."""
        ...

    def open_channel(self, config: Any, tools: Tools, source: str) -> AbstractAsyncContextManager[Channel]:
        """Open one source with its own Config. `source` is its name in the settings."""
        ...

    def read(self, data: bytes, name: str) -> Iterable[InboundEvent]:
        """Read a saved piece of what the source delivers. Pure: no credentials, no clock, no network."""
        ...


ADAPTERS: dict[str, Adapter] = {
    "counter": counter,
    "email": email,
    "hotline": hotline,
    "sms": sms,
    "stream": stream,
    "webhook": webhook,
    "wechat": wechat,
    "wecom": wecom,
    "wecom_app": wecom_app,
}
