"""Finds out at start-up whether the app may look after its accounts, and says what to change where it may not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from adapters.weixin.api import Api, Refused
from gateway.errors import DeliveryFailed, Misconfigured, Unavailable

_PAGE = 100
_PAGES = 20
_ALLOW = "allow it in the console: 微信客服, 可调用接口的应用"
_NOT_ALLOWED = f"the app may not call 微信客服; {_ALLOW}"
_ADVICE: Mapping[str, str] = {
    "errcode 40001": "check secret: it is not the app's",
    "errcode 40013": "check corp_id",
    "errcode 40091": "check secret: it is another company's",
    "errcode 48002": _NOT_ALLOWED,
    "errcode 60011": _NOT_ALLOWED,
    "errcode 60020": "our address is not in the trusted list; add it in the console, the app, 企业可信IP",
    "errcode 95011": "secret must be that of an app, not of 微信客服 itself",
    "errcode 95012": "微信客服 is not managed in WeCom; take it over in the console",
    "errcode 95017": "the API of 微信客服 is switched off; switch it on in the console",
    "errcode 95023": "the API of 微信客服 is given to another developer's app in the console",
    "errcode 301002": _NOT_ALLOWED,
}


class KfProbe:
    """A Probe. Lists the company's accounts (kf/account/list), which changes nothing."""

    def __init__(self, api: Api, base_url: str, accounts: Sequence[str]) -> None:
        self._api = api
        self._base_url = base_url
        self._accounts = accounts

    async def __call__(self) -> None:
        """See ports.Probe."""
        rights = await self._rights()
        for open_kfid in self._accounts:
            if open_kfid not in rights:
                raise Misconfigured(f"accounts: there is no {open_kfid} among those that the app sees; check corp_id")
            if not rights[open_kfid]:
                raise Misconfigured(f"accounts: the app may not manage {open_kfid}; {_ALLOW}")

    async def _rights(self) -> Mapping[object, bool]:
        """Return the accounts, and whether the app may manage each."""
        rights: dict[object, bool] = {}
        for page in range(_PAGES):
            listed = await self._listed(page * _PAGE)
            rights |= {one.get("open_kfid"): one.get("manage_privilege") is not False for one in listed}
            if len(listed) < _PAGE:
                break
        return rights

    async def _listed(self, offset: int) -> Sequence[Mapping[str, Any]]:
        try:
            reply = await self._api.call("/cgi-bin/kf/account/list", {"offset": offset, "limit": _PAGE})
        except Refused as refused:
            advice = _ADVICE.get(refused.reason, "its documentation (path/90313) says why")
            raise Misconfigured(f"{self._base_url} refuses ({refused.reason}): {advice}") from None
        except DeliveryFailed as failed:
            if failed.reason in _ADVICE:
                raise Misconfigured(f"{self._base_url} refuses ({failed.reason}): {_ADVICE[failed.reason]}") from None
            raise Unavailable(f"{self._base_url}: {failed.reason}") from None
        listed = reply.get("account_list")
        return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
