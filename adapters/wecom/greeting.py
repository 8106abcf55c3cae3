"""Says at once what cannot wait for a notice: the welcome to who comes in, the prompt to who chose from the menu.

Best effort: it is written down nowhere, and what fails is not repeated. What customers are owed is told by notices.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from adapters.wecom import wire
from adapters.wecom.config import Account
from adapters.weixin.api import Api, Refused
from gateway.errors import GatewayError
from gateway.ports import Now

WELCOME = timedelta(seconds=20)
"""How long a welcome code is good for (path/95122)."""
PROMPT = timedelta(minutes=10)
"""When it is too late to ask who clicked for more: on the first start three days of clicks are read."""
PATIENCE = 5.0
"""Seconds for all greetings of a page: others wait for what comes behind it."""

_AT_ONCE = 5  # more calls of one kind at a time and WeCom says 45033

_log = logging.getLogger(__name__)


class Greeter:
    """Greets the customers of the accounts."""

    def __init__(self, accounts: Sequence[Account], api: Api, source: str, now: Now) -> None:
        self._accounts = {account.open_kfid: account for account in accounts}
        self._api = api
        self._source = source
        self._now = now
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def greet(self, stream: str, found: wire.Gathered) -> None:
        """Welcome and prompt whom a page shows, each at most once however often the page is read. Never raises."""
        account, at = self._accounts[stream], self._now()
        calls = [
            self._say("/cgi-bin/kf/send_msg_on_event", welcome(account, entered))
            for entered in found.entered
            if account.welcome and wire.is_recent(entered.at, at, WELCOME)
        ]
        calls += [
            self._say("/cgi-bin/kf/send_msg", prompt(account, clicked))
            for clicked in found.clicked
            if wire.is_recent(clicked.at, at, PROMPT)
        ]
        try:
            async with asyncio.timeout(PATIENCE):
                await asyncio.gather(*calls)
        except TimeoutError:
            _log.warning("%s: greeting customers took too long", self._source)

    async def _say(self, path: str, body: Mapping[str, Any]) -> None:
        try:
            async with self._turns:
                await self._api.call(path, body)
        except (Refused, GatewayError) as failed:  # neither holds anything personal
            _log.warning("%s: a customer was not greeted: %s", self._source, failed)


def welcome(account: Account, entered: wire.Entered) -> Mapping[str, Any]:
    """Return the welcome to somebody who came in: with a menu, where the account has one."""
    said = {"code": entered.code, "msgid": wire.reply_id(entered.msgid)}
    if not account.menu:
        words = f"{account.welcome}\n{account.note}".strip()
        return {**said, "msgtype": "text", "text": {"content": words}}
    menu: dict[str, Any] = {
        "head_content": account.welcome,
        "list": [
            {"type": "click", "click": {"id": f"{wire.MENU}{number}", "content": content}}
            for number, content in enumerate(account.menu, 1)
        ],
    }
    if account.note:
        menu["tail_content"] = account.note
    return {**said, "msgtype": "msgmenu", "msgmenu": menu}


def prompt(account: Account, clicked: wire.Clicked) -> Mapping[str, Any]:
    """Return what somebody reads who chose from the menu: that now their own words are wanted."""
    return {
        "touser": clicked.external_userid,
        "open_kfid": account.open_kfid,
        "msgid": wire.reply_id(clicked.msgid),
        "msgtype": "text",
        "text": {"content": account.prompt},
    }
