"""Fetches the files that customers sent: WeCom keeps them for three days (path/96484)."""

from __future__ import annotations

from adapters.weixin.api import Api, Refused
from gateway.errors import Permanent, Temporary
from gateway.ports import Media

_GONE = frozenset({40007, 830002})  # no such file any more; over the 20 MB that are given in one piece


class KfFiles:
    """A Fetcher."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def fetch(self, ref: str, *, limit: int) -> Media:
        """Return the file; see ports.Fetcher."""
        try:
            return await self._api.download("/cgi-bin/media/get", {"media_id": ref}, limit=limit)
        except Refused as refused:
            raise (Permanent if refused.code in _GONE else Temporary)(refused.reason) from None
